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

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use chrono::DateTime;
use reqwest::header::{
    ACCEPT, AUTHORIZATION, CONTENT_TYPE, DATE, HeaderMap, HeaderName, HeaderValue, LOCATION,
    RETRY_AFTER,
};
use reqwest::{Certificate, Client, ClientBuilder, RequestBuilder, redirect, tls};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::runtime::{self, Runtime};
use tokio::task::JoinSet;
use tokio::time::timeout;
use url::Url;

use super::Pace;
use super::breaker::Breaker;
use super::error::{Denial, OidcError, Outage, SettingsError, TokenError};

use crate::json::UniqueMembers;
use crate::loopback::is_loopback;
use crate::metrics::{ProviderCalls, ProviderEndpoint};
use crate::tls::TlsFlaw;

/// One reads on while another is kept busy.
const THREADS: usize = 2;

/// Most bytes read of any answer: stops a provider that sends without end.
/// Discovery documents and key sets are a few kilobytes.
pub const BODY_MAX: usize = 1024 * 1024;

/// What the provider is asked for, except for pages.
const JSON: &str = "application/json";
/// RFC 7517 §8.5.1.
const KEYS_AND_JSON: &str = "application/jwk-set+json, application/json";
/// OpenID Connect Core §5.3.2: the provider may sign what it says.
const JSON_AND_JWT: &str = "application/json, application/jwt";

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
            ("http", Some(host)) => is_loopback(&host),
            _ => false,
        }
}

/// How a client shows who it is.
pub(super) enum Authorization {
    None,
    /// The value of the header, `Basic …` or `Bearer …`.
    Header(HeaderValue),
}

/// Longest pause that a `Retry-After` is honoured for.
const RETRY_AFTER_MAX: Duration = Duration::from_mins(5);

/// What the endpoints that take tokens are asked for. Each purpose has breakers of
/// its own: refreshes that fail must not stop anyone from signing in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Purpose {
    SignIn,
    /// Refreshes of all sessions. A status of 500 is about one session alone, which
    /// backs off by itself; a request to wait and a refused client concern all of them where
    /// the token endpoint says so. At userinfo providers count by person.
    Refresh,
}

/// The client, as one purpose uses it.
pub(super) struct Http {
    shared: Arc<Shared>,
    purpose: Purpose,
    /// Breakers for the token endpoint and userinfo. Discovery and keys have their own (`known`).
    token: Breaker,
    userinfo: Breaker,
}

