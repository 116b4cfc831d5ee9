//! Groups that are young enough, for every endpoint.
//!
//! Groups are read at the sign-in and again during the session, with the provider's
//! refresh token. Up to `BRIDGE_GROUPS_MAX_AGE_SECONDS` they serve as they are; up to twice that
//! they serve while one refresh runs beside the requests; beyond, requests wait for it, and are
//! told "unavailable" when the provider cannot be reached: the session is kept. It ends
//! when the provider takes the grant back or answers for another person, or when its token endpoint
//! goes on refusing the refresh token until the groups are older than
//! `BRIDGE_UNREFRESHED_MAX_MINUTES`, and by nothing else that a refresh shows.
//!
//! A refresh runs by itself ([`flight`]): who stops waiting for it does not stop it, because the
//! provider may have spent the refresh token by then.

mod ages;
mod flight;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use secrecy::{ExposeSecret, SecretString};
use tokio::runtime::Handle;
use tokio::sync::{Semaphore, watch};
use tokio::time::{Instant, timeout_at};

pub use ages::Ages;
use ages::Standing;
use flight::Landing;

use crate::clock::Clock;
use crate::metrics::{Counts, RefreshOutcome};
use crate::oidc::Provider;
use crate::seal::{Seal, SealError};
use crate::store::ending::Ended;
use crate::store::live::{LiveSession, LiveSessions};
use crate::store::sessions::SessionHash;
use crate::store::{Store, StoreError};

/// What a refresh token is sealed for.
const REFRESH_TOKEN: &str = "refresh token of a session";

/// Most refreshes at once in the background.
const BESIDE: usize = 8;

/// Most refreshes at once for which a request waits: after a long outage, all of them.
const AWAITED: usize = 32;

/// Refresh tokens at once that are being revoked; those beyond run out by themselves.
const REVOKED_BESIDE: usize = 8;

/// How long a request waits for a refresh.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long a session's groups are not asked for again after a try beside the requests.
const AGAIN_BESIDE: TimeDelta = TimeDelta::seconds(2);

/// Seals a refresh token for its session's row: nothing else opens it.
pub(super) fn seal_refresh_token(seal: &Seal, token: &SecretString) -> Result<Vec<u8>, SealError> {
    seal.seal(REFRESH_TOKEN, token.expose_secret().as_bytes())
}

/// Why it is unknown whether the groups still hold.
#[derive(Debug, thiserror::Error)]
pub enum Unconfirmed {
    /// The provider could not be asked, or not in time. The session is kept.
    #[error("the groups are too old, and the provider cannot be asked for them")]
    Provider,
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The story's parts.
#[derive(Clone)]
pub struct FreshGroups(Arc<Inner>);

struct Inner {
    provider: Arc<Provider>,
    store: Store,
    live: Arc<LiveSessions>,
    seal: Arc<Seal>,
    clock: Arc<dyn Clock>,
    ages: Ages,
    counts: Counts<RefreshOutcome>,
    /// Where refreshes run: a worker's own runtime ends with the worker.
    runtime: Handle,
    beside: Arc<Semaphore>,
    awaited: Semaphore,
    revoking: Arc<Semaphore>,
    /// Refreshes under way on this instance. Touched when one begins, ends, or is waited for.
    flights: Mutex<HashMap<SessionHash, Flight>>,
}

type Flight = watch::Receiver<Option<Landing>>;

impl FreshGroups {
    /// Puts the story together; refreshes run on the runtime of the caller.
    pub fn new(
        provider: Arc<Provider>,
        store: Store,
        live: Arc<LiveSessions>,
        seal: Arc<Seal>,
        clock: Arc<dyn Clock>,
        ages: Ages,
    ) -> Self {
        Self(Arc::new(Inner {
            provider,
            store,
            live,
            seal,
            clock,
            ages,
            counts: Counts::default(),
            runtime: Handle::current(),
            beside: Arc::new(Semaphore::new(BESIDE)),
            awaited: Semaphore::new(AWAITED),
            revoking: Arc::new(Semaphore::new(REVOKED_BESIDE)),
            flights: Mutex::default(),
        }))
    }

    /// How refreshes ended.
    pub fn counts(&self) -> Counts<RefreshOutcome> {
        self.0.counts.clone()
    }

    /// The session with groups that may serve now, or none when it is over. Waits for
    /// nothing while they are younger than twice the age, and takes no lock but to begin a refresh.
    pub async fn confirm(
        &self,
        live: Arc<LiveSession>,
    ) -> Result<Option<Arc<LiveSession>>, Unconfirmed> {
        let now = self.0.clock.now();
        match self.0.judge(&live, now) {
            Standing::Young => Ok(Some(live)),
            Standing::Aging => {
                if live.refresh.may_begin(now, AGAIN_BESIDE) {
                    self.begin_beside(&live);
                }
                Ok(Some(live))
            }
            Standing::Old => self.wait(live).await,
            Standing::Over => Ok(None),
        }
    }

