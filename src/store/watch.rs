//! The mappings in memory, kept up with the table.
//!
//! A trigger raises the change counter and sends a notice in every transaction
//! that changes mappings or ends a session. One connection listens; every third
//! of the staleness bound it also asks for the counter itself, and that the
//! server is no standby, because a notice can be lost and a connection can be
//! dead without saying so. What is in memory is *fresh as of* the moment at
//! which the last question that agreed was sent. Older than the bound, nobody
//! gets it.
//!
//! On a lost connection everything is loaded again and every session in memory
//! is doubted.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use arc_swap::ArcSwapOption;
use sqlx::postgres::{PgListener, PgNotification};

use super::live::LiveSessions;
use super::sessions::SessionHash;
use super::{Store, StoreError};
use crate::domain::mapping::Mappings;

const CHANNEL: &str = "bridge_changes";

/// Between two tries to reach a database that is gone.
const RETRY_AFTER: Duration = Duration::from_millis(500);

/// The table at one number of the counter.
#[derive(Debug)]
pub struct Snapshot {
    /// Compiled.
    pub mappings: Mappings,
    /// The number of the last change to the mappings.
    pub mapping_version: i64,
    counter: i64,
}

/// The snapshot is missing or older than the bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the mappings in memory are not known to be fresh")]
pub struct Stale;

/// What keeps the snapshot.
pub struct Watch {
    store: Store,
    sessions: Arc<LiveSessions>,
    bound: Duration,
    snapshot: ArcSwapOption<Snapshot>,
    /// Only writers take it, so that an older load never replaces a newer one.
    writing: Mutex<()>,
    started: Instant,
    /// Milliseconds after `started`; negative: never.
    fresh_as_of: AtomicI64,
}

impl Watch {
    /// Nothing is loaded yet; [`Watch::run`] does it.
    pub fn new(store: Store, sessions: Arc<LiveSessions>, bound: Duration) -> Self {
        Self {
            store,
            sessions,
            bound,
            snapshot: ArcSwapOption::empty(),
            writing: Mutex::new(()),
            started: Instant::now(),
            fresh_as_of: AtomicI64::new(-1),
        }
    }

    /// The snapshot, if it is known to be younger than the bound. Takes no
    /// lock that waits.
    pub fn current(&self) -> Result<Arc<Snapshot>, Stale> {
        match self.age() {
            Some(age) if age <= self.bound => self.snapshot.load_full().ok_or(Stale),
            _ => Err(Stale),
        }
    }

    /// How long ago the last question that agreed was sent.
    pub fn age(&self) -> Option<Duration> {
        let millis = u64::try_from(self.fresh_as_of.load(Ordering::Acquire)).ok()?;
        let then = self.started + Duration::from_millis(millis);
        Some(then.elapsed())
    }

    /// Loads the table now. The instance that took an edit does so before it
    /// answers, so that its next exchange knows.
    pub async fn reload(&self) -> Result<(), StoreError> {
        let table = self.store.mapping_table().await?;
        let loaded = Snapshot {
            mappings: Mappings::compile(table.rows),
            mapping_version: table.mapping_version,
            counter: table.counter,
        };
        let _writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let newest = self.snapshot.load();
        if newest
            .as_ref()
            .is_none_or(|newest| newest.counter <= loaded.counter)
        {
            self.snapshot.store(Some(Arc::new(loaded)));
        }
        Ok(())
    }

    /// What is loaded is known to be old: nobody gets it until the next
    /// question has agreed.
    pub fn doubt(&self) {
        self.fresh_as_of.store(-1, Ordering::Release);
    }

    /// Listens until the task is dropped; the caller spawns it once.
    pub async fn run(&self) {
        loop {
            if let Err(error) = self.listen().await {
                tracing::warn!(%error, "the listening connection was lost; everything will be loaded again");
            }
            tokio::time::sleep(RETRY_AFTER).await;
        }
    }

