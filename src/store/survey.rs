//! Inspects the database for `check`, before the bridge serves.

use std::io::{self, ErrorKind};

use chrono::{DateTime, TimeDelta, Utc};
use sqlx::postgres::{PgConnectOptions, PgSslMode};
use sqlx::{Connection, PgConnection};
use tokio::time::timeout;
use url::Host;

use super::error::StoreError;
use super::migrate::{Tables, tables};
use super::pool::{ANSWER_TIMEOUT, Store, host};
use super::server::{lead_to_one_place, require_direct};
use super::transaction::{BEGIN, Transaction};
use crate::clock::{Clock, ClockReading};
use crate::loopback::is_loopback;
use crate::tls::TlsFlaw;

/// Oldest supported server, in the format of `server_version_num`.
const VERSION_MIN: i32 = 150_000;

/// Rights that the serving role needs. Locking rows needs UPDATE too.
const RIGHTS: [(&str, &str); 21] = [
    ("mappings", "SELECT INSERT UPDATE DELETE"),
    ("mapping_tests", "SELECT INSERT UPDATE DELETE"),
    ("mapping_uses", "SELECT INSERT UPDATE DELETE"),
    ("mapping_versions", "SELECT INSERT"),
    ("clients", "SELECT INSERT UPDATE DELETE"),
    ("client_ids", "SELECT INSERT"),
    ("client_secrets", "SELECT INSERT UPDATE DELETE"),
    ("consents", "SELECT INSERT UPDATE DELETE"),
    ("authorization_codes", "SELECT INSERT UPDATE DELETE"),
    ("token_families", "SELECT INSERT UPDATE DELETE"),
    ("device_codes", "SELECT INSERT UPDATE DELETE"),
    ("wrong_user_codes", "SELECT INSERT DELETE"),
    ("sessions", "SELECT INSERT UPDATE DELETE"),
    ("blocked", "SELECT INSERT UPDATE DELETE"),
    ("people", "SELECT INSERT UPDATE DELETE"),
    ("logouts", "SELECT INSERT DELETE"),
    ("spent_attempts", "SELECT INSERT DELETE"),
    ("sign_outs", "SELECT INSERT DELETE"),
    ("audit_log", "SELECT INSERT"),
    ("change_counter", "SELECT UPDATE"),
    ("_sqlx_migrations", "SELECT"),
];

/// The state of the database.
#[derive(Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "answers of the server, each of which is judged by itself"
)]
pub struct Survey {
    /// The server's version, in its own format.
    pub version: String,
    /// Whether the version is at least the oldest supported one.
    pub supported: bool,
    /// Whether it is in recovery, where it takes no writes.
    pub standby: bool,
    /// Whether `default_transaction_read_only` is on for this role and database.
    pub read_only: bool,
    /// Whether the connection uses TLS or stays on this machine.
    pub encrypted: bool,
    /// Whether the connection stays on this machine or its certificate is checked against the host
    /// (`verify-full`).
    pub verified: bool,
    /// How far the server's clock is ahead of ours, beyond the uncertainty of the round trip.
    pub clock_ahead: TimeDelta,
    /// State of the migrations.
    pub tables: Tables,
    /// Rights that the role lacks on existing tables, such as `INSERT on mappings`.
    pub lacking: Vec<String>,
    /// Whether the role may create tables.
    pub may_create: bool,
    /// Whether the role can change or delete audit rows or disable their triggers: it owns the
    /// table, is a superuser, or has too many rights.
    pub may_rewrite_audit: bool,
}

/// Why the database cannot be inspected, and the remedy, in words for an operator.
#[derive(Debug)]
pub struct Obstacle {
    /// The problem; names the variable.
    pub what: String,
    /// The remedy.
    pub remedy: String,
}

impl Store {
    /// Inspects the database on a separate connection, also on a standby.
    ///
    /// # Errors
    /// When the database cannot be inspected.
    pub async fn survey(&self, clock: &dyn Clock) -> Result<Survey, Obstacle> {
        let look = async {
            let mut connection = PgConnection::connect_with(&self.options).await?;
            let mut transaction = Transaction(&mut connection);
            let look = async |transaction: &mut SurveyTransaction<'_>| {
                Ok(look(transaction, self, clock).await?)
            };
            let (survey, _) = transaction.run(BEGIN, look).await;
            // The result does not matter.
            let _ = connection.close().await;
            survey
        };
        in_time(look, &self.options, "DATABASE_URL").await
    }

    /// Checks that `variable`, the address for listening, leads to the server itself and to the
    /// same tables as `DATABASE_URL`.
    ///
    /// # Errors
    /// When it does not, or the database cannot be inspected.
    pub async fn survey_direct_way(&self, variable: &str) -> Result<(), Obstacle> {
        let look = async {
            require_direct(&self.direct).await?;
            Ok(lead_to_one_place(&self.options, &self.direct).await?)
        };
        if in_time(look, &self.direct, variable).await? {
            return Ok(());
        }
        Err(Obstacle {
            what: "DATABASE_LISTEN_URL and DATABASE_URL lead to different databases".to_owned(),
            remedy: "Let both name the same database of the same server; the pooler's own configuration \
                     says where DATABASE_URL ends."
                .to_owned(),
        })
    }
}

type SurveyTransaction<'c> = Transaction<&'c mut PgConnection>;

