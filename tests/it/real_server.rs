//! A real Red5 server and a real encoder: ffmpeg publishes over RTMP with what the bridge issues.
//!
//! `scripts/red5-server` prepares both. The server is Red5's open one, with a small adapter in the
//! place of Red5 Pro's plugin, which reads the token by `jjwt` (`tests/red5-server`).

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use crate::bridge::{Browser, RED5_SECRET, TestBridge};

/// A running server; it stops when it is dropped.
struct RealServer {
    child: Child,
    input: Option<ChildStdin>,
    lines: Receiver<String>,
    port: String,
}

/// What is given up after: the server, which says nothing more.
const GIVEN_UP_AFTER: Duration = Duration::from_mins(2);

/// How long an encoder that has ended may leave the server without a decision, before it is started again: a
/// connection that broke before the server was asked says nothing about the token.
const NOT_ASKED_AFTER: Duration = Duration::from_secs(20);

/// How often an encoder is started for one decision.
const STARTS: usize = 3;

impl RealServer {
    fn start() -> Self {
        let mut child = Command::new("java")
            .args(["-cp", ".local/red5-server:.local/red5-server/*", "Server"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| panic!("java: {error}; run `scripts/red5-server`"));
        let mut input = child.stdin.take().unwrap();
        writeln!(input, "{RED5_SECRET}").unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let (say, lines) = channel();
        thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                if say.send(line).is_err() {
                    break;
                }
            }
        });
        let mut server = Self {
            lines,
            child,
            input: Some(input),
            port: String::new(),
        };
        let first = server.line();
        let port = first.strip_prefix("listening on ");
        port.unwrap_or_else(|| panic!("{first}"))
            .clone_into(&mut server.port);
        server
    }

    /// The next line that it writes.
    fn line(&self) -> String {
        let line = self.lines.recv_timeout(GIVEN_UP_AFTER);
        line.expect("the server ended or says nothing; run `scripts/red5-server`")
    }

    /// Sets the clock that judges tokens ahead of the machine's.
    fn set_ahead(&mut self, seconds: i64) {
        writeln!(self.input.as_mut().unwrap(), "{seconds}").unwrap();
        assert_eq!(self.line(), format!("ahead by {seconds}"));
    }

    /// Publishes a second of video to `live/PATH`, and says what the server decided and whether the
    /// encoder was content. Video goes out at its own pace: of a connection that is closed already
    /// the server reads no more, and it may not have seen a picture by then.
    fn publish(&self, path: &str, token: &str) -> (String, bool) {
        let credentials = match token {
            "" => String::new(),
            token => format!("?username=jwt&password=jwt&token={token}"),
        };
        let address = format!("rtmp://127.0.0.1:{}/live/{path}{credentials}", self.port);
        let mut told = String::new();
        for _ in 0..STARTS {
            let output = Command::new(encoder())
                .args(["-hide_banner", "-nostdin", "-loglevel", "error"])
                .args(["-re", "-f", "lavfi", "-i", "testsrc=size=64x48:rate=10"])
                .args(["-t", "1", "-c:v", "flv", "-f", "flv", &address])
                .output()
                .unwrap_or_else(|error| panic!("ffmpeg: {error}; run `scripts/provide ffmpeg`"));
            if let Ok(decision) = self.lines.recv_timeout(NOT_ASKED_AFTER) {
                if decision.starts_with("allowed") {
                    assert_eq!(self.line(), format!("video in live/{path}"));
                }
                return (decision, output.status.success());
            }
            told = String::from_utf8_lossy(&output.stderr).into_owned();
        }
        panic!("the server was not asked: {told}");
    }
}

impl Drop for RealServer {
    fn drop(&mut self) {
        // The end of its input ends it.
        self.input = None;
        let _ = self.child.wait();
    }
}

/// The machine's, or as `scripts/provide ffmpeg` unpacks it.
fn encoder() -> &'static Path {
    let unpacked = Path::new(".local/debian/ffmpeg/bin/ffmpeg");
    if unpacked.exists() {
        unpacked
    } else {
        Path::new("ffmpeg")
    }
}

/// The token for what is asked.
async fn token(browser: &Browser, ask: Value) -> String {
    let answer = browser.token(ask).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.json()["access_token"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn r5_13_an_encoder_publishes_to_a_real_server_with_a_token_of_the_bridge_and_never_without()
{
    let bridge = TestBridge::start().await;
    let publisher: &[&str] = &["red5-publisher"];
    let rooms = ["studio-1", "studio-2"];
    bridge
        .map("crew", publisher, &["RTMP", "WHIP"], &rooms)
        .await;
    bridge
        .map("crew", &["red5-subscriber"], &["*"], &["*"])
        .await;
    bridge.map("staff", publisher, &["*"], &["*"]).await;
    bridge.provider.person("ann").groups(["crew"]);
    bridge.provider.person("sam").groups(["staff"]);
    let (ann, sam) = (bridge.signed_in("ann").await, bridge.signed_in("sam").await);
    let of = |role: &str, room: &str, transport: &str| json!({"roles": [role], "rooms": [room], "transports": [transport]});
    let good = token(&ann, of("red5-publisher", "studio-1", "RTMP")).await;
    let mut server = RealServer::start();
    let allowed = |path: &str| (format!("allowed live/{path}"), true);
    let refused = |path: &str, why: &str| (format!("refused live/{path}: {why}"), false);

    assert_eq!(
        server.publish("studio-1/cam", &good),
        allowed("studio-1/cam")
    );

    for (path, token, why) in [
        ("studio-1/cam", "", "no user name and password"),
        (
            "studio-1/cam",
            &good[..good.len() - 2],
            "SignatureException",
        ),
        ("studio-2/cam", &good, "red5-room"),
        ("Studio-1/cam", &good, "red5-room"),
        ("cam", &good, "red5-room"),
    ] {
        assert_eq!(server.publish(path, token), refused(path, why));
    }
    let viewer = token(&ann, of("red5-subscriber", "studio-1", "RTMP")).await;
    let browsers_alone = token(&ann, of("red5-publisher", "studio-1", "WHIP")).await;
    for (token, why) in [(viewer, "roles"), (browsers_alone, "red5-transport")] {
        let outcome = server.publish("studio-1/cam", &token);
        assert_eq!(outcome, refused("studio-1/cam", why));
    }

    // Any room, and none.
    let anywhere = token(&sam, json!({})).await;
    for path in ["studio-7/cam", "cam"] {
        assert_eq!(server.publish(path, &anywhere), allowed(path));
    }

    let mut minute = of("red5-publisher", "studio-1", "RTMP");
    minute["ttl_seconds"] = json!(60);
    let short = token(&ann, minute).await;
    assert_eq!(
        server.publish("studio-1/short", &short),
        allowed("studio-1/short")
    );
    server.set_ahead(61);
    let over = refused("studio-1/short", "ExpiredJwtException");
    assert_eq!(server.publish("studio-1/short", &short), over);
    assert_eq!(
        server.publish("studio-1/again", &good),
        allowed("studio-1/again")
    );
}
