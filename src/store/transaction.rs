//! A transaction that works on any server connection that a pooler assigns.
//!
//! sqlx names its prepared statements per client and keeps them. Behind a pooler two clients share
//! a server connection, where the same name may already belong to a statement of the other client.
//! So statements have no name. Between preparing and executing a statement, sqlx waits for the
//! server; outside of a transaction the pooler could execute it on another connection. So each
//! statement runs in a transaction.

use std::fmt::Debug;
use std::ops::DerefMut;
use std::pin::Pin;

use futures_core::Stream;
use sqlx::error::BoxDynError;
use sqlx::pool::PoolConnection;
use sqlx::postgres::{
    PgArguments, PgConnection, PgQueryResult, PgRow, PgStatement, PgTypeInfo, Postgres,
};
use sqlx::{Describe, Either, Execute, Executor, SqlStr};

use super::error::StoreError;

/// Limits of this transaction, in milliseconds. The server ends a statement that takes too long and
/// a transaction that stays idle: it may hold the lock of the change counter, for which every edit
/// and every sign-out waits.
macro_rules! begin {
    ($begin:literal) => {
        concat!(
            $begin,
            "; SET LOCAL statement_timeout = 5000",
            "; SET LOCAL idle_in_transaction_session_timeout = 5000"
        )
    };
}

pub(super) const BEGIN: &str = begin!("BEGIN");

/// Every statement sees the same snapshot of the tables.
pub(super) const AT_ONE_MOMENT: &str = begin!("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY");

/// A connection inside a transaction.
#[derive(Debug)]
pub(super) struct Transaction<C = PoolConnection<Postgres>>(pub(super) C);

impl<C: DerefMut<Target = PgConnection>> Transaction<C> {
    /// Begins, runs `work`, and commits if it succeeded. The second value is true if the
    /// transaction ended cleanly; if not, the connection must not be used again.
    pub(super) async fn run<T, E: From<StoreError>>(
        &mut self,
        begin: &'static str,
        work: impl AsyncFnOnce(&mut Self) -> Result<T, E>,
    ) -> (Result<T, E>, bool) {
        if let Err(error) = self.execute_raw(begin).await {
            return (Err(error.into()), false);
        }
        match work(self).await {
            // If Postgres has aborted the transaction, COMMIT alone would roll back without an
            // error.
            Ok(done) => match self.execute_raw("SELECT 1; COMMIT").await {
                Ok(()) => (Ok(done), true),
                Err(error) => (Err(error.into()), false),
            },
            Err(error) => (Err(error), self.execute_raw("ROLLBACK").await.is_ok()),
        }
    }

    async fn execute_raw(&mut self, sql: &'static str) -> Result<(), StoreError> {
        sqlx::raw_sql(sql).execute(&mut *self.0).await?;
        Ok(())
    }
}

/// Forwards statements to the connection without their names.
impl<'c, C> Executor<'c> for &'c mut Transaction<C>
where
    C: DerefMut<Target = PgConnection> + Debug + Send,
{
    type Database = Postgres;

    fn fetch_many<'e, 'q: 'e, E>(
        self,
        query: E,
    ) -> Pin<Box<dyn Stream<Item = Result<Either<PgQueryResult, PgRow>, sqlx::Error>> + Send + 'e>>
    where
        'c: 'e,
        E: 'q + Execute<'q, Postgres>,
    {
        (&mut *self.0).fetch_many(UnnamedStatement(query))
    }

    fn fetch_optional<'e, 'q: 'e, E>(self, query: E) -> QueryFuture<'e, Option<PgRow>>
    where
        'c: 'e,
        E: 'q + Execute<'q, Postgres>,
    {
        (&mut *self.0).fetch_optional(UnnamedStatement(query))
    }

    fn prepare_with<'e>(
        self,
        sql: SqlStr,
        parameters: &'e [PgTypeInfo],
    ) -> QueryFuture<'e, PgStatement>
    where
        'c: 'e,
    {
        (&mut *self.0).prepare_with(sql, parameters)
    }

    fn describe<'e>(self, sql: SqlStr) -> QueryFuture<'e, Describe<Postgres>>
    where
        'c: 'e,
    {
        (&mut *self.0).describe(sql)
    }
}

type QueryFuture<'e, T> = Pin<Box<dyn Future<Output = Result<T, sqlx::Error>> + Send + 'e>>;

/// A statement that is prepared without a name and not kept.
struct UnnamedStatement<E>(E);

impl<'q, E: Execute<'q, Postgres>> Execute<'q, Postgres> for UnnamedStatement<E> {
    fn sql(self) -> SqlStr {
        self.0.sql()
    }

    fn statement(&self) -> Option<&PgStatement> {
        self.0.statement()
    }

    fn take_arguments(&mut self) -> Result<Option<PgArguments>, BoxDynError> {
        self.0.take_arguments()
    }

    fn persistent(&self) -> bool {
        false
    }
}
