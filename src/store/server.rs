//! Which server a connection leads to.
//!
//! An address can move to another server, and back, while open connections stay with their server;
//! behind a pooler one connection can lead to several servers. So a server is identified by its
//! start time, and compared with the *proven* server of [`super::snapshot`]: the one that the
//! listening connection leads to, that is writable, and that new connections reach.
//!
//! - The pool checks each connection before use, and drops it if it leads to another server.
//! - Data for memory (mappings, blocks, sessions) is read in one statement or transaction with the
//!   server's identity. Data from another server is not kept.
//!
//! These statements use the simple protocol: they are not prepared, and so not checked against
//! `.sqlx`.

use std::sync::{Arc, Mutex, PoisonError};

use sqlx::postgres::PgConnectOptions;
use sqlx::{Connection as _, PgConnection, Row as _};

use super::error::StoreError;

/// Start time of the server and name of the database: two addresses may lead to two databases of
/// one server.
pub(super) type Server = String;

/// The server that was proven last; `None` at the start.
#[derive(Debug, Clone, Default)]
pub(super) struct ProvenServer(Arc<Mutex<Option<Server>>>);

impl ProvenServer {
    pub fn set(&self, server: Server) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(server);
    }

    /// Whether `server` is the proven one, or none is proven yet.
    pub fn is(&self, server: &str) -> bool {
        let proven = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        proven.as_ref().is_none_or(|proven| proven == server)
    }

    /// Refuses data that was read from another server.
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

/// Identity of the server; an error if it is read-only.
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

/// Number of comparisons, because other clients of a pooler may interfere.
const ROUNDS: usize = 3;

/// Refuses a pooler in transaction mode, where LISTEN and session locks do not work. A pooler does
/// not announce itself, but behind one two connections share a server session, or one connection
/// uses several.
pub(super) async fn require_direct(address: &PgConnectOptions) -> Result<(), StoreError> {
    let mut one = PgConnection::connect_with(address).await?;
    let mut other = PgConnection::connect_with(address).await?;
    let own = (session(&mut one).await?, session(&mut other).await?);
    for _ in 0..ROUNDS {
        // In reverse order, because a pooler may assign its connections in turn.
        let now = (session(&mut other).await?, session(&mut one).await?);
        if own.0 == own.1 || now != (own.1, own.0) {
            return Err(StoreError::Pooled);
        }
    }
    one.close().await?;
    other.close().await?;
    Ok(())
}

/// Process id of the server session that answers.
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

/// Identity of server, database and schema.
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
