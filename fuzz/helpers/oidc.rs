//! What is fuzzed of the provider's answers: groups, and the whole ID token.
#![allow(
    clippy::expect_used,
    clippy::missing_panics_doc,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a target fails by panicking"
)]

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use p256::ecdsa::signature::Signer;
use p256::ecdsa::{Signature, SigningKey};
use secrecy::SecretString;
use serde_json::{Value, json};

use super::groups::{GROUPS_MAX, TEXT_MAX};
use super::id_token::{SentWith, VerifiedIdToken, verify};
use super::jwks::KeySet;
use super::signed_token::{ISSUED_BEFORE_MAX, TOKEN_MAX};
use super::{ClaimPath, ClientAuth, Credentials, Pace, ProviderSettings, SigningAlg};
use crate::domain::identity::Groups;
use crate::domain::names::GROUP_MAX;

const ISSUER: &str = "https://id.example.com";
const CLIENT: &str = "bridge";
const NONCE: &str = "n-0S6_WzA2Mj";

/// Lines: where the claim is, and the claims. A group that comes out was an element
/// of the claim, or the claim itself; whatever is odd is no group (ID-13, ID-14).
pub fn groups(data: &[u8]) {
    let Some([path, claims]) = crate::fuzzing::lines(data) else {
        return;
    };
    let Ok(parsed) = ClaimPath::parse(path) else {
        return;
    };
    let Ok(Value::Object(claims)) = serde_json::from_str(claims) else {
        return;
    };
    let whole = Value::Object(claims.clone());
    let there = value_at(&whole, path);
    match super::groups::groups(&claims, &parsed) {
        None => assert!(there.is_none(), "{path:?} is there"),
        Some(Groups::Overage) => {
            let elements = there.and_then(Value::as_array).map_or(0, Vec::len);
            let is_said = claims.contains_key("_claim_names") || claims.contains_key("hasgroups");
            assert!(is_said || elements > GROUPS_MAX);
        }
        Some(Groups::Listed(groups)) => {
            let elements = match there {
                Some(Value::Array(elements)) => elements.clone(),
                Some(other) => vec![other.clone()],
                None => panic!("groups out of nothing"),
            };
            let usable =
                |name: &&str| (1..=GROUP_MAX).contains(&name.len()) && !name.contains('\0');
            let expected = elements.iter().filter_map(Value::as_str).filter(usable);
            assert!(
                groups
                    .iter()
                    .eq(expected.collect::<std::collections::BTreeSet<_>>())
            );
        }
    }
    if let Some(text) = super::groups::text(&claims, &parsed) {
        assert_eq!(there.and_then(Value::as_str), Some(text.as_str()));
        assert!((1..=TEXT_MAX).contains(&text.len()) && !text.chars().any(char::is_control));
    }
}

/// A slow reading: a dotted path as each of the pointers that it can be.
fn value_at<'a>(claims: &'a Value, path: &str) -> Option<&'a Value> {
    if path.starts_with('/') {
        value_behind(claims, path)
    } else {
        value_of_dotted(claims, path)
    }
}

fn value_of_dotted<'a>(claims: &'a Value, path: &str) -> Option<&'a Value> {
    let escaped = path.replace('~', "~0").replace('/', "~1");
    if let Some(whole) = value_behind(claims, &format!("/{escaped}")) {
        return Some(whole);
    }
    path.match_indices('.').find_map(|(dot, _)| {
        let first = path[..dot].replace('~', "~0").replace('/', "~1");
        let inner = value_behind(claims, &format!("/{first}"))?;
        value_of_dotted(inner, &path[dot + 1..])
    })
}

/// What a pointer leads to, never through a list: a position says nothing in claims.
fn value_behind<'a>(claims: &'a Value, pointer: &str) -> Option<&'a Value> {
    let mut above = pointer;
    while let Some((shorter, _)) = above.rsplit_once('/') {
        if !claims.pointer(shorter).is_none_or(Value::is_object) {
            return None;
        }
        above = shorter;
    }
    claims.pointer(pointer).filter(|value| !value.is_null())
}

