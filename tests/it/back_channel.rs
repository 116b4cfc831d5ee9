//! The provider says that a session is over (BC-1 to BC-9).

mod hostile;
mod kept;
mod newer;

use std::time::Duration;

use chrono::TimeDelta;
use red5_bridge::oidc::Pace;
use serde_json::json;
use tokio::task::JoinSet;

use crate::bridge::{Answer, Browser, Gate, TestBridge, path_of};
use crate::database::new_database;
use crate::eventually::eventually;
use crate::provider::{Endpoint, IdToken, Key, Provider};

const PATH: &str = "/auth/backchannel-logout";

/// As the provider sends it: no cookie, no origin.
async fn send(bridge: &TestBridge, token: &str) -> Answer {
    let body = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("logout_token", token)
        .finish();
    let headers = [("content-type", "application/x-www-form-urlencoded")];
    bridge.browser().send("POST", PATH, &headers, &body).await
}

/// A good token, and what else the test wants of it.
async fn log_out(bridge: &TestBridge, bend: impl FnOnce(IdToken) -> IdToken) -> Answer {
    send(bridge, &bridge.provider.logout_token(bend)).await
}

#[track_caller]
fn taken(answer: &Answer) {
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(answer.body, "");
    assert_eq!(answer.header("cache-control"), "no-store");
    assert!(answer.set_cookies().is_empty());
}

#[track_caller]
fn refused(answer: &Answer) {
    assert_eq!(answer.status, 400, "{}", answer.body);
    assert_eq!(answer.header("content-type"), "application/json");
    assert_eq!(answer.header("cache-control"), "no-store");
    assert_eq!(answer.json()["error"], "invalid_request");
    let words = answer.json()["error_description"].clone();
    assert!(words.as_str().unwrap().len() > 10);
}

/// Signs `person` in, in the provider's session `sid`.
async fn signed_in_as(bridge: &TestBridge, person: &str, sid: &str) -> Browser {
    bridge.provider.person(person).claim("sid", sid);
    bridge.signed_in(person).await
}

#[tokio::test]
async fn bc_5_a_sid_ends_that_session_of_the_provider_and_no_other() {
    let bridge = TestBridge::start().await;
    let desk = signed_in_as(&bridge, "ann", "s-1").await;
    let phone = signed_in_as(&bridge, "ann", "s-2").await;
    let bob = signed_in_as(&bridge, "bob", "s-3").await;

    taken(&log_out(&bridge, |token| token.claim("sid", "s-1")).await);

    assert!(!desk.is_signed_in().await);
    assert_eq!(desk.token(json!({})).await.code(), "not_signed_in");
    assert!(phone.is_signed_in().await && bob.is_signed_in().await);
}

#[tokio::test]
async fn bc_5_a_sid_of_another_user_ends_nothing() {
    let bridge = TestBridge::start().await;
    let ann = signed_in_as(&bridge, "ann", "s-1").await;
    let of_bob = |token: IdToken| token.claim("sub", "bob").claim("sid", "s-1");
    taken(&log_out(&bridge, of_bob).await);
    assert!(ann.is_signed_in().await);
}

#[tokio::test]
async fn bc_5_a_subject_alone_ends_all_sessions_of_that_user_and_no_other() {
    let bridge = TestBridge::start().await;
    let desk = signed_in_as(&bridge, "ann", "s-1").await;
    let phone = signed_in_as(&bridge, "ann", "s-2").await;
    let bob = signed_in_as(&bridge, "bob", "s-3").await;

    taken(&log_out(&bridge, |token| token.claim("sub", "ann")).await);

    assert!(!desk.is_signed_in().await && !phone.is_signed_in().await);
    assert!(bob.is_signed_in().await);
}

#[tokio::test]
async fn bc_5_a_session_without_a_known_sid_may_be_the_one_and_ends() {
    let bridge = TestBridge::start().await;
    bridge.provider.person("ann");
    let unknown = bridge.signed_in("ann").await;
    let other = signed_in_as(&bridge, "ann", "s-2").await;

    let both = |token: IdToken| token.claim("sub", "ann").claim("sid", "s-1");
    taken(&log_out(&bridge, both).await);

    assert!(!unknown.is_signed_in().await);
    assert!(other.is_signed_in().await);
}

#[tokio::test]
async fn bc_8_where_nothing_is_left_to_end_the_provider_is_content() {
    let bridge = TestBridge::start().await;
    taken(&log_out(&bridge, |token| token.claim("sid", "unknown")).await);
    taken(&log_out(&bridge, |token| token.claim("sub", "unknown")).await);
}

