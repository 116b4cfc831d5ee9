//! The sessions in use, in memory: an exchange finds its session without SQL and without a blocking
//! lock.
//!
//! A load that is under way must not bring back a session that ended meanwhile. So an end
//! increments a counter *before* it removes the entry, and a load is kept only if the counter did
//! not change since before the row was read. For one session both steps are atomic. When the
//! listening connection is lost, ends may have been missed: the *generation* is incremented, and
//! entries of older generations are loaded again.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};

use chrono::{DateTime, TimeDelta, Utc};
use moka::ops::compute::Op;
use moka::sync::Cache;
use tokio::sync::{Mutex, mpsc};

use super::blocks::Blocked;
use super::error::StoreError;
use super::logouts::Logout;
use super::pool::Store;
use super::refresh_marks::RefreshMarks;
use super::sessions::{EndedSession, SealedTokens, SessionsToEnd, StoredSession};
use super::sign_in::{NotStarted, SessionFor};
use crate::domain::block::BlockDraft;
use crate::domain::client::ClientId;
use crate::domain::identity::Actor;
use crate::domain::resolve::{FEW_MATCHES, GROUP_OVERHEAD, MatchMemo};
use crate::domain::session::{SessionHash, SignInOrigin};

/// Maximum memory for sessions, in bytes; evicted sessions are loaded again on use. The limit is in
/// bytes because a person may have thousands of groups. With few groups each, about 100,000
/// sessions fit.
const CAPACITY: u64 = 256 << 20;

/// Estimated bytes of a session besides its texts: structs and the cache's bookkeeping.
const OVERHEAD: usize = 1024;

/// Number of shards over which session hashes are spread.
const SHARES: usize = 1024;

/// Maximum rows per flush of last-seen times.
const FLUSH_BATCH: usize = 1000;

/// A session in memory.
#[derive(Debug)]
pub struct LiveSession {
    /// The row as it was loaded.
    pub session: StoredSession,
    generation: u64,
    /// The row has changed since; load it again before use.
    outdated: AtomicBool,
    /// Milliseconds since the Unix epoch.
    last_seen: AtomicI64,
    /// Already queued for the next flush.
    queued: AtomicBool,
    /// When this instance may refresh the session again.
    pub refresh: RefreshMarks,
    /// The mappings that match this identity. The identity of a `LiveSession` never changes: a
    /// refresh creates a new `LiveSession`.
    pub matches: MatchMemo,
}

impl LiveSession {
    fn new(session: StoredSession, generation: u64) -> Arc<Self> {
        let seen = session.last_seen_at.timestamp_millis();
        Arc::new(Self {
            session,
            generation,
            outdated: AtomicBool::new(false),
            last_seen: AtomicI64::new(seen),
            queued: AtomicBool::new(false),
            refresh: RefreshMarks::default(),
            matches: MatchMemo::default(),
        })
    }

    /// Whether the session has a refresh token that this instance can open.
    pub fn is_refreshable(&self) -> bool {
        self.session.refreshable && !self.refresh.is_unopenable()
    }

    /// When the session ends if it is not used again; `idle` is for one of a browser.
    pub fn idle_ends_at(&self, idle: TimeDelta) -> DateTime<Utc> {
        self.last_seen_at() + self.session.kind.idle(idle)
    }

    fn last_seen_at(&self) -> DateTime<Utc> {
        let millis = self.last_seen.load(Ordering::SeqCst);
        DateTime::from_timestamp_millis(millis).unwrap_or(self.session.last_seen_at)
    }

    fn is_live(&self, now: DateTime<Utc>, idle: TimeDelta) -> bool {
        now < self.session.ends_at && now < self.idle_ends_at(idle)
    }
}

/// State of the cache before a row was read.
#[derive(Clone, Copy)]
struct Before {
    generation: u64,
    ends: u64,
}

/// The sessions of this instance that are in use.
pub struct SessionCache {
    store: Store,
    idle: TimeDelta,
    entries: Cache<SessionHash, Arc<LiveSession>>,
    generation: AtomicU64,
    /// Counts ended and changed sessions, per shard: with a single counter, nearly every load would
    /// have to be repeated.
    ends: [AtomicU64; SHARES],
    seen: mpsc::UnboundedSender<Arc<LiveSession>>,
    /// Last-seen times to write. A session is queued at most once ([`LiveSession::queued`]), so the
    /// queue is bounded.
    unflushed: Mutex<mpsc::UnboundedReceiver<Arc<LiveSession>>>,
}

impl SessionCache {
    /// `idle`: time without a request after which a session ends.
    pub fn new(store: Store, idle: TimeDelta) -> Self {
        let (seen, unflushed) = mpsc::unbounded_channel();
        Self {
            store,
            idle,
            entries: Cache::builder()
                .max_capacity(CAPACITY)
                .weigher(|_, live: &Arc<LiveSession>| weight(&live.session))
                .build(),
            generation: AtomicU64::new(0),
            ends: std::array::from_fn(|_| AtomicU64::new(0)),
            seen,
            unflushed: Mutex::new(unflushed),
        }
    }

