//! `serve` as the role that may make no tables (SC-4), while migrations are pending.

use std::time::Duration;

use sqlx::{Connection as _, PgConnection};

use crate::bridge::{Answer, Browser, as_served, new_database};
use crate::process::Process;

async fn until(browser: &Browser, what: &str, holds: impl Fn(&Answer) -> bool) -> Answer {
    for _ in 0..600 {
        let answer = browser.peek("/readyz").await;
        if holds(&answer) {
            return answer;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("not in time: {what}");
}

#[tokio::test]
async fn sc_4_serve_waits_for_migrations_that_it_may_not_apply_and_says_so() {
    let owner = new_database().await;
    let serving = as_served(&owner).await;
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
    let told = until(&browser, "it knows what is missing", |answer| {
        answer.body.contains("tables")
    });
    let told = told.await;
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
    until(&browser, "it goes on by itself", |answer| {
        answer.status == 200
    })
    .await;
}
