//! What each kind of subject token must be, without HTTP (TX-4, TX-5). What every token of the
//! provider must be is the table of faults of `id_token`, here held against both kinds of JWT.

use serde_json::json;

use crate::oidc::id_token::tests::{id_token_faults, key, token};

use super::*;
use crate::oidc::settings::tests::settings;
use key::Key;
use token::IdToken;

const ISSUER: &str = "https://id.example.com";
const CLIENT_ID: &str = "bridge";
const API: &str = "https://bridge.example.com";

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_795_521_600, 0).unwrap()
}

fn seconds(offset: i64) -> Value {
    json!(now().timestamp() + offset)
}

fn with_audiences(audiences: &[&str]) -> ProviderSettings {
    let audiences = audiences.iter().map(|&one| one.to_owned());
    ProviderSettings {
        exchange_audiences: audiences.collect(),
        introspection: true,
        ..settings(ISSUER)
    }
}

fn rsa() -> Key {
    Key::rs256("rs-1")
}

/// A good JWT access token (RFC 9068 §2) of another client for the bridge.
fn access_token() -> IdToken {
    let claims = json!({
        "iss": ISSUER, "aud": API, "sub": "ann", "client_id": "studio", "jti": "1",
        "iat": seconds(-5), "exp": seconds(300), "groups": ["viewers"],
    });
    IdToken::new(claims, rsa()).header("typ", "at+jwt")
}

/// A good ID token of an earlier sign-in.
fn id_token() -> IdToken {
    let claims = json!({
        "iss": ISSUER, "aud": CLIENT_ID, "sub": "ann", "nonce": "of that sign-in", "at_hash": "x",
        "iat": seconds(-5), "exp": seconds(300),
    });
    IdToken::new(claims, rsa())
}

fn keys() -> KeySet {
    KeySet::from_jwks(&[rsa().jwk()]).unwrap()
}

fn judged_for(audiences: &[&str], token: IdToken) -> Result<VerifiedAccessToken, SubjectTokenFlaw> {
    verify(&token.finish(), &keys(), &with_audiences(audiences), now())
}

fn judged(token: IdToken) -> Result<(), SubjectTokenFlaw> {
    judged_for(&[API], token).map(|_| ())
}

/// As [`Provider::subject_token`] does it.
fn judged_as_id_token(token: IdToken) -> Result<(), TokenFlaw> {
    let sent = SentWith {
        nonce: None,
        access_token: None,
        max_age: None,
    };
    let settings = with_audiences(&[API]);
    id_token::verify(&token.finish(), &keys(), &settings, &sent, now()).map(|_| ())
}

// ---- JWT access tokens ----------------------------------------------------------------

#[test]
fn an_access_token_says_who_and_until_when() {
    let verified = judged_for(&[API], access_token()).unwrap_or_else(|flaw| panic!("{flaw}"));
    assert_eq!(verified.subject, "ann");
    assert_eq!(verified.expires_at.timestamp(), now().timestamp() + 300);
    assert_eq!(verified.claims["client_id"], "studio");
}

#[test]
fn tx_4_the_type_of_an_access_token_is_at_jwt_and_nothing_else() {
    for typ in ["at+jwt", "AT+JWT", "application/at+jwt"] {
        assert_eq!(judged(access_token().header("typ", typ)), Ok(()), "{typ}");
    }
    let refused = Err(SubjectTokenFlaw::Token(TokenFlaw::Type));
    for typ in ["JWT", "application/jwt", "logout+jwt", "jwt+at", "at", ""] {
        assert_eq!(judged(access_token().header("typ", typ)), refused, "{typ}");
    }
    for typ in [json!(null), json!(["at+jwt"]), json!(1)] {
        let refusal = judged(access_token().header("typ", typ.clone()));
        assert_eq!(refusal, refused, "{typ}");
    }
    assert_eq!(judged(access_token().without_header("typ")), refused);
    // Also where the audience of ID tokens is one of those of access tokens.
    let sent_as_access_token = judged_for(&[API, CLIENT_ID], id_token()).map(|_| ());
    assert_eq!(sent_as_access_token, refused);
}

#[test]
fn tx_4_an_access_token_is_for_audiences_of_the_list_alone_character_by_character() {
    let second = "https://bridge.example.com/api";
    for aud in [
        json!(API),
        json!([API]),
        json!(second),
        json!([API, second]),
    ] {
        let verified = judged_for(&[API, second], access_token().claim("aud", aud.clone()));
        assert!(verified.is_ok(), "{aud}");
    }
    for aud in [
        json!("https://bridge.example.co"),
        json!("https://bridge.example.com/"),
        json!("https://bridge.example.com.evil.example"),
        json!("HTTPS://BRIDGE.EXAMPLE.COM"),
        json!(format!(" {API}")),
        json!(format!("{API},{second}")),
        json!("https"),
        json!(""),
        json!(CLIENT_ID),
        json!([API, "https://other.example"]),
        json!(["https://other.example", API]),
        json!([API, null]),
        json!([[API]]),
        json!([]),
        json!({API: true}),
        json!(null),
        json!(7),
    ] {
        let refusal = judged_for(&[API, second], access_token().claim("aud", aud.clone()));
        let refusal = refusal.map(|_| ());
        assert_eq!(refusal, Err(SubjectTokenFlaw::Audience), "{aud}");
    }
    let without = judged(access_token().without("aud"));
    assert_eq!(without, Err(SubjectTokenFlaw::Audience));
    // Without the variable there is no access token to accept.
    let none = judged_for(&[], access_token()).map(|_| ());
    assert_eq!(none, Err(SubjectTokenFlaw::Audience));
}

