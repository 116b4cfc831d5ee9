//! A user who is no administrator gets nothing of the administration, by
//! whatever path, method or header.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::bridge::{ADMIN_GROUP, Browser, ORIGIN, TestBridge};
use crate::problem::problem;

/// The name of a group that only administrators may see.
const HUSH: &str = "hush-hush";

/// The headers of a request of our own pages, so that nothing but the missing
/// right is in its way.
const OURS: [(&str, &str); 3] = [
    ("origin", ORIGIN),
    ("x-red5-bridge", "1"),
    ("content-type", "application/json"),
];

/// Every address of the administration, as the source writes it: a route that
/// is added is in the matrix by itself.
fn routes(id: &str) -> BTreeSet<String> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/web");
    let files = std::fs::read_dir(source)
        .unwrap()
        .map(|file| file.unwrap().path());
    let files = files.filter(|path| path.extension().is_some_and(|extension| extension == "rs"));
    let source: String = files
        .map(|path| std::fs::read_to_string(path).unwrap())
        .collect();
    let literals = source
        .split('"')
        .filter(|text| text.starts_with("/admin") || text.starts_with("/api/admin"))
        // Those are addresses that answers are made of.
        .filter(|text| !text.contains("{}"));
    let routes: BTreeSet<String> = literals.map(|route| route.replace("{id}", id)).collect();
    assert!(routes.len() >= 7, "{routes:?}");
    routes
}

/// Other ways to write a path.
fn disguises(path: &str) -> Vec<String> {
    let mut all = vec![
        path.to_owned(),
        format!("{path}/"),
        format!("{path}//"),
        format!("/{path}"),
        format!("/.;{path}"),
        format!("/x/..;{path}"),
        format!("/%2e%2e;{path}"),
        format!("{path}?x=/livez"),
        format!("{path}%23/livez"),
        format!("{path}%3f/livez"),
        format!("{path};/livez"),
        format!("{path}%2f..%2flivez"),
        format!("{path}%00"),
        format!("{path}%ff"),
        format!("/livez%2f..{path}"),
    ];
    all.push(path.replace("/admin", "/Admin"));
    all.push(path.replace("/admin", "/%61dmin"));
    all.push(path.replace("/admin", "/%2561dmin"));
    all.push(path.replace("/admin", "//admin"));
    all.push(path.replace("/admin", "/admin/..;"));
    all.push(path.replace("/admin/", "/admin%2f"));
    all
}

/// Walks the whole matrix without the right to anything in it.
async fn is_kept_out(bridge: &TestBridge, browser: &Browser, refused: u16) {
    let row = bridge
        .map(HUSH, &["red5-subscriber"], &["WHEP"], &["lobby"])
        .await;
    let id = row["id"].to_string();
    for route in routes(&id) {
        let plain = browser.send("GET", &route, &OURS, "").await.status;
        // A route that takes no GET says so to everybody.
        assert!(plain == refused || plain == 405, "GET {route}: {plain}");
        for path in disguises(&route) {
            for method in [
                "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE",
            ] {
                let headers = [&OURS[..], &[("if-match", "\"1\"")]].concat();
                let answer = browser.send(method, &path, &headers, "{}").await;
                let status = answer.status;
                assert!(
                    [refused, 403, 404, 405].contains(&status),
                    "{method} {path}: {status}"
                );
                assert!(!answer.body.contains(HUSH), "{method} {path}");
            }
        }
    }
    assert_eq!(bridge.count("mappings").await, 1);
    assert_eq!(bridge.count("audit_log").await, 1);
}

#[tokio::test]
async fn ad_1_a_stranger_gets_nothing_by_any_path_and_method() {
    let bridge = TestBridge::start().await;
    is_kept_out(&bridge, &bridge.browser(), 401).await;
}

#[tokio::test]
async fn ad_1_a_user_who_is_no_administrator_gets_nothing_by_any_path_and_method() {
    let bridge = TestBridge::start().await;
    bridge.provider.person("vic").groups(["viewers"]);
    let vic = bridge.signed_in("vic").await;
    is_kept_out(&bridge, &vic, 403).await;
}

