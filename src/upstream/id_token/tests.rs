//! Each row ID-1 to ID-15 that needs no HTTP, against tokens made here.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use chrono::{DateTime, TimeDelta, Utc};
use hmac::{Hmac, Mac};
use p256::ecdsa::signature::Signer;
use p256::ecdsa::{Signature, SigningKey};
use secrecy::SecretString;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::super::keys::KeySet;
use super::{Expected, Flaw, ID_TOKEN_MAX, verify};
use crate::upstream::SigningAlg;

const ISSUER: &str = "https://id.example.com";
const CLIENT: &str = "bridge";
const CLIENT_SECRET: &str = "a secret that only provider and bridge know";
const NONCE: &str = "n-0S6_WzA2Mj";
const ACCESS_TOKEN: &str = "jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y";

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_795_521_600, 0).unwrap()
}

fn seconds(offset: i64) -> Value {
    json!(now().timestamp() + offset)
}

fn signing_key(seed: u8) -> SigningKey {
    SigningKey::from_slice(&[seed; 32]).unwrap()
}

fn point(key: &SigningKey) -> Vec<u8> {
    key.verifying_key().to_sec1_point(false).as_bytes().to_vec()
}

fn jwk(key: &SigningKey, kid: Option<&str>) -> Value {
    let point = point(key);
    let (x, y) = (
        URL_SAFE_NO_PAD.encode(&point[1..33]),
        URL_SAFE_NO_PAD.encode(&point[33..]),
    );
    let mut jwk = json!({"kty": "EC", "crv": "P-256", "x": x, "y": y});
    if let Some(kid) = kid {
        jwk["kid"] = json!(kid);
    }
    jwk
}

fn encode(json: &Value) -> String {
    URL_SAFE_NO_PAD.encode(json.to_string())
}

/// A token in the making; as it begins it is good.
struct Token {
    header: Value,
    claims: Value,
    key: SigningKey,
}

fn token() -> Token {
    Token {
        header: json!({"alg": "ES256", "kid": "one", "typ": "JWT"}),
        claims: json!({
            "iss": ISSUER, "aud": CLIENT, "sub": "ann", "nonce": NONCE,
            "iat": seconds(-5), "exp": seconds(300), "groups": ["viewers"],
        }),
        key: signing_key(1),
    }
}

impl Token {
    fn header(mut self, name: &str, value: Value) -> Self {
        self.header[name] = value;
        self
    }

    fn claim(mut self, name: &str, value: Value) -> Self {
        self.claims[name] = value;
        self
    }

    fn without(mut self, name: &str) -> Self {
        self.header.as_object_mut().unwrap().remove(name);
        self.claims.as_object_mut().unwrap().remove(name);
        self
    }

    fn signed_by(mut self, key: SigningKey) -> Self {
        self.key = key;
        self
    }

    fn input(&self) -> String {
        format!("{}.{}", encode(&self.header), encode(&self.claims))
    }

    fn sign(&self) -> String {
        let input = self.input();
        let signature: Signature = self.key.sign(input.as_bytes());
        format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature.to_bytes()))
    }

    fn hmac(&self, key: &[u8]) -> String {
        let input = self.input();
        let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
        mac.update(input.as_bytes());
        format!(
            "{input}.{}",
            URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes())
        )
    }
}

/// The outcome as the provider's one key, the client and the moment have it.
struct Verification {
    keys: Vec<Value>,
    algs: Vec<SigningAlg>,
    access_token: Option<&'static str>,
    now: DateTime<Utc>,
}

fn verification() -> Verification {
    Verification {
        keys: vec![jwk(&signing_key(1), Some("one"))],
        algs: vec![SigningAlg::Rs256, SigningAlg::Es256],
        access_token: Some(ACCESS_TOKEN),
        now: now(),
    }
}

impl Verification {
    fn of(&self, raw: &str) -> Result<Map<String, Value>, Flaw> {
        let access_token = self.access_token.map(SecretString::from);
        let expected = Expected {
            issuer: ISSUER,
            client_id: CLIENT,
            algs: &self.algs,
            nonce: &SecretString::from(NONCE),
            access_token: access_token.as_ref(),
        };
        let keys = KeySet::from_jwks(&self.keys).unwrap();
        verify(raw, &keys, &expected, self.now).map(|verified| verified.claims().clone())
    }
}

