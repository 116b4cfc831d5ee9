//! Each row ID-1 to ID-15 that needs no HTTP, against tokens made here.

mod claims;
mod form;
mod signature;
mod times;
mod tolerance;

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
use super::super::signed_token::Audience;
use super::{Expected, ID_TOKEN_MAX, TokenFlaw, verify};
use crate::oidc::SigningAlg;

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
    trusted: Vec<String>,
    now: DateTime<Utc>,
}

fn audience(trusted: &[String]) -> Audience<'_> {
    Audience {
        client_id: CLIENT,
        trusted,
    }
}

fn verification() -> Verification {
    Verification {
        keys: vec![jwk(&signing_key(1), Some("one"))],
        algs: vec![SigningAlg::Rs256, SigningAlg::Es256],
        access_token: Some(ACCESS_TOKEN),
        trusted: Vec::new(),
        now: now(),
    }
}

impl Verification {
    fn of(&self, raw: &str) -> Result<Map<String, Value>, TokenFlaw> {
        let access_token = self.access_token.map(SecretString::from);
        let expected = Expected {
            issuer: ISSUER,
            audience: audience(&self.trusted),
            algs: &self.algs,
            nonce: Some(&SecretString::from(NONCE)),
            access_token: access_token.as_ref(),
        };
        let keys = KeySet::from_jwks(&self.keys).unwrap();
        verify(raw, &keys, &expected, self.now).map(|verified| {
            assert_eq!(verified.claims()["sub"], verified.subject());
            verified.claims().clone()
        })
    }
}

fn check(token: &Token) -> Result<(), TokenFlaw> {
    verification().of(&token.sign()).map(|_| ())
}

fn flaw_of(raw: &str) -> Option<TokenFlaw> {
    verification().of(raw).err()
}

#[test]
fn a_good_token_gives_its_claims_as_they_were_sent() {
    let claims = verification().of(&token().sign()).unwrap();
    assert_eq!(Value::from(claims), token().claims);
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