#[test]
fn tx_4_each_fault_of_a_claim_of_an_access_token_is_found() {
    let mut tried = 0;
    for fault in id_token_faults::claims(ISSUER) {
        // The claims of an ID token alone; the audience has a test of its own.
        let of_id_token = [
            "nonce",
            "access_token_hash",
            "logout_token",
            "audience",
            "authorized_party",
        ];
        if of_id_token.contains(&fault.flaw) {
            continue;
        }
        let found = judged((fault.bend)(access_token())).map_err(SubjectTokenFlaw::code);
        if is_about_age(&fault.name) {
            assert_eq!(found, Ok(()), "{}", fault.name);
        } else {
            assert_eq!(found, Err(fault.flaw), "{}", fault.name);
        }
        tried += 1;
    }
    assert!(tried > 80, "{tried}");
}

#[test]
fn tx_4_each_fault_of_a_signature_or_form_of_an_access_token_is_found() {
    let mut faults = id_token_faults::signatures();
    faults.extend(id_token_faults::forms("https://evil.example/jwks"));
    faults.extend(id_token_faults::too_large());
    for fault in faults {
        // The types of an access token have a test of their own.
        if fault.name.starts_with("ID-10: typ") {
            continue;
        }
        let token = (fault.bend)(access_token());
        let found = judged(token).map_err(SubjectTokenFlaw::code);
        // A bend that signs by another key writes the header anew, without `at+jwt`.
        let found = found.map_err(|code| if code == "type" { fault.flaw } else { code });
        assert_eq!(found, Err(fault.flaw), "{}", fault.name);
    }
}

// ---- ID tokens ------------------------------------------------------------------------

/// Faults of a token that comes directly from the provider, and none of one that was kept.
fn is_about_age(name: &str) -> bool {
    ["ID-6: iat is now -660", "ID-6: iat is 0"].contains(&name)
}

#[test]
fn tx_4_an_id_token_is_judged_as_at_a_sign_in_but_for_nonce_hash_and_age() {
    assert_eq!(judged_as_id_token(id_token()), Ok(()));
    for fault in id_token_faults::claims(ISSUER) {
        let passes =
            ["nonce", "access_token_hash"].contains(&fault.flaw) || is_about_age(&fault.name);
        let found = judged_as_id_token((fault.bend)(id_token())).map_err(TokenFlaw::code);
        if passes {
            assert_eq!(found, Ok(()), "{}", fault.name);
        } else {
            let code = format!("id_token_{}", fault.flaw);
            assert_eq!(found, Err(code.as_str()), "{}", fault.name);
        }
    }
}

#[test]
fn tx_4_an_id_token_may_be_as_old_as_its_end_allows() {
    let old = id_token().claim("iat", seconds(-86_400));
    assert_eq!(judged_as_id_token(old), Ok(()));
    let over = id_token()
        .claim("iat", seconds(-86_400))
        .claim("exp", seconds(-30));
    assert_eq!(judged_as_id_token(over), Err(TokenFlaw::Expired));
}

#[test]
fn tx_4_neither_a_logout_token_nor_an_access_token_is_an_id_token() {
    let refused = Err(TokenFlaw::Type);
    assert_eq!(
        judged_as_id_token(id_token().header("typ", "logout+jwt")),
        refused
    );
    let access_token = access_token().claim("aud", CLIENT_ID);
    assert_eq!(judged_as_id_token(access_token), refused);
}

#[test]
fn a_jwt_is_of_the_kind_that_its_header_says_and_other_tokens_are_opaque() {
    for (token, kind) in [
        (access_token().finish(), Some(TokenKind::Access)),
        (id_token().finish(), Some(TokenKind::Plain)),
        (
            id_token().header("typ", "logout+jwt").finish(),
            Some(TokenKind::Plain),
        ),
        // Encrypted, cut off, padded, or with a header that cannot be read: a JWT all the same.
        (
            "eyJhbGciOiJkaXIifQ..a.b.c".to_owned(),
            Some(TokenKind::Plain),
        ),
        ("eyJhbGciOiJkaXIifQ.e30".to_owned(), Some(TokenKind::Plain)),
        (
            "eyJhbGciOiJkaXIifQ==.e30.x".to_owned(),
            Some(TokenKind::Plain),
        ),
        ("e30.e30.e30".to_owned(), Some(TokenKind::Plain)),
        (
            "eyJhIjoxLCJhIjoyfQ.e30.x".to_owned(),
            Some(TokenKind::Plain),
        ),
        ("IHt9.e30.x".to_owned(), Some(TokenKind::Plain)),
        ("ya29.a0AfH6SM.x".to_owned(), None),
        ("eyJhbGciOiJkaXIifQ".to_owned(), None),
        ("2YotnFZFEjr1zCsicMWpAA".to_owned(), None),
        ("a.b".to_owned(), None),
        ("..".to_owned(), None),
        (String::new(), None),
    ] {
        assert_eq!(signed_token::kind(&token), kind, "{token}");
    }
}