    /// Approximate number of sessions in memory; recent inserts and removals may not be counted
    /// yet.
    pub fn in_memory(&self) -> u64 {
        self.entries.entry_count()
    }

    /// The time without a request after which a session ends.
    pub fn idle(&self) -> TimeDelta {
        self.idle
    }

    /// The live session of a cookie, from memory if possible; this counts as a use of it.
    pub async fn find(
        &self,
        hash: &SessionHash,
        now: DateTime<Utc>,
    ) -> Result<Option<Arc<LiveSession>>, StoreError> {
        let found = self.look(hash, now).await?;
        if let Some(live) = &found {
            self.touch(live, now);
        }
        Ok(found)
    }

    /// The live session, from memory if possible, without using it. The row decides whether it is
    /// idle, because the person may have used another instance.
    pub async fn look(
        &self,
        hash: &SessionHash,
        now: DateTime<Utc>,
    ) -> Result<Option<Arc<LiveSession>>, StoreError> {
        let before = self.before(hash);
        if let Some(live) = self.entries.get(hash)
            && live.generation == before.generation
            && !live.outdated.load(Ordering::SeqCst)
            && live.is_live(now, self.idle)
        {
            return Ok(Some(live));
        }
        let Some(loaded) = self.load(hash, before, now).await? else {
            return Ok(None);
        };
        self.keep(&loaded, before);
        Ok(Some(loaded))
    }

    /// Loads the row of a live session. A last-seen time of this instance may not be written yet,
    /// so it is taken into account.
    async fn load(
        &self,
        hash: &SessionHash,
        before: Before,
        now: DateTime<Utc>,
    ) -> Result<Option<Arc<LiveSession>>, StoreError> {
        let Some(session) = self.store.session(hash).await? else {
            return Ok(None);
        };
        let loaded = LiveSession::new(session, before.generation);
        if let Some(earlier) = self.entries.get(hash) {
            let seen = earlier.last_seen.load(Ordering::SeqCst);
            loaded.last_seen.fetch_max(seen, Ordering::SeqCst);
        }
        Ok(Some(loaded).filter(|loaded| loaded.is_live(now, self.idle)))
    }

    /// Writes a new session and keeps it in memory, without the provider's tokens and the sign-in's
    /// origin. The browser's earlier session ends, or the device is approved, in the same
    /// transaction; an earlier session is returned if it still existed.
    pub async fn start(
        &self,
        session: StoredSession,
        tokens: &SealedTokens,
        origin: &SignInOrigin,
        what: SessionFor<'_>,
    ) -> Result<Option<EndedSession>, NotStarted> {
        let before = self.before(&session.hash);
        let store = &self.store;
        let insert = store.insert_session(&session, tokens, origin, what, self.idle);
        let started = insert.await?;
        if let SessionFor::Browser {
            earlier: Some(earlier),
        } = &what
        {
            self.ended(earlier);
        }
        if started.proven {
            self.keep(&LiveSession::new(session, before.generation), before);
        }
        Ok(started.ended)
    }

    /// Writes the session behind a client's subject token, unless the one in memory says the same. False: the client was
    /// switched off or deleted meanwhile.
    pub async fn put_subject_token(
        &self,
        session: StoredSession,
        client: &ClientId,
    ) -> Result<bool, StoreError> {
        let known = self.look(&session.hash, session.created_at).await?;
        let is_known = known.is_some_and(|known| {
            known.session.identity == session.identity && known.session.ends_at == session.ends_at
        });
        if is_known {
            return Ok(true);
        }
        let before = self.before(&session.hash);
        let put = self.store.put_subject_token(&session, client).await?;
        if put == Some(true) {
            self.keep(&LiveSession::new(session, before.generation), before);
        }
        Ok(put.is_some())
    }

    /// Loads the row again and replaces the entry in memory, because the identity in the row has
    /// changed.
    pub async fn read_again(
        &self,
        hash: &SessionHash,
        now: DateTime<Utc>,
    ) -> Result<Option<Arc<LiveSession>>, StoreError> {
        let before = self.before(hash);
        let loaded = self.load(hash, before, now).await?;
        match &loaded {
            Some(loaded) => self.keep(loaded, before),
            None => self.ended(hash),
        }
        Ok(loaded)
    }

    /// Ends sessions, here at once and on other instances by a notice. Returns those that still
    /// existed.
    pub async fn end(
        &self,
        which: SessionsToEnd<'_>,
        now: DateTime<Utc>,
    ) -> Result<Vec<EndedSession>, StoreError> {
        let ended = self.store.end_sessions(which, now).await?;
        if let SessionsToEnd::OfCookie(hash) = which {
            // Also if the row was already gone.
            self.ended(hash);
        }
        self.forget(&ended);
        Ok(ended)
    }

