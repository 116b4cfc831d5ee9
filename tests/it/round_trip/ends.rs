//! What makes the answer false: at once on the instance that took the request, and soon on the other (RR-3);
//! and what cannot be known (RR-4).

use chrono::TimeDelta;
use serde_json::{Value, json};

use super::{NETWORKS, ROOMS_IGNORED, ann, counted, publishes, start, start_with, token, watches};
use crate::bridge::{Browser, Gate, TestBridge};
use crate::eventually::eventually;

/// Two instances, Ann, and a token of hers that both take.
async fn two() -> (TestBridge, TestBridge, Browser, String) {
    let here = start().await;
    let there = here.beside(&[NETWORKS, ROOMS_IGNORED]).await;
    let ann = ann(&here).await;
    let good = token(&ann, json!({})).await;
    for bridge in [&here, &there] {
        assert!(publishes(bridge, &good).await && watches(bridge, &good).await);
    }
    (here, there, ann, good)
}

/// Here it is false by now, and there it becomes so.
async fn is_over(here: &TestBridge, there: &TestBridge, good: &str) {
    assert!(!publishes(here, good).await && !watches(here, good).await);
    eventually("false on the other instance", async || {
        !publishes(there, good).await
    })
    .await;
    assert!(!watches(there, good).await);
}

#[tokio::test]
async fn rr_3_a_sign_out_makes_its_tokens_false_on_both_instances() {
    let (here, there, mut ann, good) = two().await;
    let left = ann.submit("/", "/auth/logout", &[]).await;
    assert_eq!(left.status, 303, "{}", left.body);
    is_over(&here, &there, &good).await;
}

#[tokio::test]
async fn rr_3_a_terminated_session_makes_its_tokens_false_on_both_instances() {
    let (here, there, _ann, good) = two().await;
    let admin = here.admin().await;
    let list = admin.peek("/api/admin/sessions?person=ann").await.json();
    let ann = &list["items"][0];
    let path = format!("/api/admin/sessions/{}", ann["id"].as_str().unwrap());
    let ended = admin.api("DELETE", &path, &json!({})).await;
    assert_eq!(ended.status, 204, "{}", ended.body);
    is_over(&here, &there, &good).await;
}

#[tokio::test]
async fn rr_3_a_block_makes_tokens_false_on_both_instances() {
    let (here, there, _ann, good) = two().await;
    let admin = here.admin().await;
    let block = json!({"issuer": here.provider.issuer(), "subject": "ann", "reason": "x"});
    let blocked = admin.api("POST", "/api/admin/blocks", &block).await;
    assert_eq!(blocked.status, 201, "{}", blocked.body);
    is_over(&here, &there, &good).await;
}

#[tokio::test]
async fn rr_3_a_block_by_sql_which_ends_no_session_makes_tokens_false() {
    let (here, there, _ann, good) = two().await;
    sqlx::query(
        "INSERT INTO blocked (issuer, subject, reason, created_at, created_by)
         VALUES ($1, 'ann', 'x', now(), 'sql')",
    )
    .bind(here.provider.issuer())
    .execute(&here.db)
    .await
    .unwrap();
    for bridge in [&here, &there] {
        eventually("blocked", async || !publishes(bridge, &good).await).await;
    }
    assert!(here.count("sessions").await > 0);
}

async fn edit(bridge: &TestBridge, change: Value) {
    let admin = bridge.admin().await;
    let list = admin.peek("/api/admin/mappings").await.json();
    let row = list["items"][0].clone();
    let address = format!("/api/admin/mappings/{}", row["id"]);
    let tag = format!("\"{}\"", row["version"]);
    let mut edited = json!({
        "group": "crew", "match": "exact", "roles": super::BOTH,
        "transports": ["RTMP", "WHEP", "WHIP"], "rooms": ["studio-1"],
    });
    for (name, value) in change.as_object().unwrap() {
        edited[name] = value.clone();
    }
    let answer = admin
        .api_with("PUT", &address, &[("if-match", &tag)], &edited)
        .await;
    assert_eq!(answer.status, 200, "{}", answer.body);
}

#[tokio::test]
async fn rr_3_an_edit_that_takes_anything_of_a_token_makes_it_false_on_both_instances() {
    let (here, there, _ann, good) = two().await;
    for change in [
        json!({"rooms": ["studio-2"]}),
        json!({"transports": ["RTMP"]}),
        json!({"group": "others"}),
        json!({"enabled": false}),
    ] {
        edit(&here, change.clone()).await;
        is_over(&here, &there, &good).await;
        edit(&here, json!({})).await;
        assert!(publishes(&here, &good).await, "{change}");
        eventually("true again", async || publishes(&there, &good).await).await;
    }
    // What is taken of one role leaves the other.
    edit(
        &here,
        json!({"roles": ["red5-subscriber"], "transports": ["RTMP", "WHEP"]}),
    )
    .await;
    assert!(!publishes(&here, &good).await && watches(&here, &good).await);
}

#[tokio::test]
async fn rr_3_a_newer_sign_in_stands_behind_an_older_token_of_the_same_person() {
    let (here, there, mut ann, good) = two().await;
    ann.submit("/", "/auth/logout", &[]).await;
    is_over(&here, &there, &good).await;
    let _again = here.signed_in("ann").await;
    for bridge in [&here, &there] {
        assert!(publishes(bridge, &good).await);
    }
}

#[tokio::test]
async fn a_question_is_no_use_of_the_session() {
    let bridge = start_with(&[("BRIDGE_SESSION_IDLE_MINUTES", "1")]).await;
    let good = token(&ann(&bridge).await, json!({})).await;
    bridge.clock.advance(TimeDelta::seconds(50));
    assert!(publishes(&bridge, &good).await);
    bridge.clock.advance(TimeDelta::seconds(20));
    assert!(!publishes(&bridge, &good).await);
}

#[tokio::test]
async fn rr_3_a_row_that_has_ended_stands_behind_no_token() {
    let (here, there, _ann, good) = two().await;
    let gone = "UPDATE sessions SET ends_at = created_at + interval '1 microsecond'";
    sqlx::query(gone).execute(&here.db).await.unwrap();
    let fresh = here.beside(&[NETWORKS, ROOMS_IGNORED]).await;
    assert!(!publishes(&fresh, &good).await);
    drop(there);
}

#[tokio::test]
async fn rr_4_what_may_be_stale_is_false_and_counted() {
    let bridge = start_with(&[
        ("BRIDGE_MAX_STALENESS_SECONDS", "1"),
        ("BRIDGE_OPS_LISTEN", "127.0.0.1:0"),
    ])
    .await;
    let good = token(&ann(&bridge).await, json!({})).await;
    assert!(publishes(&bridge, &good).await);
    assert_eq!(counted(&bridge, "unavailable").await, 0);
    let mut gate = Gate::of(&bridge).await;
    gate.shut().await;
    eventually("false", async || !publishes(&bridge, &good).await).await;
    assert!(counted(&bridge, "unavailable").await > 0);
    assert!(!publishes(&bridge, &good).await);
    gate.allow(true).await;
    eventually("true again", async || publishes(&bridge, &good).await).await;
}
