//! Who may read an answer: exactly the allowed apps, and nothing of the
//! administration.

use super::{APP, JSON, SCRIPT, signed_in_viewer};
use crate::bridge::{APP_ORIGIN, Answer, TestBridge};

fn no_cors(answer: &Answer) {
    let cors = answer
        .headers
        .keys()
        .find(|name| name.as_str().starts_with("access-control-"));
    assert_eq!(cors, None);
}

#[tokio::test]
async fn cs_5_only_an_exactly_allowed_origin_may_read_an_answer() {
    let bridge = TestBridge::start().await;
    let vic = signed_in_viewer(&bridge).await;
    let stranger = bridge.browser();
    let calls = [
        ("GET", "/api/session"),
        ("POST", "/api/token"),
        ("OPTIONS", "/api/session"),
        ("OPTIONS", "/api/token"),
    ];

    for (method, path) in calls {
        for origin in [
            "https://app.example.evil",
            "https://evilapp.example",
            "http://app.example",
            "https://app.example:8443",
            "https://app.example:443",
            "https://app.example/",
            "https://app.example.",
            "null",
            "*",
            "HTTPS://APP.EXAMPLE",
        ] {
            let headers = [JSON, SCRIPT, ("origin", origin)];
            let answer = vic.send(method, path, &headers, "").await;
            no_cors(&answer);
            assert_eq!(answer.header("vary"), "Origin", "{method} {path}");
        }
        no_cors(&vic.send(method, path, &[JSON, SCRIPT, APP, APP], "").await);
        no_cors(
            &vic.send(
                method,
                path,
                &[JSON, SCRIPT, APP, ("origin", "https://evil.example")],
                "",
            )
            .await,
        );
        for browser in [&vic, &stranger] {
            let answer = browser.send(method, path, &[JSON, SCRIPT, APP], "").await;
            assert_eq!(answer.header("access-control-allow-origin"), APP_ORIGIN);
            assert_eq!(answer.header("access-control-allow-credentials"), "true");
            assert_eq!(answer.header("vary"), "Origin");
        }
    }
}

#[tokio::test]
async fn cs_5_a_preflight_allows_what_the_call_needs_and_nothing_more() {
    let bridge = TestBridge::start().await;
    let answer = bridge
        .browser()
        .send("OPTIONS", "/api/token", &[APP], "")
        .await;
    assert_eq!((answer.status, answer.body.as_str()), (204, ""));
    assert_eq!(answer.header("access-control-allow-methods"), "POST");
    assert_eq!(
        answer.header("access-control-allow-headers"),
        "content-type, x-red5-bridge"
    );
    let answer = bridge
        .browser()
        .send("OPTIONS", "/api/session", &[APP], "")
        .await;
    assert_eq!(answer.header("access-control-allow-methods"), "GET");
}

#[tokio::test]
async fn cs_6_nothing_of_the_administration_can_be_read_by_an_app() {
    let bridge = TestBridge::start().await;
    let row = bridge.map_lobby().await;
    let admin = bridge.admin().await;
    let one = format!("/api/admin/mappings/{}", row["id"]);
    for path in [
        "/api/admin/mappings",
        &one,
        "/admin/mappings",
        "/",
        "/auth/login",
        "/livez",
    ] {
        for method in ["OPTIONS", "GET", "POST", "PUT", "DELETE"] {
            let headers = [APP, JSON, SCRIPT, ("access-control-request-method", "POST")];
            no_cors(&admin.send(method, path, &headers, "{}").await);
        }
    }
}
