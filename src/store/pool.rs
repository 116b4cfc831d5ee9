//! The connections to the database. Each piece of work is one transaction on one connection, for
//! a limited time.
//!
//! A pooler in transaction mode (`PgBouncer`) gives each transaction whichever of the server's
//! connections is free. Nothing may rest on a session of the server, then: every piece of work
//! is one transaction, its limits are set in it, and its statements have no name.
//!
//! A network can fall silent without closing anything, and then nothing but a
//! time limit of our own ends the wait. A connection whose work did not end,
//! because it was late or because the request was dropped, is closed: it may
//! be in any state. One whose work ended goes back to the pool, also within a
//! limit, because the pool tests it first; otherwise each silent connection
//! would hold one of the pool's few places until the kernel gives up, minutes
//! later.

use std::str::FromStr;
use std::time::{Duration, Instant};

use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{PgPool, Postgres};
use tokio::time::timeout;

use super::error::StoreError;
use super::server::{ProvenServer, writable_server};
use super::transaction::{AT_ONE_MOMENT, BEGIN, Transaction};
use crate::metrics::Waits;

/// How long a request waits for a connection before it is told "unavailable".
pub(super) const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(2);

/// Longest wait for the answers of one piece of work. A little more than the
/// server allows a statement, so that normally the server ends it, and cleanly.
pub(super) const ANSWER_TIMEOUT: Duration = Duration::from_secs(6);

/// Longest test of a connection that goes back to the pool.
const RETURN_TIMEOUT: Duration = Duration::from_secs(3);

/// Connections of one instance, besides the one that listens, unless the configuration says
/// another number.
const CONNECTIONS_DEFAULT: u32 = 10;

/// The database.
#[derive(Debug, Clone)]
pub struct Store {
    pool: PgPool,
    pub(super) proven: ProvenServer,
    waits: Waits,
    /// Where the pool's connections lead: the server, or a pooler before it.
    pub(super) options: PgConnectOptions,
    /// Where the server itself is: for what listens, proves freshness and migrates.
    pub(super) direct: PgConnectOptions,
}

/// Connections, without the one that listens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PoolSize {
    /// Those that there are.
    pub open: u32,
    /// Those of them that are idle.
    pub idle: usize,
    /// The most there may be.
    pub most: u32,
}

impl Store {
    /// The database at one address.
    pub fn new(database_url: &str) -> Result<Self, sqlx::Error> {
        Self::open(database_url, None, CONNECTIONS_DEFAULT)
    }

    /// Prepares a pool of so many connections; nothing is connected until something is
    /// asked, so a bridge starts while its database does not. The error is one of an address.
    pub fn open(
        database_url: &str,
        listen_url: Option<&str>,
        connections: u32,
    ) -> Result<Self, sqlx::Error> {
        let options = connect_options(database_url)?;
        let direct = listen_url.map(connect_options).transpose()?;
        let proven = ProvenServer::default();
        let pool = pool_options(connections)
            // In place of the pool's own test, which takes a round trip as well.
            .test_before_acquire(false)
            .before_acquire({
                let proven = proven.clone();
                move |connection, _| {
                    let proven = proven.clone();
                    Box::pin(async move {
                        let server = writable_server(connection).await;
                        Ok(server.is_ok_and(|server| proven.is(&server)))
                    })
                }
            })
            .connect_lazy_with(options.clone());
        Ok(Self {
            pool,
            proven,
            waits: Waits::default(),
            direct: direct.unwrap_or_else(|| options.clone()),
            options,
        })
    }

    /// The host of `DATABASE_LISTEN_URL`, or of `DATABASE_URL` where that is not set; of a socket its
    /// folder.
    pub fn direct_host(&self) -> String {
        host(&self.direct)
    }

    /// How long work waited for a connection.
    pub fn waits(&self) -> &Waits {
        &self.waits
    }

    /// The connections as they are now.
    pub fn connections(&self) -> PoolSize {
        PoolSize {
            open: self.pool.size(),
            idle: self.pool.num_idle(),
            most: self.pool.options().get_max_connections(),
        }
    }

    /// Ends all connections but the one that listens.
    pub async fn close(&self) {
        self.pool.close().await;
    }

    /// Runs `work` in a transaction of its own: what it does is committed if it succeeds, and
    /// undone if not.
    pub(super) async fn with<T, E: From<StoreError>>(
        &self,
        work: impl AsyncFnOnce(&mut Transaction) -> Result<T, E>,
    ) -> Result<T, E> {
        self.run(BEGIN, work).await
    }

    /// Reads counts and rows as of one moment, however many statements ask for them.
    pub(super) async fn at_one_moment<T, E: From<StoreError>>(
        &self,
        work: impl AsyncFnOnce(&mut Transaction) -> Result<T, E>,
    ) -> Result<T, E> {
        self.run(AT_ONE_MOMENT, work).await
    }

    async fn run<T, E: From<StoreError>>(
        &self,
        begin: &'static str,
        work: impl AsyncFnOnce(&mut Transaction) -> Result<T, E>,
    ) -> Result<T, E> {
        let asked = Instant::now();
        let acquired = self.pool.acquire().await;
        self.waits.took(asked.elapsed());
        let mut borrowed = Borrowed {
            transaction: Transaction(acquired.map_err(StoreError::from)?),
            idle: false,
        };
        let work = borrowed.transaction.run(begin, work);
        let (done, ended) = within(ANSWER_TIMEOUT, work).await?;
        borrowed.idle = ended;
        done
    }
}

struct Borrowed {
    transaction: Transaction<PoolConnection<Postgres>>,
    /// Nothing is under way on it.
    idle: bool,
}

impl Drop for Borrowed {
    fn drop(&mut self) {
        let connection = &mut self.transaction.0;
        if self.idle {
            tokio::spawn(timeout(RETURN_TIMEOUT, connection.return_to_pool()));
        } else {
            connection.close_on_drop();
        }
    }
}

/// `work`, or "unavailable" when it takes longer than `limit`.
pub(super) async fn within<T>(
    limit: Duration,
    work: impl Future<Output = T>,
) -> Result<T, StoreError> {
    timeout(limit, work).await.map_err(|_| StoreError::late())
}

/// Poolers refuse start-up parameters that they do not know, so `extra_float_digits`, which sqlx
/// sends and the bridge does not need, is left out.
fn connect_options(url: &str) -> Result<PgConnectOptions, sqlx::Error> {
    let options = PgConnectOptions::from_str(url)?;
    Ok(options
        .application_name("red5-bridge")
        .extra_float_digits(None))
}

/// Of a socket its folder.
pub(super) fn host(options: &PgConnectOptions) -> String {
    match options.get_socket() {
        Some(folder) => folder.display().to_string(),
        None => options.get_host().to_owned(),
    }
}

/// Connections to a server that takes writes. A standby lags behind: what it says of
/// mappings and sessions may be old. A server that becomes read-only later keeps its
/// connections; the regular question of [`super::snapshot`] finds that.
pub(super) fn pool_options(most: u32) -> PgPoolOptions {
    PgPoolOptions::new()
        .max_connections(most)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .after_connect(|connection, _| {
            Box::pin(async move { writable_server(connection).await.map(drop) })
        })
}
