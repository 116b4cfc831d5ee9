//! Each row ID-1 to ID-15 that needs no HTTP. Tokens and the table of faults are those of the hostile
//! provider (`tests/it`); what passes, and where exactly it no longer does, stands here.

#[path = "../../../tests/it/hostile_provider/id_token_faults.rs"]
pub(crate) mod id_token_faults;
#[path = "../../../tests/it/provider/key.rs"]
#[expect(dead_code, reason = "the provider of the other tests uses the rest")]
pub(crate) mod key;
#[path = "../../../tests/it/provider/token.rs"]
pub(crate) mod token;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::TimeDelta;
use serde_json::json;
use sha2::{Digest, Sha256};

use super::*;
use crate::oidc::SigningAlg;
use crate::oidc::settings::tests::settings;
use crate::oidc::signed_token::{ISSUED_BEFORE_MAX, TOKEN_MAX};
use id_token_faults::Fault;
use key::Key;
use token::IdToken;

const ISSUER: &str = "https://id.example.com";
const CLIENT_ID: &str = "bridge";
const CLIENT_SECRET: &str = "provider-and-bridge-alone-know-this";
const NONCE: &str = "n-0S6_WzA2Mj";
const ACCESS_TOKEN: &str = "jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y";

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_795_521_600, 0).unwrap()
}

fn seconds(offset: i64) -> Value {
    json!(now().timestamp() + offset)
}

fn at_hash() -> String {
    URL_SAFE_NO_PAD.encode(&Sha256::digest(ACCESS_TOKEN)[..16])
}

/// A good token of this key.
fn token_of(key: Key) -> IdToken {
    let claims = json!({
        "iss": ISSUER, "aud": CLIENT_ID, "sub": "ann", "nonce": NONCE, "groups": ["viewers"],
        "iat": seconds(-5), "exp": seconds(300), "at_hash": at_hash(),
    });
    IdToken::new(claims, key)
}

fn one() -> Key {
    Key::es256("one", 1)
}

fn token() -> IdToken {
    token_of(one())
}

/// What a token is judged by.
struct Verification {
    keys: Vec<Value>,
    settings: ProviderSettings,
    access_token: Option<AccessToken>,
    now: DateTime<Utc>,
}

fn verification() -> Verification {
    Verification {
        keys: vec![one().jwk()],
        settings: settings(ISSUER),
        access_token: Some(AccessToken::new(ACCESS_TOKEN.to_owned())),
        now: now(),
    }
}

fn with_keys(keys: impl Into<Vec<Key>>) -> Verification {
    Verification {
        keys: keys.into().iter().map(Key::jwk).collect(),
        ..verification()
    }
}

impl Verification {
    fn of(&self, raw: &str) -> Result<VerifiedIdToken, TokenFlaw> {
        let nonce = SecretString::from(NONCE);
        let sent = SentWith {
            nonce: Some(&nonce),
            access_token: self.access_token.as_ref(),
            max_age: Some(ISSUED_BEFORE_MAX),
        };
        let keys = KeySet::from_jwks(&self.keys).unwrap();
        verify(raw, &keys, &self.settings, &sent, self.now)
    }

    fn check(&self, token: IdToken) -> Result<(), TokenFlaw> {
        self.of(&token.finish()).map(|_| ())
    }
}

fn check(token: IdToken) -> Result<(), TokenFlaw> {
    verification().check(token)
}

/// Each fault in a token of this key.
fn each_is_found(key: &Key, faults: Vec<Fault>) {
    let verification = with_keys([key.clone()]);
    assert_eq!(verification.check(token_of(key.clone())), Ok(()));
    for Fault { name, flaw, bend } in faults {
        let found = verification.check(bend(token_of(key.clone())));
        let code = found.map_err(TokenFlaw::code);
        assert_eq!(code, Err(format!("id_token_{flaw}").as_str()), "{name}");
    }
}

// ---- the table ------------------------------------------------------------------------

#[test]
fn id_1_and_id_2_each_fault_of_a_signature_is_found() {
    each_is_found(&Key::rs256("rs-1"), id_token_faults::signatures());
    each_is_found(
        &Key::es256("es-1", 1),
        id_token_faults::elliptic_signatures(),
    );
}

#[test]
fn id_3_to_id_10_each_fault_of_a_claim_is_found() {
    each_is_found(&one(), id_token_faults::claims(ISSUER));
}

