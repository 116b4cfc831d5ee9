//! A token for a token of the provider (RFC 8693; TX-1 to TX-15). What makes a subject token good is tried in
//! `oidc::subject_tokens`.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::TimeDelta;
use serde_json::{Value, json};

use super::{App, error, refused, register};
use crate::bridge::{Answer, TestBridge};

const GRANT: (&str, &str) = (
    "grant_type",
    "urn:ietf:params:oauth:grant-type:token-exchange",
);
const ID_TOKEN: (&str, &str) = (
    "subject_token_type",
    "urn:ietf:params:oauth:token-type:id_token",
);

/// A service that may exchange, and Ann, who may watch in the lobby.
async fn service() -> (TestBridge, App) {
    let bridge = TestBridge::start().await;
    bridge.map_lobby().await;
    bridge.provider.person("ann").groups(["viewers"]);
    let client = json!({"kind": "confidential", "grants": ["token_exchange"], "redirect_uris": []});
    let service = register(&bridge, client).await;
    (bridge, service)
}

/// An ID token of Ann that ends in so many seconds.
fn id_token(bridge: &TestBridge, seconds: i64) -> String {
    let end = bridge.now() + seconds;
    bridge
        .provider
        .id_token("ann", |token| token.claim("exp", end))
}

async fn exchange(
    bridge: &TestBridge,
    service: &App,
    token: &str,
    more: &[(&str, &str)],
) -> Answer {
    let mut fields = vec![GRANT, ID_TOKEN, ("subject_token", token)];
    fields.extend(more);
    service.ask(bridge, &fields).await
}

#[tokio::test]
async fn tx_9_a_service_gets_a_token_for_an_id_token_and_no_refresh_token() {
    let (bridge, service) = service().await;
    let before = bridge.now();
    let answer = exchange(&bridge, &service, &id_token(&bridge, 3600), &[]).await;
    let after = bridge.now();
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(answer.header("cache-control"), "no-store");
    let token = answer.json();
    assert_eq!(
        token["issued_token_type"],
        "urn:ietf:params:oauth:token-type:jwt"
    );
    assert_eq!(token["token_type"], "Bearer");
    assert_eq!(token["scope"], "red5-subscriber room:lobby transport:WHEP");
    assert!(token.get("refresh_token").is_none());
    let claims = token["access_token"].as_str().unwrap().split('.').nth(1);
    let claims = URL_SAFE_NO_PAD.decode(claims.unwrap()).unwrap();
    let claims: Value = serde_json::from_slice(&claims).unwrap();
    let issued_at = claims["exp"].as_i64().unwrap() - token["expires_in"].as_i64().unwrap();
    assert!((before..=after).contains(&issued_at), "{token}");
    let as_access_token = [(
        "requested_token_type",
        "urn:ietf:params:oauth:token-type:access_token",
    )];
    let answer = exchange(
        &bridge,
        &service,
        &id_token(&bridge, 3600),
        &as_access_token,
    )
    .await;
    assert_eq!(answer.json()["issued_token_type"], as_access_token[0].1);
}

#[tokio::test]
async fn tx_15_the_token_ends_no_later_than_the_subject_token() {
    let (bridge, service) = service().await;
    let token = exchange(&bridge, &service, &id_token(&bridge, 90), &[])
        .await
        .json();
    assert_eq!(token["ttl_limited_by"], "subject_token");
    assert!(token["expires_in"].as_i64().unwrap() <= 90);
    let short = exchange(&bridge, &service, &id_token(&bridge, 59), &[]).await;
    assert_eq!(error(&short), refused("invalid_request"));
    assert_eq!(
        short.json()["error_uri"],
        "https://bridge.example/docs/errors#ttl_too_short"
    );
}

#[tokio::test]
async fn tx_1_tx_2_tx_7_tx_8_tx_10_what_is_missing_unknown_or_twice_is_refused_by_name() {
    let (bridge, service) = service().await;
    let token = id_token(&bridge, 3600);
    let subject = ("subject_token", token.as_str());
    let all = [GRANT, ID_TOKEN, subject];
    for (fields, expected, named) in [
        (vec![GRANT, ID_TOKEN], "invalid_request", "subject_token"),
        (
            vec![GRANT, subject],
            "invalid_request",
            "subject_token_type",
        ),
        (vec![ID_TOKEN, subject], "invalid_request", "grant_type"),
        (
            vec![
                GRANT,
                subject,
                (
                    "subject_token_type",
                    "urn:ietf:params:oauth:token-type:saml2",
                ),
            ],
            "invalid_request",
            "subject_token_type",
        ),
        (
            [&all[..], &[subject]].concat(),
            "invalid_request",
            "subject_token",
        ),
        // One of them would be passed over otherwise, and the token be wider than asked for.
        (
            [
                &all[..],
                &[("scope", "room:lobby"), ("scope", "room:lobby")],
            ]
            .concat(),
            "invalid_request",
            "scope",
        ),
        (
            [&all[..], &[("actor_token", "x")]].concat(),
            "invalid_request",
            "actor_token",
        ),
        (
            [&all[..], &[("actor_token_type", "x")]].concat(),
            "invalid_request",
            "actor_token_type",
        ),
        (
            [
                &all[..],
                &[(
                    "requested_token_type",
                    "urn:ietf:params:oauth:token-type:refresh_token",
                )],
            ]
            .concat(),
            "invalid_request",
            "requested_token_type",
        ),
        (
            [&all[..], &[("audience", "a")]].concat(),
            "invalid_target",
            "audience",
        ),
        (
            [
                &all[..],
                &[
                    ("resource", "https://a.example"),
                    ("resource", "https://b.example"),
                ],
            ]
            .concat(),
            "invalid_target",
            "resource",
        ),
        (
            [&all[..], &[("scope", "openid")]].concat(),
            "invalid_scope",
            "openid",
        ),
    ] {
        let answer = service.ask(&bridge, &fields).await;
        assert_eq!(error(&answer), refused(expected), "{}", answer.body);
        let description = answer.json()["error_description"]
            .as_str()
            .unwrap()
            .to_owned();
        assert!(description.contains(named), "{description}");
    }
}

