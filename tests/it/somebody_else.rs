//! "Sign in as somebody else": the session ends, and the provider asks who it is.

use crate::bridge::{TestBridge, path_of};

const LOGIN: &str = "/auth/login?as=somebody-else";

#[tokio::test]
async fn the_session_ends_first_and_then_the_provider_asks_who_it_is() {
    let bridge = TestBridge::start().await;
    bridge.provider.person("ann");
    bridge.provider.person("bob").groups(["viewers"]);
    let mut shared = bridge.signed_in("ann").await;
    let anns = shared.clone();

    let then = [("then", "somebody-else")];
    let out = shared.submit("/", "/auth/logout", &then).await;

    let location = out.header("location");
    assert_eq!(location, "https://bridge.example/auth/somebody-else");
    assert_eq!(bridge.count("sessions").await, 0);
    assert_eq!(bridge.count("sign_outs").await, 0);
    assert_eq!(anns.peek("/api/session").await.status, 401);
    let page = shared.get("/auth/somebody-else").await;
    let by_itself = format!("content=\"0; url={LOGIN}\"");
    assert!(page.body.contains(&by_itself));
    assert!(page.body.contains(&format!("href=\"{LOGIN}\"")));

    let begun = shared.get(LOGIN).await;
    let place = begun.location();
    let (_, prompt) = place.query_pairs().find(|(n, _)| n == "prompt").unwrap();
    assert_eq!(prompt, "login");
    let back = bridge.provider.approve(&place, "bob").await;
    assert_eq!(shared.get(&path_of(&back)).await.status, 303);
    let session = shared.peek("/api/session").await.json();
    assert_eq!(session["identity"]["subject"], "bob");
}

#[tokio::test]
async fn the_form_says_one_known_thing_or_nothing() {
    let bridge = TestBridge::start().await;
    bridge.provider.person("ann");
    let mut ann = bridge.signed_in("ann").await;
    let known = ("then", "somebody-else");
    let evil = ("then", "https://evil.example");
    for fields in [vec![evil], vec![("then", "")], vec![known, known]] {
        let answer = ann.submit("/", "/auth/logout", &fields).await;
        assert_eq!(answer.status, 400, "{fields:?}");
    }
    assert_eq!(ann.peek("/api/session").await.status, 200);
}

#[tokio::test]
async fn lr_1_the_link_says_somebody_else_or_nothing() {
    let bridge = TestBridge::start().await;
    for wrong in ["", "SOMEBODY-ELSE", "ann", "somebody-else&as=somebody-else"] {
        let path = format!("/auth/login?as={wrong}");
        let answer = bridge.browser().get(&path).await;
        assert_eq!(answer.status, 400, "{wrong}");
        assert!(!answer.has("set-cookie"));
    }
}
