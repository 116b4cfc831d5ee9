//! What a key must be to verify anything (JW-7, and AV-7 for its size), and the algorithms.

use super::*;
use p256::ecdsa::SigningKey;
use serde_json::json;

/// A number of exactly `bits` bits, odd.
fn number(bits: usize) -> Vec<u8> {
    let mut bytes = vec![0xff; bits.div_ceil(8)];
    bytes[0] >>= (8 - bits % 8) % 8;
    bytes
}

fn rsa_key(n: &[u8], e: &[u8]) -> Value {
    let (n, e) = (URL_SAFE_NO_PAD.encode(n), URL_SAFE_NO_PAD.encode(e));
    json!({"kty": "RSA", "kid": "k", "n": n, "e": e})
}

fn good() -> Value {
    rsa_key(&number(2048), &[1, 0, 1])
}

fn with(mut key: Value, member: &str, value: Value) -> Value {
    key[member] = value;
    key
}

/// A pair on P-256.
fn p256() -> (Value, SigningKey) {
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
    assert!(key.verify(SigningAlg::Es256, "header.claims", &raw));
    assert!(!key.verify(SigningAlg::Es256, "header.other", &raw));
    assert!(!key.verify(SigningAlg::Rs256, "header.claims", &raw));
    // The form of X.509 and TLS: not that of a JWS (RFC 7518 §3.4).
    let der = signature.to_der();
    assert!(!key.verify(SigningAlg::Es256, "header.claims", der.as_bytes()));
}

fn passes(jwk: &Value) -> bool {
    Key::read(jwk).is_some()
}

#[test]
fn jw_7_the_modulus_must_have_2048_to_4096_bits() {
    for (bits, fits) in [
        (1024, false),
        (2047, false),
        (2048, true),
        (4096, true),
        (4097, false),
        (16384, false),
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
        let key = rsa_key(&number(2048), exponent);
        assert_eq!(passes(&key), fits, "{exponent:?}");
    }
}

#[test]
fn jw_7_keys_for_encryption_symmetric_and_unreadable_keys_fall_away() {
    assert!(passes(&good()));
    assert!(passes(&with(good(), "use", json!("sig"))));
    assert!(passes(&with(good(), "key_ops", json!(["sign", "verify"]))));
    assert!(passes(&with(good(), "alg", json!("PS512"))));
    let bad = [
        with(good(), "use", json!("enc")),
        with(good(), "use", json!(7)),
        with(good(), "key_ops", json!(["encrypt"])),
        with(good(), "key_ops", json!("verify")),
        with(good(), "kty", json!("oct")),
        with(good(), "kty", json!("XYZ")),
        with(good(), "kty", json!("EC")),
        with(good(), "n", json!("not base64!")),
        with(good(), "n", json!(12)),
        with(good(), "kid", json!(12)),
        with(good(), "alg", json!("made-up")),
        with(good(), "alg", json!("RSA-OAEP-256")),
        with(good(), "alg", json!("HS256")),
        with(good(), "alg", json!("ES256")),
        with(good(), "alg", json!(12)),
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
fn jw_7_elliptic_and_edwards_keys_have_their_curves_and_lengths() {
    let okp = |crv: &str, x: &[u8]| json!({"kty": "OKP", "crv": crv, "x": BASE64.encode(x)});
    let (x, _) = p256();
    let other = |crv: &str, size: usize| {
        let number = BASE64.encode(vec![1; size]);
        json!({"kty": "EC", "crv": crv, "x": number, "y": number})
    };
    let base = hex_point();
    for (key, fits) in [
        (x.clone(), true),
        (with(x.clone(), "crv", json!("P-384")), false),
        (with(x.clone(), "crv", json!("secp256k1")), false),
        (with(x.clone(), "alg", json!("ES256")), true),
        (with(x, "alg", json!("ES384")), false),
        (other("P-256", 31), false),
        (other("P-256", 33), false),
        (other("P-384", 32), false),
        (other("P-521", 66), false),
        (okp("Ed25519", &base), true),
        (okp("Ed25519", &base[1..]), false),
        (okp("X25519", &base), false),
    ] {
        assert_eq!(passes(&key), fits, "{key}");
    }
}

/// The base point of Ed25519 (RFC 8032 §5.1): y is 4/5.
fn hex_point() -> [u8; 32] {
    let mut point = [0x66; 32];
    point[0] = 0x58;
    point
}

#[test]
fn jw_7_a_point_that_is_not_on_its_curve_is_no_key() {
    let (good, _) = p256();
    let x = good["x"].clone();
    assert!(!passes(&with(good, "y", x)));
    for curve in ["P-256", "P-384"] {
        let size = if curve == "P-256" { 32 } else { 48 };
        let number = BASE64.encode(vec![1; size]);
        let key = json!({"kty": "EC", "crv": curve, "x": number, "y": number});
        assert!(!passes(&key), "{curve}");
    }
}

#[test]
fn a_padded_number_is_the_same_number() {
    let padded = format!("{}==", BASE64.encode(number(2048)));
    let key = Key::read(&with(good(), "n", json!(padded))).unwrap();
    assert_eq!(key.verifier, Key::read(&good()).unwrap().verifier);
}

#[test]
fn jw_7_a_key_serves_its_own_algorithm_kind_and_name_alone() {
    let named = Key::read(&with(good(), "alg", json!("RS256"))).unwrap();
    assert_eq!(named.kid.as_deref(), Some("k"));
    assert!(named.serves(SigningAlg::Rs256));
    assert!(!named.serves(SigningAlg::Ps256));
    assert!(!named.serves(SigningAlg::Es256));
    let nameless = Key::read(&with(good(), "kid", json!(null))).unwrap();
    assert_eq!(nameless.kid, None);
    assert!(nameless.serves(SigningAlg::Ps512));
}

#[test]
fn what_is_null_or_empty_counts_as_absent() {
    for (member, value) in [
        ("kid", json!(null)),
        ("kid", json!("")),
        ("use", json!(null)),
        ("use", json!("")),
        ("alg", json!(null)),
        ("alg", json!("")),
        ("key_ops", json!(null)),
        ("key_ops", json!([])),
    ] {
        let key = Key::read(&with(good(), member, value.clone()));
        let key = key.unwrap_or_else(|| panic!("{member} {value}"));
        assert!(key.serves(SigningAlg::Rs512), "{member} {value}");
    }
}

#[test]
fn every_word_reads_back_as_itself_for_us_and_for_the_library() {
    for alg in SigningAlg::VARIANTS.iter().copied() {
        assert_eq!(SigningAlg::parse(alg.as_str()), Some(alg));
        let wire = serde_json::to_value(alg.to_library()).unwrap();
        assert_eq!(wire, alg.to_string());
    }
}

#[test]
fn ed25519_is_read_under_both_of_its_names() {
    for word in ["EdDSA", "Ed25519"] {
        assert_eq!(SigningAlg::parse(word), Some(SigningAlg::EdDsa), "{word}");
    }
}

#[test]
fn id_2_symmetric_unsigned_and_misspelt_algorithms_cannot_be_configured() {
    for word in [
        "none", "None", "nOnE", "HS256", "HS384", "HS512", "rs256", "ES512", "",
    ] {
        assert_eq!(SigningAlg::parse(word), None, "{word}");
    }
}
