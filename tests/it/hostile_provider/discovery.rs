//! Discovery documents that lie (JW-1, JW-2, JW-9). Each meets a bridge that knows
//! nothing yet: later a bad document replaces no good one.

use serde_json::{Value, json};

use super::{Case, NOT_BEGUN, PACE, Siege, ann, case};
use crate::bridge::TestBridge;
use crate::database::new_database;
use crate::provider::{Answer, Endpoint, Provider};

fn member(id: &str, name: &'static str, value: Value) -> Case {
    case(format!("{id}: {name} is {value:.60}"), move |provider| {
        provider.discovery(|document| document.set(name, value));
    })
}

fn absent(id: &str, name: &'static str) -> Case {
    case(format!("{id}: no {name}"), move |provider| {
        provider.discovery(|document| document.without(name));
    })
}

fn says(name: &str, answer: Answer) -> Case {
    case(name, move |provider| {
        provider.always(Endpoint::Discovery, answer);
    })
}

/// The issuer's member, made of what the issuer is.
fn another_issuer(name: &str, of: fn(&str) -> Value) -> Case {
    case(format!("JW-1: the issuer {name}"), move |provider| {
        let other = of(provider.issuer());
        provider.discovery(|document| document.set("issuer", other));
    })
}

fn issuers() -> Vec<Case> {
    vec![
        absent("JW-1", "issuer"),
        another_issuer("another one", |_| json!("https://evil.example")),
        another_issuer("with a slash", |issuer| json!(format!("{issuer}/"))),
        another_issuer("by another name", |issuer| {
            json!(issuer.replace("127.0.0.1", "localhost"))
        }),
        another_issuer("in capitals", |issuer| json!(issuer.to_uppercase())),
        another_issuer("with a path", |issuer| {
            json!(format!("{issuer}/realms/evil"))
        }),
        another_issuer("is nothing", |_| json!("")),
        another_issuer("is null", |_| json!(null)),
        another_issuer("in a list", |issuer| json!([issuer])),
        another_issuer("in an object", |issuer| json!({"is": issuer})),
        another_issuer("is a number", |_| json!(7)),
    ]
}

fn places() -> Vec<Case> {
    let mut cases = Vec::new();
    for name in ["authorization_endpoint", "token_endpoint", "jwks_uri"] {
        cases.push(absent("JW-2", name));
        cases.push(member("JW-2", name, json!(null)));
    }
    for name in [
        "authorization_endpoint",
        "token_endpoint",
        "jwks_uri",
        "userinfo_endpoint",
        "end_session_endpoint",
    ] {
        for place in [
            json!("http://169.254.169.254/latest/meta-data"),
            json!("http://127.0.0.1:1@evil.example/x"),
            json!("ftp://127.0.0.1/x"),
            json!("javascript:alert(1)"),
        ] {
            cases.push(member("JW-2", name, place));
        }
    }
    for name in ["authorization_endpoint", "token_endpoint", "jwks_uri"] {
        for place in [json!(""), json!("/x"), json!(["http://127.0.0.1/x"])] {
            cases.push(member("JW-2", name, place));
        }
    }
    cases
}

fn offers() -> Vec<Case> {
    let (algs, types, auth) = (
        "id_token_signing_alg_values_supported",
        "response_types_supported",
        "token_endpoint_auth_methods_supported",
    );
    vec![
        member("ID-2", algs, json!(["none"])),
        member("ID-2", algs, json!(["HS256"])),
        member("ID-2", algs, json!([])),
        member("JW-1", algs, json!("HS256")),
        member("JW-1", types, json!(["id_token"])),
        member("JW-1", types, json!([])),
        member("JW-1", types, json!("id_token")),
        member("CB-10", auth, json!(["private_key_jwt"])),
        member("CB-10", auth, json!([])),
        member("CB-10", auth, json!("private_key_jwt")),
    ]
}

fn answers() -> Vec<Case> {
    let deep = format!("{{\"a\":{}", "[".repeat(100_000));
    let gzip = b"\x1f\x8b\x08\0\0\0\0\0\0\x03";
    vec![
        case("JW-3: 302 elsewhere", |provider| {
            let elsewhere = format!("{}/elsewhere", provider.issuer());
            provider.always(Endpoint::Discovery, Answer::redirect(&elsewhere));
        }),
        says(
            "JW-3: 307 to the cloud's metadata",
            Answer::status(307).header("location", "http://169.254.169.254/latest"),
        ),
        says(
            "JW-3: 301 to itself",
            Answer::status(301).header("location", "/.well-known/openid-configuration"),
        ),
        says("JW-3: a gigabyte", Answer::huge(1 << 30)),
        says(
            "JW-3: a gigabyte, announced",
            Answer::huge_and_said_so(1 << 30),
        ),
        says("JW-9: cut off", Answer::cut_off()),
        says("JW-9: a page", Answer::html(200)),
        says("JW-9: 404", Answer::status(404)),
        says("JW-9: 401", Answer::status(401)),
        says("JW-9: 500", Answer::status(500)),
        says("JW-9: 204", Answer::status(204)),
        says("JW-9: nothing", Answer::bytes(200, b"")),
        says("JW-9: a list", Answer::json(200, &json!([]))),
        says("JW-9: a text", Answer::json(200, &json!("issuer"))),
        says("JW-9: nested 100,000 deep", Answer::text(200, &deep)),
        says(
            "JW-9: two issuers",
            Answer::text(200, "{\"issuer\":\"a\",\"issuer\":\"b\"}"),
        ),
        says(
            "JW-9: not UTF-8",
            Answer::bytes(200, b"{\"issuer\":\"\xff\"}"),
        ),
        says(
            "JW-9: compressed, unasked",
            Answer::bytes(200, gzip).header("content-encoding", "gzip"),
        ),
    ]
}

#[tokio::test]
async fn jw_1_to_jw_9_a_discovery_document_that_lies_begins_no_sign_in() {
    let database_url = new_database().await;
    let mut fallen = Vec::new();
    let cases = [issuers(), places(), offers(), answers()];
    for Case { name, does } in cases.into_iter().flatten() {
        let lying = |clock| {
            let provider = Provider::start_with(clock);
            ann(&provider);
            does(&provider);
            provider
        };
        let bridge = TestBridge::start_at(&database_url, &[], PACE, lying).await;
        let siege = Siege {
            bridge,
            honest: ann,
        };
        if let Err(why) = siege.ends_well(NOT_BEGUN).await {
            fallen.push(format!("{name}: {why}"));
        }
    }
    assert!(fallen.is_empty(), "{}", fallen.join("\n"));
}
