//! The way to the provider (LR-1 to LR-5, LR-8 to LR-11), and a provider that is down.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::TimeDelta;
use red5_bridge::clock::Clock;
use url::Url;

use crate::bridge::{Answer, TestBridge, path_of};
use crate::callback::come_back;
use crate::eventually::eventually;
use crate::provider::{CLIENT_ID, Endpoint, Place, Provider};

const CALLBACK: &str = "https://bridge.example/auth/callback";

/// The parameters of an authorization request, each there once.
fn parameters(url: &Url) -> BTreeMap<String, String> {
    let mut parameters = BTreeMap::new();
    for (name, value) in url.query_pairs() {
        let before = parameters.insert(name.to_string(), value.into_owned());
        assert_eq!(before, None, "{name} is there twice");
    }
    parameters
}

/// Name and value of the one cookie that an answer sets, and the rest of its line.
fn cookie(answer: &Answer) -> (String, String, String) {
    let lines = answer.set_cookies();
    assert_eq!(lines.len(), 1, "{lines:?}");
    let (pair, attributes) = lines[0].split_once("; ").unwrap();
    let (name, value) = pair.split_once('=').unwrap();
    (name.to_owned(), value.to_owned(), attributes.to_owned())
}

#[tokio::test]
async fn lr_1_the_request_to_the_provider_is_ours_whatever_the_query_says() {
    let bridge = TestBridge::start().await;
    let evil = "/auth/login?scope=admin&redirect_uri=https%3A%2F%2Fevil.example&client_id=x\
                &response_type=token&state=s&nonce=n&code_challenge_method=plain&prompt=none";

    let answer = bridge.browser().get(evil).await;

    assert_eq!(answer.status, 303);
    let mut place = answer.location();
    let asked = parameters(&place);
    place.set_query(None);
    assert_eq!(
        place.as_str(),
        format!("{}/authorize", bridge.provider.issuer())
    );
    let names: Vec<&str> = asked.keys().map(String::as_str).collect();
    assert_eq!(
        names.join(" "),
        "client_id code_challenge code_challenge_method nonce redirect_uri response_type scope state"
    );
    assert_eq!(asked["client_id"], CLIENT_ID);
    assert_eq!(asked["code_challenge_method"], "S256");
    assert_eq!(asked["redirect_uri"], CALLBACK);
    assert_eq!(asked["response_type"], "code");
    assert_eq!(asked["scope"], "openid profile email");
    assert!(asked["state"] != "s" && asked["nonce"] != "n");
}

#[tokio::test]
async fn lr_2_lr_3_state_nonce_and_challenge_are_long_and_never_come_again() {
    let bridge = TestBridge::start().await;
    let mut seen = HashSet::new();
    for _ in 0..1000 {
        let answer = bridge.browser().get("/auth/login").await;
        let asked = parameters(&answer.location());
        let state = asked["state"].split('.').next().unwrap();
        for value in [state, &asked["nonce"], &asked["code_challenge"]] {
            assert_eq!(value.len(), 43, "{value}");
            assert!(seen.insert(value.to_owned()), "{value} came again");
        }
    }
    assert_eq!(seen.len(), 3000);
}

#[tokio::test]
async fn lr_4_the_attempt_is_bound_to_the_browser_by_a_sealed_cookie() {
    let bridge = TestBridge::start().await;
    bridge.provider.person("ann");
    let mut ann = bridge.browser();
    let begun = ann.get("/auth/login").await;

    let (name, value, attributes) = cookie(&begun);
    assert!(name.starts_with("__Host-bridge_login_"), "{name}");
    assert_eq!(
        attributes,
        "HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=600"
    );

    // What is in it cannot be read from outside.
    let asked = parameters(&begun.location());
    let back = bridge.provider.approve(&begun.location(), "ann").await;
    assert_eq!(ann.get(&path_of(&back)).await.status, 303);
    let verifier = bridge.provider.last(Endpoint::Token).form["code_verifier"].clone();
    let bytes = URL_SAFE_NO_PAD.decode(&value).unwrap();
    let shown = format!("{name}={value} {}", String::from_utf8_lossy(&bytes));
    for secret in [&asked["state"], &asked["nonce"], &verifier] {
        assert!(!shown.contains(secret.as_str()));
    }
}

#[tokio::test]
async fn lr_5_two_tabs_finish_in_either_order() {
    let bridge = TestBridge::start().await;
    bridge.provider.person("ann");
    for reversed in [false, true] {
        let mut ann = bridge.browser();
        let mut tabs = Vec::new();
        for path in ["/?tab=1", "/?tab=2"] {
            let begun = ann.get(&format!("/auth/login?return_to={path}")).await;
            tabs.push((
                path,
                bridge.provider.approve(&begun.location(), "ann").await,
            ));
        }
        if reversed {
            tabs.reverse();
        }
        for (path, back) in tabs {
            let done = ann.get(&path_of(&back)).await;
            assert_eq!(done.status, 303, "{}", done.body);
            assert_eq!(
                done.header("location"),
                format!("https://bridge.example{path}")
            );
            assert_eq!(ann.peek("/api/session").await.status, 200);
        }
    }
}