// ---- opaque access tokens -------------------------------------------------------------

fn answer() -> Value {
    json!({
        "active": true, "iss": ISSUER, "aud": API, "sub": "ann", "exp": seconds(300),
        "iat": seconds(-5), "token_type": "Bearer", "client_id": "studio",
    })
}

fn introspected(answer: Value) -> Result<(), SubjectTokenFlaw> {
    let Value::Object(answer) = answer else {
        panic!("no object");
    };
    judge_answer(answer, &with_audiences(&[API]), now()).map(|_| ())
}

fn with(name: &str, value: Value) -> Result<(), SubjectTokenFlaw> {
    let mut answer = answer();
    answer[name] = value;
    introspected(answer)
}

fn without(name: &str) -> Result<(), SubjectTokenFlaw> {
    let mut answer = answer();
    answer.as_object_mut().unwrap().remove(name);
    introspected(answer)
}

#[test]
fn tx_5_an_opaque_token_is_active_for_the_bridge_and_has_an_end_and_a_subject() {
    assert_eq!(introspected(answer()), Ok(()));
    assert_eq!(without("active"), Err(SubjectTokenFlaw::Inactive));
    for active in [
        json!(false),
        json!("true"),
        json!(1),
        json!(null),
        json!([true]),
    ] {
        let refused = with("active", active.clone());
        assert_eq!(refused, Err(SubjectTokenFlaw::Inactive), "{active}");
    }
    assert_eq!(without("aud"), Err(SubjectTokenFlaw::Audience));
    for aud in [
        json!("studio"),
        json!([API, "studio"]),
        json!([]),
        json!(null),
    ] {
        let refused = with("aud", aud.clone());
        assert_eq!(refused, Err(SubjectTokenFlaw::Audience), "{aud}");
    }
    for (outcome, flaw) in [
        (without("exp"), TokenFlaw::Time),
        (with("exp", json!("1795521900")), TokenFlaw::Time),
        (with("exp", seconds(-31)), TokenFlaw::Expired),
        (with("nbf", seconds(60)), TokenFlaw::NotBefore),
        (without("sub"), TokenFlaw::Subject),
        (with("sub", json!("a\nb")), TokenFlaw::Subject),
        (
            with("iss", json!("https://evil.example")),
            TokenFlaw::Issuer,
        ),
        (with("iss", json!(null)), TokenFlaw::Issuer),
    ] {
        assert_eq!(outcome, Err(SubjectTokenFlaw::Token(flaw)));
    }
    for name in ["iss", "iat", "token_type", "client_id"] {
        assert_eq!(without(name), Ok(()), "{name}");
    }
}

#[test]
fn tx_5_a_refresh_token_and_one_that_is_bound_to_a_key_are_no_bearer_access_tokens() {
    assert_eq!(with("token_type", json!("bearer")), Ok(()));
    assert_eq!(with("token_use", json!("access_token")), Ok(()));
    for (name, value) in [
        ("token_type", json!("DPoP")),
        ("token_type", json!("refresh_token")),
        ("token_type", json!(["Bearer"])),
        ("token_use", json!("refresh_token")),
    ] {
        let refused = with(name, value.clone());
        assert_eq!(refused, Err(SubjectTokenFlaw::OtherUse), "{name} {value}");
    }
}

#[test]
fn each_flaw_of_a_subject_token_has_its_own_word_and_none_speaks_of_id_tokens() {
    let flaws = [
        SubjectTokenFlaw::Token(TokenFlaw::Expired),
        SubjectTokenFlaw::Characters,
        SubjectTokenFlaw::Audience,
        SubjectTokenFlaw::Opaque,
        SubjectTokenFlaw::Inactive,
        SubjectTokenFlaw::OtherUse,
        SubjectTokenFlaw::Userinfo,
    ];
    let words: std::collections::HashSet<_> = flaws.iter().map(|flaw| flaw.code()).collect();
    assert_eq!(words.len(), flaws.len());
    assert!(words.iter().all(|word| !word.contains("id_token")));
}

#[test]
fn tx_2_the_types_are_those_of_rfc_8693() {
    let urn = |word: &str| format!("urn:ietf:params:oauth:token-type:{word}");
    for (word, kind) in [
        ("id_token", Some(SubjectTokenType::IdToken)),
        ("jwt", Some(SubjectTokenType::Jwt)),
        ("access_token", Some(SubjectTokenType::AccessToken)),
        ("refresh_token", None),
        ("saml2", None),
        ("JWT", None),
        ("", None),
    ] {
        assert_eq!(SubjectTokenType::parse(&urn(word)), kind, "{word}");
    }
    assert_eq!(SubjectTokenType::parse("jwt"), None);
}
