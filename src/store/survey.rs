//! What can be known of the database before the bridge serves; for `check`.

use std::io::ErrorKind;

use chrono::{DateTime, TimeDelta, Utc};
use sqlx::postgres::{PgConnectOptions, PgSslMode};
use sqlx::{Connection, PgConnection};
use tokio::time::timeout;
use url::Host;

use super::error::StoreError;
use super::migrate::{Tables, tables};
use super::pool::{ANSWER_TIMEOUT, Store};
use super::server::{lead_to_one_place, require_direct};
use super::transaction::{BEGIN, Transaction};
use crate::clock::{Clock, ClockReading};
use crate::loopback::is_loopback;
use crate::tls::TlsFlaw;

/// Oldest server, as `server_version_num` counts.
const VERSION_MIN: i32 = 150_000;

/// What the role that serves has to be allowed. Locking rows needs UPDATE too.
const RIGHTS: [(&str, &str); 9] = [
    ("mappings", "SELECT INSERT UPDATE DELETE"),
    ("sessions", "SELECT INSERT UPDATE DELETE"),
    ("blocked", "SELECT INSERT UPDATE DELETE"),
    ("logouts", "SELECT INSERT DELETE"),
    ("spent_attempts", "SELECT INSERT DELETE"),
    ("sign_outs", "SELECT INSERT DELETE"),
    ("audit_log", "SELECT INSERT"),
    ("change_counter", "SELECT UPDATE"),
    ("_sqlx_migrations", "SELECT"),
];

/// What was seen.
#[derive(Debug)]
pub struct Survey {
    /// As the server writes it.
    pub version: String,
    /// Whether it is new enough.
    pub supported: bool,
    /// Whether it takes writes.
    pub writes: Writes,
    /// How the way there is protected.
    pub way: Way,
    /// How far the server's clock is ahead of ours, beyond what the round trip
    /// leaves open.
    pub clock_ahead: TimeDelta,
    /// The tables.
    pub tables: Tables,
    /// Rights that the role lacks on tables that are there: `INSERT on mappings`.
    pub lacking: Vec<String>,
    /// Whether the role may make tables.
    pub may_create: bool,
    /// Whether it may change or remove what the audit log holds, or switch its
    /// triggers off: it owns the table, is a superuser, or was granted too much.
    pub may_rewrite_audit: bool,
}

/// Whether a server takes writes, for this role and database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Writes {
    /// It does.
    Taken,
    /// It is a standby.
    Standby,
    /// It is a primary, and `default_transaction_read_only` is on.
    ReadOnly,
}

/// What was seen of the way to the server itself.
#[derive(Debug)]
pub enum DirectWay {
    /// As it has to be.
    Good,
    /// No session of the server can be had.
    Pooled,
    /// It leads to other tables than the pool's.
    Elsewhere,
}

/// How the connection is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// It stays on this machine, or TLS knows who is at the other end.
    Protected,
    /// TLS, and it may be with another server than the one that is named.
    Unverified,
    /// Everybody on the way can read and change what crosses it.
    Open,
}

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

impl Store {
    /// Looks around, on a connection of its own: also at a standby.
    ///
    /// # Errors
    /// When there is nothing to see.
    pub async fn survey(&self, clock: &dyn Clock) -> Result<Survey, Obstacle> {
        let look = async {
            let mut connection = PgConnection::connect_with(&self.options).await?;
            let mut transaction = Transaction(&mut connection);
            let look = async |transaction: &mut SurveyTransaction<'_>| {
                Ok(look(transaction, self, clock).await?)
            };
            let (survey, _) = transaction.run(BEGIN, look).await;
            // Nothing depends on how it ends.
            let _ = connection.close().await;
            survey
        };
        seen(look, &self.options).await
    }

    /// Looks at the way to the server itself.
    ///
    /// # Errors
    /// When there is nothing to see.
    pub async fn survey_direct_way(&self) -> Result<DirectWay, Obstacle> {
        let look = async {
            match require_direct(&self.direct).await {
                Err(StoreError::Pooled) => return Ok(DirectWay::Pooled),
                outcome => outcome?,
            }
            let same = lead_to_one_place(&self.options, &self.direct).await?;
            Ok(if same {
                DirectWay::Good
            } else {
                DirectWay::Elsewhere
            })
        };
        seen(look, &self.direct).await
    }
}

