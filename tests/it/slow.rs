//! A client that sends slowly, or nothing, holds up no other and is cut off in time (AV-3).

use std::time::Duration;

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::bridge::{Browser, ORIGIN, TestBridge};
use crate::database::{as_served, new_database};
use crate::eventually::in_time;
use crate::process::Process;
use crate::raw::{connect, statuses};

const HEAD: &str = "GET /livez HTTP/1.1\r\nHost: bridge.example\r\n";

/// Sends `first`, then `drop` again and again, until the bridge closes; what it said.
async fn drip(mut socket: TcpStream, first: String, drop: &'static str) -> String {
    let mut said = Vec::new();
    socket.write_all(first.as_bytes()).await.unwrap();
    let (mut answers, mut requests) = socket.split();
    let send = async {
        while requests.write_all(drop.as_bytes()).await.is_ok() {
            // A drop now and then, as a slow client sends them.
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
        std::future::pending::<()>().await;
    };
    let receive = async {
        let _ = answers.read_to_end(&mut said).await;
    };
    let ended = async {
        tokio::select! {
            () = send => {},
            () = receive => {},
        }
    };
    in_time(&format!("{first:?} with {drop:?} is closed"), ended).await;
    String::from_utf8_lossy(&said).into_owned()
}

/// Another client is served while `slow` goes on.
async fn meanwhile<T: 'static>(bridge: &TestBridge, slow: &mut JoinSet<T>) -> Vec<T> {
    let others = bridge.browser();
    let mut ended = Vec::new();
    loop {
        assert_eq!(others.peek("/readyz").await.status, 200);
        match timeout(Duration::from_millis(200), slow.join_next()).await {
            Ok(Some(one)) => ended.push(one.unwrap()),
            Ok(None) => return ended,
            Err(_) => {}
        }
    }
}

#[tokio::test]
async fn av_3_a_head_that_drips_is_cut_off_also_a_later_one_and_so_is_a_body_that_is_not_read() {
    let bridge = TestBridge::start().await;
    let whole = format!("{HEAD}\r\n");
    let unread = "POST /nowhere HTTP/1.1\r\nHost: bridge.example\r\n";
    let chunked = format!("{unread}Transfer-Encoding: chunked\r\n\r\n");
    let length = format!("{unread}Content-Length: 1000000\r\n\r\n");
    let mut slow = JoinSet::new();
    for (first, drop, expected) in [
        (String::new(), "", 408),
        (String::new(), "\r\n", 408),
        ("GET /li".to_owned(), "a", 408),
        (HEAD.to_owned(), "x-a: b\r\n", 408),
        (whole.clone(), "", 200),
        (whole.clone() + HEAD, "x-a: b\r\n", 200),
        (whole + "GET /li", "a", 200),
        (chunked.clone(), "", 404),
        (chunked, "1\r\na\r\n", 404),
        (length.clone(), "", 404),
        (length, "a", 404),
    ] {
        // Several of each, so that they could also get into each other's way.
        for _ in 0..5 {
            let (socket, first) = (connect(&bridge).await, first.clone());
            slow.spawn(async move { (drip(socket, first, drop).await, expected) });
        }
    }
    for (said, expected) in meanwhile(&bridge, &mut slow).await {
        assert_eq!(statuses(&said), [expected], "{said}");
    }
}

#[tokio::test]
async fn av_3_a_body_that_drips_is_waited_for_ten_seconds() {
    let bridge = TestBridge::start().await;
    let row = json!({"match": "everyone", "roles": ["red5-subscriber"], "transports": ["*"], "rooms": ["*"]});
    bridge.add(&row).await;
    let admin = bridge.admin().await;
    let (name, value) = admin.session().unwrap();
    let mut slow = JoinSet::new();
    for (path, kind) in [
        ("/api/token", "application/json"),
        ("/api/admin/mappings", "application/json"),
        ("/portal/token", "application/x-www-form-urlencoded"),
        ("/admin/mappings", "application/x-www-form-urlencoded"),
        ("/auth/logout", "application/x-www-form-urlencoded"),
    ] {
        for (framing, drop) in [
            ("Content-Length: 60000\r\n\r\n{", " "),
            ("Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n", "1\r\n \r\n"),
        ] {
            let first = format!(
                "POST {path} HTTP/1.1\r\nHost: bridge.example\r\nCookie: {name}={value}\r\n\
                 Origin: {ORIGIN}\r\nX-Red5-Bridge: 1\r\nContent-Type: {kind}\r\n{framing}"
            );
            let socket = connect(&bridge).await;
            slow.spawn(async move { drip(socket, first, drop).await });
        }
    }
    for said in meanwhile(&bridge, &mut slow).await {
        assert_eq!(statuses(&said), [400], "{said}");
    }
    assert_eq!(admin.peek("/api/session").await.status, 200);
    assert_eq!(bridge.count("mappings").await, 1);
}

/// How many idle connections this test's process has files for: three each,
/// both ends being in it, and other tests need some.
fn idle_connections() -> usize {
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let files = limits
        .lines()
        .find_map(|line| line.strip_prefix("Max open files"))
        .and_then(|line| line.split_whitespace().next()?.parse().ok());
    (files.unwrap_or(1024) / 8).min(2000)
}

#[tokio::test]
async fn av_3_idle_connections_hold_up_no_request_and_are_closed() {
    let bridge = TestBridge::start().await;
    bridge.provider.person("ann");
    let ann = bridge.signed_in("ann").await;
    let mut idle = JoinSet::new();
    for _ in 0..idle_connections() {
        let socket = connect(&bridge).await;
        idle.spawn(async move { drip(socket, String::new(), "").await });
    }
    assert_eq!(ann.peek("/api/session").await.status, 200);
    let ended = meanwhile(&bridge, &mut idle).await;
    assert_eq!(ended.len(), idle_connections());
}

#[tokio::test]
async fn av_3_connections_beyond_the_files_wait_and_the_database_keeps_its_own() {
    let database_url = as_served(&new_database().await);
    let process = Process::start_with_files(&database_url, 256).await;
    let address = process.address.strip_prefix("http://").unwrap().to_owned();
    let others = Browser::new(&process.address);
    let mut idle = JoinSet::new();
    for _ in 0..70 {
        let socket = TcpStream::connect(&address).await.unwrap();
        idle.spawn(async move { drip(socket, HEAD.to_owned(), "").await });
    }
    // It waits for a place: each of the others has one for some seconds.
    let asked = in_time("it has a place", others.peek("/readyz")).await;
    assert_eq!(asked.status, 200);
    let log = process.log();
    assert!(log.contains("at most 28 connections"), "{log:.2000}");
    assert!(!log.contains("Too many open files"));
}
