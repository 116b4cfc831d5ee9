//! Headers that say something else, and what is no token at all (ID-10, ID-11, ID-15).

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use super::signatures::token;
use super::{Case, NOT_BELIEVED, Siege, TOO_LARGE, ann};
use crate::provider::Key;

fn headers(place: &str) -> Vec<Case> {
    let key_of_eve = Key::es256("eve", 9);
    let place = place.to_owned();
    let typ = |value: Value| {
        token(&format!("ID-10: typ {value}"), move |token| {
            token.header("typ", value)
        })
    };
    let mut cases: Vec<Case> = [
        json!("at+jwt"),
        json!("application/at+jwt"),
        json!("logout+jwt"),
        json!("secevent+jwt"),
        json!("JWE"),
        json!("JOSE"),
        json!("jwt2"),
        json!(""),
        json!(null),
        json!(["JWT"]),
        json!(1),
    ]
    .map(typ)
    .into();
    let member = |name: &'static str, value: Value| {
        token(&format!("ID-11: {name} {value}"), move |token| {
            token.header(name, value)
        })
    };
    cases.extend([
        member("crit", json!(["exp"])),
        member("crit", json!([])),
        member("crit", json!("b64")),
        member("crit", json!(null)),
        member("zip", json!("DEF")),
        member("zip", json!(null)),
        member("cty", json!("JWT")),
        member("kid", json!(1)),
        member("kid", json!(["rs-1"])),
        member("kid", json!("../../dev/null")),
        member("kid", json!("rs-1' OR '1'='1")),
        member("kid", json!("a".repeat(10_000))),
        token(
            "ID-11: jwk, jku, x5u and x5c of an attacker",
            move |token| {
                token
                    .signed_by(&key_of_eve)
                    .header("jwk", key_of_eve.jwk())
                    .header("jku", place.clone())
                    .header("x5u", place)
                    .header("x5c", json!(["MIIB"]))
            },
        ),
    ]);
    cases
}

fn forms() -> Vec<Case> {
    let raw = |name: &'static str, text: String| {
        token(&format!("ID-15: {name}"), move |token| token.raw(&text))
    };
    let none = URL_SAFE_NO_PAD.encode(r#"{"alg":"none"}"#);
    let deep = |depth| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    vec![
        raw("nothing", String::new()),
        raw("a word", "x".to_owned()),
        raw("two parts", "e30.e30".to_owned()),
        raw("four parts", "e30.e30.e30.e30".to_owned()),
        raw("five parts, encrypted", "e30.e30.e30.e30.e30".to_owned()),
        raw("five parts, none within", format!("{none}.e30.e30.e30.e30")),
        raw("dots", "..".to_owned()),
        raw("thousands of dots", ".".repeat(60_000)),
        raw("no base64", "!.!.!".to_owned()),
        raw("padded base64", "e30=.e30=.e30=".to_owned()),
        raw("base64 of the other alphabet", "+/+/.+/+/.+/+/".to_owned()),
        raw("no JSON", "AAAA.AAAA.AAAA".to_owned()),
        raw("empty objects", "e30.e30.e30".to_owned()),
        raw("lists", "W10.W10.W10".to_owned()),
        raw("null", "bnVsbA.bnVsbA.bnVsbA".to_owned()),
        raw("not ASCII", "\u{430}.\u{430}.\u{430}".to_owned()),
        raw(
            "a JWS as JSON",
            r#"{"payload":"e30","signatures":[]}"#.to_owned(),
        ),
        token("ID-15: claims nested 10,000 deep, signed", move |token| {
            token.claims_text(move |text| format!("{{\"a\":{},{}", deep(10_000), &text[1..]).into())
        }),
        token("ID-15: claims nested 200 deep, signed", move |token| {
            token.claims_text(move |text| format!("{{\"a\":{},{}", deep(200), &text[1..]).into())
        }),
        token("ID-15: a second sub, signed", |token| {
            token.claims_text(|text| format!("{{\"sub\":\"admin\",{}", &text[1..]).into())
        }),
        token("ID-15: a second groups, signed", |token| {
            token.claims_text(|text| {
                let first = &text[..text.len() - 1];
                format!("{first},\"groups\":[\"streaming-admins\"]}}").into()
            })
        }),
        token("ID-15: a second list below the top, signed", |token| {
            token.claims_text(|text| {
                let first = &text[..text.len() - 1];
                format!("{first},\"x\":{{\"roles\":[\"a\"],\"roles\":[\"b\"]}}}}").into()
            })
        }),
        token("ID-15: a second sub, its name escaped, signed", |token| {
            token.claims_text(|text| format!("{{\"\\u0073ub\":\"admin\",{}", &text[1..]).into())
        }),
        token("ID-15: a second alg in the header", |token| {
            token.header_text(|text| format!("{{\"alg\":\"none\",{}", &text[1..]).into())
        }),
        token("ID-15: claims that are not UTF-8, signed", |token| {
            token.claims_text(|text| {
                text.replace("ann", "\u{1}")
                    .bytes()
                    .map(|byte| if byte == 1 { 0xff } else { byte })
                    .collect()
            })
        }),
        token("ID-15: claims after a byte order mark, signed", |token| {
            token.claims_text(|text| format!("\u{feff}{text}").into())
        }),
        token("ID-15: claims and something behind them, signed", |token| {
            token.claims_text(|text| format!("{text}{{}}").into())
        }),
        token("ID-15: claims in another base64, signed", |token| {
            token.claims_text(|text| STANDARD.encode(text).into())
        }),
        token("ID-15: half of the claims, signed", |token| {
            token.claims_text(|text| text[..text.len() / 2].into())
        }),
    ]
}

fn too_large() -> Vec<Case> {
    vec![
        token("ID-15: 100,000 bytes", |token| {
            token.raw(&("e30.".to_owned() + &"A".repeat(100_000)))
        }),
        token("ID-15: claims of 100,000 bytes, signed", |token| {
            token.claim("padding", "x".repeat(100_000))
        }),
        token("ID-15: a signature of 200,000 bytes", |token| {
            token.signature(|_| vec![1; 200_000])
        }),
    ]
}

#[tokio::test]
async fn id_15_an_id_token_over_64_kb_is_refused_and_the_page_says_what_helps() {
    let siege = Siege::lay(ann).await;
    siege.withstands(TOO_LARGE, too_large()).await;
}

#[tokio::test]
async fn id_10_to_id_15_a_malformed_id_token_starts_no_session() {
    let siege = Siege::lay(ann).await;
    let place = format!("{}/keys-of-eve", siege.bridge.provider.issuer());
    let cases = [headers(&place), forms()];
    siege
        .withstands(NOT_BELIEVED, cases.into_iter().flatten().collect())
        .await;
}
