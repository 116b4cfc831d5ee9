//! Sign-ins that are begun and abandoned leave nothing: neither memory of the
//! real process nor rows (LR-11). `make abandoned` begins 50,000.

use sqlx::{AssertSqlSafe, PgPool};

use crate::bridge::Browser;
use crate::database::{as_served, new_database};
use crate::eventually::eventually;
use crate::process::Process;

/// Far less than an attempt's own bytes would add up to: it is some 300 of them.
const GROWTH_MAX_KB: u64 = 4 * 1024;

#[expect(clippy::disallowed_methods, reason = "how many `make abandoned` wants")]
fn wanted() -> usize {
    let number = std::env::var("ABANDONED").ok();
    number.map_or(2000, |number| number.parse().unwrap())
}

async fn rows(db: &PgPool) -> i64 {
    let mut all = 0;
    for table in ["sessions", "spent_attempts", "audit_log", "mappings"] {
        let query = AssertSqlSafe(format!("SELECT count(*) FROM {table}"));
        let count: i64 = sqlx::query_scalar(query).fetch_one(db).await.unwrap();
        all += count;
    }
    all
}

async fn begin(browser: &Browser, number: usize) {
    for _ in 0..number {
        let begun = browser.peek("/auth/login").await;
        assert_eq!(begun.status, 303, "{}", begun.body);
    }
}

#[tokio::test]
#[expect(
    clippy::print_stdout,
    reason = "the figures that `make abandoned` is for"
)]
async fn lr_11_sign_ins_that_are_begun_and_abandoned_leave_memory_and_tables_as_they_were() {
    let database_url = new_database().await;
    let process = Process::start_with_files(&as_served(&database_url), 1024).await;
    let db = PgPool::connect(&database_url).await.unwrap();
    let browser = Browser::new(&process.address);
    // What the first ones need once: the provider's document, buffers.
    eventually("a sign-in can begin", async || {
        browser.peek("/auth/login").await.status == 303
    })
    .await;
    begin(&browser, 1000).await;

    let before = process.resident_kb();
    begin(&browser, wanted()).await;
    let after = process.resident_kb();

    println!(
        "{} abandoned: {before} kB before, {after} kB after",
        wanted()
    );
    assert!(
        after < before + GROWTH_MAX_KB,
        "{before} kB became {after} kB"
    );
    assert_eq!(rows(&db).await, 0);
}