fn check(token: &Token) -> Result<(), Flaw> {
    verification().of(&token.sign()).map(|_| ())
}

fn flaw_of(raw: &str) -> Option<Flaw> {
    verification().of(raw).err()
}

#[test]
fn a_good_token_gives_its_claims_as_they_were_sent() {
    let claims = verification().of(&token().sign()).unwrap();
    assert_eq!(Value::from(claims), token().claims);
}

// ---- ID-1: the signature -------------------------------------------------------------

#[test]
fn id_1_one_changed_bit_in_any_part_is_refused() {
    let good = token().sign();
    let parts: Vec<&str> = good.split('.').collect();
    for part in 0..3 {
        let bytes = URL_SAFE_NO_PAD.decode(parts[part]).unwrap();
        for place in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[place] ^= 1;
            let mut parts: Vec<String> = parts.iter().map(|&part| part.to_owned()).collect();
            parts[part] = URL_SAFE_NO_PAD.encode(changed);
            assert!(
                flaw_of(&parts.join(".")).is_some(),
                "part {part}, byte {place}"
            );
        }
    }
}

#[test]
fn id_1_other_claims_under_a_genuine_signature_are_refused() {
    let (good, other) = (token().sign(), token().claim("sub", json!("admin")));
    let signature = good.rsplit('.').next().unwrap();
    assert_eq!(
        flaw_of(&format!("{}.{signature}", other.input())),
        Some(Flaw::Signature)
    );
}

#[test]
fn id_1_no_signature_is_refused() {
    assert_eq!(
        flaw_of(&format!("{}.", token().input())),
        Some(Flaw::Signature)
    );
}

#[test]
fn id_1_another_key_under_the_same_name_is_refused() {
    assert_eq!(
        check(&token().signed_by(signing_key(2))),
        Err(Flaw::Signature)
    );
}

// ---- ID-2: the algorithm -------------------------------------------------------------

#[test]
fn id_2_a_token_that_says_none_is_refused() {
    let unsigned = token().header("alg", json!("none"));
    assert_eq!(
        flaw_of(&format!("{}.", unsigned.input())),
        Some(Flaw::Algorithm)
    );
    assert_eq!(check(&unsigned), Err(Flaw::Algorithm));
    for word in ["None", "nOnE", "NONE", ""] {
        let unsigned = token().header("alg", json!(word));
        let raw = format!("{}.", unsigned.input());
        assert_eq!(flaw_of(&raw), Some(Flaw::Unreadable), "{word}");
    }
    assert_eq!(check(&token().without("alg")), Err(Flaw::Unreadable));
}

#[test]
fn id_2_symmetric_signatures_are_refused_whatever_their_key() {
    let point = point(&signing_key(1));
    let jwk = jwk(&signing_key(1), Some("one")).to_string();
    let pem = format!(
        "-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n",
        STANDARD.encode(&point)
    );
    let keys = [
        CLIENT_SECRET.as_bytes(),
        &point,
        &point[1..],
        jwk.as_bytes(),
        pem.as_bytes(),
        b"",
    ];
    for alg in ["HS256", "HS384", "HS512"] {
        for key in keys {
            let raw = token().header("alg", json!(alg)).hmac(key);
            assert_eq!(flaw_of(&raw), Some(Flaw::Algorithm), "{alg}");
        }
    }
}

#[test]
fn id_2_an_algorithm_that_is_not_configured_is_refused() {
    assert_eq!(
        check(&token().header("alg", json!("ES384"))),
        Err(Flaw::Algorithm)
    );
    let only_rsa = Verification {
        algs: vec![SigningAlg::Rs256],
        ..verification()
    };
    assert_eq!(only_rsa.of(&token().sign()), Err(Flaw::Algorithm));
}

#[test]
fn id_2_an_algorithm_of_another_kind_of_key_finds_no_key() {
    assert_eq!(
        check(&token().header("alg", json!("RS256"))),
        Err(Flaw::UnknownKey)
    );
}

// ---- ID-3 and ID-4: issuer and audience ----------------------------------------------

