//! Each claim taken away or changed, one at a time. Signatures and forms are those
//! of every token and are tried in `id_token/tests` and over HTTP.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use p256::ecdsa::signature::Signer;
use p256::ecdsa::{Signature, SigningKey};
use serde_json::json;

use super::*;
use crate::oidc::settings::tests::settings;

const ISSUER: &str = "https://id.example.com";
const CLIENT: &str = "bridge";
const KIND: &str = "logout+jwt";

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_795_000_000, 0).unwrap()
}

fn claims() -> Value {
    json!({
        "iss": ISSUER, "aud": CLIENT, "iat": now().timestamp(), "exp": now().timestamp() + 120,
        "jti": "j-1", "sub": "ann", "sid": "s-1", "events": { EVENT: {} },
    })
}

fn judged(header: &Value, claims: &Value) -> Result<LogoutToken, LogoutFlaw> {
    let key = SigningKey::from_slice(&[1; 32]).unwrap();
    let point = key.verifying_key().to_sec1_point(false);
    let half = |range| URL_SAFE_NO_PAD.encode(&point.as_bytes()[range]);
    let jwk = json!({"kty": "EC", "crv": "P-256", "x": half(1..33), "y": half(33..65)});
    let keys = KeySet::from_jwks(&[jwk]).unwrap();
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let input = format!("{}.{}", part(header), part(claims));
    let signature: Signature = key.sign(input.as_bytes());
    let token = format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature.to_bytes()));
    verify(&token, &keys, &settings(ISSUER), now())
}

fn with(name: &str, value: Value) -> Result<LogoutToken, LogoutFlaw> {
    let mut claims = claims();
    claims[name] = value;
    judged(&json!({"alg": "ES256", "typ": KIND}), &claims)
}

fn without(names: &[&str]) -> Result<LogoutToken, LogoutFlaw> {
    let mut claims = claims();
    for name in names {
        claims.as_object_mut().unwrap().remove(*name);
    }
    judged(&json!({"alg": "ES256", "typ": KIND}), &claims)
}

#[test]
fn a_good_token_says_whose_session_and_when() {
    let token = without(&[]).unwrap();
    assert_eq!(token.issuer, ISSUER);
    assert_eq!(token.subject.as_deref(), Some("ann"));
    assert_eq!(token.sid.as_deref(), Some("s-1"));
    assert_eq!(token.issued_at, now());
    assert!(token.forgotten_at > now() + ISSUED_BEFORE_MAX);
    assert_eq!(without(&["sid"]).unwrap().sid, None);
    assert_eq!(without(&["sub"]).unwrap().subject, None);
    // Providers from before the final version.
    assert!(without(&["exp"]).is_ok());
    assert!(with("aud", json!([CLIENT])).is_ok());
}

#[test]
fn the_same_jti_is_the_same_token_and_another_is_not() {
    let hash = |jti: &str| with("jti", json!(jti)).unwrap().hash;
    assert_eq!(hash("a"), hash("a"));
    assert_ne!(hash("a"), hash("b"));
}

#[test]
fn bc_7_a_token_of_another_kind_is_no_logout_token() {
    for typ in [
        "logout+jwt",
        "LOGOUT+JWT",
        "application/logout+jwt",
        "JWT",
        "application/jwt",
    ] {
        assert!(
            judged(&json!({"alg": "ES256", "typ": typ}), &claims()).is_ok(),
            "{typ}"
        );
    }
    assert!(judged(&json!({"alg": "ES256"}), &claims()).is_ok());
    for typ in [
        json!("at+jwt"),
        json!("secevent+jwt"),
        json!(""),
        json!(null),
        json!(["JWT"]),
        json!("xjwt"),
    ] {
        let header = json!({"alg": "ES256", "typ": typ});
        assert_eq!(
            judged(&header, &claims()),
            Err(LogoutFlaw::Token(TokenFlaw::Type)),
            "{typ}"
        );
    }
}

