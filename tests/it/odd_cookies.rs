//! Cookies as no browser of ours sends them (SE-8, SE-9).

mod planted;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::bridge::TestBridge;

const SESSION: &str = "__Host-bridge_session";

/// The status of a request with this `Cookie` line, byte by byte.
async fn status_with(bridge: &TestBridge, path: &str, cookie: &[u8]) -> u16 {
    let address = bridge.address.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).await.unwrap();
    let head =
        format!("GET {path} HTTP/1.1\r\nHost: bridge.example\r\nConnection: close\r\nCookie: ");
    let request = [head.as_bytes(), cookie, b"\r\n\r\n"].concat();
    stream.write_all(&request).await.unwrap();
    let mut answer = Vec::new();
    // What is too large is answered before it was read; the rest of it is not waited for.
    let _ = stream.read_to_end(&mut answer).await;
    let line = String::from_utf8_lossy(&answer).into_owned();
    line.get(9..12)
        .unwrap_or_else(|| panic!("{line:?}"))
        .parse()
        .unwrap()
}

#[tokio::test]
async fn se_8_no_cookie_however_malformed_makes_the_bridge_stumble() {
    let bridge = TestBridge::start().await;
    bridge.provider.person("ann");
    let ann = bridge.signed_in("ann").await;
    let huge = vec![b'a'; 16 * 1024];
    let larger = vec![b'a'; 1024 * 1024];
    for (cookie, expected) in [
        (b"=; ;; __Host-bridge_session=%00".as_slice(), 401),
        (b"__Host-bridge_session=", 401),
        (b"__Host-bridge_session", 401),
        (b"__Host-bridge_session=a; __Host-bridge_session=b", 401),
        (b"__Host-bridge_session=\"quoted\"; $Version=1", 401),
        (b"__Host-bridge_session=\xff\xfe", 401),
        (b"__Host-bridge_session=99999999", 401),
        (
            b"__Host-bridge_login_=x; __Host-bridge_login_\xc3\xa9=y",
            401,
        ),
        (b"__Host-bridge_session=a\x00b", 400),
        (&huge, 401),
        (&larger, 431),
    ] {
        let shown = String::from_utf8_lossy(&cookie[..cookie.len().min(60)]).into_owned();
        let status = status_with(&bridge, "/api/session", cookie).await;
        assert_eq!(status, expected, "{shown:?}");
        for path in [
            "/",
            "/auth/login",
            "/auth/callback?code=a&state=b",
            "/auth/signed-out",
        ] {
            let status = status_with(&bridge, path, cookie).await;
            assert!(status < 500, "{path} {shown:?}: {status}");
        }
    }
    assert_eq!(ann.peek("/api/session").await.status, 200);
}

#[tokio::test]
async fn se_9_two_cookies_of_one_name_are_none() {
    let bridge = TestBridge::start().await;
    bridge.provider.person("ann");
    bridge.provider.person("eve");
    let good = bridge.signed_in("ann").await.session().unwrap().1;
    let eves = bridge.signed_in("eve").await.session().unwrap().1;
    let status = |cookie: String| {
        let bridge = &bridge;
        async move { status_with(bridge, "/api/session", cookie.as_bytes()).await }
    };
    assert_eq!(status(format!("{SESSION}={good}")).await, 200);
    for other in ["x", "", &eves, &good] {
        for (first, second) in [(&*good, other), (other, &*good)] {
            let one_line = format!("{SESSION}={first}; {SESSION}={second}");
            assert_eq!(status(one_line).await, 401, "{other}");
            let two_lines = format!("{SESSION}={first}\r\nCookie: {SESSION}={second}");
            assert_eq!(status(two_lines).await, 401, "{other}");
        }
    }
}

/// Names and pairs that look like the session's cookie, for its value.
fn look_alikes(value: &str) -> Vec<Vec<u8>> {
    let texts = [
        format!("__host-bridge_session={value}"),
        format!("__HOST-BRIDGE_SESSION={value}"),
        format!("__Host-Bridge_Session={value}"),
        format!("bridge_session={value}"),
        format!("__Secure-bridge_session={value}"),
        format!("__Host-bridge_session2={value}"),
        format!("__Host-bridge_session_={value}"),
        format!("__Host-bridge_session_12345678={value}"),
        format!("__Host-bridge_sessions={value}"),
        format!("x__Host-bridge_session={value}"),
        format!("__Host-bridge-session={value}"),
        format!("__Host%2Dbridge_session={value}"),
        format!("\"__Host-bridge_session\"={value}"),
        format!("__Host-bridge_session ={value}"),
        format!("__Host-bridge_session\t={value}"),
        format!("\u{a0}__Host-bridge_session={value}"),
        format!("\u{2003}__Host-bridge_session={value}"),
        format!("__Host-bridge_sess\u{131}on={value}"),
        format!("={value}"),
        format!("=__Host-bridge_session={value}"),
        format!("$Path=/, __Host-bridge_session={value}"),
    ];
    let mut all: Vec<Vec<u8>> = texts.map(String::into_bytes).into();
    all.push([b"\xff__Host-bridge_session=", value.as_bytes()].concat());
    all
}

/// Values that look like the session's.
fn other_values(value: &str) -> [String; 8] {
    [
        format!("\"{value}\""),
        format!("'{value}'"),
        format!(" {value}"),
        format!("{value}="),
        format!("{value}A"),
        value[1..].to_owned(),
        value.replace(|_: char| true, "A"),
        format!("{value},{value}"),
    ]
}

#[tokio::test]
async fn se_8_what_looks_like_the_sessions_cookie_neither_opens_it_nor_hides_it() {
    let bridge = TestBridge::start().await;
    bridge.provider.person("ann");
    let good = bridge.signed_in("ann").await.session().unwrap().1;
    let pair = format!("{SESSION}={good}");
    for alike in look_alikes(&good) {
        let shown = String::from_utf8_lossy(&alike).into_owned();
        let alone = status_with(&bridge, "/api/session", &alike).await;
        assert_eq!(alone, 401, "{shown:?}");
        for both in [
            [&alike, b"; ".as_slice(), pair.as_bytes()],
            [pair.as_bytes(), b"; ", &alike],
        ] {
            let beside = status_with(&bridge, "/api/session", &both.concat()).await;
            assert_eq!(beside, 200, "{shown:?}");
        }
    }
    for value in other_values(&good) {
        let cookie = format!("{SESSION}={value}");
        let status = status_with(&bridge, "/api/session", cookie.as_bytes()).await;
        assert_eq!(status, 401, "{cookie:?}");
    }
}
