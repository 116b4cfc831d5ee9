//! Where several refusals apply, the first of the stated order is given:
//! origin and header, sign-in, right, content type and size, the request
//! itself, what is granted.

use chrono::TimeDelta;
use serde_json::json;

use crate::bridge::{ORIGIN, TestBridge};
use crate::problem::problem;

const EVIL: (&str, &str) = ("origin", "https://evil.example");
const OWN: (&str, &str) = ("origin", ORIGIN);
const SCRIPT: (&str, &str) = ("x-red5-bridge", "1");
const TEXT: (&str, &str) = ("content-type", "text/plain");
const JSON: (&str, &str) = ("content-type", "application/json");
const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");

#[tokio::test]
async fn the_api_refuses_in_the_stated_order() {
    let bridge = TestBridge::start().await;
    bridge.provider.person("vic").groups(["viewers"]);
    let (stranger, vic, admin) = (
        bridge.browser(),
        bridge.signed_in("vic").await,
        bridge.admin().await,
    );
    let path = "/api/admin/mappings";
    let large = "x".repeat(257 * 1024);

    let answer = stranger
        .send("POST", path, &[EVIL, SCRIPT, TEXT], "x")
        .await;
    problem(&answer, 403, "forbidden_origin", &[]);
    let answer = stranger.send("POST", path, &[OWN, SCRIPT, TEXT], "x").await;
    let body = problem(&answer, 401, "not_signed_in", &["login_url"]);
    assert_eq!(body["login_url"], "https://bridge.example/auth/login");
    let answer = vic.send("POST", path, &[OWN, SCRIPT, TEXT], &large).await;
    problem(&answer, 403, "not_admin", &[]);
    let answer = admin.send("POST", path, &[OWN, SCRIPT, TEXT], &large).await;
    problem(&answer, 415, "unsupported_media_type", &[]);
    let answer = admin.send("POST", path, &[OWN, SCRIPT, JSON], &large).await;
    problem(&answer, 413, "too_large", &[]);
    let answer = admin.send("POST", path, &[OWN, SCRIPT, JSON], "x").await;
    problem(&answer, 400, "invalid_request", &["errors"]);
}

#[tokio::test]
async fn a_token_is_refused_in_the_stated_order() {
    let bridge = TestBridge::start().await;
    bridge.provider.person("vic").groups(["viewers"]);
    let (stranger, vic) = (bridge.browser(), bridge.signed_in("vic").await);
    let path = "/api/token";

    let answer = stranger
        .send("POST", path, &[EVIL, SCRIPT, TEXT], "x")
        .await;
    problem(&answer, 403, "forbidden_origin", &[]);
    let answer = stranger.send("POST", path, &[OWN, SCRIPT, TEXT], "x").await;
    problem(&answer, 401, "not_signed_in", &["login_url"]);
    let answer = vic.send("POST", path, &[OWN, SCRIPT, TEXT], "x").await;
    problem(&answer, 415, "unsupported_media_type", &[]);
    let large = format!("{{{}}}", " ".repeat(64 * 1024));
    let answer = vic.send("POST", path, &[OWN, SCRIPT, JSON], &large).await;
    problem(&answer, 413, "too_large", &[]);
    problem(
        &vic.token(json!({"rooms": []})).await,
        400,
        "invalid_request",
        &["errors"],
    );
    problem(&vic.token(json!({})).await, 403, "no_grant", &[]);
}

#[tokio::test]
async fn what_is_not_granted_is_refused_in_the_stated_order() {
    let bridge = TestBridge::start_with(&[
        ("RED5_SUBJECT", "username"),
        ("RED5_TOKEN_MAX_BYTES", "512"),
        ("BRIDGE_UNREFRESHED_MAX_MINUTES", "20"),
    ])
    .await;
    bridge
        .map("viewers", &["red5-subscriber"], &["WHEP"], &["room-*"])
        .await;
    bridge
        .provider
        .person("vic")
        .groups(["viewers"])
        .without("preferred_username");
    let vic = bridge.signed_in("vic").await;
    // The names fit the limit, and the token that has them does not.
    let many: Vec<String> = (10..50).map(|i| format!("room-{i}")).collect();
    let (many, one) = (json!({"rooms": many}), json!({"rooms": ["room-1"]}));

    problem(&vic.token(many.clone()).await, 400, "too_many_rooms", &[]);
    problem(&vic.token(one.clone()).await, 403, "no_username", &[]);
    bridge.clock.advance(TimeDelta::seconds(20 * 60 - 50));
    problem(&vic.token(many).await, 400, "too_many_rooms", &[]);
    let short = vic.token(one).await;
    problem(&short, 403, "ttl_too_short", &["ttl_limited_by"]);
}

#[tokio::test]
async fn a_page_refuses_in_the_stated_order() {
    let bridge = TestBridge::start().await;
    bridge.provider.person("vic").groups(["viewers"]);
    let (stranger, vic, admin) = (
        bridge.browser(),
        bridge.signed_in("vic").await,
        bridge.admin().await,
    );
    let path = "/admin/mappings";
    let large = "x".repeat(257 * 1024);

    let said = [
        (
            stranger.send("POST", path, &[EVIL, TEXT], "x").await,
            403,
            "This form did not come from here",
        ),
        (
            stranger.send("POST", path, &[OWN, TEXT], "x").await,
            401,
            "Sign in to go on",
        ),
        (
            vic.send("POST", path, &[OWN, TEXT], &large).await,
            403,
            "This page is for administrators",
        ),
        (
            admin.send("POST", path, &[OWN, TEXT], &large).await,
            415,
            "not in a form that is read here",
        ),
        (
            admin.send("POST", path, &[OWN, FORM], &large).await,
            413,
            "This is too large",
        ),
        (
            admin.send("POST", path, &[OWN, FORM], "x").await,
            403,
            "This form did not come from here",
        ),
    ];
    for (answer, status, title) in said {
        assert_eq!(answer.status, status, "{title}");
        assert!(answer.body.contains(title), "{title}");
    }
}

#[tokio::test]
async fn cs_2_a_body_is_json_that_calls_itself_json() {
    let bridge = TestBridge::start().await;
    let admin = bridge.admin().await;
    let body = json!({"match": "everyone", "roles": ["red5-subscriber"], "transports": ["*"], "rooms": ["*"]});
    let body = body.to_string();
    for path in ["/api/admin/mappings", "/api/token"] {
        for kind in [
            "text/plain",
            "application/x-www-form-urlencoded",
            "multipart/form-data; boundary=x",
            "application/jsonp",
            "application/problem+json",
            "text/plain; application/json",
            "",
        ] {
            let headers = [OWN, SCRIPT, ("content-type", kind)];
            let answer = admin.send("POST", path, &headers, &body).await;
            problem(&answer, 415, "unsupported_media_type", &[]);
        }
        let answer = admin.send("POST", path, &[OWN, SCRIPT], &body).await;
        problem(&answer, 415, "unsupported_media_type", &[]);
        let answer = admin
            .send("POST", path, &[OWN, SCRIPT, JSON, TEXT], &body)
            .await;
        problem(&answer, 415, "unsupported_media_type", &[]);
    }
    assert_eq!(bridge.count("mappings").await, 0);

    let headers = [
        OWN,
        SCRIPT,
        ("content-type", "Application/JSON; charset=utf-8"),
    ];
    let answer = admin
        .send("POST", "/api/admin/mappings", &headers, &body)
        .await;
    assert_eq!(answer.status, 201, "{}", answer.body);
}
