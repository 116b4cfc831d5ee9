//! The way back from the provider (CB-1 to CB-5, CB-10).

use chrono::TimeDelta;
use url::Url;

use crate::bridge::{Answer, Browser, TestBridge, path_of};
use crate::provider::{Answer as Says, Endpoint, Provider};

/// Begins, and signs in at the provider: the callback's address, not yet opened.
pub async fn come_back(provider: &Provider, browser: &mut Browser, person: &str) -> Url {
    let begun = browser.get("/auth/login").await;
    assert_eq!(begun.status, 303, "{}", begun.body);
    provider.approve(&begun.location(), person).await
}

/// The same address with a parameter set otherwise, or without it.
pub fn with(url: &Url, name: &str, value: Option<&str>) -> Url {
    let kept = url.query_pairs().filter(|(other, _)| other != name);
    let mut changed = url.clone();
    changed
        .query_pairs_mut()
        .clear()
        .extend_pairs(kept)
        .extend_pairs(value.map(|value| (name, value)));
    changed
}

/// An error page, and no session.
pub async fn assert_no_session(bridge: &TestBridge, answer: &Answer, status: u16, code: &str) {
    assert_eq!(answer.status, status, "{}", answer.body);
    assert_eq!(answer.header("content-type"), "text/html; charset=utf-8");
    let shown = format!("<code>{code}</code>");
    assert!(answer.body.contains(&shown), "{code}: {}", answer.body);
    let lines = answer.set_cookies();
    assert!(!lines.iter().any(|line| line.contains("bridge_session")));
    assert_eq!(bridge.count("sessions").await, 0);
}

#[tokio::test]
async fn cb_1_a_state_that_is_not_this_attempts_never_reaches_the_provider() {
    let bridge = TestBridge::start().await;
    bridge.provider.person("ann");
    let mut ann = bridge.browser();
    let back = come_back(&bridge.provider, &mut ann, "ann").await;
    for (state, code) in [
        (None, "answer_refused"),
        (Some(""), "answer_refused"),
        (
            Some("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"),
            "attempt_unknown",
        ),
    ] {
        let wrong = with(&back, "state", state);
        let answer = ann.peek(&path_of(&wrong)).await;
        assert_no_session(&bridge, &answer, 400, code).await;
    }
    assert_eq!(bridge.provider.hits(Endpoint::Token), 0);
}

#[tokio::test]
async fn cb_1_a_callback_address_from_another_browser_starts_no_session() {
    let bridge = TestBridge::start().await;
    bridge.provider.person("eve");
    let (mut eve, mut victim) = (bridge.browser(), bridge.browser());
    let back = come_back(&bridge.provider, &mut eve, "eve").await;
    victim.get("/auth/login").await;

    let answer = victim.get(&path_of(&back)).await;
    assert_no_session(&bridge, &answer, 400, "cookie_missing").await;

    // Not even if her cookie's name is planted with an attempt that is the victim's.
    let (name, _) = eve.cookies.pop_first().unwrap();
    let (_, own) = victim.cookies.first_key_value().unwrap();
    let planted = format!("{name}={own}");
    let browser = bridge.browser();
    let path = path_of(&back);
    let answer = browser
        .send("GET", &path, &[("cookie", &planted)], "")
        .await;
    assert_no_session(&bridge, &answer, 400, "attempt_unknown").await;
    assert_eq!(bridge.provider.hits(Endpoint::Token), 0);
}

#[tokio::test]
async fn cb_1_an_address_from_another_browser_does_not_change_who_is_signed_in() {
    let bridge = TestBridge::start().await;
    bridge.provider.person("eve");
    bridge.provider.person("ann");
    let mut ann = bridge.signed_in("ann").await;
    let before = ann.session();
    let back = come_back(&bridge.provider, &mut bridge.browser(), "eve").await;

    let answer = ann.get(&path_of(&back)).await;

    assert_eq!(answer.header("location"), "https://bridge.example/");
    assert_eq!(ann.session(), before);
    let session = ann.peek("/api/session").await.json();
    assert_eq!(session["identity"]["subject"], "ann");
    assert_eq!(bridge.provider.hits(Endpoint::Token), 1);
}

