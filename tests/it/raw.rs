//! A connection as no HTTP client of ours makes one: bytes in, answers out.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::bridge::TestBridge;

/// Connects to the bridge.
pub async fn connect(bridge: &TestBridge) -> TcpStream {
    let address = bridge.address.strip_prefix("http://").unwrap();
    TcpStream::connect(address).await.unwrap()
}

/// Sends the bytes and reads until the bridge closes; what it said. A
/// connection that was reset said what came before.
pub async fn converse(bridge: &TestBridge, bytes: &[u8]) -> String {
    let mut socket = connect(bridge).await;
    let (mut answers, mut requests) = socket.split();
    let mut said = Vec::new();
    let send = async {
        // It may be closed before all is sent.
        let _ = requests.write_all(bytes).await;
    };
    let receive = async {
        let _ = answers.read_to_end(&mut said).await;
    };
    tokio::join!(send, receive);
    String::from_utf8_lossy(&said).into_owned()
}

/// The status of each answer of a conversation. What is in bodies does not
/// look like a status line of ours.
pub fn statuses(said: &str) -> Vec<u16> {
    said.split("HTTP/1.1 ")
        .skip(1)
        .map(|answer| answer[..3].parse().unwrap())
        .collect()
}
