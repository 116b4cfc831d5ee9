//! Back-channel logout: the provider reports that its session ended (OpenID Connect Back-Channel
//! Logout 1.0). The logout token is verified; then the sessions that it names end, unless they are
//! newer than the logout. Repeating a token has no effect.
//!
//! Many providers send a token only once. So a token waits in memory and is judged again while the
//! database or the provider's keys are unavailable, or if the keys were read just before it
//! arrived.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::TimeDelta;
use tokio::runtime::Handle;
use tokio::time::{Instant, sleep};

use crate::clock::Clock;
use crate::fingerprint::pseudonym;
use crate::oidc::Provider;
use crate::oidc::logout_token::{Arrival, NoLogout};
use crate::store::StoreError;
use crate::store::logouts::Logout;
use crate::store::session_cache::SessionCache;

/// Maximum number of waiting tokens; unauthenticated clients can send some too.
const WAITING_MAX: usize = 64;

/// Maximum number of waiting tokens from one network, so that one client cannot take all the
/// places.
const WAITING_OF_ONE_MAX: usize = 16;

/// Maximum number of retries, 30 s apart: ten minutes in total. A token that is no valid logout
/// token is refused at the first retry, unless the keys cannot be read.
const RETRIES_MAX: u32 = 20;

/// The use case, with the parts that it needs.
pub struct BackChannel(Arc<Inner>);

struct Inner {
    provider: Arc<Provider>,
    sessions: Arc<SessionCache>,
    clock: Arc<dyn Clock>,
    /// Tokens that are not verified yet; unauthenticated clients can send some too.
    unverified: Waiting,
    /// Verified tokens of the provider, which wait for the database.
    verified: Waiting,
    /// The runtime for waiting tokens; a worker's own runtime ends with the worker.
    runtime: Handle,
}

/// Why no session was ended.
#[derive(Debug, thiserror::Error)]
pub enum BackChannelError {
    /// The token is invalid, or the provider's keys are unavailable.
    #[error(transparent)]
    Token(#[from] NoLogout),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl BackChannelError {
    /// Whether the same token may be accepted later.
    fn is_passing(&self) -> bool {
        matches!(
            self,
            Self::Token(NoLogout::Unavailable(_) | NoLogout::InDoubt(_))
                | Self::Store(StoreError::Unavailable(_))
        )
    }
}

impl BackChannel {
    /// Waiting tokens run on the caller's runtime.
    pub fn new(
        provider: Arc<Provider>,
        sessions: Arc<SessionCache>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self(Arc::new(Inner {
            provider,
            sessions,
            clock,
            unverified: Waiting::default(),
            verified: Waiting::default(),
            runtime: Handle::current(),
        }))
    }

    /// Processes a logout token from a client in `network`. Also succeeds if no session matches.
    pub async fn log_out(&self, token: &str, network: IpAddr) -> Result<(), BackChannelError> {
        let mut arrived = Arrived {
            token: token.to_owned(),
            arrival: Arrival {
                at: self.0.clock.now(),
                moment: Instant::now(),
            },
            verified: None,
            waited: false,
        };
        let outcome = self.0.judge(&mut arrived).await;
        if let Err(error) = &outcome {
            log_refusal(error);
            if error.is_passing() {
                self.judge_later(arrived, network);
            }
        }
        outcome
    }

    /// Retries in the background until the token is processed or has waited too long; does nothing
    /// if there is no place for it.
    fn judge_later(&self, mut arrived: Arrived, network: IpAddr) {
        let waiting = match arrived.verified {
            Some(_) => &self.0.verified,
            None => &self.0.unverified,
        };
        let Some(place) = waiting.place(network) else {
            tracing::warn!(
                event = "logout_not_kept",
                "too many logout tokens wait to be verified again; the provider has to send this one again"
            );
            return;
        };
        arrived.waited = true;
        let inner = Arc::clone(&self.0);
        self.0.runtime.spawn(async move {
            let _place = place;
            for _ in 0..RETRIES_MAX {
                sleep(inner.provider.keys_refetch_interval()).await;
                match inner.judge(&mut arrived).await {
                    Err(error) if error.is_passing() => {}
                    Err(error) => return log_refusal(&error),
                    Ok(()) => return,
                }
            }
        });
    }
}

/// A token, possibly judged several times.
struct Arrived {
    token: String,
    arrival: Arrival,
    /// The token's content once it is verified; the keys are not needed any more then.
    verified: Option<Logout>,
    /// Whether the token has been judged before and was deferred.
    waited: bool,
}

impl Inner {
    async fn judge(&self, arrived: &mut Arrived) -> Result<(), BackChannelError> {
        let logout = match &mut arrived.verified {
            Some(logout) => logout,
            none => none.insert(self.verify(&arrived.token, arrived.arrival).await?),
        };
        let subject = logout.subject.as_deref().map(pseudonym);
        let subject = subject.as_deref();
        let by = if logout.sid.is_some() {
            "sid"
        } else {
            "subject"
        };
        if let Some(sessions) = self.sessions.log_out(logout, arrived.waited).await? {
            tracing::info!(event = "logged_out", by, sessions, subject);
        } else {
            tracing::info!(event = "logout_repeated", by, subject);
        }
        Ok(())
    }

    async fn verify(&self, token: &str, arrival: Arrival) -> Result<Logout, NoLogout> {
        let token = self.provider.logout_token(token, arrival).await?;
        Ok(Logout {
            token_hash: token.hash,
            issuer: token.issuer,
            subject: token.subject,
            sid: token.sid,
            issued_at: token.issued_at,
            arrived_at: arrival.at,
            // The same token may wait for as long at another instance.
            expires_at: token.forgotten_at + self.longest_wait(),
        })
    }

    fn longest_wait(&self) -> TimeDelta {
        let interval = self.provider.keys_refetch_interval();
        TimeDelta::from_std(interval * RETRIES_MAX).unwrap_or_default()
    }
}

/// The networks of the waiting tokens, one entry per token.
#[derive(Clone, Default)]
struct Waiting(Arc<Mutex<Vec<IpAddr>>>);

impl Waiting {
    /// `None` if there is no place for another token, or for another one of this network.
    fn place(&self, network: IpAddr) -> Option<Place> {
        let mut networks = self.networks();
        let theirs = networks.iter().filter(|other| **other == network);
        if networks.len() >= WAITING_MAX || theirs.count() >= WAITING_OF_ONE_MAX {
            return None;
        }
        networks.push(network);
        drop(networks);
        Some(Place {
            waiting: self.clone(),
            network,
        })
    }

    fn networks(&self) -> MutexGuard<'_, Vec<IpAddr>> {
        // The guarded code cannot panic.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The place of one waiting token, released on drop.
struct Place {
    waiting: Waiting,
    network: IpAddr,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut networks = self.waiting.networks();
        if let Some(at) = networks.iter().position(|other| *other == self.network) {
            networks.swap_remove(at);
        }
    }
}

/// The store has already logged database errors.
fn log_refusal(error: &BackChannelError) {
    match error {
        BackChannelError::Token(NoLogout::Unavailable(outage)) => {
            tracing::warn!(event = "logout_not_verified", reason = outage.code(), error = %outage);
        }
        BackChannelError::Token(NoLogout::InDoubt(flaw)) => {
            tracing::warn!(event = "logout_not_verified", reason = flaw.code(), error = %flaw);
        }
        BackChannelError::Token(NoLogout::Refused(flaw)) => {
            tracing::info!(event = "logout_refused", reason = flaw.code());
        }
        BackChannelError::Store(_) => {}
    }
}
