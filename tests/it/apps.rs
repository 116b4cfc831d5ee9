//! What an app on the same site calls, and how an app on another site learns that it
//! cannot.

use red5_bridge::oidc::Pace;
use serde_json::{Value, json};

use crate::bridge::{APP_ORIGIN, ORIGIN, TestBridge};
use crate::database::new_database;
use crate::problem::problem;
use crate::provider::Provider;

const SCRIPT: (&str, &str) = ("x-red5-bridge", "1");
const APP: (&str, &str) = ("origin", APP_ORIGIN);
const JSON: (&str, &str) = ("content-type", "application/json");

#[tokio::test]
async fn an_app_ends_the_session_and_learns_where_the_providers_sign_out_is() {
    let bridge = TestBridge::start().await;
    bridge.provider.person("vic");
    let vic = bridge.signed_in("vic").await;

    let ended = vic.send("POST", "/api/logout", &[SCRIPT, APP], "").await;

    assert_eq!(ended.status, 200, "{}", ended.body);
    let next = format!("{ORIGIN}/auth/signed-out");
    assert_eq!(ended.json(), json!({ "end_session_url": next }));
    assert_eq!(ended.header("access-control-allow-origin"), APP_ORIGIN);
    let ticket = ended
        .set_cookies()
        .into_iter()
        .find(|cookie| cookie.contains("sign_out"));
    let ticket = ticket.unwrap().split(';').next().unwrap().to_owned();
    let signed_out = bridge.browser();
    let page = signed_out
        .send("GET", "/auth/signed-out", &[("cookie", &ticket)], "")
        .await;
    assert!(page.body.contains("id_token_hint="), "{}", page.body);
    assert_eq!(bridge.count("sessions").await, 0);
    let again = vic
        .send("POST", "/api/logout", &[SCRIPT, APP, JSON], "{}")
        .await;
    assert_eq!(again.status, 200, "{}", again.body);
    assert_eq!(again.json(), json!({ "end_session_url": null }));
    // Without its cookie nothing ends, and the answer does not claim it.
    let without = signed_out
        .send("POST", "/api/logout", &[SCRIPT, APP, JSON], "{}")
        .await;
    problem(&without, 401, "not_signed_in", &["login_url"]);
}

#[tokio::test]
async fn an_app_signs_out_of_a_session_that_this_instance_takes_for_idle() {
    let bridge = TestBridge::start().await;
    bridge.provider.person("vic");
    let vic = bridge.signed_in("vic").await;
    let (_other, there) = bridge.beside_and_idle(&vic).await;
    assert_eq!(there.peek("/api/session").await.status, 401);
    let ended = there
        .send("POST", "/api/logout", &[SCRIPT, APP, JSON], "{}")
        .await;
    assert_eq!(ended.status, 200, "{}", ended.body);
    assert_eq!(bridge.count("sessions").await, 0);
}

#[tokio::test]
async fn without_a_sign_out_at_the_provider_an_app_is_sent_nowhere() {
    let without_end = |clock| {
        let provider = Provider::start_with(clock);
        provider.discovery(|document| document.without("end_session_endpoint"));
        provider
    };
    let bridge =
        TestBridge::start_at(&new_database().await, &[], Pace::default(), without_end).await;
    bridge.provider.person("vic");
    let vic = bridge.signed_in("vic").await;
    let ended = vic.send("POST", "/api/logout", &[SCRIPT, APP], "").await;
    assert_eq!(ended.json(), json!({ "end_session_url": null }));
}

#[tokio::test]
async fn an_app_of_another_site_is_told_that_signing_in_does_not_help() {
    let bridge = TestBridge::start().await;
    bridge.provider.person("vic");
    let (stranger, vic) = (bridge.browser(), bridge.signed_in("vic").await);
    let from = |site| [SCRIPT, APP, JSON, ("sec-fetch-site", site)];
    for path in ["/api/token", "/api/logout"] {
        let far = stranger.send("POST", path, &from("cross-site"), "{}").await;
        problem(&far, 401, "cross_site", &["login_url"]);
        for site in ["same-site", "same-origin", "none"] {
            let near = stranger.send("POST", path, &from(site), "{}").await;
            problem(&near, 401, "not_signed_in", &["login_url"]);
        }
    }
    let far = [APP, ("sec-fetch-site", "cross-site")];
    let answer = stranger.send("GET", "/api/session", &far, "").await;
    problem(&answer, 401, "cross_site", &["login_url"]);
    // A cookie came, whatever the browser says of the site.
    let answer = vic.send("GET", "/api/session", &far, "").await;
    assert_eq!(answer.status, 200);
}

#[tokio::test]
async fn an_app_may_read_when_to_try_again_and_how_to_find_the_request() {
    let bridge = TestBridge::start().await;
    let answer = bridge
        .browser()
        .send("GET", "/api/session", &[APP], "")
        .await;
    assert_eq!(answer.status, 401);
    assert_eq!(
        answer.header("access-control-expose-headers"),
        "retry-after, x-request-id"
    );
}

#[tokio::test]
async fn a_delete_without_a_body_needs_no_content_type() {
    let bridge = TestBridge::start().await;
    let row = json!({"match": "everyone", "roles": ["red5-subscriber"], "transports": ["*"], "rooms": ["*"]});
    let id = bridge.add(&row).await["id"].clone();
    let admin = bridge.admin().await;
    let path = format!("/api/admin/mappings/{id}");
    let headers = [SCRIPT, ("origin", ORIGIN), ("if-match", "\"1\"")];
    let said = admin.send("DELETE", &path, &headers, "{}").await;
    problem(&said, 415, "unsupported_media_type", &[]);
    let done = admin.send("DELETE", &path, &headers, "").await;
    assert_eq!(done.status, 204, "{}", done.body);
}

#[tokio::test]
async fn ad_4_members_that_are_sent_back_must_be_those_that_were_read() {
    let bridge = TestBridge::start().await;
    let row = json!({"match": "everyone", "roles": ["red5-subscriber"], "transports": ["*"], "rooms": ["*"]});
    let row = bridge.add(&row).await;
    let admin = bridge.admin().await;
    let path = format!("/api/admin/mappings/{}", row["id"]);
    let put = async |version: &str, name: &str, value: Value| {
        let mut body = row.clone();
        body[name] = value;
        admin
            .api_with("PUT", &path, &[("if-match", version)], &body)
            .await
    };
    for (name, other) in [
        ("id", json!(7777)),
        ("version", json!(2)),
        ("created_at", json!("2020-01-01T00:00:00Z")),
        ("created_by", json!("eve")),
    ] {
        for value in [other, Value::Null] {
            let refused = put("\"1\"", name, value).await;
            let errors = problem(&refused, 400, "invalid_request", &["errors"]);
            assert_eq!(errors["errors"][0]["field"], name);
        }
    }
    assert_eq!(admin.peek(&path).await.json(), row);
    // Those that each edit changes are not looked at.
    let edited = put("\"1\"", "updated_by", json!("eve")).await;
    assert_eq!(edited.status, 200, "{}", edited.body);
    // A stale edit is told as such.
    let stale = put("\"1\"", "updated_at", Value::Null).await;
    problem(&stale, 412, "stale", &["current"]);
}
