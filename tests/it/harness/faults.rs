//! The database is stopped, killed, paused and cut off while people work (AV-5): no wrong
//! token, no lost edit, and service again without a restart.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use sqlx::PgPool;
use tokio::time::sleep;

use super::House;
use super::work::{Seen, Work};
use crate::eventually::eventually;

/// A fault while everybody works, the way back, and what must have held.
async fn while_working(fault: impl AsyncFnOnce(&House)) {
    let house = Arc::new(House::start().await);
    let admin = house.admin().await;
    let mapping = house.map(&admin).await;
    house.provider.person("ann").groups(["viewers"]);
    house.provider.person("noor").groups(["not-mapped"]);
    let ann = house.signed_in("ann").await;
    let noor = house.signed_in("noor").await;
    let work = Work::begin(&house, admin, &ann, &noor, &mapping);
    eventually("they work", async || work.tokens() > 40 && work.edits() > 5).await;

    fault(&house).await;

    let (tokens, edits) = (work.tokens(), work.edits());
    eventually("they work again", async || {
        work.tokens() > tokens + 5 && work.edits() > edits + 1
    })
    .await;
    let seen = work.end().await;
    assert!(seen.sign_ins > 0);
    no_edit_is_lost(&house, &mapping, &seen).await;
    for bridge in &house.bridges {
        assert!(!bridge.log().contains("panicked"), "{}", bridge.log());
    }
}

/// Every acknowledged edit has its audit row, and no audit row is without its edit.
async fn no_edit_is_lost(house: &House, mapping: &Value, seen: &Seen) {
    let db = PgPool::connect(&house.postgres.url()).await.unwrap();
    let rooms: Vec<String> = sqlx::query_scalar(
        "SELECT after -> 'rooms' ->> 0 FROM audit_log
         WHERE object = $1 AND action = 'mapping.replaced' ORDER BY id",
    )
    .bind(mapping["id"].to_string())
    .fetch_all(&db)
    .await
    .unwrap();
    for (number, _) in &seen.edits {
        let room = format!("room-{number}");
        assert!(rooms.contains(&room), "edit {number} has no audit row");
    }
    let edits: i64 = sqlx::query_scalar("SELECT version - 1 FROM mappings WHERE id::text = $1")
        .bind(mapping["id"].to_string())
        .fetch_one(&db)
        .await
        .unwrap();
    assert_eq!(usize::try_from(edits).unwrap(), rooms.len());
    let now: String = sqlx::query_scalar("SELECT rooms[1] FROM mappings WHERE id::text = $1")
        .bind(mapping["id"].to_string())
        .fetch_one(&db)
        .await
        .unwrap();
    assert_eq!(rooms.last(), Some(&now));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn av_5_postgres_is_killed_and_started_again() {
    while_working(async |house| {
        house.postgres.kill();
        // People work without a database for a while.
        sleep(Duration::from_secs(3)).await;
        house.postgres.start_again().await;
        house.find_postgres();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn av_5_postgres_is_stopped_and_started_again() {
    while_working(async |house| {
        house.postgres.stop().await;
        house.postgres.start_again().await;
        house.find_postgres();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn av_5_postgres_is_paused_for_longer_than_every_timeout() {
    while_working(async |house| {
        house.postgres.pause();
        // Longer than every timeout of the bridge.
        sleep(Duration::from_secs(9)).await;
        house.postgres.resume();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn av_5_one_instance_loses_its_way_to_postgres_and_finds_it_again() {
    while_working(async |house| {
        house.ways[1].cut();
        // People work under each fault for a while.
        sleep(Duration::from_millis(500)).await;
        house.ways[0].silence();
        sleep(Duration::from_secs(3)).await;
        house.ways[1].swallow(50);
        sleep(Duration::from_secs(3)).await;
        house.ways[0].resume();
    })
    .await;
}
