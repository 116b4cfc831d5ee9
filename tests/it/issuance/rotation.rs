//! Secrets that change (R5-11): who is signed in notices nothing.

use serde_json::json;

use super::{WATCH, issued, meets, viewer};
use crate::bridge::{Browser, RED5_SECRET, SECRET_KEY, TestBridge, path_of};

const OTHER_KEY: &str = "ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8=";
const OTHER_SECRET: &str = "9e0d1c2b3a4f5e6d7c8b4f1c0c6e2b9d4a7f8e3d5c6b7a8f";

/// The same person's browser, at another instance.
fn moved(browser: &Browser, to: &TestBridge) -> Browser {
    let mut moved = to.browser();
    moved.cookies = browser.cookies.clone();
    moved
}

/// An instance that was started anew with another setting, on the same database
/// and with the same provider.
async fn restarted(bridge: &TestBridge, name: &str, value: &str) -> TestBridge {
    let variables = [(name, value), ("OIDC_ISSUER_URL", bridge.provider.issuer())];
    TestBridge::start_on(&bridge.database_url, &variables).await
}

#[tokio::test]
async fn rotating_the_secret_keys_ends_no_session_and_breaks_no_sign_in() {
    let bridge = TestBridge::start().await;
    let vic = viewer(&bridge).await;
    // A sign-in is under way while the instance is started anew.
    bridge.provider.person("ann").groups(["viewers"]);
    let mut ann = bridge.browser();
    let begun = ann.get("/auth/login").await;
    let back = bridge.provider.approve(&begun.location(), "ann").await;

    let both = format!("{OTHER_KEY},{SECRET_KEY}");
    let rotated = restarted(&bridge, "BRIDGE_SECRET_KEYS", &both).await;

    let vic = moved(&vic, &rotated);
    assert_eq!(vic.token(json!({})).await.status, 200);
    let mut ann = moved(&ann, &rotated);
    let done = ann.get(&path_of(&back)).await;
    assert_eq!(done.status, 303, "{}", done.body);
    // The instance that knows only the old key, as long as it runs.
    assert_eq!(moved(&ann, &bridge).token(json!({})).await.status, 200);

    let alone = restarted(&bridge, "BRIDGE_SECRET_KEYS", OTHER_KEY).await;
    for browser in [&vic, &ann] {
        let mut browser = moved(browser, &alone);
        assert_eq!(browser.token(json!({})).await.status, 200);
        let out = browser.submit("/", "/auth/logout", &[]).await;
        assert_eq!(out.status, 303, "{}", out.body);
        assert_eq!(browser.peek("/api/session").await.status, 401);
    }
}

#[tokio::test]
async fn r5_11_after_a_restart_with_the_new_secret_the_next_token_verifies_with_it_and_sessions_last()
 {
    let bridge = TestBridge::start().await;
    let vic = viewer(&bridge).await;
    let (old, new) = (RED5_SECRET.as_bytes(), OTHER_SECRET.as_bytes());
    let before = issued(&vic, json!({})).await;
    assert_eq!(meets(old, None, &before, bridge.now()), Ok(()));

    let rotated = restarted(&bridge, "RED5_JWT_SECRET", OTHER_SECRET).await;

    let after = issued(&moved(&vic, &rotated), json!({})).await;
    let now = rotated.now();
    assert_eq!(meets(new, None, &after, now), Ok(()));
    // The cut-over: neither server takes the other's tokens.
    assert!(meets(new, None, &before, now).is_err());
    assert!(meets(old, None, &after, now).is_err());
    assert_eq!(
        bridge.map("others", WATCH, &["WHEP"], &["x"]).await["version"],
        1
    );
}
