//! The sessions in use, in memory: an exchange finds its session here without
//! SQL and without a lock that waits.
//!
//! A session that ended must not come back by a load that was under way. So every end raises a
//! number *before* it removes the entry, and a load goes into memory only if that number is still
//! what it was before the row was read; for one session, each of the two is one step.
//! When the listening connection was lost, ends may have been missed: the *generation* rises, and
//! every entry of an older one is loaded again.

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
use super::sign_in::NotStarted;
use crate::domain::block::BlockDraft;
use crate::domain::identity::Actor;
use crate::domain::resolve::{FEW_MATCHES, GROUP_OVERHEAD, MatchMemo};
use crate::domain::session::{SessionHash, SignInOrigin};

/// Most memory of sessions, in bytes; the rest are loaded again when they are
/// used. Bytes and not a number of them, because a person may have thousands of
/// groups. With a handful, it holds about 100,000.
const CAPACITY: u64 = 256 << 20;

/// What a session takes besides its texts: the structs, the cache's own.
const OVERHEAD: usize = 1024;

/// Into how many shares sessions fall, by their hash.
const SHARES: usize = 1024;

/// Rows of one flush of last-seen times.
const FLUSH_BATCH: usize = 1000;

/// A session in use.
#[derive(Debug)]
pub struct LiveSession {
    /// As it was loaded.
    pub session: StoredSession,
    generation: u64,
    /// Whether the row is known to be newer.
    outdated: AtomicBool,
    /// Milliseconds of the Unix epoch.
    last_seen: AtomicI64,
    /// Whether it waits for the next flush already.
    queued: AtomicBool,
    /// What this instance remembers of refreshing it.
    pub refresh: RefreshMarks,
    /// What of the mappings is for its identity, which is never changed: a refresh makes a
    /// new one of these.
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

    /// Whether its groups can be asked for, as far as this instance knows.
    pub fn is_refreshable(&self) -> bool {
        self.session.refreshable && !self.refresh.is_unopenable()
    }

    /// The moment at which it ends if nothing more is asked of it.
    pub fn idle_ends_at(&self, idle: TimeDelta) -> DateTime<Utc> {
        self.last_seen_at() + idle
    }

    fn last_seen_at(&self) -> DateTime<Utc> {
        let millis = self.last_seen.load(Ordering::SeqCst);
        DateTime::from_timestamp_millis(millis).unwrap_or(self.session.last_seen_at)
    }

    fn is_live(&self, now: DateTime<Utc>, idle: TimeDelta) -> bool {
        now < self.session.ends_at && now < self.idle_ends_at(idle)
    }
}

/// What was true before a row was read.
#[derive(Clone, Copy)]
struct Before {
    generation: u64,
    ends: u64,
}

/// The sessions in use.
pub struct SessionCache {
    store: Store,
    idle: TimeDelta,
    entries: Cache<SessionHash, Arc<LiveSession>>,
    generation: AtomicU64,
    /// How many ends and newer rows were noticed, counted by share of the sessions: with one
    /// number for all, nearly every load would have to be repeated.
    ends: [AtomicU64; SHARES],
    seen: mpsc::UnboundedSender<Arc<LiveSession>>,
    /// Each session at most once ([`LiveSession::queued`]), so it is bounded.
    unflushed: Mutex<mpsc::UnboundedReceiver<Arc<LiveSession>>>,
}

impl SessionCache {
    /// Sessions end after `idle` without a request.
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

    /// How many are in memory, roughly: what was put in or removed a moment ago
    /// may not be counted yet.
    pub fn in_memory(&self) -> u64 {
        self.entries.entry_count()
    }

    /// The time without a request after which a session ends.
    pub fn idle(&self) -> TimeDelta {
        self.idle
    }

