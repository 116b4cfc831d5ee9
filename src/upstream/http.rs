//! The one HTTP client that talks to the provider.
//!
//! A provider is trusted for identities, not with this process: it may be slow,
//! broken or taken over. So there are no redirects (a document that says
//! `302 http://169.254.169.254/` must not make us fetch it), no proxy out of the
//! environment, a limit for time and for bytes, and no plain http but to this
//! machine. Errors carry no body, and bodies are never logged.
//!
//! It runs on two threads of its own: an answer of nothing but `100 Continue` keeps
//! whoever reads it busy for half a minute at a stretch, in which the thread does
//! nothing else, and people's requests must not be what waits.

use std::time::{Duration, Instant};

use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Certificate, Client, ClientBuilder, RequestBuilder, redirect, tls};
use serde::de::DeserializeOwned;
use tokio::runtime::{self, Runtime};
use tokio::task::JoinSet;
use tokio::time::timeout;
use url::{Host, Url};

use super::Pace;
use super::breaker::Breaker;
use super::error::{Outage, SettingsError};
use crate::metrics::{ProviderCalls, ProviderEndpoint};

/// One reads on while another is kept busy.
const THREADS: usize = 2;

/// Most bytes read of any answer: stops a provider that sends without end.
/// Discovery documents and key sets are a few kilobytes.
pub const BODY_MAX: usize = 1024 * 1024;

/// What the provider is asked for, except for pages.
const JSON: &str = "application/json";

