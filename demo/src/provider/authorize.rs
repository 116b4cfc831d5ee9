//! The authorization endpoint (OpenID Connect Core 1.0 §3.1.2) and the way out.
//!
//! A request is checked in the order of RFC 6749 §4.1.2.1: what concerns the
//! client and its address is told to the person, everything else to the client.

use actix_web::http::header::LOCATION;
use actix_web::web::{Data, Path, Query};
use actix_web::{HttpRequest, HttpResponse};
use serde::Deserialize;
use url::Url;

use super::super::people::Person;
use super::{Client, State, lock, pages};

/// The parameters that matter here; others are ignored (RFC 6749 §3.1).
#[derive(Debug, Deserialize)]
pub(super) struct Request {
    client_id: Option<String>,
    redirect_uri: Option<String>,
    response_type: Option<String>,
    scope: Option<String>,
    state: Option<String>,
    nonce: Option<String>,
    code_challenge: Option<String>,
    code_challenge_method: Option<String>,
    prompt: Option<String>,
}

/// What a code stands for.
#[derive(Debug)]
pub(super) struct Granted {
    pub(super) person: &'static Person,
    pub(super) nonce: Option<String>,
    pub(super) code_challenge: String,
}

/// A request that may be answered with a code.
struct Checked {
    state: Option<String>,
    nonce: Option<String>,
    code_challenge: String,
}

/// Why there is no code, and who is told.
enum Refused {
    /// The person: the request did not come from the client, or would not go back to it.
    ToPerson(&'static str),
    /// The client, with an error of RFC 6749 §4.1.2.1.
    ToClient {
        state: Option<String>,
        error: &'static str,
    },
}

impl Refused {
    fn answer(self, provider: &State) -> HttpResponse {
        match self {
            Self::ToPerson(text) => pages::message(400, text),
            Self::ToClient { state, error } => redirect(provider, ("error", error), state),
        }
    }
}

/// `GET /authorize`: the people to click.
pub(super) async fn choose(
    state: Data<State>,
    http: HttpRequest,
    request: Query<Request>,
) -> HttpResponse {
    match request.into_inner().check(&state.client) {
        Ok(_) => pages::people(state.people, http.query_string()),
        Err(refused) => refused.answer(&state),
    }
}

/// `GET /authorize/as/{username}`: the same request, for the person clicked.
pub(super) async fn grant(
    state: Data<State>,
    username: Path<String>,
    request: Query<Request>,
) -> HttpResponse {
    let checked = match request.into_inner().check(&state.client) {
        Ok(checked) => checked,
        Err(refused) => return refused.answer(&state),
    };
    let Some(person) = state.people.iter().find(|one| one.username == *username) else {
        return pages::message(404, "There is no person of that name here.");
    };
    let granted = Granted {
        person,
        nonce: checked.nonce,
        code_challenge: checked.code_challenge,
    };
    let Ok(code) = lock(&state.codes).issue(granted, state.clock.now()) else {
        return pages::message(500, "The system has no randomness.");
    };
    redirect(&state, ("code", &code), checked.state)
}

impl Request {
    fn check(self, client: &Client) -> Result<Checked, Refused> {
        if self.client_id.as_ref() != Some(&client.id) {
            return Err(Refused::ToPerson("This client is not known here."));
        }
        if self.redirect_uri.as_deref() != Some(client.redirect_uri.as_str()) {
            return Err(Refused::ToPerson("This return address is not registered."));
        }
        if let Some(error) = self.error() {
            return Err(Refused::ToClient {
                state: self.state,
                error,
            });
        }
        Ok(Checked {
            state: self.state,
            nonce: self.nonce,
            code_challenge: self.code_challenge.unwrap_or_default(),
        })
    }

    fn error(&self) -> Option<&'static str> {
        let scopes = self.scope.as_deref().unwrap_or_default();
        let pkce =
            self.code_challenge.is_some() && self.code_challenge_method.as_deref() == Some("S256");
        if self.response_type.as_deref() != Some("code") {
            Some("unsupported_response_type")
        } else if !scopes.split(' ').any(|scope| scope == "openid") {
            Some("invalid_scope")
        } else if !pkce {
            Some("invalid_request")
        } else if self.prompt.as_deref() == Some("none") {
            Some("login_required")
        } else {
            None
        }
    }
}

/// Back to the client, with `state` as it came and `iss` (RFC 9207).
fn redirect(provider: &State, (name, value): (&str, &str), state: Option<String>) -> HttpResponse {
    let mut to = provider.client.redirect_uri.clone();
    to.query_pairs_mut()
        .append_pair(name, value)
        .extend_pairs(state.map(|state| ("state", state)))
        .append_pair("iss", &provider.issuer);
    see_other(&to)
}

fn see_other(to: &Url) -> HttpResponse {
    HttpResponse::SeeOther()
        .insert_header((LOCATION, to.as_str()))
        .finish()
}

/// OpenID Connect RP-Initiated Logout 1.0 §2.
#[derive(Debug, Deserialize)]
pub(super) struct EndSession {
    post_logout_redirect_uri: Option<String>,
    state: Option<String>,
}

/// `GET /end-session`: there is no session here to end, so nothing to confirm.
pub(super) async fn end_session(provider: Data<State>, request: Query<EndSession>) -> HttpResponse {
    let request = request.into_inner();
    let mut back = provider.client.post_logout_redirect_uri.clone();
    if request.post_logout_redirect_uri.as_deref() != Some(back.as_str()) {
        return pages::message(200, "You are signed out of the demo provider.");
    }
    if let Some(state) = request.state {
        back.query_pairs_mut().append_pair("state", &state);
    }
    see_other(&back)
}
