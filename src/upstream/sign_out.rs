//! Signing out at the provider (OpenID Connect RP-Initiated Logout 1.0).

use url::Url;

use super::Provider;

/// Longest address with a hint, in bytes. Servers and proxies commonly read
/// request lines of 8 KB and answer longer ones with an error of their own.
const WITH_HINT_MAX_BYTES: usize = 8000;

impl Provider {
    /// Where to end the session at the provider too (§2); none when it has no
    /// such place or nothing is known of it. A hint with which the address would
    /// be too long is left out: then the provider asks the person before it
    /// believes who wants to leave.
    pub fn end_session_url(&self, id_token_hint: Option<&str>, state: &str) -> Option<Url> {
        let endpoint = self.known.current()?.document.end_session.clone()?;
        let url = |hint: Option<&str>| {
            // What the endpoint's own query holds stays.
            let mut url = endpoint.clone();
            let mut query = url.query_pairs_mut();
            if let Some(hint) = hint {
                query.append_pair("id_token_hint", hint);
            }
            query
                .append_pair("client_id", &self.settings.client_id)
                .append_pair(
                    "post_logout_redirect_uri",
                    &self.settings.post_logout_redirect_uri,
                )
                .append_pair("state", state);
            drop(query);
            url
        };
        let whole = url(id_token_hint);
        if whole.as_str().len() <= WITH_HINT_MAX_BYTES {
            Some(whole)
        } else {
            Some(url(None))
        }
    }

    /// Whether it has such a place, as far as is known.
    pub fn ends_sessions(&self) -> bool {
        let known = self.known.current();
        known.is_some_and(|known| known.document.end_session.is_some())
    }
}
