//! Why a database cannot be asked, as far as its answer or the lack of one says.

use std::io::ErrorKind;

use sqlx::postgres::PgConnectOptions;

use super::{StoreError, is_by_socket};
use crate::tls::TlsFlaw;

/// Why there is nothing to see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Obstacle {
    /// No server listens there.
    NoServer,
    /// The name is unknown, or there is no way there.
    Unreachable,
    /// It took too long.
    TimedOut,
    /// A wrong password, or none.
    Password,
    /// The role is unknown or must not come from here.
    Role,
    /// No such database.
    Database,
    /// The server has no TLS, or its settings here cannot be used.
    NoTls,
    /// TLS failed.
    Tls(TlsFlaw),
    /// A file that the address names, such as that of the authority, cannot be read.
    File,
    /// No connection is left.
    Full,
    /// It is starting or stopping.
    NotYet,
    /// A pooler takes no parameters of the session.
    Parameters,
    /// Something else.
    Other,
}

/// PostgreSQL's appendix A, and what a network says.
pub(super) fn obstacle(error: &StoreError, options: &PgConnectOptions) -> Obstacle {
    use sqlx::Error as E;
    let (StoreError::Unavailable(error) | StoreError::Refused(error)) = error else {
        return Obstacle::Other;
    };
    match error {
        E::Io(error) => match (TlsFlaw::below(error), error.kind()) {
            (Some(flaw), _) => Obstacle::Tls(flaw),
            // Of a socket it is the socket itself.
            (None, ErrorKind::NotFound | ErrorKind::PermissionDenied) if !is_by_socket(options) => {
                Obstacle::File
            }
            (None, ErrorKind::ConnectionRefused | ErrorKind::NotFound) => Obstacle::NoServer,
            (None, ErrorKind::TimedOut) => Obstacle::TimedOut,
            (None, _) => Obstacle::Unreachable,
        },
        E::Tls(_) | E::Configuration(_) => Obstacle::NoTls,
        E::Database(refusal) => match refusal.code().as_deref() {
            Some("28P01") => Obstacle::Password,
            Some("28000" | "42501") => Obstacle::Role,
            Some("3D000") => Obstacle::Database,
            Some("53300") => Obstacle::Full,
            Some("57P01" | "57P02" | "57P03") => Obstacle::NotYet,
            // PgBouncer has this one code for whatever it refuses.
            Some("08P01") => of_pooler(refusal.message()),
            _ => Obstacle::Other,
        },
        _ => Obstacle::Other,
    }
}

/// In the words of `PgBouncer`.
fn of_pooler(message: &str) -> Obstacle {
    if message.contains("startup parameter") {
        Obstacle::Parameters
    } else if message.contains("authentication failed") || message.contains("no such user") {
        Obstacle::Password
    } else if message.contains("no such database") || message.contains("does not exist") {
        Obstacle::Database
    } else {
        Obstacle::Other
    }
}
