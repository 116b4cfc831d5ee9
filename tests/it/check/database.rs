//! What is wrong with Postgres, its tables and the role.

use std::process::{Command, Stdio};

use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};

use super::{Checked, find};
use crate::bridge::Browser;
use crate::database::{empty_database, new_database};
use crate::process::Process;

#[tokio::test]
async fn a_database_that_fits_is_not_complained_about() {
    let checked = Checked::with_database().await;
    let report = checked.report().await;
    assert_eq!(report.findings(), 0, "{report}");
    let said = super::said(&report);
    find(&said, "ok", &["PostgreSQL", "answers"]);
    find(&said, "ok", &["the tables are those of this version"]);
    assert!(report.to_string().ends_with("Nothing is wrong.\n"));
}

async fn said_of(url: &str) -> Vec<String> {
    Checked::new().set("DATABASE_URL", url).said().await
}

/// The same database by another user, host or name.
fn otherwise(url: &str, change: impl FnOnce(&mut url::Url)) -> String {
    let mut url = url::Url::parse(url).unwrap();
    change(&mut url);
    url.into()
}

#[tokio::test]
async fn each_reason_for_not_getting_in_has_its_own_words() {
    let url = new_database().await;
    find(
        &said_of("postgres://127.0.0.1:1/x").await,
        "WRONG",
        &["no server listens", ": 127.0.0.1"],
    );
    find(
        &said_of("postgres://u@no-such-host.invalid/x").await,
        "WRONG",
        &["host of DATABASE_URL", ": no-such-host.invalid"],
    );
    let nowhere = otherwise(&url, |url| url.set_path("no_such_database"));
    find(
        &said_of(&nowhere).await,
        "WRONG",
        &["no database of the name"],
    );
    let tls = otherwise(&url, |url| {
        url.query_pairs_mut().append_pair("sslmode", "verify-full");
    });
    if !url.contains("host=%2F") && !url.contains("host=/") {
        find(&said_of(&tls).await, "WRONG", &["TLS to Postgres fails"]);
    }
}

#[tokio::test]
async fn migrations_that_are_missing_newer_or_different_are_told_apart() {
    let empty = Checked::new().set("DATABASE_URL", &empty_database().await);
    let report = empty.report().await;
    find(
        &super::said(&report),
        "note",
        &["migrations have not been applied", "serve applies them"],
    );
    assert_eq!(report.findings(), 0, "{report}");

    let checked = Checked::with_database().await;
    let mut db = PgConnection::connect(&checked.variables["DATABASE_URL"])
        .await
        .unwrap();
    for (change, kind, words) in [
        (
            "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
             VALUES (9999, 'newer', true, '\\x00', 1)",
            "note",
            "have migration 9999",
        ),
        (
            "DELETE FROM _sqlx_migrations WHERE version = 9999;
             UPDATE _sqlx_migrations SET checksum = '\\x00' WHERE version = 2",
            "WRONG",
            "migration 2 failed, or is not as this version has it",
        ),
        (
            "DELETE FROM _sqlx_migrations WHERE version >= 2",
            "note",
            "migrations have not been applied",
        ),
    ] {
        db.execute(change).await.unwrap();
        find(&checked.said().await, kind, &[words]);
    }
}

/// How a command of the program ends, and what it says.
fn run(word: &str, checked: &Checked) -> (Option<i32>, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_red5-bridge"))
        .arg(word)
        .env_clear()
        .envs(&checked.variables)
        // Where there is no `.env`.
        .current_dir(std::env::temp_dir())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    (output.status.code(), said)
}

#[tokio::test]
async fn the_program_bears_the_tables_of_a_newer_release_and_says_so() {
    let checked = Checked::with_database().await;
    let mut db = PgConnection::connect(&checked.variables["DATABASE_URL"])
        .await
        .unwrap();
    db.execute(
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
         VALUES (9999, 'newer', true, '\\x00', 1)",
    )
    .await
    .unwrap();
    let (code, said) = run("migrate", &checked);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("the tables are up to date"), "{said}");
    let (code, said) = run("check", &checked);
    assert_eq!(code, Some(0), "{said}");
    assert!(
        said.contains("note    the tables have migration 9999"),
        "{said}"
    );
    assert!(said.ends_with("Nothing is wrong.\n"), "{said}");
    let serving = Process::start(&checked.variables["DATABASE_URL"], &[]).await;
    serving.until_log("tables_ahead").await;
    let browser = Browser::new(&serving.address);
    browser.ready().await;
}