    /// The live session of a cookie. From memory where it is there; idleness is
    /// judged on the row, because another instance may have seen the person.
    pub async fn find(
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
            self.touch(&live, now);
            return Ok(Some(live));
        }
        let Some(loaded) = self.load(hash, before, now).await? else {
            return Ok(None);
        };
        self.touch(&loaded, now);
        self.keep(&loaded, before);
        Ok(Some(loaded))
    }

    /// The row, if its session is live. The time at which it was seen here may not be written yet.
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

    /// Writes a new session and keeps it; the provider's tokens and where the sign-in
    /// came from are only written. The session that the browser had before ends with that: it is
    /// returned if it was still there.
    pub async fn start(
        &self,
        session: StoredSession,
        tokens: &SealedTokens,
        origin: &SignInOrigin,
        earlier: Option<SessionHash>,
    ) -> Result<Option<EndedSession>, NotStarted> {
        let before = self.before(&session.hash);
        let insert = self.store.insert_session(&session, tokens, origin, earlier);
        let started = insert.await?;
        if let Some(earlier) = &earlier {
            self.ended(earlier);
        }
        if started.proven {
            self.keep(&LiveSession::new(session, before.generation), before);
        }
        Ok(started.ended)
    }

    /// Reads the row again, whatever is in memory: the identity in it is newer.
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

    /// Ends sessions, here at once and elsewhere by notice; returns those that were not over already.
    pub async fn end(
        &self,
        which: SessionsToEnd<'_>,
        now: DateTime<Utc>,
    ) -> Result<Vec<EndedSession>, StoreError> {
        let ended = self.store.end_sessions(which, now).await?;
        if let SessionsToEnd::OfCookie(hash) = which {
            // Also where the row was gone already.
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

    /// Ends what a logout token names, and says how many; none: the token was handled before. The
    /// provider takes its grants back by itself (OpenID Connect Back-Channel Logout 1.0 §2.7). `waited`: this
    /// instance judged the logout before, and it waited.
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

    /// Takes a session that is over out of memory: it ended here, at another instance or by hand
    /// in the database.
    pub fn ended(&self, hash: &SessionHash) {
        self.ends_of(hash).fetch_add(1, Ordering::SeqCst);
        // Not `invalidate`: only this call waits for a `keep` that is under way.
        self.entries.entry(*hash).and_compute_with(|_| Op::Remove);
    }

    /// The row has this version now: an older entry is read again before it serves. The entry
    /// stays, because it has the time at which the session was last used.
    pub(super) fn outdated(&self, hash: &SessionHash, version: i64) {
        // A load under way may have read the row before: it is not kept, as with an end.
        self.ends_of(hash).fetch_add(1, Ordering::SeqCst);
        self.entries.entry(*hash).and_compute_with(|entry| {
            let live = entry.as_ref().map(moka::Entry::value);
            if let Some(live) = live.filter(|live| live.session.identity_version < version) {
                live.outdated.store(true, Ordering::SeqCst);
            }
            Op::Nop
        });
    }

    /// Notices may have been missed: every entry is loaded again before it serves.
    pub(super) fn doubt_all(&self) {
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

    /// Puts what was loaded into memory, unless a session of its share ended meanwhile: it may be
    /// this one, and the next request loads it again.
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
        // It fails when the receiver is gone, and that is a field of `self`.
        let _ = self.seen.send(Arc::clone(live));
    }

    /// Writes down when sessions were last used. What could not be written
    /// waits for the next flush.
    pub async fn flush(&self) -> Result<(), StoreError> {
        let mut unflushed = self.unflushed.lock().await;
        for _ in 0..=unflushed.len() / FLUSH_BATCH {
            let mut batch = Vec::new();
            while batch.len() < FLUSH_BATCH
                && let Ok(live) = unflushed.try_recv()
            {
                // Before its time is read: a later use queues it again.
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

/// Roughly how many bytes a session takes: what is remembered of its matches takes at most as
/// much as its groups.
fn weight(session: &StoredSession) -> u32 {
    let groups = session.identity.groups.listed();
    let groups: usize = groups.map(|group| group.len() + GROUP_OVERHEAD).sum();
    u32::try_from(OVERHEAD + FEW_MATCHES + 2 * groups).unwrap_or(u32::MAX)
}
