//! AV-5: without its database the bridge hands out tokens for as long as it may
//! be stale, then none; nothing that was taken away meanwhile comes back.

use std::time::{Duration, Instant};

use serde_json::json;

use super::{WATCH, viewer};
use crate::bridge::{Gate, TestBridge};
use crate::eventually::eventually;

/// What the bridge promises here.
const BOUND: Duration = Duration::from_secs(1);

#[tokio::test]
async fn av_5_without_the_database_there_are_no_tokens_after_the_bound_and_never_stale_ones() {
    let bridge = TestBridge::start_with(&[("BRIDGE_MAX_STALENESS_SECONDS", "1")]).await;
    let vic = viewer(&bridge).await;
    let mut gate = Gate::of(&bridge).await;
    assert_eq!(vic.token(json!({})).await.status, 200);

    gate.shut().await;
    let gone = Instant::now();
    // Vic loses everything while the bridge cannot know.
    sqlx::query("DELETE FROM mappings")
        .execute(&mut gate.inside)
        .await
        .unwrap();
    let mut refusals = 0;
    while gone.elapsed() < BOUND * 3 {
        let asked = gone.elapsed();
        let answer = vic.token(json!({})).await;
        match answer.status {
            200 => assert!(asked <= BOUND, "a token {asked:?} after the database went"),
            status => {
                assert_eq!((status, answer.code().as_str()), (503, "unavailable"));
                refusals += 1;
            }
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(refusals > 10, "{refusals}");
    assert_eq!(vic.peek("/readyz").await.status, 503);
    assert_eq!(vic.peek("/livez").await.status, 200);
    assert_eq!(vic.peek("/api/session").await.status, 503);

    gate.allow(true).await;
    // It recovers by itself, and to the table as it is now.
    let answer = eventually("it recovers", async || {
        let answer = vic.token(json!({})).await;
        (answer.status != 503).then_some(answer)
    })
    .await;
    assert_eq!((answer.status, answer.code().as_str()), (403, "no_grant"));
}

#[tokio::test]
async fn av_5_an_edit_is_refused_at_once_and_nothing_of_it_is_there_later() {
    let bridge = TestBridge::start().await;
    let admin = bridge.admin().await;
    let mut gate = Gate::of(&bridge).await;
    gate.shut().await;
    let mapping = json!({"group": "crew", "match": "exact", "roles": WATCH,
                         "transports": ["WHEP"], "rooms": ["lobby"]});

    let answer = admin.api("POST", "/api/admin/mappings", &mapping).await;

    assert_eq!(
        (answer.status, answer.code().as_str()),
        (503, "unavailable")
    );
    let rows: i64 = sqlx::query_scalar("SELECT count(*) FROM mappings")
        .fetch_one(&mut gate.inside)
        .await
        .unwrap();
    assert_eq!(rows, 0);
    gate.allow(true).await;
}

#[tokio::test]
async fn an_edit_by_hand_decides_the_next_exchange_without_waiting_for_the_bound() {
    // A third of the bound passes before the table is asked for again: until then only a notice
    // can tell.
    let (bound, began) = (("BRIDGE_MAX_STALENESS_SECONDS", "300"), Instant::now());
    let bridge = TestBridge::start_with(&[bound]).await;
    let vic = viewer(&bridge).await;
    for (statement, code) in [
        (
            "UPDATE mappings SET rooms = '{studio}'",
            "scope_not_granted",
        ),
        ("UPDATE mappings SET rooms = '{lobby}'", ""),
        ("UPDATE mappings SET enabled = false", "no_grant"),
        ("UPDATE mappings SET enabled = true", ""),
        ("TRUNCATE mappings", "no_grant"),
    ] {
        sqlx::query(statement).execute(&bridge.db).await.unwrap();
        eventually(statement, async || {
            let answer = vic.token(json!({"rooms": ["lobby"]})).await;
            match answer.status {
                200 => code.is_empty(),
                _ => answer.code() == code,
            }
        })
        .await;
    }
    assert!(began.elapsed() < Duration::from_secs(100), "no notice");
}
