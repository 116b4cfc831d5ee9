//! A sign-in that did not work says why, in words that fit, and leads on: too
//! old, opened twice, without cookies, refused by the provider.

use chrono::TimeDelta;
use url::Url;

use crate::bridge::{Answer, Browser, TestBridge, path_of};
use crate::callback::assert_no_session;
use crate::provider::Endpoint;

const DEEP: &str = "/admin/mappings?limit=5";
const DEEP_AGAIN: &str = "return_to=https%3A%2F%2Fbridge.example%2Fadmin%2Fmappings%3Flimit%3D5";
const HOME_AGAIN: &str = "return_to=https%3A%2F%2Fbridge.example%2F";

async fn come_back_to(bridge: &TestBridge, browser: &mut Browser, return_to: &str) -> Url {
    let query = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("return_to", return_to)
        .finish();
    let begun = browser.get(&format!("/auth/login?{query}")).await;
    bridge.provider.approve(&begun.location(), "ann").await
}

fn leads_back_to(answer: &Answer, return_to: &str) -> bool {
    let href = format!("/auth/login?{return_to}\"");
    answer.body.contains(&href)
}

fn state_of(address: &Url) -> String {
    let (_, state) = address.query_pairs().find(|(n, _)| n == "state").unwrap();
    state.into_owned()
}

#[tokio::test]
async fn an_attempt_left_open_overnight_says_so_and_still_knows_where_to_go() {
    let bridge = TestBridge::start().await;
    bridge.provider.person("ann");
    // The browser drops the cookie after its ten minutes, if its clock is right.
    for dropped in [true, false] {
        let mut ann = bridge.browser();
        let back = come_back_to(&bridge, &mut ann, DEEP).await;
        bridge.clock.advance(TimeDelta::hours(9));
        if dropped {
            ann.cookies.clear();
        }
        let answer = ann.get(&path_of(&back)).await;
        assert_no_session(&bridge, &answer, 400, "attempt_expired").await;
        assert!(answer.body.contains("This sign-in took too long"));
        assert!(leads_back_to(&answer, DEEP_AGAIN), "{}", answer.body);
    }
    assert_eq!(bridge.provider.hits(Endpoint::Token), 0);
}

#[tokio::test]
async fn a_return_address_too_long_for_the_state_is_home_when_the_cookie_is_gone() {
    let bridge = TestBridge::start().await;
    bridge.provider.person("ann");
    let long = format!("/{}", "x".repeat(300));
    let mut ann = bridge.browser();
    let back = come_back_to(&bridge, &mut ann, &long).await;
    assert!(state_of(&back).len() < 128);

    ann.cookies.clear();
    let answer = ann.get(&path_of(&back)).await;

    assert!(leads_back_to(&answer, HOME_AGAIN), "{}", answer.body);
}

#[tokio::test]
async fn without_cookies_one_is_told_what_to_do_and_sent_nowhere() {
    let bridge = TestBridge::start().await;
    bridge.provider.person("ann");
    let mut ann = bridge.browser();
    let back = come_back_to(&bridge, &mut ann, DEEP).await;
    ann.cookies.clear();

    let answer = ann.get(&path_of(&back)).await;

    assert_no_session(&bridge, &answer, 400, "cookie_missing").await;
    assert!(answer.body.contains("Allow cookies for this site"));
    assert!(leads_back_to(&answer, DEEP_AGAIN));
    assert!(!answer.has("location") && !answer.body.contains("http-equiv=\"refresh\""));
    assert_eq!(bridge.provider.hits(Endpoint::Token), 0);
}

#[tokio::test]
async fn lr_6_a_state_of_another_bridge_or_an_altered_one_leads_nowhere_but_home() {
    let bridge = TestBridge::start().await;
    let elsewhere = TestBridge::start_with(&[
        (
            "BRIDGE_SECRET_KEYS",
            "ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8=",
        ),
        ("BRIDGE_ALLOWED_ORIGINS", "https://evil.example"),
    ])
    .await;
    let path = "/auth/login?return_to=https://evil.example/";
    let foreign = state_of(&elsewhere.browser().get(path).await.location());
    let own = state_of(&bridge.browser().get("/auth/login").await.location());
    let (random, mark) = own.split_once('.').unwrap();
    let other = if mark.starts_with('A') { 'B' } else { 'A' };
    let altered = format!("{random}.{other}{}", &mark[1..]);
    let cut = &own[..own.len() - 4];
    for state in [
        foreign.as_str(),
        &altered,
        cut,
        random,
        "x.",
        "x.AAAA",
        ".",
        "x.ü",
    ] {
        let query = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("state", state)
            .append_pair("code", "c")
            .finish();
        let path = format!("/auth/callback?{query}");
        let answer = bridge.browser().get(&path).await;
        assert_no_session(&bridge, &answer, 400, "attempt_unknown").await;
        assert!(leads_back_to(&answer, HOME_AGAIN), "{state}");
    }
}