#[test]
fn id_3_the_issuer_is_compared_character_by_character() {
    for issuer in [
        "https://evil.example",
        "https://id.example.com/",
        "https://ID.example.com",
        "http://id.example.com",
        "https://id.example.com:443",
    ] {
        assert_eq!(
            check(&token().claim("iss", json!(issuer))),
            Err(Flaw::Issuer),
            "{issuer}"
        );
    }
    for issuer in [json!(""), json!(null), json!([ISSUER]), json!(7)] {
        assert_eq!(check(&token().claim("iss", issuer)), Err(Flaw::Unreadable));
    }
    assert_eq!(check(&token().without("iss")), Err(Flaw::Unreadable));
}

#[test]
fn id_4_the_audience_is_this_client_and_nobody_else() {
    assert_eq!(check(&token().claim("aud", json!([CLIENT]))), Ok(()));
    for audience in [
        json!("other"),
        json!("bridg"),
        json!("bridge2"),
        json!("BRIDGE"),
        json!("x bridge"),
        json!([CLIENT, "other"]),
        json!(["other", CLIENT]),
        json!([]),
    ] {
        let refused = check(
            &token()
                .claim("aud", audience.clone())
                .claim("azp", json!(CLIENT)),
        );
        assert_eq!(refused, Err(Flaw::Audience), "{audience}");
    }
    assert_eq!(check(&token().without("aud")), Err(Flaw::Audience));
    assert_eq!(
        check(&token().claim("aud", json!(7))),
        Err(Flaw::Unreadable)
    );
}

// ---- ID-5: the authorized party ------------------------------------------------------

#[test]
fn id_5_the_authorized_party_is_this_client() {
    assert_eq!(check(&token().claim("azp", json!(CLIENT))), Ok(()));
    for party in [json!("evil"), json!(""), json!("BRIDGE")] {
        assert_eq!(
            check(&token().claim("azp", party)),
            Err(Flaw::AuthorizedParty)
        );
    }
    assert_eq!(
        check(&token().claim("azp", json!(null))),
        Err(Flaw::AuthorizedParty)
    );
    assert_eq!(
        check(&token().claim("azp", json!([CLIENT]))),
        Err(Flaw::Unreadable)
    );
}

#[test]
fn id_5_a_list_of_several_audiences_needs_an_authorized_party() {
    let several = || token().claim("aud", json!([CLIENT, CLIENT]));
    assert_eq!(check(&several()), Err(Flaw::AuthorizedParty));
    assert_eq!(
        check(&several().claim("azp", json!("evil"))),
        Err(Flaw::AuthorizedParty)
    );
    assert_eq!(check(&several().claim("azp", json!(CLIENT))), Ok(()));
}

// ---- ID-6: the times -----------------------------------------------------------------

#[test]
fn id_6_a_token_serves_until_thirty_seconds_after_its_end() {
    assert_eq!(check(&token().claim("exp", seconds(-29))), Ok(()));
    assert_eq!(
        check(&token().claim("exp", seconds(-30))),
        Err(Flaw::Expired)
    );
    assert_eq!(
        check(&token().claim("exp", seconds(-61))),
        Err(Flaw::Expired)
    );
    assert_eq!(check(&token().claim("exp", json!(0))), Err(Flaw::Expired));
}

#[test]
fn id_6_the_time_of_issue_is_at_most_ten_minutes_ago_and_one_minute_ahead() {
    assert_eq!(check(&token().claim("iat", seconds(-600))), Ok(()));
    assert_eq!(
        check(&token().claim("iat", seconds(-601))),
        Err(Flaw::IssuedAt)
    );
    assert_eq!(check(&token().claim("iat", seconds(60))), Ok(()));
    assert_eq!(
        check(&token().claim("iat", seconds(61))),
        Err(Flaw::IssuedAt)
    );
    assert_eq!(
        check(&token().claim("iat", seconds(3600))),
        Err(Flaw::IssuedAt)
    );
    assert_eq!(check(&token().claim("iat", json!(0))), Err(Flaw::IssuedAt));
}

#[test]
fn id_6_a_token_that_is_not_valid_yet_is_refused() {
    assert_eq!(check(&token().claim("nbf", seconds(30))), Ok(()));
    assert_eq!(
        check(&token().claim("nbf", seconds(31))),
        Err(Flaw::NotBefore)
    );
    assert_eq!(
        check(&token().claim("nbf", seconds(3600))),
        Err(Flaw::NotBefore)
    );
    assert_eq!(check(&token().claim("nbf", json!(0))), Ok(()));
}