#[tokio::test]
async fn tx_3_a_subject_token_that_is_not_good_is_an_invalid_request() {
    let (bridge, service) = service().await;
    let foreign = bridge
        .provider
        .id_token("ann", |token| token.claim("aud", "another-client"));
    let expired = bridge
        .provider
        .id_token("ann", |token| token.claim("exp", bridge.now() - 3600));
    for (token, flaw) in [
        (foreign.as_str(), "audience"),
        (expired.as_str(), "expired"),
        ("garbage", "three parts"),
        ("a.b.c", "cannot be read"),
    ] {
        let answer = exchange(&bridge, &service, token, &[]).await;
        assert_eq!(
            error(&answer),
            refused("invalid_request"),
            "{}",
            answer.body
        );
        let description = answer.json()["error_description"].clone();
        let description = description.as_str().unwrap();
        assert!(description.contains(flaw), "{description}");
        assert!(!answer.body.contains(token), "{description}");
    }
}

#[tokio::test]
async fn tx_11_a_client_without_the_grant_type_or_its_secret_exchanges_nothing() {
    let (bridge, service) = service().await;
    let app = register(&bridge, json!({})).await;
    let token = id_token(&bridge, 3600);
    assert_eq!(
        error(&exchange(&bridge, &app, &token, &[]).await),
        refused("unauthorized_client")
    );
    for secret in [None, Some("guessed".to_owned())] {
        let thief = App {
            secret,
            ..service.clone()
        };
        assert_eq!(
            error(&exchange(&bridge, &thief, &token, &[]).await),
            (401, "invalid_client".to_owned())
        );
    }
}

#[tokio::test]
async fn tx_12_tx_13_tx_14_nothing_beyond_the_mappings_of_the_tokens_own_person_is_granted() {
    let (bridge, service) = service().await;
    let token = id_token(&bridge, 3600);
    let wider = exchange(&bridge, &service, &token, &[("scope", "red5-publisher")]).await;
    assert_eq!(error(&wider), refused("invalid_scope"));
    // What a caller says of the person is not looked at.
    let claims = [
        ("roles", "red5-publisher"),
        ("groups", "streaming-admins"),
        ("sub", "root"),
    ];
    let same = exchange(&bridge, &service, &token, &claims).await.json();
    assert_eq!(same["roles"], json!(["red5-subscriber"]));

    bridge.provider.person("eve").groups(["others"]);
    let eve = bridge.provider.id_token("eve", |token| token);
    let answer = exchange(&bridge, &service, &eve, &[]).await;
    assert_eq!(error(&answer), refused("invalid_scope"));
    assert!(
        !answer.body.contains("lobby") && !answer.body.contains("viewers"),
        "{}",
        answer.body
    );
}

#[tokio::test]
async fn an_id_token_without_groups_says_to_send_the_access_token() {
    let (bridge, service) = service().await;
    let token = bridge
        .provider
        .id_token("ann", |token| token.claim("groups", Value::Null));
    let answer = exchange(&bridge, &service, &token, &[]).await;
    assert_eq!(error(&answer), refused("invalid_scope"));
    assert!(answer.body.contains("access token"), "{}", answer.body);
}

#[tokio::test]
async fn a_blocked_person_gets_no_token_for_any_subject_token() {
    let (bridge, service) = service().await;
    let block = json!({"issuer": bridge.provider.issuer(), "subject": "ann", "reason": "left"});
    bridge
        .admin()
        .await
        .api("POST", "/api/admin/blocks", &block)
        .await;
    let answer = exchange(&bridge, &service, &id_token(&bridge, 3600), &[]).await;
    assert_eq!(error(&answer), refused("invalid_grant"));
    assert_eq!(
        answer.json()["error_uri"],
        "https://bridge.example/docs/errors#blocked"
    );
}

#[tokio::test]
async fn an_edit_counts_for_the_next_exchange_of_the_same_subject_token() {
    let (bridge, service) = service().await;
    let token = id_token(&bridge, 3600);
    assert_eq!(exchange(&bridge, &service, &token, &[]).await.status, 200);
    bridge
        .map("viewers", &["red5-subscriber"], &["WHEP"], &["hall"])
        .await;
    bridge.clock.advance(TimeDelta::seconds(1));
    let after = exchange(&bridge, &service, &token, &[]).await.json();
    assert_eq!(after["rooms"], json!(["hall", "lobby"]));
}

#[tokio::test]
async fn r5_10_a_red5_token_is_no_subject_token_no_code_and_no_refresh_token() {
    let (bridge, service) = service().await;
    let ann = bridge.signed_in("ann").await;
    let token = ann.token(json!({})).await.json();
    let token = token["access_token"].as_str().unwrap();
    for kind in ["id_token", "jwt", "access_token"] {
        let kind = format!("urn:ietf:params:oauth:token-type:{kind}");
        let fields = [
            GRANT,
            ("subject_token", token),
            ("subject_token_type", &kind),
        ];
        assert_eq!(
            error(&service.ask(&bridge, &fields).await),
            refused("invalid_request")
        );
    }
    let app = register(&bridge, json!({})).await;
    assert_eq!(
        error(&app.redeem(&bridge, token).await),
        refused("invalid_grant")
    );
    assert_eq!(
        error(&app.refresh(&bridge, token).await),
        refused("invalid_grant")
    );
}
