//! What the provider knows, remembers and was told to do.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use red5_bridge::clock::Clock;
use serde_json::{Value, json};

use super::endpoints::LIFETIME;
use super::grants::Grants;
use super::{Answer, CLIENT_ID, CLIENT_SECRET, Endpoint, Fields, IdToken, Key, Recorded, Request};

/// The state behind all endpoints.
pub struct Script {
    pub issuer: String,
    pub clock: Arc<dyn Clock>,
    pub client: Client,
    /// What the client registered; none: whatever it sends.
    pub redirect_uris: Option<Vec<String>>,
    pub people: HashMap<String, Person>,
    pub discovery: Value,
    pub signer: Key,
    pub published: Vec<Value>,
    pub codes: HashMap<String, Code>,
    /// Whose an access token is.
    pub access_tokens: HashMap<String, String>,
    /// What introspection says of an access token that was made for another audience.
    pub opaque_tokens: HashMap<String, Value>,
    pub grants: Grants,
    /// Of the assertions that were taken; each is good once.
    pub jtis: HashSet<String>,
    pub id_token: Bends<IdToken>,
    pub token_answer: Bends<Fields>,
    pub userinfo: Bends<Fields>,
    pub always: HashMap<Endpoint, Answer>,
    pub once: HashMap<Endpoint, VecDeque<Answer>>,
    pub requests: Vec<Request>,
    /// What an endpoint is called, where that is not as usual.
    pub routes: HashMap<String, Endpoint>,
    /// What another provider was heard saying, to be said again.
    pub recorded: Option<Recorded>,
    /// Bytes of endless answers that were taken off us.
    pub flooded: Arc<AtomicUsize>,
    given: usize,
}

/// The registered client.
pub struct Client {
    pub id: String,
    pub secret: Option<String>,
    /// The public key of a client that signs assertions.
    pub key: Option<Value>,
    pub auth: ClientAuth,
}

/// How the client has to authenticate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClientAuth {
    Basic,
    Post,
    PrivateKey,
    None,
}

impl ClientAuth {
    pub fn word(self) -> &'static str {
        match self {
            Self::Basic => "client_secret_basic",
            Self::Post => "client_secret_post",
            Self::PrivateKey => "private_key_jwt",
            Self::None => "none",
        }
    }
}

/// A person who can sign in.
#[derive(Clone)]
pub struct Person {
    pub claims: Value,
    pub only_userinfo: Value,
}

impl Person {
    pub fn new(name: &str) -> Self {
        Self {
            claims: json!({"sub": name, "preferred_username": name, "name": name}),
            only_userinfo: json!({}),
        }
    }

    /// Everything that is said about them at userinfo.
    pub fn userinfo(&self) -> Value {
        let mut all = self.claims.clone();
        for (name, value) in self.only_userinfo.as_object().unwrap() {
            all[name] = value.clone();
        }
        all
    }
}

/// A code that was given out, and what it is bound to.
#[derive(Clone)]
pub struct Code {
    pub person: String,
    pub redirect_uri: String,
    pub challenge: String,
    pub nonce: Option<String>,
    pub spent: bool,
}

impl Code {
    /// What an answer to a refresh is made of.
    pub fn of_refresh(person: &str) -> Self {
        Self {
            person: person.to_owned(),
            redirect_uri: String::new(),
            challenge: String::new(),
            nonce: None,
            spent: true,
        }
    }
}

/// Changes to the next answers of one kind.
pub struct Bends<T> {
    next: VecDeque<Box<dyn FnOnce(T) -> T + Send>>,
    every: Vec<Box<dyn Fn(T) -> T + Send>>,
}

impl<T> Bends<T> {
    fn none() -> Self {
        Self {
            next: VecDeque::new(),
            every: Vec::new(),
        }
    }

    pub fn next(&mut self, bend: impl FnOnce(T) -> T + Send + 'static) {
        self.next.push_back(Box::new(bend));
    }

    pub fn every(&mut self, bend: impl Fn(T) -> T + Send + 'static) {
        self.every.push(Box::new(bend));
    }