/// Installs ring as the process's TLS provider. Call it before a
/// [`Provider`](super::Provider) is built; calling it again changes nothing.
pub fn install_crypto() {
    // An error means that one is installed already, which is what is wanted.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

/// Whether something secret may be sent to this address: https, or http to this
/// machine. User information in an address is a way to disguise its host.
pub(super) fn trusted_address(url: &Url) -> bool {
    let anonymous = url.username().is_empty() && url.password().is_none();
    anonymous
        && match (url.scheme(), url.host()) {
            ("https", Some(_)) => true,
            ("http", Some(Host::Domain(name))) => name == "localhost",
            ("http", Some(Host::Ipv4(address))) => address == std::net::Ipv4Addr::LOCALHOST,
            ("http", Some(Host::Ipv6(address))) => address == std::net::Ipv6Addr::LOCALHOST,
            _ => false,
        }
}

/// How a client shows who it is.
pub(super) enum Authorization {
    None,
    /// The value of the header, `Basic …` or `Bearer …`.
    Header(HeaderValue),
}

/// The client.
pub(super) struct Http {
    client: Client,
    /// Longest time for one request, its body included.
    patience: Duration,
    /// Of the endpoints that people's requests ask; the documents have one of
    /// their own (`known`).
    token: Breaker,
    userinfo: Breaker,
    calls: ProviderCalls,
    /// There as long as this is.
    threads: Option<Runtime>,
}

impl Http {
    /// # Errors
    /// When the PEM cannot be read, or the client not be built.
    pub(super) fn new(ca_pem: Option<&[u8]>, pace: &Pace) -> Result<Self, SettingsError> {
        let extra = match ca_pem {
            Some(pem) => certificates(pem)?,
            None => Vec::new(),
        };
        let client = builder(pace)
            .tls_certs_merge(extra)
            .build()
            .or_else(|_| without_authorities(pace))
            .map_err(|_| SettingsError::HttpClient)?;
        let threads = runtime::Builder::new_multi_thread()
            .worker_threads(THREADS)
            .thread_name("provider")
            .enable_all()
            .build()
            .map_err(|_| SettingsError::HttpClient)?;
        Ok(Self {
            client,
            patience: pace.request_timeout,
            token: Breaker::new(pace),
            userinfo: Breaker::new(pace),
            calls: ProviderCalls::default(),
            threads: Some(threads),
        })
    }

    /// # Errors
    /// When there is no answer within the limits, whatever its status.
    pub(super) async fn get(
        &self,
        endpoint: ProviderEndpoint,
        url: &Url,
        auth: Authorization,
    ) -> Result<Reply, Outage> {
        let request = self.client.get(url.clone()).header(ACCEPT, JSON);
        self.ask(endpoint, request, auth).await
    }

    /// Asks for a page, as a browser would.
    ///
    /// # Errors
    /// When there is no answer within the limits, whatever its status.
    pub(super) async fn get_page(&self, url: &Url) -> Result<Reply, Outage> {
        let request = self.client.get(url.clone()).header(ACCEPT, "text/html");
        self.ask(ProviderEndpoint::Page, request, Authorization::None)
            .await
    }

    /// Posts `application/x-www-form-urlencoded` to the token endpoint.
    ///
    /// # Errors
    /// When there is no answer within the limits, whatever its status.
    pub(super) async fn post_form(
        &self,
        url: &Url,
        form: &[(&str, &str)],
        auth: Authorization,
    ) -> Result<Reply, Outage> {
        let body = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(form)
            .finish();
        let request = self
            .client
            .post(url.clone())
            .header(ACCEPT, JSON)
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(body);
        self.ask(ProviderEndpoint::Token, request, auth).await
    }

    /// What was asked, and how long it took.
    pub(super) fn calls(&self) -> &ProviderCalls {
        &self.calls
    }

    fn breaker(&self, endpoint: ProviderEndpoint) -> Option<&Breaker> {
        match endpoint {
            ProviderEndpoint::Token => Some(&self.token),
            ProviderEndpoint::Userinfo => Some(&self.userinfo),
            ProviderEndpoint::Discovery | ProviderEndpoint::Jwks | ProviderEndpoint::Page => None,
        }
    }

    /// Sends it, unless the endpoint is to rest.
    async fn ask(
        &self,
        endpoint: ProviderEndpoint,
        request: RequestBuilder,
        auth: Authorization,
    ) -> Result<Reply, Outage> {
        let turn = match self.breaker(endpoint).map(Breaker::admit).transpose() {
            Ok(turn) => turn,
            Err(resting) => {
                self.calls.spared(endpoint);
                return Err(resting);
            }
        };
        let sent = Instant::now();
        let outcome = self.send(request, auth).await;
        let down = match &outcome {
            Ok(reply) => Some(Outage::Status(reply.status)),
            Err(outage) => Some(*outage),
        };
        let down = down.filter(|outage| outage.is_down());
        self.calls.took(endpoint, down.is_none(), sent.elapsed());
        match (turn, down) {
            (Some(turn), Some(outage)) => turn.failed(outage),
            (Some(turn), None) => turn.answered(),
            (None, _) => {}
        }
        outcome
    }

    /// Sends it from the client's own threads and waits on this one. Whoever stops
    /// waiting stops the request: the set aborts what is in it when it goes.
    async fn send(&self, request: RequestBuilder, auth: Authorization) -> Result<Reply, Outage> {
        let threads = self.threads.as_ref().ok_or(Outage::Unreachable)?;
        let mut sent = JoinSet::new();
        sent.spawn_on(exchange(request, auth), threads.handle());
        match timeout(self.patience, sent.join_next()).await {
            Err(_) => Err(Outage::TimedOut),
            Ok(Some(Ok(outcome))) => outcome,
            Ok(_) => Err(Outage::Unreachable),
        }
    }
}

impl Drop for Http {
    /// Without waiting: this may be a thread that must not wait.
    fn drop(&mut self) {
        if let Some(threads) = self.threads.take() {
            threads.shutdown_background();
        }
    }
}

/// An answer that was read to its end.
pub(super) struct Reply {
    pub(super) status: u16,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Reply {
    /// A header, where it is one line of text.
    pub(super) fn header(&self, name: &HeaderName) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The body as text, for looking whether words occur in it.
    pub(super) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body of a 200.
    ///
    /// # Errors
    /// When the status is another one, or the body is not such JSON.
    pub(super) fn json<T: DeserializeOwned>(&self) -> Result<T, Outage> {
        if self.status != 200 {
            return Err(Outage::Status(self.status));
        }
        self.any_json()
    }

    /// The body, whatever the status.
    ///
    /// # Errors
    /// When the body is not such JSON.
    pub(super) fn any_json<T: DeserializeOwned>(&self) -> Result<T, Outage> {
        serde_json::from_slice(&self.body).map_err(|_| Outage::Unreadable)
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

/// On a machine without any certificate authority a client cannot be built as it
/// should be. A provider on loopback needs none: trust nobody rather than not start.
fn without_authorities(pace: &Pace) -> reqwest::Result<Client> {
    tracing::warn!(
        event = "no_authorities",
        "no certificate authority can be loaded, so no https provider can be reached: \
         install ca-certificates or set OIDC_CA_FILE"
    );
    builder(pace).tls_certs_only([]).build()
}

/// Whether there is a certificate in it, so that the configuration can say it
/// with everything else that is wrong.
pub fn has_certificate(pem: &[u8]) -> bool {
    certificates(pem).is_ok()
}

fn certificates(pem: &[u8]) -> Result<Vec<Certificate>, SettingsError> {
    match Certificate::from_pem_bundle(pem) {
        Ok(found) if !found.is_empty() => Ok(found),
        _ => Err(SettingsError::Certificate),
    }
}

async fn exchange(mut request: RequestBuilder, auth: Authorization) -> Result<Reply, Outage> {
    if let Authorization::Header(mut value) = auth {
        value.set_sensitive(true);
        request = request.header(AUTHORIZATION, value);
    }
    let mut response = request.send().await.map_err(|error| outage(&error))?;
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| outage(&error))? {
        if body.len() + chunk.len() > BODY_MAX {
            return Err(Outage::TooLarge);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Reply {
        status: response.status().as_u16(),
        headers: std::mem::take(response.headers_mut()),
        body,
    })
}

/// Keeps of the library's error only its kind: its text holds the whole address.
fn outage(error: &reqwest::Error) -> Outage {
    if error.is_timeout() {
        Outage::TimedOut
    } else {
        Outage::Unreachable
    }
}

#[cfg(test)]
mod tests;