    /// Revokes the sealed refresh token of a session that is over, where the provider can
    /// (RFC 7009). By itself: signing out neither waits for it nor fails with it.
    pub(super) fn revoke(&self, sealed: Option<Vec<u8>>) {
        let Some(sealed) = sealed.filter(|_| self.0.provider.revokes()) else {
            return;
        };
        let Ok(place) = Arc::clone(&self.0.revoking).try_acquire_owned() else {
            tracing::warn!(
                event = "refresh_token_not_revoked",
                reason = "too_many_at_once"
            );
            return;
        };
        let inner = Arc::clone(&self.0);
        self.0.runtime.spawn(async move {
            let _place = place;
            if let Some(token) = inner.open(&sealed)
                && let Err(error) = inner.provider.revoke(&token).await
            {
                tracing::warn!(event = "refresh_token_not_revoked", reason = error.code(), %error);
            }
        });
    }

    /// The same for each of these.
    pub(super) fn revoke_of(&self, ended: &mut [Ended]) {
        for one in ended {
            self.revoke(one.sealed_refresh_token.take());
        }
    }

    /// Waits for refreshes under way, so that a stopping instance loses no answer.
    pub async fn settle(&self, patience: Duration) {
        let deadline = Instant::now() + patience;
        loop {
            let under_way = self.0.flights().values().next().cloned();
            let Some(mut flight) = under_way else { return };
            if timeout_at(deadline, flight.wait_for(Option::is_some))
                .await
                .is_err()
            {
                return;
            }
        }
    }

    fn begin_beside(&self, live: &Arc<LiveSession>) {
        // Without a place now, some later request of this session tries again.
        if let Ok(place) = Arc::clone(&self.0.beside).try_acquire_owned() {
            self.join_or_begin(live, Some(place));
        }
    }

    async fn wait(
        &self,
        mut live: Arc<LiveSession>,
    ) -> Result<Option<Arc<LiveSession>>, Unconfirmed> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let now = self.0.clock.now();
            if live.refresh.failed_lately(now) {
                return Err(Unconfirmed::Provider);
            }
            let mut flight = self.join_or_begin(&live, None);
            let landed = timeout_at(deadline, flight.wait_for(Option::is_some)).await;
            // An error of the channel: the refresh panicked.
            let landed = landed.map_err(|_late| Unconfirmed::Provider)?;
            let landing = landed
                .map_err(|_gone| Unconfirmed::Provider)?
                .unwrap_or(Landing::Failed);
            match landing {
                Landing::Over => return Ok(None),
                Landing::Failed => return Err(Unconfirmed::Provider),
                Landing::Sealed => {
                    live.refresh.seal();
                    return match self.0.judge(&live, now) {
                        Standing::Over => Ok(None),
                        _ => Ok(Some(live)),
                    };
                }
                Landing::Refreshed | Landing::Elsewhere => {}
            }
            let now = self.0.clock.now();
            let Some(found) = self.0.live.find(&live.session.hash, now).await? else {
                return Ok(None);
            };
            // Read while a request waited: however long that took, it is the answer.
            if found.session.groups_read_at > live.session.groups_read_at {
                return Ok(Some(found));
            }
            live = found;
            match self.0.judge(&live, now) {
                Standing::Old => {}
                Standing::Over => return Ok(None),
                Standing::Young | Standing::Aging => return Ok(Some(live)),
            }
        }
    }

    /// The refresh of this session that is under way, or a new one. `place`: one beside
    /// the requests, which leaves it to another instance when that has the lease.
    fn join_or_begin(&self, live: &Arc<LiveSession>, place: Option<flight::Place>) -> Flight {
        let hash = live.session.hash;
        let mut flights = self.0.flights();
        if let Some(flight) = flights.get(&hash) {
            return flight.clone();
        }
        let (land, flight) = watch::channel(None);
        flights.insert(hash, flight.clone());
        drop(flights);
        let (inner, live) = (Arc::clone(&self.0), Arc::clone(live));
        self.0.runtime.spawn(async move {
            let landing = {
                // Removed before a waiting request is answered, also when the refresh panics.
                let _entry = Entry {
                    inner: &inner,
                    hash,
                };
                inner.fly(&live, place).await
            };
            if landing == Landing::Failed {
                live.refresh.failed(inner.clock.now());
            }
            land.send_replace(Some(landing));
        });
        flight
    }
}

impl Inner {
    /// What is over is not deleted for it: the sweep does so, by more clocks than this one.
    fn judge(&self, live: &LiveSession, now: DateTime<Utc>) -> Standing {
        if live.is_refreshable() {
            self.ages.judge(&live.session, now)
        } else {
            self.ages.judge_unrefreshable(&live.session, now)
        }
    }

    fn flights(&self) -> std::sync::MutexGuard<'_, HashMap<SessionHash, Flight>> {
        // A panic while it was held cannot have left it half changed: each use is one step.
        self.flights.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Entry<'a> {
    inner: &'a Inner,
    hash: SessionHash,
}

impl Drop for Entry<'_> {
    fn drop(&mut self) {
        self.inner.flights().remove(&self.hash);
    }
}