struct Shared {
    client: Client,
    pace: Pace,
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
            .or_else(|error| {
                // With authorities of its own it never goes on without them.
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
        let shared = Shared {
            client,
            pace: *pace,
            calls: ProviderCalls::default(),
            threads: Some(threads),
        };
        Ok(Self::of(Arc::new(shared), Purpose::SignIn))
    }

    fn of(shared: Arc<Shared>, purpose: Purpose) -> Self {
        Self {
            token: Breaker::new(&shared.pace),
            userinfo: Breaker::new(&shared.pace),
            shared,
            purpose,
        }
    }

    /// The same client for refreshes of sessions.
    pub(super) fn for_refreshes(&self) -> Self {
        Self::of(Arc::clone(&self.shared), Purpose::Refresh)
    }

    /// # Errors
    /// When there is no answer within the limits, whatever its status.
    pub(super) async fn get(
        &self,
        endpoint: ProviderEndpoint,
        url: &Url,
        auth: Authorization,
    ) -> Result<Reply, Outage> {
        let accept = match endpoint {
            ProviderEndpoint::Jwks => KEYS_AND_JSON,
            ProviderEndpoint::Userinfo => JSON_AND_JWT,
            _ => JSON,
        };
        let request = self.shared.client.get(url.clone()).header(ACCEPT, accept);
        self.ask(endpoint, url, request, auth).await
    }

    /// Asks for a page, as a browser would.
    ///
    /// # Errors
    /// When there is no answer within the limits, whatever its status.
    pub(super) async fn get_page(&self, url: &Url) -> Result<Reply, Outage> {
        let request = self.shared.client.get(url.clone());
        let request = request.header(ACCEPT, "text/html");
        self.ask(ProviderEndpoint::Page, url, request, Authorization::None)
            .await
    }

    /// Posts `application/x-www-form-urlencoded`.
    ///
    /// # Errors
    /// When there is no answer within the limits, whatever its status.
    pub(super) async fn post_form(
        &self,
        endpoint: ProviderEndpoint,
        url: &Url,
        form: &[(&str, &str)],
        auth: Authorization,
    ) -> Result<Reply, Outage> {
        let body = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(form)
            .finish();
        let request = self
            .shared
            .client
            .post(url.clone())
            .header(ACCEPT, JSON)
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(body);
        self.ask(endpoint, url, request, auth).await
    }

    /// What was asked, and how long it took.
    pub(super) fn calls(&self) -> &ProviderCalls {
        &self.shared.calls
    }

    fn breaker(&self, endpoint: ProviderEndpoint) -> Option<&Breaker> {
        match endpoint {
            ProviderEndpoint::Token => Some(&self.token),
            ProviderEndpoint::Userinfo => Some(&self.userinfo),
            ProviderEndpoint::Discovery
            | ProviderEndpoint::Jwks
            | ProviderEndpoint::Revocation
            | ProviderEndpoint::Page => None,
        }
    }

    /// Sends it, unless the endpoint is to rest.
    async fn ask(
        &self,
        endpoint: ProviderEndpoint,
        url: &Url,
        request: RequestBuilder,
        auth: Authorization,
    ) -> Result<Reply, Outage> {
        let turn = match self.breaker(endpoint).map(Breaker::admit).transpose() {
            Ok(turn) => turn,
            Err(resting) => {
                self.calls().short_circuited(endpoint);
                return Err(resting);
            }
        };
        let sent = Instant::now();
        let outcome = self.send(url, request, auth).await.map(|reply| Reply {
            is_public: matches!(
                endpoint,
                ProviderEndpoint::Discovery | ProviderEndpoint::Jwks
            ),
            ..reply
        });
        let down = match &outcome {
            Ok(reply) => reply.outage(),
            Err(outage) => Some(outage.clone()),
        };
        let down = down.filter(Outage::is_down);
        self.calls().took(endpoint, down.is_none(), sent.elapsed());
        let Some(turn) = turn else { return outcome };
        let for_all = endpoint == ProviderEndpoint::Token;
        match (self.purpose, &outcome) {
            (Purpose::Refresh, Ok(reply)) => match reply.hold().filter(|_| for_all) {
                Some((reason, pause)) => turn.held(reason, pause),
                None => turn.answered(),
            },
            _ => match down {
                Some(outage) => turn.failed(&outage),
                None => turn.answered(),
            },
        }
        outcome
    }

    /// Sends it from the client's own threads and waits on this one. Whoever stops
    /// waiting stops the request: the set aborts what is in it when it goes.
    async fn send(
        &self,
        url: &Url,
        request: RequestBuilder,
        auth: Authorization,
    ) -> Result<Reply, Outage> {
        let gone = || Outage::Unreachable(host(url));
        let threads = self.shared.threads.as_ref().ok_or_else(gone)?;
        let mut sent = JoinSet::new();
        sent.spawn_on(round_trip(url.clone(), request, auth), threads.handle());
        match timeout(self.shared.pace.request_timeout, sent.join_next()).await {
            Err(_) => Err(Outage::TimedOut),
            Ok(Some(Ok(outcome))) => outcome,
            Ok(_) => Err(gone()),
        }
    }
}

impl Drop for Shared {
    /// Without waiting: this may be a thread that must not wait.
    fn drop(&mut self) {
        if let Some(threads) = self.threads.take() {
            threads.shutdown_background();
        }
    }
}

/// An error answer of a token endpoint (RFC 6749 §5.2), as far as it is read here.
#[derive(Deserialize)]
struct ErrorBody {
    error: String,
    #[serde(default)]
    error_codes: Value,
}

/// An answer that was read to its end.
pub(super) struct Reply {
    pub(super) status: u16,
    url: Url,
    /// A public document: the path that it redirects to may be shown.
    is_public: bool,
    headers: HeaderMap,
    body: Vec<u8>,
    /// Read once: several ask for it.
    oauth_error: OnceLock<Option<OidcError>>,
}

impl Reply {
    /// A header, where it is one line of text.
    pub(super) fn header(&self, name: &HeaderName) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The error of RFC 6749 §5.2 that the body holds, whatever the status is.
    pub(super) fn oauth_error(&self) -> Option<OidcError> {
        let read = || {
            let body: ErrorBody = self.any_json().ok()?;
            let error = TokenError::of(&body.error, &body.error_codes);
            Some(OidcError::of_token_endpoint(error))
        };
        self.oauth_error.get_or_init(read).clone()
    }

    /// That the server cannot do its work. A 5xx whose body is an OAuth error is an
    /// answer about what was sent: Dex answers the refresh of a removed user so.
    fn outage(&self) -> Option<Outage> {
        if self.status == 200 {
            return None;
        }
        match self.oauth_error() {
            Some(OidcError::Unavailable(outage)) => Some(outage),
            Some(_) => None,
            None => Some(self.unexpected_status()),
        }
    }

    /// Where it leads, if it is a redirect.
    pub(super) fn target(&self) -> Option<Url> {
        let location = self.header(&LOCATION)?;
        let leads_on = (300..=399).contains(&self.status);
        leads_on.then(|| self.url.join(location).ok()).flatten()
    }

    /// What may be told of where it leads. A query may hold secrets, and so may a parameter of
    /// the path (`;jsessionid=`); of an answer about a person or to the client any part of it.
    fn shown(&self, target: &Url) -> Option<String> {
        if !matches!(target.scheme(), "http" | "https") {
            return None;
        }
        let mut text = target.origin().ascii_serialization();
        if self.is_public {
            text.push_str(target.path().split(';').next().unwrap_or_default());
        }
        Some(text.chars().take(TARGET_MAX).collect())
    }