#[test]
fn id_6_end_and_issue_are_required() {
    assert_eq!(check(&token().without("exp")), Err(Flaw::Time));
    assert_eq!(check(&token().without("iat")), Err(Flaw::Time));
}

#[test]
fn id_6_a_time_is_a_whole_number_and_nothing_else() {
    for name in ["exp", "iat", "nbf"] {
        for value in [
            json!("99999999999"),
            json!("2026-11-24T12:00:00Z"),
            json!(-1),
            json!(1e300),
            json!(1_795_521_600.5),
            json!(1_795_521_600.0),
            json!(u64::MAX),
            json!(i64::MAX),
            json!(null),
            json!(true),
            json!([1_795_521_600]),
        ] {
            let refused = check(&token().claim(name, value.clone()));
            assert_eq!(refused, Err(Flaw::Time), "{name} {value}");
        }
    }
}

#[test]
fn id_6_the_clock_is_the_one_that_was_given() {
    let later = Verification {
        now: now() + TimeDelta::seconds(330),
        ..verification()
    };
    assert_eq!(later.of(&token().sign()), Err(Flaw::Expired));
    let just_before = Verification {
        now: now() + TimeDelta::seconds(329),
        ..verification()
    };
    assert!(just_before.of(&token().sign()).is_ok());
}

// ---- ID-7: the nonce -----------------------------------------------------------------

#[test]
fn id_7_the_nonce_is_that_of_this_sign_in() {
    for nonce in ["", "other", "n-0S6_WzA2M", "n-0S6_WzA2Mjj", "N-0S6_WzA2Mj"] {
        assert_eq!(
            check(&token().claim("nonce", json!(nonce))),
            Err(Flaw::Nonce),
            "{nonce}"
        );
    }
    assert_eq!(check(&token().without("nonce")), Err(Flaw::Nonce));
    assert_eq!(
        check(&token().claim("nonce", json!(null))),
        Err(Flaw::Nonce)
    );
    assert_eq!(
        check(&token().claim("nonce", json!(7))),
        Err(Flaw::Unreadable)
    );
}

// ---- ID-8: the subject ---------------------------------------------------------------

#[test]
fn id_8_the_subject_is_1_to_255_printable_ascii_characters() {
    for subject in [
        "a",
        "auth0|5f7c8ec7",
        "uid=ann, ou=people",
        "!~",
        &"x".repeat(255),
    ] {
        assert_eq!(
            check(&token().claim("sub", json!(subject))),
            Ok(()),
            "{subject}"
        );
    }
    let long = "x".repeat(4096);
    for subject in [
        "",
        &"x".repeat(256),
        &long,
        "a\nb",
        "a\u{0}",
        "a\u{1f}",
        "a\u{7f}",
        "änn",
        "\t",
    ] {
        assert_eq!(
            check(&token().claim("sub", json!(subject))),
            Err(Flaw::Subject),
            "{subject:?}"
        );
    }
    for subject in [json!(7), json!(null), json!(["ann"])] {
        assert_eq!(check(&token().claim("sub", subject)), Err(Flaw::Unreadable));
    }
    assert_eq!(check(&token().without("sub")), Err(Flaw::Unreadable));
}

// ---- ID-9: at_hash -------------------------------------------------------------------

#[test]
fn id_9_the_hash_is_that_of_the_access_token_that_came_along() {
    let digest = Sha256::digest(ACCESS_TOKEN);
    let right = URL_SAFE_NO_PAD.encode(&digest[..16]);
    assert_eq!(check(&token().claim("at_hash", json!(right))), Ok(()));
    for wrong in ["", "x", &right[1..], &URL_SAFE_NO_PAD.encode(digest)] {
        let refused = check(&token().claim("at_hash", json!(wrong)));
        assert_eq!(refused, Err(Flaw::AccessTokenHash), "{wrong}");
    }
    assert_eq!(
        check(&token().claim("at_hash", json!(null))),
        Err(Flaw::AccessTokenHash)
    );
}

#[test]
fn id_9_without_an_access_token_there_is_nothing_to_compare() {
    let alone = Verification {
        access_token: None,
        ..verification()
    };
    assert!(
        alone
            .of(&token().claim("at_hash", json!("x")).sign())
            .is_ok()
    );
}

