//! `healthcheck`: one line, no other variable than where the bridge listens.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::thread;

use super::{run, said};
use crate::bridge::TestBridge;

fn asked(listen: &str) -> (i32, String) {
    let (code, text) = said(run(&["healthcheck"], &[("BRIDGE_LISTEN", listen)], b""));
    assert_eq!(text.lines().count(), 1, "{text}");
    (code, text)
}

#[tokio::test]
async fn a_ready_bridge_is_ready_and_a_stopped_one_is_not() {
    let bridge = TestBridge::start().await;
    let address = bridge.address.strip_prefix("http://").unwrap().to_owned();
    let port = address.rsplit(':').next().unwrap().to_owned();
    for listen in [&*address, &format!("0.0.0.0:{port}")] {
        let (code, text) = asked(listen);
        assert_eq!(code, 0, "{text}");
        assert!(text.starts_with("ready (database: fresh"), "{text}");
    }
    drop(bridge);
    let (code, text) = asked(&address);
    assert_eq!(code, 1);
    assert!(text.starts_with("nothing answers at 127.0.0.1"), "{text}");
}

/// Answers one connection with this, and then waits for the other end to go.
fn answering(place: &str, answer: &'static str) -> Option<String> {
    let listener = TcpListener::bind(place).ok()?;
    let address = listener.local_addr().unwrap().to_string();
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut request = [0; 1024];
        let length = stream.read(&mut request).unwrap();
        let request = String::from_utf8_lossy(&request[..length]).into_owned();
        assert!(request.starts_with("GET /readyz HTTP/1.1\r\n"), "{request}");
        stream.write_all(answer.as_bytes()).unwrap();
        if answer.is_empty() {
            let _ = stream.read(&mut [0; 16]);
        }
    });
    Some(address)
}

#[test]
fn what_is_not_ready_or_no_bridge_or_silent_is_told_apart() {
    let not_ready = "HTTP/1.1 503 Service Unavailable\r\n\r\n\
        {\"status\":\"not ready\",\"database\":\"unreachable\",\"provider\":\"unknown\"}";
    for (answer, words) in [
        (not_ready, "not ready (database: unreachable"),
        ("HTTP/1.1 200 OK\r\n\r\n<html>", "is no bridge"),
        ("SSH-2.0-OpenSSH_9.2\r\n", "is no bridge"),
        // Says nothing for as long as it is asked.
        ("", "no answer from"),
    ] {
        let address = answering("127.0.0.1:0", answer).unwrap();
        let (code, text) = asked(&address);
        assert_eq!(code, 1);
        assert!(text.contains(words), "{text}");
    }
}

#[test]
fn ipv6_is_asked_too() {
    let ready = "HTTP/1.1 200 OK\r\n\r\n\
        {\"status\":\"ready\",\"database\":\"fresh\",\"provider\":\"ready\"}";
    // A machine without IPv6 has nothing to show here.
    if let Some(address) = answering("[::1]:0", ready) {
        assert_eq!(asked(&address).0, 0);
    }
}

#[test]
fn a_port_that_is_not_known_is_a_finding() {
    let (code, text) = asked("127.0.0.1:0");
    assert_eq!(code, 1);
    assert!(text.contains("port 0"), "{text}");
    let output = run(&["healthcheck"], &[("BRIDGE_LISTEN", "nowhere")], b"");
    assert_eq!(output.status.code(), Some(1));
}
