//! The database connections. Each unit of work is one transaction on one connection, with a time
//! limit.
//!
//! A pooler in transaction mode (`PgBouncer`) may give each transaction a different server
//! connection. So nothing may depend on session state of the server: limits are set inside each
//! transaction, and statements have no name.
//!
//! A network can stop delivering without closing a connection; only our own time limit ends such a
//! wait. A connection whose work did not finish, because of that limit or because the request was
//! dropped, is closed: its state is unknown. A connection whose work finished returns to the pool.
//! The pool tests it first, so the return has a time limit too. Otherwise each dead connection
//! would occupy one of the few places in the pool until the kernel gives up, minutes later.

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

/// Longest wait of a request for a connection; after it the database counts as unavailable.
pub(super) const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(2);

/// Longest wait for the database in one unit of work. Slightly longer than the server's own
/// statement timeout, so that normally the server ends the statement cleanly.
pub(super) const ANSWER_TIMEOUT: Duration = Duration::from_secs(6);

/// Longest test of a connection that returns to the pool.
const RETURN_TIMEOUT: Duration = Duration::from_secs(3);

/// Connections of one instance, without the listening one, when the configuration sets no number.
const CONNECTIONS_DEFAULT: u32 = 10;

/// A handle on the database; clones share the connection pool.
#[derive(Debug, Clone)]
pub struct Store {
    pool: PgPool,
    pub(super) proven: ProvenServer,
    waits: Waits,
    /// Address of the pooled connections: the server, or a pooler in front of it.
    pub(super) options: PgConnectOptions,
    /// Address of the server itself, for listening, proving freshness and migrating.
    pub(super) direct: PgConnectOptions,
}

/// Numbers of connections, without the listening one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PoolSize {
    /// Open connections.
    pub open: u32,
    /// Open connections that are idle.
    pub idle: usize,
    /// Maximum number of connections.
    pub most: u32,
}

impl Store {
    /// A store with one address and the default number of connections.
    pub fn new(database_url: &str) -> Result<Self, sqlx::Error> {
        Self::open(database_url, None, CONNECTIONS_DEFAULT)
    }

    /// Prepares a pool of at most `connections`. It connects on first use, so the bridge starts
    /// while the database is down. Errors are about the addresses only.
    pub fn open(
        database_url: &str,
        listen_url: Option<&str>,
        connections: u32,
    ) -> Result<Self, sqlx::Error> {
        let options = connect_options(database_url)?;
        let direct = listen_url.map(connect_options).transpose()?;
        let proven = ProvenServer::default();
        let pool = pool_options(connections)
            // Replaces the pool's own test, which also costs a round trip.
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

    /// The host of `DATABASE_LISTEN_URL`, or of `DATABASE_URL` if that is not set. For a Unix
    /// socket, its folder.
    pub fn direct_host(&self) -> String {
        host(&self.direct)
    }

    /// How long work waited for a connection.
    pub fn waits(&self) -> &Waits {
        &self.waits
    }

    /// The current numbers of connections.
    pub fn connections(&self) -> PoolSize {
        PoolSize {
            open: self.pool.size(),
            idle: self.pool.num_idle(),
            most: self.pool.options().get_max_connections(),
        }
    }

    /// Closes all connections except the listening one.
    pub async fn close(&self) {
        self.pool.close().await;
    }

    /// Runs `work` in one transaction: commits it on success, rolls it back on failure.
    pub(super) async fn with<T, E: From<StoreError>>(
        &self,
        work: impl AsyncFnOnce(&mut Transaction) -> Result<T, E>,
    ) -> Result<T, E> {
        self.run(BEGIN, work).await
    }

    /// Runs read-only `work` in which all statements see the same snapshot of the database.
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
        let mut pooled = PooledTransaction {
            transaction: Transaction(acquired.map_err(StoreError::from)?),
            idle: false,
        };
        let work = pooled.transaction.run(begin, work);
        let (done, ended) = within(ANSWER_TIMEOUT, work).await?;
        pooled.idle = ended;
        done
    }
}

struct PooledTransaction {
    transaction: Transaction<PoolConnection<Postgres>>,
    /// The transaction ended; the connection can be reused.
    idle: bool,
}

impl Drop for PooledTransaction {
    fn drop(&mut self) {
        let connection = &mut self.transaction.0;
        if self.idle {
            tokio::spawn(timeout(RETURN_TIMEOUT, connection.return_to_pool()));
        } else {
            connection.close_on_drop();
        }
    }
}

/// Awaits `work`; [`StoreError::Unavailable`] when it takes longer than `limit`.
pub(super) async fn within<T>(
    limit: Duration,
    work: impl Future<Output = T>,
) -> Result<T, StoreError> {
    timeout(limit, work).await.map_err(|_| StoreError::late())
}

/// Leaves out `extra_float_digits`, which sqlx sends by default and the bridge does not need:
/// poolers refuse start-up parameters that they do not know.
fn connect_options(url: &str) -> Result<PgConnectOptions, sqlx::Error> {
    let options = PgConnectOptions::from_str(url)?;
    Ok(options
        .application_name("red5-bridge")
        .extra_float_digits(None))
}

/// The host, or the folder of a Unix socket.
pub(super) fn host(options: &PgConnectOptions) -> String {
    match options.get_socket() {
        Some(folder) => folder.display().to_string(),
        None => options.get_host().to_owned(),
    }
}

/// Options for connections to a writable server. A standby lags behind, so its mappings and
/// sessions may be old. A server that becomes read-only later keeps its connections; the regular
/// check of [`super::snapshot`] detects that.
pub(super) fn pool_options(most: u32) -> PgPoolOptions {
    PgPoolOptions::new()
        .max_connections(most)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .after_connect(|connection, _| {
            Box::pin(async move { writable_server(connection).await.map(drop) })
        })
}
