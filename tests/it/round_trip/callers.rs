//! Who may ask, and where (RR-1).

use serde_json::{Value, json};

use super::{ROOMS_IGNORED, VALIDATE, ann, post, question, send, token};
use crate::bridge::{Browser, TestBridge};
use crate::process::refused_start;

const INVALIDATE: &str = "/red5/invalidateCredentials";

fn result(said: &str) -> Value {
    serde_json::from_str::<Value>(said).unwrap()["result"].clone()
}

#[tokio::test]
async fn rr_1_without_networks_no_server_is_answered() {
    let bridge = TestBridge::start().await;
    for path in [VALIDATE, INVALIDATE] {
        let (status, said) = post(&bridge.address, path, "", b"{}").await;
        assert_eq!(status, 403, "{said}");
        assert!(said.contains("forbidden_network"), "{said}");
    }
}

#[tokio::test]
async fn rr_1_the_address_of_the_connection_decides_whatever_the_caller_says() {
    let networks = ("RED5_ROUND_TRIP_NETWORKS", "198.51.100.0/24, 2001:db8::/32");
    let bridge = TestBridge::start_with(&[networks, ROOMS_IGNORED]).await;
    let good = token(&ann(&bridge).await, json!({})).await;
    let body = question(&good, "publisher", "cam");
    for spoofed in [
        "",
        "X-Forwarded-For: 198.51.100.7\r\n",
        "Forwarded: for=198.51.100.7\r\n",
        "X-Real-IP: 198.51.100.7\r\n",
        "X-Client-IP: 198.51.100.7\r\nX-Forwarded-For: 2001:db8::1\r\n",
    ] {
        for path in [VALIDATE, INVALIDATE] {
            let (status, said) = post(&bridge.address, path, spoofed, &body).await;
            assert_eq!(status, 403, "{spoofed} {said}");
            assert!(!said.contains("result"), "{said}");
        }
    }
    // Behind a proxy that is trusted, the address that the proxy saw decides.
    let proxies = ("BRIDGE_TRUSTED_PROXIES", "127.0.0.1");
    let behind = bridge.beside(&[networks, ROOMS_IGNORED, proxies]).await;
    for (seen, status) in [
        ("198.51.100.7", 200),
        ("203.0.113.9, 198.51.100.7", 200),
        ("2001:db8::1", 200),
        ("198.51.100.7, 203.0.113.9", 403),
        ("198.51.100.7, made-up", 403),
        ("203.0.113.9", 403),
    ] {
        let header = format!("X-Forwarded-For: {seen}\r\n");
        let answer = post(&behind.address, VALIDATE, &header, &body).await;
        assert_eq!(answer.0, status, "{seen}: {}", answer.1);
        assert_eq!(answer.1.contains("true"), status == 200, "{seen}");
    }
}

#[tokio::test]
async fn rr_1_a_stranger_is_refused_before_the_body_is_read() {
    let bridge = TestBridge::start().await;
    let body = vec![b' '; 1024 * 1024];
    let (status, _) = post(&bridge.address, VALIDATE, "", &body).await;
    assert_eq!(status, 403);
}

#[tokio::test]
async fn a_listener_for_red5_serves_the_two_questions_at_its_root_and_nothing_else() {
    let listen = ("BRIDGE_RED5_LISTEN", "127.0.0.1:0");
    let bridge = super::start_with(&[listen]).await;
    let red5 = bridge.red5_address.clone().unwrap();
    let good = token(&ann(&bridge).await, json!({})).await;
    let body = question(&good, "publisher", "cam");
    for slashes in ["/", "//"] {
        let path = format!("{slashes}validateCredentials");
        let (status, said) = post(&red5, &path, "", &body).await;
        assert_eq!((status, result(&said)), (200, json!(true)), "{path}");
        let (_, said) = post(&red5, &path, "", b"{}").await;
        assert_eq!(result(&said), json!(false), "{path}");
        let path = format!("{slashes}invalidateCredentials");
        let (status, said) = post(&red5, &path, "", b"{}").await;
        assert_eq!((status, result(&said)), (200, json!(true)), "{path}");
        let browser = Browser::new(&red5);
        for method in ["GET", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH"] {
            let answer = browser.send(method, &path, &[], "").await;
            assert_eq!(answer.status, 405, "{method} {path}");
            assert_eq!(answer.header("allow"), "POST");
        }
    }
    for path in [
        "/",
        "/red5/validateCredentials",
        "///validateCredentials",
        "/validateCredentials/",
        "/validatecredentials",
        "/livez",
        "/readyz",
        "/metrics",
        "/auth/login",
        "/api/token",
        "/admin/mappings",
        "/assets/bridge.css",
    ] {
        for method in ["GET", "POST"] {
            let (status, said) = send(&red5, &format!("{method} {path}"), "", b"").await;
            assert_eq!(status, 404, "{method} {path}: {said}");
        }
    }
    let (status, _) = post(&bridge.address, "/validateCredentials", "", &body).await;
    assert_eq!(status, 404, "at the root of the listener for Red5 alone");
}

#[tokio::test]
async fn rr_1_the_listener_for_red5_answers_the_configured_networks_alone() {
    let listen = ("BRIDGE_RED5_LISTEN", "127.0.0.1:0");
    let networks = ("RED5_ROUND_TRIP_NETWORKS", "198.51.100.0/24");
    let bridge = TestBridge::start_with(&[networks, listen]).await;
    let red5 = bridge.red5_address.clone().unwrap();
    let spoofed = "X-Forwarded-For: 198.51.100.7\r\n";
    let (status, said) = post(&red5, "/validateCredentials", spoofed, b"{}").await;
    assert_eq!(status, 403, "{said}");
}

#[tokio::test]
async fn below_a_base_path_the_questions_are_below_it_too() {
    let url = ("BRIDGE_PUBLIC_URL", "https://bridge.example/base");
    let bridge = super::start_with(&[url]).await;
    let (status, said) = post(&bridge.address, "/base/red5/validateCredentials", "", b"").await;
    assert_eq!((status, result(&said)), (200, json!(false)));
    let (status, _) = post(&bridge.address, VALIDATE, "", b"").await;
    assert_eq!(status, 404);
}

#[tokio::test]
async fn a_taken_address_for_red5_keeps_the_bridge_from_starting_and_is_named() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let output = refused_start(&[super::NETWORKS, ("BRIDGE_RED5_LISTEN", &address)]);
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("BRIDGE_RED5_LISTEN"), "{said}");
}