#[test]
fn bc_2_whom_it_is_from_and_for_and_when_is_judged_as_with_an_id_token() {
    let token = |flaw| Err(LogoutFlaw::Token(flaw));
    assert_eq!(
        with("iss", json!("https://id.example.com/")),
        token(TokenFlaw::Issuer)
    );
    assert_eq!(without(&["iss"]), token(TokenFlaw::Issuer));
    for aud in [
        json!("bridge2"),
        json!([CLIENT, "evil"]),
        json!([]),
        json!(null),
    ] {
        assert_eq!(with("aud", aud), token(TokenFlaw::Audience));
    }
    assert_eq!(without(&["aud"]), token(TokenFlaw::Audience));
    let at = |seconds: i64| json!(now().timestamp() + seconds);
    assert_eq!(without(&["iat"]), token(TokenFlaw::Time));
    assert_eq!(with("iat", json!("1795000000")), token(TokenFlaw::Time));
    assert_eq!(with("iat", at(-601)), token(TokenFlaw::IssuedAt));
    assert_eq!(with("iat", at(61)), token(TokenFlaw::IssuedAt));
    assert!(with("iat", at(-600)).is_ok());
    assert_eq!(with("exp", at(-30)), token(TokenFlaw::Expired));
    assert_eq!(with("exp", json!("never")), token(TokenFlaw::Time));
    assert_eq!(with("nbf", at(31)), token(TokenFlaw::NotBefore));
}

#[test]
fn bc_2_without_a_jti_it_could_be_sent_for_ever() {
    assert_eq!(without(&["jti"]), Err(LogoutFlaw::Jti));
    for jti in [json!(""), json!(7), json!(null), json!(["j"])] {
        assert_eq!(with("jti", jti), Err(LogoutFlaw::Jti));
    }
}

#[test]
fn bc_3_the_event_is_a_member_with_an_object() {
    assert_eq!(without(&["events"]), Err(LogoutFlaw::Event));
    for events in [
        json!({}),
        json!(EVENT),
        json!([EVENT]),
        json!([{ EVENT: {} }]),
        json!({ EVENT: [] }),
        json!({ EVENT: "{}" }),
        json!({ EVENT: null }),
        json!({ EVENT: true }),
        json!({ "http://schemas.openid.net/event/backchannel-logout/": {} }),
        json!({ "https://schemas.openid.net/event/backchannel-logout": {} }),
    ] {
        assert_eq!(
            with("events", events.clone()),
            Err(LogoutFlaw::Event),
            "{events}"
        );
    }
    assert!(with("events", json!({ EVENT: {"more": 1}, "x": {} })).is_ok());
}

#[test]
fn bc_4_a_nonce_of_any_shape_makes_it_no_logout_token() {
    for nonce in [json!("n"), json!(""), json!(null), json!(0)] {
        assert_eq!(with("nonce", nonce), Err(LogoutFlaw::Nonce));
    }
}

#[test]
fn bc_5_it_names_somebody_and_what_is_no_name_is_not_passed_over() {
    assert_eq!(without(&["sub", "sid"]), Err(LogoutFlaw::NoSession));
    for sub in [
        json!(""),
        json!(null),
        json!(1),
        json!("é"),
        json!("a\u{0}"),
    ] {
        assert_eq!(with("sub", sub), Err(LogoutFlaw::Token(TokenFlaw::Subject)));
    }
    for sid in [
        json!(""),
        json!(null),
        json!(1),
        json!("x".repeat(256)),
        json!("\n"),
    ] {
        assert_eq!(with("sid", sid), Err(LogoutFlaw::Sid));
    }
}

#[test]
fn each_flaw_has_its_own_word() {
    let flaws = [
        LogoutFlaw::Token(TokenFlaw::Signature),
        LogoutFlaw::Token(TokenFlaw::Subject),
        LogoutFlaw::Event,
        LogoutFlaw::Nonce,
        LogoutFlaw::Jti,
        LogoutFlaw::Sid,
        LogoutFlaw::NoSession,
    ];
    let words: std::collections::HashSet<&str> = flaws.iter().map(|flaw| flaw.code()).collect();
    assert_eq!(words.len(), flaws.len());
    assert!(words.contains("signature"));
}