    /// Blocks a person, and ends all their sessions.
    pub async fn block(
        &self,
        draft: &BlockDraft,
        actor: &Actor,
        now: DateTime<Utc>,
    ) -> Result<Blocked, StoreError> {
        let blocked = self.store.insert_block(draft, actor, now).await?;
        self.forget(&blocked.ended);
        Ok(blocked)
    }

    /// Ends the sessions named by a logout token. Returns how many; `None` if the token was handled
    /// before. The provider revokes its own grants (OpenID Connect Back-Channel Logout 1.0 §2.7).
    /// `waited`: this instance has judged the logout before and deferred it.
    pub async fn log_out(
        &self,
        logout: &Logout,
        waited: bool,
    ) -> Result<Option<usize>, StoreError> {
        let ended = self.store.log_out(logout, waited).await?;
        Ok(ended.map(|ended| {
            self.forget(&ended);
            ended.len()
        }))
    }

    fn forget(&self, ended: &[EndedSession]) {
        for ended in ended {
            self.ended(&ended.hash);
        }
    }

    /// Removes an ended session from memory, however it ended: here, on another instance, or by
    /// SQL.
    pub fn ended(&self, hash: &SessionHash) {
        self.ends_of(hash).fetch_add(1, Ordering::SeqCst);
        // Not `invalidate`: only this call waits for a concurrent `keep`.
        self.entries.entry(*hash).and_compute_with(|_| Op::Remove);
    }

    /// The row has this version now; an older entry is loaded again before use. The entry itself
    /// stays, because it holds the last-seen time.
    pub(super) fn outdated(&self, hash: &SessionHash, version: i64) {
        // A load under way may have read the old row, so it must not be kept.
        self.ends_of(hash).fetch_add(1, Ordering::SeqCst);
        self.entries.entry(*hash).and_compute_with(|entry| {
            let live = entry.as_ref().map(moka::Entry::value);
            if let Some(live) = live.filter(|live| live.session.identity_version < version) {
                live.outdated.store(true, Ordering::SeqCst);
            }
            Op::Nop
        });
    }

    /// Notices may have been missed: every entry is loaded again before use.
    pub(super) fn invalidate_all(&self) {
        self.generation.fetch_add(1, Ordering::SeqCst);
    }

    fn ends_of(&self, hash: &SessionHash) -> &AtomicU64 {
        let share = u16::from_be_bytes([hash[0], hash[1]]);
        &self.ends[usize::from(share) % SHARES]
    }

    fn before(&self, hash: &SessionHash) -> Before {
        Before {
            generation: self.generation.load(Ordering::SeqCst),
            ends: self.ends_of(hash).load(Ordering::SeqCst),
        }
    }

    /// Keeps a loaded session in memory, unless a session of the same shard ended meanwhile: it may
    /// be this one. The next request loads it again.
    fn keep(&self, loaded: &Arc<LiveSession>, before: Before) {
        self.entries
            .entry(loaded.session.hash)
            .and_compute_with(|_| {
                if self.ends_of(&loaded.session.hash).load(Ordering::SeqCst) == before.ends {
                    Op::Put(Arc::clone(loaded))
                } else {
                    Op::Nop
                }
            });
    }

    fn touch(&self, live: &Arc<LiveSession>, now: DateTime<Utc>) {
        let now = now.timestamp_millis();
        let earlier = live.last_seen.fetch_max(now, Ordering::SeqCst);
        if earlier < now && !live.queued.swap(true, Ordering::SeqCst) {
            self.queue(live);
        }
    }

    fn queue(&self, live: &Arc<LiveSession>) {
        // Fails only when the receiver is dropped; it is a field of `self`.
        let _ = self.seen.send(Arc::clone(live));
    }

    /// Writes the last-seen times. What cannot be written is queued again for the next flush.
    pub async fn flush(&self) -> Result<(), StoreError> {
        let mut unflushed = self.unflushed.lock().await;
        for _ in 0..=unflushed.len() / FLUSH_BATCH {
            let mut batch = Vec::new();
            while batch.len() < FLUSH_BATCH
                && let Ok(live) = unflushed.try_recv()
            {
                // Reset before the time is read, so that a later use queues the session again.
                live.queued.store(false, Ordering::SeqCst);
                batch.push(live);
            }
            if batch.is_empty() {
                break;
            }
            let rows: Vec<_> = batch
                .iter()
                .map(|live| (live.session.hash, live.last_seen_at()))
                .collect();
            if let Err(error) = self.store.touch_sessions(&rows).await {
                for live in &batch {
                    if !live.queued.swap(true, Ordering::SeqCst) {
                        self.queue(live);
                    }
                }
                return Err(error);
            }
        }
        Ok(())
    }
}

/// Approximate bytes of a session. The remembered matches take at most as much as its groups.
fn weight(session: &StoredSession) -> u32 {
    let groups = session.identity.groups.listed();
    let groups: usize = groups.map(|group| group.len() + GROUP_OVERHEAD).sum();
    u32::try_from(OVERHEAD + FEW_MATCHES + 2 * groups).unwrap_or(u32::MAX)
}
