//! The mappings and the blocks in memory, kept up with their tables.
//!
//! A trigger raises the change counter and sends a numbered notice in every
//! transaction that changes mappings or blocks or ends a session. One connection listens.
//! The order of its steps:
//!
//! 1. listen, then load everything and doubt every session in memory;
//! 2. apply each notice; one whose number does not follow the last means that
//!    some were lost: back to loading everything;
//! 3. every third of the staleness bound, however many notices come, ask for
//!    the counter itself, because a notice can be lost and a connection can be
//!    dead without saying so. A new connection is made for it, which must lead to
//!    the same server, and that must take writes: an address can move to another
//!    server while the old one keeps its connections open;
//! 4. when the connection is lost or late, or leads elsewhere, begin again with
//!    another one.
//!
//! The other connections lead to the server that step 1 and step 3 prove, or what they say
//! is not kept ([`super::server`]).
//!
//! What is in memory is fresh as of the moment at which the last question that
//! agreed was *sent*. Older than the bound, it is not served: 503 ([`super`] says what else happens
//! when Postgres is gone).

use std::sync::{self, Arc, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use arc_swap::ArcSwapOption;
use sqlx::postgres::{PgListener, PgNotification};
use sqlx::{Connection, PgConnection};
use tokio::sync::Mutex;
use tokio::time::timeout_at;

use super::error::StoreError;
use super::freshness::{Freshness, TwoClocks};
use super::notify::{CHANNEL, Changed, DatabaseNotice};
use super::pool::{Store, pool_options, within};
use super::server::{Server, require_direct, takes_no_writes, writable_server};
use super::session_cache::SessionCache;
use crate::domain::block::Blocks;
use crate::domain::resolve::Mappings;

/// Pause before the database is tried again.
const RETRY_AFTER: Duration = Duration::from_millis(500);

/// Longest wait for a new connection that listens.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// What `/readyz` says while nothing better is known.
const UNREACHABLE: &str = "unreachable, takes no writes, or what is loaded may be old";

/// How long to wait for notices that the counter already counts. They come over the same
/// connection, so normally they are there.
const NOTICE_GRACE: Duration = Duration::from_millis(200);

/// Both tables at one number of the counter.
#[derive(Debug)]
pub struct Snapshot {
    /// Compiled.
    pub mappings: Arc<Mappings>,
    /// The blocks.
    pub blocks: Blocks,
    /// The number of the last change to the mappings.
    pub mapping_version: i64,
    counter: i64,
}

/// The snapshot is missing or older than the bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the mappings and blocks in memory are not known to be fresh")]
pub struct Stale;

/// Loads the snapshot, and keeps it as fresh as the notices and the change counter.
pub struct SnapshotKeeper {
    store: Store,
    sessions: Arc<SessionCache>,
    bound: Duration,
    snapshot: ArcSwapOption<Snapshot>,
    /// When the last load that succeeded was begun. Held during a load: there is one at a time, so
    /// that a later one is never older.
    loading: Mutex<Option<Instant>>,
    freshness: Freshness,
    /// Why nothing could be loaded, for `/readyz`.
    hindrance: sync::Mutex<&'static str>,
}

impl SnapshotKeeper {
    /// Nothing is loaded yet; [`SnapshotKeeper::run`] does it.
    pub fn new(store: Store, sessions: Arc<SessionCache>, bound: Duration) -> Self {
        Self {
            store,
            sessions,
            bound,
            snapshot: ArcSwapOption::empty(),
            loading: Mutex::new(None),
            freshness: Freshness::new(TwoClocks::now()),
            hindrance: sync::Mutex::new(UNREACHABLE),
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
        self.freshness.age(TwoClocks::now())
    }

    /// The number of the last change to the mappings in memory, however old they are.
    pub fn mapping_version(&self) -> Option<i64> {
        let snapshot = self.snapshot.load();
        snapshot.as_ref().map(|snapshot| snapshot.mapping_version)
    }

    /// Loads both tables as they are now. The instance that took an edit does so before it
    /// answers, so that its next exchange knows. Callers that wait for a load share the next one.
    pub async fn reload(&self) -> Result<(), StoreError> {
        let asked = Instant::now();
        let mut last = self.loading.lock().await;
        if last.is_some_and(|begun| begun > asked) {
            return Ok(());
        }
        let begun = Instant::now();
        let snapshot = self.store.snapshot().await?;
        self.snapshot.store(Some(Arc::new(snapshot)));
        *last = Some(begun);
        Ok(())
    }

    /// Loads what was changed here. The change is written in any case: if the load fails, the
    /// older snapshot is not served until a later question has agreed.
    pub async fn reload_changed(&self) {
        if let Err(error) = self.reload().await {
            tracing::warn!(event = "mappings_not_loaded", %error, "the changed data could not be loaded again");
            self.doubt();
        }
    }

    /// What is loaded is known to be old: it is not served until a question that
    /// is sent from now on has agreed.
    pub fn doubt(&self) {
        self.freshness.doubt(TwoClocks::now());
    }

    /// Notes why nothing can be loaded, for `/readyz`; whether that is another reason than before.
    pub fn hindered_by(&self, error: &StoreError) -> bool {
        let words = match error {
            StoreError::NotMigrated | StoreError::Migration(_) => {
                "the tables are not those of this version"
            }
            StoreError::Pooled => {
                "behind a pooler in transaction mode: set DATABASE_LISTEN_URL to the address of the \
                 server itself"
            }
            StoreError::Unavailable(_) | StoreError::Refused(_) => UNREACHABLE,
        };
        std::mem::replace(&mut *self.hindrance(), words) != words
    }

    /// What keeps the snapshot from being current, in words; none: nothing.
    pub fn missing(&self) -> Option<&'static str> {
        self.current().is_err().then(|| *self.hindrance())
    }

    fn hindrance(&self) -> MutexGuard<'_, &'static str> {
        self.hindrance
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Listens until the task is dropped; the caller spawns it once.
    pub async fn run(&self) {
        loop {
            let Err(error) = self.listen().await;
            let is_new = self.hindered_by(&error);
            // A pooler stays where it is: said once.
            if is_new || !matches!(error, StoreError::Pooled) {
                tracing::warn!(
                    event = "database_lost",
                    error = &error as &dyn std::error::Error,
                    "the listening connection was lost; everything will be loaded again"
                );
            }
            tokio::time::sleep(RETRY_AFTER).await;
        }
    }

    async fn listen(&self) -> Result<std::convert::Infallible, StoreError> {
        let mut listener = within(CONNECT_TIMEOUT, self.store.listener()).await??;
        let mut seen = self.catch_up(&mut listener).await?;
        let mut next_question = Instant::now() + self.interval();
        loop {
            if Instant::now() >= next_question {
                next_question = Instant::now() + self.interval();
                seen = self.ask(&mut listener, seen).await?;
            }
            // Without a notice, the wait ends at the next question.
            if let Ok(notice) = timeout_at(next_question.into(), listener.try_recv()).await {
                seen = self.apply_notice(&mut listener, notice?, seen).await?;
            }
        }
    }

    /// Between two questions, and the longest wait for an answer: a third of the bound.
    fn interval(&self) -> Duration {
        self.bound / 3
    }

    /// Loads everything and doubts every session; the number it rests on.
    async fn catch_up(&self, listener: &mut PgListener) -> Result<i64, StoreError> {
        let sent = TwoClocks::now();
        let counter = self.counter(listener, CONNECT_TIMEOUT).await?;
        // Before the doubt: a row that is read after it comes from this server or is refused.
        self.store.proven.set(counter.server);
        self.sessions.doubt_all();
        self.reload().await?;
        let loaded = self.snapshot.load_full();
        if loaded.is_none_or(|loaded| loaded.counter < counter.value) {
            return Err(StoreError::other_server());
        }
        self.freshness.agreed(sent);
        Ok(counter.value)
    }

    /// The counter of the server that is listened to. A new connection must lead there too:
    /// the old one proves nothing about the server to which new ones lead.
    async fn counter(
        &self,
        listener: &mut PgListener,
        limit: Duration,
    ) -> Result<Counter, StoreError> {
        let (counter, server) = within(limit, async {
            tokio::try_join!(counter(listener), self.store.server())
        })
        .await??;
        if counter.server != server {
            return Err(StoreError::other_server());
        }
        Ok(counter)
    }

    /// The regular question. A number ahead of the notices means that some
    /// were lost, one behind them that the database was restored.
    async fn ask(&self, listener: &mut PgListener, mut seen: i64) -> Result<i64, StoreError> {
        let sent = TwoClocks::now();
        let counter = self.counter(listener, self.interval()).await?;
        if counter.value < seen {
            return self.catch_up(listener).await;
        }
        let grace = Instant::now() + NOTICE_GRACE;
        while seen < counter.value {
            match timeout_at(grace.into(), listener.try_recv()).await {
                Ok(notice) => seen = self.apply_notice(listener, notice?, seen).await?,
                Err(_lost) => return self.catch_up(listener).await,
            }
        }
        self.freshness.agreed(sent);
        Ok(seen)
    }

    async fn apply_notice(
        &self,
        listener: &mut PgListener,
        notice: Option<PgNotification>,
        seen: i64,
    ) -> Result<i64, StoreError> {
        // `None`: the connection is gone; the listener would make a new one by itself.
        let notice = notice.ok_or_else(StoreError::connection_lost)?;
        let (number, what) = match DatabaseNotice::parse(notice.payload()) {
            Some(DatabaseNotice::Change { number, what }) => (number, what),
            Some(DatabaseNotice::Refreshed { hash, version }) => {
                self.sessions.outdated(&hash, version);
                return Ok(seen);
            }
            None => return self.catch_up(listener).await,
        };
        if number > seen + 1 {
            return self.catch_up(listener).await;
        }
        match what {
            Changed::Mappings | Changed::Blocks => self.reload_to(number).await?,
            Changed::Sessions(hashes) => {
                for hash in &hashes {
                    self.sessions.ended(hash);
                }
            }
            Changed::ManySessions => self.sessions.doubt_all(),
        }
        Ok(number.max(seen))
    }

    /// Loads both tables unless that change is in it already.
    async fn reload_to(&self, number: i64) -> Result<(), StoreError> {
        let newest = self.snapshot.load_full();
        if newest.is_some_and(|newest| newest.counter >= number) {
            return Ok(());
        }
        self.reload().await
    }
}

impl Store {
    /// Both tables as they are now.
    pub async fn snapshot(&self) -> Result<Snapshot, StoreError> {
        let table = self.mapping_table().await?;
        Ok(Snapshot {
            mappings: Arc::new(Mappings::compile(table.rows)),
            blocks: table.blocks,
            mapping_version: table.mapping_version,
            counter: table.counter,
        })
    }

    /// A connection that listens, in a pool of its own: it must not wait for
    /// the others, nor they for it.
    async fn listener(&self) -> Result<PgListener, StoreError> {
        require_direct(&self.direct).await?;
        let pool = pool_options(1).connect_lazy_with(self.direct.clone());
        let mut listener = PgListener::connect_with(&pool).await?;
        // A reconnection by itself would lose notices unseen.
        listener.eager_reconnect(false);
        listener.listen(CHANNEL).await?;
        Ok(listener)
    }

    /// Which server a new connection leads to. An error
    /// when it takes no writes.
    async fn server(&self) -> Result<Server, sqlx::Error> {
        let mut connection = PgConnection::connect_with(&self.direct).await?;
        let server = writable_server(&mut connection).await?;
        connection.close().await?;
        Ok(server)
    }
}

/// What the server that is listened to says.
struct Counter {
    value: i64,
    server: Server,
}

/// The counter, as a server that takes writes has it.
async fn counter(listener: &mut PgListener) -> Result<Counter, sqlx::Error> {
    let row = sqlx::query!(
        r#"SELECT value, pg_is_in_recovery() OR current_setting('transaction_read_only')::boolean AS "read_only!",
                  format('%s %s', extract(epoch FROM pg_postmaster_start_time()), current_database()) AS "server!"
           FROM change_counter"#
    )
    .fetch_one(listener)
    .await?;
    if row.read_only {
        return Err(takes_no_writes());
    }
    Ok(Counter {
        value: row.value,
        server: row.server,
    })
}