    /// What a status means that does not belong there.
    pub(super) fn unexpected_status(&self) -> Outage {
        let target = self.target();
        let to = target.as_ref().and_then(|target| self.shown(target));
        match to {
            Some(to) => Outage::Redirect {
                status: self.status,
                to,
            },
            None => Outage::Status(self.status),
        }
    }

    /// Why, and at least how long, no session's refresh is to be tried again.
    fn hold(&self) -> Option<(&'static str, Duration)> {
        let refused = matches!(
            self.oauth_error(),
            Some(OidcError::Denied(Denial::InvalidClient, _))
        );
        if refused && self.status != 200 {
            return Some((Denial::InvalidClient.code(), Duration::ZERO));
        }
        let pause = self.retry_after();
        match self.status {
            429 => Some(("too_many_requests", pause.unwrap_or_default())),
            503 => pause.map(|pause| ("retry_after", pause)),
            _ => None,
        }
    }

    /// That it asks to wait, and says for how long.
    pub(super) fn request_to_wait(&self) -> Option<Outage> {
        let pause = self.retry_after()?;
        matches!(self.status, 429 | 503).then_some(Outage::AsksToWait(pause))
    }

    /// RFC 9110 §10.2.3: seconds, or a moment, which is compared with the answer's own
    /// `Date`, so that two clocks do not matter.
    fn retry_after(&self) -> Option<Duration> {
        let text = self.header(&RETRY_AFTER)?.trim();
        let pause = if let Ok(seconds) = text.parse() {
            Duration::from_secs(seconds)
        } else {
            let moment = |text| DateTime::parse_from_rfc2822(text).ok();
            let ahead = moment(text)? - moment(self.header(&DATE)?)?;
            ahead.to_std().ok()?
        };
        Some(pause.min(RETRY_AFTER_MAX))
    }

    /// The body as text, for looking whether words occur in it.
    pub(super) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// Whether the body is a signed token instead of JSON.
    pub(super) fn is_jwt(&self) -> bool {
        let kind = self.header(&CONTENT_TYPE).unwrap_or_default();
        let kind = kind.split(';').next().unwrap_or_default().trim();
        kind.eq_ignore_ascii_case("application/jwt")
    }

    /// The body of a 200 as text.
    ///
    /// # Errors
    /// When the status is another one.
    pub(super) fn ok_text(&self) -> Result<String, Outage> {
        match self.status {
            200 => Ok(self.text()),
            _ => Err(self.unexpected_status()),
        }
    }

    /// The body of a 200.
    ///
    /// # Errors
    /// When the status is another one, or the body is not such JSON.
    pub(super) fn json<T: DeserializeOwned>(&self) -> Result<T, Outage> {
        if self.status != 200 {
            return Err(self.unexpected_status());
        }
        self.any_json()
    }

    /// The body, whatever the status.
    ///
    /// # Errors
    /// When the body is not such JSON.
    pub(super) fn any_json<T: DeserializeOwned>(&self) -> Result<T, Outage> {
        let UniqueMembers(value) =
            serde_json::from_slice(&self.body).map_err(|_| Outage::Unreadable)?;
        serde_json::from_value(value).map_err(|_| Outage::Unreadable)
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
/// should be. A provider on loopback needs none: trust no authority rather than not start.
fn without_authorities(pace: &Pace) -> reqwest::Result<Client> {
    tracing::warn!(
        event = "no_authorities",
        "no certificate authority can be loaded, so no https provider can be reached: \
         install ca-certificates or set OIDC_CA_FILE"
    );
    builder(pace).tls_certs_only([]).build()
}

/// The configuration names what is wrong with them before it comes to this.
fn certificates(pem: &[u8]) -> Result<Vec<Certificate>, SettingsError> {
    let found = crate::tls::read_authorities(pem).map_err(|_| SettingsError::Certificate)?;
    let found = found
        .iter()
        .map(|certificate| Certificate::from_der(certificate));
    found
        .collect::<Result<_, _>>()
        .map_err(|_| SettingsError::Certificate)
}

async fn round_trip(
    url: Url,
    mut request: RequestBuilder,
    auth: Authorization,
) -> Result<Reply, Outage> {
    if let Authorization::Header(mut value) = auth {
        value.set_sensitive(true);
        request = request.header(AUTHORIZATION, value);
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
        url,
        is_public: false,
        headers: std::mem::take(response.headers_mut()),
        body,
        oauth_error: OnceLock::new(),
    })
}

/// Keeps of the library's error only its kind: its text holds the whole address.
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

/// `id.example.com:8443`, without the port where it is the usual one.
fn host(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    match url.port() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    }
}

/// Most characters told of where a redirect leads.
const TARGET_MAX: usize = 200;

#[cfg(test)]
mod tests;
