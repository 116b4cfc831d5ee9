//! Red5 asks whether a token still counts (RR-1 to RR-4): the bytes of the real client, a new
//! connection for each question, and everything that makes the answer false.

mod behind;
mod callers;
mod ends;
mod groups;
mod many;
mod rooms;
mod words;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::bridge::{Browser, TestBridge};

const NETWORKS: (&str, &str) = ("RED5_ROUND_TRIP_NETWORKS", "127.0.0.0/8");
const ROOMS_IGNORED: (&str, &str) = ("RED5_ROUND_TRIP_ROOM", "ignore");
const BOTH: &[&str] = &["red5-publisher", "red5-subscriber"];

/// A bridge that answers this machine, and does not look at rooms.
async fn start() -> TestBridge {
    start_with(&[]).await
}

async fn start_with(more: &[(&str, &str)]) -> TestBridge {
    let variables = [&[NETWORKS, ROOMS_IGNORED], more].concat();
    TestBridge::start_with(&variables).await
}

/// Ann may publish and watch in the studio; her browser.
async fn ann(bridge: &TestBridge) -> Browser {
    bridge
        .map("crew", BOTH, &["RTMP", "WHEP", "WHIP"], &["studio-1"])
        .await;
    bridge.provider.person("ann").groups(["crew"]);
    bridge.signed_in("ann").await
}

async fn token(browser: &Browser, ask: Value) -> String {
    let answer = browser.token(ask).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.json()["access_token"].as_str().unwrap().to_owned()
}

/// A question as the real client writes it.
fn question(token: &str, kind: &str, stream: &str) -> Vec<u8> {
    let members = json!({
        "username": "Ren\u{e9}", "password": "jwt", "token": token, "type": kind,
        "streamID": stream,
    });
    latin_1(&members.to_string())
}

/// Text in ISO-8859-1.
fn latin_1(text: &str) -> Vec<u8> {
    text.chars()
        .map(|c| u8::try_from(u32::from(c)).unwrap())
        .collect()
}

/// Posts over a connection of its own, and gives status and body of the answer.
async fn post(address: &str, path: &str, more: &str, body: &[u8]) -> (u16, String) {
    send(address, &format!("POST {path}"), more, body).await
}

async fn send(address: &str, line: &str, more: &str, body: &[u8]) -> (u16, String) {
    let host = address.strip_prefix("http://").unwrap();
    let mut socket = TcpStream::connect(host).await.unwrap();
    let head = format!(
        "{line} HTTP/1.1\r\nContent-type: application/json\r\nUser-Agent: Java/17.0.9\r\n\
         Host: {host}\r\nAccept: text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2\r\n\
         Connection: close\r\nContent-Length: {}\r\n{more}\r\n",
        body.len()
    );
    let (mut answers, mut requests) = socket.split();
    let mut said = Vec::new();
    let send = async {
        // It may be closed before all is sent.
        let _ = requests.write_all(&[head.as_bytes(), body].concat()).await;
    };
    let receive = async {
        let _ = answers.read_to_end(&mut said).await;
    };
    tokio::join!(send, receive);
    let said = String::from_utf8(said).unwrap();
    let (head, body) = said
        .split_once("\r\n\r\n")
        .unwrap_or_else(|| panic!("no answer: {said}"));
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, body.to_owned())
}

const VALIDATE: &str = "/red5/validateCredentials";

/// What Red5 makes of the answer to these bytes.
async fn says(bridge: &TestBridge, body: &[u8]) -> bool {
    let (status, said) = post(&bridge.address, VALIDATE, "", body).await;
    assert_eq!(status, 200, "{said}");
    let said: Value = serde_json::from_str(&said).unwrap();
    assert_eq!(said.as_object().unwrap().len(), 1, "{said}");
    said["result"].as_bool().unwrap()
}

/// Whether a client may publish with this token.
async fn publishes(bridge: &TestBridge, token: &str) -> bool {
    says(bridge, &question(token, "publisher", "cam")).await
}

/// Whether a client may watch with this token.
async fn watches(bridge: &TestBridge, token: &str) -> bool {
    says(bridge, &question(token, "subscriber", "cam")).await
}

/// The number of questions that were answered so.
async fn counted(bridge: &TestBridge, outcome: &str) -> u64 {
    let ops = Browser::new(bridge.ops_address.as_ref().unwrap());
    let numbers = ops.peek("/metrics").await.body;
    let series = format!("red5_bridge_round_trips_total{{outcome=\"{outcome}\"}} ");
    let line = numbers.lines().find_map(|line| line.strip_prefix(&series));
    line.unwrap().parse().unwrap()
}
