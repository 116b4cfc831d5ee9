//! `serve` as the role that may make no tables (SC-4), while migrations are pending.

use sqlx::{Connection as _, PgConnection};

use crate::bridge::Browser;
use crate::database::{as_served, new_database};
use crate::eventually::eventually;
use crate::process::Process;

#[tokio::test]
async fn sc_4_serve_waits_for_migrations_that_it_may_not_apply_and_says_so() {
    let owner = new_database().await;
    let serving = as_served(&owner);
    let mut hand = PgConnection::connect(&owner).await.unwrap();
    sqlx::raw_sql(
        "CREATE TABLE kept AS SELECT * FROM _sqlx_migrations
         WHERE version = (SELECT max(version) FROM _sqlx_migrations);
         DELETE FROM _sqlx_migrations WHERE version IN (SELECT version FROM kept)",
    )
    .execute(&mut hand)
    .await
    .unwrap();

    let process = Process::start(&serving, &[]).await;
    let browser = Browser::new(&process.address);
    let told = eventually("it knows what is missing", async || {
        let answer = browser.peek("/readyz").await;
        answer.body.contains("tables").then_some(answer)
    })
    .await;
    assert_eq!(told.status, 503);
    assert_eq!(
        told.json()["database"],
        "the tables are not those of this version"
    );
    assert_eq!(browser.peek("/livez").await.status, 200);
    assert_eq!(browser.peek("/api/session").await.status, 401);
    let log = process.log();
    let line = log
        .lines()
        .find(|line| line.contains("tables_not_migrated"))
        .unwrap();
    assert!(line.contains("red5-bridge migrate"), "{line}");
    assert!(line.contains("docs/database-role.sql"), "{line}");

    sqlx::raw_sql("INSERT INTO _sqlx_migrations SELECT * FROM kept")
        .execute(&mut hand)
        .await
        .unwrap();
    // It goes on by itself.
    browser.ready().await;
}
