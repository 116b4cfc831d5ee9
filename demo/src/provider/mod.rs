//! A small OpenID provider for the demo: each visitor of its page signs in as
//! the person that they click. It keeps nothing on disk and knows one client.
//!
//! `authorize` shows the people and hands out a code for the one that was
//! clicked; `token` takes the code once and signs the ID token; `pages` is
//! what a person sees.

mod authorize;
mod handles;
mod key;
mod pages;
#[cfg(test)]
mod tests;
mod token;

use std::net::TcpListener;
use std::sync::{Arc, Mutex, PoisonError};

use actix_web::web::{Data, ServiceConfig};
use actix_web::{HttpResponse, web};
use chrono::TimeDelta;
use secrecy::SecretString;
use serde_json::{Value, json};
use url::Url;

use super::people::Person;
use super::server::Server;
use handles::Handles;
use key::Key;
use red5_bridge::clock::Clock;

/// A code travels through one redirect.
const CODE_LIFETIME: TimeDelta = TimeDelta::seconds(60);

/// An access token serves one call of userinfo.
const TOKEN_LIFETIME: TimeDelta = TimeDelta::minutes(5);

/// The one client: the demo's bridge.
#[derive(Debug, Clone)]
pub struct Client {
    /// `client_id`
    pub id: String,
    /// `None` is a public client. Characters that need no encoding in a form.
    pub secret: Option<SecretString>,
    /// Where codes go, exactly.
    pub redirect_uri: Url,
    /// Where people go after signing out, exactly.
    pub post_logout_redirect_uri: Url,
}

/// The running provider.
#[derive(Debug)]
pub struct Provider(Server);

impl Provider {
    /// Serves `people` on `listener`, which must be bound to a loopback address.
    ///
    /// # Errors
    /// When the listener cannot be used or the system has no randomness.
    pub fn start(
        listener: TcpListener,
        client: Client,
        people: &'static [Person],
        clock: Arc<dyn Clock>,
    ) -> std::io::Result<Self> {
        let server = Server::start(listener, |issuer| {
            let state = State::new(issuer.to_owned(), client, people, clock)
                .map_err(|error| std::io::Error::other(error.to_string()))?;
            let state = Data::new(state);
            Ok(move |routes: &mut ServiceConfig| configure(routes, state.clone()))
        })?;
        Ok(Self(server))
    }

    /// `OIDC_ISSUER_URL` for it.
    #[must_use]
    pub fn issuer(&self) -> &str {
        self.0.origin()
    }

    /// Answers what is under way, then ends.
    pub async fn stop(self) {
        self.0.stop().await;
    }
}

/// What the routes share.
struct State {
    issuer: String,
    client: Client,
    people: &'static [Person],
    clock: Arc<dyn Clock>,
    key: Key,
    codes: Mutex<Handles<authorize::Granted>>,
    tokens: Mutex<Handles<&'static Person>>,
}

impl State {
    fn new(
        issuer: String,
        client: Client,
        people: &'static [Person],
        clock: Arc<dyn Clock>,
    ) -> Result<Self, getrandom::Error> {
        Ok(Self {
            issuer,
            client,
            people,
            clock,
            key: Key::generate()?,
            codes: Mutex::new(Handles::new(CODE_LIFETIME)),
            tokens: Mutex::new(Handles::new(TOKEN_LIFETIME)),
        })
    }
}

/// The values behind a lock are whole after every statement, so a panic
/// elsewhere does not spoil them.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn configure(routes: &mut ServiceConfig, state: Data<State>) {
    routes
        .app_data(state)
        .route("/.well-known/openid-configuration", web::get().to(metadata))
        .route("/keys", web::get().to(keys))
        .route("/authorize", web::get().to(authorize::choose))
        .route("/authorize/as/{username}", web::get().to(authorize::grant))
        .route("/token", web::post().to(token::redeem))
        .route("/userinfo", web::get().to(token::userinfo))
        .route("/end-session", web::get().to(authorize::end_session))
        .route("/demo.css", web::get().to(pages::stylesheet));
}

/// OpenID Connect Discovery 1.0 §3.
async fn metadata(state: Data<State>) -> HttpResponse {
    let at = |path: &str| Value::from(format!("{}{path}", state.issuer));
    HttpResponse::Ok().json(json!({
        "issuer": state.issuer,
        "authorization_endpoint": at("/authorize"),
        "token_endpoint": at("/token"),
        "userinfo_endpoint": at("/userinfo"),
        "end_session_endpoint": at("/end-session"),
        "jwks_uri": at("/keys"),
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": ["authorization_code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["ES256"],
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "none"],
        "code_challenge_methods_supported": ["S256"],
        "scopes_supported": ["openid", "profile", "email"],
        "claims_supported": ["sub", "name", "preferred_username", "groups"],
        "authorization_response_iss_parameter_supported": true,
    }))
}

async fn keys(state: Data<State>) -> HttpResponse {
    HttpResponse::Ok().json(state.key.key_set())
}
