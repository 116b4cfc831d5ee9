//! What the bridge remembers: mappings, blocks, sessions, spent attempts,
//! sign-outs and logouts on their way, the audit log.
//!
//! All SQL is here. A row leaves as a type of `domain` or not at all. [`watch`]
//! keeps the mappings and the blocks in memory, [`live`] the sessions in use, so that
//! an exchange asks the database nothing.

pub mod attempts;
pub mod audit;
pub mod blocks;
mod connection;
mod direct;
pub mod ending;
mod fence;
mod freshness;
pub mod live;
pub mod logouts;
pub mod mappings;
mod migrate;
mod notice;
mod refresh_marks;
pub mod refreshes;
mod server;
pub mod sessions;
pub mod sign_outs;
pub mod signed_in;
pub mod survey;
mod sweep;
mod transaction;
pub mod watch;

use std::str::FromStr;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgListener, PgPoolOptions};
use sqlx::{Connection, PgConnection, PgPool};

use crate::metrics::Waits;
use server::{ProvenServer, Server, writable_server};

/// How long a request waits for a connection before it is told "unavailable".
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(2);

/// Connections of one instance, besides the one that listens, unless the configuration says
/// another number.
const CONNECTIONS_DEFAULT: u32 = 10;

/// The database.
#[derive(Debug, Clone)]
pub struct Store {
    pool: PgPool,
    proven: ProvenServer,
    waits: Waits,
    /// Where the pool's connections lead: the server, or a pooler before it.
    options: PgConnectOptions,
    /// Where the server itself is: for what listens, proves freshness and migrates.
    direct: PgConnectOptions,
}

/// Connections, without the one that listens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Connections {
    /// Those that there are.
    pub open: u32,
    /// Those of them that are idle.
    pub idle: usize,
    /// The most there may be.
    pub most: u32,
}

/// Why the database did not do it.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// It cannot be reached, does not answer, is starting, stopping, full, read-only or
    /// not migrated yet, or two transactions were in each other's way: try again later.
    #[error("the database is unavailable")]
    Unavailable(#[source] sqlx::Error),
    /// It refused the statement, by a constraint or otherwise: a bug, or a table
    /// that is not as migrated.
    #[error("the database refused the statement")]
    Refused(#[source] sqlx::Error),
    /// LISTEN and migrations need a connection of their own to the server; this address gives none.
    #[error(
        "a pooler in transaction mode is in the way, where no connection can listen or migrate: set \
         DATABASE_LISTEN_URL to the address of the server itself"
    )]
    Pooled,
    /// Migrations are pending, and this role may not apply them.
    #[error(
        "the tables are not those of this version, and this role may make none: run red5-bridge \
         migrate with their owner in DATABASE_URL (and in DATABASE_LISTEN_URL, where that is set), \
         then docs/database-role.sql; it goes on by itself"
    )]
    NotMigrated,
    /// A migration failed or the tables belong to another version.
    #[error("the migrations failed: {0}")]
    Migration(#[from] sqlx::migrate::MigrateError),
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        use sqlx::Error as E;
        let passing = match &error {
            E::Database(refusal) => refusal.code().is_some_and(|code| is_passing(&code)),
            // The last: the one row of the counter is missing, while it is restored.
            E::Io(_)
            | E::Tls(_)
            | E::Protocol(_)
            | E::WorkerCrashed
            | E::BeginFailed
            | E::PoolTimedOut
            | E::PoolClosed
            | E::RowNotFound => true,
            _ => false,
        };
        if passing {
            Self::Unavailable(error)
        } else {
            Self::Refused(error)
        }
    }
}

/// Codes of PostgreSQL's appendix A that say nothing against the statement.
fn is_passing(code: &str) -> bool {
    // 08 connection, 25 read-only or timed out in a transaction, 28 and 3D a
    // password or database that is being changed, 40 deadlock, 53 resources,
    // 55 in use, 57 shutdown or statement timeout, 58 and XX the server itself.
    const CLASSES: [&str; 10] = ["08", "25", "28", "3D", "40", "53", "55", "57", "58", "XX"];
    // No such table, column or function, or no right to it yet: not migrated yet.
    const NOT_MIGRATED: [&str; 4] = ["42P01", "42703", "42883", "42501"];
    CLASSES.iter().any(|class| code.starts_with(class)) || NOT_MIGRATED.contains(&code)
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

    /// The host that `DATABASE_URL` names, or the folder of its socket.
    pub fn host(&self) -> String {
        host(&self.options)
    }

    /// The same of `DATABASE_LISTEN_URL`, or of `DATABASE_URL` where it is not set.
    pub fn direct_host(&self) -> String {
        host(&self.direct)
    }

    /// How long work waited for a connection.
    pub fn waits(&self) -> &Waits {
        &self.waits
    }

    /// The connections as they are now.
    pub fn connections(&self) -> Connections {
        Connections {
            open: self.pool.size(),
            idle: self.pool.num_idle(),
            most: self.pool.options().get_max_connections(),
        }
    }

    /// A connection that listens, in a pool of its own: it must not wait for
    /// the others, nor they for it.
    async fn listener(&self) -> Result<PgListener, StoreError> {
        self.require_direct().await?;
        let pool = pool_options(1).connect_lazy_with(self.direct.clone());
        let mut listener = PgListener::connect_with(&pool).await?;
        // A reconnection behind our back would lose notices unseen.
        listener.eager_reconnect(false);
        listener.listen(notice::CHANNEL).await?;
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

    /// Ends all connections but the one that listens.
    pub async fn close(&self) {
        self.pool.close().await;
    }
}

/// Poolers refuse start-up parameters that they do not know, so `extra_float_digits`, which sqlx
/// sends and the bridge does not need, is left out.
fn connect_options(url: &str) -> Result<PgConnectOptions, sqlx::Error> {
    let options = PgConnectOptions::from_str(url)?;
    Ok(options
        .application_name("red5-bridge")
        .extra_float_digits(None))
}

fn host(options: &PgConnectOptions) -> String {
    match options.get_socket() {
        Some(folder) => folder.display().to_string(),
        None => options.get_host().to_owned(),
    }
}

/// Connections to a server that takes writes. A standby lags behind: what it says of
/// mappings and sessions may be old. A server that becomes read-only later keeps its
/// connections; the regular question of [`watch`] finds that.
fn pool_options(most: u32) -> PgPoolOptions {
    PgPoolOptions::new()
        .max_connections(most)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .after_connect(|connection, _| {
            Box::pin(async move { writable_server(connection).await.map(drop) })
        })
}
