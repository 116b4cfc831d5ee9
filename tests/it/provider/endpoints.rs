//! The endpoints, as a good provider has them.

use std::sync::{Arc, Mutex};

use actix_web::{HttpRequest, HttpResponse, web};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use url::{Url, form_urlencoded};

use super::script::{Code, Script};
use super::{ClientAuth, Endpoint, Fields, IdToken, Request};
use super::{assertion, grants};

/// How long a token serves, in seconds.
pub const LIFETIME: i64 = 300;

pub async fn serve(
    request: HttpRequest,
    body: web::Bytes,
    script: web::Data<Mutex<Script>>,
) -> HttpResponse {
    let (request, scripted, flooded) = {
        let mut script = script.lock().unwrap();
        let request = Request::read(&request, &body, &script.routes);
        script.requests.push(request.clone());
        let scripted = script.scripted(request.endpoint);
        let scripted = scripted.or_else(|| grants::refused(&script, &request));
        (request, scripted, Arc::clone(&script.flooded))
    };
    if let Some(answer) = scripted
        && let Some(response) = answer.give(flooded).await
    {
        return response;
    }
    let script = &mut *script.lock().unwrap();
    match request.endpoint {
        Endpoint::Discovery => HttpResponse::Ok().json(&script.discovery),
        Endpoint::Jwks => HttpResponse::Ok().json(json!({"keys": script.published})),
        Endpoint::Authorize => authorize(script, &request),
        Endpoint::Token => token(script, &request),
        Endpoint::Userinfo => userinfo(script, &request),
        Endpoint::EndSession => end_session(&request),
        Endpoint::Revocation => revoke(script, &request),
        Endpoint::Introspection => introspect(script, &request),
        Endpoint::Elsewhere => HttpResponse::NotFound().finish(),
    }
}

fn refuse(status: u16, why: &str) -> HttpResponse {
    let status = actix_web::http::StatusCode::from_u16(status).unwrap();
    HttpResponse::build(status).body(why.to_owned())
}

fn see(url: &Url) -> HttpResponse {
    HttpResponse::Found()
        .insert_header(("location", url.as_str()))
        .finish()
}

/// RFC 6749 §4.1.1, with PKCE required. The parameter `as` is the person who signs
/// in, `deny` the error to be sent back with.
fn authorize(script: &mut Script, request: &Request) -> HttpResponse {
    let asked = |name: &str| request.query.get(name).map_or("", String::as_str);
    let Ok(mut back) = Url::parse(asked("redirect_uri")) else {
        return refuse(400, "redirect_uri");
    };
    if asked("client_id") != script.client.id {
        return refuse(400, "client_id");
    }
    let known = |uris: &Vec<String>| uris.iter().any(|uri| uri == asked("redirect_uri"));
    if !script.redirect_uris.as_ref().is_none_or(known) {
        return refuse(400, "Invalid parameter: redirect_uri");
    }
    if asked("response_type") != "code" || asked("code_challenge_method") != "S256" {
        return refuse(400, "response_type or code_challenge_method");
    }
    if asked("code_challenge").len() != 43 || asked("state").is_empty() {
        return refuse(400, "code_challenge or state");
    }
    if !asked("scope").split(' ').any(|scope| scope == "openid") {
        return refuse(400, "scope");
    }
    if request.query.contains_key("deny") {
        back.query_pairs_mut().append_pair("error", asked("deny"));
    } else if script.people.contains_key(asked("as")) {
        let code = script.fresh("code");
        back.query_pairs_mut().append_pair("code", &code);
        let bound = Code {
            person: asked("as").to_owned(),
            redirect_uri: asked("redirect_uri").to_owned(),
            challenge: asked("code_challenge").to_owned(),
            nonce: request.query.get("nonce").cloned(),
            spent: false,
        };
        script.codes.insert(code, bound);
    } else if request.query.contains_key("as") {
        return refuse(400, "no person of that name");
    } else {
        return refuse(200, "<form>Sign in: <input type=\"password\"></form>");
    }
    back.query_pairs_mut().append_pair("state", asked("state"));
    if script.discovery["authorization_response_iss_parameter_supported"] == true {
        let issuer = script.discovery["issuer"].as_str().unwrap();
        back.query_pairs_mut().append_pair("iss", issuer);
    }
    see(&back)
}

/// RFC 6749 §4.1.3 and §6, RFC 7636 §4.6.
fn token(script: &mut Script, request: &Request) -> HttpResponse {
    let error = |status: u16, error: &str| {
        let status = actix_web::http::StatusCode::from_u16(status).unwrap();
        HttpResponse::build(status).json(json!({"error": error, "error_description": "<b>no</b>"}))
    };
    let sent = |name: &str| request.form.get(name).map_or("", String::as_str);
    if request.method != "POST" || !request.raw_query.is_empty() {
        return error(400, "invalid_request");
    }
    if !client_is_authenticated(script, request) {
        return error(401, "invalid_client");
    }
    if sent("grant_type") == "refresh_token" {
        let Some((person, next)) = grants::spend(script, sent("refresh_token")) else {
            return error(400, "invalid_grant");
        };
        return tokens(script, &Code::of_refresh(&person), next);
    }
    if sent("grant_type") != "authorization_code" {
        return error(400, "unsupported_grant_type");
    }
    let Some(code) = script.codes.get_mut(sent("code")) else {
        return error(400, "invalid_grant");
    };
    let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(sent("code_verifier")));
    if code.spent || code.redirect_uri != sent("redirect_uri") || code.challenge != challenge {
        return error(400, "invalid_grant");
    }
    code.spent = true;
    let code = code.clone();
    let refresh_token = grants::begin(script, &code.person);
    tokens(script, &code, refresh_token)
}