#[tokio::test]
async fn lr_6_an_origin_that_is_allowed_no_more_is_not_come_back_to() {
    let bridge = TestBridge::start().await;
    bridge.provider.person("ann");
    let mut ann = bridge.browser();
    let back = come_back_to(&bridge, &mut ann, "https://app.example/player").await;
    let later = [
        ("BRIDGE_ALLOWED_ORIGINS", ""),
        ("OIDC_ISSUER_URL", bridge.provider.issuer()),
    ];
    let later = TestBridge::start_on(&bridge.database_url, &later).await;

    let answer = later.browser().get(&path_of(&back)).await;

    assert_no_session(&bridge, &answer, 400, "cookie_missing").await;
    assert!(leads_back_to(&answer, HOME_AGAIN), "{}", answer.body);
}

#[tokio::test]
async fn cb_2_a_second_callback_of_a_signed_in_browser_redirects_without_a_request_to_the_provider()
{
    let bridge = TestBridge::start().await;
    bridge.provider.person("ann");
    let mut ann = bridge.browser();
    let first = come_back_to(&bridge, &mut ann, DEEP).await;
    let second = come_back_to(&bridge, &mut ann, "/?tab=2").await;
    assert_eq!(ann.get(&path_of(&first)).await.status, 303);
    let session = ann.session();

    // The back button, and the address out of the history later on.
    for minutes in [0, 30] {
        bridge.clock.advance(TimeDelta::minutes(minutes));
        let again = ann.get(&path_of(&first)).await;
        assert_eq!(
            again.header("location"),
            "https://bridge.example/admin/mappings?limit=5"
        );
    }
    // A second tab that was left at the provider for too long.
    let late = ann.get(&path_of(&second)).await;
    assert_eq!(late.header("location"), "https://bridge.example/?tab=2");
    assert_eq!(ann.session(), session);
    assert_eq!(bridge.provider.hits(Endpoint::Token), 1);
}

#[tokio::test]
async fn cb_6_each_of_the_providers_errors_has_words_a_status_and_a_way_on() {
    const LEFT: &str = "something left to do";
    const SETTINGS: &str = "not set up correctly";
    let told = [
        ("access_denied", 403, "declined", "did not let you in"),
        ("login_required", 403, "provider_login_required", LEFT),
        (
            "interaction_required",
            403,
            "provider_interaction_required",
            LEFT,
        ),
        ("consent_required", 403, "provider_consent_required", LEFT),
        (
            "account_selection_required",
            403,
            "provider_account_selection_required",
            LEFT,
        ),
        ("temporarily_unavailable", 503, "provider_busy", "is busy"),
        ("server_error", 502, "provider_failed", "did not work"),
        ("invalid_scope", 502, "provider_invalid_scope", SETTINGS),
        ("invalid_request", 502, "provider_invalid_request", SETTINGS),
        (
            "unauthorized_client",
            502,
            "provider_unauthorized_client",
            SETTINGS,
        ),
        (
            "unsupported_response_type",
            502,
            "provider_unsupported_response_type",
            SETTINGS,
        ),
        ("ACCESS_DENIED", 403, "provider_error", "did not work"),
        ("<script>", 403, "provider_error", "did not work"),
    ];
    let bridge = TestBridge::start().await;
    for (error, status, code, words) in told {
        let mut ann = bridge.browser();
        let begun = ann.get(&format!("/auth/login?return_to={DEEP}")).await;
        let back = bridge.provider.deny(&begun.location(), error).await;
        let answer = ann.get(&path_of(&back)).await;
        assert_no_session(&bridge, &answer, status, code).await;
        assert!(answer.body.contains(words), "{error}: {}", answer.body);
        assert!(leads_back_to(&answer, DEEP_AGAIN), "{error}");
        assert!(ann.cookies.is_empty(), "the attempt is over");
    }
    assert_eq!(bridge.provider.hits(Endpoint::Token), 0);
}

#[tokio::test]
async fn the_providers_no_to_another_sign_in_leaves_the_session_and_says_so() {
    let bridge = TestBridge::start().await;
    bridge.provider.person("ann");
    let mut ann = bridge.signed_in("ann").await;
    let begun = ann.get("/auth/login?as=somebody-else").await;
    let back = bridge
        .provider
        .deny(&begun.location(), "access_denied")
        .await;
    let answer = ann.get(&path_of(&back)).await;
    assert_eq!(answer.status, 403);
    assert!(answer.body.contains("You are still signed in as before"));
    assert_eq!(ann.peek("/api/session").await.status, 200);
}