    async fn listen(&self) -> Result<(), StoreError> {
        let patience = self.bound / 3;
        let connect = async {
            let mut listener = PgListener::connect_with(&self.store.pool).await?;
            // A reconnection behind our back would lose notices unseen.
            listener.eager_reconnect(false);
            listener.listen(CHANNEL).await?;
            Ok::<_, sqlx::Error>(listener)
        };
        let mut listener = within(patience.max(Duration::from_secs(3)), connect).await?;
        // First listen, then load: what changes in between is noticed.
        let mut seen = self.catch_up(&mut listener).await?;
        let mut ask_at = tokio::time::Instant::now() + patience;
        loop {
            // However many notices wait, the question is asked in time.
            if tokio::time::Instant::now() >= ask_at {
                ask_at = tokio::time::Instant::now() + patience;
                seen = self.ask(&mut listener, seen).await?;
                continue;
            }
            if let Ok(notice) = tokio::time::timeout_at(ask_at, listener.try_recv()).await {
                let lost = || StoreError::Unavailable(sqlx::Error::PoolClosed);
                seen = self.heed(&notice?.ok_or_else(lost)?, seen).await?;
            }
        }
    }

    /// Loads everything and doubts every session; the counter it rests on.
    async fn catch_up(&self, listener: &mut PgListener) -> Result<i64, StoreError> {
        self.sessions.doubt_all();
        let sent = Instant::now();
        let counter = counter(listener).await?;
        self.reload().await?;
        self.agreed(sent);
        Ok(counter)
    }

    /// The regular question. A number ahead of the notices means that some were lost.
    async fn ask(&self, listener: &mut PgListener, seen: i64) -> Result<i64, StoreError> {
        let sent = Instant::now();
        let counter = within(self.bound / 3, counter(listener)).await?;
        if counter == seen {
            self.agreed(sent);
            return Ok(seen);
        }
        self.catch_up(listener).await
    }

    async fn heed(&self, notice: &PgNotification, seen: i64) -> Result<i64, StoreError> {
        let mut words = notice.payload().split(' ');
        let kind = words.next();
        let number = words.next().and_then(|number| number.parse().ok());
        match kind {
            Some("mappings") => self.reload().await?,
            Some("sessions") => {
                let mut hashes = words.map(session_hash).peekable();
                if hashes.peek().is_none() {
                    self.sessions.doubt_all();
                }
                for hash in hashes {
                    match hash {
                        Some(hash) => self.sessions.ended(&hash),
                        None => self.sessions.doubt_all(),
                    }
                }
            }
            _ => self.sessions.doubt_all(),
        }
        Ok(number.unwrap_or(seen).max(seen))
    }

    fn agreed(&self, sent: Instant) {
        let millis = sent.saturating_duration_since(self.started).as_millis();
        let millis = i64::try_from(millis).unwrap_or(i64::MAX);
        self.fresh_as_of.fetch_max(millis, Ordering::AcqRel);
    }
}

/// The counter, as a server that takes writes has it: a standby may lag behind.
async fn counter(listener: &mut PgListener) -> Result<i64, sqlx::Error> {
    let row =
        sqlx::query!(r#"SELECT value, pg_is_in_recovery() AS "in_recovery!" FROM change_counter"#)
            .fetch_one(listener)
            .await?;
    if row.in_recovery {
        return Err(sqlx::Error::Protocol("the server is a standby".to_owned()));
    }
    Ok(row.value)
}

async fn within<T>(
    patience: Duration,
    work: impl Future<Output = Result<T, sqlx::Error>>,
) -> Result<T, StoreError> {
    match tokio::time::timeout(patience, work).await {
        Ok(done) => Ok(done?),
        Err(_late) => Err(StoreError::Unavailable(sqlx::Error::PoolTimedOut)),
    }
}

fn session_hash(hex: &str) -> Option<SessionHash> {
    let mut hash = [0; 32];
    if hex.len() != 64 || !hex.is_ascii() {
        return None;
    }
    for (byte, pair) in hash.iter_mut().zip(hex.as_bytes().chunks(2)) {
        let pair = std::str::from_utf8(pair).ok()?;
        *byte = u8::from_str_radix(pair, 16).ok()?;
    }
    Some(hash)
}
