//! The mappings and blocks in memory, and how they stay up to date.
//!
//! Every transaction that changes mappings or blocks, or ends a session, increments the change
//! counter and sends a numbered notice (by trigger). One connection listens:
//!
//! 1. Start to listen, then load everything and invalidate every session in memory.
//! 2. Apply each notice. A gap in the numbers means that notices were lost: load everything again.
//! 3. Every third of the staleness bound, however many notices arrive, read the counter itself,
//!    because a notice can be lost and a connection can be dead without an error. This check also
//!    opens a new connection, which must lead to the same, writable server: an address can move to
//!    another server while old connections stay open.
//! 4. When the connection is lost, late or leads to another server, start again with a new one.
//!
//! Data from other connections is kept only if they lead to the server that steps 1 and 3 proved
//! ([`super::server`]).
//!
//! The data in memory is fresh as of the moment at which the last successful check was *sent*. Data
//! older than the bound is not served: the answer is 503 (see [`super::freshness`]).

use std::sync::{self, Arc, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use arc_swap::ArcSwapOption;
use sqlx::postgres::{PgListener, PgNotification};
use sqlx::{Connection, PgConnection};
use tokio::sync::Mutex;
use tokio::time::timeout_at;

use super::clients::RegisteredClients;
use super::error::StoreError;
use super::freshness::{Freshness, TwoClocks};
use super::mappings::KnownMappings;
use super::notify::{CHANNEL, Changed, DatabaseNotice};
use super::pool::{Store, pool_options, within};
use super::server::{Server, require_direct, takes_no_writes, writable_server};
use super::session_cache::SessionCache;
use crate::domain::block::Blocks;
use crate::domain::resolve::Mappings;

/// Pause before the next attempt to connect.
const RETRY_AFTER: Duration = Duration::from_millis(500);

/// Longest wait for a new listening connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Text for `/readyz` before anything more exact is known.
const UNREACHABLE: &str = "unreachable, takes no writes, or what is loaded may be old";

/// How long to wait for notices that the counter already includes. They use the same connection, so
/// normally they have already arrived.
const NOTICE_GRACE: Duration = Duration::from_millis(200);

/// Mappings, blocks and clients as of one value of the change counter.
#[derive(Debug)]
pub struct Snapshot {
    /// The compiled mappings.
    pub mappings: Arc<Mappings>,
    /// The blocks.
    pub blocks: Blocks,
    /// The OAuth clients.
    pub clients: RegisteredClients,
    /// Version of the mappings: the number of their last change.
    pub mapping_version: i64,
    counter: i64,
}

/// The snapshot is missing or older than the staleness bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the mappings and blocks in memory are not known to be fresh")]
pub struct Stale;

/// Loads the snapshot and keeps it up to date.
pub struct SnapshotKeeper {
    store: Store,
    sessions: Arc<SessionCache>,
    bound: Duration,
    snapshot: ArcSwapOption<Snapshot>,
    /// Start of the last successful load. Held during a load, so that loads run one at a time and a
    /// later load is never older.
    loading: Mutex<Option<Instant>>,
    freshness: Freshness,
    /// Why loading fails, for `/readyz`.
    failure: sync::Mutex<&'static str>,
}

impl SnapshotKeeper {
    /// Loads nothing; [`SnapshotKeeper::run`] does.
    pub fn new(store: Store, sessions: Arc<SessionCache>, bound: Duration) -> Self {
        Self {
            store,
            sessions,
            bound,
            snapshot: ArcSwapOption::empty(),
            loading: Mutex::new(None),
            freshness: Freshness::new(TwoClocks::now()),
            failure: sync::Mutex::new(UNREACHABLE),
        }
    }

    /// The snapshot, if it is younger than the bound. Takes no blocking lock.
    pub fn current(&self) -> Result<Arc<Snapshot>, Stale> {
        match self.age() {
            Some(age) if age <= self.bound => self.snapshot.load_full().ok_or(Stale),
            _ => Err(Stale),
        }
    }

    /// The mappings of the snapshot by number, if it is younger than the bound.
    pub fn known_mappings(&self) -> Option<KnownMappings> {
        let snapshot = self.current().ok()?;
        Some(KnownMappings {
            version: snapshot.mapping_version,
            rows: snapshot.mappings.rows(),
        })
    }

    /// Time since the last successful check was sent; `None` if unknown.
    pub fn age(&self) -> Option<Duration> {
        self.freshness.age(TwoClocks::now())
    }

    /// Version of the mappings in memory, however old they are.
    pub fn mapping_version(&self) -> Option<i64> {
        let snapshot = self.snapshot.load();
        snapshot.as_ref().map(|snapshot| snapshot.mapping_version)
    }

    /// Loads both tables. The instance that made an edit does so before it answers, so that its
    /// next exchange includes the edit. Concurrent callers share the next load.
    pub async fn reload(&self) -> Result<(), StoreError> {
        let asked = Instant::now();
        let mut last = self.loading.lock().await;
        if last.is_some_and(|begun| begun > asked) {
            return Ok(());
        }
        let begun = Instant::now();
        let previous = self.snapshot.load_full();
        let previous = previous.as_ref().map(|previous| &*previous.mappings);
        let snapshot = self.store.snapshot(previous).await?;
        self.snapshot.store(Some(Arc::new(snapshot)));
        *last = Some(begun);
        Ok(())
    }

    /// Loads the data after a change by this instance. The change is already committed: if the load
    /// fails, the older snapshot is not served until a later check succeeds.
    pub async fn reload_changed(&self) {
        if let Err(error) = self.reload().await {
            tracing::warn!(event = "mappings_not_loaded", %error, "the changed data could not be loaded again");
            self.invalidate();
        }
    }

    /// Marks the data as old: it is not served until a check that is sent from now on succeeds.
    pub fn invalidate(&self) {
        self.freshness.invalidate(TwoClocks::now());
    }

    /// Writes the uses of mappings that exchanges noted. What is not written is kept for the next time.
    pub async fn flush_uses(&self) -> Result<(), StoreError> {
        let Some(snapshot) = self.snapshot.load_full() else {
            return Ok(());
        };
        let uses = snapshot.mappings.unwritten_uses();
        if !uses.is_empty() {
            self.store.write_uses(&uses).await?;
        }
        for (_, day, mark) in &uses {
            mark.is_written(*day);
        }
        Ok(())
    }

    /// Records why loading fails, for `/readyz`. True if the reason differs from the last one.
    pub fn record_failure(&self, error: &StoreError) -> bool {
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
        std::mem::replace(&mut *self.failure(), words) != words
    }

    /// Why the snapshot is not current; `None` if it is.
    pub fn missing(&self) -> Option<&'static str> {
        self.current().is_err().then(|| *self.failure())
    }

    fn failure(&self) -> MutexGuard<'_, &'static str> {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Listens until the task is dropped. To be spawned once.
    pub async fn run(&self) {
        loop {
            let Err(error) = self.listen().await;
            let is_new = self.record_failure(&error);
            // A pooler is a permanent condition, so it is logged once.
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
            // Without a notice, the wait ends when the next check is due.
            if let Ok(notice) = timeout_at(next_question.into(), listener.try_recv()).await {
                seen = self.apply_notice(&mut listener, notice?, seen).await?;
            }
        }
    }

    /// Time between two checks, and the longest wait for an answer: a third of the bound.
    fn interval(&self) -> Duration {
        self.bound / 3
    }

    /// Loads everything and invalidates every session. Returns the counter on which this is
    /// based.
    async fn catch_up(&self, listener: &mut PgListener) -> Result<i64, StoreError> {
        let sent = TwoClocks::now();
        let counter = self.counter(listener, CONNECT_TIMEOUT).await?;
        // Set before sessions are invalidated: rows read after that come from this server or are
        // refused.
        self.store.proven.set(counter.server);
        self.sessions.invalidate_all();
        self.reload().await?;
        let loaded = self.snapshot.load_full();
        if loaded.is_none_or(|loaded| loaded.counter < counter.value) {
            return Err(StoreError::other_server());
        }
        self.freshness.agreed(sent);
        Ok(counter.value)
    }

    /// The counter, read on the listening connection. A new connection must lead to the same
    /// server: the old connection does not prove where new ones lead.
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

    /// The regular check. A counter ahead of the notices means that some were lost. A counter
    /// behind them means that the database was restored.
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
        // `None`: the connection is lost. The listener would reconnect by itself, and lose notices.
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
            Changed::Tables => self.reload_to(number).await?,
            Changed::Sessions(hashes) => {
                for hash in &hashes {
                    self.sessions.ended(hash);
                }
            }
            Changed::ManySessions => self.sessions.invalidate_all(),
        }
        Ok(number.max(seen))
    }

    /// Loads both tables unless the snapshot already includes that change.
    async fn reload_to(&self, number: i64) -> Result<(), StoreError> {
        let newest = self.snapshot.load_full();
        if newest.is_some_and(|newest| newest.counter >= number) {
            return Ok(());
        }
        self.reload().await
    }
}

