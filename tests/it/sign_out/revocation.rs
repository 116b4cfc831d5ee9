//! A refresh token is revoked when its session is signed out (RFC 7009), beside the sign-out,
//! unless the person has another session: the provider may revoke more than that token.

use std::time::Duration;

use chrono::TimeDelta;
use red5_bridge::oidc::Pace;
use serde_json::json;

use super::*;
use crate::bridge::Browser;
use crate::database::new_database;
use crate::eventually::eventually;
use crate::provider::{Answer, CLIENT_SECRET, Request, Rotation};

/// A provider that gives refresh tokens and can revoke them.
async fn that_revokes() -> TestBridge {
    let start = |clock| {
        let provider = Provider::start_with(clock);
        let endpoint = format!("{}/revoke", provider.issuer());
        provider.discovery(|document| document.set("revocation_endpoint", endpoint));
        provider.give_refresh_tokens(Rotation::Each);
        provider.person("ann");
        provider
    };
    TestBridge::start_at(&new_database().await, &[], Pace::default(), start).await
}

async fn sign_out(browser: &mut Browser) {
    let out = browser.submit("/", "/auth/logout", &[]).await;
    assert_eq!(out.status, 303, "{}", out.body);
    assert!(leads_to(&browser.get("/auth/signed-out").await).is_some());
}

/// What was asked of the revocation endpoint, when that was so often.
async fn asked(bridge: &TestBridge, times: usize) -> Vec<Request> {
    eventually("it is asked so often", async || {
        let mut requests = bridge.provider.requests();
        requests.retain(|request| request.endpoint == Endpoint::Revocation);
        (requests.len() >= times).then_some(requests)
    })
    .await
}

/// The groups are read again, with the refresh token.
async fn refreshes(bridge: &TestBridge, browser: &Browser) {
    let before = bridge.provider.refreshes();
    bridge.clock.advance(TimeDelta::minutes(20));
    assert_eq!(browser.peek("/api/session").await.status, 200);
    assert_eq!(bridge.provider.refreshes(), before + 1);
}

#[tokio::test]
async fn rfc_7009_signing_out_of_the_last_session_revokes_its_refresh_token() {
    let bridge = that_revokes().await;
    let mut desk = bridge.signed_in("ann").await;
    let mut phone = bridge.signed_in("ann").await;

    sign_out(&mut desk).await;
    refreshes(&bridge, &phone).await;
    sign_out(&mut phone).await;

    let request = asked(&bridge, 1).await.remove(0);
    assert_eq!(request.form["token_type_hint"], "refresh_token");
    assert!(request.form["token"].starts_with("refresh-"));
    assert!(request.header("authorization").starts_with("Basic "));
    assert!(!request.form.values().any(|value| value == CLIENT_SECRET));
    assert!(!bridge.provider.is_good(&request.form["token"]));
    assert_eq!(bridge.provider.hits(Endpoint::Revocation), 1);
}

#[tokio::test]
async fn rfc_7009_a_session_that_takes_the_place_of_one_of_the_same_person_keeps_its_grant() {
    let bridge = that_revokes().await;
    let mut desk = bridge.signed_in("ann").await;
    bridge.sign_in(&mut desk, "ann").await;
    refreshes(&bridge, &desk).await;
    sign_out(&mut desk).await;
    asked(&bridge, 1).await;
    assert_eq!(bridge.provider.hits(Endpoint::Revocation), 1);
}

#[tokio::test]
async fn rfc_7009_a_session_that_takes_the_place_of_another_persons_revokes_theirs() {
    let bridge = that_revokes().await;
    bridge.provider.person("bob");
    let mut desk = bridge.signed_in("ann").await;
    bridge.sign_in(&mut desk, "bob").await;
    let request = asked(&bridge, 1).await.remove(0);
    assert!(!bridge.provider.is_good(&request.form["token"]));
    refreshes(&bridge, &desk).await;
}