#[test]
fn id_10_to_id_15_each_fault_of_the_form_is_found() {
    let faults = id_token_faults::forms("https://evil.example/jwks");
    each_is_found(&Key::rs256("rs-1"), faults);
    each_is_found(&one(), id_token_faults::too_large());
}

#[test]
fn each_flaw_has_its_own_word() {
    let flaws = [
        TokenFlaw::TooLarge,
        TokenFlaw::NotThreeParts,
        TokenFlaw::Unreadable,
        TokenFlaw::Compressed,
        TokenFlaw::Type,
        TokenFlaw::Algorithm,
        TokenFlaw::UnknownKey,
        TokenFlaw::AmbiguousKey,
        TokenFlaw::Signature,
        TokenFlaw::Issuer,
        TokenFlaw::Audience,
        TokenFlaw::AuthorizedParty,
        TokenFlaw::Time,
        TokenFlaw::Expired,
        TokenFlaw::IssuedAt,
        TokenFlaw::NotBefore,
        TokenFlaw::Nonce,
        TokenFlaw::Subject,
        TokenFlaw::LogoutToken,
        TokenFlaw::AccessTokenHash,
    ];
    let words: std::collections::HashSet<&str> = flaws.iter().map(|flaw| flaw.code()).collect();
    assert_eq!(words.len(), flaws.len());
    assert!(words.iter().all(|word| word.starts_with("id_token_")));
}

// ---- what passes ----------------------------------------------------------------------

#[test]
fn a_good_token_gives_its_claims_as_they_were_sent() {
    let verified = verification().of(&token().finish()).unwrap();
    for name in [
        "iss", "aud", "sub", "nonce", "groups", "iat", "exp", "at_hash",
    ] {
        assert_eq!(verified.claims[name], token().claim_now(name), "{name}");
    }
    assert_eq!(verified.claims.len(), 8);
    assert_eq!(verified.subject, "ann");
}

#[test]
fn claims_that_are_not_used_may_be_odd() {
    let shapes = [
        json!("x"),
        json!("2026-11-24T11:59:00.000Z"),
        json!(1_795_521_590.25),
        json!(-1),
        json!(true),
        json!(null),
        json!([]),
        json!(["pwd", 7]),
        json!({"formatted": 7}),
    ];
    for name in [
        "auth_time",
        "updated_at",
        "email",
        "email_verified",
        "phone_number_verified",
        "name",
        "acr",
        "amr",
        "address",
        "locale",
        "zoneinfo",
        "gender",
        "birthdate",
        "picture",
        "website",
        "c_hash",
        "jti",
        "sid",
        "https://example.com/claim",
    ] {
        for value in &shapes {
            let read = check(token().claim(name, value.clone()));
            assert_eq!(read, Ok(()), "{name} {value}");
        }
    }
}

