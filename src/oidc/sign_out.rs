//! Sign-out at the provider (OpenID Connect RP-Initiated Logout 1.0).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use openidconnect::core::CoreAuthPrompt;
use secrecy::SecretString;
use serde_json::Value;
use url::Url;

use super::Provider;
use super::error::OidcError;
use crate::json;

/// Longest URL with a hint, in bytes. Entra refuses long ones, and some proxies refuse those over 2
/// KB.
const WITH_HINT_MAX_BYTES: usize = 2000;

impl Provider {
    /// The URL that ends the provider's session (§2); `None` if the provider has no such endpoint
    /// or its metadata is not cached. If the ID token would make the URL too long, it is left out,
    /// and `logout_hint` names the user instead.
    pub fn end_session_url(&self, id_token: Option<&str>, state: &str) -> Option<Url> {
        let known = self.metadata.current()?;
        let endpoint = known.metadata.end_session.as_ref()?;
        let settings = &self.settings;
        let url = |hint: Option<(&str, &str)>| {
            // Keep the parameters that the endpoint's own query contains.
            let mut url = endpoint.clone();
            url.query_pairs_mut().extend_pairs(hint).extend_pairs([
                ("client_id", settings.client_id.as_str()),
                (
                    "post_logout_redirect_uri",
                    &settings.post_logout_redirect_uri,
                ),
                ("state", state),
            ]);
            url
        };
        let logout_hint = id_token.and_then(logout_hint);
        let hints = [
            id_token.map(|hint| ("id_token_hint", hint)),
            logout_hint.as_deref().map(|hint| ("logout_hint", hint)),
        ];
        let with_hint = hints.into_iter().flatten().map(|hint| url(Some(hint)));
        let mut short = with_hint.filter(|url| url.as_str().len() <= WITH_HINT_MAX_BYTES);
        Some(short.next().unwrap_or_else(|| url(None)))
    }

    /// Whether the cached metadata has an end-session endpoint.
    pub fn ends_sessions(&self) -> bool {
        let known = self.metadata.current();
        known.is_some_and(|known| known.metadata.end_session.is_some())
    }

    /// Whether another person can sign in only after a sign-out at the provider: with
    /// `prompt=login`, many providers ask the current person for the password again.
    pub fn signs_out_first(&self) -> bool {
        let known = self.metadata.current();
        known.is_some_and(|known| {
            known.metadata.end_session.is_some()
                && known.metadata.account_choice != CoreAuthPrompt::SelectAccount
        })
    }

    /// Whether the cached metadata has a revocation endpoint (RFC 7009).
    pub fn revokes(&self) -> bool {
        let known = self.metadata.current();
        known.is_some_and(|known| known.metadata.revocation.is_some())
    }

    /// Revokes a refresh token if the provider supports it.
    ///
    /// # Errors
    /// If the provider does not answer, or refuses.
    pub async fn revoke(&self, refresh_token: &SecretString) -> Result<(), OidcError> {
        let Some(known) = self.metadata.current() else {
            return Ok(());
        };
        let metadata = &known.metadata;
        let Some(endpoint) = &metadata.revocation else {
            return Ok(());
        };
        let (http, now) = (&self.refresh_http, self.clock.now());
        metadata
            .client
            .revoke(http, endpoint, refresh_token, now)
            .await
    }
}

/// The user of the ID token for `logout_hint`: the `login_hint` claim, else the subject. The token
/// was verified when it arrived; here it is only read.
fn logout_hint(id_token: &str) -> Option<String> {
    let claims = URL_SAFE_NO_PAD.decode(id_token.split('.').nth(1)?).ok()?;
    let claims = json::object(&claims)?;
    let text = |name| claims.get(name).and_then(Value::as_str);
    let login_hint = text("login_hint").filter(|hint| !hint.is_empty());
    login_hint.or_else(|| text("sub")).map(str::to_owned)
}
