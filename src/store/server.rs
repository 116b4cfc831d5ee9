//! Which server a connection leads to.
//!
//! An address can move to another server, and back, while connections stay with the server
//! that they were made to; behind a pooler one connection can lead to several. So the server
//! says when it was started, which tells it from others, and what it says is compared with
//! the server that [`super::snapshot`] proved: the one that is listened to, takes writes, and
//! is reached by new connections.
//!
//! - A connection that leads elsewhere is not used again: the pool asks before each use.
//! - What goes into memory (mappings, blocks, sessions) brings its server along in the very
//!   statement or transaction that reads it. Of another server it is not kept.
//!
//! Statements here go by the simple protocol: not prepared, and so not checked against `.sqlx`.

use std::sync::{Arc, Mutex, PoisonError};

use sqlx::postgres::PgConnectOptions;
use sqlx::{Connection as _, PgConnection, Row as _};

use super::error::StoreError;

/// When a server was started, and which of its databases it is: two addresses may lead to two.
pub(super) type Server = String;

/// The server that was proven last; none at the start.
#[derive(Debug, Clone, Default)]
pub(super) struct ProvenServer(Arc<Mutex<Option<Server>>>);

impl ProvenServer {
    pub fn set(&self, server: Server) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(server);
    }

    /// Whether it is that one, or none was proven yet.
    pub fn is(&self, server: &str) -> bool {
        let proven = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        proven.as_ref().is_none_or(|proven| proven == server)
    }

    /// Refuses what was read from another server.
    pub fn require(&self, server: &str) -> Result<(), StoreError> {
        if self.is(server) {
            Ok(())
        } else {
            Err(StoreError::other_server())
        }
    }
}

const SERVER: &str = "SELECT format('%s %s', extract(epoch FROM pg_postmaster_start_time()), current_database()) AS server,
     pg_is_in_recovery() OR current_setting('transaction_read_only')::boolean AS read_only";

/// Which server it is; an error when it takes no writes.
pub(super) async fn writable_server(connection: &mut PgConnection) -> Result<Server, sqlx::Error> {
    let row = sqlx::raw_sql(SERVER).fetch_one(connection).await?;
    if row.try_get("read_only")? {
        return Err(takes_no_writes());
    }
    row.try_get("server")
}

pub(super) fn takes_no_writes() -> sqlx::Error {
    sqlx::Error::Protocol("the server takes no writes: it is a standby or read-only".to_owned())
}

/// How often two connections are compared: other clients of a pooler may come between.
const ROUNDS: usize = 3;

/// Refuses a pooler in transaction mode, where nothing can listen and no lock of a session
/// holds. No pooler says so of itself, but there two connections share a session of the
/// server, or one of them has several.
pub(super) async fn require_direct(address: &PgConnectOptions) -> Result<(), StoreError> {
    let mut one = PgConnection::connect_with(address).await?;
    let mut other = PgConnection::connect_with(address).await?;
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

/// The process of the server that answers.
async fn session(connection: &mut PgConnection) -> Result<i32, sqlx::Error> {
    let row = sqlx::raw_sql("SELECT pg_backend_pid()")
        .fetch_one(connection)
        .await?;
    row.try_get(0)
}

/// Whether both addresses lead to the same tables.
pub(super) async fn lead_to_one_place(
    address: &PgConnectOptions,
    other: &PgConnectOptions,
) -> Result<bool, sqlx::Error> {
    Ok(place(address).await? == place(other).await?)
}

/// The server, the database and the schema.
async fn place(address: &PgConnectOptions) -> Result<String, sqlx::Error> {
    let mut connection = PgConnection::connect_with(address).await?;
    let row = sqlx::raw_sql(
        "SELECT concat_ws(' ', extract(epoch FROM pg_postmaster_start_time()), current_database(),
                          current_schema())",
    )
    .fetch_one(&mut connection)
    .await?;
    connection.close().await?;
    row.try_get(0)
}
