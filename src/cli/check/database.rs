//! What Postgres says of itself, in words.

use secrecy::ExposeSecret;

use super::Section;
use super::provider::clock_words;
use crate::clock::Clock;
use crate::config::Database;
use crate::store::survey::{DirectWay, Obstacle, Survey, Way, Writes};
use crate::store::{Store, Tables};
use crate::tls::TlsFlaw;

pub(super) async fn judge(database: &Database, clock: &dyn Clock, report: &mut Section<'_>) {
    let listen_url = database.listen_url.as_ref();
    let store = Store::open(
        database.url.expose_secret(),
        listen_url.map(ExposeSecret::expose_secret),
        database.pool,
    );
    let Ok(store) = store else {
        return report.wrong(
            "DATABASE_URL or DATABASE_LISTEN_URL cannot be read",
            "Write it as postgres://USER:PASSWORD@HOST/DATABASE?sslmode=verify-full.",
        );
    };
    let survey = store.survey(clock).await;
    match &survey {
        Ok(survey) => judge_survey(survey, report),
        Err(obstacle) => judge_obstacle(*obstacle, "DATABASE_URL", &store.host(), report),
    }
    let listen_variable = listen_url.map(|_| "DATABASE_LISTEN_URL");
    // What keeps the one address from being asked keeps the same address from it again.
    if survey.is_ok() || listen_variable.is_some() {
        let variable = listen_variable.unwrap_or("DATABASE_URL");
        match store.survey_direct_way().await {
            Ok(DirectWay::Good) if listen_url.is_some() => report.good(format!(
                "{variable} leads to the same database, without a pooler in transaction mode"
            )),
            Ok(DirectWay::Good) => {}
            Ok(DirectWay::Pooled) => report.wrong(
                format!("{variable} leads to a pooler in transaction mode, where nothing can listen or migrate"),
                "Set DATABASE_LISTEN_URL to the address of Postgres itself; DATABASE_URL may stay as it is.",
            ),
            Ok(DirectWay::Elsewhere) => report.wrong(
                "DATABASE_LISTEN_URL and DATABASE_URL lead to different databases",
                "Let both name the same database of the same server; the pooler's own configuration says where \
                 DATABASE_URL ends.",
            ),
            Err(obstacle) => judge_obstacle(obstacle, variable, &store.direct_host(), report),
        }
    }
    store.close().await;
}

/// `variable` names the address that was asked, and `host` is its host.
fn judge_obstacle(obstacle: Obstacle, variable: &str, host: &str, report: &mut Section<'_>) {
    let (what, remedy) = words(obstacle);
    let mut what = what.replace("DATABASE_URL", variable);
    match obstacle {
        Obstacle::Tls(flaw) => what = format!("{what}: {flaw}"),
        Obstacle::NoServer | Obstacle::Unreachable | Obstacle::TimedOut => {
            what = format!("{what}: {host:.255}");
        }
        _ => {}
    }
    report.wrong(what, remedy.replace("DATABASE_URL", variable));
}

const TLS_REMEDY: &str = "Give sslrootcert=FILE where the server's authority is your own; the host \
    must be the one that the certificate names; a server without TLS needs sslmode=disable and a \
    network that you trust.";

