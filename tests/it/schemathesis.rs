//! What schemathesis (`PyPI`) makes of `docs/openapi.json` and sends to a running
//! bridge, signed in as an administrator and not at all: no 500, no answer that
//! is not described, no method taken that is not, nothing accepted that the
//! document forbids.
//!
//! `scripts/schemathesis` prepares it; `make schema SECONDS=600` runs it longer
//! and with another seed each time.

use std::process::Command;

use serde_json::json;

use crate::bridge::{Browser, ORIGIN, TestBridge};

/// The usual run is the same every time.
const SEED: &str = "20261124";

/// How many requests for each operation in the usual run.
const REQUESTS: &str = "15";

/// Runs it against `bridge` with the cookie of `browser`, if it has one.
#[expect(clippy::print_stdout, reason = "a long run is read by its operator")]
fn run(bridge: &TestBridge, browser: &Browser) {
    let (_, session) = browser.session().unwrap_or_default();
    let mut command = Command::new(".local/schemathesis/bin/schemathesis");
    command
        .args(["--config-file", "tests/schemathesis/schemathesis.toml"])
        .args(["run", &format!("{}/openapi.json", bridge.address)])
        .args(["--url", &bridge.address])
        .env("PYTHONPATH", "tests/schemathesis")
        .env("BRIDGE_ORIGIN", ORIGIN)
        .env("BRIDGE_SESSION", session);
    match seconds() {
        Some(seconds) => command.args(["--max-time", &seconds]),
        None => command.args(["--max-examples", REQUESTS, "--seed", SEED]),
    };
    let output = command
        .output()
        .unwrap_or_else(|error| panic!("schemathesis: {error}; run `scripts/schemathesis`"));
    let told = String::from_utf8_lossy(&output.stdout);
    let complained = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}\n{complained}");
    if seconds().is_some() {
        println!("{told}");
    }
}

/// `SCHEMA_SECONDS`: how long each of the two runs takes; the usual ones have
/// a number of requests instead.
#[expect(
    clippy::disallowed_methods,
    reason = "a longer run is asked for by a variable"
)]
fn seconds() -> Option<String> {
    std::env::var("SCHEMA_SECONDS").ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn no_request_of_an_administrator_is_answered_otherwise_than_described() {
    let bridge =
        TestBridge::start_with(&[("RED5_SERVER_URL", "https://media.example.com/live")]).await;
    let anything = json!({
        "match": "everyone", "roles": ["red5-publisher", "red5-subscriber"],
        "transports": ["*"], "rooms": ["*"],
    });
    bridge.add(&anything).await;
    let root = bridge.admin().await;
    run(&bridge, &root);
    assert_eq!(root.peek("/api/session").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_request_of_a_stranger_is_answered_otherwise_than_described() {
    let bridge = TestBridge::start().await;
    // Without a session, whatever is sent.
    run(&bridge, &bridge.browser());
    assert_eq!(bridge.count("mappings").await, 0);
}
