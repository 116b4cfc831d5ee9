//! `/oauth2/token` (RFC 6749 §3.2) and `/oauth2/revoke` (RFC 7009).

use actix_web::http::header::{self, HeaderValue};
use actix_web::{HttpResponse, web};
use serde_json::json;

use super::request::{ClientRequest, invalid};
use crate::flow::oauth::token::{
    Granted, ProvenClient, SubjectTokenError, SubjectTokenType, TokenEndpoint, TokenRefused,
};
use crate::web::error::{Answer, Refusal};
use crate::web::token::{Red5Server, TokenAnswer};
use crate::web::views::problem as problems;
use secrecy::ExposeSecret;

/// POST `/oauth2/token`
pub async fn token(
    sent: ClientRequest,
    endpoint: web::Data<TokenEndpoint>,
    server: web::Data<Red5Server>,
) -> Answer {
    let client = sent.prove(&endpoint)?;
    let granted = match sent.require("grant_type")? {
        "authorization_code" => {
            let code = sent.require("code")?;
            let redirect_uri = sent.require("redirect_uri")?;
            let verifier = sent.require("code_verifier")?;
            if !is_verifier(verifier) {
                return Err(invalid(
                    "code_verifier is 43 to 128 characters out of A-Z a-z 0-9 - . _ ~",
                ));
            }
            sent.count(code)?;
            endpoint.code(&client, code, redirect_uri, verifier).await?
        }
        "refresh_token" => {
            let token = sent.require("refresh_token")?;
            sent.count(token)?;
            endpoint.refresh(&client, token, sent.get("scope")).await?
        }
        DEVICE_CODE => {
            let code = sent.require("device_code")?;
            sent.count(code)?;
            endpoint.device(&client, code).await?
        }
        TOKEN_EXCHANGE => return exchange(&sent, &client, &endpoint, &server).await,
        _ => return Err(Refusal::new(problems::UNSUPPORTED_GRANT_TYPE)),
    };
    Ok(answer(&granted, &server, JWT))
}

/// RFC 8628 §3.4.
pub const DEVICE_CODE: &str = "urn:ietf:params:oauth:grant-type:device_code";

/// RFC 8693 §2.1.
pub const TOKEN_EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";

/// RFC 8693 §3.
const JWT: &str = "urn:ietf:params:oauth:token-type:jwt";

/// RFC 8693 §3.
const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";

/// Parameters of a token exchange that would change what the token is for, or for whom it is asked: they are refused by
/// name, never passed over.
async fn exchange(
    sent: &ClientRequest,
    client: &ProvenClient,
    endpoint: &TokenEndpoint,
    server: &Red5Server,
) -> Answer {
    for name in ["audience", "resource"] {
        if sent.has(name) {
            let sentence =
                format!("{name} is not supported: every token is for the one streaming server");
            return Err(Refusal::new(problems::INVALID_TARGET).saying(sentence));
        }
    }
    for name in ["actor_token", "actor_token_type"] {
        if sent.has(name) {
            return Err(invalid(format!(
                "{name} is not supported: there is no delegation here"
            )));
        }
    }
    let issued_type = match sent.get("requested_token_type") {
        None | Some(JWT) => JWT,
        Some(ACCESS_TOKEN) => ACCESS_TOKEN,
        Some(_) => {
            return Err(invalid(format!(
                "requested_token_type must be {JWT} or {ACCESS_TOKEN}"
            )));
        }
    };
    let token = sent.require("subject_token")?;
    let kind = SubjectTokenType::parse(sent.require("subject_token_type")?).ok_or_else(|| {
        invalid("subject_token_type must end with :id_token, :jwt or :access_token, as in RFC 8693 section 3")
    })?;
    sent.count(token)?;
    let token = token.to_owned().into();
    let granted = endpoint
        .exchange(client, &token, kind, sent.get("scope"))
        .await?;
    Ok(answer(&granted, server, issued_type))
}

/// The members of POST `/api/token`, and the refresh token.
fn answer(granted: &Granted, server: &Red5Server, issued_type: &'static str) -> HttpResponse {
    let refresh_token = granted.refresh_token.as_ref();
    let answer = TokenAnswer::new(&granted.issued, server).of_type(issued_type);
    let refresh_token = refresh_token.map(ExposeSecret::expose_secret);
    HttpResponse::Ok().json(answer.with_refresh_token(refresh_token))
}

/// RFC 7636 §4.1.
fn is_verifier(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    (43..=128).contains(&text.len()) && text.bytes().all(allowed)
}

/// POST `/oauth2/revoke`: also answers 200 for a token that means nothing (RFC 7009 §2.2).
pub async fn revoke(sent: ClientRequest, endpoint: web::Data<TokenEndpoint>) -> Answer {
    let client = sent.prove(&endpoint)?;
    endpoint.revoke(&client, sent.require("token")?).await?;
    Ok(HttpResponse::Ok().json(json!({})))
}

impl From<TokenRefused> for Refusal {
    fn from(error: TokenRefused) -> Self {
        let sentence = error.to_string();
        match error {
            // RFC 6749 §5.2.
            TokenRefused::Client => Self::new(problems::INVALID_CLIENT).header(
                header::WWW_AUTHENTICATE,
                HeaderValue::from_static("Basic realm=\"red5-bridge\""),
            ),
            TokenRefused::Unauthorized(_) => {
                Self::new(problems::UNAUTHORIZED_CLIENT).saying(sentence)
            }
            // RFC 8628 §3.5.
            TokenRefused::Pending { too_soon: false } => Self::new(problems::AUTHORIZATION_PENDING),
            TokenRefused::Pending { too_soon: true } => Self::new(problems::SLOW_DOWN),
            TokenRefused::TooManyDevices => Self::new(problems::RATE_LIMITED)
                .saying(sentence)
                .header(header::RETRY_AFTER, HeaderValue::from_static("60")),
            TokenRefused::Denied => Self::new(problems::CONSENT_DENIED),
            TokenRefused::Expired => Self::new(problems::EXPIRED_TOKEN),
            TokenRefused::Grant(_) => Self::new(problems::INVALID_GRANT).saying(sentence),
            TokenRefused::Scope(_) => Self::new(problems::INVALID_SCOPE).saying(sentence),
            TokenRefused::Subject(SubjectTokenError::Refused(_)) => invalid(sentence),
            TokenRefused::Subject(SubjectTokenError::Unavailable(error)) => {
                let code = error.code();
                tracing::warn!(event = "subject_token_not_checked", code, %error);
                Self::new(problems::PROVIDER_UNAVAILABLE).logged()
            }
            TokenRefused::Session(error) => error.into(),
            TokenRefused::NoToken(error) => error.into(),
            TokenRefused::Store(error) => error.into(),
            TokenRefused::NoRandomness => Self::new(problems::INTERNAL),
        }
    }
}
