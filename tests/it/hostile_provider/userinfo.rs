//! Userinfo, where the groups are told there alone (CB-14).

use serde_json::{Value, json};

use super::{Case, FAILED, NOT_BELIEVED, Siege, ann_at_userinfo, case};
use crate::provider::{Answer, Endpoint, Key};

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

fn about_somebody_else() -> Vec<Case> {
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
    let signed = {
        let key = Key::rs256("rs-1");
        let input = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhbm4iLCJncm91cHMiOlsiYSJdfQ";
        let signature = base64::Engine::encode(
            &base64::engine::general_purpose::URL_SAFE_NO_PAD,
            key.sign(input),
        );
        format!("{input}.{signature}")
    };
    let gzip = b"\x1f\x8b\x08\0\0\0\0\0\0\x03";
    let deep = format!("{{\"sub\":\"ann\",\"groups\":{}", "[".repeat(100_000));
    let jwt = Answer::bytes(200, signed.as_bytes()).header("content-type", "application/jwt");
    vec![
        says("a signed answer, which was not asked for", jwt),
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

#[tokio::test]
async fn cb_14_userinfo_about_somebody_else_signs_nobody_in() {
    let siege = Siege::lay(ann_at_userinfo).await;
    siege.withstands(NOT_BELIEVED, about_somebody_else()).await;
}

#[tokio::test]
async fn cb_14_userinfo_without_claims_signs_nobody_in() {
    let siege = Siege::lay(ann_at_userinfo).await;
    siege.withstands(FAILED, no_claims()).await;
}