#[tokio::test]
async fn bc_5_it_counts_at_the_other_instance_within_moments() {
    let bridge = TestBridge::start().await;
    let other = TestBridge::start_on(&bridge.database_url, &[]).await;
    let ann = signed_in_as(&bridge, "ann", "s-1").await;
    let mut there = other.browser();
    there.cookies = ann.cookies.clone();
    assert!(there.is_signed_in().await);

    taken(&log_out(&bridge, |token| token.claim("sid", "s-1")).await);

    assert!(!ann.is_signed_in().await);
    eventually("the other instance hears of it", async || {
        !there.is_signed_in().await
    })
    .await;
}

#[tokio::test]
async fn bc_6_an_old_token_never_ends_a_newer_sign_in() {
    let bridge = TestBridge::start().await;
    // The provider's session lives on, as with some providers after a logout.
    let before = signed_in_as(&bridge, "ann", "s-1").await;
    bridge.clock.advance(TimeDelta::seconds(30));
    let by_sid = bridge
        .provider
        .logout_token(|token| token.claim("sid", "s-1"));
    let by_subject = bridge
        .provider
        .logout_token(|token| token.claim("sub", "ann"));
    let late = bridge
        .provider
        .logout_token(|token| token.claim("sub", "ann"));
    taken(&send(&bridge, &by_sid).await);
    assert!(!before.is_signed_in().await);

    bridge.clock.advance(TimeDelta::seconds(30));
    let after = signed_in_as(&bridge, "ann", "s-1").await;
    for token in [&by_sid, &by_subject, &late] {
        taken(&send(&bridge, token).await);
        assert!(after.is_signed_in().await);
    }
    bridge.clock.advance(TimeDelta::seconds(1));
    taken(&log_out(&bridge, |token| token.claim("sub", "ann")).await);
    assert!(!after.is_signed_in().await);
}

#[tokio::test]
async fn bc_6_the_same_token_again_does_nothing() {
    let bridge = TestBridge::start().await;
    let token = bridge
        .provider
        .logout_token(|token| token.claim("sub", "ann"));
    taken(&send(&bridge, &token).await);
    bridge.clock.advance(TimeDelta::seconds(1));
    // Of before that column: our own clock stands for the provider's, and the row
    // would be as old as the token.
    let ann = signed_in_as(&bridge, "ann", "s-1").await;
    sqlx::query("UPDATE sessions SET provider_issued_at = NULL, begun_at = NULL, created_at = created_at - interval '1 hour'")
        .execute(&bridge.db)
        .await
        .unwrap();
    taken(&send(&bridge, &token).await);
    assert!(ann.is_signed_in().await);
    assert_eq!(bridge.count("logouts").await, 1);
    taken(&log_out(&bridge, |token| token.claim("sub", "ann")).await);
    assert!(
        !ann.is_signed_in().await,
        "an old row ends by our own clock"
    );
}

#[tokio::test]
async fn bc_6_a_logout_wins_over_the_sign_in_that_is_under_way() {
    let bridge = TestBridge::start().await;
    for by in ["sid", "sub"] {
        let subject = format!("ann-{by}");
        let sid = format!("s-{by}");
        bridge.provider.person(&subject).claim("sid", &*sid);
        let mut browser = bridge.browser();
        let begun = browser.get("/auth/login").await;
        let back = bridge.provider.approve(&begun.location(), &subject).await;
        // The provider has signed the ID token by then; the answer is on its way.
        let value = if by == "sid" { &sid } else { &subject };
        taken(
            &log_out(&bridge, |token| {
                token.claim(by, &**value).claim("iat", bridge.now() + 5)
            })
            .await,
        );

        let answer = browser.get(&path_of(&back)).await;

        assert_eq!(answer.status, 403, "{}", answer.body);
        assert!(answer.body.contains("logged_out") && answer.body.contains("Sign in again"));
        assert!(browser.session().is_none());
    }
    assert_eq!(bridge.count("sessions").await, 0);
    // The next sign-in is another.
    bridge.clock.advance(TimeDelta::seconds(6));
    let ann = bridge.signed_in("ann-sub").await;
    assert!(ann.is_signed_in().await);
}

#[tokio::test]
async fn bc_6_a_logout_and_a_sign_in_at_the_same_moment_leave_no_session() {
    let bridge = TestBridge::start().await;
    bridge.provider.person("ann").claim("sid", "s-1");
    for _ in 0..10 {
        let mut browser = bridge.browser();
        let begun = browser.get("/auth/login").await;
        let back = path_of(&bridge.provider.approve(&begun.location(), "ann").await);
        let token = bridge.provider.logout_token(|token| {
            let ahead = token.claim_now("iat").as_i64().unwrap() + 30;
            token.claim("sid", "s-1").claim("iat", ahead)
        });
        let (_, out) = tokio::join!(browser.get(&back), send(&bridge, &token));
        taken(&out);
        assert!(!browser.is_signed_in().await);
        bridge.clock.advance(TimeDelta::seconds(31));
    }
}

