//! Keeps groups fresh, for every endpoint.
//!
//! Groups are read at the sign-in, and again with the refresh token by requests that need them, not
//! by a timer. Up to the age `BRIDGE_GROUPS_MAX_AGE_SECONDS` they are used as they are. Up to twice
//! that age they are used while one refresh runs in the background. Beyond that, requests wait for
//! the refresh, and answer "unavailable" while the provider cannot be reached.
//!
//! A refresh ends the session only if the provider revokes the grant or answers for another person,
//! or if its token endpoint keeps refusing the refresh token until the groups are older than
//! `BRIDGE_UNREFRESHED_MAX_MINUTES`.
//!
//! A refresh is a task of its own ([`task`]). A request that stops waiting does not cancel it,
//! because the provider may already have spent the refresh token.

mod ages;
mod task;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use tokio::runtime::Handle;
use tokio::sync::{Semaphore, watch};
use tokio::time::{Instant, timeout_at};

pub use ages::Ages;
use ages::Standing;
use task::{BackgroundPermit, MAX_BLOCKING_REFRESHES, REFRESH_TIMEOUT, TaskOutcome};

use super::tokens::{REFRESH_TOKEN, open_token};
use crate::clock::Clock;
use crate::domain::session::{SessionHash, SessionKind};
use crate::metrics::{Counts, RefreshOutcome};
use crate::oidc::Provider;
use crate::seal::Seal;
use crate::store::session_cache::{LiveSession, SessionCache};
use crate::store::sessions::EndedSession;
use crate::store::{Store, StoreError};

/// Maximum number of concurrent refreshes in the background.
const MAX_BACKGROUND_REFRESHES: usize = 8;

/// Maximum number of concurrent revocations; other refresh tokens expire by themselves.
const MAX_REVOCATIONS: usize = 8;

/// Pause of a session after a background refresh was started.
const BACKGROUND_REST: TimeDelta = TimeDelta::seconds(2);

/// Why group freshness could not be confirmed.
#[derive(Debug, thiserror::Error)]
pub enum Unconfirmed {
    /// The provider did not answer in time or could not be asked. The session is kept.
    #[error("the groups are too old, and the provider cannot be asked for them")]
    Provider,
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Refreshes the groups of sessions.
pub struct Refresher {
    provider: Arc<Provider>,
    store: Store,
    cache: Arc<SessionCache>,
    seal: Arc<Seal>,
    clock: Arc<dyn Clock>,
    ages: Ages,
    counts: Counts<RefreshOutcome>,
    /// The runtime for refreshes; a worker's own runtime ends with the worker.
    runtime: Handle,
    background: Arc<Semaphore>,
    /// Permits of refreshes for which a request waits.
    blocking: Semaphore,
    revoking: Arc<Semaphore>,
    /// The refreshes of this instance that are under way. Locked when one begins, ends, or is
    /// waited for.
    tasks: Mutex<HashMap<SessionHash, RefreshTask>>,
}

/// A refresh under way; it contains the outcome once there is one.
type RefreshTask = watch::Receiver<Option<TaskOutcome>>;

impl Refresher {
    /// Refreshes run on the caller's runtime.
    pub fn new(
        provider: Arc<Provider>,
        store: Store,
        cache: Arc<SessionCache>,
        seal: Arc<Seal>,
        clock: Arc<dyn Clock>,
        ages: Ages,
    ) -> Self {
        Self {
            provider,
            store,
            cache,
            seal,
            clock,
            ages,
            counts: Counts::default(),
            runtime: Handle::current(),
            background: Arc::new(Semaphore::new(MAX_BACKGROUND_REFRESHES)),
            blocking: Semaphore::new(MAX_BLOCKING_REFRESHES),
            revoking: Arc::new(Semaphore::new(MAX_REVOCATIONS)),
            tasks: Mutex::default(),
        }
    }

    /// Counts of refresh outcomes.
    pub fn counts(&self) -> Counts<RefreshOutcome> {
        self.counts.clone()
    }

    /// The session with groups that are fresh enough; `None` if it is over. Does not wait while the
    /// groups are younger than twice the age limit, and locks only to begin a refresh.
    pub async fn confirm(
        self: &Arc<Self>,
        live: Arc<LiveSession>,
    ) -> Result<Option<Arc<LiveSession>>, Unconfirmed> {
        let now = self.clock.now();
        match self.judge(&live, now) {
            Standing::Young => Ok(Some(live)),
            Standing::Aging => {
                self.begin_in_background(&live, now);
                Ok(Some(live))
            }
            Standing::Old => self.wait(live).await,
            Standing::Over => Ok(None),
        }
    }

    /// Whether the groups may be used now. Never waits: a refresh that is due runs in the
    /// background, also if the groups are too old.
    pub fn may_use(self: &Arc<Self>, live: &Arc<LiveSession>) -> bool {
        let now = self.clock.now();
        let standing = self.judge(live, now);
        if matches!(standing, Standing::Aging | Standing::Old) {
            self.begin_in_background(live, now);
        }
        matches!(standing, Standing::Young | Standing::Aging)
    }

