//! Bodies and queries in every wrong form: another type, too large, a field
//! twice, no text (AV-2, CS-2, CB-8). Nothing is taken by halves.

use serde_json::json;

use crate::bridge::{Browser, ORIGIN, TestBridge};
use crate::problem::{problem, wrong_fields};
use crate::raw::{converse, statuses};

const OWN: (&str, &str) = ("origin", ORIGIN);
const SCRIPT: (&str, &str) = ("x-red5-bridge", "1");
const FORM: &str = "application/x-www-form-urlencoded";

/// Everything but the one type that an address takes.
const TYPES: &[&str] = &[
    "",
    "text/plain",
    "text/html",
    "multipart/form-data; boundary=x",
    "multipart/form-data",
    "application/xml",
    "application/octet-stream",
    "application/json5",
    "application/ld+json",
    "application/x-www-form-urlencoded2",
    "application/x-www-form-urlencoded, application/json",
    "application/json, text/plain",
    "text/plain; charset=application/json",
    "text/plain; application/x-www-form-urlencoded",
    "json",
    "*/*",
    "application/*",
];

const FORMS: &[&str] = &[
    "/portal/token",
    "/auth/logout",
    "/admin/mappings",
    "/admin/mappings/1",
    "/admin/mappings/1/switch",
    "/admin/mappings/1/delete",
    "/admin/mappings/selected",
    "/admin/mappings/restore",
    "/admin/tests",
    "/admin/tests/1",
    "/admin/tests/1/delete",
    "/admin/clients",
    "/admin/clients/1/edit",
    "/admin/clients/1/delete",
    "/admin/clients/1/secrets",
    "/apps/1/end",
    "/device",
    "/device/decide",
];

const SCRIPTS: &[(&str, &str)] = &[
    ("POST", "/api/token"),
    ("POST", "/api/admin/mappings"),
    ("PUT", "/api/admin/mappings/1"),
    ("DELETE", "/api/admin/mappings/1"),
    ("POST", "/api/admin/clients"),
    ("PUT", "/api/admin/clients/1"),
    ("DELETE", "/api/admin/clients/1"),
    ("POST", "/api/admin/clients/1/secrets"),
    ("DELETE", "/api/admin/clients/1/secrets/1"),
];

async fn with_a_row() -> (TestBridge, Browser) {
    let bridge = TestBridge::start().await;
    let row = json!({"match": "everyone", "roles": ["red5-subscriber"], "transports": ["*"], "rooms": ["*"]});
    bridge.add(&row).await;
    let admin = bridge.admin().await;
    (bridge, admin)
}

async fn is_unchanged(bridge: &TestBridge, admin: &Browser) {
    assert_eq!(admin.peek("/api/session").await.status, 200);
    assert_eq!(bridge.count("mappings").await, 1);
    assert_eq!(bridge.count("audit_log").await, 1);
}

#[tokio::test]
async fn cs_2_every_door_takes_one_type_of_body() {
    let (bridge, admin) = with_a_row().await;
    let token = admin.peek("/").await.field("form_token");
    let form = format!("form_token={token}&version=1&enabled=false");
    for kind in TYPES
        .iter()
        .chain(&["application/json", "application/json; charset=utf-8"])
    {
        for path in FORMS {
            let headers = [OWN, ("content-type", *kind)];
            let answer = admin.send("POST", path, &headers, &form).await;
            assert_eq!(answer.status, 415, "{path} {kind:?}");
        }
    }
    let wish = r#"{"roles":["red5-subscriber"]}"#;
    for kind in TYPES.iter().chain(&[FORM]) {
        for (method, path) in SCRIPTS {
            let headers = [OWN, SCRIPT, ("if-match", "\"1\""), ("content-type", *kind)];
            let answer = admin.send(method, path, &headers, wish).await;
            problem(&answer, 415, "unsupported_media_type", &[]);
        }
    }
    is_unchanged(&bridge, &admin).await;
}

#[tokio::test]
async fn av_2_every_door_has_a_largest_body_and_takes_one_that_large() {
    let (bridge, admin) = with_a_row().await;
    let (name, value) = admin.session().unwrap();
    let scripts = SCRIPTS.iter().map(|(method, path)| {
        let most = if *path == "/api/token" { 64 } else { 256 };
        (*method, *path, "application/json", most * 1024)
    });
    let forms = FORMS.iter().map(|path| ("POST", *path, FORM, 256 * 1024));
    for (method, path, kind, most) in scripts.chain(forms) {
        for (size, is_too_large) in [(most, false), (most + 1, true), (1024 * 1024, true)] {
            // Nothing that could be done: white space, or a field without a name.
            let body = if kind == FORM { "&" } else { " " }.repeat(size);
            let head = format!(
                "{method} {path} HTTP/1.1\r\nHost: bridge.example\r\nConnection: close\r\n\
                 Cookie: {name}={value}\r\nOrigin: {ORIGIN}\r\nX-Red5-Bridge: 1\r\nContent-Type: {kind}\r\n"
            );
            for framed in [
                format!("{head}Content-Length: {size}\r\n\r\n{body}"),
                format!("{head}Transfer-Encoding: chunked\r\n\r\n{size:x}\r\n{body}\r\n0\r\n\r\n"),
            ] {
                let said = converse(&bridge, framed.as_bytes()).await;
                // A connection that is closed with unread bytes may be reset, and the answer lost.
                let status = statuses(&said).first().copied();
                match status {
                    Some(status) => assert_eq!(
                        status == 413,
                        is_too_large,
                        "{method} {path} {size}: {status}"
                    ),
                    None => assert!(is_too_large, "{method} {path} {size}"),
                }
            }
        }
    }
    is_unchanged(&bridge, &admin).await;
}