/// `variable` is the name of the variable that holds the address `options`.
async fn in_time<T>(
    look: impl Future<Output = Result<T, StoreError>>,
    options: &PgConnectOptions,
    variable: &str,
) -> Result<T, Obstacle> {
    let seen = timeout(ANSWER_TIMEOUT, look).await;
    seen.unwrap_or_else(|_| Err(StoreError::late()))
        .map_err(|error| obstacle(&error, options, variable))
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
    // `verify-ca` accepts any certificate of the authority, whatever host it names.
    let verified = matches!(store.options.get_ssl_mode(), PgSslMode::VerifyFull);
    let is_local = is_local(&store.options);
    Ok(Survey {
        version: server.version,
        supported: server.number >= VERSION_MIN,
        standby: server.standby,
        read_only: server.read_only,
        encrypted: is_local || server.tls,
        verified: is_local || server.tls && verified,
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

const TLS_REMEDY: &str = "Give sslrootcert=FILE where the server's authority is your own; the host \
    must be the one that the certificate names; a server without TLS needs sslmode=disable and a \
    network that you trust.";

fn obstacle(error: &StoreError, options: &PgConnectOptions, variable: &str) -> Obstacle {
    use sqlx::Error as E;
    let (what, remedy) = match error {
        StoreError::Pooled => {
            return Obstacle {
                what: format!(
                    "{variable} leads to a pooler in transaction mode, where nothing can listen or migrate"
                ),
                remedy:
                    "Set DATABASE_LISTEN_URL to the address of Postgres itself; DATABASE_URL may \
                         stay as it is."
                        .to_owned(),
            };
        }
        StoreError::Unavailable(E::Io(error)) => of_network(error, options),
        StoreError::Unavailable(E::Tls(_)) | StoreError::Refused(E::Configuration(_)) => (
            "TLS to Postgres fails, as sslmode in DATABASE_URL asks for it".to_owned(),
            TLS_REMEDY,
        ),
        StoreError::Unavailable(E::Database(refusal))
        | StoreError::Refused(E::Database(refusal)) => {
            let code = refusal.code().unwrap_or_default();
            let (what, remedy) = of_server(&code, refusal.message());
            (what.to_owned(), remedy)
        }
        _ => (OTHER.0.to_owned(), OTHER.1),
    };
    Obstacle {
        what: what.replace("DATABASE_URL", variable),
        remedy: remedy.replace("DATABASE_URL", variable),
    }
}

fn of_network(error: &io::Error, options: &PgConnectOptions) -> (String, &'static str) {
    if let Some(flaw) = TlsFlaw::below(error) {
        let remedy = match flaw {
            TlsFlaw::UnknownAuthority => {
                "Give sslrootcert=FILE in DATABASE_URL, with the certificate of the server's authority."
            }
            TlsFlaw::OtherHost => {
                "Write the host as the certificate names it, or let the server show one that names it."
            }
            TlsFlaw::Expired | TlsFlaw::NotYetValid => "Renew it, or set this machine's clock.",
            TlsFlaw::NoTls | TlsFlaw::Refused | TlsFlaw::Other => TLS_REMEDY,
        };
        return (format!("TLS to Postgres fails: {flaw}"), remedy);
    }
    let (what, remedy) = match error.kind() {
        // With a Unix socket, these errors mean the socket itself.
        ErrorKind::NotFound | ErrorKind::PermissionDenied if !is_by_socket(options) => {
            return (
                "a file that DATABASE_URL names cannot be read".to_owned(),
                "Correct the path after sslrootcert=, sslcert= or sslkey=, or let this user read it.",
            );
        }
        ErrorKind::ConnectionRefused | ErrorKind::NotFound => (
            "no server listens at the host and port of DATABASE_URL",
            "Start Postgres, or correct host and port (5432 unless it says otherwise).",
        ),
        ErrorKind::TimedOut => (
            "the host of DATABASE_URL does not answer in time",
            "A firewall often drops what it does not allow; open the way from here to its port.",
        ),
        _ => (
            "the host of DATABASE_URL is unknown or cannot be reached",
            "Correct the name, or the network between here and there.",
        ),
    };
    (format!("{what}: {:.255}", host(options)), remedy)
}

const OTHER: (&str, &str) = (
    "Postgres cannot be asked",
    "Try the same address with psql, which says more.",
);

/// For a SQLSTATE code (PostgreSQL, appendix A).
fn of_server(code: &str, message: &str) -> (&'static str, &'static str) {
    let says = |words: &str| message.contains(words);
    // PgBouncer uses one code for all its refusals.
    let code = match code {
        "08P01" if says("startup parameter") => "startup parameter",
        "08P01" if says("authentication failed") || says("no such user") => "28P01",
        "08P01" if says("no such database") || says("does not exist") => "3D000",
        code => code,
    };
    match code {
        "28P01" => (
            "Postgres refuses the password of DATABASE_URL",
            "Correct it; @ : / ? # % in a password are written percent-encoded (@ is %40).",
        ),
        "28000" | "42501" => (
            "Postgres does not let this role in",
            "Correct the user of DATABASE_URL, grant it CONNECT, or allow it from this host in pg_hba.conf.",
        ),
        "3D000" => (
            "there is no database of the name in DATABASE_URL",
            "Create it (CREATE DATABASE name), or correct the name.",
        ),
        "53300" => (
            "Postgres has no connection left",
            "Raise max_connections: each instance of the bridge takes BRIDGE_DATABASE_POOL (10) and two \
             more.",
        ),
        "57P01" | "57P02" | "57P03" => {
            ("Postgres is starting or stopping", "Wait, and check again.")
        }
        "startup parameter" => (
            "the pooler at DATABASE_URL refuses a parameter of the session",
            "Remove options= from DATABASE_URL, or name it in ignore_startup_parameters of PgBouncer.",
        ),
        _ => OTHER,
    }
}
