//! What a key must be to verify anything: JW-7, and AV-7 for its size.

use super::*;
use crate::oidc::keys::tests::{good, number, p256, rsa_key, with};
use serde_json::json;

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
    assert_eq!(named.kid(), Some("k"));
    assert!(named.serves(SigningAlg::Rs256));
    assert!(!named.serves(SigningAlg::Ps256));
    assert!(!named.serves(SigningAlg::Es256));
    let nameless = Key::read(&with(good(), "kid", json!(null))).unwrap();
    assert_eq!(nameless.kid(), None);
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
