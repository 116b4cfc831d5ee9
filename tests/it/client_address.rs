//! The client's address is what a trusted proxy says, and no other (LG-6).

use serde_json::json;

use crate::bridge::{Browser, TestBridge};

/// What the audit log says of an edit that came with these headers.
async fn noted(bridge: &TestBridge, admin: &Browser, headers: &[(&str, &str)]) -> String {
    let number = bridge.count("mappings").await;
    let row = json!({"group": format!("g{number}"), "match": "exact", "roles": ["red5-subscriber"],
                     "transports": ["WHEP"], "rooms": ["lobby"]});
    let answer = admin
        .api_with("POST", "/api/admin/mappings", headers, &row)
        .await;
    assert_eq!(answer.status, 201, "{}", answer.body);
    let newest = "SELECT client_ip FROM audit_log ORDER BY id DESC LIMIT 1";
    sqlx::query_scalar(newest)
        .fetch_one(&bridge.db)
        .await
        .unwrap()
}

#[tokio::test]
async fn lg_6_without_a_trusted_proxy_no_header_is_believed() {
    let bridge = TestBridge::start_with(&[("BRIDGE_TRUSTED_PROXIES", "192.0.2.0/24")]).await;
    let admin = bridge.admin().await;
    for headers in [
        &[][..],
        &[("x-forwarded-for", "198.51.100.1")],
        &[("x-real-ip", "198.51.100.1")],
        &[("forwarded", "for=198.51.100.1")],
        &[
            ("true-client-ip", "198.51.100.1"),
            ("cf-connecting-ip", "198.51.100.1"),
        ],
    ] {
        assert_eq!(
            noted(&bridge, &admin, headers).await,
            "127.0.0.1",
            "{headers:?}"
        );
    }
}

#[tokio::test]
async fn lg_6_a_trusted_proxy_is_believed_in_one_header() {
    let trusted = [("BRIDGE_TRUSTED_PROXIES", "127.0.0.0/8, 10.0.0.0/8")];
    let bridge = TestBridge::start_with(&trusted).await;
    let admin = bridge.admin().await;
    for (headers, client) in [
        (&[("x-forwarded-for", "198.51.100.1")][..], "198.51.100.1"),
        (
            &[("x-forwarded-for", "6.6.6.6, 198.51.100.1, 10.0.0.9")],
            "198.51.100.1",
        ),
        (
            &[
                ("x-forwarded-for", "6.6.6.6"),
                ("x-forwarded-for", "[2001:db8::7]:443"),
            ],
            "2001:db8::7",
        ),
        (&[("x-forwarded-for", "198.51.100.1, what")], "127.0.0.1"),
        (&[("x-forwarded-for", "")], "127.0.0.1"),
        // What is spelled otherwise is another header, which no proxy strips.
        (&[("x_forwarded_for", "198.51.100.1")], "127.0.0.1"),
        (&[("x-real-ip", "198.51.100.1")], "127.0.0.1"),
        (&[("forwarded", "for=198.51.100.1")], "127.0.0.1"),
        // A header named as of this connection alone still counts: it is read, not passed on.
        (
            &[
                ("connection", "close, x-forwarded-for"),
                ("x-forwarded-for", "198.51.100.1"),
            ],
            "198.51.100.1",
        ),
    ] {
        assert_eq!(noted(&bridge, &admin, headers).await, client, "{headers:?}");
    }
}

#[tokio::test]
async fn lr_10_lg_6_not_even_a_trusted_proxy_decides_an_address_of_ours_or_a_cookie() {
    let bridge = TestBridge::start_with(&[("BRIDGE_TRUSTED_PROXIES", "127.0.0.1")]).await;
    let headers = [
        ("host", "evil.example"),
        ("x-forwarded-for", "198.51.100.1"),
        ("x-forwarded-host", "evil.example"),
        ("x-forwarded-proto", "http"),
        ("x-forwarded-port", "81"),
        ("forwarded", "for=198.51.100.1;host=evil.example;proto=http"),
    ];
    let answer = bridge
        .browser()
        .send("GET", "/auth/login", &headers, "")
        .await;
    let asked: std::collections::BTreeMap<_, _> =
        answer.location().query_pairs().into_owned().collect();
    assert_eq!(
        asked["redirect_uri"],
        "https://bridge.example/auth/callback"
    );
    let cookie = &answer.set_cookies()[0];
    assert!(
        cookie.starts_with("__Host-") && cookie.contains("; Secure;"),
        "{cookie}"
    );
}
