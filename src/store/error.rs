//! Errors of queries: temporary or permanent.

use std::io;

/// Why a query failed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Temporary: the database cannot be reached, does not answer, is starting, stopping, full,
    /// read-only or not migrated yet, or there was a deadlock.
    #[error("the database is unavailable")]
    Unavailable(#[source] sqlx::Error),
    /// Permanent: a constraint or another refusal. Either a bug, or a table that differs from its
    /// migration.
    #[error("the database refused the statement")]
    Refused(#[source] sqlx::Error),
    /// LISTEN and migrations need a dedicated connection to the server; this address gives none.
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
            // `RowNotFound`: the change counter's only row is missing during a restore.
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

impl StoreError {
    /// No answer within the time limit.
    pub(super) fn late() -> Self {
        Self::unavailable(io::ErrorKind::TimedOut, "no answer in time")
    }

    /// A connection that ended without an error.
    pub(super) fn connection_lost() -> Self {
        Self::unavailable(io::ErrorKind::ConnectionAborted, "the connection was lost")
    }

    /// The connection leads to a server other than the proven one, or to one that lacks the newest
    /// change.
    pub(super) fn other_server() -> Self {
        Self::unavailable(
            io::ErrorKind::ConnectionAborted,
            "two connections lead to servers that disagree",
        )
    }

    fn unavailable(kind: io::ErrorKind, reason: &'static str) -> Self {
        Self::Unavailable(sqlx::Error::Io(io::Error::new(kind, reason)))
    }
}

/// SQLSTATE codes (PostgreSQL, appendix A) that do not mean that the statement is wrong.
fn is_passing(code: &str) -> bool {
    // 08 connection, 25 read-only or timed out in a transaction, 28 and 3D a password or database
    // that is being changed, 40 deadlock, 53 resources, 55 in use, 57 shutdown or statement
    // timeout, 58 and XX internal errors of the server.
    const CLASSES: [&str; 10] = ["08", "25", "28", "3D", "40", "53", "55", "57", "58", "XX"];
    // A table, column, function or right that is missing until the migrations ran.
    const NOT_MIGRATED: [&str; 4] = ["42P01", "42703", "42883", "42501"];
    CLASSES.iter().any(|class| code.starts_with(class)) || NOT_MIGRATED.contains(&code)
}
