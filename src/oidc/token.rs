//! The provider's token endpoint (RFC 6749 §4.1.3 and §5, OpenID Connect Core §3.1.3).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use reqwest::header::HeaderValue;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use url::Url;
use url::form_urlencoded::byte_serialize;

use super::client_auth::{ClientAuth, assertion_audience};
use super::discovery::Document;
use super::error::{OidcError, Outage};
use super::http::{Authorization, Http, Reply};
use super::{AttemptSecrets, ProviderSettings};
use crate::metrics::ProviderEndpoint;

/// What a good answer carries, as far as it is used.
#[expect(
    clippy::struct_field_names,
    reason = "the names of RFC 6749 and OpenID Connect"
)]
pub(super) struct Tokens {
    pub(super) id_token: Option<SecretString>,
    /// Only one of type Bearer: RFC 6749 §7.1 forbids to use a type that is not understood.
    pub(super) access_token: Option<SecretString>,
    pub(super) refresh_token: Option<SecretString>,
}

#[derive(Deserialize)]
struct Wire {
    id_token: Option<String>,
    access_token: Option<String>,
    token_type: Option<String>,
    refresh_token: Option<String>,
    error: Option<serde_json::Value>,
}

/// RFC 7523 §2.2.
const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// The client at the endpoints where it has to authenticate.
pub(super) struct OAuthClient<'a> {
    pub(super) http: &'a Http,
    pub(super) document: &'a Document,
    pub(super) settings: &'a ProviderSettings,
    pub(super) now: DateTime<Utc>,
}

impl OAuthClient<'_> {
    /// Spends an authorization code.
    ///
    /// # Errors
    /// When the provider does not answer, says no, or answers something else.
    pub(super) async fn spend_code(
        &self,
        secrets: &AttemptSecrets,
        code: &SecretString,
    ) -> Result<Tokens, OidcError> {
        read(&self.send_code(secrets, code).await?)
    }

    /// The token endpoint's answer to a code, whatever it says.
    ///
    /// # Errors
    /// When there is none.
    pub(super) async fn send_code(
        &self,
        secrets: &AttemptSecrets,
        code: &SecretString,
    ) -> Result<Reply, OidcError> {
        let form = vec![
            ("grant_type", "authorization_code"),
            ("code", code.expose_secret()),
            ("redirect_uri", &self.settings.redirect_uri),
            ("code_verifier", secrets.verifier.expose_secret()),
        ];
        let token = &self.document.token;
        self.post(ProviderEndpoint::Token, token, form).await
    }

    /// Spends a refresh token (RFC 6749 §6). The scopes stay those that were granted.
    ///
    /// # Errors
    /// As [`Self::spend_code`].
    pub(super) async fn spend_refresh_token(
        &self,
        refresh_token: &SecretString,
    ) -> Result<Tokens, OidcError> {
        let form = vec![
            ("grant_type", "refresh_token"),
            ("refresh_token", refresh_token.expose_secret()),
        ];
        let token = &self.document.token;
        read(&self.post(ProviderEndpoint::Token, token, form).await?)
    }

    /// Revokes a refresh token (RFC 7009 §2.1).
    ///
    /// # Errors
    /// When there is no answer, or another than "it is revoked" (§2.2).
    pub(super) async fn revoke(
        &self,
        endpoint: &Url,
        refresh_token: &SecretString,
    ) -> Result<(), OidcError> {
        let form = vec![
            ("token", refresh_token.expose_secret()),
            ("token_type_hint", "refresh_token"),
        ];
        let posted = self.post(ProviderEndpoint::Revocation, endpoint, form);
        let reply = posted.await?;
        match (reply.status, reply.oauth_error()) {
            (200..=299, _) => Ok(()),
            (_, Some(error)) => Err(error),
            (_, None) => Err(OidcError::Unavailable(reply.unexpected_status())),
        }
    }

    /// Posts a form with the client's authentication.
    async fn post(
        &self,
        endpoint: ProviderEndpoint,
        url: &Url,
        mut form: Vec<(&str, &str)>,
    ) -> Result<Reply, OidcError> {
        let client_id = self.settings.client_id.as_str();
        let mut authorization = Authorization::None;
        let assertion;
        match &self.document.client_auth {
            ClientAuth::Basic(secret) => authorization = basic(client_id, secret.expose_secret())?,
            ClientAuth::None => form.push(("client_id", client_id)),
            ClientAuth::Post(secret) => form.extend([
                ("client_id", client_id),
                ("client_secret", secret.expose_secret()),
            ]),
            ClientAuth::PrivateKey(key) => {
                let audience = assertion_audience(&self.settings.issuer, &self.document.token);
                assertion = key.assertion(client_id, audience, self.now)?;
                form.extend([
                    ("client_id", client_id),
                    ("client_assertion_type", ASSERTION_TYPE),
                    ("client_assertion", &assertion),
                ]);
            }
        }
        let posted = self.http.post_form(endpoint, url, &form, authorization);
        posted.await.map_err(OidcError::Unavailable)
    }
}

/// RFC 6749 §2.3.1: both halves are form-urlencoded first, so that a colon or a
/// percent sign in a secret means itself.
fn basic(client_id: &str, secret: &str) -> Result<Authorization, OidcError> {
    let encode = |half: &str| byte_serialize(half.as_bytes()).collect::<String>();
    let pair = STANDARD.encode(format!("{}:{}", encode(client_id), encode(secret)));
    HeaderValue::try_from(format!("Basic {pair}"))
        .map(Authorization::Header)
        .map_err(|_| OidcError::Unavailable(Outage::ClientAuthentication))
}

/// RFC 6749 §5.1 and §5.2. Some providers say `error` in a 200 or in a 500: what
/// it says counts, not the status. 429 is never about what was sent.
pub(super) fn read(reply: &Reply) -> Result<Tokens, OidcError> {
    let said = reply.oauth_error().filter(|_| reply.status != 429);
    if let (Some(error), 200 | 400..=599) = (said, reply.status) {
        return Err(error);
    }
    let wire: Wire = reply.json().map_err(OidcError::Unavailable)?;
    // `error` is there, but it is no string: the answer is neither an error nor a success.
    if wire.error.is_some() {
        return Err(OidcError::Unavailable(Outage::Unreadable));
    }
    let bearer = wire
        .token_type
        .is_some_and(|kind| kind.eq_ignore_ascii_case("bearer"));
    Ok(Tokens {
        id_token: wire.id_token.map(SecretString::from),
        access_token: wire.access_token.filter(|_| bearer).map(SecretString::from),
        refresh_token: given(wire.refresh_token),
    })
}

/// An empty refresh token counts as none: otherwise it would replace a good one.
fn given(token: Option<String>) -> Option<SecretString> {
    let token = token.filter(|token| !token.is_empty());
    token.map(SecretString::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cb_10_client_id_and_secret_are_form_urlencoded_before_basic() {
        let Ok(Authorization::Header(value)) = basic("my:client", "a:b%c+d e/ü") else {
            panic!("no header");
        };
        let pair = value.to_str().unwrap().strip_prefix("Basic ").unwrap();
        let pair = String::from_utf8(STANDARD.decode(pair).unwrap()).unwrap();
        assert_eq!(pair, "my%3Aclient:a%3Ab%25c%2Bd+e%2F%C3%BC");
    }
}
