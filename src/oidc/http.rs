//! The HTTP client for all calls to the provider.
//!
//! The provider is trusted to identify users, but it may be slow, broken or compromised. So there
//! are no redirects (`302 http://169.254.169.254/` must not make the bridge fetch that address), no
//! proxy from the environment, and limits for time and size.
//!
//! The client runs on two threads of its own. An answer of nothing but `100 Continue` keeps its
//! reader busy for half a minute, and that must not delay other requests.

use std::sync::Arc;
use std::time::Instant;

use openidconnect::HttpRequest;
use reqwest::header::{ACCEPT, AUTHORIZATION, HeaderValue};
use reqwest::{Certificate, Client, ClientBuilder, redirect, tls};
use tokio::runtime::{self, Runtime};
use tokio::task::JoinSet;
use tokio::time::timeout;
use url::Url;

use super::breaker::Breaker;
use super::error::{Outage, SettingsError};
use super::reply::Reply;
use super::settings::Pace;
use crate::metrics::{ProviderCalls, ProviderEndpoint};
use crate::tls::{TlsFlaw, read_authorities};

/// Two, so that one can continue while the other is kept busy.
const THREADS: usize = 2;

/// Maximum bytes of any answer, against a provider that sends without end. Discovery documents and
/// key sets are a few kilobytes.
pub const BODY_MAX: usize = 1024 * 1024;

/// Installs ring as the process's TLS provider. Call it before a [`Provider`](super::Provider) is
/// built; repeated calls have no effect.
pub fn install_crypto() {
    // An error means that a provider is already installed.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

/// Purpose of a call. Each purpose has its own breakers, so that failed refreshes do not stop
/// sign-ins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Purpose {
    SignIn,
    /// Refreshes of all sessions. A status of 500 is about one session, which backs off by itself.
    /// A request to wait, or a refused client, concerns all sessions if it comes from the token
    /// endpoint. At userinfo, providers count per person.
    Refresh,
    /// Subject tokens of token exchanges.
    Exchange,
}

/// The HTTP client for one purpose.
#[derive(Clone)]
pub(super) struct Http {
    shared: Arc<SharedClient>,
    purpose: Purpose,
    /// Breakers for the token endpoint, userinfo and introspection. The documents have their own
    /// (`metadata_cache`).
    token: Arc<Breaker>,
    userinfo: Arc<Breaker>,
    introspection: Arc<Breaker>,
}

struct SharedClient {
    client: Client,
    pace: Pace,
    calls: ProviderCalls,
    /// The client's own threads; `None` only during drop.
    threads: Option<Runtime>,
}

impl Http {
    /// # Errors
    /// If the PEM cannot be read or the client cannot be built.
    pub(super) fn new(ca_pem: Option<&[u8]>, pace: &Pace) -> Result<Self, SettingsError> {
        let extra = match ca_pem {
            Some(pem) => certificates(pem)?,
            None => Vec::new(),
        };
        let client = builder(pace)
            .tls_certs_merge(extra)
            .build()
            .or_else(|error| {
                // With configured authorities, the client is never built without them.
                if ca_pem.is_none() {
                    without_authorities(pace)
                } else {
                    Err(error)
                }
            })
            .map_err(|_| SettingsError::HttpClient)?;
        let threads = runtime::Builder::new_multi_thread()
            .worker_threads(THREADS)
            .thread_name("provider")
            .enable_all()
            .build()
            .map_err(|_| SettingsError::HttpClient)?;
        let shared = SharedClient {
            client,
            pace: *pace,
            calls: ProviderCalls::default(),
            threads: Some(threads),
        };
        Ok(Self::of(Arc::new(shared), Purpose::SignIn))
    }

    fn of(shared: Arc<SharedClient>, purpose: Purpose) -> Self {
        Self {
            token: Arc::new(Breaker::new(&shared.pace)),
            userinfo: Arc::new(Breaker::new(&shared.pace)),
            introspection: Arc::new(Breaker::new(&shared.pace)),
            shared,
            purpose,
        }
    }

    /// The same client for refreshes of sessions, with separate breakers.
    pub(super) fn for_refreshes(&self) -> Self {
        Self::of(Arc::clone(&self.shared), Purpose::Refresh)
    }

    /// The same client for token exchanges, with separate breakers.
    pub(super) fn for_exchanges(&self) -> Self {
        Self::of(Arc::clone(&self.shared), Purpose::Exchange)
    }

    /// Counts and durations of all calls.
    pub(super) fn calls(&self) -> &ProviderCalls {
        &self.shared.calls
    }

    /// # Errors
    /// If there is no answer within the limits; any status is an answer.
    pub(super) async fn get(&self, endpoint: ProviderEndpoint, url: &Url) -> Result<Reply, Outage> {
        self.send(endpoint, url, HttpRequest::default()).await
    }