#[tokio::test]
async fn ad_1_an_administrator_gets_all_of_it() {
    let bridge = TestBridge::start().await;
    let row = bridge
        .map(HUSH, &["red5-subscriber"], &["WHEP"], &["lobby"])
        .await;
    let admin = bridge.admin().await;
    let id = row["id"].to_string();
    let sessions = admin.peek("/api/admin/sessions").await.json();
    let session = sessions["items"][0]["id"].as_str().unwrap();
    let people = admin.peek("/api/admin/people").await.json();
    let root = people["items"][0]["id"].as_str().unwrap();
    let person = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("issuer", bridge.provider.issuer())
        .append_pair("subject", "other")
        .finish();
    let block = json!({
        "issuer": bridge.provider.issuer(), "subject": "other", "reason": "x",
    });
    let blocked = admin.api("POST", "/api/admin/blocks", &block).await;
    assert_eq!(blocked.status, 201);
    let test = json!({"name": "nothing", "given": {}, "cannot": [{"role": "red5-publisher", "room": "*"}]});
    let test = admin.api("POST", "/api/admin/tests", &test).await.json();
    let test = format!("/{}", test["id"]);
    let client = json!({"id": id, "name": "app", "kind": "public", "grants": ["token_exchange"]});
    let made = admin.api("POST", "/api/admin/clients", &client).await;
    assert_eq!(made.status, 201, "{}", made.body);
    for route in routes(&id) {
        // No session, person or test has the number of a mapping; a question needs its words.
        let route = match route.as_str() {
            "/admin/blocks/lift" => format!("{route}?{person}"),
            "/api/admin/who-can" => format!("{route}?role=red5-subscriber&room=lobby"),
            of_person if of_person.contains("/people/") => {
                route.replace(&format!("/{id}"), &format!("/{root}"))
            }
            of_test if of_test.contains("/tests/") => route.replace(&format!("/{id}"), &test),
            of_session if of_session.contains("/sessions/") => {
                route.replace(&format!("/{id}"), &format!("/{session}"))
            }
            _ => route,
        };
        let answer = admin.peek(&route).await;
        assert!(
            [200, 303, 405].contains(&answer.status),
            "{route}: {}",
            answer.status
        );
    }
    for route in [
        "/admin/mappings",
        &format!("/admin/mappings/{id}"),
        "/api/admin/mappings",
    ] {
        assert!(admin.peek(route).await.body.contains(HUSH), "{route}");
    }
}

#[tokio::test]
async fn ad_1_sc_6_no_header_opens_a_door() {
    let bridge = TestBridge::start().await;
    bridge.provider.person("vic").groups(["viewers"]);
    let row = bridge
        .map(HUSH, &["red5-subscriber"], &["WHEP"], &["lobby"])
        .await;
    let people = [
        (bridge.browser(), 401),
        (bridge.signed_in("vic").await, 403),
    ];
    let one = format!("/api/admin/mappings/{}", row["id"]);
    let tricks = [
        ("x-http-method-override", "GET"),
        ("x-http-method-override", "OPTIONS"),
        ("x-http-method", "HEAD"),
        ("x-original-url", "/livez"),
        ("x-rewrite-url", "/livez"),
        ("x-forwarded-uri", "/livez"),
        ("x-forwarded-for", "127.0.0.1"),
        ("forwarded", "for=127.0.0.1;host=localhost"),
        ("x-forwarded-user", "root"),
        ("x_forwarded_user", "root"),
        ("x-forwarded-groups", ADMIN_GROUP),
        ("authorization", "Basic cm9vdDpyb290"),
        ("user-agent", "kube-probe/1.31"),
        ("user-agent", "GoogleHC/1.0"),
        ("user-agent", "ELB-HealthChecker/2.0"),
        ("connection", "close, cookie"),
    ];
    for (browser, refused) in &people {
        for trick in tricks {
            for path in ["/admin/mappings", "/api/admin/mappings", &one] {
                let answer = browser.send("GET", path, &[trick], "").await;
                assert_eq!(answer.status, *refused, "{trick:?} {path}");
                assert!(!answer.body.contains(HUSH));
            }
            let headers = [&OURS[..], &[("if-match", "\"1\""), trick]].concat();
            let answer = browser.send("POST", &one, &headers, "{}").await;
            assert_eq!(answer.status, 405);
        }
        // The other way round: an open address stays what it is.
        let answer = browser
            .send(
                "GET",
                "/livez",
                &[("x-original-url", "/admin/mappings")],
                "",
            )
            .await;
        assert_eq!(answer.json(), json!({"status": "live"}));
    }
    assert_eq!(bridge.count("mappings").await, 1);
}

#[tokio::test]
async fn ad_1_dots_in_a_raw_path_lead_nowhere() {
    let bridge = TestBridge::start().await;
    bridge
        .map(HUSH, &["red5-subscriber"], &["WHEP"], &["lobby"])
        .await;
    for path in [
        "/livez/../admin/mappings",
        "/livez/%2e%2e/admin/mappings",
        "/./admin/mappings",
        "/admin/./mappings",
        "\\admin\\mappings",
        "http://bridge.example/admin/mappings",
        "/admin/mappings#/livez",
    ] {
        let address = bridge.address.strip_prefix("http://").unwrap();
        let mut socket = tokio::net::TcpStream::connect(address).await.unwrap();
        let request =
            format!("GET {path} HTTP/1.1\r\nhost: bridge.example\r\nconnection: close\r\n\r\n");
        socket.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        socket.read_to_string(&mut answer).await.unwrap();
        let status = answer.split(' ').nth(1).unwrap();
        assert!(["400", "401", "404"].contains(&status), "{path}: {status}");
        assert!(!answer.contains(HUSH));
    }
}

#[tokio::test]
async fn ad_1_a_page_leads_a_stranger_to_sign_in_and_shows_nothing_else() {
    let bridge = TestBridge::start().await;
    let answer = bridge.browser().peek("/admin/mappings?limit=5").await;
    assert_eq!(answer.status, 401);
    assert!(
        answer
            .body
            .contains("/auth/login?return_to=%2Fadmin%2Fmappings%3Flimit%3D5")
    );
    let answer = bridge.browser().peek("/api/admin/mappings").await;
    let body = problem(&answer, 401, "not_signed_in", &["login_url"]);
    assert_eq!(body["login_url"], "https://bridge.example/auth/login");
}
