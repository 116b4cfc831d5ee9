//! What an answer to a refresh may say, and what it means (SE-11, SE-12).

use serde_json::{Value, json};

use super::{AGE, age, exchange, with_ann, with_ann_and};
use crate::bridge::{Browser, TestBridge};
use crate::eventually::eventually;
use crate::provider::{Answer, Endpoint, IdToken, Key, Rotation};

/// The session is over: the next request is told to sign in.
async fn is_over(bridge: &TestBridge, browser: &Browser) {
    let answer = exchange(browser).await;
    assert_eq!(answer.status, 401, "{}", answer.body);
    let rows: i64 = sqlx::query_scalar("SELECT count(*) FROM sessions WHERE subject = 'ann'")
        .fetch_one(&bridge.db)
        .await
        .unwrap();
    assert_eq!(rows, 0);
}

/// The session is kept: 503 now, and a token when the provider is itself again.
async fn is_kept(bridge: &TestBridge, browser: &Browser, what: &str) {
    let answer = exchange(browser).await;
    assert_eq!(answer.status, 503, "{what}: {}", answer.body);
    assert_eq!(answer.code(), "unavailable");
    eventually("a token", async || {
        age(bridge, 2);
        exchange(browser).await.status == 200
    })
    .await;
}

#[tokio::test]
async fn se_12_a_grant_that_was_taken_back_ends_the_session() {
    let (bridge, ann) = with_ann().await;
    bridge.provider.revoke("ann");
    age(&bridge, 2 * AGE + 1);
    is_over(&bridge, &ann).await;
}

#[tokio::test]
async fn se_12_it_ends_also_when_it_is_found_out_beside_the_requests() {
    let (bridge, ann) = with_ann().await;
    bridge.provider.revoke("ann");
    age(&bridge, 2 * AGE - 2);
    assert_eq!(exchange(&ann).await.status, 200);
    eventually("the end", async || exchange(&ann).await.status == 401).await;
}

#[tokio::test]
async fn se_12_no_other_error_ends_the_session() {
    let errors: [(&str, Answer); 9] = [
        ("500", Answer::status(500)),
        ("503", Answer::html(503)),
        ("429", Answer::status(429)),
        ("a page", Answer::html(200)),
        ("a redirect", Answer::redirect("https://elsewhere.example/")),
        ("half an answer", Answer::cut_off()),
        (
            "invalid_client",
            Answer::json(401, &json!({"error": "invalid_client"})),
        ),
        (
            "invalid_scope",
            Answer::json(400, &json!({"error": "invalid_scope"})),
        ),
        (
            "temporarily_unavailable",
            Answer::json(400, &json!({"error": "temporarily_unavailable"})),
        ),
    ];
    let (bridge, ann) = with_ann().await;
    for (what, answer) in errors {
        age(&bridge, 2 * AGE + 1);
        bridge.provider.once(Endpoint::Token, answer);
        is_kept(&bridge, &ann, what).await;
    }
}

#[tokio::test]
async fn se_11_an_answer_for_another_subject_or_issuer_ends_the_session() {
    for (claim, value) in [("sub", "eve"), ("iss", "https://other.example")] {
        let (bridge, ann) = with_ann().await;
        bridge
            .provider
            .next_id_token(move |token| token.claim(claim, value));
        age(&bridge, 2 * AGE + 1);
        is_over(&bridge, &ann).await;
    }
}

#[tokio::test]
async fn se_11_an_answer_may_repeat_the_nonce_of_the_sign_in() {
    let (bridge, ann) = with_ann().await;
    let nonce = bridge.provider.last(Endpoint::Authorize).query["nonce"].clone();
    bridge
        .provider
        .next_id_token(move |token| token.claim("nonce", nonce));
    age(&bridge, 2 * AGE + 1);
    assert_eq!(exchange(&ann).await.status, 200);
    // A session of before that was kept.
    sqlx::query("UPDATE sessions SET nonce_hash = NULL")
        .execute(&bridge.db)
        .await
        .unwrap();
    let after = bridge
        .beside(&[("BRIDGE_GROUPS_MAX_AGE_SECONDS", "60")])
        .await;
    bridge
        .provider
        .next_id_token(|token| token.claim("nonce", "unknown"));
    age(&bridge, 2 * AGE + 1);
    assert_eq!(exchange(&ann.at(&after.address)).await.status, 200);
}