#[tokio::test]
async fn a_field_that_stands_twice_is_refused_whatever_it_says() {
    let (bridge, admin) = with_a_row().await;
    let token = admin.peek("/").await.field("form_token");
    let form = [
        "/admin/mappings/1",
        "/admin/mappings/1/switch",
        "/admin/mappings/1/delete",
        "/admin/clients/1/edit",
        "/admin/clients/1/delete",
    ];
    for path in form {
        for twice in [
            "version=1&version=1",
            "version=1&version=2",
            "version=1&%76ersion=1",
        ] {
            let rest = "enabled=false&match=everyone&roles=red5-publisher&transports_are=any&rooms_are=any";
            let body = format!("form_token={token}&{rest}&{twice}");
            let headers = [OWN, ("content-type", FORM)];
            let answer = admin.send("POST", path, &headers, &body).await;
            assert_eq!(answer.status, 400, "{path} {twice}");
        }
    }
    for twice in ["enabled=false&enabled=true", "enabled=false&enabled=false"] {
        let body = format!("form_token={token}&version=1&{twice}");
        let headers = [OWN, ("content-type", FORM)];
        let answer = admin
            .send("POST", "/admin/mappings/1/switch", &headers, &body)
            .await;
        assert_eq!(answer.status, 400, "{twice}");
    }
    for twice in [
        r#"{"roles":["red5-subscriber"],"roles":["red5-publisher"]}"#,
        r#"{"roles":["red5-subscriber"],"roles":["red5-subscriber"]}"#,
        r#"{"rooms":["a"],"r\u006foms":["b"]}"#,
    ] {
        for (method, path) in SCRIPTS {
            let headers = [
                OWN,
                SCRIPT,
                ("if-match", "\"1\""),
                ("content-type", "application/json"),
            ];
            let answer = admin.send(method, path, &headers, twice).await;
            wrong_fields(&answer);
        }
    }
    for query in [
        "limit=1&limit=1",
        "limit=1&limit=2",
        "offset=0&offset=5",
        "limit=1&%6cimit=2",
    ] {
        let answer = admin.peek(&format!("/api/admin/mappings?{query}")).await;
        assert_eq!(wrong_fields(&answer).len(), 1, "{query}");
        assert_eq!(
            admin.peek(&format!("/admin/mappings?{query}")).await.status,
            400
        );
    }
    is_unchanged(&bridge, &admin).await;
}

#[tokio::test]
async fn what_is_no_text_is_refused_and_not_mended() {
    let (bridge, admin) = with_a_row().await;
    let token = admin.peek("/").await.field("form_token");
    for broken in ["%ff", "%c3%28", "%ed%a0%80", "%c0%af"] {
        for path in FORMS {
            let body = format!("form_token={token}&version=1&enabled=false&room={broken}");
            let headers = [OWN, ("content-type", FORM)];
            let answer = admin.send("POST", path, &headers, &body).await;
            assert_eq!(answer.status, 400, "{path} {broken}");
        }
        for path in ["/admin/mappings", "/auth/login", "/auth/callback"] {
            let answer = admin.peek(&format!("{path}?x={broken}")).await;
            assert_eq!(answer.status, 400, "{path} {broken}");
        }
        let answer = admin.peek(&format!("/api/admin/mappings?x={broken}")).await;
        wrong_fields(&answer);
    }
    is_unchanged(&bridge, &admin).await;
}

#[tokio::test]
async fn av_7_json_that_is_deep_or_no_json_is_refused() {
    let (bridge, admin) = with_a_row().await;
    let deep = format!("{{\"roles\":{}{}}}", "[".repeat(20_000), "]".repeat(20_000));
    let objects = format!("{}1{}", "{\"a\":".repeat(5000), "}".repeat(5000));
    for body in [
        &deep,
        &objects,
        "[]",
        "null",
        "1",
        "\"x\"",
        "{",
        "{}}",
        "{} {}",
        "{'a':1}",
        "{\"a\":1,}",
        "{\"a\":NaN}",
        "{\"a\":\"\\ud800\"}",
        "\u{feff}{}",
    ] {
        for (method, path) in SCRIPTS {
            let headers = [
                OWN,
                SCRIPT,
                ("if-match", "\"1\""),
                ("content-type", "application/json"),
            ];
            let answer = admin.send(method, path, &headers, body).await;
            assert_eq!(answer.status, 400, "{method} {path} {body:.40}");
        }
    }
    is_unchanged(&bridge, &admin).await;
}