    /// If no permit is free, a later request of this session tries again.
    fn begin_in_background(self: &Arc<Self>, live: &Arc<LiveSession>, now: DateTime<Utc>) {
        if live.refresh.may_begin(now, BACKGROUND_REST)
            && let Ok(permit) = Arc::clone(&self.background).try_acquire_owned()
        {
            self.join_or_begin(live, Some(permit));
        }
    }

    /// Revokes the refresh tokens of ended sessions if the provider supports it (RFC 7009). It runs
    /// in the background, so it neither delays a sign-out nor makes it fail.
    pub(super) fn revoke(self: &Arc<Self>, ended: &mut [EndedSession]) {
        for session in ended {
            let sealed = session.sealed_refresh_token.take();
            let Some(sealed) = sealed.filter(|_| self.provider.revokes()) else {
                continue;
            };
            let Ok(permit) = Arc::clone(&self.revoking).try_acquire_owned() else {
                tracing::warn!(
                    event = "refresh_token_not_revoked",
                    reason = "too_many_at_once"
                );
                continue;
            };
            let (refresher, hash) = (Arc::clone(self), session.hash);
            self.runtime.spawn(async move {
                let _permit = permit;
                let token = open_token(&refresher.seal, REFRESH_TOKEN, &hash, &sealed);
                if let Some(token) = token
                    && let Err(error) = refresher.provider.revoke(&token).await
                {
                    tracing::warn!(event = "refresh_token_not_revoked", reason = error.code(), %error);
                }
            });
        }
    }

    /// Waits for the refreshes under way, so that a stopping instance loses no answer.
    pub async fn finish(&self, limit: Duration) {
        let deadline = Instant::now() + limit;
        loop {
            let under_way = self.tasks().values().next().cloned();
            let Some(mut task) = under_way else { return };
            if timeout_at(deadline, task.wait_for(Option::is_some))
                .await
                .is_err()
            {
                return;
            }
        }
    }

    async fn wait(
        self: &Arc<Self>,
        mut live: Arc<LiveSession>,
    ) -> Result<Option<Arc<LiveSession>>, Unconfirmed> {
        let deadline = Instant::now() + REFRESH_TIMEOUT;
        loop {
            if live.refresh.failed_lately(self.clock.now()) {
                return Err(Unconfirmed::Provider);
            }
            let mut task = self.join_or_begin(&live, None);
            let ended = timeout_at(deadline, task.wait_for(Option::is_some)).await;
            // The channel's error means that the refresh panicked.
            let done = ended.map(|ended| ended.is_ok_and(|end| *end == Some(TaskOutcome::Done)));
            if done != Ok(true) {
                return Err(Unconfirmed::Provider);
            }
            let now = self.clock.now();
            // If the token cannot be opened, the row has nothing newer.
            if live.is_refreshable() {
                let Some(found) = self.cache.find(&live.session.hash, now).await? else {
                    return Ok(None);
                };
                // The groups were read while the request waited, so they are the answer, however
                // long that took.
                if found.session.groups_read_at > live.session.groups_read_at {
                    return Ok(Some(found));
                }
                live = found;
            }
            match self.judge(&live, now) {
                Standing::Old => {}
                Standing::Over => return Ok(None),
                Standing::Young | Standing::Aging => return Ok(Some(live)),
            }
        }
    }

    /// The refresh of this session that is under way, or a new one. With a permit it runs in the
    /// background, and gives up if another instance has the lease.
    fn join_or_begin(
        self: &Arc<Self>,
        live: &Arc<LiveSession>,
        permit: Option<BackgroundPermit>,
    ) -> RefreshTask {
        let hash = live.session.hash;
        let mut tasks = self.tasks();
        if let Some(task) = tasks.get(&hash) {
            return task.clone();
        }
        let (end, task) = watch::channel(None);
        tasks.insert(hash, task.clone());
        drop(tasks);
        let (refresher, live) = (Arc::clone(self), Arc::clone(live));
        self.runtime.spawn(async move {
            let outcome = {
                // Dropped before a waiting request gets its answer, also if the refresh panics.
                let _entry = TaskEntry(&refresher, hash);
                refresher.run_refresh(&live, permit).await
            };
            if outcome == TaskOutcome::Failed {
                live.refresh.failed(refresher.clock.now());
            }
            end.send_replace(Some(outcome));
        });
        task
    }

    /// Does not delete a session that is over; the sweep does, with allowance for other clocks.
    fn judge(&self, live: &LiveSession, now: DateTime<Utc>) -> Standing {
        if live.session.kind == SessionKind::SubjectToken {
            // The provider's own token says so until it ends, and its session ends with it.
            Standing::Young
        } else if live.is_refreshable() {
            self.ages.judge(&live.session, now)
        } else {
            self.ages.judge_unrefreshable(&live.session, now)
        }
    }

    fn tasks(&self) -> MutexGuard<'_, HashMap<SessionHash, RefreshTask>> {
        // Each use is one step, so a panic cannot leave the map half changed.
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct TaskEntry<'a>(&'a Refresher, SessionHash);

impl Drop for TaskEntry<'_> {
    fn drop(&mut self) {
        self.0.tasks().remove(&self.1);
    }
}