fn words(obstacle: Obstacle) -> (&'static str, &'static str) {
    match obstacle {
        Obstacle::NoServer => (
            "no server listens at the host and port of DATABASE_URL",
            "Start Postgres, or correct host and port (5432 unless it says otherwise).",
        ),
        Obstacle::Unreachable => (
            "the host of DATABASE_URL is unknown or cannot be reached",
            "Correct the name, or the network between here and there.",
        ),
        Obstacle::TimedOut => (
            "the host of DATABASE_URL does not answer in time",
            "A firewall often drops what it does not allow; open the way from here to its port.",
        ),
        Obstacle::Password => (
            "Postgres refuses the password of DATABASE_URL",
            "Correct it; @ : / ? # % in a password are written percent-encoded (@ is %40).",
        ),
        Obstacle::Role => (
            "Postgres does not let this role in",
            "Correct the user of DATABASE_URL, grant it CONNECT, or allow it from this host in pg_hba.conf.",
        ),
        Obstacle::Database => (
            "there is no database of the name in DATABASE_URL",
            "Create it (CREATE DATABASE name), or correct the name.",
        ),
        Obstacle::NoTls => (
            "TLS to Postgres fails, as sslmode in DATABASE_URL asks for it",
            TLS_REMEDY,
        ),
        Obstacle::Tls(flaw) => (
            "TLS to Postgres fails",
            match flaw {
                TlsFlaw::UnknownAuthority => {
                    "Give sslrootcert=FILE in DATABASE_URL, with the certificate of the server's authority."
                }
                TlsFlaw::OtherHost => {
                    "Write the host as the certificate names it, or let the server show one that names it."
                }
                TlsFlaw::Expired | TlsFlaw::NotYetValid => "Renew it, or set this machine's clock.",
                TlsFlaw::NoTls | TlsFlaw::Refused | TlsFlaw::Other => TLS_REMEDY,
            },
        ),
        Obstacle::File => (
            "a file that DATABASE_URL names cannot be read",
            "Correct the path after sslrootcert=, sslcert= or sslkey=, or let this user read it.",
        ),
        Obstacle::Full => (
            "Postgres has no connection left",
            "Raise max_connections: each instance of the bridge takes BRIDGE_DATABASE_POOL (10) and two \
             more.",
        ),
        Obstacle::NotYet => ("Postgres is starting or stopping", "Wait, and check again."),
        Obstacle::Parameters => (
            "the pooler at DATABASE_URL refuses a parameter of the session",
            "Remove options= from DATABASE_URL, or name it in ignore_startup_parameters of PgBouncer.",
        ),
        Obstacle::Other => (
            "Postgres cannot be asked",
            "Try the same address with psql, which says more.",
        ),
    }
}

fn judge_survey(survey: &Survey, report: &mut Section<'_>) {
    if survey.supported {
        let version = &survey.version;
        report.good(format!("PostgreSQL {version:.40} answers"));
    } else {
        report.wrong(
            format!("PostgreSQL {:.40} is too old", survey.version),
            "Use 15 or newer.",
        );
    }
    match survey.writes {
        Writes::Taken => {}
        Writes::Standby => report.wrong(
            "this Postgres is in recovery: a standby, which takes no writes",
            "Name the primary in DATABASE_URL.",
        ),
        Writes::ReadOnly => report.wrong(
            "this Postgres takes no writes: default_transaction_read_only is on",
            "If another server has taken over, name the new primary in DATABASE_URL; else set it to \
             off where it was set on: for the server, the database or the role (ALTER ... RESET).",
        ),
    }
    judge_tables(survey, report);
    if !survey.lacking.is_empty() {
        report.wrong(
            format!("the role lacks rights: {}", survey.lacking.join(", ")),
            "Grant them; docs/operators.md has the statements for a role of its own.",
        );
    }
    if survey.may_rewrite_audit {
        report.note(
            "the role may do more than serving needs: it could rewrite the audit log",
            "Let serve connect as the role that docs/database-role.sql makes, and migrate as this one.",
        );
    }
    match survey.way {
        Way::Protected => {}
        Way::Unverified => report.note(
            "the connection is encrypted, but it is not checked that it leads to this host",
            "Set sslmode=verify-full in DATABASE_URL (and sslrootcert=FILE for an authority of your own).",
        ),
        Way::Open => report.note(
            "the connection is not encrypted, and goes to another machine",
            "Set sslmode=verify-full in DATABASE_URL, unless you trust every machine on the way.",
        ),
    }
    if let Some(words) = clock_words(survey.clock_ahead, "database") {
        report.wrong(
            words,
            "Let both machines set their clocks by NTP: tokens end by this one's, and Red5 refuses \
             those that end too late by its own.",
        );
    }
}

fn judge_tables(survey: &Survey, report: &mut Section<'_>) {
    match &survey.tables {
        Tables::Current => report.good("the tables are those of this version"),
        Tables::Behind { missing } if survey.may_create => report.note(
            format!("{missing} migrations have not been applied"),
            "serve applies them when it starts, and so does red5-bridge migrate.",
        ),
        Tables::Behind { missing } => report.wrong(
            format!("{missing} migrations have not been applied, and this role may make no tables"),
            "Run red5-bridge migrate with the DATABASE_URL of a role that may (GRANT CREATE ON SCHEMA \
             public), then grant this one its rights: docs/operators.md.",
        ),
        Tables::Ahead { version } => report.note(
            format!("the tables have migration {version}, which this version of the program does not know"),
            "A newer version was here. Versions only add to the tables, so this one serves; run the \
             newer one as soon as you can.",
        ),
        Tables::Different { version } => report.wrong(
            format!("migration {version} failed, or is not as this version has it"),
            "Run the version that made the tables, or begin with a new database.",
        ),
    }
}
