//! `inspect`: what a token opens, in words; whatever is pasted.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use chrono::{DateTime, Utc};
use hmac::{Hmac, Mac as _};
use red5_bridge::cli::inspect::{self, TokenReport, Verdict};
use red5_bridge::config::{Variables, red5::Red5};
use serde_json::{Value, json};
use sha2::Sha256;

use super::{run, said};
use crate::bridge::{RED5_SECRET, TestBridge};

const NOW: i64 = 1_795_000_000;

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(NOW, 0).unwrap()
}

fn red5(variables: &[(&str, &str)]) -> Red5 {
    let secret = ("RED5_JWT_SECRET", RED5_SECRET);
    let variables = [secret].into_iter().chain(variables.iter().copied());
    let variables: Variables = variables.collect();
    variables.read(Red5::read).unwrap()
}

fn report(given: impl AsRef<[u8]>) -> TokenReport {
    inspect::report(given.as_ref(), &red5(&[]), now())
}

fn signed_raw(header: &str, claims: &str, secret: &[u8]) -> String {
    let encode = |part: &str| URL_SAFE_NO_PAD.encode(part);
    let input = format!("{}.{}", encode(header), encode(claims));
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).unwrap();
    mac.update(input.as_bytes());
    format!(
        "{input}.{}",
        URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes())
    )
}

const HEADER: &str = r#"{"alg":"HS256","typ":"JWT"}"#;

/// The usual claims with some of them otherwise; null takes one away.
fn token(changes: Value) -> String {
    let mut claims = json!({
        "sub": "s-1", "name": "Ann", "roles": "red5-publisher,red5-subscriber",
        "red5-transport": "RTMP,WHEP", "red5-room": "lobby,studio-1", "exp": NOW + 300,
    });
    let Value::Object(changes) = changes else {
        panic!("claims are an object");
    };
    for (name, value) in changes {
        claims[name] = value;
    }
    claims
        .as_object_mut()
        .unwrap()
        .retain(|_, value| !value.is_null());
    signed_raw(HEADER, &claims.to_string(), RED5_SECRET.as_bytes())
}

#[track_caller]
fn expect(report: &TokenReport, verdict: Verdict, words: &[&str]) {
    let text = report.lines.join("\n");
    assert_eq!(report.verdict, verdict, "{text}");
    for word in words {
        assert!(text.contains(word), "{word} not in:\n{text}");
    }
}

#[test]
fn a_good_token_is_said_role_by_role() {
    let good = report(token(json!({})));
    expect(
        &good,
        Verdict::Good,
        &[
            "signature   good",
            "subject     s-1",
            "name        Ann",
            "issuer      none",
            "in 300 seconds (the server takes 3600 at most)",
            "allows      publish over RTMP in lobby and studio-1",
            "allows      subscribe over RTMP or WHEP in lobby and studio-1",
            "Red5 would accept it now",
        ],
    );
    assert!(!good.lines.iter().any(|line| line.starts_with("warning")));
}

#[test]
fn everything_that_fails_open_is_warned_of() {
    for (change, verdict, words) in [
        (
            json!({"roles": null}),
            Verdict::Finding,
            "EVERY BEARER MAY PUBLISH AND SUBSCRIBE",
        ),
        (json!({"roles": ""}), Verdict::Finding, "roles is empty"),
        (
            json!({"red5-room": null}),
            Verdict::Good,
            "every room is allowed, and streams without",
        ),
        (
            json!({"red5-room": ""}),
            Verdict::Finding,
            "red5-room is empty",
        ),
        (
            json!({"red5-transport": null}),
            Verdict::Good,
            "every protocol is allowed",
        ),
        (
            json!({"red5-transport": ""}),
            Verdict::Finding,
            "red5-transport is empty",
        ),
        (
            json!({"red5-room": ["lobby"]}),
            Verdict::Finding,
            "a common library reads that as absent",
        ),
        (
            json!({"roles": ["red5-publisher"]}),
            Verdict::Finding,
            "a common library reads that as absent",
        ),
        (
            json!({"red5-room": "lobby, studio-1"}),
            Verdict::Good,
            "red5-room has 1 of 2",
        ),
        (json!({"red5-room": "a,a"}), Verdict::Good, "twice"),
        (json!({"exp": NOW + 30}), Verdict::Good, "practical minimum"),
        (json!({"nbf": NOW + 60}), Verdict::Good, "nbf is"),
        (json!({"iat": "x"}), Verdict::Good, "iat is x"),
    ] {
        expect(
            &report(token(change.clone())),
            verdict,
            &["warning", words]
                .iter()
                .copied()
                .filter(|w| *w != "warning" || verdict == Verdict::Good)
                .collect::<Vec<_>>(),
        );
    }
}

