//! CORS of `/oauth2/*` (CS-5), and how often a client may ask.

use serde_json::json;
use tokio::task::JoinSet;

use super::{REDIRECT_URI, VERIFIER, ann_and_app, error, form, post, register};
use crate::bridge::TestBridge;

const OWN: &str = "https://studio.example";

#[tokio::test]
async fn cs_5_a_page_of_the_clients_own_origin_alone_reads_its_answers() {
    let (bridge, _, app) = ann_and_app().await;
    register(
        &bridge,
        json!({"redirect_uris": ["https://other.example/x"]}),
    )
    .await;
    register(
        &bridge,
        json!({"redirect_uris": ["https://off.example/x"], "enabled": false}),
    )
    .await;
    let fields = [
        ("client_id", app.id.as_str()),
        ("grant_type", "refresh_token"),
        ("refresh_token", "x"),
    ];
    for (origin, reads) in [
        (OWN, true),
        ("https://other.example", false),
        ("https://off.example", false),
        ("https://studio.example.evil", false),
        ("http://studio.example", false),
        ("https://studio.example:8443", false),
        ("HTTPS://STUDIO.EXAMPLE", false),
        ("null", false),
    ] {
        let answer = post(&bridge, "/oauth2/token", &[("origin", origin)], &fields).await;
        let allowed = answer.has("access-control-allow-origin");
        assert_eq!(allowed, reads, "{origin}");
        if reads {
            assert_eq!(answer.header("access-control-allow-origin"), OWN);
        }
        assert!(
            answer
                .headers
                .get_all("vary")
                .iter()
                .any(|vary| vary == "Origin")
        );
        assert!(
            !answer.has("access-control-allow-credentials"),
            "never with credentials"
        );
    }
}

#[tokio::test]
async fn cs_5_a_preflight_and_the_metadata_know_the_origins_of_all_enabled_clients() {
    let (bridge, _, _) = ann_and_app().await;
    register(
        &bridge,
        json!({"redirect_uris": ["https://off.example/x"], "enabled": false}),
    )
    .await;
    for path in [
        "/oauth2/token",
        "/oauth2/revoke",
        "/.well-known/oauth-authorization-server",
    ] {
        for (origin, allowed) in [
            (OWN, true),
            ("https://off.example", false),
            ("https://evil.example", false),
        ] {
            let headers = [
                ("origin", origin),
                ("access-control-request-method", "POST"),
            ];
            let answer = bridge.browser().send("OPTIONS", path, &headers, "").await;
            assert_eq!(answer.status, 204);
            assert_eq!(
                answer.has("access-control-allow-origin"),
                allowed,
                "{path} {origin}"
            );
        }
    }
}

#[tokio::test]
async fn cs_4_the_origin_of_a_client_opens_nothing_that_goes_by_cookie() {
    let (_bridge, ann, _) = ann_and_app().await;
    let headers = [
        ("origin", OWN),
        ("x-red5-bridge", "1"),
        ("content-type", "application/json"),
    ];
    let answer = ann.send("POST", "/api/token", &headers, "{}").await;
    assert_eq!(
        (answer.status, answer.code().as_str()),
        (403, "forbidden_origin")
    );
    assert!(!answer.has("access-control-allow-origin"));
}

#[tokio::test]
async fn a_page_of_a_clients_origin_may_be_where_a_sign_in_comes_back_to() {
    let (bridge, _, _) = ann_and_app().await;
    let browser = bridge.browser();
    let good = browser
        .peek("/auth/login?return_to=https%3A%2F%2Fstudio.example%2Fplayer")
        .await;
    assert_eq!(good.status, 303);
    let bad = browser
        .peek("/auth/login?return_to=https%3A%2F%2Fevil.example%2F")
        .await;
    assert_eq!(bad.status, 400);
}

#[tokio::test]
async fn av_1_one_code_is_tried_sixty_times_and_a_client_has_a_rate_of_its_own() {
    let bridge = TestBridge::start_with(&[("BRIDGE_RATE_LIMITS", "on")]).await;
    let app = register(&bridge, json!({})).await;
    let fields = [
        ("grant_type", "authorization_code"),
        ("code", "guess"),
        ("redirect_uri", REDIRECT_URI),
        ("code_verifier", VERIFIER),
    ];
    let mut requests = JoinSet::new();
    for _ in 0..200 {
        let (browser, body) = (
            bridge.browser(),
            form(&[&[("client_id", app.id.as_str())][..], &fields].concat()),
        );
        requests.spawn(async move {
            let headers = [("content-type", "application/x-www-form-urlencoded")];
            browser.send("POST", "/oauth2/token", &headers, &body).await
        });
    }
    let answers = requests.join_all().await;
    let limited: Vec<_> = answers
        .iter()
        .filter(|answer| answer.status == 429)
        .collect();
    // Two more are let through in each second that the test takes.
    assert!((1..=140).contains(&limited.len()), "{}", limited.len());
    assert_eq!(error(limited[0]).1, "temporarily_unavailable");
    assert!(limited[0].has("retry-after"));
    // Another code is another bucket.
    let mut other = fields;
    other[1].1 = "another guess";
    assert_eq!(app.ask(&bridge, &other).await.status, 400);
}