    pub fn apply(&mut self, value: T) -> T {
        let value = self.every.iter().fold(value, |value, bend| bend(value));
        match self.next.pop_front() {
            Some(bend) => bend(value),
            None => value,
        }
    }
}

impl Script {
    pub fn new(issuer: &str, clock: Arc<dyn Clock>) -> Self {
        let signer = Key::rs256("rs-1");
        Self {
            issuer: issuer.to_owned(),
            clock,
            client: Client {
                id: CLIENT_ID.to_owned(),
                secret: Some(CLIENT_SECRET.to_owned()),
                key: None,
                auth: ClientAuth::Basic,
            },
            redirect_uris: None,
            people: HashMap::new(),
            discovery: discovery(issuer),
            published: vec![signer.jwk()],
            signer,
            codes: HashMap::new(),
            access_tokens: HashMap::new(),
            opaque_tokens: HashMap::new(),
            grants: Grants::default(),
            jtis: HashSet::new(),
            id_token: Bends::none(),
            token_answer: Bends::none(),
            userinfo: Bends::none(),
            always: HashMap::new(),
            once: HashMap::new(),
            requests: Vec::new(),
            routes: HashMap::new(),
            recorded: None,
            flooded: Arc::default(),
            given: 0,
        }
    }

    /// Forgets everything but its place and clock: a provider as it starts. What
    /// was given out stays given out.
    pub fn reset(&mut self) {
        let given = self.given;
        *self = Self::new(&self.issuer, Arc::clone(&self.clock));
        self.given = given;
    }

    /// What an access token says of itself (RFC 9068 §2.2).
    pub fn access_claims(&mut self, person: &str, audience: &str) -> Value {
        let now = self.clock.now().timestamp();
        json!({
            "iss": self.issuer, "aud": audience, "sub": self.people[person].claims["sub"],
            "client_id": "studio", "scope": "openid stream", "jti": self.fresh("jti"),
            "iat": now, "exp": now + LIFETIME,
        })
    }

    /// Calls every endpoint as the discovery document does.
    pub fn reroute(&mut self) {
        let path = |address: &str| url::Url::parse(address).unwrap().path().to_owned();
        let document = &self.discovery;
        let issuer = document["issuer"].as_str().unwrap();
        let base = issuer.strip_suffix('/').unwrap_or(issuer);
        let place = format!("{base}/.well-known/openid-configuration");
        self.routes = HashMap::from([(path(&place), Endpoint::Discovery)]);
        for (member, endpoint) in [
            ("jwks_uri", Endpoint::Jwks),
            ("authorization_endpoint", Endpoint::Authorize),
            ("token_endpoint", Endpoint::Token),
            ("userinfo_endpoint", Endpoint::Userinfo),
            ("end_session_endpoint", Endpoint::EndSession),
        ] {
            if let Some(address) = document[member].as_str() {
                self.routes.insert(path(address), endpoint);
            }
        }
    }

    /// What the test wants instead of the usual answer.
    pub fn scripted(&mut self, endpoint: Endpoint) -> Option<Answer> {
        let once = self.once.get_mut(&endpoint).and_then(VecDeque::pop_front);
        once.or_else(|| self.always.get(&endpoint).cloned())
    }

    /// A code or token that was not given before and cannot be guessed.
    pub fn fresh(&mut self, kind: &str) -> String {
        self.given += 1;
        let mut random = [0; 8];
        getrandom::fill(&mut random).unwrap();
        format!("{kind}-{}-{:016x}", self.given, u64::from_be_bytes(random))
    }
}

fn discovery(issuer: &str) -> Value {
    json!({
        "issuer": issuer,
        "authorization_endpoint": format!("{issuer}/authorize"),
        "token_endpoint": format!("{issuer}/token"),
        "jwks_uri": format!("{issuer}/jwks"),
        "userinfo_endpoint": format!("{issuer}/userinfo"),
        "end_session_endpoint": format!("{issuer}/end-session"),
        "response_types_supported": ["code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256", "ES256"],
        "token_endpoint_auth_methods_supported": ["client_secret_basic"],
        "code_challenge_methods_supported": ["S256"],
        "authorization_response_iss_parameter_supported": true,
    })
}
