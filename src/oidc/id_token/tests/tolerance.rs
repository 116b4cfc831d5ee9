//! What providers really send, and must be able to.

use super::*;

#[test]
fn claims_that_nobody_needs_may_be_odd() {
    let shapes = [
        json!("x"),
        json!("2026-11-24T11:59:00.000Z"),
        json!(1_795_521_590.25),
        json!(-1),
        json!(true),
        json!(null),
        json!([]),
        json!(["pwd", 7]),
        json!({"formatted": 7}),
    ];
    for name in [
        "auth_time",
        "updated_at",
        "email",
        "email_verified",
        "phone_number_verified",
        "name",
        "acr",
        "amr",
        "address",
        "locale",
        "zoneinfo",
        "gender",
        "birthdate",
        "picture",
        "website",
        "c_hash",
        "jti",
        "sid",
        "https://example.com/claim",
    ] {
        for value in &shapes {
            let read = check(&token().claim(name, value.clone()));
            assert_eq!(read, Ok(()), "{name} {value}");
        }
    }
}

#[test]
fn the_session_of_the_provider_is_kept_when_it_is_a_name() {
    let sid = |value: Value| {
        let raw = token().claim("sid", value).sign();
        let expected = Expected {
            issuer: ISSUER,
            audience: audience(&[]),
            algs: &[SigningAlg::Es256],
            nonce: Some(&SecretString::from(NONCE)),
            access_token: None,
        };
        let keys = KeySet::from_jwks(&verification().keys).unwrap();
        let verified = verify(&raw, &keys, &expected, now());
        verified.unwrap_or_else(|flaw| panic!("{flaw}")).sid()
    };
    assert_eq!(
        sid(json!("08a5019c-17e1")),
        Some("08a5019c-17e1".to_owned())
    );
    assert_eq!(sid(json!("x".repeat(255))), Some("x".repeat(255)));
    for bad in [
        json!(""),
        json!("x".repeat(256)),
        json!("a\nb"),
        json!(7),
        json!(null),
    ] {
        assert_eq!(sid(bad.clone()), None, "{bad}");
    }
}