fn next_without_id_token(bridge: &TestBridge) {
    bridge
        .provider
        .next_token_answer(|answer| answer.without("id_token"));
}

type Bend = fn(IdToken) -> IdToken;

#[tokio::test]
async fn se_11_an_id_token_that_must_not_be_believed_is_no_refresh_and_its_refresh_token_is_kept() {
    let bends: [(&str, Bend); 12] = [
        ("aud", |token| token.claim("aud", "other")),
        ("two audiences", |token| {
            token.claim("aud", json!(["bridge", "other"]))
        }),
        ("azp", |token| token.claim("azp", "other")),
        ("exp", |token| token.claim("exp", 1_000_000_000)),
        ("iat", |token| token.claim("iat", 1_000_000_000)),
        ("at_hash", |token| {
            token.claim("at_hash", "AAAAAAAAAAAAAAAAAAAAAA")
        }),
        ("events", |token| token.claim("events", json!({}))),
        ("typ", |token| token.header("typ", "logout+jwt")),
        ("another nonce", |token| token.claim("nonce", "another")),
        ("a nonce that is no text", |token| token.claim("nonce", 7)),
        ("alg none", |token| token.header("alg", "none").unsigned()),
        ("another's key", |token| {
            token.signed_by(&Key::rs256("rs-9"))
        }),
    ];
    let (bridge, ann) = with_ann().await;
    for (what, bend) in bends {
        age(&bridge, 2 * AGE + 1);
        bridge.provider.next_id_token(bend);
        is_kept(&bridge, &ann, what).await;
    }
}

#[tokio::test]
async fn without_an_id_token_userinfo_says_who_it_is_now() {
    let (bridge, ann) = with_ann().await;
    age(&bridge, 2 * AGE + 1);
    next_without_id_token(&bridge);
    assert_eq!(exchange(&ann).await.status, 200);
    assert_eq!(bridge.provider.hits(Endpoint::Userinfo), 1);
    bridge.provider.person("ann").groups([]);
    age(&bridge, 2 * AGE + 1);
    next_without_id_token(&bridge);
    assert_eq!(exchange(&ann).await.code(), "no_grant");
}

#[tokio::test]
async fn userinfo_without_the_claim_means_no_groups_and_never_those_of_before() {
    let (bridge, ann) = with_ann().await;
    bridge.provider.person("ann").without("groups");
    next_without_id_token(&bridge);
    age(&bridge, 2 * AGE + 1);
    assert_eq!(exchange(&ann).await.code(), "no_grant");
}

#[tokio::test]
async fn cb_14_userinfo_about_another_user_ends_the_session() {
    let (bridge, ann) = with_ann().await;
    next_without_id_token(&bridge);
    bridge
        .provider
        .next_userinfo(|claims| claims.set("sub", "eve"));
    age(&bridge, 2 * AGE + 1);
    is_over(&bridge, &ann).await;
}

#[tokio::test]
async fn userinfo_without_a_subject_and_an_empty_refresh_token_end_no_session() {
    let (bridge, ann) = with_ann().await;
    next_without_id_token(&bridge);
    bridge
        .provider
        .next_userinfo(|claims| claims.without("sub"));
    age(&bridge, 2 * AGE + 1);
    is_kept(&bridge, &ann, "userinfo without a subject").await;

    let (bridge, ann) = with_ann_and(Rotation::None, &[]).await;
    for _ in 0..2 {
        bridge
            .provider
            .next_token_answer(|answer| answer.set("refresh_token", ""));
        age(&bridge, 2 * AGE + 1);
        assert_eq!(exchange(&ann).await.status, 200);
    }
}

#[tokio::test]
async fn neither_an_id_token_nor_userinfo_is_no_refresh_and_the_rotated_refresh_token_is_kept() {
    let (bridge, ann) = with_ann().await;
    bridge
        .provider
        .discovery(|document| document.without("userinfo_endpoint"));
    let informed = bridge
        .beside(&[("BRIDGE_GROUPS_MAX_AGE_SECONDS", "60")])
        .await;
    let ann = ann.at(&informed.address);
    next_without_id_token(&bridge);
    age(&bridge, 2 * AGE + 1);
    is_kept(&bridge, &ann, "nothing new").await;
    assert_eq!(bridge.provider.refreshes(), 2);
}

