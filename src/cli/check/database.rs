//! What Postgres says of itself, in words.

use secrecy::ExposeSecret;

use super::Section;
use super::provider::clock_words;
use crate::clock::Clock;
use crate::config::Database;
use crate::store::survey::{Obstacle, Survey};
use crate::store::{Store, Tables};

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
    let is_seen = survey.is_ok();
    match survey {
        Ok(survey) => judge_survey(&survey, report),
        Err(Obstacle { what, remedy }) => report.wrong(what, remedy),
    }
    let listen_variable = listen_url.map(|_| "DATABASE_LISTEN_URL");
    // What keeps the one address from being asked keeps the same address from it again.
    if is_seen || listen_variable.is_some() {
        let variable = listen_variable.unwrap_or("DATABASE_URL");
        match store.survey_direct_way(variable).await {
            Ok(()) if listen_url.is_some() => report.good(format!(
                "{variable} leads to the same database, without a pooler in transaction mode"
            )),
            Ok(()) => {}
            Err(Obstacle { what, remedy }) => report.wrong(what, remedy),
        }
    }
    store.close().await;
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
    if survey.standby {
        report.wrong(
            "this Postgres is in recovery: a standby, which takes no writes",
            "Name the primary in DATABASE_URL.",
        );
    } else if survey.read_only {
        report.wrong(
            "this Postgres takes no writes: default_transaction_read_only is on",
            "If another server has taken over, name the new primary in DATABASE_URL; else set it to \
             off where it was set on: for the server, the database or the role (ALTER ... RESET).",
        );
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
    if !survey.encrypted {
        report.note(
            "the connection is not encrypted, and goes to another machine",
            "Set sslmode=verify-full in DATABASE_URL, unless you trust every machine on the way.",
        );
    } else if !survey.verified {
        report.note(
            "the connection is encrypted, but it is not checked that it leads to this host",
            "Set sslmode=verify-full in DATABASE_URL (and sslrootcert=FILE for an authority of your own).",
        );
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
