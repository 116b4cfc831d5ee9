//! The provider's keys (RFC 7517, RFC 7518 §6, RFC 8037 §2), each parsed, checked and rebuilt
//! before use.
//!
//! The library would accept a 1024-bit RSA key, or one whose exponent keeps it busy for minutes; it
//! only gets keys that passed the checks here.

use base64::Engine;
use base64::alphabet::URL_SAFE;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use openidconnect::core::{CoreJsonCurveType, CoreJsonWebKey, CoreJwsSigningAlgorithm};
use openidconnect::{JsonWebKey, SignatureVerificationError};
use serde_json::Value;
use strum::{Display, EnumString, IntoStaticStr, VariantArray};

use super::error::Outage;
use crate::json::Object;

/// Maximum number of keys considered: a set of thousands would cost time for every token.
const KEYS_MAX: usize = 64;

/// Shortest RSA modulus in bits: a shorter one can be factored, so that an attacker can sign (RFC
/// 7518 §3.3).
const RSA_BITS_MIN: usize = 2048;

/// Longest RSA modulus in bits: verification time grows with it, and the library accepts no longer
/// one.
const RSA_BITS_MAX: usize = 4096;

/// Longest RSA exponent in bits: a huge one makes each verification slow. The usual exponent,
/// 65537, has 17 bits.
const RSA_EXPONENT_BITS_MAX: usize = 32;

/// Lenient, because some providers send padding although RFC 7515 §2 forbids it.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new()
        .with_encode_padding(false)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// A signature algorithm of RFC 7518 §3.1 or RFC 8037 §3.1.
///
/// `none` and the `HS*` family do not exist here, so no configuration can allow them (RFC 8725
/// §3.1: with them, the client secret or even the public key would be enough to sign in as any
/// user). ES512 is missing because the library cannot verify it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Display, EnumString, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "UPPERCASE")]
pub enum SigningAlg {
    /// RSASSA-PKCS1-v1_5 with SHA-256
    Rs256,
    /// RSASSA-PKCS1-v1_5 with SHA-384
    Rs384,
    /// RSASSA-PKCS1-v1_5 with SHA-512
    Rs512,
    /// RSASSA-PSS with SHA-256
    Ps256,
    /// RSASSA-PSS with SHA-384
    Ps384,
    /// RSASSA-PSS with SHA-512
    Ps512,
    /// ECDSA on P-256 with SHA-256
    Es256,
    /// ECDSA on P-384 with SHA-384
    Es384,
    /// Ed25519: `EdDSA`, or `Ed25519` (RFC 9864 §2.2)
    #[strum(to_string = "EdDSA", serialize = "Ed25519")]
    EdDsa,
}

/// The kind of key that an algorithm needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum KeyKind {
    Rsa,
    P256,
    P384,
    Ed25519,
}

impl SigningAlg {
    /// Parses the exact value of a token's `alg` header.
    pub fn parse(word: &str) -> Option<Self> {
        word.parse().ok()
    }

    /// The value in JWS headers and metadata.
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    const fn key_kind(self) -> KeyKind {
        match self {
            Self::Rs256 | Self::Rs384 | Self::Rs512 | Self::Ps256 | Self::Ps384 | Self::Ps512 => {
                KeyKind::Rsa
            }
            Self::Es256 => KeyKind::P256,
            Self::Es384 => KeyKind::P384,
            Self::EdDsa => KeyKind::Ed25519,
        }
    }

    const fn to_library(self) -> CoreJwsSigningAlgorithm {
        match self {
            Self::Rs256 => CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256,
            Self::Rs384 => CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha384,
            Self::Rs512 => CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha512,
            Self::Ps256 => CoreJwsSigningAlgorithm::RsaSsaPssSha256,
            Self::Ps384 => CoreJwsSigningAlgorithm::RsaSsaPssSha384,
            Self::Ps512 => CoreJwsSigningAlgorithm::RsaSsaPssSha512,
            Self::Es256 => CoreJwsSigningAlgorithm::EcdsaP256Sha256,
            Self::Es384 => CoreJwsSigningAlgorithm::EcdsaP384Sha384,
            Self::EdDsa => CoreJwsSigningAlgorithm::EdDsa,
        }
    }
}

