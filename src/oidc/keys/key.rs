//! One public key of the provider (RFC 7517, RFC 7518 §6, RFC 8037 §2), taken apart
//! and put together anew before it verifies anything.
//!
//! The library would verify with a 1024-bit RSA key, and with one whose exponent
//! keeps it busy for minutes; it gets what passed here.

use base64::Engine;
use base64::alphabet::URL_SAFE;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use openidconnect::core::{CoreJsonCurveType, CoreJsonWebKey};
use openidconnect::{JsonWebKey, SignatureVerificationError};
use serde_json::{Map, Value};

use crate::oidc::SigningAlg;
use crate::oidc::signing::KeyKind;

/// Shortest RSA modulus in bits: a shorter one can be factored, and then an attacker
/// can sign (RFC 7518 §3.3).
const RSA_BITS_MIN: usize = 2048;
/// Longest RSA modulus in bits: verifying takes time that grows with it, and the
/// library takes no longer one.
const RSA_BITS_MAX: usize = 4096;
/// Longest RSA exponent in bits: a huge one makes each verification slow. Keys in
/// use have 65537, which is 17 bits.
const RSA_EXPONENT_BITS_MAX: usize = 32;

/// Some providers pad what RFC 7515 §2 says is unpadded.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new()
        .with_encode_padding(false)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// A key that may verify.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::oidc) struct Key {
    kid: Option<String>,
    kind: KeyKind,
    /// The only algorithm that it is for, where the provider says so.
    alg: Option<SigningAlg>,
    verifier: CoreJsonWebKey,
}

impl Key {
    /// Reads a member of `keys`; none when it must not verify, or cannot.
    pub(super) fn read(jwk: &Value) -> Option<Self> {
        let jwk = jwk.as_object()?;
        if !meant_for_verifying(jwk) {
            return None;
        }
        let name = text(jwk, "kid")?;
        let (kind, verifier) = match jwk.get("kty")?.as_str()? {
            "RSA" => rsa(jwk)?,
            "EC" => elliptic(jwk)?,
            "OKP" => edwards(jwk)?,
            // Symmetric (`oct`) above all: a "public" key that also signs.
            _ => return None,
        };
        let alg = match text(jwk, "alg")? {
            Some(word) => Some(SigningAlg::parse(&word).filter(|alg| alg.key_kind() == kind)?),
            None => None,
        };
        let key = Self {
            kid: name,
            kind,
            alg,
            verifier,
        };
        key.is_one().then_some(key)
    }

    /// Whether it may sign with this algorithm.
    pub(super) fn serves(&self, alg: SigningAlg) -> bool {
        self.kind == alg.key_kind() && self.alg.is_none_or(|only| only == alg)
    }

    pub(super) fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    /// Whether both are one key under two descriptions.
    pub(in crate::oidc) fn is_same_key(&self, other: &Self) -> bool {
        self.verifier == other.verifier
    }

    /// Whether it made this signature of a JWS (RFC 7515 §5.2).
    pub(in crate::oidc) fn made(&self, alg: SigningAlg, input: &str, signature: &[u8]) -> bool {
        let outcome =
            self.verifier
                .verify_signature(&alg.to_library(), input.as_bytes(), signature);
        outcome.is_ok()
    }

    /// The left half of the hash that belongs to the algorithm, as `at_hash` has it
    /// (OpenID Connect Core §3.1.3.6).
    pub(in crate::oidc) fn half_hash(&self, alg: SigningAlg, text: &str) -> Option<String> {
        let alg = alg.to_library();
        let hash = self.verifier.hash_bytes(text.as_bytes(), &alg).ok()?;
        Some(URL_SAFE_NO_PAD.encode(hash.get(..hash.len() / 2)?))
    }

    /// Whether its numbers are a key at all: a point may be off its curve. The
    /// library says so when it is asked to verify something.
    fn is_one(&self) -> bool {
        let alg = self.kind.some_alg().to_library();
        let tried = self.verifier.verify_signature(&alg, b"", &[0; 64]);
        !matches!(tried, Err(SignatureVerificationError::InvalidKey(_)))
    }
}

/// A member, unless it is `null`, an empty text or an empty list: these count as absent.
fn member<'a>(jwk: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    jwk.get(name).filter(|value| match value {
        Value::Null => false,
        Value::String(text) => !text.is_empty(),
        Value::Array(list) => !list.is_empty(),
        _ => true,
    })
}

/// RFC 7517 §4.2 and §4.3: absent says nothing against it.
fn meant_for_verifying(jwk: &Map<String, Value>) -> bool {
    let for_signatures = member(jwk, "use").is_none_or(|word| word == "sig");
    let to_verify = member(jwk, "key_ops").is_none_or(|operations| {
        operations
            .as_array()
            .is_some_and(|words| words.iter().any(|word| word == "verify"))
    });
    for_signatures && to_verify
}

/// A member that may be absent; none at all when it is no text.
#[expect(
    clippy::option_option,
    reason = "absent is one thing, of the wrong type another"
)]
fn text(jwk: &Map<String, Value>, name: &str) -> Option<Option<String>> {
    match member(jwk, name) {
        None => Some(None),
        Some(value) => value.as_str().map(|text| Some(text.to_owned())),
    }
}

fn rsa(jwk: &Map<String, Value>) -> Option<(KeyKind, CoreJsonWebKey)> {
    let (n, e) = (bytes(jwk, "n")?, bytes(jwk, "e")?);
    let odd = e.last().is_some_and(|byte| byte % 2 == 1);
    let fits = (RSA_BITS_MIN..=RSA_BITS_MAX).contains(&bits(&n))
        // An exponent of one (one bit) makes every message its own signature.
        && (2..=RSA_EXPONENT_BITS_MAX).contains(&bits(&e))
        && odd;
    fits.then(|| (KeyKind::Rsa, CoreJsonWebKey::new_rsa(n, e, None)))
}

fn elliptic(jwk: &Map<String, Value>) -> Option<(KeyKind, CoreJsonWebKey)> {
    let (kind, curve, size) = match jwk.get("crv")?.as_str()? {
        "P-256" => (KeyKind::P256, CoreJsonCurveType::P256, 32),
        "P-384" => (KeyKind::P384, CoreJsonCurveType::P384, 48),
        _ => return None,
    };
    let (x, y) = (bytes(jwk, "x")?, bytes(jwk, "y")?);
    let fits = x.len() == size && y.len() == size;
    fits.then(|| (kind, CoreJsonWebKey::new_ec(x, y, curve, None)))
}

fn edwards(jwk: &Map<String, Value>) -> Option<(KeyKind, CoreJsonWebKey)> {
    let x = bytes(jwk, "x")?;
    let fits = jwk.get("crv")? == "Ed25519" && x.len() == 32;
    let curve = CoreJsonCurveType::Ed25519;
    fits.then(|| (KeyKind::Ed25519, CoreJsonWebKey::new_okp(x, curve, None)))
}

fn bytes(jwk: &Map<String, Value>, member: &str) -> Option<Vec<u8>> {
    BASE64.decode(jwk.get(member)?.as_str()?).ok()
}

/// Length of a big-endian number, leading zeros not counted.
fn bits(number: &[u8]) -> usize {
    let significant = number.iter().skip_while(|&&byte| byte == 0);
    let mut rest = significant.clone();
    rest.next().map_or(0, |first| {
        significant.count() * 8 - first.leading_zeros() as usize
    })
}

#[cfg(test)]
mod tests;
