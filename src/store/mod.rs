//! What the bridge remembers: mappings, sessions, spent attempts, the audit log.
//!
//! All SQL is here. A row leaves as a type of `domain` or not at all. [`watch`]
//! keeps the mappings compiled in memory, [`live`] the sessions in use, so that
//! an exchange asks the database nothing.

pub mod attempts;
pub mod audit;
pub mod live;
mod mapping_row;
pub mod mappings;
pub mod sessions;
pub mod watch;

use std::str::FromStr;
use std::time::Duration;

use sqlx::PgPool;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};

/// How long a request waits for a connection before it is told "unavailable".
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(3);

/// Longest statement of a request, in milliseconds: the server ends it then.
const STATEMENT_TIMEOUT: &str = "5000";

/// Connections of one instance; one of them listens.
const CONNECTIONS_MAX: u32 = 10;

/// The database.
#[derive(Debug, Clone)]
pub struct Store {
    pool: PgPool,
    /// Without the statement timeout: a migration may take its time.
    options: PgConnectOptions,
}

/// Why the database did not do it.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// It cannot be reached, is starting, stopping, full or read-only: try again later.
    #[error("the database is unavailable")]
    Unavailable(#[source] sqlx::Error),
    /// It refused the statement: a bug, or a table that is not as migrated.
    #[error("the database refused the statement")]
    Refused(#[source] sqlx::Error),
    /// A migration failed or the tables belong to another version.
    #[error("the migrations failed: {0}")]
    Migration(#[from] sqlx::migrate::MigrateError),
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        // Classes of PostgreSQL's appendix A: 08 connection, 25 read-only,
        // 53 resources, 55 in recovery, 57 shutdown or statement timeout, 58 system.
        let passing = |code: &str| {
            let classes = ["08", "25", "53", "55", "57", "58"];
            classes.iter().any(|class| code.starts_with(class))
        };
        match &error {
            sqlx::Error::Database(refusal)
                if !refusal.code().is_some_and(|code| passing(&code)) =>
            {
                Self::Refused(error)
            }
            sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) => Self::Refused(error),
            _ => Self::Unavailable(error),
        }
    }
}

impl Store {
    /// Prepares a pool; nothing is connected until something is asked, so a
    /// bridge starts while its database does not. The error is one of the URL.
    pub fn new(database_url: &str) -> Result<Self, sqlx::Error> {
        let options = PgConnectOptions::from_str(database_url)?;
        let bounded = options
            .clone()
            .options([("statement_timeout", STATEMENT_TIMEOUT)]);
        let pool = PgPoolOptions::new()
            .max_connections(CONNECTIONS_MAX)
            .acquire_timeout(ACQUIRE_TIMEOUT)
            .connect_lazy_with(bounded);
        Ok(Self { pool, options })
    }

    /// Brings the tables up to this version, under an advisory lock: two
    /// instances that start together do it once.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        let single = PgPoolOptions::new()
            .max_connections(1)
            .acquire_timeout(ACQUIRE_TIMEOUT)
            .connect_with(self.options.clone())
            .await?;
        sqlx::migrate!().run(&single).await?;
        single.close().await;
        Ok(())
    }

    /// Whether the database answers; for `/readyz` and `check`.
    pub async fn ping(&self) -> Result<(), StoreError> {
        sqlx::query("SELECT 1").execute(&self.pool).await?;
        Ok(())
    }

    /// Ends all connections.
    pub async fn close(&self) {
        self.pool.close().await;
    }
}
