//! What the provider may send back and what comes of it (CB-6 to CB-9, CB-11 to CB-14).

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;

use crate::bridge::{TestBridge, path_of};
use crate::callback::{assert_no_session, come_back, with};
use crate::provider::{Answer, Endpoint};

#[tokio::test]
async fn cb_6_the_providers_no_is_a_page_that_repeats_nothing() {
    let bridge = TestBridge::start().await;
    let mut ann = bridge.browser();
    let begun = ann.get("/auth/login").await;
    let back = bridge.provider.deny(&begun.location(), "<b>evil</b>").await;
    let script = "<script>alert(1)</script>";
    let back = with(&back, "error_description", Some(script));

    let answer = ann.get(&path_of(&back)).await;

    assert_no_session(&bridge, &answer, 403, "provider_error").await;
    assert!(!answer.body.contains("evil") && !answer.body.contains("alert"));
    let policy = answer.header("content-security-policy");
    assert!(policy.starts_with("default-src 'none'"), "{policy}");
    assert!(ann.cookies.is_empty(), "the attempt is over");
    assert_eq!(bridge.provider.hits(Endpoint::Token), 0);
}

#[tokio::test]
async fn cb_6_an_error_for_another_state_leaves_the_attempt_alone() {
    let bridge = TestBridge::start().await;
    bridge.provider.person("ann");
    let mut ann = bridge.browser();
    let back = come_back(&bridge.provider, &mut ann, "ann").await;

    let forged = ann
        .get("/auth/callback?error=access_denied&state=of-another-browser")
        .await;
    assert_no_session(&bridge, &forged, 400, "attempt_unknown").await;
    assert!(forged.set_cookies().is_empty());

    assert_eq!(ann.get(&path_of(&back)).await.status, 303);
}

#[tokio::test]
async fn cb_7_cb_8_cb_9_an_answer_has_one_code_or_one_error_and_nothing_twice() {
    let bridge = TestBridge::start().await;
    bridge.provider.person("ann");
    let mut ann = bridge.browser();
    let back = come_back(&bridge.provider, &mut ann, "ann").await;
    let query = back.query().unwrap().to_owned();
    let sent: BTreeMap<String, String> = back.query_pairs().into_owned().collect();
    let (code, state) = (&sent["code"], &sent["state"]);
    for wrong in [
        String::new(),
        format!("state={state}"),
        format!("state={state}&code="),
        format!("code={code}"),
        format!("{query}&error=access_denied"),
        format!("{query}&error="),
        format!("{query}&code={code}"),
        format!("{query}&state={state}"),
        format!("state=x&{query}"),
        format!("{query}&iss=https://evil.example"),
        format!("{query}&error_description=a&error_description=b"),
        format!("{query}&id_token=x.y.z"),
        format!("{query}&access_token=x"),
        format!("state={state}&id_token=x.y.z"),
        format!("state={state}&access_token=x&token_type=Bearer"),
    ] {
        let answer = ann.get(&format!("/auth/callback?{wrong}")).await;
        assert_no_session(&bridge, &answer, 400, "answer_refused").await;
    }
    for method in ["POST", "HEAD", "PUT"] {
        let answer = ann.send(method, &path_of(&back), &[], &query).await;
        assert_eq!(answer.status, 405, "{method}");
    }
    assert_eq!(bridge.provider.hits(Endpoint::Token), 0);
    assert_eq!(ann.get(&path_of(&back)).await.status, 303);
}

#[tokio::test]
async fn cb_11_a_failure_of_the_token_endpoint_starts_no_session_and_a_retry_works() {
    let bridge = TestBridge::start().await;
    bridge.provider.person("ann");
    let error = |word: &str| json!({"error": word, "error_description": "<script>"});
    let elsewhere = format!("{}/elsewhere", bridge.provider.issuer());
    for says in [
        Answer::json(400, &error("invalid_grant")),
        Answer::json(401, &error("invalid_client")),
        Answer::json(200, &error("invalid_grant")),
        Answer::json(200, &json!([])),
        Answer::status(500),
        Answer::html(200),
        Answer::html(502),
        Answer::huge(50_000_000),
        Answer::redirect(&elsewhere),
    ] {
        let said = format!("{says:?}");
        bridge.provider.once(Endpoint::Token, says);
        let mut ann = bridge.browser();
        let back = come_back(&bridge.provider, &mut ann, "ann").await;
        let answer = ann.get(&path_of(&back)).await;
        assert_no_session(&bridge, &answer, 502, "provider_failed").await;
        assert!(!answer.body.contains("<script>"), "{said}");
        assert!(answer.body.contains("Sign in again"), "{said}");
    }
    assert_eq!(bridge.provider.hits(Endpoint::Elsewhere), 0);
    let none = |answer: crate::provider::Fields| answer.without("id_token");
    bridge.provider.next_token_answer(none);
    let mut ann = bridge.browser();
    let back = come_back(&bridge.provider, &mut ann, "ann").await;
    let answer = ann.get(&path_of(&back)).await;
    assert_no_session(&bridge, &answer, 400, "answer_refused").await;

    bridge.sign_in(&mut ann, "ann").await;
}

