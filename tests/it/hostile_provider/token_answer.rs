//! Answers of the token endpoint that hold no ID token that could be looked at, or
//! come with something that must not be used (CB-11, TX-6).

use serde_json::{Value, json};

use super::{Case, FAILED, NOT_BELIEVED, Siege, ann, ann_at_userinfo, case};
use crate::provider::{Answer, Endpoint, Fields};

fn bent(name: &str, bend: impl FnOnce(Fields) -> Fields + Send + 'static) -> Case {
    case(name, move |provider| provider.next_token_answer(bend))
}

fn says(name: &str, answer: Answer) -> Case {
    case(name, move |provider| {
        provider.always(Endpoint::Token, answer);
    })
}

fn error(status: u16, word: &str) -> Case {
    let body = json!({"error": word, "error_description": "<script>alert(1)</script>"});
    says(
        &format!("CB-11: {status} {word}"),
        Answer::json(status, &body),
    )
}

fn no_answers() -> Vec<Case> {
    let gzip = b"\x1f\x8b\x08\0\0\0\0\0\0\x03";
    let deep = format!("{{\"a\":{}", "[".repeat(100_000));
    let beside = |member: &str, value: Value| {
        bent(&format!("CB-11: {member} is {value}"), {
            let member = member.to_owned();
            move |answer| answer.set(&member, value)
        })
    };
    vec![
        error(400, "invalid_grant"),
        error(400, "invalid_request"),
        error(400, "made up"),
        error(400, ""),
        error(401, "invalid_client"),
        error(403, "unauthorized_client"),
        error(200, "invalid_grant"),
        error(200, "server_error"),
        error(503, "temporarily_unavailable"),
        bent("CB-11: tokens and an error beside them", |answer| {
            answer.set("error", "invalid_grant")
        }),
        beside("id_token", json!(7)),
        beside("id_token", json!(["a.b.c"])),
        beside("id_token", json!({"jwt": "a.b.c"})),
        beside("id_token", json!(true)),
        beside("access_token", json!(7)),
        beside("access_token", json!(["a"])),
        beside("token_type", json!(["Bearer"])),
        beside("refresh_token", json!({"a": 1})),
        beside("error", json!(7)),
        says("CB-11: 200 and nothing", Answer::bytes(200, b"")),
        says("CB-11: 200 and a page", Answer::html(200)),
        says("CB-11: 200 and a list", Answer::json(200, &json!([]))),
        says("CB-11: 200 and null", Answer::json(200, &json!(null))),
        says("CB-11: 200 and a text", Answer::json(200, &json!("a.b.c"))),
        says(
            "CB-11: 200 and a form",
            Answer::bytes(200, b"access_token=a&token_type=bearer"),
        ),
        says(
            "CB-11: 200 and half of it",
            Answer::text(200, "{\"id_token\":\"a.b"),
        ),
        says(
            "CB-11: 200 and not UTF-8",
            Answer::bytes(200, b"{\"id_token\":\"\xff\"}"),
        ),
        says(
            "CB-11: 200 and two ID tokens",
            Answer::text(200, r#"{"id_token":"a","id_token":"b"}"#),
        ),
        says(
            "CB-11: 200 and nested 100,000 deep",
            Answer::text(200, &deep),
        ),
        says(
            "CB-11: 200 and compressed, unasked",
            Answer::bytes(200, gzip).header("content-encoding", "gzip"),
        ),
        says(
            "CB-11: 201 and tokens",
            Answer::json(201, &json!({"id_token": "a.b.c"})),
        ),
        says("CB-11: 204", Answer::status(204)),
        says("CB-11: 400 and a page", Answer::html(400)),
        says("CB-11: 400 and no error", Answer::json(400, &json!({}))),
        says("CB-11: 404", Answer::status(404)),
        says(
            "CB-11: 429",
            Answer::status(429).header("retry-after", "3600"),
        ),
        says("CB-11: 500", Answer::status(500)),
        says("CB-11: 502 and a page", Answer::html(502)),
        says("CB-11: fifty megabytes", Answer::huge(50_000_000)),
        says("CB-11: a gigabyte", Answer::huge(1 << 30)),
        says(
            "CB-11: a gigabyte, announced",
            Answer::huge_and_said_so(1 << 30),
        ),
        says("CB-11: cut off", Answer::cut_off()),
        says(
            "CB-11: 307 to the cloud's metadata",
            Answer::status(307).header("location", "http://169.254.169.254/latest"),
        ),
        case("CB-11: 302 elsewhere", |provider| {
            let elsewhere = format!("{}/elsewhere", provider.issuer());
            provider.always(Endpoint::Token, Answer::redirect(&elsewhere));
        }),
        case(
            "CB-11: 307 elsewhere, which would send the code there",
            |provider| {
                let elsewhere = format!("{}/elsewhere", provider.issuer());
                let redirect = Answer::status(307).header("location", &elsewhere);
                provider.always(Endpoint::Token, redirect);
            },
        ),
    ]
}

/// Where userinfo has to be asked, the access token matters.
fn access_tokens() -> Vec<Case> {
    let access_token = |name: &str, value: Value| {
        case(format!("TX-6: the access token {name}"), move |provider| {
            provider.next_id_token(|token| token.without("at_hash"));
            provider.next_token_answer(|answer| answer.set("access_token", value));
        })
    };
    vec![
        access_token("ends its header", json!("a\r\nX-Evil: y")),
        access_token("has a line end", json!("a\n")),
        access_token("has a NUL", json!("a\u{0}")),
        access_token("has a delete", json!("a\u{7f}")),
        access_token("has a space", json!("a b")),
        access_token("is not ASCII", json!("\u{430}")),
        access_token("is nothing", json!("")),
        access_token("is null", json!(null)),
        bent("TX-6: no access token", |answer| {
            answer.without("access_token")
        }),
        bent("TX-6: its type is DPoP", |answer| {
            answer.set("token_type", "DPoP")
        }),
        bent("TX-6: its type is N_A", |answer| {
            answer.set("token_type", "N_A")
        }),
        bent("TX-6: its type is null", |answer| {
            answer.set("token_type", json!(null))
        }),
        bent("TX-6: it has no type", |answer| {
            answer.without("token_type")
        }),
        bent("CB-11: no ID token", |answer| answer.without("id_token")),
        bent("CB-11: the ID token is null", |answer| {
            answer.set("id_token", json!(null))
        }),
        bent("CB-11: the ID token is nothing", |answer| {
            answer.set("id_token", "")
        }),
        bent("CB-11: the ID token is the access token", |answer| {
            answer.set("id_token", "access-1")
        }),
    ]
}

#[tokio::test]
async fn cb_11_a_token_response_without_tokens_starts_no_session() {
    let siege = Siege::lay(ann).await;
    siege.withstands(FAILED, no_answers()).await;
}

#[tokio::test]
async fn tx_6_an_access_token_that_must_not_be_sent_starts_no_session() {
    let siege = Siege::lay(ann_at_userinfo).await;
    siege.withstands(NOT_BELIEVED, access_tokens()).await;
}

/// An access token too long for a header is the other server's to refuse.
#[tokio::test]
async fn cb_14_an_access_token_of_half_a_megabyte_starts_no_session() {
    let siege = Siege::lay(ann_at_userinfo).await;
    let huge = case("CB-14: an access token of half a megabyte", |provider| {
        provider.next_id_token(|token| token.without("at_hash"));
        provider.next_token_answer(|answer| answer.set("access_token", "a".repeat(500_000)));
    });
    siege.withstands(FAILED, vec![huge]).await;
}
