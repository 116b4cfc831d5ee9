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
mod assertion;
mod endpoints;
mod front;
mod grants;
mod key;
mod people;
mod place;
mod recorded;
mod request;
mod script;
mod server;
pub mod tls;
mod token;

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use red5_bridge::clock::{Clock, SystemClock};
use serde_json::{Value, json};
use url::Url;

pub use answer::Answer;
pub use front::Wire;
pub use grants::Rotation;
pub use key::Key;
pub use people::PersonScript;
pub use place::Place;
pub use recorded::Recorded;
pub use request::{Endpoint, Request};
pub use script::ClientAuth;
pub use token::{Fields, IdToken};

use endpoints::LIFETIME;
use front::Front;
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
    front: Option<Front>,
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
        Self::start_server(place.issuer(), place.port, clock)
    }

    /// Starts one behind a socket of ours that can do what no HTTP server does.
    pub fn start_behind_front(clock: Arc<dyn Clock>) -> Self {
        let (outside, inside) = (Place::free(), Place::free());
        let mut provider = Self::start_server(outside.issuer(), inside.port, clock);
        provider.front = Some(Front::start(outside.port, inside.port, None));
        provider
    }

    /// Starts one at an https address.
    pub fn start_with_tls(clock: Arc<dyn Clock>, tls: rustls::ServerConfig) -> Self {
        let (outside, inside) = (Place::free(), Place::free());
        let issuer = outside.issuer().replace("http:", "https:");
        let mut provider = Self::start_server(issuer, inside.port, clock);
        provider.front = Some(Front::start(outside.port, inside.port, Some(Arc::new(tls))));
        provider
    }

    /// Starts one whose issuer has a path.
    pub fn start_below(path: &str) -> Self {
        let place = Place::free();
        let issuer = format!("{}{path}", place.issuer());
        let provider = Self::start_server(issuer, place.port, Arc::new(SystemClock));
        provider.script().reroute();
        provider
    }

    fn start_server(issuer: String, port: u16, clock: Arc<dyn Clock>) -> Self {
        let script = Arc::new(Mutex::new(Script::new(&issuer, clock)));
        let server = Server::start(port, Arc::clone(&script));
        red5_bridge::oidc::http::install_crypto();
        let browser = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .tls_certs_only([tls::authority()])
            .timeout(Duration::from_secs(10))
            .build()
            .unwrap();
        Self {
            script,
            issuer,
            browser,
            front: None,
            _server: server,
        }
    }

    /// What to configure as `OIDC_ISSUER_URL`.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    // ---- people ----------------------------------------------------------------------

    /// Registers a person, or goes on describing them. Without more words their
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

    /// What the socket in front answers at this path from now on.
    pub fn wire(&self, path: &'static str, wire: Wire) {
        self.front.as_ref().unwrap().always(path, wire);
    }

    /// Everything is forgotten: people, keys, misbehaviour, requests. Says how many
    /// bytes of endless answers were taken off it.
    pub fn reset(&self) -> usize {
        let wired = self.front.as_ref().map_or(0, Front::behave);
        let mut script = self.script();
        let flooded = script.flooded.load(Ordering::SeqCst);
        script.reset();
        wired + flooded
    }

    // ---- what it says by itself ------------------------------------------------------

    /// A logout token (OpenID Connect Back-Channel Logout 1.0 §2.4) without a subject or
    /// session yet; the test sends it.
    pub fn logout_token(&self, bend: impl FnOnce(IdToken) -> IdToken) -> String {
        let mut script = self.script();
        let now = script.clock.now().timestamp();
        let jti = script.fresh("jti");
        let claims = json!({
            "iss": script.issuer, "aud": script.client.id, "iat": now, "exp": now + 120, "jti": jti,
            "events": {"http://schemas.openid.net/event/backchannel-logout": {}},
        });
        let token = IdToken::new(claims, script.signer.clone());
        drop(script);
        bend(token.header("typ", "logout+jwt")).finish()
    }

    // ---- tokens of other clients -----------------------------------------------------

    /// An ID token of this person for the bridge's client, of a sign-in that was not the
    /// bridge's.
    pub fn id_token(&self, person: &str, bend: impl FnOnce(IdToken) -> IdToken) -> String {
        let script = self.script();
        let mut claims = script.people[person].claims.clone();
        let now = script.clock.now().timestamp();
        claims["iss"] = json!(script.issuer);
        claims["aud"] = json!(script.client.id);
        claims["nonce"] = json!("of another sign-in");
        claims["iat"] = json!(now);
        claims["exp"] = json!(now + LIFETIME);
        let token = IdToken::new(claims, script.signer.clone());
        drop(script);
        bend(token).finish()
    }

    /// An access token of this person for `audience` that is a JWT (RFC 9068 §2). Without
    /// groups and names, as most are; userinfo takes it.
    pub fn jwt_access_token(
        &self,
        person: &str,
        audience: &str,
        bend: impl FnOnce(IdToken) -> IdToken,
    ) -> String {
        let mut script = self.script();
        let claims = script.access_claims(person, audience);
        let token = IdToken::new(claims, script.signer.clone()).header("typ", "at+jwt");
        let token = bend(token).finish();
        script
            .access_tokens
            .insert(token.clone(), person.to_owned());
        token
    }

    /// The same, opaque: introspection says what it is.
    pub fn opaque_access_token(&self, person: &str, audience: &str) -> String {
        let mut script = self.script();
        let mut answer = script.access_claims(person, audience);
        answer["active"] = json!(true);
        answer["token_type"] = json!("Bearer");
        let token = script.fresh("opaque");
        script.opaque_tokens.insert(token.clone(), answer);
        script
            .access_tokens
            .insert(token.clone(), person.to_owned());
        token
    }

    /// Announces the introspection endpoint.
    pub fn offer_introspection(&self) {
        let endpoint = format!("{}/introspect", self.issuer);
        self.discovery(|document| document.set("introspection_endpoint", endpoint));
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
        self.know_client(id, secret, auth);
        let methods = json!([auth.word()]);
        self.discovery(|document| document.set("token_endpoint_auth_methods_supported", methods));
    }

    /// The same, and the discovery document stays as it is.
    pub fn know_client(&self, id: &str, secret: Option<&str>, auth: ClientAuth) {
        self.script().client = Client {
            id: id.to_owned(),
            secret: secret.map(str::to_owned),
            key: None,
            auth,
        };
    }

    /// Registers the public key of a client that signs its assertions.
    pub fn client_key(&self, id: &str, jwk: Value) {
        self.client(id, None, ClientAuth::PrivateKey);
        self.script().client.key = Some(jwk);
    }

    /// Takes these redirect URIs alone from now on.
    pub fn register(&self, redirect_uris: &[&str]) {
        let uris = redirect_uris.iter().map(|uri| (*uri).to_owned());
        self.script().redirect_uris = Some(uris.collect());
    }

    // ---- refresh tokens --------------------------------------------------------------

    /// Gives refresh tokens at sign-ins from now on.
    pub fn give_refresh_tokens(&self, rotation: Rotation) {
        self.script().grants.given = Some(rotation);
    }

    /// Revokes everything that was granted to `person`.
    pub fn revoke(&self, person: &str) {
        grants::revoke(&mut self.script(), person);
    }

    /// Whether a refresh token that it gave is good.
    pub fn is_good(&self, refresh_token: &str) -> bool {
        grants::is_good(&self.script(), refresh_token)
    }

    /// Answers this to every refresh of this person, and to nothing else; the grant stays.
    pub fn answer_refreshes_of(&self, person: &str, answer: Answer) {
        let mut script = self.script();
        script.grants.refused.insert(person.to_owned(), answer);
    }

    /// How often a refresh was asked for.
    pub fn refreshes(&self) -> usize {
        let asked = |request: &&Request| {
            request
                .form
                .get("grant_type")
                .is_some_and(|kind| kind == "refresh_token")
        };
        self.script().requests.iter().filter(asked).count()
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
