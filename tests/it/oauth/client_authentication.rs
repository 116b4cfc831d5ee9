//! How a client authenticates at the token endpoint (RFC 6749 §2.3.1, §3.2, §5.2).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use super::{App, ann_and_app, error, parameter, post, refused, register};
use crate::bridge::{Answer, TestBridge};

async fn try_with(
    bridge: &TestBridge,
    basic: Option<&str>,
    fields: &[(&str, &str)],
) -> (u16, String) {
    let header = basic.map(|plain| format!("Basic {}", STANDARD.encode(plain)));
    let headers: Vec<_> = header
        .iter()
        .map(|value| ("authorization", value.as_str()))
        .collect();
    let mut all = vec![
        ("grant_type", "refresh_token"),
        ("refresh_token", "unknown"),
    ];
    all.extend(fields);
    error(&post(bridge, "/oauth2/token", &headers, &all).await)
}

#[tokio::test]
async fn a_client_proves_itself_by_one_method() {
    let (bridge, _, public) = ann_and_app().await;
    let app = register(&bridge, json!({"id": "my-app", "kind": "confidential"})).await;
    let App { id, secret } = app;
    let secret = secret.unwrap();
    let (id, secret) = (id.as_str(), secret.as_str());
    let both = format!("{id}:{secret}");
    let encoded = format!("my%2Dapp:{secret}");
    // Proven: what is refused is the token.
    let proven = refused("invalid_grant");
    assert_eq!(try_with(&bridge, Some(&both), &[]).await, proven);
    assert_eq!(try_with(&bridge, Some(&encoded), &[]).await, proven);
    assert_eq!(
        try_with(&bridge, Some(&both), &[("client_id", id)]).await,
        proven
    );
    assert_eq!(
        try_with(
            &bridge,
            None,
            &[("client_id", id), ("client_secret", secret)]
        )
        .await,
        proven
    );
    assert_eq!(
        try_with(&bridge, None, &[("client_id", &public.id)]).await,
        proven
    );
    assert_eq!(
        try_with(&bridge, Some(&format!("{}:", public.id)), &[]).await,
        proven
    );
    assert_eq!(
        try_with(
            &bridge,
            None,
            &[("client_id", &public.id), ("client_secret", "")]
        )
        .await,
        proven
    );

    let unproven = (401, "invalid_client".to_owned());
    assert_eq!(try_with(&bridge, None, &[]).await, unproven);
    assert_eq!(
        try_with(&bridge, None, &[("client_id", "unknown")]).await,
        unproven
    );
    assert_eq!(
        try_with(&bridge, None, &[("client_id", id)]).await,
        unproven
    );
    assert_eq!(
        try_with(
            &bridge,
            None,
            &[("client_id", id), ("client_secret", "wrong")]
        )
        .await,
        unproven
    );
    assert_eq!(
        try_with(&bridge, Some(&format!("{id}:wrong")), &[]).await,
        unproven
    );
    assert_eq!(
        try_with(
            &bridge,
            None,
            &[("client_id", &public.id), ("client_secret", secret)]
        )
        .await,
        unproven
    );

    let twice = refused("invalid_request");
    assert_eq!(
        try_with(&bridge, Some(&both), &[("client_secret", secret)]).await,
        twice
    );
    assert_eq!(
        try_with(&bridge, Some(&both), &[("client_id", &public.id)]).await,
        twice
    );
}

#[tokio::test]
async fn two_secrets_are_good_at_once_so_that_one_can_follow_the_other() {
    let bridge = TestBridge::start().await;
    let app = register(&bridge, json!({"kind": "confidential"})).await;
    let admin = bridge.admin().await;
    let path = format!("/api/admin/clients/{}/secrets", app.id);
    let second = admin.api("POST", &path, &json!({})).await;
    assert_eq!(second.status, 201, "{}", second.body);
    let third = admin.api("POST", &path, &json!({})).await;
    assert_eq!((third.status, third.code().as_str()), (409, "duplicate"));
    let first = app.secret.clone().unwrap();
    let second = second.json()["secret"].as_str().unwrap().to_owned();
    let proven = refused("invalid_grant");
    for secret in [&first, &second] {
        let fields = [("client_id", app.id.as_str()), ("client_secret", secret)];
        assert_eq!(try_with(&bridge, None, &fields).await, proven);
    }
    let list = admin.peek(&path).await.json();
    let oldest = list["items"][0]["id"].as_str().unwrap();
    let ended = admin
        .api("DELETE", &format!("{path}/{oldest}"), &json!({}))
        .await;
    assert_eq!(ended.status, 204, "{}", ended.body);
    let fields = [
        ("client_id", app.id.as_str()),
        ("client_secret", first.as_str()),
    ];
    assert_eq!(
        try_with(&bridge, None, &fields).await,
        (401, "invalid_client".to_owned())
    );
}

#[tokio::test]
async fn tx_1_the_endpoint_reads_forms_alone_and_names_what_is_wrong() {
    let (bridge, _, app) = ann_and_app().await;
    let unsupported = app.ask(&bridge, &[("grant_type", "password")]).await;
    assert_eq!(error(&unsupported), refused("unsupported_grant_type"));
    let browser = bridge.browser();
    let json = [("content-type", "application/json")];
    let answer: Answer = browser.send("POST", "/oauth2/token", &json, "{}").await;
    assert_eq!(error(&answer), (415, "invalid_request".to_owned()));
    // What stands in the query is not read.
    let query = format!(
        "/oauth2/token?grant_type=refresh_token&client_id={}",
        app.id
    );
    let answer = post(&bridge, &query, &[], &[]).await;
    assert_eq!(error(&answer), (401, "invalid_client".to_owned()));
}

#[tokio::test]
async fn tx_11_a_client_may_use_the_grant_types_of_its_registration_alone() {
    let (bridge, ann, _) = ann_and_app().await;
    let app = register(
        &bridge,
        json!({"trusted": true, "grants": ["authorization_code"]}),
    )
    .await;
    let code = app.code(&ann, &[]).await;
    let token = app.redeem(&bridge, &code).await;
    assert_eq!(token.status, 200);
    assert!(token.json().get("refresh_token").is_none());
    let refresh = app.refresh(&bridge, "anything").await;
    assert_eq!(error(&refresh), refused("unauthorized_client"));

    // What was made under a grant type counts only while the client has it.
    let code = app.code(&ann, &[]).await;
    let admin = bridge.admin().await;
    let path = format!("/api/admin/clients/{}", app.id);
    let mut client = admin.peek(&path).await.json();
    client["grants"] = json!(["device_code"]);
    let edited = admin
        .api_with("PUT", &path, &[("if-match", "\"1\"")], &client)
        .await;
    assert_eq!(edited.status, 200, "{}", edited.body);
    let redeemed = app.redeem(&bridge, &code).await;
    assert_eq!(error(&redeemed), refused("unauthorized_client"));
    let asked = ann.peek(&app.address(&[])).await;
    assert_eq!(
        parameter(&asked, "error").as_deref(),
        Some("unauthorized_client")
    );
}
