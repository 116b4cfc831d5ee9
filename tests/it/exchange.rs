//! From a sign-in to a token: no more and no less than the mappings say.

use serde_json::json;

use crate::bridge::TestBridge;

const PUBLISH: &[&str] = &["red5-publisher"];
const WATCH: &[&str] = &["red5-subscriber"];

#[tokio::test]
async fn a_user_gets_what_the_mapping_of_the_group_grants() {
    let bridge = TestBridge::start().await;
    bridge.map("viewers", WATCH, &["WHEP"], &["lobby"]).await;
    bridge.provider.person("vic").groups(["viewers"]);
    let vic = bridge.signed_in("vic").await;

    let answer = vic.token(json!({})).await;

    assert_eq!(answer.status, 200, "{}", answer.body);
    let body = answer.json();
    assert_eq!(body["roles"], json!(["red5-subscriber"]));
    assert_eq!(body["transports"], json!(["WHEP"]));
    assert_eq!(body["rooms"], json!(["lobby"]));
    assert_eq!(body["scope"], "red5-subscriber room:lobby transport:WHEP");
    assert_eq!(body["expires_in"], 300);
    assert_eq!(body["left_out"], json!([]));
    assert_eq!(answer.header("cache-control"), "no-store");
}

#[tokio::test]
async fn r5_7_two_groups_that_would_escalate_if_merged_never_do() {
    let bridge = TestBridge::start().await;
    bridge
        .map("stage-crew", PUBLISH, &["WHIP"], &["stage"])
        .await;
    bridge
        .map("backstage", WATCH, &["WHEP"], &["green-room"])
        .await;
    bridge
        .provider
        .person("mia")
        .groups(["stage-crew", "backstage"]);
    let mia = bridge.signed_in("mia").await;

    let stage = mia.token(json!({"rooms": ["stage"]})).await.json();
    assert_eq!(stage["roles"], json!(PUBLISH));
    let green = mia.token(json!({"rooms": ["green-room"]})).await.json();
    assert_eq!(green["roles"], json!(WATCH));
    let both = mia
        .token(json!({"roles": PUBLISH, "rooms": ["green-room"]}))
        .await;
    assert_eq!(
        (both.status, both.code().as_str()),
        (403, "scope_not_granted")
    );
    assert_eq!(
        both.json()["refused"],
        json!(["green-room", "red5-publisher"])
    );
}
