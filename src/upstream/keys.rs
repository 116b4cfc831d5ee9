//! The provider's key set (RFC 7517), filtered before any key verifies anything.
//!
//! The library would verify with a 1024-bit RSA key, and looks through a set of any
//! size; it gets what passed here.

use base64::Engine;
use base64::alphabet::URL_SAFE;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use openidconnect::JsonWebKeySet;
use openidconnect::core::CoreJsonWebKey;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::error::Outage;
use super::http::{Authorization, Http};
use url::Url;

/// Shortest RSA modulus in bits: a shorter one can be factored, and then anybody
/// can sign (RFC 7518 §3.3).
const RSA_BITS_MIN: usize = 2048;
/// Longest RSA modulus in bits: verifying takes time that grows with it, and the
/// library takes no longer one.
const RSA_BITS_MAX: usize = 4096;
/// Longest RSA exponent in bits: a huge one makes each verification slow. Keys in
/// use have 65537, which is 17 bits.
const RSA_EXPONENT_BITS_MAX: usize = 32;
/// Most keys looked at: a set of thousands would cost time at every token.
const KEYS_MAX: usize = 64;

/// Some providers pad what RFC 7515 §2 says is unpadded; the library takes no padding.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new()
        .with_encode_padding(false)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Keys that may verify; at least one.
#[derive(Debug, Clone)]
pub(super) struct KeySet(Vec<CoreJsonWebKey>);

#[derive(Deserialize)]
struct Wire {
    keys: Vec<Value>,
}

impl KeySet {
    /// For the library's verifier, which wants its own copy.
    pub(super) fn to_library(&self) -> JsonWebKeySet<CoreJsonWebKey> {
        JsonWebKeySet::new(self.0.clone())
    }

    /// # Errors
    /// When no key is left: a good set is never replaced by an empty one (JW-9).
    pub(super) fn from_jwks(keys: &[Value]) -> Result<Self, Outage> {
        let usable: Vec<_> = keys.iter().take(KEYS_MAX).filter_map(usable).collect();
        if usable.is_empty() {
            Err(Outage::NoKeys)
        } else {
            Ok(Self(usable))
        }
    }
}

/// Fetches and filters the key set.
///
/// # Errors
/// When it cannot be had, or holds no usable key.
pub(super) async fn read(http: &Http, address: &Url) -> Result<KeySet, Outage> {
    let wire: Wire = http.get(address, Authorization::None).await?.json()?;
    KeySet::from_jwks(&wire.keys)
}

/// The key for the library, without its private or unknown members; none when it
/// must not verify.
fn usable(key: &Value) -> Option<CoreJsonWebKey> {
    let key = key.as_object()?;
    if !meant_for_verifying(key) {
        return None;
    }
    let mut clean = match key.get("kty")?.as_str()? {
        "RSA" => rsa(key)?,
        "EC" => elliptic(key)?,
        "OKP" => edwards(key)?,
        // Symmetric (`oct`) above all: a "public" key that also signs.
        _ => return None,
    };
    for member in ["kid", "alg"] {
        if let Some(value) = key.get(member) {
            clean[member] = value.clone();
        }
    }
    serde_json::from_value(clean).ok()
}

/// RFC 7517 §4.2 and §4.3: absent says nothing against it.
fn meant_for_verifying(key: &Map<String, Value>) -> bool {
    let for_signatures = key.get("use").is_none_or(|word| word == "sig");
    let to_verify = key.get("key_ops").is_none_or(|operations| {
        operations
            .as_array()
            .is_some_and(|words| words.iter().any(|word| word == "verify"))
    });
    for_signatures && to_verify
}

fn rsa(key: &Map<String, Value>) -> Option<Value> {
    let (n, e) = (bytes(key, "n")?, bytes(key, "e")?);
    let odd = e.last().is_some_and(|byte| byte % 2 == 1);
    let fits = (RSA_BITS_MIN..=RSA_BITS_MAX).contains(&bits(&n))
        // An exponent of one (one bit) makes every message its own signature.
        && (2..=RSA_EXPONENT_BITS_MAX).contains(&bits(&e))
        && odd;
    fits.then(|| json!({"kty": "RSA", "use": "sig", "n": BASE64.encode(n), "e": BASE64.encode(e)}))
}

fn elliptic(key: &Map<String, Value>) -> Option<Value> {
    let (curve, size) = match key.get("crv")?.as_str()? {
        "P-256" => ("P-256", 32),
        "P-384" => ("P-384", 48),
        _ => return None,
    };
    let (x, y) = (bytes(key, "x")?, bytes(key, "y")?);
    (x.len() == size && y.len() == size).then(|| {
        json!({"kty": "EC", "use": "sig", "crv": curve, "x": BASE64.encode(x), "y": BASE64.encode(y)})
    })
}

fn edwards(key: &Map<String, Value>) -> Option<Value> {
    let x = bytes(key, "x")?;
    (key.get("crv")? == "Ed25519" && x.len() == 32)
        .then(|| json!({"kty": "OKP", "use": "sig", "crv": "Ed25519", "x": BASE64.encode(x)}))
}

