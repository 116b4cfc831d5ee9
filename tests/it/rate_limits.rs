//! A client that asks too often waits; the others do not notice (AV-1).

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::Instant;

use crate::bridge::{APP_ORIGIN, Answer, Browser, ORIGIN, TestBridge};
use crate::problem::problem;

/// Limits on, and the proxy on this machine believed, so that a test can come
/// from any address.
const LIMITED: [(&str, &str); 2] = [
    ("BRIDGE_RATE_LIMITS", "on"),
    ("BRIDGE_TRUSTED_PROXIES", "127.0.0.1"),
];

const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");

/// Asks until it is too much, at most `most` times; the refusal.
async fn exhaust(
    browser: &Browser,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &str,
    most: usize,
) -> Answer {
    for _ in 0..most {
        let answer = browser.send(method, path, headers, body).await;
        if answer.status == 429 {
            return answer;
        }
    }
    panic!("{method} {path} has no limit below {most}");
}

fn seconds(answer: &Answer) -> u64 {
    answer.header("retry-after").parse().unwrap()
}

#[tokio::test]
async fn av_1_signing_in_is_limited_by_address_and_refused_with_a_page() {
    let bridge = TestBridge::start_with(&LIMITED).await;
    let browser = bridge.browser();
    let flood = ("x-forwarded-for", "198.51.100.1");
    for (method, path) in [
        ("GET", "/oauth2/authorize"),
        ("GET", "/auth/login"),
        ("GET", "/auth/callback?code=a&state=b"),
        ("POST", "/auth/logout"),
    ] {
        let refused = exhaust(&browser, method, path, &[flood, FORM], "", 2000).await;
        assert_eq!(seconds(&refused), 1, "{path}");
        assert_eq!(refused.header("content-type"), "text/html; charset=utf-8");
        assert_eq!(refused.header("cache-control"), "no-store");
        assert!(
            refused.body.contains("Too many requests"),
            "{}",
            refused.body
        );
        assert!(refused.set_cookies().is_empty() && !refused.has("location"));
        // Another client, and the other routes, go on.
        let other = ("x-forwarded-for", "198.51.100.2");
        let answer = browser.send(method, path, &[other, FORM], "").await;
        assert_ne!(answer.status, 429, "{path}");
        assert_eq!(browser.send("GET", "/", &[flood], "").await.status, 200);
    }
}

#[tokio::test]
async fn av_1_the_limit_of_an_ipv6_client_is_that_of_its_network() {
    let bridge = TestBridge::start_with(&LIMITED).await;
    let browser = bridge.browser();
    let mut refused = false;
    for n in 0..2000 {
        let address = format!("2001:db8:0:1::{n:x}");
        let headers = [("x-forwarded-for", address.as_str())];
        let answer = browser.send("GET", "/auth/login", &headers, "").await;
        refused |= answer.status == 429;
        if refused {
            break;
        }
    }
    assert!(refused);
    let neighbour = [("x-forwarded-for", "2001:db8:0:2::1")];
    let answer = browser.send("GET", "/auth/login", &neighbour, "").await;
    assert_eq!(answer.status, 303);
}

#[tokio::test]
async fn av_1_without_a_trusted_proxy_no_header_evades_the_limit() {
    let bridge = TestBridge::start_with(&[("BRIDGE_RATE_LIMITS", "on")]).await;
    let browser = bridge.browser();
    let mut refused = false;
    for n in 0..2000 {
        let address = format!("198.51.{}.{}", n / 200, n % 200);
        let headers = [("x-forwarded-for", address.as_str())];
        let answer = browser.send("GET", "/auth/login", &headers, "").await;
        refused |= answer.status == 429;
        if refused {
            break;
        }
    }
    assert!(refused);
}

#[tokio::test]
async fn av_1_tokens_are_limited_by_session_at_both_doors_and_the_app_may_read_it() {
    let bridge = TestBridge::start_with(&LIMITED).await;
    let row = json!({"match": "everyone", "roles": ["red5-subscriber"], "transports": ["*"], "rooms": ["*"]});
    bridge.add(&row).await;
    bridge.provider.person("ann");
    bridge.provider.person("bob");
    let (ann, bob) = (bridge.signed_in("ann").await, bridge.signed_in("bob").await);
    let form_token = ann.peek("/").await.field("form_token");
    let headers = [
        ("content-type", "application/json"),
        ("x-red5-bridge", "1"),
        ("origin", APP_ORIGIN),
    ];

    let refused = exhaust(&ann, "POST", "/api/token", &headers, "{}", 2000).await;

    problem(&refused, 429, "rate_limited", &[]);
    assert_eq!(seconds(&refused), 1);
    assert_eq!(refused.header("access-control-allow-origin"), APP_ORIGIN);
    // From the same address, another session.
    assert_eq!(bob.token(json!({})).await.status, 200);
    // The portal's form is the same door.
    let form = format!("form_token={form_token}");
    let own = [FORM, ("origin", ORIGIN)];
    let page = exhaust(&ann, "POST", "/portal/token", &own, &form, 100).await;
    assert!(page.body.contains("Too many requests") && !page.body.contains("eyJ"));
    // Looking is another rule.
    assert_eq!(ann.peek("/api/session").await.status, 200);
}

