//! "Sign in with another account": the session ends, and the provider asks who it is.

use red5_bridge::oidc::Pace;
use serde_json::json;

use crate::bridge::{Browser, TestBridge, path_of};
use crate::database::new_database;
use crate::provider::{Fields, Provider};
use crate::sign_out::{hinted, leads_to};

const LOGIN: &str = "/auth/login?as=somebody-else";

/// Signs Ann out of a browser that Bob wants to use.
async fn hand_over(bridge: &TestBridge) -> Browser {
    bridge.provider.person("ann");
    bridge.provider.person("bob").groups(["viewers"]);
    let mut shared = bridge.signed_in("ann").await;
    let anns = shared.clone();

    let then = [("then", "somebody-else")];
    let out = shared.submit("/", "/auth/logout", &then).await;

    let location = out.header("location");
    assert_eq!(location, "https://bridge.example/auth/somebody-else");
    assert_eq!(bridge.count("sessions").await, 0);
    assert_eq!(anns.peek("/api/session").await.status, 401);
    shared
}

/// The last step: the provider is asked so, and Bob is in.
async fn comes_in(bridge: &TestBridge, shared: &mut Browser, prompt: &str) {
    let begun = shared.get(LOGIN).await;
    let place = begun.location();
    let (_, asked) = place.query_pairs().find(|(n, _)| n == "prompt").unwrap();
    assert_eq!(asked, prompt);
    let back = bridge.provider.approve(&place, "bob").await;
    assert_eq!(shared.get(&path_of(&back)).await.status, 303);
    let session = shared.peek("/api/session").await.json();
    assert_eq!(session["identity"]["subject"], "bob");
}

/// A provider with another discovery document.
async fn with(bend: impl FnOnce(Fields) -> Fields + Send + 'static) -> TestBridge {
    let start = |clock| {
        let provider = Provider::start_with(clock);
        provider.discovery(bend);
        provider
    };
    TestBridge::start_at(&new_database().await, &[], Pace::default(), start).await
}

#[tokio::test]
async fn a_provider_that_does_not_ask_who_it_is_signs_the_person_out_first() {
    let bridge = TestBridge::start().await;
    let mut shared = hand_over(&bridge).await;

    let page = shared.get("/auth/somebody-else").await;
    let there = leads_to(&page).unwrap();
    assert_eq!(there.path(), "/end-session");
    assert_eq!(hinted(&there)["sub"], "ann");
    assert_eq!(bridge.count("sign_outs").await, 0);
    // Whatever the provider makes of the state.
    let back = shared.get("/auth/signed-out?state=lost").await;
    assert!(back.body.contains(&format!("content=\"0; url={LOGIN}\"")));
    assert!(shared.cookies.is_empty(), "{:?}", shared.cookies);
    comes_in(&bridge, &mut shared, "login").await;

    // No step comes twice by itself.
    shared.submit("/", "/auth/logout", &[]).await;
    shared.get("/auth/signed-out").await;
    assert_eq!(leads_to(&shared.get("/auth/signed-out").await), None);
}

#[tokio::test]
async fn a_provider_that_asks_who_it_is_is_asked_to() {
    let announced = json!(["none", "login", "select_account"]);
    let bridge = with(|document| document.set("prompt_values_supported", announced)).await;
    let mut shared = hand_over(&bridge).await;
    assert_eq!(bridge.count("sign_outs").await, 0);
    let page = shared.get("/auth/somebody-else").await;
    assert!(page.body.contains(&format!("content=\"0; url={LOGIN}\"")));
    comes_in(&bridge, &mut shared, "select_account").await;
}

#[tokio::test]
async fn a_provider_without_a_sign_out_is_asked_for_another_sign_in() {
    let bridge = with(|document| document.without("end_session_endpoint")).await;
    let mut shared = hand_over(&bridge).await;
    let page = shared.get("/auth/somebody-else").await;
    assert!(page.body.contains(&format!("content=\"0; url={LOGIN}\"")));
    comes_in(&bridge, &mut shared, "login").await;
}

/// From a sign-in that failed there is nothing to remind the provider of: it asks the
/// person before it signs them out.
#[tokio::test]
async fn who_is_not_signed_in_here_goes_the_same_way_without_a_hint() {
    let bridge = TestBridge::start().await;
    bridge.provider.person("bob");
    let mut shared = bridge.browser();
    let there = leads_to(&shared.get("/auth/somebody-else").await).unwrap();
    assert_eq!(there.path(), "/end-session");
    assert!(
        there
            .query_pairs()
            .all(|(name, _)| !name.ends_with("_hint"))
    );
    let back = shared.get("/auth/signed-out").await;
    assert!(back.body.contains(&format!("content=\"0; url={LOGIN}\"")));
    comes_in(&bridge, &mut shared, "login").await;
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
async fn lr_1_the_link_asks_for_another_account_or_nothing() {
    let bridge = TestBridge::start().await;
    for wrong in ["", "SOMEBODY-ELSE", "ann", "somebody-else&as=somebody-else"] {
        let path = format!("/auth/login?as={wrong}");
        let answer = bridge.browser().get(&path).await;
        assert_eq!(answer.status, 400, "{wrong}");
        assert!(!answer.has("set-cookie"));
    }
}
