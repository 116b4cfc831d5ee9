//! The sessions in use, in memory: an exchange finds its session here without
//! SQL and without a lock that waits.
//!
//! An ended session leaves a *tombstone*. Session ids are never used again, so
//! a tombstone stays true, and a load that was under way while the session
//! ended finds it and cannot bring the session back. When the listening
//! connection was lost, notices may have been missed: a *generation* is raised
//! and every entry of an older one is loaded again.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use chrono::{DateTime, TimeDelta, Utc};
use moka::sync::Cache;

use super::sessions::{Session, SessionHash};
use super::{Store, StoreError};

/// Most sessions (and tombstones) kept in memory; the rest are loaded again
/// when they are used.
const CAPACITY: u64 = 200_000;

/// Rows of one flush of last-seen times.
const FLUSH_BATCH: usize = 1000;

/// A session in use.
#[derive(Debug)]
pub struct LiveSession {
    /// As it was loaded.
    pub session: Session,
    generation: u64,
    /// Milliseconds of the Unix epoch.
    last_seen: AtomicI64,
    flushed: AtomicI64,
}

impl LiveSession {
    fn new(session: Session, generation: u64) -> Arc<Self> {
        let seen = session.last_seen_at.timestamp_millis();
        Arc::new(Self {
            session,
            generation,
            last_seen: AtomicI64::new(seen),
            flushed: AtomicI64::new(seen),
        })
    }

    /// The moment at which it ends if nothing more is asked of it.
    pub fn idle_ends_at(&self, idle: TimeDelta) -> DateTime<Utc> {
        let seen = self.last_seen.load(Ordering::Relaxed);
        DateTime::from_timestamp_millis(seen).map_or(self.session.created_at, |seen| seen + idle)
    }

    fn is_live(&self, now: DateTime<Utc>, idle: TimeDelta) -> bool {
        now < self.session.ends_at && now < self.idle_ends_at(idle)
    }

    fn touch(&self, now: DateTime<Utc>) {
        self.last_seen
            .fetch_max(now.timestamp_millis(), Ordering::Relaxed);
    }
}

#[derive(Clone)]
enum Entry {
    Live(Arc<LiveSession>),
    Ended,
}

/// The sessions in use.
pub struct LiveSessions {
    store: Store,
    idle: TimeDelta,
    entries: Cache<SessionHash, Entry>,
    generation: AtomicU64,
}

impl LiveSessions {
    /// Sessions end after `idle` without a request.
    pub fn new(store: Store, idle: TimeDelta) -> Self {
        Self {
            store,
            idle,
            entries: Cache::new(CAPACITY),
            generation: AtomicU64::new(0),
        }
    }

    /// How long a session may rest.
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
        let generation = self.generation.load(Ordering::Acquire);
        match self.entries.get(hash) {
            Some(Entry::Ended) => return Ok(None),
            Some(Entry::Live(live))
                if live.generation == generation && live.is_live(now, self.idle) =>
            {
                live.touch(now);
                return Ok(Some(live));
            }
            _ => {}
        }
        let Some(session) = self.store.session(hash).await? else {
            return Ok(None);
        };
        let loaded = LiveSession::new(session, generation);
        if !loaded.is_live(now, self.idle) {
            return Ok(None);
        }
        loaded.touch(now);
        Ok(self.keep(&loaded))
    }

    /// A session that was just written by this instance.
    pub fn started(&self, session: Session) {
        let generation = self.generation.load(Ordering::Acquire);
        self.keep(&LiveSession::new(session, generation));
    }

    /// Keeps what was loaded, unless the session ended meanwhile.
    fn keep(&self, loaded: &Arc<LiveSession>) -> Option<Arc<LiveSession>> {
        let hash = loaded.session.hash;
        let kept = self.entries.entry(hash).or_insert_with_if(
            || Entry::Live(Arc::clone(loaded)),
            |old| matches!(old, Entry::Live(_)),
        );
        match kept.into_value() {
            Entry::Live(live) => Some(live),
            Entry::Ended => None,
        }
    }

    /// Ends a session, here at once and elsewhere by notice.
    pub async fn end(&self, hash: &SessionHash) -> Result<(), StoreError> {
        self.store.delete_session(hash).await?;
        self.ended(hash);
        Ok(())
    }

    /// Another instance, or a person at the database, ended it.
    pub(super) fn ended(&self, hash: &SessionHash) {
        self.entries.insert(*hash, Entry::Ended);
    }

    /// Notices may have been missed: nothing in memory is believed any more.
    pub(super) fn doubt_all(&self) {
        self.generation.fetch_add(1, Ordering::AcqRel);
    }

    /// Writes down when sessions were last used.
    pub async fn flush(&self) -> Result<(), StoreError> {
        let mut seen = Vec::new();
        for (hash, entry) in &self.entries {
            if let Entry::Live(live) = entry {
                let at = live.last_seen.load(Ordering::Relaxed);
                if at > live.flushed.load(Ordering::Relaxed)
                    && let Some(time) = DateTime::from_timestamp_millis(at)
                {
                    seen.push((*hash, time, live));
                }
            }
        }
        for batch in seen.chunks(FLUSH_BATCH) {
            let rows: Vec<_> = batch.iter().map(|(hash, at, _)| (*hash, *at)).collect();
            self.store.touch_sessions(&rows).await?;
            for (_, at, live) in batch {
                live.flushed
                    .fetch_max(at.timestamp_millis(), Ordering::Relaxed);
            }
        }
        Ok(())
    }
}
