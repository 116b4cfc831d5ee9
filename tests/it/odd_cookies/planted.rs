//! Cookies that another site put into the browser, by the hundred.

use std::collections::BTreeMap;

use super::{SESSION, status_with};
use crate::bridge::{Answer, Browser, TestBridge, path_of};

/// Most bytes of an answer's head that a proxy takes in its usual configuration.
const HEAD_MAX: usize = 4096;

/// The bytes that the head of an answer takes, without its first line.
fn head(answer: &Answer) -> usize {
    let lines = answer.headers.iter();
    lines
        .map(|(name, value)| name.as_str().len() + value.len() + ": \r\n".len())
        .sum()
}

fn attempts(browser: &Browser) -> usize {
    let names = browser.cookies.keys();
    names
        .filter(|name| name.starts_with("__Host-bridge_login_"))
        .count()
}

/// So many cookies with the names of attempts.
fn planted(number: usize) -> BTreeMap<String, String> {
    let name = |n: usize| format!("__Host-bridge_login_{n:016x}");
    (0..number)
        .map(|n| (name(n), "planted".to_owned()))
        .collect()
}

#[tokio::test]
async fn se_8_a_session_and_an_attempt_are_found_among_hundreds_of_other_cookies() {
    let bridge = TestBridge::start().await;
    bridge.provider.person("ann");
    let mut ann = bridge.browser();
    ann.cookies = (0..600)
        .map(|n| (format!("other{n}"), "x".repeat(n % 40)))
        .collect();
    bridge.sign_in(&mut ann, "ann").await;
    assert_eq!(ann.peek("/api/session").await.status, 200);
    assert_eq!(ann.cookies.len(), 601);

    // In one line and in a line each; without the session's cookie there is no session.
    let (name, value) = ann.session().unwrap();
    ann.cookies.remove(&name);
    let pairs: Vec<String> = ann
        .cookies
        .iter()
        .map(|(n, v)| format!("{n}={v}"))
        .collect();
    for between in ["; ", ";", "\r\nCookie: "] {
        let others = pairs[..40].join(between);
        let cookie = format!("{others}{between}{SESSION}={value}{between}{others}");
        assert_eq!(
            status_with(&bridge, "/api/session", others.as_bytes()).await,
            401
        );
        assert_eq!(
            status_with(&bridge, "/api/session", cookie.as_bytes()).await,
            200
        );
    }
}

#[tokio::test]
async fn lr_5_hundreds_of_planted_attempts_go_a_few_at_a_time_and_a_sign_in_works_meanwhile() {
    let bridge = TestBridge::start().await;
    bridge.provider.person("ann");
    let mut ann = bridge.browser();
    ann.cookies = planted(300);
    let mut left = 300;
    let long = format!("/auth/login?return_to=/{}", "a".repeat(740));
    while left > 5 {
        let answer = ann.get(&long).await;
        assert_eq!(answer.status, 303);
        assert!(head(&answer) <= HEAD_MAX, "{}", head(&answer));
        assert_eq!(answer.set_cookies().len(), 11.min(left - 3), "{left} left");
        let now = attempts(&ann);
        assert!(now < left, "{now} of {left}");
        left = now;
    }
    assert_eq!(left, 5);
    // None of them is planted any more, and each still finishes.
    assert!(ann.cookies.values().all(|value| value != "planted"));

    let mut eve = bridge.browser();
    eve.cookies = planted(300);
    let begun = eve.get("/auth/login").await;
    let back = bridge.provider.approve(&begun.location(), "ann").await;
    assert_eq!(eve.get(&path_of(&back)).await.status, 303);
    assert_eq!(eve.peek("/api/session").await.status, 200);
}

#[tokio::test]
async fn lr_5_the_attempts_of_another_bridge_on_the_host_are_left_alone() {
    let bridge = TestBridge::start().await;
    let other = "BRIDGE_PUBLIC_URL";
    let other = TestBridge::start_with(&[(other, "https://bridge.example/red5")]).await;
    let mut ann = other.browser();
    for _ in 0..5 {
        ann.get("/red5/auth/login").await;
    }
    let theirs = ann.cookies.clone();
    assert_eq!(theirs.len(), 5);

    // The same browser, as the host is the same.
    let mut here = bridge.browser();
    here.cookies = theirs.clone();
    for _ in 0..7 {
        here.get("/auth/login").await;
    }
    assert_eq!(here.cookies.len(), 10);
    for (name, value) in &theirs {
        assert_eq!(here.cookies.get(name), Some(value), "{name}");
    }
}

#[tokio::test]
async fn se_9_two_tickets_to_the_providers_sign_out_are_none() {
    let bridge = TestBridge::start().await;
    bridge.provider.person("ann");
    let mut ann = bridge.signed_in("ann").await;
    ann.submit("/", "/auth/logout", &[]).await;
    let name = "__Host-bridge_sign_out";
    let ticket = ann.cookies.remove(name).unwrap();
    let leads = async |cookie: String| {
        let answer = ann
            .send("GET", "/auth/signed-out", &[("cookie", &cookie)], "")
            .await;
        assert_eq!(answer.status, 200);
        answer.body.contains("http-equiv=\"refresh\"")
    };
    for other in ["", "x", &ticket] {
        assert!(!leads(format!("{name}={ticket}; {name}={other}")).await);
        assert!(!leads(format!("{name}={other}; {name}={ticket}")).await);
    }
    // Nothing was spent by that.
    assert!(leads(format!("{name}={ticket}")).await);
}
