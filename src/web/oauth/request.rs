//! What a client sends to the token endpoint: a form, and who it says it is (RFC 6749 §2.3.1, §3.2).

use std::collections::HashSet;

use actix_web::dev::Payload;
use actix_web::http::header;
use actix_web::{FromRequest, HttpMessage, HttpRequest, web};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::domain::client::ClientId;
use crate::flow::oauth::token::{ClientCredentials, ProvenClient, TokenEndpoint};
use crate::web::body;
use crate::web::error::Refusal;
use crate::web::extract::{Extracting, part};
use crate::web::form::Form;
use crate::web::rate_limit::RateLimits;
use crate::web::views::problem as problems;

/// The client that a request names, for CORS; it has not authenticated yet.
pub struct NamedClient(pub ClientId);

/// A client's form and credentials. Parameters without a value are absent (RFC 6749 §3.2).
pub struct ClientRequest {
    request: HttpRequest,
    form: Form,
    credentials: ClientCredentials,
}

/// Parameters that may stand more than once (RFC 8693 §2.1); they are refused by name later.
const REPEATABLE: [&str; 2] = ["audience", "resource"];

impl ClientRequest {
    async fn receive(request: HttpRequest, payload: web::Payload) -> Result<Self, Refusal> {
        let form = body::form(&request, payload).await?.without_empty();
        let mut names = HashSet::new();
        let twice = form
            .names()
            .find(|name| !names.insert(*name) && !REPEATABLE.contains(name));
        if let Some(name) = twice {
            return Err(invalid(format!("the parameter {name} stands twice")));
        }
        let credentials = credentials(&request, &form)?;
        if let Some(id) = credentials.id.as_deref().and_then(ClientId::parse) {
            request.extensions_mut().insert(NamedClient(id));
        }
        Ok(Self {
            request,
            form,
            credentials,
        })
    }

    /// The client, once it has authenticated and is within its rate.
    pub fn prove(&self, endpoint: &TokenEndpoint) -> Result<ProvenClient, Refusal> {
        let proven = endpoint.authenticate(&self.credentials)?;
        let limits = part::<RateLimits>(&self.request)?;
        limits.check_oauth_client(proven.client(), &self.request)?;
        Ok(proven)
    }

    /// The request.
    pub fn http(&self) -> &HttpRequest {
        &self.request
    }

    /// Counts the uses of one code or refresh token.
    pub fn count(&self, secret: &str) -> Result<(), Refusal> {
        Ok(part::<RateLimits>(&self.request)?.check_secret(secret)?)
    }

    /// A parameter.
    pub fn get<'s>(&'s self, name: &'s str) -> Option<&'s str> {
        self.form.one(name).ok().flatten()
    }

    /// Whether the form has this parameter, once or more often.
    pub fn has(&self, name: &str) -> bool {
        self.form.all(name).next().is_some()
    }

    /// A parameter that must be there.
    pub fn require<'s>(&'s self, name: &'s str) -> Result<&'s str, Refusal> {
        self.get(name)
            .ok_or_else(|| invalid(format!("the parameter {name} is missing")))
    }
}

/// 400 `invalid_request` with its reason.
pub fn invalid(sentence: impl Into<String>) -> Refusal {
    Refusal::new(problems::INVALID_REQUEST).saying(sentence)
}

/// The credentials of the header `Authorization: Basic` or of the form. Two secrets are refused.
fn credentials(request: &HttpRequest, form: &Form) -> Result<ClientCredentials, Refusal> {
    let one = |name| form.one(name).ok().flatten();
    let (id, secret) = (one("client_id"), one("client_secret"));
    let mut headers = request.headers().get_all(header::AUTHORIZATION);
    let Some(sent) = headers.next() else {
        return Ok(ClientCredentials {
            id: id.map(str::to_owned),
            secret: secret.map(|secret| secret.to_owned().into()),
        });
    };
    if headers.next().is_some() || secret.is_some() {
        return Err(invalid(
            "the client authenticates twice: send one Authorization header, or client_secret",
        ));
    }
    let (basic_id, basic_secret) = sent
        .to_str()
        .ok()
        .and_then(basic)
        .ok_or_else(|| Refusal::from(crate::flow::oauth::token::TokenRefused::Client))?;
    if id.is_some_and(|id| id != basic_id) {
        return Err(invalid(
            "client_id differs from the one in the Authorization header",
        ));
    }
    Ok(ClientCredentials {
        id: Some(basic_id),
        secret: Some(basic_secret)
            .filter(|secret| !secret.is_empty())
            .map(Into::into),
    })
}

/// RFC 7617, with both values form-encoded before (RFC 6749 §2.3.1).
fn basic(value: &str) -> Option<(String, String)> {
    let (scheme, encoded) = value.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = STANDARD.decode(encoded.trim()).ok()?;
    let at = decoded.iter().position(|byte| *byte == b':')?;
    let text = |part: &[u8]| Form::value(part);
    Some((text(&decoded[..at])?, text(&decoded[at + 1..])?))
}

impl FromRequest for ClientRequest {
    type Error = Refusal;
    type Future = Extracting<Self>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let payload = web::Payload::from_request(request, payload);
        let request = request.clone();
        Box::pin(async move {
            let payload = payload.await;
            let payload = payload.map_err(|_| Refusal::new(problems::INTERNAL))?;
            Self::receive(request, payload).await
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn basic_values_are_form_decoded() {
        let header = |plain: &str| format!("Basic {}", STANDARD.encode(plain));
        let read = |plain: &str| basic(&header(plain));
        assert_eq!(read("app:s3cret"), Some(("app".into(), "s3cret".into())));
        assert_eq!(
            read("my%2Dapp:a%3Ab+c"),
            Some(("my-app".into(), "a:b c".into()))
        );
        assert_eq!(read("app:"), Some(("app".into(), String::new())));
        assert_eq!(read("app:a:b"), Some(("app".into(), "a:b".into())));
        assert_eq!(read("app"), None);
        assert_eq!(read("app:%ff"), None);
        assert_eq!(basic("Bearer abc"), None);
        assert_eq!(basic("Basic ???"), None);
        assert!(basic(&header("app:x").replace("Basic", "basic")).is_some());
    }
}
