//! Groups that are read again during a session (SE-6, SE-11, SE-12, AD-10): the ages, what an
//! answer may say, and what a failure costs.

mod answers;
mod failures;
mod instances;
mod refusals;

use chrono::TimeDelta;
use red5_bridge::oidc::Pace;
use serde_json::json;

use crate::bridge::{Answer, Browser, TestBridge};
use crate::database::new_database;
use crate::eventually::eventually;
use crate::provider::{Endpoint, Provider, Rotation};

/// Older than this the groups are asked for, in the tests below.
const AGE: i64 = 60;

/// Ann watches the lobby; the provider gives refresh tokens and rotates them.
async fn with_ann() -> (TestBridge, Browser) {
    with_ann_and(Rotation::Each, &[]).await
}

async fn with_ann_and(rotation: Rotation, more: &[(&str, &str)]) -> (TestBridge, Browser) {
    with_ann_at(Pace::default(), rotation, more).await
}

async fn with_ann_at(
    pace: Pace,
    rotation: Rotation,
    more: &[(&str, &str)],
) -> (TestBridge, Browser) {
    let mut variables = vec![("BRIDGE_GROUPS_MAX_AGE_SECONDS", "60")];
    variables.extend(more);
    let database = new_database().await;
    let bridge = TestBridge::start_at(&database, &variables, pace, Provider::start_with).await;
    bridge.map_lobby().await;
    bridge.provider.give_refresh_tokens(rotation);
    bridge.provider.person("ann").groups(["viewers"]);
    let ann = bridge.signed_in("ann").await;
    (bridge, ann)
}

async fn exchange(browser: &Browser) -> Answer {
    browser.token(json!({})).await
}

/// Another instance asks about Ann, for so long.
async fn lease(bridge: &TestBridge, length: &str) {
    sqlx::query(
        "UPDATE sessions SET refresh_lease = decode('00112233445566778899aabbccddeeff', 'hex'),
                             refresh_leased_until = clock_timestamp() + $1::text::interval
         WHERE subject = 'ann'",
    )
    .bind(length)
    .execute(&bridge.db)
    .await
    .unwrap();
}

fn age(bridge: &TestBridge, seconds: i64) {
    bridge.clock.advance(TimeDelta::seconds(seconds));
}

#[tokio::test]
async fn se_6_up_to_the_age_groups_serve_and_the_provider_is_not_asked() {
    let (bridge, ann) = with_ann().await;
    bridge.provider.person("ann").groups([]);
    age(&bridge, AGE - 1);
    assert_eq!(exchange(&ann).await.status, 200);
    assert_eq!(bridge.provider.refreshes(), 0);
}

#[tokio::test]
async fn se_6_up_to_twice_the_age_groups_serve_while_they_are_read_beside_the_requests() {
    let (bridge, ann) = with_ann().await;
    bridge.provider.person("ann").groups([]);
    age(&bridge, 2 * AGE - 2);
    assert_eq!(exchange(&ann).await.status, 200);
    eventually("the groups of now", async || {
        exchange(&ann).await.status == 403
    })
    .await;
    assert_eq!(exchange(&ann).await.code(), "no_grant");
    assert_eq!(bridge.provider.refreshes(), 1);
}

#[tokio::test]
async fn se_6_beyond_twice_the_age_the_exchange_waits_for_the_groups_of_now() {
    let (bridge, ann) = with_ann().await;
    bridge.provider.person("ann").groups([]);
    age(&bridge, 2 * AGE + 1);
    assert_eq!(exchange(&ann).await.code(), "no_grant");
    bridge.provider.person("ann").groups(["viewers"]);
    age(&bridge, 2 * AGE + 1);
    assert_eq!(exchange(&ann).await.status, 200);
    assert_eq!(bridge.provider.refreshes(), 2);
}

#[tokio::test]
async fn a_session_whose_groups_can_be_read_again_lasts_as_long_as_a_session_may() {
    let (bridge, mut ann) = with_ann_and(
        Rotation::Each,
        &[
            ("BRIDGE_SESSION_MAX_HOURS", "2"),
            ("BRIDGE_UNREFRESHED_MAX_MINUTES", "5"),
        ],
    )
    .await;
    for _ in 0..11 {
        age(&bridge, 600);
        assert_eq!(exchange(&ann).await.status, 200);
    }
    age(&bridge, 601);
    assert_eq!(exchange(&ann).await.status, 401);
    // Without a refresh token it ends with its groups.
    bridge
        .provider
        .next_token_answer(|answer| answer.without("refresh_token"));
    bridge.sign_in(&mut ann, "ann").await;
    age(&bridge, 230);
    assert_eq!(exchange(&ann).await.status, 200);
    age(&bridge, 71);
    assert_eq!(exchange(&ann).await.status, 401);
}