#[tokio::test]
async fn sc_4_a_role_with_the_documented_rights_serves_and_one_right_less_is_named() {
    let checked = Checked::with_database().await;
    let owner = checked.variables["DATABASE_URL"].clone();
    let mut db = PgConnection::connect(&owner).await.unwrap();
    let name = format!(
        "serving_{}",
        owner.rsplit('_').next().unwrap().split('?').next().unwrap()
    );
    let script = include_str!("../../../docs/database-role.sql");
    let script = script.replace("bridge_serves", &name);
    db.execute(AssertSqlSafe(format!(
        "{script}; ALTER ROLE {name} PASSWORD 'serving'"
    )))
    .await
    .unwrap();
    let url = otherwise(&owner, |url| {
        url.set_username(&name).unwrap();
        url.set_password(Some("serving")).unwrap();
    });
    let checked = checked.set("DATABASE_URL", &url);
    let report = checked.report().await;
    assert_eq!(report.findings(), 0, "{report}");
    let forgotten: Vec<String> = sqlx::query_scalar(
        "SELECT relname::text FROM pg_class
         WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace
           AND NOT has_table_privilege($1, oid, 'SELECT')",
    )
    .bind(&name)
    .fetch_all(&mut db)
    .await
    .unwrap();
    assert_eq!(
        forgotten,
        Vec::<String>::new(),
        "the statements name every table"
    );
    let mut serving = PgConnection::connect(&url).await.unwrap();
    let refused = serving.execute("CREATE TABLE x ()").await.unwrap_err();
    assert!(
        refused.to_string().contains("permission denied"),
        "{refused}"
    );

    for right in [
        "INSERT ON mappings",
        "DELETE ON spent_attempts",
        "SELECT ON _sqlx_migrations",
    ] {
        db.execute(AssertSqlSafe(format!("REVOKE {right} FROM {name}")))
            .await
            .unwrap();
        let said = checked.said().await;
        find(
            &said,
            "WRONG",
            &["the role lacks rights", &right.replace("ON", "on")],
        );
        db.execute(AssertSqlSafe(format!("GRANT {right} TO {name}")))
            .await
            .unwrap();
    }
    db.execute(AssertSqlSafe(format!(
        "DROP OWNED BY {name}; DROP ROLE {name}"
    )))
    .await
    .unwrap();
}

/// A connection of the owner, and the name of the database.
async fn owner_of(checked: &Checked) -> (PgConnection, String) {
    let url = &checked.variables["DATABASE_URL"];
    let name = url::Url::parse(url).unwrap();
    let name = name.path().trim_start_matches('/').to_owned();
    (PgConnection::connect(url).await.unwrap(), name)
}

/// As `store::losses` does it: the server says of itself that it is in recovery.
#[tokio::test]
async fn a_standby_is_told_from_a_primary() {
    let checked = Checked::with_database().await;
    let (mut db, name) = owner_of(&checked).await;
    db.execute(AssertSqlSafe(format!(
        "CREATE FUNCTION public.pg_is_in_recovery() RETURNS boolean LANGUAGE sql AS 'SELECT true';
         ALTER DATABASE {name} SET search_path = public, pg_catalog"
    )))
    .await
    .unwrap();
    find(
        &checked.said().await,
        "WRONG",
        &["in recovery", "Name the primary"],
    );
}

#[tokio::test]
async fn a_primary_that_takes_no_writes_is_named_with_what_to_do() {
    let checked = Checked::with_database().await;
    let (mut db, name) = owner_of(&checked).await;
    db.execute(AssertSqlSafe(format!(
        "ALTER DATABASE {name} SET default_transaction_read_only = on"
    )))
    .await
    .unwrap();
    let said = checked.said().await;
    find(
        &said,
        "WRONG",
        &[
            "takes no writes",
            "default_transaction_read_only",
            "name the new primary",
        ],
    );
    assert!(!said.iter().any(|line| line.contains("in recovery")));
}