/// RFC 6749 §5.1.
fn tokens(script: &mut Script, code: &Code, refresh_token: Option<String>) -> HttpResponse {
    let access_token = script.fresh("access");
    script
        .access_tokens
        .insert(access_token.clone(), code.person.clone());
    let id_token = id_token(script, code, &access_token);
    let usual = json!({"token_type": "Bearer", "expires_in": LIFETIME});
    let recorded = script.recorded.as_ref();
    let mut answer = Fields::from(recorded.map_or(usual, |recorded| recorded.token_answer.clone()))
        .set("access_token", access_token)
        .set("id_token", id_token);
    if let Some(refresh_token) = refresh_token {
        answer = answer.set("refresh_token", refresh_token);
    }
    HttpResponse::Ok().json(Value::from(script.token_answer.apply(answer)))
}

fn client_is_authenticated(script: &mut Script, request: &Request) -> bool {
    let sent = |name: &str| request.form.get(name).cloned();
    let basic = basic(request.header("authorization"));
    let is_asserted = request.form.contains_key("client_assertion");
    if is_asserted != (script.client.auth == ClientAuth::PrivateKey) {
        return false;
    }
    let (id, secret) = match script.client.auth {
        ClientAuth::Basic => basic.unzip(),
        _ if basic.is_some() => return false,
        ClientAuth::PrivateKey => return assertion::is_good(script, request),
        ClientAuth::Post | ClientAuth::None => (sent("client_id"), sent("client_secret")),
    };
    id.as_ref() == Some(&script.client.id) && secret == script.client.secret
}

/// RFC 6749 §2.3.1: each half is form-urlencoded.
fn basic(header: &str) -> Option<(String, String)> {
    let pair = STANDARD.decode(header.strip_prefix("Basic ")?).ok()?;
    let pair = String::from_utf8(pair).ok()?;
    let (id, secret) = pair.split_once(':')?;
    let decode = |half: &str| {
        let (name, _) = form_urlencoded::parse(half.as_bytes())
            .next()
            .unwrap_or_default();
        name.into_owned()
    };
    Some((decode(id), decode(secret)))
}

fn id_token(script: &mut Script, code: &Code, access_token: &str) -> String {
    if let Some(recorded) = &script.recorded {
        return recorded.id_token(script, code, access_token).finish();
    }
    let now = script.clock.now().timestamp();
    let mut claims = script.people[&code.person].claims.clone();
    claims["iss"] = json!(script.issuer);
    claims["aud"] = json!(script.client.id);
    claims["iat"] = json!(now);
    claims["exp"] = json!(now + LIFETIME);
    let hash = script.signer.hash(access_token);
    claims["at_hash"] = json!(URL_SAFE_NO_PAD.encode(&hash[..hash.len() / 2]));
    if let Some(nonce) = &code.nonce {
        claims["nonce"] = json!(nonce);
    }
    let token = IdToken::new(claims, script.signer.clone());
    script.id_token.apply(token).finish()
}

/// OpenID Connect Core §5.3.
fn userinfo(script: &mut Script, request: &Request) -> HttpResponse {
    let bearer = request.header("authorization").strip_prefix("Bearer ");
    let person = bearer.and_then(|token| script.access_tokens.get(token));
    let Some(person) = person.and_then(|name| script.people.get(name)) else {
        return refuse(401, "access token");
    };
    let claims = match &script.recorded {
        Some(recorded) => recorded.userinfo.clone(),
        None => person.userinfo(),
    };
    let claims = Fields::from(claims);
    HttpResponse::Ok().json(Value::from(script.userinfo.apply(claims)))
}

/// RFC 7009 §2.
fn revoke(script: &mut Script, request: &Request) -> HttpResponse {
    if !client_is_authenticated(script, request) {
        return HttpResponse::Unauthorized().json(json!({"error": "invalid_client"}));
    }
    if let Some(token) = request.form.get("token") {
        grants::revoke_token(script, token);
    }
    HttpResponse::Ok().finish()
}

/// RFC 7662 §2.
fn introspect(script: &mut Script, request: &Request) -> HttpResponse {
    if !client_is_authenticated(script, request) {
        return HttpResponse::Unauthorized().json(json!({"error": "invalid_client"}));
    }
    let token = request.form.get("token");
    let known = token.and_then(|token| script.opaque_tokens.get(token));
    let answer = known.cloned();
    HttpResponse::Ok().json(answer.unwrap_or_else(|| json!({"active": false})))
}

/// OpenID Connect RP-Initiated Logout §3.
fn end_session(request: &Request) -> HttpResponse {
    let asked = |name: &str| request.query.get(name).map_or("", String::as_str);
    let Ok(mut back) = Url::parse(asked("post_logout_redirect_uri")) else {
        return refuse(200, "signed out");
    };
    back.query_pairs_mut().append_pair("state", asked("state"));
    see(&back)
}
