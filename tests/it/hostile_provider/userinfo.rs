//! Userinfo, where the groups are told there alone (CB-14).

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use red5_bridge::oidc::Pace;
use serde_json::{Value, json};

use super::{Case, FAILED, NOT_BELIEVED, PACE, Siege, ann_at_userinfo, case};
use crate::provider::{Answer, Endpoint, Key, Provider};

fn subject(value: Value) -> Case {
    case(format!("CB-14: sub is {value}"), move |provider| {
        provider.next_userinfo(|claims| claims.set("sub", value));
    })
}

fn says(name: &str, answer: Answer) -> Case {
    case(format!("CB-14: {name}"), move |provider| {
        provider.always(Endpoint::Userinfo, answer);
    })
}

fn about_another_user() -> Vec<Case> {
    let mut cases: Vec<Case> = [
        json!("eve"),
        json!("ANN"),
        json!("ann "),
        json!("ann\u{0}"),
        json!("\u{430}nn"),
        json!(""),
        json!(null),
        json!(["ann"]),
        json!({"sub": "ann"}),
        json!(7),
    ]
    .map(subject)
    .into();
    cases.extend([
        case("CB-14: no sub", |provider| {
            provider.next_userinfo(|claims| claims.without("sub"));
        }),
        says(
            "nothing but groups",
            Answer::json(200, &json!({"groups": ["streaming-admins"]})),
        ),
        says(
            "an error in 200",
            Answer::json(200, &json!({"error": "invalid_token"})),
        ),
        says("an empty object", Answer::json(200, &json!({}))),
    ]);
    cases
}

fn no_claims() -> Vec<Case> {
    let gzip = b"\x1f\x8b\x08\0\0\0\0\0\0\x03";
    let deep = format!("{{\"sub\":\"ann\",\"groups\":{}", "[".repeat(100_000));
    vec![
        says(
            "two subjects",
            Answer::text(200, r#"{"sub":"ann","groups":["a"],"sub":"eve"}"#),
        ),
        says(
            "groups twice",
            Answer::text(200, r#"{"sub":"ann","groups":["a"],"groups":["b"]}"#),
        ),
        says("a list", Answer::json(200, &json!(["ann"]))),
        says("a text", Answer::json(200, &json!("ann"))),
        says("null", Answer::json(200, &json!(null))),
        says("nothing", Answer::bytes(200, b"")),
        says("a page", Answer::html(200)),
        says("half of it", Answer::text(200, r#"{"sub":"ann","#)),
        says(
            "something behind it",
            Answer::text(200, r#"{"sub":"ann"}{}"#),
        ),
        says(
            "not UTF-8",
            Answer::bytes(200, b"{\"sub\":\"ann\",\"x\":\"\xff\"}"),
        ),
        says("nested 100,000 deep", Answer::text(200, &deep)),
        says(
            "compressed, unasked",
            Answer::bytes(200, gzip).header("content-encoding", "gzip"),
        ),
        says(
            "401",
            Answer::status(401).header("www-authenticate", "Bearer error=\"invalid_token\""),
        ),
        says("403", Answer::status(403)),
        says("404", Answer::status(404)),
        says("500", Answer::status(500)),
        says(
            "500 and the claims",
            Answer::json(500, &json!({"sub": "ann", "groups": ["viewers"]})),
        ),
        says("204", Answer::status(204)),
        says("a gigabyte", Answer::huge(1 << 30)),
        says("a gigabyte, announced", Answer::huge_and_said_so(1 << 30)),
        says("cut off", Answer::cut_off()),
        says(
            "303 to the cloud's metadata",
            Answer::status(303).header("location", "http://169.254.169.254/latest"),
        ),
        case(
            "CB-14: 302 elsewhere, which would send the access token there",
            |provider| {
                let elsewhere = format!("{}/elsewhere", provider.issuer());
                provider.always(Endpoint::Userinfo, Answer::redirect(&elsewhere));
            },
        ),
    ]
}

/// An answer that is signed, or says so.
fn as_tokens() -> Vec<Case> {
    let token = |header: Value, claims: Value, key: &Key| {
        let part = |json: Value| URL_SAFE_NO_PAD.encode(json.to_string());
        let input = format!("{}.{}", part(header), part(claims));
        format!("{input}.{}", URL_SAFE_NO_PAD.encode(key.sign(&input)))
    };
    let ours = Key::rs256("rs-1");
    let claims = || json!({"sub": "ann", "groups": ["streaming-admins"]});
    let unsigned = token(json!({"alg": "none"}), claims(), &ours);
    let of_eve = Key::es256("rs-1", 9);
    [
        (
            "about another",
            token(ours.header(), json!({"sub": "eve"}), &ours),
        ),
        (
            "by a key of the attacker",
            token(of_eve.header(), claims(), &of_eve),
        ),
        ("by HS256", token(json!({"alg": "HS256"}), claims(), &ours)),
        (
            "unsigned",
            unsigned[..=unsigned.rfind('.').unwrap()].to_owned(),
        ),
        ("encrypted", "e30.e30.e30.e30.e30".to_owned()),
        ("that is JSON", claims().to_string()),
        ("of nothing", String::new()),
    ]
    .map(|(name, token)| {
        let answer = Answer::text(200, &token).header("content-type", "application/jwt");
        says(&format!("a token {name}"), answer)
    })
    .into()
}

#[tokio::test]
async fn cb_14_signed_userinfo_that_does_not_verify_starts_no_session() {
    // Otherwise the keys are read for the ID token, and once more for userinfo.
    let pace = Pace {
        keys_max_age: Duration::from_hours(1),
        ..PACE
    };
    let siege = Siege::lay_with(pace, Provider::start_with, ann_at_userinfo).await;
    siege.withstands(NOT_BELIEVED, as_tokens()).await;
}

#[tokio::test]
async fn cb_14_userinfo_about_another_user_starts_no_session() {
    let siege = Siege::lay(ann_at_userinfo).await;
    siege.withstands(NOT_BELIEVED, about_another_user()).await;
}

#[tokio::test]
async fn cb_14_userinfo_without_claims_starts_no_session() {
    let siege = Siege::lay(ann_at_userinfo).await;
    siege.withstands(FAILED, no_claims()).await;
}
