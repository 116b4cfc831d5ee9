//! Which server a connection leads to.
//!
//! An address can move to another server, and back, while connections stay with the server
//! that they were made to; behind a pooler one connection can lead to several. So the server
//! says when it was started, which tells it from others, and what it says is compared with
//! the server that [`super::watch`] proved: the one that is listened to, takes writes, and
//! is reached by new connections.
//!
//! - A connection that leads elsewhere is not used again: the pool asks before each use.
//! - What goes into memory (mappings, blocks, sessions) brings its server along in the very
//!   statement or transaction that reads it. Of another server it is not kept.

use std::sync::{Arc, Mutex, PoisonError};

use sqlx::{PgConnection, Row as _};

use super::{Store, StoreError, connection};

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
}

impl Store {
    /// Refuses what was read from another server than the proven one.
    pub(super) fn require_proven(&self, server: &str) -> Result<(), StoreError> {
        if self.proven.is(server) {
            Ok(())
        } else {
            Err(connection::elsewhere())
        }
    }
}

/// Not checked against `.sqlx`: it goes by the simple protocol, in one round trip and without
/// a prepared statement.
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