#[test]
fn why_red5_would_refuse_it_is_said_with_what_it_expects() {
    for (change, words) in [
        (json!({"exp": null}), "exp is missing"),
        (json!({"exp": "1795000300"}), "exp is not a whole number"),
        (json!({"exp": 1_795_000_300.5}), "exp is not a whole number"),
        (json!({"exp": NOW - 10}), "10 seconds ago"),
        (json!({"exp": NOW}), "it has expired"),
        (json!({"exp": -5}), "it has expired"),
        (
            json!({"exp": NOW + 3601}),
            "later than the server's limit of 3600 seconds",
        ),
        (json!({"exp": (NOW + 300) * 1000}), "in milliseconds"),
        (json!({"exp": i64::MAX}), "in milliseconds"),
        (json!({"roles": "admin"}), "names no role of Red5"),
        (json!({"roles": "Red5-Publisher"}), "case counts"),
        (
            json!({"roles": "red5-publisher", "red5-transport": "WHEP"}),
            "allows      nothing",
        ),
        (
            json!({"red5-transport": "SRT"}),
            "names no protocol of Red5",
        ),
    ] {
        let report = report(token(change));
        expect(
            &report,
            Verdict::Finding,
            &["refused", words, "Red5 would refuse it now"],
        );
    }
}

#[test]
fn r5_9_the_issuer_is_compared_byte_for_byte_and_a_near_miss_named() {
    let red5 = red5(&[("RED5_JWT_ISSUER", "https://bridge.example.com")]);
    for (issuer, near) in [
        (json!("https://bridge.example.com/"), true),
        (json!("https://Bridge.example.com"), true),
        (json!("other"), false),
        (json!(null), false),
        (json!(["https://bridge.example.com"]), false),
    ] {
        let token = token(json!({ "iss": issuer }));
        let report = inspect::report(token.as_bytes(), &red5, now());
        expect(
            &report,
            Verdict::Finding,
            &["iss is not https://bridge.example.com"],
        );
        assert_eq!(report.lines.join("\n").contains("differ by a slash"), near);
    }
    let token = token(json!({"iss": "https://bridge.example.com"}));
    expect(
        &inspect::report(token.as_bytes(), &red5, now()),
        Verdict::Good,
        &[],
    );
}

#[test]
fn what_people_paste_around_a_token_is_understood() {
    let token = token(json!({}));
    for given in [
        token.clone(),
        format!("  {token}\r\n"),
        format!("\u{feff}{token}"),
        format!("Bearer {token}"),
        format!("bearer   {token}"),
        format!("\"{token}\""),
        format!("'{token}'\n"),
        format!(
            "https://media.example.com/live/whip/endpoint/x?username=jwt&password=jwt&token={token}&x=1"
        ),
        format!("username=jwt;password=jwt;token={token};"),
        json!({"access_token": token, "token_type": "Bearer"}).to_string(),
    ] {
        expect(
            &report(&given),
            Verdict::Good,
            &["Red5 would accept it now"],
        );
    }
}

