//! The token endpoint (OpenID Connect Core 1.0 §3.1.3) and userinfo (§5.3).
//!
//! In this order: the client, the grant type, the code (spent whatever comes
//! next), the return address, the PKCE verifier.

use actix_web::http::header::AUTHORIZATION;
use actix_web::web::{Data, Form};
use actix_web::{HttpRequest, HttpResponse};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use secrecy::ExposeSecret as _;
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use super::super::people::Person;
use super::authorize::Granted;
use super::{Client, State, TOKEN_LIFETIME, lock};

#[derive(Debug, Deserialize)]
pub(super) struct Request {
    grant_type: Option<String>,
    code: Option<String>,
    redirect_uri: Option<String>,
    code_verifier: Option<String>,
    client_id: Option<String>,
}

/// `POST /token`
pub(super) async fn redeem(
    state: Data<State>,
    http: HttpRequest,
    request: Form<Request>,
) -> HttpResponse {
    let request = request.into_inner();
    if !is_client(&state.client, &http, request.client_id.as_deref()) {
        return HttpResponse::Unauthorized().json(json!({ "error": "invalid_client" }));
    }
    if request.grant_type.as_deref() != Some("authorization_code") {
        return refused("unsupported_grant_type");
    }
    match spend(&state, &request) {
        Some(granted) => answer(&state, &granted),
        None => refused("invalid_grant"),
    }
}

/// `GET /userinfo`
pub(super) async fn userinfo(state: Data<State>, http: HttpRequest) -> HttpResponse {
    let person = authorization(&http, "Bearer ")
        .and_then(|token| lock(&state.tokens).get(token, state.clock.now()).copied());
    match person {
        Some(person) => HttpResponse::Ok().json(about(person)),
        None => HttpResponse::Unauthorized()
            .insert_header(("WWW-Authenticate", "Bearer error=\"invalid_token\""))
            .finish(),
    }
}

fn refused(error: &str) -> HttpResponse {
    HttpResponse::BadRequest()
        .insert_header(("Cache-Control", "no-store"))
        .json(json!({ "error": error }))
}

fn authorization<'a>(http: &'a HttpRequest, scheme: &str) -> Option<&'a str> {
    let value = http.headers().get(AUTHORIZATION)?.to_str().ok()?;
    value.strip_prefix(scheme)
}

/// `client_secret_basic`, or `none` for a public client (OpenID Connect Core 1.0 §9).
fn is_client(client: &Client, http: &HttpRequest, named: Option<&str>) -> bool {
    let Some(secret) = &client.secret else {
        return named == Some(&client.id);
    };
    let expected = format!("{}:{}", client.id, secret.expose_secret());
    authorization(http, "Basic ")
        .and_then(|encoded| STANDARD.decode(encoded).ok())
        .is_some_and(|given| given.ct_eq(expected.as_bytes()).into())
}

fn spend(state: &State, request: &Request) -> Option<Granted> {
    let code = request.code.as_deref()?;
    let granted = lock(&state.codes).take(code, state.clock.now())?;
    let verifier = request.code_verifier.as_deref()?;
    // RFC 7636 §4.6
    let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(verifier));
    let fits = challenge == granted.code_challenge
        && request.redirect_uri.as_deref() == Some(state.client.redirect_uri.as_str());
    fits.then_some(granted)
}

fn answer(state: &State, granted: &Granted) -> HttpResponse {
    let now = state.clock.now();
    let Ok(access_token) = lock(&state.tokens).issue(granted.person, now) else {
        return HttpResponse::InternalServerError().finish();
    };
    let mut claims = about(granted.person);
    claims["iss"] = json!(state.issuer);
    claims["aud"] = json!(state.client.id);
    claims["iat"] = json!(now.timestamp());
    claims["auth_time"] = json!(now.timestamp());
    claims["exp"] = json!((now + TOKEN_LIFETIME).timestamp());
    if let Some(nonce) = &granted.nonce {
        claims["nonce"] = json!(nonce);
    }
    HttpResponse::Ok()
        .insert_header(("Cache-Control", "no-store"))
        .json(json!({
            "access_token": access_token,
            "token_type": "Bearer",
            "expires_in": TOKEN_LIFETIME.num_seconds(),
            "id_token": state.key.sign(&claims),
        }))
}

fn about(person: &Person) -> Value {
    json!({
        "sub": person.subject,
        "preferred_username": person.username,
        "name": person.name,
        "groups": person.groups,
    })
}