#[tokio::test]
async fn ad_10_an_administrator_who_is_none_any_more_loses_the_pages_with_the_next_reading() {
    let (bridge, _) = with_ann().await;
    let root = bridge.admin().await;
    bridge.provider.person("root").groups([]);
    age(&bridge, AGE - 1);
    assert_eq!(root.peek("/admin/mappings").await.status, 200);
    age(&bridge, AGE + 2);
    assert_eq!(root.peek("/admin/mappings").await.status, 403);
    let added = root.api("POST", "/api/admin/mappings", &json!({})).await;
    assert_eq!(added.code(), "not_admin");
}

#[tokio::test]
async fn se_11_the_second_refresh_uses_the_refresh_token_that_the_first_one_gave() {
    let (bridge, ann) = with_ann().await;
    for refresh in 1..=4 {
        age(&bridge, 2 * AGE + 1);
        assert_eq!(exchange(&ann).await.status, 200, "refresh {refresh}");
    }
    assert_eq!(bridge.provider.refreshes(), 4);
}

#[tokio::test]
async fn a_refresh_token_that_stays_good_is_used_again() {
    let (bridge, ann) = with_ann_and(Rotation::None, &[]).await;
    for _ in 0..3 {
        age(&bridge, 2 * AGE + 1);
        assert_eq!(exchange(&ann).await.status, 200);
    }
    let asked = bridge.provider.requests().into_iter();
    let tokens: std::collections::HashSet<_> = asked
        .filter_map(|request| request.form.get("refresh_token").cloned())
        .collect();
    assert_eq!(tokens.len(), 1);
}

#[tokio::test]
async fn a_refresh_is_no_activity_of_the_person() {
    let (bridge, ann) =
        with_ann_and(Rotation::Each, &[("BRIDGE_SESSION_IDLE_MINUTES", "10")]).await;
    age(&bridge, 2 * AGE - 2);
    assert_eq!(exchange(&ann).await.status, 200);
    eventually("a refresh", async || bridge.provider.refreshes() == 1).await;
    age(&bridge, 601);
    assert_eq!(exchange(&ann).await.status, 401);
}

#[tokio::test]
async fn se_10_the_refresh_token_is_in_no_answer_and_not_in_the_clear_in_the_database() {
    let (bridge, ann) = with_ann().await;
    age(&bridge, 2 * AGE + 1);
    assert_eq!(exchange(&ann).await.status, 200);
    let stored = crate::sessions::everything_stored(&bridge).await;
    assert!(
        !stored.contains("refresh-") && !stored.contains("access-"),
        "{stored}"
    );
    let sealed: Vec<u8> =
        sqlx::query_scalar("SELECT sealed_refresh_token FROM sessions WHERE subject = 'ann'")
            .fetch_one(&bridge.db)
            .await
            .unwrap();
    assert!(sealed.len() > 40);
    for path in ["/", "/api/session"] {
        assert!(!ann.peek(path).await.body.contains("refresh-"), "{path}");
    }
    assert_eq!(bridge.provider.hits(Endpoint::Token), 3);
}

#[tokio::test]
async fn se_10_a_sealed_refresh_token_that_was_copied_into_another_row_is_not_used() {
    let (bridge, ann) = with_ann().await;
    bridge.provider.person("bob").groups(["viewers"]);
    bridge.signed_in("bob").await;
    sqlx::query(
        "UPDATE sessions SET sealed_refresh_token = bob.sealed_refresh_token
         FROM sessions AS bob WHERE sessions.subject = 'ann' AND bob.subject = 'bob'",
    )
    .execute(&bridge.db)
    .await
    .unwrap();
    age(&bridge, 2 * AGE + 1);
    // As a session without a refresh token: its groups serve for an hour.
    assert_eq!(exchange(&ann).await.status, 200);
    assert_eq!(bridge.provider.refreshes(), 0);
}