type SurveyTransaction<'c> = Transaction<&'c mut PgConnection>;

/// What was seen in time, or what was in the way to that address.
async fn seen<T>(
    look: impl Future<Output = Result<T, StoreError>>,
    options: &PgConnectOptions,
) -> Result<T, Obstacle> {
    match timeout(ANSWER_TIMEOUT, look).await {
        Ok(seen) => seen.map_err(|error| obstacle(&error, options)),
        Err(_late) => Err(Obstacle::TimedOut),
    }
}

/// Whether connections stay on this machine.
fn is_local(options: &PgConnectOptions) -> bool {
    let host = options.get_host();
    is_by_socket(options)
        || match host.parse::<std::net::IpAddr>() {
            Ok(address) => address.is_loopback(),
            Err(_) => is_loopback(&Host::Domain(host)),
        }
}

fn is_by_socket(options: &PgConnectOptions) -> bool {
    options.get_socket().is_some() || options.get_host().starts_with('/')
}

async fn look(
    transaction: &mut SurveyTransaction<'_>,
    store: &Store,
    clock: &dyn Clock,
) -> Result<Survey, sqlx::Error> {
    let sent = clock.now();
    let server = sqlx::query!(
        r#"SELECT current_setting('server_version') AS "version!",
                  current_setting('server_version_num')::integer AS "number!",
                  pg_is_in_recovery() AS "standby!",
                  current_setting('transaction_read_only')::boolean AS "read_only!",
                  clock_timestamp() AS "now!",
                  coalesce((SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()), false) AS "tls!",
                  coalesce(has_schema_privilege(current_schema(), 'CREATE'), false) AS "may_create!",
                  coalesce(has_table_privilege(to_regclass('audit_log'), 'UPDATE, DELETE, TRUNCATE, TRIGGER'),
                           false) AS "may_rewrite_audit!""#
    )
    .fetch_one(&mut *transaction)
    .await?;
    let received = clock.now();
    let lacking = lacking(transaction).await?;
    let may_read_migrations = !lacking
        .iter()
        .any(|right| right.ends_with("_sqlx_migrations"));
    let tables = if may_read_migrations {
        tables(transaction).await?
    } else {
        // The missing right is reported instead.
        Tables::Current
    };
    // `verify-ca` is content with any certificate of the authority, whatever it names.
    let verified = matches!(store.options.get_ssl_mode(), PgSslMode::VerifyFull);
    let way = match (is_local(&store.options), server.tls) {
        (true, _) => Way::Protected,
        (false, true) if verified => Way::Protected,
        (false, true) => Way::Unverified,
        (false, false) => Way::Open,
    };
    Ok(Survey {
        version: server.version,
        supported: server.number >= VERSION_MIN,
        writes: match (server.standby, server.read_only) {
            (true, _) => Writes::Standby,
            (false, true) => Writes::ReadOnly,
            (false, false) => Writes::Taken,
        },
        way,
        clock_ahead: moment(server.now).ahead_of(ClockReading {
            earliest: sent,
            latest: received,
        }),
        tables,
        lacking,
        may_create: server.may_create,
        may_rewrite_audit: server.may_rewrite_audit,
    })
}

fn moment(at: DateTime<Utc>) -> ClockReading {
    ClockReading {
        earliest: at,
        latest: at,
    }
}

async fn lacking(transaction: &mut SurveyTransaction<'_>) -> Result<Vec<String>, sqlx::Error> {
    let (mut tables, mut rights) = (Vec::new(), Vec::new());
    for (table, words) in RIGHTS {
        for right in words.split(' ') {
            tables.push(table.to_owned());
            rights.push(right.to_owned());
        }
    }
    sqlx::query_scalar!(
        r#"SELECT name || ' on ' || t AS "right!"
           FROM unnest($1::text[], $2::text[]) AS needed (t, name)
           WHERE NOT coalesce(has_table_privilege(to_regclass(t), name), true)"#,
        &tables,
        &rights
    )
    .fetch_all(transaction)
    .await
}

/// PostgreSQL's appendix A, and what a network says.
fn obstacle(error: &StoreError, options: &PgConnectOptions) -> Obstacle {
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