// ---- ID-10: what kind of token -------------------------------------------------------

#[test]
fn id_10_the_type_is_jwt_or_absent() {
    for kind in ["JWT", "jwt"] {
        assert_eq!(check(&token().header("typ", json!(kind))), Ok(()), "{kind}");
    }
    assert_eq!(check(&token().without("typ")), Ok(()));
    for kind in [
        "at+jwt",
        "application/at+jwt",
        "logout+jwt",
        "secevent+jwt",
        "JOSE",
        "JWE",
        "",
    ] {
        assert_eq!(
            check(&token().header("typ", json!(kind))),
            Err(Flaw::Type),
            "{kind}"
        );
    }
}

#[test]
fn id_10_a_logout_token_signs_nobody_in() {
    let event = json!({"http://schemas.openid.net/event/backchannel-logout": {}});
    for events in [event, json!({}), json!(null), json!([])] {
        assert_eq!(
            check(&token().claim("events", events)),
            Err(Flaw::LogoutToken)
        );
    }
}

// ---- ID-11: the header ---------------------------------------------------------------

#[test]
fn id_11_critical_nested_and_compressed_tokens_are_refused() {
    for crit in [json!(["exp"]), json!(["b64"]), json!([])] {
        assert_eq!(check(&token().header("crit", crit)), Err(Flaw::Type));
    }
    assert_eq!(check(&token().header("cty", json!("JWT"))), Err(Flaw::Type));
    for zip in [json!("DEF"), json!(null)] {
        assert_eq!(check(&token().header("zip", zip)), Err(Flaw::Compressed));
    }
}

#[test]
fn id_11_only_three_parts_are_a_signed_token() {
    let good = token().sign();
    let unsigned = token().header("alg", json!("none")).input();
    for raw in [
        String::new(),
        "a".to_owned(),
        token().input(),
        format!("{good}."),
        format!("{good}.x.y"),
        format!("{unsigned}.a.b.c"),
        format!(".{good}"),
    ] {
        assert_eq!(flaw_of(&raw), Some(Flaw::NotThreeParts), "{raw}");
    }
}

#[test]
fn id_11_a_key_that_the_token_brings_along_is_not_looked_at() {
    let attacker = signing_key(9);
    let bring = |token: Token| {
        token
            .header("jwk", jwk(&attacker, Some("one")))
            .header("jku", json!("https://evil.example/jwks"))
            .header("x5u", json!("https://evil.example/cert"))
            .header("x5c", json!(["MIIB"]))
    };
    assert_eq!(
        check(&bring(token()).signed_by(attacker.clone())),
        Err(Flaw::Signature)
    );
    assert_eq!(check(&bring(token())), Ok(()));
}

// ---- ID-15: size and depth -----------------------------------------------------------

#[test]
fn id_15_a_token_of_64_kib_passes_and_a_longer_one_is_not_decoded() {
    assert_eq!(ID_TOKEN_MAX, 65_536);
    let empty = token().claim("pad", json!("")).sign().len();
    let near = (ID_TOKEN_MAX - empty) / 4 * 3;
    let longest = (near - 8..near + 8)
        .map(|pad| token().claim("pad", json!("x".repeat(pad))).sign())
        .find(|raw| raw.len() == ID_TOKEN_MAX)
        .expect("some padding gives exactly the limit");
    assert_eq!(flaw_of(&longest), None);
    assert_eq!(flaw_of(&format!("{longest}x")), Some(Flaw::TooLarge));
    assert_eq!(flaw_of(&"x".repeat(10_000_000)), Some(Flaw::TooLarge));
}

#[test]
fn id_15_json_nested_ten_thousand_deep_is_refused() {
    let deep = URL_SAFE_NO_PAD.encode(format!("{}{}", "[".repeat(10_000), "]".repeat(10_000)));
    let header = encode(&token().header);
    assert_eq!(
        flaw_of(&format!("{header}.{deep}.x")),
        Some(Flaw::Unreadable)
    );
    let inside = format!("{{\"a\":{}{}}}", "[".repeat(10_000), "]".repeat(10_000));
    let inside = URL_SAFE_NO_PAD.encode(inside);
    assert_eq!(
        flaw_of(&format!("{header}.{inside}.x")),
        Some(Flaw::Unreadable)
    );
}

