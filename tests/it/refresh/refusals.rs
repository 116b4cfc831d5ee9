//! What the token endpoint says about one refresh token, and whom that concerns (AV-4, SE-12).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use red5_bridge::oidc::Pace;
use serde_json::json;

use super::{AGE, age, exchange, with_ann, with_ann_and, with_ann_at};
use crate::bridge::{Browser, TestBridge};
use crate::eventually::eventually;
use crate::provider::{Answer, Endpoint, Rotation};

/// As Dex answers the refresh of a user who was removed.
fn as_dex() -> Answer {
    Answer::json(500, &json!({"error": "invalid_request"}))
}

async fn signed_in_as(bridge: &TestBridge, prefix: &str, many: usize) -> Vec<Browser> {
    let mut browsers = Vec::new();
    for number in 0..many {
        let person = format!("{prefix}-{number}");
        bridge.provider.person(&person).groups(["viewers"]);
        browsers.push(bridge.signed_in(&person).await);
    }
    browsers
}

/// Asks again and again, as an app does, until the test is over.
fn poll(browsers: Vec<Browser>) -> (Arc<AtomicBool>, Vec<tokio::task::JoinHandle<()>>) {
    let over = Arc::new(AtomicBool::new(false));
    let polling = browsers.into_iter().map(|browser| {
        let over = Arc::clone(&over);
        tokio::spawn(async move {
            while !over.load(Ordering::SeqCst) {
                exchange(&browser).await;
                // The pause of an app between two tries.
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        })
    });
    let polling = polling.collect();
    (over, polling)
}

#[tokio::test]
async fn av_4_sessions_whose_refreshes_fail_stop_neither_sign_ins_nor_the_refreshes_of_others() {
    for (what, answer) in [
        ("as Dex", as_dex()),
        ("without a body", Answer::status(500)),
    ] {
        let (bridge, ann) = with_ann().await;
        let removed = signed_in_as(&bridge, "removed", 12).await;
        for number in 0..12 {
            let person = format!("removed-{number}");
            bridge.provider.answer_refreshes_of(&person, answer.clone());
        }
        age(&bridge, 2 * AGE + 1);
        let (over, polling) = poll(removed);
        for number in 0..25 {
            let person = format!("new-{number}");
            bridge.provider.person(&person).groups(["viewers"]);
            let new = bridge.signed_in(&person).await;
            assert_eq!(exchange(&new).await.status, 200, "{what}: {person}");
        }
        for refresh in 0..5 {
            assert_eq!(
                exchange(&ann).await.status,
                200,
                "{what}: refresh {refresh}"
            );
            age(&bridge, 2 * AGE + 1);
        }
        over.store(true, Ordering::SeqCst);
        for task in polling {
            task.await.unwrap();
        }
    }
}

#[tokio::test]
async fn av_4_a_request_to_wait_holds_the_refreshes_of_all_sessions_and_no_sign_in() {
    for status in [429, 503] {
        let (bridge, ann) = with_ann().await;
        bridge.provider.person("bob").groups(["viewers"]);
        let bob = bridge.signed_in("bob").await;
        let wait = Answer::status(status).header("retry-after", "3600");
        bridge.provider.answer_refreshes_of("ann", wait);
        age(&bridge, 2 * AGE + 1);
        assert_eq!(exchange(&ann).await.status, 503);
        // Neither clock nor refresh token of Bob's would keep him from it.
        assert_eq!(exchange(&bob).await.status, 503, "{status}");
        assert_eq!(bridge.provider.refreshes(), 1, "{status}");
        let ann = bridge.signed_in("ann").await;
        assert_eq!(exchange(&ann).await.status, 200, "{status}");
    }
}

/// Providers count the questions to userinfo by person.
#[tokio::test]
async fn av_4_a_request_to_wait_at_userinfo_holds_that_session_alone() {
    for status in [429, 503] {
        let (bridge, ann) = with_ann().await;
        bridge.provider.person("bob").groups(["viewers"]);
        let bob = bridge.signed_in("bob").await;
        bridge
            .provider
            .every_id_token(|token| token.without("groups"));
        let wait = Answer::status(status).header("retry-after", "60");
        bridge.provider.once(Endpoint::Userinfo, wait);
        age(&bridge, 2 * AGE + 1);
        assert_eq!(exchange(&ann).await.status, 503, "{status}");
        assert_eq!(exchange(&bob).await.status, 200, "{status}");
        assert_eq!(bridge.provider.refreshes(), 2, "{status}");
        age(&bridge, 50);
        assert_eq!(exchange(&ann).await.status, 503, "{status}");
        assert_eq!(bridge.provider.refreshes(), 2, "{status}");
        age(&bridge, 11);
        assert_eq!(exchange(&ann).await.status, 200, "{status}");
    }
}

#[tokio::test]
async fn av_4_a_retry_after_that_has_passed_holds_no_refresh() {
    let (bridge, ann) = with_ann().await;
    let moments = [
        ("retry-after", "Sun, 29 Nov 2026 10:00:01 GMT"),
        ("date", "Sun, 29 Nov 2026 10:00:00 GMT"),
    ];
    let wait = moments
        .iter()
        .fold(Answer::status(429), |answer, (name, value)| {
            answer.header(name, value)
        });
    bridge.provider.once(Endpoint::Token, wait);
    age(&bridge, 2 * AGE + 1);
    assert_eq!(exchange(&ann).await.status, 503);
    age(&bridge, 2);
    assert_eq!(exchange(&ann).await.status, 503);
    assert_eq!(bridge.provider.refreshes(), 1);
    eventually("a token", async || {
        age(&bridge, 2);
        exchange(&ann).await.status == 200
    })
    .await;
}

#[tokio::test]
async fn av_4_a_refused_client_is_not_tried_at_the_pace_of_the_requests() {
    let (bridge, _) = with_ann().await;
    let polling = signed_in_as(&bridge, "polling", 15).await;
    let no = Answer::json(401, &json!({"error": "invalid_client"}));
    bridge.provider.always(Endpoint::Token, no);
    age(&bridge, 2 * AGE + 1);
    for _ in 0..10 {
        for browser in &polling {
            // The rests of the sessions do not count: their clock goes on.
            age(&bridge, 6);
            assert_eq!(exchange(browser).await.status, 503);
        }
    }
    let asked = bridge.provider.refreshes();
    assert!(asked <= 20, "{asked} of 150");
}

/// After ten minutes groups that cannot be read again count for nothing.
const UNREFRESHED: (&str, &str) = ("BRIDGE_UNREFRESHED_MAX_MINUTES", "10");

async fn rows(bridge: &TestBridge) -> i64 {
    let count = sqlx::query_scalar("SELECT count(*) FROM sessions WHERE subject <> 'root'");
    count.fetch_one(&bridge.db).await.unwrap()
}

#[tokio::test]
async fn se_12_a_refusal_that_persists_ends_the_session_once_its_groups_are_too_old() {
    for (what, answer) in [
        ("Dex, 500", as_dex()),
        (
            "Dex, 400",
            Answer::json(400, &json!({"error": "invalid_request"})),
        ),
        ("glewlwyd", Answer::status(400)),
        ("a page", Answer::html(403)),
        (
            "an error in a 200",
            Answer::json(200, &json!({"error": "bad_refresh_token"})),
        ),
    ] {
        let (bridge, ann) = with_ann_and(Rotation::Each, &[UNREFRESHED]).await;
        bridge.provider.answer_refreshes_of("ann", answer);
        for seconds in [2 * AGE + 1, 20, 61, 30, 30] {
            age(&bridge, seconds);
            assert_eq!(exchange(&ann).await.status, 503, "{what}");
        }
        assert_eq!(rows(&bridge).await, 1, "{what}");
        age(&bridge, 600);
        assert_eq!(exchange(&ann).await.status, 401, "{what}");
        assert_eq!(rows(&bridge).await, 0, "{what}");
        let portal = ann.peek("/").await;
        assert!(
            portal.body.contains("/auth/login"),
            "{what}: {}",
            portal.body
        );
    }
}

#[tokio::test]
async fn se_12_it_persists_when_it_came_three_times_over_a_minute_on_any_instance() {
    let (bridge, ann) = with_ann_and(Rotation::Each, &[UNREFRESHED]).await;
    bridge.provider.answer_refreshes_of("ann", as_dex());
    age(&bridge, 601);
    // Often, and not yet for a minute.
    for _ in 0..4 {
        assert_eq!(exchange(&ann).await.status, 503);
        age(&bridge, 6);
    }
    assert_eq!(rows(&bridge).await, 1);
    let variables = [("BRIDGE_GROUPS_MAX_AGE_SECONDS", "60"), UNREFRESHED];
    let other = bridge.beside(&variables).await;
    age(&bridge, 60);
    assert_eq!(exchange(&ann.at(&other.address)).await.status, 401);
}

#[tokio::test]
async fn se_12_for_a_minute_and_twice_is_not_yet_persistent_and_a_success_begins_anew() {
    let (bridge, ann) = with_ann_and(Rotation::None, &[UNREFRESHED]).await;
    let refused = async |after| {
        bridge.provider.once(Endpoint::Token, as_dex());
        age(&bridge, after);
        assert_eq!(exchange(&ann).await.status, 503);
    };
    refused(601).await;
    refused(120).await;
    age(&bridge, 10);
    assert_eq!(exchange(&ann).await.status, 200);
    refused(601).await;
    refused(120).await;
    assert_eq!(rows(&bridge).await, 1);
    age(&bridge, 10);
    assert_eq!(exchange(&ann).await.status, 200);
}

#[tokio::test]
async fn se_12_what_is_not_about_the_refresh_token_never_ends_a_session() {
    let answers = [
        Answer::status(500),
        Answer::html(502),
        Answer::json(400, &json!({"error": "temporarily_unavailable"})),
        Answer::json(500, &json!({"error": "server_error"})),
        Answer::status(408),
        Answer::status(401),
        Answer::json(401, &json!({"error": "invalid_client"})),
        Answer::json(400, &json!({"error": "unauthorized_client"})),
        Answer::json(429, &json!({"error": "invalid_request"})),
    ];
    // A refused client and 429 hold all refreshes; here that is over at once, or nothing of
    // what follows would reach the provider.
    let rest = Duration::from_millis(1);
    let pace = Pace {
        rest_first: rest,
        rest_max: rest,
        ..Pace::default()
    };
    let (bridge, _) = with_ann_at(pace, Rotation::None, &[UNREFRESHED]).await;
    let browsers = signed_in_as(&bridge, "person", answers.len()).await;
    let before = rows(&bridge).await;
    age(&bridge, 601);
    for (number, (answer, browser)) in answers.into_iter().zip(&browsers).enumerate() {
        let person = format!("person-{number}");
        bridge.provider.answer_refreshes_of(&person, answer);
        for _ in 0..4 {
            age(&bridge, 31);
            // The rest passes.
            tokio::time::sleep(2 * rest).await;
            let asked = bridge.provider.refreshes();
            assert_eq!(exchange(browser).await.status, 503, "{person}");
            assert_eq!(bridge.provider.refreshes(), asked + 1, "{person}");
        }
    }
    assert_eq!(rows(&bridge).await, before);
}
