//! R5-2: how long a token lives, and who shortened it.

use chrono::{DateTime, SecondsFormat, TimeDelta};
use serde_json::{Value, json};

use super::{WATCH, viewer};
use crate::bridge::{Answer, Browser, RED5_SECRET, TestBridge};
use crate::red5::server::parts;

/// Seconds from now to `exp`, with what limited it; `exp`, `expires_at` and
/// `expires_in` say the same.
async fn life(bridge: &TestBridge, browser: &Browser, ask: Value) -> (i64, Value) {
    let before = bridge.now();
    let answer = browser.token(ask).await;
    let after = bridge.now();
    assert_eq!(answer.status, 200, "{}", answer.body);
    let mut body = answer.json();
    let token = body["access_token"].as_str().unwrap();
    let exp = parts(token).1["exp"].as_i64().unwrap();
    let expires_in = body["expires_in"].as_i64().unwrap();
    let expires_at = DateTime::parse_from_rfc3339(body["expires_at"].as_str().unwrap()).unwrap();
    assert_eq!(expires_at.timestamp(), exp);
    assert!((before..=after).contains(&(exp - expires_in)));
    let met = super::meets(RED5_SECRET.as_bytes(), None, token, after);
    assert_eq!(met, Ok(()));
    (expires_in, body["ttl_limited_by"].take())
}

#[tokio::test]
async fn r5_2_a_wish_is_kept_within_the_servers_limit_less_the_skew() {
    let bridge = TestBridge::start_with(&[
        ("RED5_JWT_TTL_MINUTES", "10"),
        ("RED5_CLOCK_SKEW_SECONDS", "45"),
        ("RED5_TOKEN_TTL_SECONDS", "240"),
    ])
    .await;
    let vic = viewer(&bridge).await;

    assert_eq!(life(&bridge, &vic, json!({})).await, (240, Value::Null));
    for seconds in [60, 120, 555] {
        let wish = json!({"ttl_seconds": seconds});
        assert_eq!(life(&bridge, &vic, wish).await, (seconds, Value::Null));
    }
    // However large: the last one is more than 63 bits hold.
    for seconds in [556, 3_600, 4_294_967_296, 9_223_372_036_854_775_808_u64] {
        let wish = json!({"ttl_seconds": seconds});
        assert_eq!(life(&bridge, &vic, wish).await, (555, json!("server")));
    }
}

#[tokio::test]
async fn r5_2_a_wish_that_is_no_number_of_seconds_is_refused() {
    let bridge = TestBridge::start().await;
    let vic = viewer(&bridge).await;
    for wish in [
        json!(59),
        json!(0),
        json!(-1),
        json!(120.5),
        json!("120"),
        Value::Null,
        json!([120]),
    ] {
        let answer = vic.token(json!({"ttl_seconds": wish})).await;
        assert_eq!(answer.status, 400, "{wish}");
        assert_eq!(answer.code(), "invalid_request");
        assert_eq!(answer.json()["errors"][0]["field"], "ttl_seconds");
    }
}

#[tokio::test]
async fn a_mappings_longest_life_shortens_the_token() {
    let bridge = TestBridge::start().await;
    bridge
        .add(
            &json!({"group": "viewers", "match": "exact", "roles": WATCH, "transports": ["WHEP"],
                     "rooms": ["lobby"], "max_ttl_seconds": 90}),
        )
        .await;
    bridge.provider.person("vic").groups(["viewers"]);
    let vic = bridge.signed_in("vic").await;

    assert_eq!(life(&bridge, &vic, json!({})).await, (90, json!("mapping")));
    let short = json!({"ttl_seconds": 80});
    assert_eq!(life(&bridge, &vic, short).await, (80, Value::Null));
}

#[tokio::test]
async fn a_mappings_end_shortens_the_token_and_within_its_last_minute_there_is_none() {
    let bridge = TestBridge::start().await;
    let end = DateTime::from_timestamp(bridge.now() + 200, 0).unwrap();
    bridge
        .add(&json!({"group": "viewers", "match": "exact", "roles": WATCH, "transports": ["WHEP"],
                     "rooms": ["lobby"], "valid_until": end.to_rfc3339_opts(SecondsFormat::Secs, true)}))
        .await;
    bridge.provider.person("vic").groups(["viewers"]);
    let vic = bridge.signed_in("vic").await;

    let (left, by) = life(&bridge, &vic, json!({})).await;
    assert!((150..=200).contains(&left), "{left}");
    assert_eq!(by, "mapping");
    let spent = bridge.now() + 200 - end.timestamp();
    bridge.clock.advance(TimeDelta::seconds(130 - spent));
    let (left, by) = life(&bridge, &vic, json!({})).await;
    assert!((60..=70).contains(&left), "{left}");
    assert_eq!(by, "mapping");
    bridge.clock.advance(TimeDelta::seconds(11));
    assert_refused(&vic.token(json!({})).await, "no_grant");
}

#[tokio::test]
async fn a_mapping_gives_nothing_before_it_begins() {
    let bridge = TestBridge::start().await;
    let begin = DateTime::from_timestamp(bridge.now() + 1000, 0).unwrap();
    bridge
        .add(&json!({"group": "viewers", "match": "exact", "roles": WATCH, "transports": ["WHEP"],
                     "rooms": ["lobby"], "valid_from": begin.to_rfc3339_opts(SecondsFormat::Secs, true)}))
        .await;
    bridge.provider.person("vic").groups(["viewers"]);
    let vic = bridge.signed_in("vic").await;

    assert_refused(&vic.token(json!({})).await, "no_grant");
    bridge.clock.advance(TimeDelta::seconds(1000));
    assert_eq!(life(&bridge, &vic, json!({})).await, (300, Value::Null));
}

#[tokio::test]
async fn no_token_outlives_the_session_and_its_last_minute_is_too_short() {
    let bridge = TestBridge::start_with(&[("BRIDGE_UNREFRESHED_MAX_MINUTES", "20")]).await;
    let vic = viewer(&bridge).await;

    bridge.clock.advance(TimeDelta::seconds(20 * 60 - 120));
    let (left, by) = life(&bridge, &vic, json!({})).await;
    assert!((60..=120).contains(&left), "{left}");
    assert_eq!(by, "session");
    bridge.clock.advance(TimeDelta::seconds(61));
    let refused = vic.token(json!({})).await;
    assert_refused(&refused, "ttl_too_short");
    assert_eq!(refused.json()["ttl_limited_by"], "session");
    bridge.clock.advance(TimeDelta::seconds(60));
    let over = vic.token(json!({})).await;
    assert_eq!((over.status, over.code().as_str()), (401, "not_signed_in"));
}

fn assert_refused(answer: &Answer, code: &str) {
    assert_eq!(
        (answer.status, answer.code().as_str()),
        (403, code),
        "{}",
        answer.body
    );
    assert!(!answer.body.contains("access_token"));
}
