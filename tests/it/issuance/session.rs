//! GET `/api/session`: what an app can show before it asks for a token.

use chrono::{DateTime, TimeDelta};
use serde_json::{Value, json};

use super::{PUBLISH, WATCH};
use crate::bridge::{ADMIN_GROUP, ORIGIN, TestBridge};

#[tokio::test]
async fn the_session_tells_identity_grants_and_end() {
    let bridge = TestBridge::start().await;
    bridge.map("crew", PUBLISH, &["WHIP"], &["show-*"]).await;
    bridge.map("viewers", WATCH, &["*"], &["*"]).await;
    // Says the same as the row before it: an app needs it once.
    bridge.map("guests", WATCH, &["*"], &["*"]).await;
    bridge
        .provider
        .person("ann")
        .groups(["viewers", "crew", "guests"])
        .claim("sub", "5a2e90c4")
        .claim("name", "Ann Lee");
    let ann = bridge.signed_in("ann").await;
    let now = bridge.now();

    let answer = ann.peek("/api/session").await;

    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("cache-control"), "no-store");
    let mut body = answer.json();
    let mut time = |name: &str| {
        let text = body[name].take();
        DateTime::parse_from_rfc3339(text.as_str().unwrap())
            .unwrap()
            .timestamp()
    };
    let about = |time: i64, expected: i64| (time - expected).abs() <= 5;
    assert!(about(time("groups_read_at"), now));
    assert!(about(time("ends_at"), now + 3600));
    assert!(about(time("idle_ends_at"), now + 3600));
    assert_eq!(
        body,
        json!({
            "identity": {"issuer": bridge.provider.issuer(), "subject": "5a2e90c4",
                         "username": "ann", "name": "Ann Lee",
                         "groups": ["crew", "guests", "viewers"]},
            "administrator": false,
            "entitlement": [
                {"roles": PUBLISH, "transports": ["WHIP"], "rooms": ["show-*"]},
                {"roles": WATCH, "transports": ["*"], "rooms": ["*"]},
            ],
            "groups_read_at": null, "ends_at": null, "idle_ends_at": null,
        })
    );
}

#[tokio::test]
async fn idle_time_runs_from_the_last_request_and_never_past_the_end() {
    let bridge = TestBridge::start_with(&[("BRIDGE_SESSION_IDLE_MINUTES", "10")]).await;
    bridge.provider.person("vic").groups(["unmapped"]);
    let vic = bridge.signed_in("vic").await;
    let left = async || {
        let body = vic.peek("/api/session").await.json();
        let at = |name: &str| {
            let text = body[name].as_str().unwrap();
            DateTime::parse_from_rfc3339(text).unwrap().timestamp() - bridge.now()
        };
        (at("idle_ends_at"), at("ends_at"))
    };
    for _ in 0..6 {
        bridge.clock.advance(TimeDelta::minutes(9));
        let (idle, end) = left().await;
        assert!(idle <= 600 && idle <= end && idle >= 0, "{idle} {end}");
    }
    let (idle, end) = left().await;
    assert_eq!(idle, end);
}

#[tokio::test]
async fn the_session_tells_of_missing_names_of_missing_grants_and_of_the_right_to_administer() {
    let bridge = TestBridge::start().await;
    bridge
        .provider
        .person("vic")
        .without("preferred_username")
        .without("name")
        .groups([ADMIN_GROUP]);
    let body = bridge
        .signed_in("vic")
        .await
        .peek("/api/session")
        .await
        .json();
    assert_eq!(body["identity"]["username"], Value::Null);
    assert_eq!(body["identity"]["name"], Value::Null);
    assert_eq!(body["administrator"], json!(true));
    assert_eq!(body["entitlement"], json!([]));
}

#[tokio::test]
async fn a_request_without_a_session_is_told_the_login_url() {
    let bridge = TestBridge::start().await;
    let stranger = bridge.browser();
    for answer in [
        stranger.peek("/api/session").await,
        stranger.token(json!({})).await,
    ] {
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (401, "not_signed_in")
        );
        assert_eq!(answer.json()["login_url"], format!("{ORIGIN}/auth/login"));
    }
}
