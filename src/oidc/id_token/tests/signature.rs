//! Who signed it: ID-1, ID-2, and which key (JW-7).

use super::*;

// ---- ID-1: the signature --------------------------------------------------------------

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
        Some(TokenFlaw::Signature)
    );
}

#[test]
fn id_1_no_signature_is_refused() {
    assert_eq!(
        flaw_of(&format!("{}.", token().input())),
        Some(TokenFlaw::Signature)
    );
}

#[test]
fn id_1_another_key_under_the_same_name_is_refused() {
    assert_eq!(
        check(&token().signed_by(signing_key(2))),
        Err(TokenFlaw::Signature)
    );
}

// ---- ID-2: the algorithm --------------------------------------------------------------

#[test]
fn id_2_a_token_that_says_none_is_refused() {
    let unsigned = token().header("alg", json!("none"));
    assert_eq!(
        flaw_of(&format!("{}.", unsigned.input())),
        Some(TokenFlaw::Algorithm)
    );
    assert_eq!(check(&unsigned), Err(TokenFlaw::Algorithm));
    let words = ["None", "nOnE", "NONE", "", "es256", " ES256", "ES256 "];
    let others = [json!(null), json!(["ES256"]), json!(7)];
    for word in words.map(Value::from).into_iter().chain(others) {
        let unsigned = token().header("alg", word.clone());
        let raw = format!("{}.", unsigned.input());
        assert_eq!(flaw_of(&raw), Some(TokenFlaw::Algorithm), "{word}");
        assert_eq!(check(&unsigned), Err(TokenFlaw::Algorithm), "{word}");
    }
    assert_eq!(check(&token().without("alg")), Err(TokenFlaw::Algorithm));
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
            assert_eq!(flaw_of(&raw), Some(TokenFlaw::Algorithm), "{alg}");
        }
    }
}

#[test]
fn id_2_an_algorithm_that_is_not_configured_is_refused() {
    assert_eq!(
        check(&token().header("alg", json!("ES384"))),
        Err(TokenFlaw::Algorithm)
    );
    let only_rsa = Verification {
        algs: vec![SigningAlg::Rs256],
        ..verification()
    };
    assert_eq!(only_rsa.of(&token().sign()), Err(TokenFlaw::Algorithm));
}

#[test]
fn id_2_an_algorithm_of_another_kind_of_key_finds_no_key() {
    assert_eq!(
        check(&token().header("alg", json!("RS256"))),
        Err(TokenFlaw::UnknownKey)
    );
}

// ---- JW-7: which key ------------------------------------------------------------------

#[test]
fn jw_7_an_unknown_key_id_finds_no_key() {
    for kid in [json!("two"), json!(1), json!(["one"])] {
        let refused = check(&token().header("kid", kid.clone()));
        assert_eq!(refused, Err(TokenFlaw::UnknownKey), "{kid}");
    }
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
    assert_eq!(two.of(&raw), Err(TokenFlaw::AmbiguousKey));
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
    assert_eq!(twice.of(&token().sign()), Err(TokenFlaw::AmbiguousKey));
}

#[test]
fn jw_7_a_key_without_an_id_serves_a_token_with_one_if_it_alone_fits() {
    let of = |keys: Vec<Value>, token: &Token| {
        let keys = Verification {
            keys,
            ..verification()
        };
        keys.of(&token.sign()).map(|_| ())
    };
    let nameless = || jwk(&signing_key(1), None);
    assert_eq!(of(vec![nameless()], &token()), Ok(()));
    // A key of that name is meant, not one without a name.
    let named = jwk(&signing_key(2), Some("one"));
    let refused = of(vec![nameless(), named], &token());
    assert_eq!(refused, Err(TokenFlaw::Signature));
    let two = vec![nameless(), jwk(&signing_key(2), None)];
    assert_eq!(of(two, &token()), Err(TokenFlaw::AmbiguousKey));
}

#[test]
fn jw_7_one_key_that_stands_twice_is_one() {
    for (first, second) in [(Some("one"), Some("one")), (Some("a"), None), (None, None)] {
        let keys = [first, second].map(|kid| jwk(&signing_key(1), kid));
        let twice = Verification {
            keys: keys.into(),
            ..verification()
        };
        let kid = first.map_or(json!(null), Value::from);
        let raw = token().header("kid", kid).sign();
        assert!(twice.of(&raw).is_ok(), "{first:?} {second:?}");
    }
}

#[test]
fn jw_7_a_key_id_that_is_null_or_empty_counts_as_absent() {
    for kid in [json!(null), json!("")] {
        assert_eq!(check(&token().header("kid", kid)), Ok(()));
    }
}

#[test]
fn id_15_a_member_that_stands_twice_below_the_top_makes_the_token_unreadable() {
    let good = token();
    let claims = good.claims.to_string();
    let twice = r#""realm_access":{"roles":["a"],"roles":["bridge-admins"]}}"#;
    let claims = format!("{},{twice}", claims.strip_suffix('}').unwrap());
    let input = format!(
        "{}.{}",
        encode(&good.header),
        URL_SAFE_NO_PAD.encode(claims)
    );
    let signature: Signature = good.key.sign(input.as_bytes());
    let raw = format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature.to_bytes()));
    assert_eq!(flaw_of(&raw), Some(TokenFlaw::Unreadable));
}