#[test]
fn the_session_of_the_provider_is_kept_when_it_is_a_name() {
    let sid = |value: Value| {
        let verified = verification().of(&token().claim("sid", value).finish());
        verified.unwrap_or_else(|flaw| panic!("{flaw}")).sid
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

// ---- ID-1 and ID-2: signature and algorithm -------------------------------------------

#[test]
fn id_1_one_changed_bit_in_any_part_is_refused() {
    let good = token().finish();
    let parts: Vec<&str> = good.split('.').collect();
    for part in 0..3 {
        let bytes = URL_SAFE_NO_PAD.decode(parts[part]).unwrap();
        for place in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[place] ^= 1;
            let mut parts: Vec<String> = parts.iter().map(|&part| part.to_owned()).collect();
            parts[part] = URL_SAFE_NO_PAD.encode(changed);
            let refused = verification().of(&parts.join("."));
            assert!(refused.is_err(), "part {part}, byte {place}");
        }
    }
}

#[test]
fn id_2_an_algorithm_that_is_not_configured_is_refused() {
    let mut only_rsa = verification();
    only_rsa.settings.signing_algs = vec![SigningAlg::Rs256];
    assert_eq!(only_rsa.check(token()), Err(TokenFlaw::Algorithm));
}

// ---- ID-4, ID-5, ID-8, ID-9: claims ---------------------------------------------------

#[test]
fn id_4_the_audience_may_be_a_list_of_this_client() {
    assert_eq!(check(token().claim("aud", json!([CLIENT_ID]))), Ok(()));
}

#[test]
fn id_4_a_trusted_audience_may_stand_beside_this_client() {
    let trusting = |trusted: &[&str], token: IdToken| {
        let mut verification = verification();
        let trusted = trusted.iter().map(|&one| one.to_owned());
        verification.settings.trusted_audiences = trusted.collect();
        verification.check(token)
    };
    let to = |aud: Value, azp: &str| token().claim("aud", aud).claim("azp", azp);
    let several = || json!(["project", CLIENT_ID, "api"]);
    let both = ["project", "api"];
    assert_eq!(trusting(&both, to(several(), CLIENT_ID)), Ok(()));
    for (trusted, aud, azp, flaw) in [
        (&both[..1], several(), CLIENT_ID, TokenFlaw::Audience),
        (&[], several(), CLIENT_ID, TokenFlaw::Audience),
        (
            &both[..1],
            json!(["project"]),
            CLIENT_ID,
            TokenFlaw::Audience,
        ),
        (&both[..1], json!("project"), CLIENT_ID, TokenFlaw::Audience),
        (&both, several(), "project", TokenFlaw::AuthorizedParty),
    ] {
        let refused = trusting(trusted, to(aud.clone(), azp));
        assert_eq!(refused, Err(flaw), "{trusted:?} {aud}");
    }
    let without_azp = token().claim("aud", json!([CLIENT_ID, "api"]));
    assert_eq!(
        trusting(&["api"], without_azp),
        Err(TokenFlaw::AuthorizedParty)
    );
}

#[test]
fn id_5_the_authorized_party_may_be_named_also_with_several_audiences() {
    assert_eq!(check(token().claim("azp", CLIENT_ID)), Ok(()));
    let several = token().claim("aud", json!([CLIENT_ID, CLIENT_ID]));
    assert_eq!(check(several.claim("azp", CLIENT_ID)), Ok(()));
}

#[test]
fn id_8_the_subject_is_1_to_255_printable_ascii_characters() {
    for subject in [
        "a",
        "auth0|5f7c8ec7",
        "uid=ann, ou=people",
        "!~",
        &"x".repeat(255),
    ] {
        assert_eq!(check(token().claim("sub", subject)), Ok(()), "{subject}");
    }
}

#[test]
fn id_9_the_hash_is_that_of_the_access_token_that_came_along() {
    assert_eq!(check(token().without("at_hash")), Ok(()));
    let whole = URL_SAFE_NO_PAD.encode(Sha256::digest(ACCESS_TOKEN));
    let refused = check(token().claim("at_hash", whole));
    assert_eq!(refused, Err(TokenFlaw::AccessTokenHash));
    let mut other = verification();
    other.access_token = Some(AccessToken::new("of-another-answer".to_owned()));
    assert_eq!(other.check(token()), Err(TokenFlaw::AccessTokenHash));
}

#[test]
fn id_9_without_an_access_token_there_is_nothing_to_compare() {
    let mut alone = verification();
    alone.access_token = None;
    assert_eq!(alone.check(token().claim("at_hash", "x")), Ok(()));
}

// ---- ID-6: times ----------------------------------------------------------------------

#[test]
fn id_6_each_time_has_its_bounds_to_the_second() {
    for (claim, offset, outcome) in [
        ("exp", -29, Ok(())),
        ("exp", -30, Err(TokenFlaw::Expired)),
        ("iat", -600, Ok(())),
        ("iat", -601, Err(TokenFlaw::IssuedAt)),
        ("iat", 60, Ok(())),
        ("iat", 61, Err(TokenFlaw::IssuedAt)),
        ("nbf", 30, Ok(())),
        ("nbf", 31, Err(TokenFlaw::NotBefore)),
    ] {
        let checked = check(token().claim(claim, seconds(offset)));
        assert_eq!(checked, outcome, "{claim} {offset}");
    }
    assert_eq!(check(token().claim("nbf", 0)), Ok(()));
}

#[test]
fn id_6_a_fraction_or_an_exponent_is_rounded_down() {
    let number = |text: &str| serde_json::from_str::<Value>(text).unwrap();
    for name in ["exp", "iat", "nbf"] {
        for text in ["1795521600.0", "1795521600.889", "1.7955216E9"] {
            let token = token().claim(name, number(text));
            assert_eq!(check(token), Ok(()), "{name} {text}");
        }
    }
    // 30 s of leeway: up to N.999 the end is N.
    let ends = |text: &str| check(token().claim("exp", number(text)));
    assert_eq!(ends("1795521571.0"), Ok(()));
    assert_eq!(ends("1795521570.999"), Err(TokenFlaw::Expired));
}

#[test]
fn id_6_the_clock_is_the_one_that_was_given() {
    let after = |seconds| Verification {
        now: now() + TimeDelta::seconds(seconds),
        ..verification()
    };
    assert_eq!(after(330).check(token()), Err(TokenFlaw::Expired));
    assert_eq!(after(329).check(token()), Ok(()));
}

// ---- ID-10, ID-11, ID-15: form and size -----------------------------------------------

#[test]
fn id_10_the_type_is_jwt_or_absent() {
    for kind in ["JWT", "jwt", "application/jwt"] {
        assert_eq!(check(token().header("typ", kind)), Ok(()), "{kind}");
    }
    assert_eq!(check(token().without_header("typ")), Ok(()));
}

#[test]
fn id_11_only_three_parts_are_a_signed_token() {
    let good = token().finish();
    for raw in [
        good.rsplit_once('.').unwrap().0.to_owned(),
        format!("{good}."),
        format!("{good}.x.y"),
        format!(".{good}"),
    ] {
        let refused = verification().of(&raw).err();
        assert_eq!(refused, Some(TokenFlaw::NotThreeParts), "{raw}");
    }
}

#[test]
fn id_11_a_key_that_the_token_brings_along_is_not_looked_at() {
    let brought = id_token_faults::bring(token(), "https://evil.example/jwks");
    assert_eq!(check(brought), Ok(()));
}

#[test]
fn id_15_a_token_of_64_kib_passes_and_a_longer_one_is_not_decoded() {
    assert_eq!(TOKEN_MAX, 65_536);
    let padded = |pad: usize| token().claim("pad", "x".repeat(pad)).finish();
    let near = (TOKEN_MAX - padded(0).len()) / 4 * 3;
    let longest = (near - 8..near + 8)
        .map(padded)
        .find(|raw| raw.len() == TOKEN_MAX)
        .expect("some padding gives exactly the limit");
    assert!(verification().of(&longest).is_ok());
    let too_large = Some(TokenFlaw::TooLarge);
    assert_eq!(verification().of(&format!("{longest}x")).err(), too_large);
    assert_eq!(verification().of(&"x".repeat(10_000_000)).err(), too_large);
}

// ---- JW-7: which key ------------------------------------------------------------------

#[test]
fn jw_7_without_a_key_id_one_key_serves_and_two_are_ambiguous() {
    let anonymous = || token().without_header("kid");
    assert_eq!(check(anonymous()), Ok(()));
    let two = with_keys([one(), Key::es256("two", 2)]);
    assert_eq!(two.check(anonymous()), Err(TokenFlaw::AmbiguousKey));
    assert_eq!(two.check(token()), Ok(()));
}

#[test]
fn jw_7_two_keys_with_one_id_are_ambiguous() {
    let twice = with_keys([one(), Key::es256("one", 2)]);
    assert_eq!(twice.check(token()), Err(TokenFlaw::AmbiguousKey));
}

#[test]
fn jw_7_a_key_without_an_id_serves_a_token_with_one_if_it_alone_fits() {
    let nameless = |seed| Key::es256("", seed).nameless();
    assert_eq!(with_keys([nameless(1)]).check(token()), Ok(()));
    // A key of that name is meant, not one without a name.
    let named = with_keys([nameless(1), Key::es256("one", 2)]);
    assert_eq!(named.check(token()), Err(TokenFlaw::Signature));
    let two = with_keys([nameless(1), nameless(2)]);
    assert_eq!(two.check(token()), Err(TokenFlaw::AmbiguousKey));
}

#[test]
fn jw_7_one_key_that_stands_twice_is_one() {
    let called = |kid: Option<&str>| match kid {
        Some(kid) => Key::es256(kid, 1),
        None => one().nameless(),
    };
    for (first, second) in [(Some("one"), Some("one")), (Some("a"), None), (None, None)] {
        let twice = with_keys([called(first), called(second)]);
        let kid = first.map_or(json!(null), Value::from);
        let checked = twice.check(token().header("kid", kid));
        assert_eq!(checked, Ok(()), "{first:?} {second:?}");
    }
}

#[test]
fn jw_7_a_key_id_that_is_null_or_empty_counts_as_absent() {
    for kid in [json!(null), json!("")] {
        assert_eq!(check(token().header("kid", kid)), Ok(()));
    }
}