#[tokio::test]
async fn a_groups_claim_that_is_gone_means_no_groups_and_never_those_of_before() {
    let gone: [fn(&TestBridge); 2] = [
        |bridge| {
            bridge.provider.person("ann").without("groups");
        },
        |bridge| {
            bridge.provider.person("ann").claim("groups", Value::Null);
        },
    ];
    for forget in gone {
        let (bridge, ann) = with_ann().await;
        forget(&bridge);
        age(&bridge, 2 * AGE + 1);
        assert_eq!(exchange(&ann).await.code(), "no_grant");
    }
}

#[tokio::test]
async fn id_14_an_overage_at_a_refresh_leaves_no_group_and_says_why() {
    let (bridge, ann) = with_ann().await;
    let ann_now = bridge.provider.person("ann");
    ann_now
        .without("groups")
        .claim("_claim_names", json!({"groups": "src1"}));
    age(&bridge, 2 * AGE + 1);
    assert_eq!(exchange(&ann).await.code(), "groups_overage");
}

#[tokio::test]
async fn names_that_an_answer_does_not_repeat_are_those_of_before() {
    let (bridge, mut ann) = with_ann().await;
    bridge.provider.person("ann").claim("name", "Ann Lee");
    bridge.sign_in(&mut ann, "ann").await;
    let names = async || {
        age(&bridge, 2 * AGE + 1);
        let session = ann.peek("/api/session").await.json();
        let identity = &session["identity"];
        [identity["username"].clone(), identity["name"].clone()]
    };
    bridge
        .provider
        .next_id_token(|token| token.without("preferred_username").without("name"));
    assert_eq!(names().await, ["ann", "Ann Lee"]);
    bridge
        .provider
        .person("ann")
        .claim("preferred_username", "anna")
        .claim("name", "Anna Lee");
    assert_eq!(names().await, ["anna", "Anna Lee"]);
}

/// Ann's user name and name are told at userinfo alone.
async fn with_names_at_userinfo() -> (TestBridge, Browser) {
    let (bridge, mut ann) = with_ann().await;
    bridge.provider.person("ann").claim("name", "Ann Lee");
    bridge
        .provider
        .every_id_token(|token| token.without("preferred_username").without("name"));
    bridge.sign_in(&mut ann, "ann").await;
    (bridge, ann)
}

async fn names(browser: &Browser) -> [Value; 2] {
    let session = browser.peek("/api/session").await.json();
    let identity = &session["identity"];
    [identity["username"].clone(), identity["name"].clone()]
}

#[tokio::test]
async fn se_6_a_user_name_that_cannot_be_read_serves_no_longer_than_groups_do() {
    let (bridge, ann) = with_names_at_userinfo().await;
    let gone = Answer::status(500);
    bridge.provider.always(Endpoint::Userinfo, gone);
    age(&bridge, 2 * AGE - 2);
    assert_eq!(names(&ann).await, ["ann", "Ann Lee"]);
    eventually("a refresh", async || bridge.provider.refreshes() == 1).await;
    age(&bridge, 10);
    assert_eq!(exchange(&ann).await.status, 503);
    bridge.provider.behave(Endpoint::Userinfo);
    age(&bridge, 6);
    assert_eq!(exchange(&ann).await.status, 200);
}

#[tokio::test]
async fn se_6_a_user_name_that_the_provider_does_not_say_any_more_is_gone() {
    let (bridge, ann) = with_names_at_userinfo().await;
    let ann_now = bridge.provider.person("ann");
    ann_now.without("preferred_username").without("name");
    age(&bridge, 2 * AGE + 1);
    assert_eq!(names(&ann).await, [json!(null), json!("Ann Lee")]);
}

#[tokio::test]
async fn jw_4_keys_that_the_provider_changed_during_the_session_are_read_again() {
    let (bridge, ann) = with_ann().await;
    bridge.provider.use_key(&Key::rs256("rs-2"));
    age(&bridge, 2 * AGE + 1);
    assert_eq!(exchange(&ann).await.status, 200);
}

#[tokio::test]
async fn the_hint_for_signing_out_is_the_newest_id_token() {
    let (bridge, ann) = with_ann_and(Rotation::Each, &[]).await;
    let sealed = async || -> Vec<u8> {
        sqlx::query_scalar("SELECT sealed_id_token FROM sessions WHERE subject = 'ann'")
            .fetch_one(&bridge.db)
            .await
            .unwrap()
    };
    let before = sealed().await;
    age(&bridge, 2 * AGE + 1);
    assert_eq!(exchange(&ann).await.status, 200);
    assert_ne!(sealed().await, before);
}
