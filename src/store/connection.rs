//! One transaction on one connection for one piece of work, for a limited time.
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

use std::io;
use std::time::{Duration, Instant};

use sqlx::Postgres;
use sqlx::pool::PoolConnection;
use tokio::time::timeout;

use super::transaction::{AT_ONE_MOMENT, BEGIN, Transaction};
use super::{Store, StoreError};

/// Longest wait for the answers of one piece of work. A little more than the
/// server allows a statement, so that normally the server ends it, and cleanly.
pub(super) const ANSWER_TIMEOUT: Duration = Duration::from_secs(6);

/// Longest test of a connection that goes back to the pool.
const RETURN_TIMEOUT: Duration = Duration::from_secs(3);

impl Store {
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
            transaction: Transaction::on(acquired.map_err(StoreError::from)?),
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
        let connection = self.transaction.connection();
        if self.idle {
            tokio::spawn(timeout(RETURN_TIMEOUT, connection.return_to_pool()));
        } else {
            connection.close_on_drop();
        }
    }
}

/// `work`, or "unavailable" when it takes longer than `patience`.
pub(super) async fn within<T>(
    patience: Duration,
    work: impl Future<Output = T>,
) -> Result<T, StoreError> {
    let late = || unavailable(io::ErrorKind::TimedOut, "no answer in time");
    timeout(patience, work).await.map_err(|_late| late())
}

/// A connection that ended without saying so.
pub(super) fn lost() -> StoreError {
    unavailable(io::ErrorKind::ConnectionAborted, "the connection was lost")
}

/// The connection leads to another server than the one that is listened to, or to one that
/// does not know the newest yet.
pub(super) fn elsewhere() -> StoreError {
    unavailable(
        io::ErrorKind::ConnectionAborted,
        "two connections lead to servers that disagree",
    )
}

fn unavailable(kind: io::ErrorKind, reason: &'static str) -> StoreError {
    StoreError::Unavailable(sqlx::Error::Io(io::Error::new(kind, reason)))
}