fn bytes(key: &Map<String, Value>, member: &str) -> Option<Vec<u8>> {
    BASE64.decode(key.get(member)?.as_str()?).ok()
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
mod tests {
    use super::*;
    use openidconnect::JsonWebKey;

    /// A number of exactly `bits` bits, odd.
    fn number(bits: usize) -> Vec<u8> {
        let mut bytes = vec![0xff; bits.div_ceil(8)];
        bytes[0] >>= (8 - bits % 8) % 8;
        bytes
    }

    fn rsa_key(n: &[u8], e: &[u8]) -> Value {
        json!({"kty": "RSA", "kid": "k", "n": BASE64.encode(n), "e": BASE64.encode(e)})
    }

    fn good() -> Value {
        rsa_key(&number(2048), &[1, 0, 1])
    }

    fn with(mut key: Value, member: &str, value: Value) -> Value {
        key[member] = value;
        key
    }

    fn passes(key: &Value) -> bool {
        KeySet::from_jwks(std::slice::from_ref(key)).is_ok()
    }

    #[test]
    fn jw_7_the_modulus_must_have_2048_to_4096_bits() {
        for (bits, fits) in [
            (1024, false),
            (2047, false),
            (2048, true),
            (4096, true),
            (4097, false),
        ] {
            assert_eq!(passes(&rsa_key(&number(bits), &[1, 0, 1])), fits, "{bits}");
        }
    }

    #[test]
    fn jw_7_zeros_before_the_modulus_do_not_make_it_longer() {
        let mut padded = vec![0; 128];
        padded.extend(number(1024));
        assert!(!passes(&rsa_key(&padded, &[1, 0, 1])));
        let mut padded = vec![0];
        padded.extend(number(2048));
        assert!(passes(&rsa_key(&padded, &[1, 0, 1])));
    }

    #[test]
    fn av_7_the_exponent_is_odd_above_one_and_at_most_32_bits() {
        let cases: [(&[u8], bool); 8] = [
            (&[], false),
            (&[0], false),
            (&[1], false),
            (&[2], false),
            (&[3], true),
            (&[1, 0, 0], false),
            (&[0xff, 0xff, 0xff, 0xff], true),
            (&[1, 0xff, 0xff, 0xff, 0xff], false),
        ];
        for (exponent, fits) in cases {
            assert_eq!(
                passes(&rsa_key(&number(2048), exponent)),
                fits,
                "{exponent:?}"
            );
        }
    }

    #[test]
    fn jw_7_keys_for_encryption_symmetric_and_unreadable_keys_fall_away() {
        assert!(passes(&good()));
        assert!(passes(&with(good(), "use", json!("sig"))));
        assert!(passes(&with(good(), "key_ops", json!(["sign", "verify"]))));
        let bad = [
            with(good(), "use", json!("enc")),
            with(good(), "use", json!(7)),
            with(good(), "key_ops", json!(["encrypt"])),
            with(good(), "key_ops", json!("verify")),
            with(good(), "kty", json!("oct")),
            with(good(), "kty", json!("XYZ")),
            with(good(), "n", json!("not base64!")),
            with(good(), "n", json!(12)),
            with(good(), "kid", json!(12)),
            with(good(), "alg", json!("made-up")),
            json!({"kty": "oct", "k": "c2VjcmV0"}),
            json!({"kty": "RSA"}),
            json!("key"),
            json!(null),
        ];
        for key in bad {
            assert!(!passes(&key), "{key}");
        }
    }

    #[test]
    fn elliptic_and_edwards_keys_have_their_curves_and_lengths() {
        let ec = |crv: &str, x: usize, y: usize| {
            let (x, y) = (BASE64.encode(vec![1; x]), BASE64.encode(vec![1; y]));
            json!({"kty": "EC", "crv": crv, "x": x, "y": y})
        };
        let okp =
            |crv: &str, x: usize| json!({"kty": "OKP", "crv": crv, "x": BASE64.encode(vec![1; x])});
        for (key, fits) in [
            (ec("P-256", 32, 32), true),
            (ec("P-384", 48, 48), true),
            (ec("P-256", 31, 32), false),
            (ec("P-256", 32, 33), false),
            (ec("P-384", 32, 32), false),
            (ec("P-521", 66, 66), false),
            (ec("secp256k1", 32, 32), false),
            (okp("Ed25519", 32), true),
            (okp("Ed25519", 31), false),
            (okp("X25519", 32), false),
        ] {
            assert_eq!(passes(&key), fits, "{key}");
        }
    }

    #[test]
    fn the_library_gets_kid_and_alg_and_no_private_part() {
        let key = with(with(good(), "alg", json!("RS256")), "d", json!("AAAA"));
        let set = KeySet::from_jwks(&[key]).unwrap().to_library();
        let shown = serde_json::to_value(&set.keys()[0]).unwrap();
        assert_eq!(set.keys()[0].key_id().unwrap().as_str(), "k");
        assert_eq!(shown["alg"], "RS256");
        assert_eq!(shown["n"], good()["n"]);
        assert_eq!(shown["e"], "AQAB");
        assert_eq!(shown.get("d"), None);
    }

    #[test]
    fn a_padded_number_is_the_same_number() {
        let key = with(
            good(),
            "n",
            json!(format!("{}==", BASE64.encode(number(2048)))),
        );
        let set = KeySet::from_jwks(&[key]).unwrap().to_library();
        assert_eq!(
            serde_json::to_value(&set.keys()[0]).unwrap()["n"],
            good()["n"]
        );
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
}
