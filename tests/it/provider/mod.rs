//! An OpenID provider for tests: strict like a real one, and it misbehaves on demand.
//!
//! It serves real HTTP on a port of its own. The test registers people, plays the
//! browser with [`Provider::approve`], bends what comes next, and looks at what
//! was asked:
//!
//! ```ignore
//! let provider = Provider::start();
//! provider.person("ann").groups(["viewers"]);
//! provider.next_id_token(|token| token.claim("azp", "evil"));
//! let back = provider.approve(&authorization_url, "ann").await;
//! // … give `back` to the bridge …
//! assert_eq!(provider.hits(Endpoint::Token), 1);
//! ```
//!
//! Unless it is told otherwise it refuses what a good provider refuses: a wrong
//! client, another `redirect_uri`, a code used twice, a PKCE verifier that does
//! not fit (RFC 7636 §4.6).

mod answer;
mod endpoints;
mod key;
mod request;
mod script;
mod server;
mod token;

use std::net::TcpListener;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use red5_bridge::clock::{Clock, SystemClock};
use serde_json::{Value, json};
use url::Url;

pub use answer::Answer;
pub use key::Key;
pub use request::{Endpoint, Request};
pub use script::ClientAuth;
pub use token::{Fields, IdToken};

use script::{Client, Person, Script};
use server::Server;

/// The client that the provider knows, until [`Provider::client`] changes it.
pub const CLIENT_ID: &str = "bridge";
/// Its secret.
pub const CLIENT_SECRET: &str = "provider-and-bridge-alone-know-this";

/// A running provider; dropping it frees its port.
pub struct Provider {
    script: Arc<Mutex<Script>>,
    issuer: String,
    browser: reqwest::Client,
    _server: Server,
}

impl Provider {
    /// Starts one on a free port.
    pub fn start() -> Self {
        Self::start_at(&Place::free(), Arc::new(SystemClock))
    }

    /// Starts one whose tokens are dated by `clock`.
    pub fn start_with(clock: Arc<dyn Clock>) -> Self {
        Self::start_at(&Place::free(), clock)
    }

    /// Starts one at a place that was chosen before: a provider that is down at
    /// first is one that has not been started.
    pub fn start_at(place: &Place, clock: Arc<dyn Clock>) -> Self {
        let script = Arc::new(Mutex::new(Script::new(&place.issuer(), clock)));
        let server = Server::start(place.port, Arc::clone(&script));
        red5_bridge::upstream::http::install_crypto();
        let browser = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .tls_certs_only([])
            .timeout(Duration::from_secs(10))
            .build()
            .unwrap();
        Self {
            script,
            issuer: place.issuer(),
            browser,
            _server: server,
        }
    }

    /// What to configure as `OIDC_ISSUER_URL`.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    // ---- people ----------------------------------------------------------------------

