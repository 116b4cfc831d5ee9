//! What is issued, through the whole bridge: every claim, every bound, every
//! member of the answer, and where a token never appears (R5-1 to R5-14).

mod answer;
mod claims;
mod database_gone;
mod lifetime;
mod lists;
mod nowhere_else;
mod rooms;
mod rotation;
mod session;
mod start;

use serde_json::{Value, json};

use crate::bridge::{Browser, TestBridge};
use crate::red5::server::{Connection, Profile, Red5, parts};

const PUBLISH: &[&str] = &["red5-publisher"];
const WATCH: &[&str] = &["red5-subscriber"];
const BOTH: &[&str] = &["red5-publisher", "red5-subscriber"];

/// Vic, who may watch in the lobby.
async fn viewer(bridge: &TestBridge) -> Browser {
    bridge.map("viewers", WATCH, &["WHEP"], &["lobby"]).await;
    bridge.provider.person("vic").groups(["viewers"]);
    bridge.signed_in("vic").await
}

/// The token of an answer that must be one.
async fn issued(browser: &Browser, ask: Value) -> String {
    let answer = browser.token(ask).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.json()["access_token"].as_str().unwrap().to_owned()
}

/// The claims of the token that `browser` gets for nothing in particular.
async fn claims(browser: &Browser) -> Value {
    parts(&issued(browser, json!({})).await).1
}

/// What a server with this secret says of a token, in every reading alike.
fn meets(secret: &[u8], issuer: Option<&str>, token: &str, now: i64) -> Result<(), &'static str> {
    let server = Red5 {
        secret: secret.to_vec(),
        ttl_minutes: 60,
        expected_issuer: issuer.map(str::to_owned),
    };
    let say = |profile| server.connect(profile, token, now).map(|_: Connection| ());
    let mut said = Profile::all().map(say);
    let first = said.next().unwrap();
    assert!(said.all(|other| other == first));
    first
}
