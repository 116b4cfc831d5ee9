//! Whether a connection leads to a session of the server, as listening and the lock of the
//! migrations need it. Through a pooler in transaction mode it leads to another one for each
//! transaction, and nothing says so: what was listened for does not arrive, and a lock stays
//! with a session of others.

use sqlx::{Connection as _, PgConnection, Row as _};

use super::{Store, StoreError};

/// How often two connections are compared: other clients of a pooler may come between.
const ROUNDS: usize = 3;

impl Store {
    /// Refuses a pooler in transaction mode: there two connections share a session of the
    /// server, or one of them has several.
    pub(super) async fn require_direct(&self) -> Result<(), StoreError> {
        let mut one = PgConnection::connect_with(&self.direct).await?;
        let mut other = PgConnection::connect_with(&self.direct).await?;
        let own = (session(&mut one).await?, session(&mut other).await?);
        for _ in 0..ROUNDS {
            // In the other order: a pooler may give its connections out in turn.
            let now = (session(&mut other).await?, session(&mut one).await?);
            if own.0 == own.1 || now != (own.1, own.0) {
                return Err(StoreError::Pooled);
            }
        }
        one.close().await?;
        other.close().await?;
        Ok(())
    }

    /// Whether both addresses lead to the same tables.
    pub(super) async fn leads_to_one_place(&self) -> Result<bool, sqlx::Error> {
        let mut one = PgConnection::connect_with(&self.options).await?;
        let mut other = PgConnection::connect_with(&self.direct).await?;
        let same = place(&mut one).await? == place(&mut other).await?;
        one.close().await?;
        other.close().await?;
        Ok(same)
    }
}

/// The process of the server that answers. Not prepared, like everything here.
async fn session(connection: &mut PgConnection) -> Result<i32, sqlx::Error> {
    let row = sqlx::raw_sql("SELECT pg_backend_pid()")
        .fetch_one(connection)
        .await?;
    row.try_get(0)
}

/// The server, the database and the schema.
async fn place(connection: &mut PgConnection) -> Result<String, sqlx::Error> {
    let row = sqlx::raw_sql(
        "SELECT concat_ws(' ', extract(epoch FROM pg_postmaster_start_time()), current_database(),
                          current_schema())",
    )
    .fetch_one(connection)
    .await?;
    row.try_get(0)
}