#[tokio::test]
async fn cb_12_a_session_planted_before_the_sign_in_is_worth_nothing_after_it() {
    let bridge = TestBridge::start().await;
    bridge.provider.person("ann");
    let planted = URL_SAFE_NO_PAD.encode([7; 32]);
    let mut ann = bridge.browser();
    ann.cookies
        .insert("__Host-bridge_session".to_owned(), planted.clone());
    let attacker = ann.clone();

    bridge.sign_in(&mut ann, "ann").await;

    let (_, value) = ann.session().unwrap();
    assert_ne!(value, planted);
    assert_eq!(ann.peek("/api/session").await.status, 200);
    assert_eq!(attacker.peek("/api/session").await.status, 401);
}

#[tokio::test]
async fn cb_12_signing_in_ends_the_session_that_the_browser_had() {
    let bridge = TestBridge::start().await;
    bridge.provider.person("ann");
    bridge.provider.person("bob");
    let mut shared = bridge.signed_in("ann").await;
    let anns = shared.clone();
    assert_eq!(anns.peek("/api/session").await.status, 200);

    bridge.sign_in(&mut shared, "bob").await;

    assert_ne!(shared.session(), anns.session());
    assert_eq!(anns.peek("/api/session").await.status, 401);
    assert_eq!(anns.token(json!({})).await.status, 401);
    let session = shared.peek("/api/session").await;
    assert_eq!(session.json()["identity"]["subject"], "bob");
    assert!(!session.body.contains("ann"));
    assert_eq!(bridge.count("sessions").await, 1);
}

#[tokio::test]
async fn cb_12_where_the_earlier_session_cannot_be_ended_there_is_no_new_one() {
    let bridge = TestBridge::start().await;
    bridge.provider.person("ann");
    bridge.provider.person("bob");
    let mut shared = bridge.signed_in("ann").await;
    let anns = shared.clone();
    sqlx::raw_sql(
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
             $$ BEGIN RAISE EXCEPTION 'refused' USING ERRCODE = 'lock_not_available'; END $$;
         CREATE TRIGGER refuse BEFORE DELETE ON sessions FOR EACH ROW EXECUTE FUNCTION refuse()",
    )
    .execute(&bridge.db)
    .await
    .unwrap();

    let back = come_back(&bridge.provider, &mut shared, "bob").await;
    assert_eq!(shared.get(&path_of(&back)).await.status, 503);

    assert_eq!(bridge.count("sessions").await, 1);
    assert_eq!(anns.peek("/api/session").await.status, 200);
}

#[tokio::test]
async fn an_attempt_that_the_database_did_not_spend_is_tried_again_at_the_same_address() {
    let bridge = TestBridge::start().await;
    bridge.provider.person("ann");
    let mut ann = bridge.browser();
    let back = path_of(&come_back(&bridge.provider, &mut ann, "ann").await);
    let sql = async |sql: &'static str| sqlx::raw_sql(sql).execute(&bridge.db).await.unwrap();
    sql(
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
             $$ BEGIN RAISE EXCEPTION 'refused' USING ERRCODE = 'lock_not_available'; END $$;
         CREATE TRIGGER refuse BEFORE INSERT ON spent_attempts
             FOR EACH ROW EXECUTE FUNCTION refuse()",
    )
    .await;
    assert_eq!(ann.get(&back).await.status, 503);

    sql("DROP TRIGGER refuse ON spent_attempts").await;

    assert_eq!(ann.get(&back).await.status, 303);
    assert_eq!(ann.get("/api/session").await.status, 200);
}

#[tokio::test]
async fn cb_13_code_and_state_stay_behind() {
    let bridge = TestBridge::start().await;
    bridge.provider.person("ann");
    let mut ann = bridge.browser();
    let back = come_back(&bridge.provider, &mut ann, "ann").await;

    let done = ann.get(&path_of(&back)).await;

    assert_eq!(done.status, 303);
    assert_eq!(done.header("location"), "https://bridge.example/");
    assert_eq!(done.header("referrer-policy"), "no-referrer");
    assert_eq!(done.header("cache-control"), "no-store");
    assert_eq!(done.body, "");
    let left: Vec<&String> = ann.cookies.keys().collect();
    assert_eq!(left, ["__Host-bridge_session"]);
}

#[tokio::test]
async fn cb_14_userinfo_about_another_user_or_out_of_order_fails_the_sign_in() {
    let bridge = TestBridge::start().await;
    let ann = bridge.provider.person("ann");
    ann.userinfo_claim("groups", json!(["viewers"]));
    for subject in [json!("eve"), json!(""), json!(null), json!(["ann"])] {
        let other = move |claims: crate::provider::Fields| claims.set("sub", subject);
        bridge.provider.next_userinfo(other);
        let mut ann = bridge.browser();
        let back = come_back(&bridge.provider, &mut ann, "ann").await;
        let answer = ann.get(&path_of(&back)).await;
        assert_no_session(&bridge, &answer, 400, "answer_refused").await;
    }
    for says in [Answer::status(500), Answer::status(401), Answer::html(200)] {
        bridge.provider.once(Endpoint::Userinfo, says);
        let mut ann = bridge.browser();
        let back = come_back(&bridge.provider, &mut ann, "ann").await;
        let answer = ann.get(&path_of(&back)).await;
        assert_no_session(&bridge, &answer, 502, "provider_failed").await;
    }
    bridge.signed_in("ann").await;
}
