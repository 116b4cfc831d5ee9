//! SIGTERM (AV-8): what is under way is finished, nothing new is taken, and
//! sessions outlive the process.

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::bridge::{Browser, ORIGIN, path_of};
use crate::database::{as_served, new_database};
use crate::eventually::eventually;
use crate::process::Process;

#[tokio::test]
async fn av_8_sigterm_lets_a_request_finish_takes_no_other_and_keeps_the_sessions() {
    let database_url = as_served(&new_database().await);
    let on = [("BRIDGE_OPS_LISTEN", "127.0.0.1:0")];
    let mut process = Process::start(&database_url, &on).await;
    let mut ann = Browser::new(&process.address);
    process.provider.person("ann").groups(["streaming-admins"]);
    ann.ready().await;
    let begun = eventually("a sign-in begins", async || {
        let begun = ann.get("/auth/login").await;
        (begun.status == 303).then_some(begun)
    })
    .await;
    let back = process.provider.approve(&begun.location(), "ann").await;
    assert_eq!(ann.get(&path_of(&back)).await.status, 303);

    let (name, secret) = ann.session().unwrap();
    let body = json!({"rooms": ["studio-1"]}).to_string();
    let (first, rest) = body.split_at(5);
    let place = process.address.strip_prefix("http://").unwrap().to_owned();
    let mut under_way = TcpStream::connect(&place).await.unwrap();
    let head = format!(
        "POST /api/token HTTP/1.1\r\nhost: x\r\ncookie: {name}={secret}\r\norigin: {ORIGIN}\r\n\
         x-red5-bridge: 1\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\
         expect: 100-continue\r\n\r\n",
        body.len()
    );
    under_way.write_all(head.as_bytes()).await.unwrap();
    // The server says so once it takes the request (RFC 9110 section 10.1.1).
    let mut interim = vec![0; "HTTP/1.1 100 Continue\r\n\r\n".len()];
    under_way.read_exact(&mut interim).await.unwrap();
    assert!(interim.starts_with(b"HTTP/1.1 100"), "{interim:?}");
    under_way.write_all(first.as_bytes()).await.unwrap();

    let ops = Browser::new(&process.ops_address());
    assert_eq!(ops.peek("/readyz").await.status, 200);
    process.terminate();
    process.until_log("event=\"stopping\"").await;
    let told = eventually("it is not ready", async || {
        let told = ops.peek("/readyz").await;
        (told.status == 503).then_some(told)
    })
    .await;
    assert_eq!(told.json()["status"], "stopping");
    eventually("no new connection is taken", async || {
        TcpStream::connect(&place).await.is_err()
    })
    .await;

    under_way.write_all(rest.as_bytes()).await.unwrap();
    let mut answer = String::new();
    under_way.read_to_string(&mut answer).await.unwrap();
    // Nothing is granted to her; what matters is that she is told so.
    assert!(answer.starts_with("HTTP/1.1 403"), "{answer}");
    assert!(answer.contains("no_grant"), "{answer}");
    assert!(process.ended().await.success());

    let again = Process::start(&database_url, &[]).await;
    let mut later = Browser::new(&again.address);
    later.cookies = ann.cookies.clone();
    later.ready().await;
    assert_eq!(later.peek("/api/session").await.status, 200);
}

#[tokio::test]
async fn av_8_a_second_signal_stops_at_once() {
    let database_url = as_served(&new_database().await);
    let mut process = Process::start(&database_url, &[]).await;
    let place = process.address.strip_prefix("http://").unwrap().to_owned();
    // A request whose body does not come would be waited for.
    let mut under_way = TcpStream::connect(&place).await.unwrap();
    let head = "POST /auth/backchannel-logout HTTP/1.1\r\nhost: x\r\n\
                content-type: application/x-www-form-urlencoded\r\ncontent-length: 9\r\n\r\n";
    under_way.write_all(head.as_bytes()).await.unwrap();
    process.terminate();
    process.until_log("event=\"stopping\"").await;
    process.terminate();
    process.until_log("event=\"stopped_at_once\"").await;
    assert!(process.ended().await.success());
    let mut answer = String::new();
    // Cut off, by an end of the connection or by a reset.
    let _ = under_way.read_to_string(&mut answer).await;
    assert_eq!(answer, "");
}