#[test]
fn id_15_what_is_no_base64_or_no_json_object_is_refused() {
    let (header, claims) = (encode(&token().header), encode(&token().claims));
    for (header, claims) in [
        ("!", claims.as_str()),
        (&header, "!"),
        (&header, ""),
        (&header, &encode(&json!([]))),
        (&encode(&json!("x")), &claims),
    ] {
        assert_eq!(
            flaw_of(&format!("{header}.{claims}.x")),
            Some(Flaw::Unreadable)
        );
    }
}

// ---- JW-7: which key -----------------------------------------------------------------

#[test]
fn jw_7_an_unknown_key_id_finds_no_key() {
    assert_eq!(
        check(&token().header("kid", json!("two"))),
        Err(Flaw::UnknownKey)
    );
}

#[test]
fn jw_7_without_a_key_id_one_key_serves_and_two_are_ambiguous() {
    let raw = token().without("kid").sign();
    assert!(verification().of(&raw).is_ok());
    let keys = vec![
        jwk(&signing_key(1), Some("one")),
        jwk(&signing_key(2), Some("two")),
    ];
    let two = Verification {
        keys,
        ..verification()
    };
    assert_eq!(two.of(&raw), Err(Flaw::AmbiguousKey));
    assert!(two.of(&token().sign()).is_ok());
}

#[test]
fn jw_7_two_keys_with_one_id_are_ambiguous() {
    let keys = vec![
        jwk(&signing_key(1), Some("one")),
        jwk(&signing_key(2), Some("one")),
    ];
    let twice = Verification {
        keys,
        ..verification()
    };
    assert_eq!(twice.of(&token().sign()), Err(Flaw::AmbiguousKey));
}

// ---- What providers really send ------------------------------------------------------

#[test]
fn claims_that_nobody_needs_may_be_odd() {
    for (name, value) in [
        ("auth_time", json!(1_795_521_590.25)),
        ("updated_at", json!("2026-11-24T11:59:00.000Z")),
        ("email_verified", json!("true")),
        ("phone_number_verified", json!("false")),
        ("name", json!(null)),
        ("acr", json!("1")),
        ("amr", json!(["pwd", "otp"])),
    ] {
        assert_eq!(check(&token().claim(name, value)), Ok(()), "{name}");
    }
}

#[test]
fn the_session_of_the_provider_is_kept_when_it_is_a_name() {
    let sid = |value: Value| {
        let raw = token().claim("sid", value).sign();
        let expected = Expected {
            issuer: ISSUER,
            client_id: CLIENT,
            algs: &[SigningAlg::Es256],
            nonce: &SecretString::from(NONCE),
            access_token: None,
        };
        let keys = KeySet::from_jwks(&verification().keys).unwrap();
        let verified = verify(&raw, &keys, &expected, now());
        verified.unwrap_or_else(|flaw| panic!("{flaw}")).sid()
    };
    assert_eq!(
        sid(json!("08a5019c-17e1")),
        Some("08a5019c-17e1".to_owned())
    );
    assert_eq!(sid(json!("x".repeat(255))), Some("x".repeat(255)));
    for bad in [
        json!(""),
        json!("x".repeat(256)),
        json!("a\nb"),
        json!(7),
        json!(null),
    ] {
        assert_eq!(sid(bad.clone()), None, "{bad}");
    }
}

#[test]
fn each_flaw_has_its_own_word() {
    let flaws = [
        Flaw::TooLarge,
        Flaw::NotThreeParts,
        Flaw::Unreadable,
        Flaw::Compressed,
        Flaw::Type,
        Flaw::Algorithm,
        Flaw::UnknownKey,
        Flaw::AmbiguousKey,
        Flaw::Signature,
        Flaw::Issuer,
        Flaw::Audience,
        Flaw::AuthorizedParty,
        Flaw::Time,
        Flaw::Expired,
        Flaw::IssuedAt,
        Flaw::NotBefore,
        Flaw::Nonce,
        Flaw::Subject,
        Flaw::LogoutToken,
        Flaw::AccessTokenHash,
    ];
    let words: std::collections::HashSet<&str> = flaws.iter().map(|flaw| flaw.code()).collect();
    assert_eq!(words.len(), flaws.len());
    assert!(words.iter().all(|word| word.starts_with("id_token_")));
}
