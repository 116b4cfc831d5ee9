//! What Postgres says of itself, in words.

use secrecy::ExposeSecret;

use super::provider::clock_words;
use super::report::{Group, Report};
use crate::clock::Clock;
use crate::config::Database;
use crate::store::Store;
use crate::store::survey::{DirectWay, Obstacle, Survey, Tables, Way, Writes};

const GROUP: Group = Group::Database;

pub(super) async fn judge(database: &Database, clock: &dyn Clock, report: &mut Report) {
    let listen_url = database.listen_url.as_ref();
    let store = Store::open(
        database.url.expose_secret(),
        listen_url.map(ExposeSecret::expose_secret),
        database.pool,
    );
    let Ok(store) = store else {
        return report.wrong(
            GROUP,
            "DATABASE_URL or DATABASE_LISTEN_URL cannot be read",
            "Write it as postgres://USER:PASSWORD@HOST/DATABASE?sslmode=verify-full.",
        );
    };
    let (survey, listens) = (store.survey(clock).await, listen_url.is_some());
    match &survey {
        Ok(survey) => tell(survey, report),
        Err(obstacle) => tell_obstacle(*obstacle, "DATABASE_URL", &store.host(), report),
    }
    // What keeps the one address from being asked keeps the same address from it again.
    if survey.is_ok() || listens {
        let variable = if listens {
            "DATABASE_LISTEN_URL"
        } else {
            "DATABASE_URL"
        };
        match store.survey_direct_way().await {
            Ok(way) => tell_direct_way(&way, variable, listens, report),
            Err(obstacle) => tell_obstacle(obstacle, variable, &store.direct_host(), report),
        }
    }
    store.close().await;
}

fn tell_obstacle(obstacle: Obstacle, variable: &str, host: &str, report: &mut Report) {
    let (what, remedy) = words(obstacle);
    let mut what = what.replace("DATABASE_URL", variable);
    if let Obstacle::NobodyListens | Obstacle::Unreachable | Obstacle::TimedOut = obstacle {
        what = format!("{what}: {host:.255}");
    }
    report.wrong(GROUP, what, remedy.replace("DATABASE_URL", variable));
}

fn tell_direct_way(way: &DirectWay, variable: &str, listens: bool, report: &mut Report) {
    match way {
        DirectWay::Good if listens => report.good(
            GROUP,
            format!("{variable} leads to the same database, without a pooler in transaction mode"),
        ),
        DirectWay::Good => {}
        DirectWay::Pooled => report.wrong(
            GROUP,
            format!("{variable} leads to a pooler in transaction mode, where nothing can listen or migrate"),
            "Set DATABASE_LISTEN_URL to the address of Postgres itself; DATABASE_URL may stay as it is.",
        ),
        DirectWay::Elsewhere => report.wrong(
            GROUP,
            "DATABASE_LISTEN_URL and DATABASE_URL lead to different databases",
            "Let both name the same database of the same server; the pooler's own configuration says where \
             DATABASE_URL ends.",
        ),
    }
}

