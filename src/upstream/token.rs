//! The provider's token endpoint (RFC 6749 §4.1.3 and §5, OpenID Connect Core §3.1.3).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use reqwest::header::HeaderValue;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use url::Url;
use url::form_urlencoded::byte_serialize;

use super::client_auth::ClientAuth;
use super::discovery::Document;
use super::error::{Outage, UpstreamError};
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

/// Spends an authorization code.
///
/// # Errors
/// When the provider does not answer, says no, or answers something else.
pub(super) async fn spend_code(
    http: &Http,
    document: &Document,
    settings: &ProviderSettings,
    secrets: &AttemptSecrets,
    code: &SecretString,
) -> Result<Tokens, UpstreamError> {
    read(&ask(http, document, settings, secrets, code).await?)
}

/// Spends a refresh token (RFC 6749 §6). The scopes stay those that were granted.
///
/// # Errors
/// As [`spend_code`].
pub(super) async fn spend_refresh_token(
    http: &Http,
    document: &Document,
    settings: &ProviderSettings,
    refresh_token: &SecretString,
) -> Result<Tokens, UpstreamError> {
    let form = vec![
        ("grant_type", "refresh_token"),
        ("refresh_token", refresh_token.expose_secret()),
    ];
    read(
        &post(
            http,
            document,
            (ProviderEndpoint::Token, &document.token),
            settings,
            form,
        )
        .await?,
    )
}

/// Revokes a refresh token (RFC 7009 §2.1).
///
/// # Errors
/// When there is no answer, or another than "it is revoked" (§2.2).
pub(super) async fn revoke(
    http: &Http,
    document: &Document,
    endpoint: &Url,
    settings: &ProviderSettings,
    refresh_token: &SecretString,
) -> Result<(), UpstreamError> {
    let form = vec![
        ("token", refresh_token.expose_secret()),
        ("token_type_hint", "refresh_token"),
    ];
    let place = (ProviderEndpoint::Revocation, endpoint);
    let reply = post(http, document, place, settings, form).await?;
    match (reply.status, reply.oauth_error()) {
        (200..=299, _) => Ok(()),
        (_, Some(error)) => Err(error),
        (_, None) => Err(UpstreamError::Unavailable(reply.refusal())),
    }
}

/// The token endpoint's answer to a code, whatever it says.
///
/// # Errors
/// When there is none.
pub(super) async fn ask(
    http: &Http,
    document: &Document,
    settings: &ProviderSettings,
    secrets: &AttemptSecrets,
    code: &SecretString,
) -> Result<Reply, UpstreamError> {
    let form = vec![
        ("grant_type", "authorization_code"),
        ("code", code.expose_secret()),
        ("redirect_uri", &settings.redirect_uri),
        ("code_verifier", secrets.verifier.expose_secret()),
    ];
    post(
        http,
        document,
        (ProviderEndpoint::Token, &document.token),
        settings,
        form,
    )
    .await
}

/// Posts the form to `place`, and shows who this client is as the provider wants it.
async fn post<'a>(
    http: &Http,
    document: &Document,
    (endpoint, url): (ProviderEndpoint, &Url),
    settings: &'a ProviderSettings,
    mut form: Vec<(&'static str, &'a str)>,
) -> Result<Reply, UpstreamError> {
    let secret = settings
        .client_secret
        .as_ref()
        .map_or("", |secret| secret.expose_secret());
    let authorization = match document.client_auth {
        ClientAuth::Basic => basic(&settings.client_id, secret)?,
        ClientAuth::Post => {
            form.extend([
                ("client_id", settings.client_id.as_str()),
                ("client_secret", secret),
            ]);
            Authorization::None
        }
        ClientAuth::Public => {
            form.push(("client_id", &settings.client_id));
            Authorization::None
        }
    };
    http.post_form(endpoint, url, &form, authorization)
        .await
        .map_err(UpstreamError::Unavailable)
}

/// RFC 6749 §2.3.1: both halves are form-urlencoded first, so that a colon or a
/// percent sign in a secret means itself.
fn basic(client_id: &str, secret: &str) -> Result<Authorization, UpstreamError> {
    let encode = |half: &str| byte_serialize(half.as_bytes()).collect::<String>();
    let pair = STANDARD.encode(format!("{}:{}", encode(client_id), encode(secret)));
    HeaderValue::try_from(format!("Basic {pair}"))
        .map(Authorization::Header)
        .map_err(|_| UpstreamError::Unavailable(Outage::ClientAuthentication))
}

/// RFC 6749 §5.1 and §5.2. Some providers say `error` in a 200 or in a 500: what
/// it says counts, not the status. 429 is never about what was sent.
pub(super) fn read(reply: &Reply) -> Result<Tokens, UpstreamError> {
    let said = reply.oauth_error().filter(|_| reply.status != 429);
    if let (Some(error), 200 | 400..=599) = (said, reply.status) {
        return Err(error);
    }
    let wire: Wire = reply.json().map_err(UpstreamError::Unavailable)?;
    // Of another type than text: neither an error that can be read, nor a good answer.
    if wire.error.is_some() {
        return Err(UpstreamError::Unavailable(Outage::Unreadable));
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

/// An empty one would take the place of a good one.
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