    /// Sends method, headers and body of `request` to `url`, unless the breaker is open. The URL in
    /// `request` is ignored: `metadata` has checked `url`.
    ///
    /// # Errors
    /// If there is no answer within the limits; any status is an answer.
    pub(super) async fn send(
        &self,
        endpoint: ProviderEndpoint,
        url: &Url,
        request: HttpRequest,
    ) -> Result<Reply, Outage> {
        let breaker = match endpoint {
            ProviderEndpoint::Token => Some(&self.token),
            ProviderEndpoint::Userinfo => Some(&self.userinfo),
            ProviderEndpoint::Introspection => Some(&self.introspection),
            _ => None,
        };
        let permit = breaker
            .map(|breaker| breaker.admit())
            .transpose()
            .inspect_err(|_| self.calls().short_circuited(endpoint))?;
        let sent = Instant::now();
        let outcome = self.round_trip(endpoint, url, request).await;
        let outage = match &outcome {
            Ok(reply) => reply.outage(),
            Err(outage) => Some(outage.clone()),
        };
        let is_down = outage.as_ref().is_some_and(Outage::is_down);
        self.calls().took(endpoint, !is_down, sent.elapsed());
        if let Some(permit) = permit {
            match (self.purpose, &outcome) {
                (Purpose::Refresh, Ok(reply)) => match reply.hold_for_all() {
                    Some((reason, pause)) => permit.hold(reason, pause),
                    None => permit.report(None),
                },
                _ => permit.report(outage.as_ref()),
            }
        }
        outcome
    }

    /// Sends from the client's own threads and waits on the caller's. If the caller stops waiting,
    /// the request is aborted: dropping the set aborts its tasks.
    async fn round_trip(
        &self,
        endpoint: ProviderEndpoint,
        url: &Url,
        request: HttpRequest,
    ) -> Result<Reply, Outage> {
        let gone = || Outage::Unreachable(host(url));
        let threads = self.shared.threads.as_ref().ok_or_else(gone)?;
        let client = self.shared.client.clone();
        let mut sent = JoinSet::new();
        sent.spawn_on(
            exchange(client, endpoint, url.clone(), request),
            threads.handle(),
        );
        match timeout(self.shared.pace.request_timeout, sent.join_next()).await {
            Err(_) => Err(Outage::TimedOut),
            Ok(Some(Ok(outcome))) => outcome,
            Ok(_) => Err(gone()),
        }
    }
}

impl Drop for SharedClient {
    /// In the background, because this thread may not block.
    fn drop(&mut self) {
        if let Some(threads) = self.threads.take() {
            threads.shutdown_background();
        }
    }
}

fn builder(pace: &Pace) -> ClientBuilder {
    Client::builder()
        .redirect(redirect::Policy::none())
        .no_proxy()
        .tls_version_min(tls::Version::TLS_1_2)
        .connect_timeout(pace.connect_timeout)
        .user_agent(concat!("red5-bridge/", env!("CARGO_PKG_VERSION")))
}

/// Without any certificate authority on the machine, the normal client cannot be built. A provider
/// on loopback needs none, so this client trusts no authority.
fn without_authorities(pace: &Pace) -> reqwest::Result<Client> {
    tracing::warn!(
        event = "no_authorities",
        "no certificate authority can be loaded, so no https provider can be reached: \
         install ca-certificates or set OIDC_CA_FILE"
    );
    builder(pace).tls_certs_only([]).build()
}

/// The configuration has already checked the file and reports exact errors.
fn certificates(pem: &[u8]) -> Result<Vec<Certificate>, SettingsError> {
    let found = read_authorities(pem).map_err(|_| SettingsError::Certificate)?;
    let found = found
        .iter()
        .map(|certificate| Certificate::from_der(certificate));
    found
        .collect::<Result<_, _>>()
        .map_err(|_| SettingsError::Certificate)
}

const fn accept(endpoint: ProviderEndpoint) -> &'static str {
    match endpoint {
        // RFC 7517 §8.5.1.
        ProviderEndpoint::Jwks => "application/jwk-set+json, application/json",
        // OpenID Connect Core §5.3.2: the answer may be a signed token.
        ProviderEndpoint::Userinfo => "application/json, application/jwt",
        ProviderEndpoint::Page => "text/html",
        _ => "application/json",
    }
}

async fn exchange(
    client: Client,
    endpoint: ProviderEndpoint,
    url: Url,
    request: HttpRequest,
) -> Result<Reply, Outage> {
    let (parts, body) = request.into_parts();
    let mut headers = parts.headers;
    headers.insert(ACCEPT, HeaderValue::from_static(accept(endpoint)));
    if let Some(credentials) = headers.get_mut(AUTHORIZATION) {
        credentials.set_sensitive(true);
    }
    let mut request = client.request(parts.method, url.clone()).headers(headers);
    if !body.is_empty() {
        request = request.body(body);
    }
    let outage = |error| outage(&error, &url);
    let mut response = request.send().await.map_err(outage)?;
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(outage)? {
        if body.len() + chunk.len() > BODY_MAX {
            return Err(Outage::TooLarge);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Reply {
        status: response.status().as_u16(),
        endpoint,
        headers: std::mem::take(response.headers_mut()),
        body,
        url,
    })
}

/// Keeps only the kind of the library's error: its text contains the whole URL.
fn outage(error: &reqwest::Error, url: &Url) -> Outage {
    let host = host(url);
    if error.is_timeout() {
        Outage::TimedOut
    } else if let Some(flaw) = TlsFlaw::below(error) {
        Outage::Tls { host, flaw }
    } else {
        Outage::Unreachable(host)
    }
}

/// `id.example.com:8443`, without a default port.
fn host(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    match url.port() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    }
}

#[cfg(test)]
mod tests;