fn words(obstacle: Obstacle) -> (&'static str, &'static str) {
    match obstacle {
        Obstacle::NobodyListens => (
            "nothing listens at the host and port of DATABASE_URL",
            "Start Postgres, or mend host and port (5432 unless it says otherwise).",
        ),
        Obstacle::Unreachable => (
            "the host of DATABASE_URL is unknown or cannot be reached",
            "Mend the name, or the network between here and there.",
        ),
        Obstacle::TimedOut => (
            "the host of DATABASE_URL does not answer in time",
            "A firewall often drops what it does not allow; open the way from here to its port.",
        ),
        Obstacle::Password => (
            "Postgres refuses the password of DATABASE_URL",
            "Mend it; @ : / ? # % in a password are written percent-encoded (@ is %40).",
        ),
        Obstacle::Role => (
            "Postgres does not let this role in",
            "Mend the user of DATABASE_URL, grant it CONNECT, or allow it from this host in pg_hba.conf.",
        ),
        Obstacle::Database => (
            "there is no database of the name in DATABASE_URL",
            "Create it (CREATE DATABASE name), or mend the name.",
        ),
        Obstacle::Tls => (
            "TLS to Postgres fails, as sslmode in DATABASE_URL asks for it",
            "Give sslrootcert=FILE where the server's authority is your own; the host must be the one \
             that the certificate names; a server without TLS needs sslmode=disable and a network that \
             you trust.",
        ),
        Obstacle::Authority => (
            "TLS to Postgres fails: its certificate is of an authority that is not trusted",
            "Give sslrootcert=FILE in DATABASE_URL, with the certificate of the server's authority.",
        ),
        Obstacle::OtherHost => (
            "TLS to Postgres fails: its certificate does not name the host of DATABASE_URL",
            "Write the host as the certificate names it, or let the server show one that names it.",
        ),
        Obstacle::Expired => (
            "TLS to Postgres fails: its certificate is not valid today",
            "Renew it, or set this machine's clock.",
        ),
        Obstacle::File => (
            "a file that DATABASE_URL names cannot be read",
            "Mend the path after sslrootcert=, sslcert= or sslkey=, or let this user read it.",
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

fn tell(survey: &Survey, report: &mut Report) {
    if survey.supported {
        let version = &survey.version;
        report.good(GROUP, format!("PostgreSQL {version:.40} answers"));
    } else {
        report.wrong(
            GROUP,
            format!("PostgreSQL {:.40} is too old", survey.version),
            "Use 15 or newer.",
        );
    }
    match survey.writes {
        Writes::Taken => {}
        Writes::Standby => report.wrong(
            GROUP,
            "this Postgres is in recovery: a standby, which takes no writes",
            "Name the primary in DATABASE_URL.",
        ),
        Writes::ReadOnly => report.wrong(
            GROUP,
            "this Postgres takes no writes: default_transaction_read_only is on",
            "If another server has taken over, name the new primary in DATABASE_URL; else set it to \
             off where it was set on: for the server, the database or the role (ALTER ... RESET).",
        ),
    }
    tell_tables(survey, report);
    if !survey.lacking.is_empty() {
        report.wrong(
            GROUP,
            format!("the role lacks rights: {}", survey.lacking.join(", ")),
            "Grant them; docs/operators.md has the statements for a role of its own.",
        );
    }
    if survey.may_rewrite_audit {
        report.note(
            GROUP,
            "the role may do more than serving needs: it could rewrite the audit log",
            "Let serve connect as the role that docs/database-role.sql makes, and migrate as this one.",
        );
    }
    match survey.way {
        Way::Protected => {}
        Way::Unverified => report.note(
            GROUP,
            "the connection is encrypted, but it is not checked that it leads to this host",
            "Set sslmode=verify-full in DATABASE_URL (and sslrootcert=FILE for an authority of your own).",
        ),
        Way::Open => report.note(
            GROUP,
            "the connection is not encrypted, and goes to another machine",
            "Set sslmode=verify-full in DATABASE_URL, unless you trust everybody on the way.",
        ),
    }
    if let Some(words) = clock_words(survey.clock_ahead, "database") {
        report.wrong(
            GROUP,
            words,
            "Let both machines set their clocks by NTP: tokens end by this one's, and Red5 refuses \
             those that end too late by its own.",
        );
    }
}

fn tell_tables(survey: &Survey, report: &mut Report) {
    match &survey.tables {
        Tables::Current => report.good(GROUP, "the tables are those of this version".to_owned()),
        Tables::Behind { missing } if survey.may_create => report.note(
            GROUP,
            format!("{missing} migrations have not been applied"),
            "serve applies them when it starts, and so does red5-bridge migrate.",
        ),
        Tables::Behind { missing } => report.wrong(
            GROUP,
            format!("{missing} migrations have not been applied, and this role may make no tables"),
            "Run red5-bridge migrate with the DATABASE_URL of a role that may (GRANT CREATE ON SCHEMA \
             public), then grant this one its rights: docs/operators.md.",
        ),
        Tables::Ahead { version } => report.note(
            GROUP,
            format!("the tables have migration {version}, which this version of the program does not know"),
            "A newer version was here. Versions only add to the tables, so this one serves; run the \
             newer one as soon as you can.",
        ),
        Tables::Different { version } => report.wrong(
            GROUP,
            format!("migration {version} failed, or is not as this version has it"),
            "Run the version that made the tables, or begin with a new database.",
        ),
    }
}
