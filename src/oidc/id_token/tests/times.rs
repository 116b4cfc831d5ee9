//! From when to when it serves: ID-6.

use super::*;

#[test]
fn id_6_a_token_serves_until_thirty_seconds_after_its_end() {
    assert_eq!(check(&token().claim("exp", seconds(-29))), Ok(()));
    assert_eq!(
        check(&token().claim("exp", seconds(-30))),
        Err(TokenFlaw::Expired)
    );
    assert_eq!(
        check(&token().claim("exp", seconds(-61))),
        Err(TokenFlaw::Expired)
    );
    assert_eq!(
        check(&token().claim("exp", json!(0))),
        Err(TokenFlaw::Expired)
    );
}

#[test]
fn id_6_the_time_of_issue_is_at_most_ten_minutes_ago_and_one_minute_ahead() {
    assert_eq!(check(&token().claim("iat", seconds(-600))), Ok(()));
    assert_eq!(
        check(&token().claim("iat", seconds(-601))),
        Err(TokenFlaw::IssuedAt)
    );
    assert_eq!(check(&token().claim("iat", seconds(60))), Ok(()));
    assert_eq!(
        check(&token().claim("iat", seconds(61))),
        Err(TokenFlaw::IssuedAt)
    );
    assert_eq!(
        check(&token().claim("iat", seconds(3600))),
        Err(TokenFlaw::IssuedAt)
    );
    assert_eq!(
        check(&token().claim("iat", json!(0))),
        Err(TokenFlaw::IssuedAt)
    );
}

#[test]
fn id_6_a_token_that_is_not_valid_yet_is_refused() {
    assert_eq!(check(&token().claim("nbf", seconds(30))), Ok(()));
    assert_eq!(
        check(&token().claim("nbf", seconds(31))),
        Err(TokenFlaw::NotBefore)
    );
    assert_eq!(
        check(&token().claim("nbf", seconds(3600))),
        Err(TokenFlaw::NotBefore)
    );
    assert_eq!(check(&token().claim("nbf", json!(0))), Ok(()));
}

#[test]
fn id_6_end_and_issue_are_required() {
    assert_eq!(check(&token().without("exp")), Err(TokenFlaw::Time));
    assert_eq!(check(&token().without("iat")), Err(TokenFlaw::Time));
}

#[test]
fn id_6_a_time_is_a_number_and_nothing_else() {
    for name in ["exp", "iat", "nbf"] {
        for value in [
            json!("99999999999"),
            json!("2026-11-24T12:00:00Z"),
            json!(-1),
            json!(1e300),
            json!(-0.5),
            json!("1.788E9"),
            json!(u64::MAX),
            json!(i64::MAX),
            json!(null),
            json!(true),
            json!([1_795_521_600]),
        ] {
            let refused = check(&token().claim(name, value.clone()));
            assert_eq!(refused, Err(TokenFlaw::Time), "{name} {value}");
        }
    }
}

#[test]
fn id_6_a_fraction_or_an_exponent_is_rounded_down() {
    let number = |text: &str| serde_json::from_str::<Value>(text).unwrap();
    for name in ["exp", "iat", "nbf"] {
        for text in ["1795521600.0", "1795521600.889", "1.7955216E9"] {
            let token = token().claim(name, number(text));
            assert_eq!(check(&token), Ok(()), "{name} {text}");
        }
    }
    // 30 s of leeway: up to N.999 the end is N.
    let ends = |text: &str| check(&token().claim("exp", number(text)));
    assert_eq!(ends("1795521571.0"), Ok(()));
    assert_eq!(ends("1795521570.999"), Err(TokenFlaw::Expired));
}

#[test]
fn id_6_the_clock_is_the_one_that_was_given() {
    let later = Verification {
        now: now() + TimeDelta::seconds(330),
        ..verification()
    };
    assert_eq!(later.of(&token().sign()), Err(TokenFlaw::Expired));
    let just_before = Verification {
        now: now() + TimeDelta::seconds(329),
        ..verification()
    };
    assert!(just_before.of(&token().sign()).is_ok());
}
