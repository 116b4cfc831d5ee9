//! What the program tells when people are stopped, by whomever, and when their groups are
//! read again.

use std::time::Duration;

use serde_json::{Value, json};
use sqlx::{Connection as _, PgConnection};

use super::events::{Told, fits_the_page};
use crate::bridge::{ADMIN_GROUP, Browser, path_of};
use crate::eventually::eventually;
use crate::provider::{Answer, Endpoint, IdToken, Place, Provider, Rotation};

/// The fields that say whom, how many and who did it.
#[track_caller]
fn stopped(event: &Value, subject: &str, sessions: u64) {
    let fields = (&event["subject"], &event["sessions"], &event["actor"]);
    assert_eq!(fields, (&json!(subject), &json!(sessions), &json!("root")));
}

/// The address with vic in its query.
fn vic_of(told: &Told, path: &str) -> String {
    let query = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("issuer", told.process.provider.issuer())
        .append_pair("subject", "vic")
        .finish();
    format!("{path}?{query}")
}

async fn block(told: &Told, root: &Browser) {
    let block = json!({
        "issuer": told.process.provider.issuer(), "subject": "vic", "reason": "Left the company.",
    });
    let answer = root.api("POST", "/api/admin/blocks", &block).await;
    assert_eq!(answer.status, 201, "{}", answer.body);
}

#[tokio::test]
async fn lg_2_who_is_stopped_by_an_administrator_is_told_once_with_who_did_it() {
    let told = Told::start(&[]).await;
    let provider = &told.process.provider;
    provider.person("root").groups([ADMIN_GROUP]);
    provider.person("vic").groups(["viewers"]);
    let root = told.signed_in("root").await;
    let mut step = told.steps();

    told.signed_in("vic").await;
    step(&["signed_in"]);
    let found = root.peek("/api/admin/sessions?person=vic").await.json();
    let id = found["items"][0]["id"].as_str().unwrap().to_owned();
    root.api("DELETE", &format!("/api/admin/sessions/{id}"), &json!({}))
        .await;
    stopped(&step(&["session_ended"])[0], "vic", 1);

    told.signed_in("vic").await;
    told.signed_in("vic").await;
    step(&["signed_in", "signed_in"]);
    let all = vic_of(&told, "/api/admin/sessions");
    root.api("DELETE", &all, &json!({})).await;
    stopped(&step(&["person_ended"])[0], "vic", 2);

    told.signed_in("vic").await;
    step(&["signed_in"]);
    block(&told, &root).await;
    stopped(&step(&["person_blocked"])[0], "vic", 1);
    let mut browser = told.browser();
    assert_eq!(told.come_back(&mut browser, "vic").await, 403);
    let event = &step(&["blocked"])[0];
    assert_eq!(
        (&event["at"], &event["subject"]),
        (&json!("sign_in"), &json!("vic"))
    );
    let lift = vic_of(&told, "/api/admin/blocks");
    root.api("DELETE", &lift, &json!({})).await;
    stopped(&step(&["person_unblocked"])[0], "vic", 0);

    // A row that was written by hand ends no session, and its user is refused all the same.
    let vic = told.signed_in("vic").await;
    step(&["signed_in"]);
    let mut hand = PgConnection::connect(&told.database_url).await.unwrap();
    sqlx::query(
        "INSERT INTO blocked (issuer, subject, reason, created_at, created_by)
         VALUES ($1, 'vic', 'by hand', now(), 'dba')",
    )
    .bind(provider.issuer())
    .execute(&mut hand)
    .await
    .unwrap();
    eventually("the block is heard of", async || {
        vic.peek("/api/session").await.status == 403
    })
    .await;
    let event = &step(&["blocked"])[0];
    assert_eq!(
        (&event["at"], &event["subject"]),
        (&json!("session"), &json!("vic"))
    );

    assert!(fits_the_page(&told.events()) >= 6);
    assert!(!told.process.log().contains("Left the company"));
}

/// As the provider sends it.
async fn send(told: &Told, token: &str) -> u16 {
    let body = format!("logout_token={token}");
    let kind = [("content-type", "application/x-www-form-urlencoded")];
    let browser = told.browser();
    let answer = browser.send("POST", "/auth/backchannel-logout", &kind, &body);
    answer.await.status
}

#[tokio::test]
async fn lg_2_a_logout_token_is_told_by_what_came_of_it() {
    let told = Told::start(&[]).await;
    let provider = &told.process.provider;
    provider.person("vic").claim("sid", "s-1");
    told.signed_in("vic").await;
    told.signed_in("vic").await;
    let mut step = told.steps();
    let token = |bend: fn(IdToken) -> IdToken| provider.logout_token(bend);

    let by_sid = token(|token| token.claim("sid", "s-1"));
    assert_eq!(send(&told, &by_sid).await, 200);
    let event = &step(&["logged_out"])[0];
    assert_eq!(
        (&event["by"], &event["sessions"]),
        (&json!("sid"), &json!(2))
    );
    assert_eq!(send(&told, &by_sid).await, 200);
    assert_eq!(step(&["logout_repeated"])[0]["by"], "sid");

    let by_subject = token(|token| token.claim("sub", "vic"));
    assert_eq!(send(&told, &by_subject).await, 200);
    let event = &step(&["logged_out"])[0];
    assert_eq!(
        (&event["by"], &event["sessions"], &event["subject"]),
        (&json!("subject"), &json!(0), &json!("vic"))
    );

    assert_eq!(send(&told, &token(|token| token)).await, 400);
    assert!(step(&["logout_refused"])[0]["reason"].is_string());

    fits_the_page(&told.events());
    let log = told.process.log();
    for token in [by_sid, by_subject] {
        assert!(!log.contains(&token));
    }
}

