//! Every address takes its methods and no other, with and without a session and however the
//! request is spelled (AD-1, LR-8, SC-7).

use std::collections::BTreeSet;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::bridge::{ORIGIN, TestBridge};

/// Every address, with what its 405 says.
const ADDRESSES: &[(&str, &str)] = &[
    ("/", "GET, HEAD"),
    ("/portal/token", "GET, HEAD, POST"),
    // A HEAD of these would begin a sign-in, spend one, or lead on.
    ("/auth/login", "GET"),
    ("/auth/callback", "GET"),
    ("/auth/signed-out", "GET"),
    ("/auth/logout", "POST"),
    ("/auth/somebody-else", "GET"),
    ("/admin/mappings", "GET, HEAD, POST"),
    ("/admin/mappings/new", "GET, HEAD"),
    ("/admin/mappings/selected", "GET, HEAD, POST"),
    ("/admin/mappings/restore", "GET, HEAD, POST"),
    ("/admin/mappings/{id}", "GET, HEAD, POST"),
    ("/admin/mappings/{id}/switch", "GET, HEAD, POST"),
    ("/admin/mappings/{id}/delete", "GET, HEAD, POST"),
    ("/admin/sessions", "GET, HEAD"),
    ("/admin/sessions/end", "GET, HEAD, POST"),
    ("/admin/sessions/{id}", "GET, HEAD"),
    ("/admin/sessions/{id}/end", "GET, HEAD, POST"),
    ("/admin/blocks", "GET, HEAD, POST"),
    ("/admin/blocks/new", "GET, HEAD"),
    ("/admin/blocks/lift", "GET, HEAD, POST"),
    ("/admin/explain", "GET, HEAD"),
    ("/admin/people", "GET, HEAD"),
    ("/admin/people/{id}", "GET, HEAD"),
    ("/admin/who-can", "GET, HEAD"),
    ("/admin/history", "GET, HEAD"),
    ("/admin/tests", "GET, HEAD, POST"),
    ("/admin/tests/new", "GET, HEAD"),
    ("/admin/tests/{id}", "GET, HEAD, POST"),
    ("/admin/tests/{id}/delete", "GET, HEAD, POST"),
    ("/admin/files", "GET, HEAD, POST"),
    ("/admin/files/apply", "GET, HEAD, POST"),
    ("/admin/files/mappings.json", "GET, HEAD"),
    ("/admin/files/mappings.csv", "GET, HEAD"),
    ("/admin/clients", "GET, HEAD, POST"),
    ("/admin/clients/new", "GET, HEAD"),
    ("/admin/clients/{id}/edit", "GET, HEAD, POST"),
    ("/admin/clients/{id}/delete", "GET, HEAD, POST"),
    ("/admin/clients/{id}/secrets", "GET, HEAD, POST"),
    ("/apps", "GET, HEAD"),
    ("/apps/{client}/end", "GET, HEAD, POST"),
    ("/sessions", "GET, HEAD"),
    ("/sessions/end", "GET, HEAD, POST"),
    ("/sessions/{id}/end", "GET, HEAD, POST"),
    ("/docs", "GET, HEAD"),
    ("/docs/errors", "GET, HEAD"),
    ("/openapi.json", "GET, HEAD"),
    ("/assets/{name}", "GET, HEAD"),
    ("/client/red5-bridge.js", "GET, HEAD"),
    ("/api/session", "GET, HEAD, OPTIONS"),
    ("/api/token", "POST, OPTIONS"),
    ("/api/logout", "POST, OPTIONS"),
    ("/api/admin/mappings", "GET, HEAD, POST"),
    ("/api/admin/mappings/changes", "POST"),
    ("/api/admin/mappings/restore", "POST"),
    ("/api/admin/mappings/{id}", "GET, HEAD, PUT, DELETE"),
    ("/api/admin/mappings/{id}/restore", "POST"),
    ("/api/admin/tests", "GET, HEAD, POST"),
    ("/api/admin/tests/{id}", "GET, HEAD, PUT, DELETE"),
    ("/api/admin/sessions", "GET, HEAD, DELETE"),
    ("/api/admin/sessions/{id}", "DELETE"),
    ("/api/admin/clients", "GET, HEAD, POST"),
    ("/api/admin/clients/{id}", "GET, HEAD, PUT, DELETE"),
    ("/api/admin/clients/{id}/secrets", "GET, HEAD, POST"),
    ("/api/admin/clients/{id}/secrets/{secret}", "DELETE"),
    ("/api/admin/explain", "POST"),
    ("/api/admin/audit", "GET, HEAD"),
    ("/api/admin/blocks", "GET, HEAD, POST, DELETE"),
    ("/api/admin/people", "GET, HEAD"),
    ("/api/admin/people/{id}", "GET, HEAD"),
    ("/api/admin/groups", "GET, HEAD"),
    ("/api/admin/who-can", "GET, HEAD"),
    ("/api/admin/clients", "GET, HEAD, POST"),
    ("/api/admin/clients/{id}", "GET, HEAD, PUT, DELETE"),
    ("/api/admin/clients/{id}/secrets", "GET, HEAD, POST"),
    ("/api/admin/clients/{id}/secrets/{secret}", "DELETE"),
    ("/oauth2/authorize", "GET"),
    ("/oauth2/consent", "GET, HEAD, POST"),
    ("/oauth2/token", "POST, OPTIONS"),
    ("/oauth2/revoke", "POST, OPTIONS"),
    ("/oauth2/device_authorization", "POST, OPTIONS"),
    ("/device", "GET, HEAD, POST"),
    ("/device/decide", "GET, HEAD, POST"),
    (
        "/.well-known/oauth-authorization-server",
        "GET, HEAD, OPTIONS",
    ),
    ("/apps", "GET, HEAD"),
    ("/apps/{client}/end", "GET, HEAD, POST"),
    ("/auth/backchannel-logout", "POST"),
    ("/red5/validateCredentials", "POST"),
    ("/red5/invalidateCredentials", "POST"),
    ("/livez", "GET, HEAD"),
    ("/readyz", "GET, HEAD"),
];

