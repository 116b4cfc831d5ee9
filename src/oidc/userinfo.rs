//! The provider's userinfo endpoint (OpenID Connect Core §5.3), asked when the ID token
//! lacks one of the configured claims.

use reqwest::header::HeaderValue;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use url::Url;

use super::Provider;
use super::error::{InvalidAnswer, OidcError};
use super::http::{Authorization, Http, Reply};
use super::keys::KeySet;
use super::signed_token::{self, Signed, TokenFlaw};
use crate::json::Object;
use crate::metrics::ProviderEndpoint;

impl Provider {
    /// The claims about `subject`.
    ///
    /// # Errors
    /// When the endpoint cannot be asked or does not answer, and when the answer is
    /// about another subject.
    pub(super) async fn userinfo(
        &self,
        http: &Http,
        endpoint: &Url,
        access_token: Option<&SecretString>,
        subject: &str,
    ) -> Result<Object, OidcError> {
        let authorization = access_token
            .and_then(bearer)
            .ok_or(OidcError::Refused(InvalidAnswer::AccessToken))?;
        let reply = http
            .get(ProviderEndpoint::Userinfo, endpoint, authorization)
            .await
            .map_err(OidcError::Unavailable)?;
        if let Some(wait) = reply.request_to_wait() {
            return Err(OidcError::Unavailable(wait));
        }
        let claims = if reply.is_jwt() {
            self.signed_userinfo(&reply).await?
        } else {
            reply.json().map_err(OidcError::Unavailable)?
        };
        // OpenID Connect Core §5.3.2: otherwise a token put in the place of another
        // would bring another person's groups.
        match claims.get("sub").and_then(Value::as_str) {
            Some(sub) if sub == subject => Ok(claims),
            Some(_) => Err(OidcError::Refused(InvalidAnswer::UserinfoSubject)),
            None => Err(OidcError::Refused(InvalidAnswer::UserinfoNobody)),
        }
    }

    /// OpenID Connect Core §5.3.2: signed, with `iss` and `aud` if the provider says them.
    async fn signed_userinfo(&self, reply: &Reply) -> Result<Object, OidcError> {
        let raw = reply.ok_text().map_err(OidcError::Unavailable)?;
        let settings = &self.settings;
        let verify = |keys: &KeySet| -> Result<Object, TokenFlaw> {
            let Signed { claims, .. } =
                signed_token::open(raw.trim(), keys, &settings.signing_algs, &[])?;
            if claims.contains_key("iss") {
                signed_token::check_issuer(&claims, &settings.issuer)?;
            }
            if claims.contains_key("aud") {
                settings.audience().check(&claims)?;
            }
            Ok(claims)
        };
        let newer_may_do = |flaw: &TokenFlaw| flaw.newer_keys_may_do();
        let verified = self.with_keys(verify, newer_may_do, |flaw, _| Ok(flaw));
        let verified = verified.await.map_err(OidcError::Unavailable)?;
        verified.map_err(|flaw| OidcError::Refused(InvalidAnswer::UserinfoToken(flaw)))
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