#[tokio::test]
async fn lg_2_a_logout_token_that_cannot_be_verified_is_logged_as_a_warning() {
    let issuer = Place::free().issuer();
    let told = Told::start(&[("OIDC_ISSUER_URL", &issuer)]).await;
    let token = told
        .process
        .provider
        .logout_token(|token| token.claim("iss", &*issuer).claim("sub", "vic"));
    assert_eq!(send(&told, &token).await, 503);
    let events = told.events();
    let event = told_of(&events, "logout_not_verified");
    assert_eq!(event["level"], "WARN");
    assert!(event["reason"].is_string());
    fits_the_page(&events);
}

#[tokio::test]
async fn a_refresh_token_that_is_not_revoked_because_too_many_are_is_told() {
    let provider = Provider::start();
    let endpoint = format!("{}/revoke", provider.issuer());
    provider.discovery(|document| document.set("revocation_endpoint", endpoint));
    provider.give_refresh_tokens(Rotation::Each);
    provider.always(Endpoint::Revocation, Answer::late(Duration::from_mins(10)));
    let told = Told::start(&[("OIDC_ISSUER_URL", provider.issuer())]).await;
    let mut browsers = Vec::new();
    for number in 0..12 {
        let person = format!("person-{number}");
        provider.person(&person);
        let mut browser = told.browser();
        let begun = browser.get("/auth/login").await;
        let back = provider.approve(&begun.location(), &person).await;
        assert_eq!(browser.get(&path_of(&back)).await.status, 303);
        browsers.push(browser);
    }
    for browser in &mut browsers {
        let out = browser.submit("/", "/auth/logout", &[]).await;
        assert_eq!(out.status, 303);
    }
    let events = told.events();
    let event = events
        .iter()
        .find(|event| event["reason"] == "too_many_at_once")
        .unwrap_or_else(|| panic!("not told: {events:#?}"));
    assert_eq!(event["event"], "refresh_token_not_revoked");
    assert_eq!(event["level"], "WARN");
    fits_the_page(&events);
}

#[tokio::test]
async fn lg_2_groups_that_are_read_again_are_told_by_what_came_of_it() {
    let told = Told::start(&[("BRIDGE_GROUPS_MAX_AGE_SECONDS", "2")]).await;
    let provider = &told.process.provider;
    provider.give_refresh_tokens(Rotation::Each);
    provider.person("ann").groups(["viewers"]);
    provider.person("bob").groups(["viewers"]);
    let ann = told.signed_in("ann").await;
    let bob = told.signed_in("bob").await;
    // The program's clock is the machine's.
    let beyond_twice_the_age = || tokio::time::sleep(Duration::from_millis(4200));
    // What happens beside the requests belongs to none of them.
    let mut seen = told.events().len();
    let mut since = || {
        let new = told.events().split_off(seen);
        seen += new.len();
        new
    };

    beyond_twice_the_age().await;
    assert_eq!(ann.token(json!({})).await.status, 403);
    let new = since();
    let event = told_of(&new, "groups_refreshed");
    assert_eq!(
        (&event["subject"], &event["level"]),
        (&json!("ann"), &json!("DEBUG"))
    );

    provider.always(Endpoint::Token, Answer::status(503));
    assert_eq!(bob.token(json!({})).await.status, 503);
    let new = since();
    let event = told_of(&new, "refresh_failed");
    assert_eq!(
        (&event["subject"], &event["level"]),
        (&json!("bob"), &json!("WARN"))
    );
    assert!(event["reason"].is_string());

    provider.behave(Endpoint::Token);
    provider.revoke("ann");
    beyond_twice_the_age().await;
    assert_eq!(ann.token(json!({})).await.status, 401);
    let new = since();
    let event = told_of(&new, "session_over");
    assert_eq!(event["subject"], "ann");
    let error = event["error"].as_str().unwrap();
    assert!(error.ends_with("refused: invalid_grant"), "{error}");
    assert!(event["reason"].is_string());

    fits_the_page(&told.events());
    assert!(!told.process.log().contains("refresh-"), "a refresh token");
}

/// The one event of this name.
#[track_caller]
fn told_of<'a>(events: &'a [Value], name: &str) -> &'a Value {
    let mut found = events.iter().filter(|event| event["event"] == name);
    let first = found
        .next()
        .unwrap_or_else(|| panic!("no {name}: {events:#?}"));
    assert!(found.next().is_none(), "{name} twice: {events:#?}");
    first
}
