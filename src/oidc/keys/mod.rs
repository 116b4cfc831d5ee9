//! The provider's key set (RFC 7517 §5), filtered before any key verifies anything.

mod key;

use serde::Deserialize;
use serde_json::Value;
use url::Url;

use super::SigningAlg;
use super::error::Outage;
use super::http::{Authorization, Http};
use crate::metrics::ProviderEndpoint;

pub(super) use key::Key;

/// Most keys looked at: a set of thousands would cost time at every token.
const KEYS_MAX: usize = 64;

/// Keys that may verify; at least one.
#[derive(Debug, Clone)]
pub(super) struct KeySet(Vec<Key>);

#[derive(Deserialize)]
struct Wire {
    keys: Vec<Value>,
}

impl KeySet {
    /// # Errors
    /// When no key is left: a good set is never replaced by an empty one (JW-9).
    pub(super) fn from_jwks(keys: &[Value]) -> Result<Self, Outage> {
        let usable: Vec<_> = keys.iter().take(KEYS_MAX).filter_map(Key::read).collect();
        if usable.is_empty() {
            Err(Outage::NoKeys)
        } else {
            Ok(Self(usable))
        }
    }

    /// The keys that a token with this header may have been signed with: those of its
    /// `kid`, or where there is none of that name, those without a name.
    pub(super) fn fitting(&self, alg: SigningAlg, kid: Option<&str>) -> Vec<&Key> {
        let of_kind = || self.0.iter().filter(|key| key.serves(alg));
        let Some(kid) = kid else {
            return of_kind().collect();
        };
        let named: Vec<_> = of_kind().filter(|key| key.kid() == Some(kid)).collect();
        if named.is_empty() {
            of_kind().filter(|key| key.kid().is_none()).collect()
        } else {
            named
        }
    }

    /// Whether it has a key that `other` lacks.
    pub(super) fn adds_to(&self, other: &Self) -> bool {
        self.0.iter().any(|key| !other.0.contains(key))
    }
}

/// Fetches and filters the key set.
///
/// # Errors
/// When it cannot be had, or holds no usable key.
pub(super) async fn read(http: &Http, address: &Url) -> Result<KeySet, Outage> {
    let reply = http.get(ProviderEndpoint::Jwks, address, Authorization::None);
    let wire: Wire = reply.await?.json()?;
    KeySet::from_jwks(&wire.keys)
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use p256::ecdsa::SigningKey;
    use serde_json::json;

    /// A number of exactly `bits` bits, odd.
    pub(super) fn number(bits: usize) -> Vec<u8> {
        let mut bytes = vec![0xff; bits.div_ceil(8)];
        bytes[0] >>= (8 - bits % 8) % 8;
        bytes
    }

    pub(super) fn rsa_key(n: &[u8], e: &[u8]) -> Value {
        let (n, e) = (URL_SAFE_NO_PAD.encode(n), URL_SAFE_NO_PAD.encode(e));
        json!({"kty": "RSA", "kid": "k", "n": n, "e": e})
    }

    pub(super) fn good() -> Value {
        rsa_key(&number(2048), &[1, 0, 1])
    }

    pub(super) fn with(mut key: Value, member: &str, value: Value) -> Value {
        key[member] = value;
        key
    }

    /// A pair on P-256.
    pub(super) fn p256() -> (Value, SigningKey) {
        let key = SigningKey::from_slice(&[1; 32]).unwrap();
        let point = key.verifying_key().to_sec1_point(false);
        let half = |range| URL_SAFE_NO_PAD.encode(&point.as_bytes()[range]);
        let jwk = json!({"kty": "EC", "crv": "P-256", "x": half(1..33), "y": half(33..65)});
        (jwk, key)
    }

    #[test]
    fn jw_9_a_set_without_a_usable_key_is_no_set() {
        assert_eq!(KeySet::from_jwks(&[]).unwrap_err(), Outage::NoKeys);
        let one_good = [json!({"kty": "oct", "k": "c2VjcmV0"}), good()];
        assert_eq!(KeySet::from_jwks(&one_good).unwrap().0.len(), 1);
    }

    #[test]
    fn av_7_only_the_first_keys_of_a_huge_set_are_looked_at() {
        let many = vec![good(); KEYS_MAX + 1];
        assert_eq!(KeySet::from_jwks(&many).unwrap().0.len(), KEYS_MAX);
    }

    #[test]
    fn a_set_adds_to_another_when_it_has_a_key_that_the_other_lacks() {
        let set = |keys: &[Value]| KeySet::from_jwks(keys).unwrap();
        let (p256, _) = p256();
        let (one, both) = (set(&[good()]), set(&[p256, good()]));
        assert!(both.adds_to(&one));
        assert!(!one.adds_to(&both));
        assert!(set(&[with(good(), "kid", json!("new"))]).adds_to(&one));
    }

    #[test]
    fn a_key_made_the_signature_that_it_made_and_no_other() {
        use p256::ecdsa::Signature;
        use p256::ecdsa::signature::Signer;
        let (jwk, secret) = p256();
        let set = KeySet::from_jwks(&[jwk]).unwrap();
        let key = set.fitting(SigningAlg::Es256, None)[0];
        let signature: Signature = secret.sign(b"header.claims");
        let raw = signature.to_bytes();
        assert!(key.made(SigningAlg::Es256, "header.claims", &raw));
        assert!(!key.made(SigningAlg::Es256, "header.other", &raw));
        assert!(!key.made(SigningAlg::Rs256, "header.claims", &raw));
        // The form of X.509 and TLS: not that of a JWS (RFC 7518 §3.4).
        let der = signature.to_der();
        assert!(!key.made(SigningAlg::Es256, "header.claims", der.as_bytes()));
    }
}