/// Asks for what looks a session up, many at a time on one connection, until one is
/// refused; all answers. However slow the machine is: what the rule lets through in
/// the time that it took is known, and more than that is no limit.
async fn flood(bridge: &TestBridge, request: &str, let_through: u16) -> String {
    const AT_ONCE: usize = 250;
    let address = bridge.address.strip_prefix("http://").unwrap();
    let mut socket = TcpStream::connect(address).await.unwrap();
    let (begun, mut all) = (Instant::now(), String::new());
    loop {
        socket
            .write_all(request.repeat(AT_ONCE).as_bytes())
            .await
            .unwrap();
        let (mut said, mut part) = (String::new(), vec![0; 65536]);
        while said.matches("HTTP/1.1 ").count() < AT_ONCE
            || !(said.ends_with('}') || said.trim_end().ends_with("</html>"))
        {
            let length = socket.read(&mut part).await.unwrap();
            assert!(length > 0, "the connection ended: {said}");
            said.push_str(std::str::from_utf8(&part[..length]).unwrap());
        }
        all.push_str(&said);
        if all.contains("HTTP/1.1 429") {
            return all;
        }
        let taken = all.matches(&format!("HTTP/1.1 {let_through}")).count();
        let took = begun.elapsed();
        let allowed = 3001 + 150 * took.as_millis() / 1000;
        assert!(taken as u128 <= allowed, "{taken} in {took:?}");
        assert!(took.as_secs() < 300, "slower than the limit: {taken}");
    }
}

#[tokio::test]
async fn av_1_what_looks_a_session_up_is_limited_by_address_before_it_is_looked_up() {
    let bridge = TestBridge::start_with(&LIMITED).await;
    let request = "GET /api/session HTTP/1.1\r\nhost: bridge.example\r\n\
                   x-forwarded-for: 198.51.100.1\r\norigin: https://app.example\r\n\r\n";
    let said = flood(&bridge, request, 401).await;
    assert!(said.matches("HTTP/1.1 401").count() >= 3000);
    for refusal in said.split("HTTP/1.1 429").skip(1) {
        // Between two of them a request may have been let through.
        let refusal = refusal.split("HTTP/1.1 401").next().unwrap();
        assert!(refusal.contains("access-control-allow-origin: https://app.example\r\n"));
        assert!(refusal.contains("retry-after: 1\r\n") && refusal.contains("\"rate_limited\""));
    }
    let browser = bridge.browser();
    let flood = ("x-forwarded-for", "198.51.100.1");
    // The health checks answer all the same.
    for path in ["/livez", "/readyz"] {
        assert_eq!(browser.send("GET", path, &[flood], "").await.status, 200);
    }
}

#[tokio::test]
async fn av_1_a_path_that_does_not_exist_is_counted_too() {
    let bridge = TestBridge::start_with(&LIMITED).await;
    for (n, path) in ["/wp-login.php", "/api/nothing"].iter().enumerate() {
        let request = format!(
            "GET {path} HTTP/1.1\r\nhost: bridge.example\r\nx-forwarded-for: 198.51.100.{n}\r\n\r\n"
        );
        let said = flood(&bridge, &request, 404).await;
        assert!(said.contains("retry-after: 1\r\n"), "{path}");
    }
}

#[tokio::test]
async fn av_1_a_path_that_is_written_otherwise_is_counted_by_the_same_rule() {
    let bridge = TestBridge::start_with(&LIMITED).await;
    let browser = bridge.browser();
    let flood = ("x-forwarded-for", "198.51.100.1");
    let refused = exhaust(&browser, "GET", "/auth/%6Cogin", &[flood], "", 2000).await;
    assert_eq!(refused.status, 429);
    let refused = browser.send("GET", "/auth/login", &[flood], "").await;
    assert_eq!(refused.status, 429, "both ways are one address");
}

#[tokio::test]
async fn av_1_changes_of_the_table_are_limited_once_the_right_is_known() {
    let bridge = TestBridge::start_with(&LIMITED).await;
    let admin = bridge.admin().await;
    bridge.provider.person("vic");
    let vic = bridge.signed_in("vic").await;
    let api = [
        ("content-type", "application/json"),
        ("x-red5-bridge", "1"),
        ("origin", ORIGIN),
    ];
    // A request without the right uses up no one's limit.
    for _ in 0..400 {
        let answer = vic.send("POST", "/api/admin/mappings", &api, "x").await;
        assert_eq!(answer.status, 403);
    }

    let refused = exhaust(&admin, "POST", "/api/admin/mappings", &api, "x", 2000).await;

    problem(&refused, 429, "rate_limited", &[]);
    let form = [FORM, ("origin", ORIGIN)];
    let page = exhaust(&admin, "POST", "/admin/mappings", &form, "", 100).await;
    assert!(page.body.contains("Too many requests"));
    assert_eq!(admin.peek("/api/admin/mappings").await.status, 200);
    assert_eq!(bridge.count("audit_log").await, 0);
}

#[tokio::test]
async fn av_1_switched_off_there_is_no_limit() {
    let bridge = TestBridge::start().await;
    let browser = bridge.browser();
    for _ in 0..600 {
        assert_eq!(browser.peek("/auth/login").await.status, 303);
    }
}