const METHODS: &[&str] = &[
    "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "TRACK", "DEBUG",
    "PROPFIND", "get", "BREW", "PRI",
];

/// As another part might take them for the method or the address.
const TRICKS: &[&[(&str, &str)]] = &[
    &[],
    &[
        ("x-http-method-override", "POST"),
        ("x-http-method", "POST"),
        ("x-method-override", "DELETE"),
    ],
    &[
        ("x-original-url", "/livez"),
        ("x-rewrite-url", "/livez"),
        ("x-forwarded-uri", "/livez"),
        ("user-agent", "kube-probe/1.31"),
    ],
];

fn concrete(path: &str, id: &str) -> String {
    let path = path.replace("{id}", id).replace("{name}", "bridge.css");
    path.replace("{client}", "app").replace("{secret}", "x")
}

#[test]
fn the_table_has_every_address_that_the_source_has() {
    let source = include_str!("../../src/web/routes.rs");
    let (_, table) = source.split_once("static ROUTES").unwrap();
    let (table, _) = table.split_once("static OPS").unwrap();
    let table: String = table.split_whitespace().collect();
    let found: BTreeSet<&str> = [
        "page(\"",
        "api(\"",
        "app(\"",
        "oauth(\"",
        "form(\"",
        "red5(\"",
        "Route::new(\"",
    ]
    .iter()
    .flat_map(|begin| table.split(begin).skip(1))
    .filter_map(|rest| rest.split('"').next())
    // Every other address below `/api`.
    .filter(|path| *path != "/api/{rest:.*}")
    .collect();
    let known: BTreeSet<&str> = ADDRESSES.iter().map(|(path, _)| *path).collect();
    assert_eq!(found, known);
}