    /// Registers somebody, or goes on describing them. Without more words their
    /// `sub` and `preferred_username` are `name`, and they have no groups claim.
    pub fn person(&self, name: &str) -> PersonScript<'_> {
        self.script()
            .people
            .entry(name.to_owned())
            .or_insert_with(|| Person::new(name));
        PersonScript {
            provider: self,
            name: name.to_owned(),
        }
    }

    // ---- the browser -----------------------------------------------------------------

    /// Goes to the authorization URL, signs in as `person`, and says where the
    /// provider sends the browser back to.
    pub async fn approve(&self, authorization: &Url, person: &str) -> Url {
        self.visit(authorization, "as", person).await
    }

    /// Goes to the authorization URL and is sent back with `error` (RFC 6749 §4.1.2.1).
    pub async fn deny(&self, authorization: &Url, error: &str) -> Url {
        self.visit(authorization, "deny", error).await
    }

    async fn visit(&self, authorization: &Url, how: &str, value: &str) -> Url {
        let mut url = authorization.clone();
        url.query_pairs_mut().append_pair(how, value);
        let response = self.browser.get(url).send().await.unwrap();
        let Some(location) = response.headers().get("location") else {
            panic!("the provider refused: {}", response.text().await.unwrap());
        };
        Url::parse(location.to_str().unwrap()).unwrap()
    }

    // ---- misbehaving -----------------------------------------------------------------

    /// Bends the next ID token.
    pub fn next_id_token(&self, bend: impl FnOnce(IdToken) -> IdToken + Send + 'static) {
        self.script().id_token.next(bend);
    }

    /// Bends every ID token from now on.
    pub fn every_id_token(&self, bend: impl Fn(IdToken) -> IdToken + Send + 'static) {
        self.script().id_token.every(bend);
    }

    /// Bends the next answer of the token endpoint.
    pub fn next_token_answer(&self, bend: impl FnOnce(Fields) -> Fields + Send + 'static) {
        self.script().token_answer.next(bend);
    }

    /// Bends the next answer of the userinfo endpoint.
    pub fn next_userinfo(&self, bend: impl FnOnce(Fields) -> Fields + Send + 'static) {
        self.script().userinfo.next(bend);
    }

    /// Changes the discovery document.
    pub fn discovery(&self, bend: impl FnOnce(Fields) -> Fields) {
        let mut script = self.script();
        script.discovery = bend(Fields::from(script.discovery.clone())).into();
    }

    /// From now on the endpoint answers this, whatever it is asked.
    pub fn always(&self, endpoint: Endpoint, answer: Answer) {
        self.script().always.insert(endpoint, answer);
    }

    /// The endpoint answers this once.
    pub fn once(&self, endpoint: Endpoint, answer: Answer) {
        self.script()
            .once
            .entry(endpoint)
            .or_default()
            .push_back(answer);
    }

    /// The endpoint behaves again.
    pub fn behave(&self, endpoint: Endpoint) {
        let mut script = self.script();
        script.always.remove(&endpoint);
        script.once.remove(&endpoint);
    }

    // ---- keys ------------------------------------------------------------------------

    /// Signs with this key from now on, and publishes it alone.
    pub fn use_key(&self, key: &Key) {
        let mut script = self.script();
        script.published = vec![key.jwk()];
        script.signer = key.clone();
    }

    /// Publishes exactly these keys; what it signs with stays.
    pub fn publish(&self, jwks: impl IntoIterator<Item = Value>) {
        self.script().published = jwks.into_iter().collect();
    }

    // ---- the client ------------------------------------------------------------------

    /// Changes the registered client; no secret makes it a public one.
    pub fn client(&self, id: &str, secret: Option<&str>, auth: ClientAuth) {
        let mut script = self.script();
        script.client = Client {
            id: id.to_owned(),
            secret: secret.map(str::to_owned),
            auth,
        };
        script.discovery["token_endpoint_auth_methods_supported"] = json!([auth.word()]);
    }

    /// Takes these redirect URIs alone from now on.
    pub fn register(&self, redirect_uris: &[&str]) {
        let uris = redirect_uris.iter().map(|uri| (*uri).to_owned());
        self.script().redirect_uris = Some(uris.collect());
    }

    // ---- what was asked --------------------------------------------------------------

    /// Every request so far, in order.
    pub fn requests(&self) -> Vec<Request> {
        self.script().requests.clone()
    }

    /// How often an endpoint was asked.
    pub fn hits(&self, endpoint: Endpoint) -> usize {
        self.script()
            .requests
            .iter()
            .filter(|request| request.endpoint == endpoint)
            .count()
    }

    /// The last request to an endpoint.
    pub fn last(&self, endpoint: Endpoint) -> Request {
        let script = self.script();
        let mut found = script.requests.iter().rev();
        let found = found.find(|request| request.endpoint == endpoint);
        found
            .unwrap_or_else(|| panic!("{endpoint:?} was not asked"))
            .clone()
    }

    fn script(&self) -> MutexGuard<'_, Script> {
        self.script.lock().unwrap()
    }
}

/// Describes one person.
pub struct PersonScript<'a> {
    provider: &'a Provider,
    name: String,
}

impl PersonScript<'_> {
    /// Their `groups`, in the ID token and at userinfo.
    pub fn groups<const N: usize>(&self, groups: [&str; N]) -> &Self {
        self.claim("groups", json!(groups.as_slice()))
    }

    /// A claim in the ID token and at userinfo.
    pub fn claim(&self, name: &str, value: impl Into<Value>) -> &Self {
        self.edit(|person| person.claims[name] = value.into())
    }

    /// A claim that only userinfo tells.
    pub fn userinfo_claim(&self, name: &str, value: impl Into<Value>) -> &Self {
        self.edit(|person| person.only_userinfo[name] = value.into())
    }

    /// Takes a claim away again.
    pub fn without(&self, name: &str) -> &Self {
        self.edit(|person| {
            for claims in [&mut person.claims, &mut person.only_userinfo] {
                claims.as_object_mut().unwrap().remove(name);
            }
        })
    }

    fn edit(&self, change: impl FnOnce(&mut Person)) -> &Self {
        change(self.provider.script().people.get_mut(&self.name).unwrap());
        self
    }
}

/// A port on this machine that was free a moment ago.
pub struct Place {
    port: u16,
}

impl Place {
    /// Finds one.
    pub fn free() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        Self {
            port: listener.local_addr().unwrap().port(),
        }
    }

    /// The issuer of a provider there.
    pub fn issuer(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }
}