/// The bytes of a token; or, behind a first line `signed`, header and claims on a line
/// each, to be signed with the provider's key. A token that we did not sign is never
/// accepted, and one that we did only for this issuer, client, sign-in and moment (ID-1
/// to ID-11).
pub fn id_token(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let Some(parts) = text.strip_prefix("signed\n") else {
        assert!(judge(text).is_none(), "accepted unsigned: {text}");
        return;
    };
    let (header, claims) = parts.split_once('\n').unwrap_or((parts, "{}"));
    let input = format!(
        "{}.{}",
        URL_SAFE_NO_PAD.encode(header),
        URL_SAFE_NO_PAD.encode(claims)
    );
    let signature: Signature = signing_key().sign(input.as_bytes());
    let token = format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature.to_bytes()));
    let Some(verified) = judge(&token) else {
        return;
    };
    assert!(token.len() <= TOKEN_MAX);
    let header: Value = serde_json::from_str(header).unwrap();
    assert_eq!(header["alg"], "ES256");
    assert!(
        ["zip", "crit", "cty"]
            .iter()
            .all(|name| header.get(name).is_none())
    );
    let claims: Value = serde_json::from_str(claims).unwrap();
    assert_eq!(claims["iss"], ISSUER);
    let audiences = claims["aud"].as_array().cloned();
    let audiences = audiences.unwrap_or_else(|| vec![claims["aud"].clone()]);
    assert!(!audiences.is_empty() && audiences.iter().all(|one| one == CLIENT));
    assert!(claims.get("azp").is_none_or(|azp| azp == CLIENT));
    assert_eq!(claims["nonce"], NONCE);
    assert!(claims.get("events").is_none());
    let second = |name: &str| claims[name].as_i64().unwrap();
    let now = now().timestamp();
    assert!(second("exp") > now - 30, "expired");
    assert!((now - 600..=now + 60).contains(&second("iat")));
    assert!(claims.get("nbf").is_none() || second("nbf") <= now + 30);
    let subject = verified.subject.as_str();
    assert_eq!(claims["sub"], subject);
    let printable = |byte: u8| byte == b' ' || byte.is_ascii_graphic();
    assert!((1..=255).contains(&subject.len()) && subject.bytes().all(printable));
    // One changed bit of the signature, and no key made it.
    let mut changed = token.into_bytes();
    let last = changed.len() - 2;
    changed[last] = if changed[last] == b'A' { b'B' } else { b'A' };
    assert!(judge(std::str::from_utf8(&changed).unwrap()).is_none());
}

fn judge(token: &str) -> Option<VerifiedIdToken> {
    let nonce = SecretString::from(NONCE);
    let sent = SentWith {
        nonce: Some(&nonce),
        access_token: None,
        max_age: Some(ISSUED_BEFORE_MAX),
    };
    verify(token, &keys(), &settings(), &sent, now()).ok()
}

fn settings() -> ProviderSettings {
    let claim = || ClaimPath::parse("x").unwrap();
    ProviderSettings {
        issuer: ISSUER.to_owned(),
        client_id: CLIENT.to_owned(),
        credentials: Credentials::Fixed(ClientAuth::None),
        ca_pem: None,
        scopes: Vec::new(),
        groups_claim: claim(),
        username_claim: claim(),
        name_claim: claim(),
        signing_algs: vec![SigningAlg::Es256, SigningAlg::Rs256],
        trusted_audiences: Vec::new(),
        exchange_audiences: Vec::new(),
        introspection: false,
        redirect_uri: ISSUER.to_owned(),
        post_logout_redirect_uri: ISSUER.to_owned(),
        pace: Pace::default(),
    }
}

fn keys() -> KeySet {
    let point = signing_key().verifying_key().to_sec1_point(false);
    let half = |range| URL_SAFE_NO_PAD.encode(&point.as_bytes()[range]);
    let key =
        json!({"kty": "EC", "crv": "P-256", "kid": "one", "x": half(1..33), "y": half(33..65)});
    KeySet::from_jwks(&[key]).unwrap()
}

fn signing_key() -> SigningKey {
    SigningKey::from_slice(&[1; 32]).unwrap()
}

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_795_521_600, 0).unwrap()
}