#[tokio::test]
async fn cb_1_an_altered_planted_or_doubled_attempt_is_none() {
    let bridge = TestBridge::start().await;
    bridge.provider.person("ann");
    let mut ann = bridge.browser();
    let back = path_of(&come_back(&bridge.provider, &mut ann, "ann").await);
    let (name, value) = ann.cookies.pop_first().unwrap();
    let flipped = |at: usize| {
        let mut bytes = value.clone().into_bytes();
        bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
        String::from_utf8(bytes).unwrap()
    };
    let (first, middle) = (flipped(0), flipped(value.len() / 2));
    for (cookies, code) in [
        (format!("{name}={first}"), "attempt_unknown"),
        (format!("{name}={middle}"), "attempt_unknown"),
        (format!("{name}={}", &value[..40]), "attempt_unknown"),
        (format!("{name}="), "attempt_unknown"),
        (format!("{name}=%00"), "attempt_unknown"),
        (format!("{name}x={value}"), "cookie_missing"),
        (format!("{name}={value}; {name}={value}"), "cookie_missing"),
        (format!("{name}=x; {name}={value}"), "cookie_missing"),
        (format!("{name}={value}; {name}=x"), "cookie_missing"),
    ] {
        let browser = bridge.browser();
        let answer = browser
            .send("GET", &back, &[("cookie", &cookies)], "")
            .await;
        assert_no_session(&bridge, &answer, 400, code).await;
    }
    assert_eq!(bridge.provider.hits(Endpoint::Token), 0);

    ann.cookies.insert(name, value);
    assert_eq!(ann.get(&back).await.status, 303);
}

#[tokio::test]
async fn cb_2_a_callback_serves_once() {
    let bridge = TestBridge::start().await;
    bridge.provider.person("ann");
    let mut ann = bridge.browser();
    let back = path_of(&come_back(&bridge.provider, &mut ann, "ann").await);
    let copy = ann.clone();
    assert_eq!(ann.get(&back).await.status, 303);

    let replay = copy.peek(&back).await;
    assert_eq!(replay.status, 400);
    assert!(replay.body.contains("<code>attempt_spent</code>"));
    assert!(!replay.set_cookies().iter().any(|c| c.contains("session")));
    // The back button of the one who is signed in leads home.
    let session = ann.session();
    let again = ann.get(&back).await;
    assert_eq!(again.header("location"), "https://bridge.example/");
    assert_eq!(ann.session(), session);
    assert_eq!(bridge.provider.hits(Endpoint::Token), 1);
    assert_eq!(bridge.count("sessions").await, 1);
}

#[tokio::test]
async fn cb_2_a_spent_attempt_is_remembered_for_two_minutes_more_than_it_lives() {
    let bridge = TestBridge::start().await;
    bridge.provider.person("ann");
    bridge.signed_in("ann").await;
    let query = "SELECT floor(extract(epoch FROM expires_at))::bigint FROM spent_attempts";
    let until: i64 = sqlx::query_scalar(query)
        .fetch_one(&bridge.db)
        .await
        .unwrap();
    let left = until - bridge.now();
    assert!((11 * 60..=12 * 60).contains(&left), "{left}");
}

