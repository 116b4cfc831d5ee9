//! The address of the database moves to a promoted standby while the old server keeps its
//! connections open: what it says decides nothing beyond the bound.

use serde_json::json;
use sqlx::{Connection, PgConnection};
use tokio::time::Instant;

use super::postgres::Postgres;
use super::{BOUND, House};
use crate::bridge::Browser;
use crate::eventually::eventually;

async fn at(url: &str, statements: &[&'static str]) {
    let mut hand = PgConnection::connect(url).await.unwrap();
    for statement in statements {
        sqlx::raw_sql(*statement).execute(&mut hand).await.unwrap();
    }
}

const READ_ONLY: [&str; 2] = [
    "ALTER SYSTEM SET default_transaction_read_only = on",
    "SELECT pg_reload_conf()",
];

async fn token(browser: &Browser) -> u16 {
    browser.token(json!({})).await.status
}

/// Ann's session ends and Bob's mapping is switched off at the new server.
async fn nothing_of_the_old_server_outlives_the_bound(old_one: &[&'static str]) {
    let house = House::start().await;
    let admin = house.admin().await;
    house.map(&admin).await;
    for person in ["ann", "bob"] {
        house.provider.person(person).groups(["viewers"]);
    }
    let ann = house.signed_in("ann").await.at(&house.bridges[1].address);
    let bob = house.signed_in("bob").await.at(&house.bridges[1].address);
    for person in [&ann, &bob] {
        eventually("tokens", async || token(person).await == 200).await;
    }
    let standby = house.postgres.standby().await;
    at(&house.postgres.url(), old_one).await;
    at(&standby.url(), &["SELECT pg_promote()"]).await;
    for way in &house.ways {
        way.lead_to(&standby.url());
    }
    at(
        &standby.url(),
        &[
            "DELETE FROM sessions WHERE subject = 'ann'",
            "UPDATE mappings SET enabled = false",
        ],
    )
    .await;
    let known = Instant::now();
    for (person, refusal) in [(&ann, 401), (&bob, 403)] {
        eventually("the refusal of the new server", async || {
            let asked = Instant::now();
            let status = token(person).await;
            assert!([200, 503, refusal].contains(&status), "{status}");
            assert!(
                status != 200 || asked < known + BOUND,
                "a token of the old server"
            );
            status == refusal
        })
        .await;
    }
    // New sign-ins are written at the new server.
    eventually("a sign-in", async || {
        let mut browser = Browser::without_keep_alive(&house.front);
        house.sign_in(&mut browser, "ann").await
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn se_7_an_old_primary_that_became_read_only_keeps_no_instance_stale() {
    nothing_of_the_old_server_outlives_the_bound(&READ_ONLY).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn se_7_an_old_primary_that_still_takes_writes_keeps_no_instance_stale() {
    nothing_of_the_old_server_outlives_the_bound(&[]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn se_7_while_no_server_takes_writes_there_are_no_tokens_beyond_the_bound() {
    let house = House::start().await;
    let admin = house.admin().await;
    house.map(&admin).await;
    house.provider.person("ann").groups(["viewers"]);
    let ann = house.signed_in("ann").await.at(&house.bridges[1].address);
    eventually("tokens", async || token(&ann).await == 200).await;
    at(&house.postgres.url(), &READ_ONLY).await;
    let known = Instant::now();
    eventually("no tokens", async || {
        let asked = Instant::now();
        let status = token(&ann).await;
        assert!(status == 503 || asked < known + BOUND, "{status}");
        status == 503
    })
    .await;
    let ready = ann.peek("/readyz").await;
    assert_eq!(ready.status, 503);
    assert!(ready.body.contains("takes no writes"), "{}", ready.body);
}

/// The second instance's way leads to a promoted standby for a moment, and back, between two
/// questions: a connection of its pool stays there. Both servers take writes.
async fn there_and_back(house: &House, ann: &Browser) -> Postgres {
    let standby = house.postgres.standby().await;
    at(&standby.url(), &["SELECT pg_promote()"]).await;
    house.ways[1].lead_to(&standby.url());
    at(
        &house.postgres.url(),
        // All but those that listen.
        &["SELECT pg_terminate_backend(pid) FROM pg_stat_activity
           WHERE application_name = 'red5-bridge' AND query NOT LIKE '%change_counter%'"],
    )
    .await;
    let mut hand = PgConnection::connect(&standby.url()).await.unwrap();
    eventually("a connection leads there", async || {
        token(ann).await;
        let theirs = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'red5-bridge'";
        let count: i64 = sqlx::query_scalar(theirs)
            .fetch_one(&mut hand)
            .await
            .unwrap();
        count > 0
    })
    .await;
    house.ways[1].lead_to(&house.postgres.url());
    standby
}

/// Ann with a session that the first instance alone has in memory, at each of them. Questions
/// are far apart.
async fn ann_at_both() -> (House, [Browser; 2]) {
    let house = House::start_with(&[("BRIDGE_MAX_STALENESS_SECONDS", "60")]).await;
    let admin = house.admin().await;
    house.map(&admin).await;
    house.provider.person("ann").groups(["viewers"]);
    let mut browser = Browser::new(&house.bridges[0].address);
    assert!(house.sign_in(&mut browser, "ann").await);
    let at = house
        .bridges
        .each_ref()
        .map(|bridge| browser.clone().at(&bridge.address));
    (house, at)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn se_7_an_address_that_moved_there_and_back_brings_no_ended_session_back() {
    let (house, [_, ann]) = ann_at_both().await;
    let _standby = there_and_back(&house, &ann).await;
    let end = "DELETE FROM sessions WHERE subject = 'ann'";
    at(&house.postgres.url(), &[end]).await;
    eventually("she is refused", async || token(&ann).await == 401).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn se_7_an_address_that_moved_there_and_back_takes_no_sign_out_along() {
    let (house, [here, mut there]) = ann_at_both().await;
    let _standby = there_and_back(&house, &there).await;
    let left = there.submit("/", "/auth/logout", &[]).await;
    assert_eq!(left.status, 303, "{}", left.body);
    eventually("she is refused", async || token(&here).await == 401).await;
}