#[tokio::test]
async fn rfc_7009_signing_out_everywhere_revokes_all() {
    let bridge = that_revokes().await;
    let _phone = bridge.signed_in("ann").await;
    let mut desk = bridge.signed_in("ann").await;

    let out = desk.submit("/sessions", "/sessions/end", &[]).await;
    assert_eq!(out.status, 303);

    for request in asked(&bridge, 2).await {
        assert!(!bridge.provider.is_good(&request.form["token"]));
    }
}

#[tokio::test]
async fn rfc_7009_a_provider_that_cannot_or_will_not_holds_up_no_sign_out_and_no_sign_in() {
    for answer in [
        Answer::late(Duration::from_mins(10)),
        Answer::status(503),
        Answer::redirect("https://elsewhere.example/"),
    ] {
        let bridge = that_revokes().await;
        bridge.provider.always(Endpoint::Revocation, answer);
        for times in 1..=5 {
            let mut ann = bridge.signed_in("ann").await;
            sign_out(&mut ann).await;
            asked(&bridge, times).await;
        }
    }
    let bridge = TestBridge::start().await;
    bridge.provider.give_refresh_tokens(Rotation::Each);
    bridge.provider.person("ann");
    let mut ann = bridge.signed_in("ann").await;
    sign_out(&mut ann).await;
    assert_eq!(bridge.provider.hits(Endpoint::Revocation), 0);
}

const SESSIONS: &str = "/api/admin/sessions";

/// An administrator without a refresh token: what is revoked is Ann's.
async fn administrator(bridge: &TestBridge) -> Browser {
    bridge
        .provider
        .next_token_answer(|answer| answer.without("refresh_token"));
    bridge.admin().await
}

async fn id_of_ann(root: &Browser) -> String {
    let list = root.peek(&format!("{SESSIONS}?person=ann")).await.json();
    list["items"][0]["id"].as_str().unwrap().to_owned()
}

fn of_ann(bridge: &TestBridge) -> String {
    let query = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("issuer", bridge.provider.issuer())
        .append_pair("subject", "ann")
        .finish();
    format!("{SESSIONS}?{query}")
}

#[tokio::test]
async fn rfc_7009_an_administrator_who_ends_a_session_revokes_as_its_owner_would() {
    let bridge = that_revokes().await;
    let root = administrator(&bridge).await;
    bridge.signed_in("ann").await;
    let first = id_of_ann(&root).await;
    let phone = bridge.signed_in("ann").await;
    let named = format!("{SESSIONS}/{first}");
    assert_eq!(root.api("DELETE", &named, &json!({})).await.status, 204);
    refreshes(&bridge, &phone).await;

    let ended = root.api("DELETE", &of_ann(&bridge), &json!({})).await;

    assert_eq!(ended.json(), json!({"ended": 1}));
    let request = asked(&bridge, 1).await.remove(0);
    assert!(!bridge.provider.is_good(&request.form["token"]));
    assert_eq!(bridge.provider.hits(Endpoint::Revocation), 1);
}

#[tokio::test]
async fn rfc_7009_ending_the_last_session_by_its_name_and_blocking_revoke_too() {
    let bridge = that_revokes().await;
    let root = administrator(&bridge).await;
    let mut ann = bridge.signed_in("ann").await;
    let end = format!("/sessions/{}/end", id_of_ann(&root).await);
    assert_eq!(ann.submit("/sessions", &end, &[]).await.status, 303);
    asked(&bridge, 1).await;

    bridge.signed_in("ann").await;
    let block = json!({
        "issuer": bridge.provider.issuer(), "subject": "ann", "reason": "Left the company.",
    });
    let blocked = root.api("POST", "/api/admin/blocks", &block).await;
    assert_eq!(blocked.status, 201, "{}", blocked.body);
    for request in asked(&bridge, 2).await {
        assert!(!bridge.provider.is_good(&request.form["token"]));
    }
}