#[test]
fn odd_input_of_any_kind_gets_a_clear_answer_and_never_its_own_words() {
    let good = token(json!({}));
    let parts: Vec<&str> = good.split('.').collect();
    let none = signed_raw(r#"{"alg":"none"}"#, "{}", b"x");
    let foreign = signed_raw(
        HEADER,
        r#"{"sub":"canary"}"#,
        b"another-secret-of-the-tests",
    );
    let rs256 = signed_raw(r#"{"alg":"RS256"}"#, r#"{"sub":"canary"}"#, b"x");
    let escape = signed_raw(
        "{\"alg\":\"\\u001b[2Jcanary-of-more-than-twenty\"}",
        "{}",
        b"x",
    );
    let twice = signed_raw(
        HEADER,
        r#"{"exp":1795000300,"roles":"red5-subscriber","roles":"red5-publisher"}"#,
        RED5_SECRET.as_bytes(),
    );
    let algorithm_twice = signed_raw(
        r#"{"alg":"none","alg":"HS256"}"#,
        r#"{"exp":1795000300,"roles":"red5-subscriber"}"#,
        RED5_SECRET.as_bytes(),
    );
    let answer_twice = format!(r#"{{"access_token":"canary","access_token":"{good}"}}"#);
    let list = signed_raw(HEADER, "[1]", RED5_SECRET.as_bytes());
    let huge = "x".repeat(200_000);
    let cut = &good[..good.len() - 20];
    for (given, words) in [
        (&b"\xff\xfe\x00"[..], "not text"),
        (huge.as_bytes(), "longer than"),
        (b"canary", "three parts"),
        (b"a.b", "three parts with dots between them, and this has 2"),
        (b"...", "three parts"),
        (b"a.b.c.d.e", "encrypted"),
        (
            format!("{}.{}.", parts[0], parts[1]).as_bytes(),
            "no signature",
        ),
        (
            format!("{good}\n{good}").as_bytes(),
            "white space or a line end inside",
        ),
        (format!("{good}=").as_bytes(), "character"),
        (b"a.b.c", "not base64url"),
        (
            format!("{}.{}.x", URL_SAFE_NO_PAD.encode("{"), parts[1]).as_bytes(),
            "not JSON",
        ),
        (
            format!("{}.{}.x", URL_SAFE_NO_PAD.encode("{}"), parts[1]).as_bytes(),
            "does not say",
        ),
        (none.as_bytes(), "not signed at all"),
        (
            rs256.as_bytes(),
            "signed with RS256, and Red5 takes HS256 alone",
        ),
        (escape.as_bytes(), "signed with \\u{1b}[2J"),
        (foreign.as_bytes(), "does not fit RED5_JWT_SECRET"),
        (cut.as_bytes(), "does not fit RED5_JWT_SECRET"),
        (twice.as_bytes(), "each name stands once"),
        (algorithm_twice.as_bytes(), "each name stands once"),
        (answer_twice.as_bytes(), "each name stands once"),
        (br#"{"error":"canary"}"#, "not JSON with an access_token"),
        (list.as_bytes(), "one JSON object"),
    ] {
        let report = report(given);
        expect(&report, Verdict::Finding, &[words]);
        let text = report.lines.join("\n");
        assert!(!text.contains("s-1") && !text.contains('\u{1b}'), "{text}");
        let shown = text.contains("canary-of");
        assert!(
            shown || !text.contains("canary"),
            "unsigned claims are not shown: {text}"
        );
    }
    for nothing in [&b""[..], b"  \n", b"\"\"", b"token=", b"Bearer "] {
        let report = report(nothing);
        if nothing != b"Bearer " {
            expect(&report, Verdict::NoToken, &["there is no token"]);
        }
    }
}

#[test]
fn control_characters_of_a_claim_reach_no_terminal() {
    let token = token(json!({"name": "a\u{1b}[2J\nrefused     forged\u{202e}"}));
    let report = report(token);
    expect(
        &report,
        Verdict::Good,
        &["name        a\\u{1b}[2J\\nrefused     forged\\u{202e}"],
    );
}

#[test]
fn r5_1_a_secret_that_fits_in_the_other_encoding_is_named() {
    let base64 = STANDARD.encode([
        7, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24,
        25, 26, 27, 28, 29, 30, 31,
    ]);
    let decoded = STANDARD.decode(&base64).unwrap();
    let claims = format!(r#"{{"exp":{}}}"#, NOW + 300);
    let by_bytes = signed_raw(HEADER, &claims, &decoded);
    let by_text = signed_raw(HEADER, &claims, base64.as_bytes());
    let utf8 = red5(&[("RED5_JWT_SECRET", &base64)]);
    let as_base64 = red5(&[
        ("RED5_JWT_SECRET", &base64),
        ("RED5_JWT_SECRET_ENCODING", "base64"),
    ]);
    let said = inspect::report(by_bytes.as_bytes(), &utf8, now());
    expect(&said, Verdict::Finding, &["read as base64"]);
    let said = inspect::report(by_text.as_bytes(), &as_base64, now());
    expect(&said, Verdict::Finding, &["read as utf8"]);
}

#[tokio::test]
async fn the_program_reads_an_argument_or_standard_input_and_ends_as_documented() {
    let bridge = TestBridge::start().await;
    bridge.map_lobby().await;
    bridge.provider.person("vic").groups(["viewers"]);
    let answer = bridge.signed_in("vic").await.token(json!({})).await;
    let token = answer.json()["access_token"].as_str().unwrap().to_owned();
    for (words, input) in [
        (&["inspect", &*token][..], ""),
        (&["inspect"], &*token),
        (&["inspect", "-"], &*token),
        (&["inspect"], &*answer.body),
    ] {
        let (code, text) = said(run(words, &[], input.as_bytes()));
        assert_eq!(code, 0, "{text}");
        assert!(
            text.contains("allows      subscribe over WHEP in lobby"),
            "{text}"
        );
    }
    let (code, _) = said(run(&["inspect"], &[], b"nonsense"));
    assert_eq!(code, 1);
    let (code, text) = said(run(&["inspect"], &[], b""));
    assert_eq!(code, 2);
    assert!(text.contains("there is no token"), "{text}");
    let output = run(&["inspect", &token], &[("RED5_JWT_SECRET", "short")], b"");
    assert_eq!(output.status.code(), Some(1));
}
