//! A question waits for no provider: old groups are read again beside it, and groups of twice the
//! age are not used.

use chrono::TimeDelta;
use serde_json::json;

use super::{publishes, start_with, token};
use crate::bridge::TestBridge;
use crate::eventually::eventually;
use crate::provider::{Answer, Endpoint, Rotation};

const AGE: i64 = 60;

/// Beyond the latest moment at which a refresh begins, and well below twice the age.
const AGING: i64 = 100;

/// A token that outlives the groups.
async fn with_token() -> (TestBridge, String) {
    let bridge = start_with(&[("BRIDGE_GROUPS_MAX_AGE_SECONDS", "60")]).await;
    bridge.provider.give_refresh_tokens(Rotation::Each);
    let ann = super::ann(&bridge).await;
    let good = token(&ann, json!({"ttl_seconds": 3000})).await;
    (bridge, good)
}

fn age(bridge: &TestBridge, seconds: i64) {
    bridge.clock.advance(TimeDelta::seconds(seconds));
}

#[tokio::test]
async fn up_to_the_age_a_question_does_not_ask_the_provider() {
    let (bridge, good) = with_token().await;
    age(&bridge, AGE - 1);
    assert!(publishes(&bridge, &good).await);
    assert_eq!(bridge.provider.refreshes(), 0);
}

#[tokio::test]
async fn up_to_twice_the_age_the_answer_is_true_while_one_refresh_runs_beside_it() {
    let (bridge, good) = with_token().await;
    age(&bridge, AGING);
    for _ in 0..10 {
        assert!(publishes(&bridge, &good).await);
    }
    eventually("one refresh", async || bridge.provider.refreshes() == 1).await;
    assert!(publishes(&bridge, &good).await);
    eventually("its groups are written", async || {
        let written = "SELECT count(*) FROM sessions WHERE identity_version > 1";
        let written: i64 = sqlx::query_scalar(written)
            .fetch_one(&bridge.db)
            .await
            .unwrap();
        written == 1
    })
    .await;
    // The current groups decide.
    bridge.provider.person("ann").groups([]);
    age(&bridge, AGING);
    eventually("no group any more", async || {
        !publishes(&bridge, &good).await
    })
    .await;
    assert_eq!(bridge.provider.refreshes(), 2);
}

#[tokio::test]
async fn beyond_twice_the_age_the_answer_is_false_until_a_refresh_succeeded() {
    let (bridge, good) = with_token().await;
    age(&bridge, 2 * AGE + 1);
    assert!(!publishes(&bridge, &good).await);
    eventually("true after the refresh", async || {
        publishes(&bridge, &good).await
    })
    .await;
    assert_eq!(bridge.provider.refreshes(), 1);
}

#[tokio::test]
async fn rr_4_while_the_provider_is_away_groups_serve_up_to_twice_the_age() {
    let (bridge, good) = with_token().await;
    bridge.provider.always(Endpoint::Token, Answer::status(503));
    age(&bridge, AGING);
    for _ in 0..5 {
        assert!(publishes(&bridge, &good).await);
    }
    age(&bridge, 2 * AGE - AGING + 1);
    for _ in 0..5 {
        assert!(!publishes(&bridge, &good).await);
    }
    bridge.provider.behave(Endpoint::Token);
    age(&bridge, 10);
    eventually("true again", async || publishes(&bridge, &good).await).await;
}

#[tokio::test]
async fn rr_3_a_grant_that_the_provider_revoked_ends_the_session_and_its_tokens() {
    let (bridge, good) = with_token().await;
    bridge.provider.revoke("ann");
    age(&bridge, AGING);
    eventually("false", async || !publishes(&bridge, &good).await).await;
    let of_ann = "SELECT count(*) FROM sessions WHERE subject = 'ann'";
    let left: i64 = sqlx::query_scalar(of_ann)
        .fetch_one(&bridge.db)
        .await
        .unwrap();
    assert_eq!(left, 0);
}
