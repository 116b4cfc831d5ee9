//! The provider's userinfo endpoint (OpenID Connect Core §5.3), asked only when the
//! ID token has no groups claim.

use reqwest::header::HeaderValue;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use url::Url;

use super::error::{Refusal, UpstreamError};
use super::http::{Authorization, Http};
use crate::metrics::ProviderEndpoint;
use crate::once::{Object, Once};

/// The claims about `subject`.
///
/// # Errors
/// When the endpoint cannot be asked or does not answer, and when the answer is
/// about somebody else: any of them fails the sign-in, because to go on without
/// groups would be to decide by a failure.
pub(super) async fn read(
    http: &Http,
    endpoint: &Url,
    access_token: Option<&SecretString>,
    subject: &str,
) -> Result<Object, UpstreamError> {
    let authorization = access_token
        .and_then(bearer)
        .ok_or(UpstreamError::Refused(Refusal::AccessToken))?;
    let reply = http
        .get(ProviderEndpoint::Userinfo, endpoint, authorization)
        .await
        .map_err(UpstreamError::Unavailable)?;
    let Once(claims) = reply.json().map_err(UpstreamError::Unavailable)?;
    // OpenID Connect Core §5.3.2: otherwise a token put in the place of another
    // would bring another person's groups.
    match claims.get("sub").and_then(Value::as_str) {
        Some(sub) if sub == subject => Ok(claims),
        Some(_) => Err(UpstreamError::Refused(Refusal::UserinfoSubject)),
        None => Err(UpstreamError::Refused(Refusal::UserinfoNobody)),
    }
}

fn bearer(token: &SecretString) -> Option<Authorization> {
    let token = token.expose_secret();
    if !is_b64token(token) {
        return None;
    }
    HeaderValue::try_from(format!("Bearer {token}"))
        .ok()
        .map(Authorization::Header)
}

/// RFC 6750 §2.1. A line end in a token would write headers of its own.
fn is_b64token(token: &str) -> bool {
    let body = token.trim_end_matches('=');
    !body.is_empty()
        && body
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-._~+/".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tx_6_only_b64tokens_are_sent() {
        for token in ["a", "a.b-c_d~e+f/g", "abc=", "abc=="] {
            assert!(is_b64token(token), "{token}");
        }
        for token in [
            "",
            "=",
            "a=b",
            "a b",
            "a\r\nX: y",
            "a\u{7f}",
            "a\u{0}",
            "ä",
            "a,b",
            "a;b",
        ] {
            assert!(!is_b64token(token), "{token:?}");
        }
    }
}
