//! What kind of token it is, and how large: ID-10, ID-11, ID-15.

use super::*;

// ---- ID-10: what kind of token --------------------------------------------------------

#[test]
fn id_10_the_type_is_jwt_or_absent() {
    for kind in ["JWT", "jwt", "application/jwt"] {
        assert_eq!(check(&token().header("typ", json!(kind))), Ok(()), "{kind}");
    }
    assert_eq!(check(&token().without("typ")), Ok(()));
    for kind in [
        "at+jwt",
        "application/at+jwt",
        "imagination/jwt",
        "logout+jwt",
        "secevent+jwt",
        "JOSE",
        "JWE",
        "",
    ] {
        assert_eq!(
            check(&token().header("typ", json!(kind))),
            Err(TokenFlaw::Type),
            "{kind}"
        );
    }
    for kind in [json!(null), json!(["JWT"]), json!(7)] {
        assert_eq!(check(&token().header("typ", kind)), Err(TokenFlaw::Type));
    }
}

#[test]
fn id_10_a_logout_token_starts_no_session() {
    let event = json!({"http://schemas.openid.net/event/backchannel-logout": {}});
    for events in [event, json!({}), json!(null), json!([])] {
        assert_eq!(
            check(&token().claim("events", events)),
            Err(TokenFlaw::LogoutToken)
        );
    }
}

// ---- ID-11: the header ----------------------------------------------------------------

#[test]
fn id_11_critical_nested_and_compressed_tokens_are_refused() {
    for crit in [json!(["exp"]), json!(["b64"]), json!([]), json!(null)] {
        assert_eq!(check(&token().header("crit", crit)), Err(TokenFlaw::Type));
    }
    for cty in [json!("JWT"), json!("json"), json!(null)] {
        assert_eq!(check(&token().header("cty", cty)), Err(TokenFlaw::Type));
    }
    for zip in [json!("DEF"), json!(null)] {
        assert_eq!(
            check(&token().header("zip", zip)),
            Err(TokenFlaw::Compressed)
        );
    }
}

#[test]
fn id_11_only_three_parts_are_a_signed_token() {
    let good = token().sign();
    let unsigned = token().header("alg", json!("none")).input();
    for raw in [
        String::new(),
        "a".to_owned(),
        token().input(),
        format!("{good}."),
        format!("{good}.x.y"),
        format!("{unsigned}.a.b.c"),
        format!(".{good}"),
    ] {
        assert_eq!(flaw_of(&raw), Some(TokenFlaw::NotThreeParts), "{raw}");
    }
}

#[test]
fn id_11_a_key_that_the_token_brings_along_is_not_looked_at() {
    let attacker = signing_key(9);
    let bring = |token: Token| {
        token
            .header("jwk", jwk(&attacker, Some("one")))
            .header("jku", json!("https://evil.example/jwks"))
            .header("x5u", json!("https://evil.example/cert"))
            .header("x5c", json!(["MIIB"]))
    };
    assert_eq!(
        check(&bring(token()).signed_by(attacker.clone())),
        Err(TokenFlaw::Signature)
    );
    assert_eq!(check(&bring(token())), Ok(()));
}

// ---- ID-15: size and depth ------------------------------------------------------------

#[test]
fn id_15_a_token_of_64_kib_passes_and_a_longer_one_is_not_decoded() {
    assert_eq!(ID_TOKEN_MAX, 65_536);
    let empty = token().claim("pad", json!("")).sign().len();
    let near = (ID_TOKEN_MAX - empty) / 4 * 3;
    let longest = (near - 8..near + 8)
        .map(|pad| token().claim("pad", json!("x".repeat(pad))).sign())
        .find(|raw| raw.len() == ID_TOKEN_MAX)
        .expect("some padding gives exactly the limit");
    assert_eq!(flaw_of(&longest), None);
    assert_eq!(flaw_of(&format!("{longest}x")), Some(TokenFlaw::TooLarge));
    assert_eq!(flaw_of(&"x".repeat(10_000_000)), Some(TokenFlaw::TooLarge));
}

#[test]
fn id_15_json_nested_ten_thousand_deep_is_refused() {
    let deep = URL_SAFE_NO_PAD.encode(format!("{}{}", "[".repeat(10_000), "]".repeat(10_000)));
    let header = encode(&token().header);
    assert_eq!(
        flaw_of(&format!("{header}.{deep}.x")),
        Some(TokenFlaw::Unreadable)
    );
    let inside = format!("{{\"a\":{}{}}}", "[".repeat(10_000), "]".repeat(10_000));
    let inside = URL_SAFE_NO_PAD.encode(inside);
    assert_eq!(
        flaw_of(&format!("{header}.{inside}.x")),
        Some(TokenFlaw::Unreadable)
    );
}

#[test]
fn id_15_what_is_no_base64_or_no_json_object_is_refused() {
    let (header, claims) = (encode(&token().header), encode(&token().claims));
    for (header, claims) in [
        ("!", claims.as_str()),
        (&header, "!"),
        (&header, ""),
        (&header, &encode(&json!([]))),
        (&encode(&json!("x")), &claims),
    ] {
        assert_eq!(
            flaw_of(&format!("{header}.{claims}.x")),
            Some(TokenFlaw::Unreadable)
        );
    }
}

#[test]
fn id_15_a_member_that_is_there_twice_is_refused_in_header_and_claims() {
    let (header, claims) = (token().header.to_string(), token().claims.to_string());
    let twice = |object: &str, member: &str| {
        let changed = format!("{{{member},{}", &object[1..]);
        URL_SAFE_NO_PAD.encode(changed)
    };
    let encode = |object: &str| URL_SAFE_NO_PAD.encode(object);
    for (header, claims) in [
        (twice(&header, r#""alg":"none""#), encode(&claims)),
        (twice(&header, r#""kid":"one""#), encode(&claims)),
        (encode(&header), twice(&claims, r#""sub":"admin""#)),
        (encode(&header), twice(&claims, r#""groups":["admins"]"#)),
    ] {
        let input = format!("{header}.{claims}");
        let signature: Signature = signing_key(1).sign(input.as_bytes());
        let raw = format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature.to_bytes()));
        assert_eq!(flaw_of(&raw), Some(TokenFlaw::Unreadable));
    }
}
