//! Whether a bridge on this machine is ready: for a container's health check,
//! in an image without a shell or curl.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// For the whole answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);

/// Most bytes of an answer that are read; ours has a few hundred.
const ANSWER_MAX: u64 = 16 * 1024;

/// Asks `/readyz`. One line either way: ready, or why not.
///
/// # Errors
/// When it is not ready, or it cannot be known.
pub async fn ask(listen: SocketAddr) -> Result<String, String> {
    if listen.port() == 0 {
        return Err(
            "BRIDGE_LISTEN has port 0, so the port where the bridge listens is not known: set a port"
                .to_owned(),
        );
    }
    let place = reachable(listen);
    let answer = match timeout(ANSWER_TIMEOUT, get(place)).await {
        Ok(Ok(answer)) => answer,
        Ok(Err(error)) => return Err(format!("nothing answers at {place}: {}", error.kind())),
        Err(_late) => {
            return Err(format!(
                "no answer from {place} within {} s",
                ANSWER_TIMEOUT.as_secs()
            ));
        }
    };
    judge(&answer).unwrap_or_else(|| Err(format!("what answers at {place} is no bridge")))
}

/// "All addresses" is no address to connect to.
fn reachable(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, listen.port())
}

async fn get(place: SocketAddr) -> std::io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(place).await?;
    let request = format!("GET /readyz HTTP/1.1\r\nHost: {place}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    stream.take(ANSWER_MAX).read_to_end(&mut answer).await?;
    Ok(answer)
}

/// Nothing where it is not an answer of ours.
fn judge(answer: &[u8]) -> Option<Result<String, String>> {
    let text = std::str::from_utf8(answer).ok()?;
    let (head, body) = text.split_once("\r\n\r\n")?;
    let status = head.strip_prefix("HTTP/1.1 ")?.get(..3)?;
    let body: Value = serde_json::from_str(body).ok()?;
    let word = |member: &str| {
        let word = body.get(member)?.as_str()?;
        Some(crate::visible::visible(word).into_owned())
    };
    let (state, database, provider) = (word("status")?, word("database")?, word("provider")?);
    let line = format!("{state} (database: {database}; provider: {provider})");
    match status {
        "200" => Some(Ok(line)),
        "503" => Some(Err(line)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_addresses_are_asked_at_this_machine() {
        for (listen, asked) in [
            ("0.0.0.0:80", "127.0.0.1:80"),
            ("[::]:80", "[::1]:80"),
            ("127.0.0.1:80", "127.0.0.1:80"),
            ("10.1.2.3:80", "10.1.2.3:80"),
            ("[::1]:80", "[::1]:80"),
        ] {
            let listen: SocketAddr = listen.parse().unwrap();
            assert_eq!(reachable(listen).to_string(), asked);
        }
    }

    #[test]
    fn only_an_answer_of_ours_is_believed() {
        let answer = |status: &str, body: &str| {
            judge(format!("HTTP/1.1 {status} x\r\nA: b\r\n\r\n{body}").as_bytes())
        };
        let ready = r#"{"status":"ready","database":"fresh","provider":"failing"}"#;
        let line = "ready (database: fresh; provider: failing)".to_owned();
        assert_eq!(answer("200", ready), Some(Ok(line)));
        assert!(answer("503", ready).is_some_and(|said| said.is_err()));
        for (status, body) in [
            ("200", "ok"),
            ("200", "{}"),
            ("404", ready),
            ("302", ready),
            (
                "200",
                r#"{"status":1,"database":"fresh","provider":"ready"}"#,
            ),
        ] {
            assert_eq!(answer(status, body), None, "{status} {body}");
        }
        for odd in [&b""[..], b"\xff\xff", b"SSH-2.0-OpenSSH_9.2\r\n"] {
            assert_eq!(judge(odd), None);
        }
    }
}
