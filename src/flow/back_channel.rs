//! What the provider says by itself: that a session of its own is over (OpenID
//! Connect Back-Channel Logout 1.0). The token is verified, then what it names ends,
//! if it began before the token; the same token a second time does nothing.

use std::sync::Arc;

use crate::fingerprint::pseudonym;
use crate::store::StoreError;
use crate::store::live::LiveSessions;
use crate::store::logouts::Logout;
use crate::upstream::Provider;
use crate::upstream::logout_token::NoLogout;

/// The story's parts.
pub struct BackChannel {
    provider: Arc<Provider>,
    live: Arc<LiveSessions>,
}

/// Why nothing ended.
#[derive(Debug, thiserror::Error)]
pub enum BackChannelError {
    /// The token, or the provider's keys.
    #[error(transparent)]
    Token(#[from] NoLogout),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl BackChannel {
    /// Puts the story together.
    pub fn new(provider: Arc<Provider>, live: Arc<LiveSessions>) -> Self {
        Self { provider, live }
    }

    /// Takes a logout token; good also where nothing is left to end.
    pub async fn log_out(&self, token: &str) -> Result<(), BackChannelError> {
        let token = self.provider.logout_token(token).await.inspect_err(told)?;
        let subject = token.subject.as_deref().map(pseudonym);
        let by = if token.sid.is_some() {
            "sid"
        } else {
            "subject"
        };
        let logout = Logout {
            token_hash: token.hash,
            issuer: token.issuer.clone(),
            subject: token.subject.clone(),
            sid: token.sid.clone(),
            issued_at: token.issued_at,
            expires_at: token.forgotten_at,
        };
        let subject = subject.as_deref();
        if let Some(sessions) = self.live.log_out(&logout).await? {
            tracing::info!(event = "logged_out", by, sessions, subject);
        } else {
            tracing::info!(event = "logout_repeated", by, subject);
        }
        Ok(())
    }
}

fn told(error: &NoLogout) {
    match error {
        NoLogout::Unavailable(outage) => {
            tracing::warn!(event = "logout_not_verified", reason = outage.code());
        }
        NoLogout::Refused(flaw) => {
            tracing::info!(event = "logout_refused", reason = flaw.code());
        }
    }
}