impl Store {
    /// Loads both tables.
    pub async fn snapshot(&self, previous: Option<&Mappings>) -> Result<Snapshot, StoreError> {
        let table = self.mapping_table().await?;
        Ok(Snapshot {
            mappings: Arc::new(Mappings::compile_after(previous, table.rows)),
            blocks: table.blocks,
            clients: table.clients,
            mapping_version: table.mapping_version,
            counter: table.counter,
        })
    }

    /// The listening connection, in a pool of its own, so that it does not compete with requests
    /// for connections.
    async fn listener(&self) -> Result<PgListener, StoreError> {
        require_direct(&self.direct).await?;
        let pool = pool_options(1).connect_lazy_with(self.direct.clone());
        let mut listener = PgListener::connect_with(&pool).await?;
        // An automatic reconnection would lose notices unnoticed.
        listener.eager_reconnect(false);
        listener.listen(CHANNEL).await?;
        Ok(listener)
    }

    /// The server to which a new connection leads; an error if it is read-only.
    async fn server(&self) -> Result<Server, sqlx::Error> {
        let mut connection = PgConnection::connect_with(&self.direct).await?;
        let server = writable_server(&mut connection).await?;
        connection.close().await?;
        Ok(server)
    }
}

/// The counter, and the server that it was read from.
struct Counter {
    value: i64,
    server: Server,
}

/// Reads the counter; an error if the server is read-only.
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