/// Usable keys; at least one.
#[derive(Debug, Clone)]
pub(super) struct KeySet(Vec<Key>);

impl KeySet {
    /// The usable keys in `keys` (RFC 7517 §5).
    ///
    /// # Errors
    /// If no key is left: a valid set is never replaced by an empty one (JW-9).
    pub(super) fn from_jwks(keys: &[Value]) -> Result<Self, Outage> {
        let usable: Vec<_> = keys.iter().take(KEYS_MAX).filter_map(Key::read).collect();
        if usable.is_empty() {
            Err(Outage::NoKeys)
        } else {
            Ok(Self(usable))
        }
    }

    /// The keys that may have signed a token with this header: those with its `kid`, or those
    /// without a `kid` if none has it.
    pub(super) fn fitting(&self, alg: SigningAlg, kid: Option<&str>) -> Vec<&Key> {
        let of_kind = || self.0.iter().filter(|key| key.serves(alg));
        let Some(kid) = kid else {
            return of_kind().collect();
        };
        let named: Vec<_> = of_kind()
            .filter(|key| key.kid.as_deref() == Some(kid))
            .collect();
        if named.is_empty() {
            of_kind().filter(|key| key.kid.is_none()).collect()
        } else {
            named
        }
    }

    /// Whether it contains a key that `other` lacks.
    pub(super) fn adds_to(&self, other: &Self) -> bool {
        self.0.iter().any(|key| !other.0.contains(key))
    }
}

/// A usable key.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Key {
    kid: Option<String>,
    kind: KeyKind,
    /// The only algorithm for this key, if the provider names one.
    alg: Option<SigningAlg>,
    verifier: CoreJsonWebKey,
}

impl Key {
    /// Reads a member of `keys`; `None` if the key must not or cannot verify signatures.
    fn read(jwk: &Value) -> Option<Self> {
        let jwk = jwk.as_object()?;
        if !meant_for_verifying(jwk) {
            return None;
        }
        let name = text(jwk, "kid").ok()?;
        let (kind, verifier) = match jwk.get("kty")?.as_str()? {
            "RSA" => rsa(jwk)?,
            "EC" => elliptic(jwk)?,
            "OKP" => edwards(jwk)?,
            // Above all symmetric keys (`oct`): a "public" key that can also sign.
            _ => return None,
        };
        let alg = match text(jwk, "alg").ok()? {
            Some(word) => Some(SigningAlg::parse(&word).filter(|alg| alg.key_kind() == kind)?),
            None => None,
        };
        let key = Self {
            kid: name,
            kind,
            alg,
            verifier,
        };
        key.is_valid().then_some(key)
    }

    /// Whether the key may be used with this algorithm.
    fn serves(&self, alg: SigningAlg) -> bool {
        self.kind == alg.key_kind() && self.alg.is_none_or(|only| only == alg)
    }

    /// Whether both are the same key, whatever their other members say.
    pub(super) fn is_same_key(&self, other: &Self) -> bool {
        self.verifier == other.verifier
    }

    /// Whether the key made this signature of a JWS (RFC 7515 §5.2).
    pub(super) fn verify(&self, alg: SigningAlg, input: &str, signature: &[u8]) -> bool {
        self.verifier
            .verify_signature(&alg.to_library(), input.as_bytes(), signature)
            .is_ok()
    }

    /// The left half of the algorithm's hash, as in `at_hash` (OpenID Connect Core §3.1.3.6).
    pub(super) fn half_hash(&self, alg: SigningAlg, text: &str) -> Option<String> {
        let alg = alg.to_library();
        let hash = self.verifier.hash_bytes(text.as_bytes(), &alg).ok()?;
        Some(URL_SAFE_NO_PAD.encode(hash.get(..hash.len() / 2)?))
    }