#[tokio::test]
async fn bc_9_without_the_database_the_provider_is_told_to_send_it_again() {
    let bridge = TestBridge::start().await;
    let ann = signed_in_as(&bridge, "ann", "s-1").await;
    let token = bridge
        .provider
        .logout_token(|token| token.claim("sid", "s-1"));
    let mut gate = Gate::of(&bridge).await;
    gate.shut().await;
    let answer = send(&bridge, &token).await;
    assert_eq!(answer.status, 503, "{}", answer.body);
    assert_eq!(answer.json()["error"], "temporarily_unavailable");

    gate.allow(true).await;
    eventually("the token is taken", async || {
        send(&bridge, &token).await.status == 200
    })
    .await;
    bridge.browser().ready().await;
    assert!(!ann.is_signed_in().await);
}

#[tokio::test]
async fn jw_4_a_token_of_a_new_key_has_the_keys_read_once() {
    // The short wait after a reading that brought something new is longer than the test.
    let pace = Pace {
        keys_refetch_interval: Duration::from_hours(1),
        ..Pace::default()
    };
    let start = Provider::start_with;
    let bridge = TestBridge::start_at(&new_database().await, &[], pace, start).await;
    let ann = signed_in_as(&bridge, "ann", "s-1").await;
    bridge.provider.use_key(&Key::es256("es-2", 2));
    let asked = bridge.provider.hits(Endpoint::Jwks);

    taken(&log_out(&bridge, |token| token.claim("sid", "s-1")).await);

    assert!(!ann.is_signed_in().await);
    assert_eq!(bridge.provider.hits(Endpoint::Jwks), asked + 1);
    // Strangers who make up keys do not have them read again and again (JW-5).
    for seed in 3..10 {
        let key = Key::es256(&format!("es-{seed}"), seed);
        let answer = log_out(&bridge, |token| token.claim("sub", "ann").signed_by(&key)).await;
        // A genuine one by a newer key looks the same: it is worth sending again (BC-9).
        assert_eq!(answer.status, 503, "{}", answer.body);
    }
    assert_eq!(bridge.provider.hits(Endpoint::Jwks), asked + 1);
}

#[tokio::test]
async fn bc_9_a_token_by_a_newer_key_while_keys_cannot_be_read_is_to_be_sent_again() {
    let bridge = TestBridge::start().await;
    let ann = signed_in_as(&bridge, "ann", "s-1").await;
    bridge
        .provider
        .always(Endpoint::Jwks, crate::provider::Answer::status(500));
    let under_the_same_name = Key::weak_rs256("rs-1");
    let of_a_new_name = Key::es256("es-2", 2);
    for answer in [
        log_out(&bridge, |token| {
            token.claim("sub", "ann").forged_by(&under_the_same_name)
        })
        .await,
        log_out(&bridge, |token| {
            token.claim("sub", "ann").signed_by(&of_a_new_name)
        })
        .await,
    ] {
        assert_eq!(answer.status, 503, "{}", answer.body);
    }
    assert!(ann.is_signed_in().await);
}

#[tokio::test]
async fn bc_8_cookies_and_origins_decide_nothing() {
    let bridge = TestBridge::start().await;
    let ann = signed_in_as(&bridge, "ann", "s-1").await;
    let bob = signed_in_as(&bridge, "bob", "s-2").await;
    let token = bridge
        .provider
        .logout_token(|token| token.claim("sid", "s-1"));
    let body = format!("logout_token={token}&more=ignored");
    let headers = [
        (
            "content-type",
            "application/x-www-form-urlencoded; charset=utf-8",
        ),
        ("origin", "https://evil.example"),
    ];
    taken(&bob.send("POST", PATH, &headers, &body).await);
    assert!(!ann.is_signed_in().await && bob.is_signed_in().await);
}

#[tokio::test]
async fn av_1_a_client_that_sends_too_many_logout_tokens_is_told_to_wait() {
    let bridge = TestBridge::start_with(&[("BRIDGE_RATE_LIMITS", "on")]).await;
    let browser = bridge.browser();
    // Several at once: faster than the limit fills up again, also on a slow machine.
    let refused = eventually("a request is told to wait", async || {
        let mut sending = JoinSet::new();
        for _ in 0..32 {
            let browser = browser.clone();
            sending.spawn(async move { browser.send("POST", PATH, &[], "").await });
        }
        let answers = sending.join_all().await;
        let known = |answer: &Answer| [415, 429].contains(&answer.status);
        assert!(answers.iter().all(known), "{answers:?}");
        answers.into_iter().find(|answer| answer.status == 429)
    })
    .await;
    assert!(refused.header("retry-after").parse::<u64>().unwrap() >= 1);
}