#[tokio::test]
async fn ad_1_sc_7_a_method_that_an_address_does_not_take_is_405_and_names_those_it_does() {
    let bridge = TestBridge::start().await;
    let row = bridge.map_lobby().await;
    let id = row["id"].to_string();
    bridge.provider.person("vic").groups(["viewers"]);
    let people = [
        bridge.browser(),
        bridge.signed_in("vic").await,
        bridge.admin().await,
    ];
    for (path, allow) in ADDRESSES {
        let path = concrete(path, &id);
        let taken: Vec<&str> = allow.split(", ").collect();
        for method in METHODS.iter().filter(|method| !taken.contains(method)) {
            for browser in &people {
                for trick in TRICKS {
                    let headers = [
                        &[
                            ("origin", ORIGIN),
                            ("x-red5-bridge", "1"),
                            ("x-canary", "sing"),
                        ],
                        *trick,
                    ]
                    .concat();
                    let answer = browser.send(method, &path, &headers, "").await;
                    assert_eq!(answer.status, 405, "{method} {path} {trick:?}");
                    assert_eq!(answer.header("allow"), *allow, "{method} {path}");
                    assert!(answer.set_cookies().is_empty() && !answer.has("location"));
                    assert!(!answer.body.contains("sing"), "{method} {path}");
                }
            }
        }
    }
    for browser in &people[1..] {
        assert_eq!(browser.peek("/api/session").await.status, 200);
    }
    assert_eq!(bridge.count("mappings").await, 1);
    assert_eq!(bridge.count("audit_log").await, 1);
}

/// What a connection says to this request until it is closed.
async fn said(bridge: &TestBridge, method: &str, path: &str, cookie: &str) -> String {
    let address = bridge.address.strip_prefix("http://").unwrap();
    let mut socket = TcpStream::connect(address).await.unwrap();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nhost: bridge.example\r\ncookie: {cookie}\r\nconnection: close\r\n\r\n"
    );
    socket.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test]
async fn a_head_is_the_get_without_its_body() {
    let bridge = TestBridge::start().await;
    let row = bridge.map_lobby().await;
    let id = row["id"].to_string();
    let (name, value) = bridge.admin().await.session().unwrap();
    let cookies = [String::new(), format!("{name}={value}")];
    for (path, _) in ADDRESSES.iter().filter(|(_, allow)| allow.contains("HEAD")) {
        let path = concrete(path, &id);
        for cookie in &cookies {
            let get = said(&bridge, "GET", &path, cookie).await;
            let head = said(&bridge, "HEAD", &path, cookie).await;
            let (get_headers, body) = get.split_once("\r\n\r\n").unwrap();
            let (head_headers, nothing) = head.split_once("\r\n\r\n").unwrap();
            assert_eq!(nothing, "", "{path}");
            assert!(
                !body.is_empty() || get.starts_with("HTTP/1.1 303"),
                "{path}"
            );
            let names = |headers: &str| -> BTreeSet<String> {
                let lines = headers.lines();
                lines
                    .map(|line| line.split(':').next().unwrap().to_lowercase())
                    .collect()
            };
            assert_eq!(names(get_headers), names(head_headers), "{path}");
        }
    }
}

#[tokio::test]
async fn ad_1_other_spellings_of_an_address_are_other_addresses() {
    let bridge = TestBridge::start().await;
    bridge.provider.person("ann");
    let ann = bridge.signed_in("ann").await;
    for (path, _) in ADDRESSES {
        if *path == "/" || path.starts_with("/assets") {
            continue;
        }
        let path = concrete(path, "1");
        let mut spellings = vec![
            format!("{path}/"),
            format!("{path}%2f"),
            format!("{path};x=y"),
            format!("{path}%00"),
            format!("{path}%20"),
            format!("{path}."),
            format!("/{path}"),
            path.to_uppercase(),
        ];
        let first = path.as_bytes()[1];
        spellings.push(path.replacen(char::from(first), &format!("%25{first:02x}"), 1));
        for spelling in spellings {
            for method in ["GET", "POST"] {
                let headers = [("origin", ORIGIN), ("x-red5-bridge", "1")];
                let answer = ann.send(method, &spelling, &headers, "").await;
                // One with a number is asked for the right to it first.
                let refused = [401, 403, 404, 405].contains(&answer.status);
                assert!(refused, "{method} {spelling}: {}", answer.status);
                assert!(
                    answer.set_cookies().is_empty() && !answer.has("location"),
                    "{spelling}"
                );
            }
        }
    }
    assert_eq!(ann.peek("/api/session").await.status, 200);
}