    /// Whether the numbers form a valid key: a point may be off its curve. The library reports that
    /// when it verifies something.
    fn is_valid(&self) -> bool {
        let any = SigningAlg::VARIANTS
            .iter()
            .find(|alg| alg.key_kind() == self.kind);
        any.is_some_and(|alg| {
            let tried = self
                .verifier
                .verify_signature(&alg.to_library(), b"", &[0; 64]);
            !matches!(tried, Err(SignatureVerificationError::InvalidKey(_)))
        })
    }
}

/// A member; `null`, an empty string and an empty list count as absent.
fn member<'a>(jwk: &'a Object, name: &str) -> Option<&'a Value> {
    jwk.get(name).filter(|value| match value {
        Value::Null => false,
        Value::String(text) => !text.is_empty(),
        Value::Array(list) => !list.is_empty(),
        _ => true,
    })
}

/// RFC 7517 §4.2 and §4.3: absent members allow every use.
fn meant_for_verifying(jwk: &Object) -> bool {
    let for_signatures = member(jwk, "use").is_none_or(|word| word == "sig");
    let to_verify = member(jwk, "key_ops").is_none_or(|operations| {
        operations
            .as_array()
            .is_some_and(|words| words.iter().any(|word| word == "verify"))
    });
    for_signatures && to_verify
}

/// A member is not a string, although it must be one if present.
struct NotText;

fn text(jwk: &Object, name: &str) -> Result<Option<String>, NotText> {
    let text = member(jwk, name).map(|value| value.as_str().map(str::to_owned).ok_or(NotText));
    text.transpose()
}

fn rsa(jwk: &Object) -> Option<(KeyKind, CoreJsonWebKey)> {
    let (n, e) = (bytes(jwk, "n")?, bytes(jwk, "e")?);
    let odd = e.last().is_some_and(|byte| byte % 2 == 1);
    let fits = (RSA_BITS_MIN..=RSA_BITS_MAX).contains(&bits(&n))
        // An exponent of one (one bit) would make every message its own signature.
        && (2..=RSA_EXPONENT_BITS_MAX).contains(&bits(&e))
        && odd;
    fits.then(|| (KeyKind::Rsa, CoreJsonWebKey::new_rsa(n, e, None)))
}

fn elliptic(jwk: &Object) -> Option<(KeyKind, CoreJsonWebKey)> {
    let (kind, curve, size) = match jwk.get("crv")?.as_str()? {
        "P-256" => (KeyKind::P256, CoreJsonCurveType::P256, 32),
        "P-384" => (KeyKind::P384, CoreJsonCurveType::P384, 48),
        _ => return None,
    };
    let (x, y) = (bytes(jwk, "x")?, bytes(jwk, "y")?);
    let fits = x.len() == size && y.len() == size;
    fits.then(|| (kind, CoreJsonWebKey::new_ec(x, y, curve, None)))
}

fn edwards(jwk: &Object) -> Option<(KeyKind, CoreJsonWebKey)> {
    let x = bytes(jwk, "x")?;
    let fits = jwk.get("crv")? == "Ed25519" && x.len() == 32;
    let curve = CoreJsonCurveType::Ed25519;
    fits.then(|| (KeyKind::Ed25519, CoreJsonWebKey::new_okp(x, curve, None)))
}

fn bytes(jwk: &Object, member: &str) -> Option<Vec<u8>> {
    BASE64.decode(jwk.get(member)?.as_str()?).ok()
}

/// Length of a big-endian number in bits, without leading zeros.
fn bits(number: &[u8]) -> usize {
    let zeros = number.iter().take_while(|&&byte| byte == 0).count();
    number.get(zeros).map_or(0, |first| {
        (number.len() - zeros) * 8 - first.leading_zeros() as usize
    })
}

#[cfg(test)]
mod tests;