#[tokio::test]
async fn cb_2_of_twenty_callbacks_at_once_one_asks_the_provider() {
    let bridge = TestBridge::start().await;
    bridge.provider.person("ann");
    let shared = [("OIDC_ISSUER_URL", bridge.provider.issuer())];
    let other = TestBridge::start_on(&bridge.database_url, &shared).await;
    let mut ann = bridge.browser();
    let back = path_of(&come_back(&bridge.provider, &mut ann, "ann").await);
    let mut there = other.browser();
    there.cookies = ann.cookies.clone();

    let mut callbacks = tokio::task::JoinSet::new();
    for number in 0..20 {
        let browser = if number % 2 == 0 { &ann } else { &there }.clone();
        let back = back.clone();
        callbacks.spawn(async move { browser.peek(&back).await.status });
    }
    let mut statuses = callbacks.join_all().await;

    statuses.sort_unstable();
    assert_eq!(statuses, [[303; 1].as_slice(), &[400; 19]].concat());
    assert_eq!(bridge.provider.hits(Endpoint::Token), 1);
    assert_eq!(bridge.count("sessions").await, 1);
}

#[tokio::test]
async fn cb_2_an_attempt_whose_exchange_failed_is_spent_too() {
    let bridge = TestBridge::start().await;
    bridge.provider.person("ann");
    bridge.provider.once(Endpoint::Token, Says::status(500));
    let mut ann = bridge.browser();
    let back = path_of(&come_back(&bridge.provider, &mut ann, "ann").await);

    let failed = ann.peek(&back).await;
    assert_no_session(&bridge, &failed, 502, "provider_failed").await;
    let again = ann.peek(&back).await;
    assert_no_session(&bridge, &again, 400, "attempt_spent").await;
    assert_eq!(bridge.provider.hits(Endpoint::Token), 1);
    bridge.sign_in(&mut ann, "ann").await;
}

#[tokio::test]
async fn cb_3_an_attempt_lives_ten_minutes() {
    let bridge = TestBridge::start().await;
    bridge.provider.person("ann");
    for (seconds, status) in [(590, 303), (600, 400), (86_400, 400)] {
        let mut ann = bridge.browser();
        let back = come_back(&bridge.provider, &mut ann, "ann").await;
        bridge.clock.advance(TimeDelta::seconds(seconds));
        assert_eq!(ann.get(&path_of(&back)).await.status, status, "{seconds}");
    }
    assert_eq!(bridge.provider.hits(Endpoint::Token), 1);
}

#[tokio::test]
async fn cb_4_the_code_of_another_tab_does_not_fit() {
    let bridge = TestBridge::start().await;
    bridge.provider.person("ann");
    let mut ann = bridge.browser();
    let first = come_back(&bridge.provider, &mut ann, "ann").await;
    let second = come_back(&bridge.provider, &mut ann, "ann").await;
    let (_, code) = second.query_pairs().find(|(n, _)| n == "code").unwrap();

    let answer = ann.get(&path_of(&with(&first, "code", Some(&code)))).await;

    assert_no_session(&bridge, &answer, 502, "provider_failed").await;
}

#[tokio::test]
async fn cb_5_another_issuer_is_refused_before_the_provider_is_asked() {
    let bridge = TestBridge::start().await;
    bridge.provider.person("ann");
    let slash = format!("{}/", bridge.provider.issuer());
    for iss in [None, Some(""), Some("https://evil.example"), Some(&slash)] {
        let mut ann = bridge.browser();
        let begun = ann.get("/auth/login").await.location();
        for back in [
            bridge.provider.approve(&begun, "ann").await,
            bridge.provider.deny(&begun, "access_denied").await,
        ] {
            let answer = ann.peek(&path_of(&with(&back, "iss", iss))).await;
            assert_no_session(&bridge, &answer, 400, "answer_refused").await;
        }
    }
    assert_eq!(bridge.provider.hits(Endpoint::Token), 0);
}

#[tokio::test]
async fn cb_10_the_token_request_carries_the_attempts_own_address() {
    let bridge = TestBridge::start().await;
    bridge.provider.person("ann");
    bridge.signed_in("ann").await;
    let request = bridge.provider.last(Endpoint::Token);
    let address = "https://bridge.example/auth/callback";
    assert_eq!(request.form["redirect_uri"], address);
    assert_eq!(request.form["code_verifier"].len(), 43);
    assert_eq!(request.raw_query, "");
    assert!(!request.form.contains_key("client_secret"));
}