#[tokio::test]
async fn lr_5_a_browser_holds_five_attempts_and_the_oldest_goes() {
    let bridge = TestBridge::start().await;
    bridge.provider.person("ann");
    let mut ann = bridge.browser();
    ann.cookies.insert(
        "__Host-bridge_login_00000000deadbeef".to_owned(),
        "junk".to_owned(),
    );
    let mut begun = Vec::new();
    let longest = format!("/auth/login?return_to=/{}", "a".repeat(700));
    for _ in 0..100 {
        begun.push(ann.get(&longest).await.location());
        bridge.clock.advance(TimeDelta::seconds(1));
        let bytes: usize = ann.cookies.iter().map(|(n, v)| n.len() + v.len() + 3).sum();
        assert!(ann.cookies.len() <= 5 && bytes < 8192, "{bytes}");
        assert!(ann.cookies.values().all(|value| value.len() < 4000));
    }
    assert!(
        !ann.cookies
            .contains_key("__Host-bridge_login_00000000deadbeef")
    );

    for (age, status) in [(6, 400), (5, 303), (1, 303)] {
        let mut tab = ann.clone();
        let back = bridge.provider.approve(&begun[100 - age], "ann").await;
        let done = tab.get(&path_of(&back)).await;
        assert_eq!(done.status, status, "{age}: {}", done.body);
    }
}

#[tokio::test]
async fn lr_8_lr_11_beginning_leaves_nothing_behind() {
    let bridge = TestBridge::start().await;
    let browser = bridge.browser();
    for _ in 0..200 {
        assert_eq!(browser.peek("/auth/login").await.status, 303);
    }
    let image = [
        ("sec-fetch-dest", "image"),
        ("sec-fetch-site", "cross-site"),
    ];
    browser.send("GET", "/auth/login", &image, "").await;
    for method in ["HEAD", "POST", "PUT"] {
        let answer = browser.send(method, "/auth/login", &[], "").await;
        assert_eq!(answer.status, 405, "{method}");
        assert!(answer.set_cookies().is_empty());
    }
    assert_eq!(bridge.count("sessions").await, 0);
    assert_eq!(bridge.count("spent_attempts").await, 0);
}

#[tokio::test]
async fn lr_9_a_return_address_given_twice_is_refused() {
    let bridge = TestBridge::start().await;
    for query in ["return_to=/a&return_to=//evil", "return_to=/&return_to=/"] {
        let answer = bridge.browser().get(&format!("/auth/login?{query}")).await;
        assert_eq!(answer.status, 400, "{query}");
        assert!(answer.set_cookies().is_empty() && !answer.has("location"));
    }
}

#[tokio::test]
async fn lr_10_no_header_decides_where_the_provider_sends_people() {
    let bridge = TestBridge::start().await;
    for (name, value) in [
        ("host", "evil.example"),
        ("x-forwarded-host", "evil.example"),
        ("x_forwarded_host", "evil.example"),
        ("x_forwarded_proto", "http"),
        ("connection", "close, x-forwarded-host, host, cookie"),
        ("x-forwarded-server", "evil.example"),
        ("x-forwarded-proto", "http"),
        ("x-forwarded-port", "81"),
        ("x-forwarded-prefix", "/evil"),
        ("x-original-url", "/evil"),
        ("forwarded", "host=evil.example;proto=http"),
    ] {
        let answer = bridge
            .browser()
            .send("GET", "/auth/login", &[(name, value)], "")
            .await;
        assert_eq!(parameters(&answer.location())["redirect_uri"], CALLBACK);
        let (cookie, _, attributes) = cookie(&answer);
        assert!(cookie.starts_with("__Host-"), "{name}");
        assert_eq!(
            attributes, "HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=600",
            "{name}"
        );
    }
}

#[tokio::test]
async fn jw_8_a_provider_that_is_down_is_a_503_page_and_sign_in_recovers_by_itself() {
    let place = Place::free();
    let bridge = TestBridge::start_with(&[("OIDC_ISSUER_URL", &place.issuer())]).await;
    let mut ann = bridge.browser();

    let down = ann.get("/auth/login").await;
    assert_eq!(down.status, 503);
    assert_eq!(down.header("content-type"), "text/html; charset=utf-8");
    assert!(
        down.body
            .contains("Your identity provider cannot be reached")
    );
    assert!(down.set_cookies().is_empty());
    assert_eq!(ann.peek("/readyz").await.json()["provider"], "failing");
    assert_eq!(ann.peek("/").await.status, 200);

    let provider = Provider::start_at(&place, Arc::clone(&bridge.clock) as Arc<dyn Clock>);
    provider.person("ann");
    // By itself: no sign-in asks for it meanwhile.
    eventually("the provider is found", async || {
        ann.peek("/readyz").await.json()["provider"] == "ready"
    })
    .await;
    let back = come_back(&provider, &mut ann, "ann").await;
    assert_eq!(ann.get(&path_of(&back)).await.status, 303);

    // Who is signed in goes on when it is gone again.
    drop(provider);
    assert_eq!(ann.peek("/api/session").await.status, 200);
}
