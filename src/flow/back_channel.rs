//! What the provider says by itself: that a session of its own is over (OpenID
//! Connect Back-Channel Logout 1.0). The token is verified, then what it names ends,
//! if it is not newer than the logout; the same token a second time does nothing.
//!
//! One that cannot be verified yet, because the keys cannot be had or were read a moment
//! ago, is answered with "send it again"; many providers never do, so it is kept and
//! judged again.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio::time::sleep;

use crate::clock::Clock;
use crate::fingerprint::pseudonym;
use crate::store::StoreError;
use crate::store::live::LiveSessions;
use crate::store::logouts::Logout;
use crate::upstream::Provider;
use crate::upstream::logout_token::NoLogout;

/// How many tokens are kept at most, to be judged again; strangers can send some too.
const KEPT_MAX: usize = 64;

/// How often one is judged again: for as long as it would be young enough.
const AGAIN_MAX: usize = 20;

/// The story's parts.
pub struct BackChannel(Arc<Inner>);

struct Inner {
    provider: Arc<Provider>,
    live: Arc<LiveSessions>,
    clock: Arc<dyn Clock>,
    kept: Arc<Semaphore>,
    /// Where kept tokens wait: a worker's own runtime ends with the worker.
    runtime: Handle,
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

impl BackChannelError {
    /// Whether the same token may be good later.
    fn is_passing(&self) -> bool {
        matches!(
            self,
            Self::Token(NoLogout::Unavailable(_)) | Self::Store(StoreError::Unavailable(_))
        )
    }
}

impl BackChannel {
    /// Puts the story together; kept tokens wait on the runtime of the caller.
    pub fn new(provider: Arc<Provider>, live: Arc<LiveSessions>, clock: Arc<dyn Clock>) -> Self {
        Self(Arc::new(Inner {
            provider,
            live,
            clock,
            kept: Arc::new(Semaphore::new(KEPT_MAX)),
            runtime: Handle::current(),
        }))
    }

    /// Takes a logout token; good also where nothing is left to end.
    pub async fn log_out(&self, token: &str) -> Result<(), BackChannelError> {
        let arrived_at = self.0.clock.now();
        let outcome = self.0.judge(token, arrived_at).await;
        if let Err(error) = &outcome {
            tell(error);
            if error.is_passing() {
                self.keep(token.to_owned(), arrived_at);
            }
        }
        outcome
    }

    /// Judges it again by itself, if there is room.
    fn keep(&self, token: String, arrived_at: DateTime<Utc>) {
        let Ok(place) = Arc::clone(&self.0.kept).try_acquire_owned() else {
            return;
        };
        let inner = Arc::clone(&self.0);
        self.0.runtime.spawn(async move {
            let _place = place;
            for _ in 0..AGAIN_MAX {
                sleep(inner.provider.keys_refetch_interval()).await;
                match inner.judge(&token, arrived_at).await {
                    Err(error) if error.is_passing() => {}
                    Err(error) => return tell(&error),
                    Ok(()) => return,
                }
            }
        });
    }
}

impl Inner {
    async fn judge(&self, token: &str, arrived_at: DateTime<Utc>) -> Result<(), BackChannelError> {
        let token = self.provider.logout_token(token).await?;
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
            arrived_at,
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

/// What the database says is told where it is asked.
fn tell(error: &BackChannelError) {
    match error {
        BackChannelError::Token(NoLogout::Unavailable(outage)) => {
            tracing::warn!(event = "logout_not_verified", reason = outage.code(), error = %outage);
        }
        BackChannelError::Token(NoLogout::Refused(flaw)) => {
            tracing::info!(event = "logout_refused", reason = flaw.code());
        }
        BackChannelError::Store(_) => {}
    }
}
