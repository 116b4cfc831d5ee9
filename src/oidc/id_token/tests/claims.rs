//! For whom it is, from whom, about whom: ID-3 to ID-5, ID-7 to ID-9.

use super::*;

// ---- ID-3 and ID-4: issuer and audience -----------------------------------------------

#[test]
fn id_3_the_issuer_is_compared_character_by_character() {
    for issuer in [
        "https://evil.example",
        "https://id.example.com/",
        "https://ID.example.com",
        "http://id.example.com",
        "https://id.example.com:443",
    ] {
        assert_eq!(
            check(&token().claim("iss", json!(issuer))),
            Err(TokenFlaw::Issuer),
            "{issuer}"
        );
    }
    for issuer in [json!(""), json!(null), json!([ISSUER]), json!(7)] {
        assert_eq!(check(&token().claim("iss", issuer)), Err(TokenFlaw::Issuer));
    }
    assert_eq!(check(&token().without("iss")), Err(TokenFlaw::Issuer));
}

#[test]
fn id_4_the_audience_is_this_client_and_nobody_else() {
    assert_eq!(check(&token().claim("aud", json!([CLIENT]))), Ok(()));
    for audience in [
        json!("other"),
        json!("bridg"),
        json!("bridge2"),
        json!("BRIDGE"),
        json!("x bridge"),
        json!([CLIENT, "other"]),
        json!(["other", CLIENT]),
        json!([]),
        json!([[CLIENT]]),
        json!([CLIENT, null]),
        json!({"bridge": true}),
        json!(null),
        json!(7),
    ] {
        let refused = check(
            &token()
                .claim("aud", audience.clone())
                .claim("azp", json!(CLIENT)),
        );
        assert_eq!(refused, Err(TokenFlaw::Audience), "{audience}");
    }
    assert_eq!(check(&token().without("aud")), Err(TokenFlaw::Audience));
}

// ---- ID-5: the authorized party -------------------------------------------------------

#[test]
fn id_5_the_authorized_party_is_this_client() {
    assert_eq!(check(&token().claim("azp", json!(CLIENT))), Ok(()));
    for party in [
        json!("evil"),
        json!(""),
        json!("BRIDGE"),
        json!(null),
        json!([CLIENT]),
        json!(7),
    ] {
        let refused = check(&token().claim("azp", party.clone()));
        assert_eq!(refused, Err(TokenFlaw::AuthorizedParty), "{party}");
    }
}

#[test]
fn id_4_a_trusted_audience_may_stand_beside_this_client() {
    let trusting = |trusted: &[&str], aud: Value, azp: Value| {
        let verification = Verification {
            trusted: trusted.iter().map(|&one| one.to_owned()).collect(),
            ..verification()
        };
        let token = token().claim("aud", aud).claim("azp", azp);
        verification.of(&token.sign()).map(|_| ())
    };
    let several = || json!(["project", CLIENT, "api"]);
    assert_eq!(
        trusting(&["project", "api"], several(), json!(CLIENT)),
        Ok(())
    );
    for (trusted, aud, azp, flaw) in [
        (
            vec!["project"],
            several(),
            json!(CLIENT),
            TokenFlaw::Audience,
        ),
        (vec![], several(), json!(CLIENT), TokenFlaw::Audience),
        (
            vec!["project"],
            json!(["project"]),
            json!(CLIENT),
            TokenFlaw::Audience,
        ),
        (
            vec!["project"],
            json!("project"),
            json!(CLIENT),
            TokenFlaw::Audience,
        ),
        (
            vec!["project", "api"],
            several(),
            json!("project"),
            TokenFlaw::AuthorizedParty,
        ),
    ] {
        let refused = trusting(&trusted, aud.clone(), azp);
        assert_eq!(refused, Err(flaw), "{trusted:?} {aud}");
    }
    let without_azp = Verification {
        trusted: vec!["api".to_owned()],
        ..verification()
    };
    let token = token().claim("aud", json!([CLIENT, "api"])).without("azp");
    assert_eq!(
        without_azp.of(&token.sign()).err(),
        Some(TokenFlaw::AuthorizedParty)
    );
}

#[test]
fn id_5_a_list_of_several_audiences_needs_an_authorized_party() {
    let several = || token().claim("aud", json!([CLIENT, CLIENT]));
    assert_eq!(check(&several()), Err(TokenFlaw::AuthorizedParty));
    assert_eq!(
        check(&several().claim("azp", json!("evil"))),
        Err(TokenFlaw::AuthorizedParty)
    );
    assert_eq!(check(&several().claim("azp", json!(CLIENT))), Ok(()));
}

// ---- ID-7: the nonce ------------------------------------------------------------------

#[test]
fn id_7_the_nonce_is_that_of_this_sign_in() {
    for nonce in ["", "other", "n-0S6_WzA2M", "n-0S6_WzA2Mjj", "N-0S6_WzA2Mj"] {
        assert_eq!(
            check(&token().claim("nonce", json!(nonce))),
            Err(TokenFlaw::Nonce),
            "{nonce}"
        );
    }
    assert_eq!(check(&token().without("nonce")), Err(TokenFlaw::Nonce));
    for nonce in [json!(null), json!(7), json!([NONCE]), json!({"n": NONCE})] {
        assert_eq!(check(&token().claim("nonce", nonce)), Err(TokenFlaw::Nonce));
    }
}

// ---- ID-8: the subject ----------------------------------------------------------------

#[test]
fn id_8_the_subject_is_1_to_255_printable_ascii_characters() {
    for subject in [
        "a",
        "auth0|5f7c8ec7",
        "uid=ann, ou=people",
        "!~",
        &"x".repeat(255),
    ] {
        assert_eq!(
            check(&token().claim("sub", json!(subject))),
            Ok(()),
            "{subject}"
        );
    }
    let long = "x".repeat(4096);
    for subject in [
        "",
        &"x".repeat(256),
        &long,
        "a\nb",
        "a\u{0}",
        "a\u{1f}",
        "a\u{7f}",
        "änn",
        "\t",
    ] {
        assert_eq!(
            check(&token().claim("sub", json!(subject))),
            Err(TokenFlaw::Subject),
            "{subject:?}"
        );
    }
    for subject in [json!(7), json!(null), json!(["ann"])] {
        assert_eq!(
            check(&token().claim("sub", subject)),
            Err(TokenFlaw::Subject)
        );
    }
    assert_eq!(check(&token().without("sub")), Err(TokenFlaw::Subject));
}

// ---- ID-9: at_hash --------------------------------------------------------------------

#[test]
fn id_9_the_hash_is_that_of_the_access_token_that_came_along() {
    let digest = Sha256::digest(ACCESS_TOKEN);
    let right = URL_SAFE_NO_PAD.encode(&digest[..16]);
    assert_eq!(check(&token().claim("at_hash", json!(right))), Ok(()));
    for wrong in ["", "x", &right[1..], &URL_SAFE_NO_PAD.encode(digest)] {
        let refused = check(&token().claim("at_hash", json!(wrong)));
        assert_eq!(refused, Err(TokenFlaw::AccessTokenHash), "{wrong}");
    }
    for wrong in [json!(null), json!(7), json!([right])] {
        let refused = check(&token().claim("at_hash", wrong));
        assert_eq!(refused, Err(TokenFlaw::AccessTokenHash));
    }
}

#[test]
fn id_9_without_an_access_token_there_is_nothing_to_compare() {
    let alone = Verification {
        access_token: None,
        ..verification()
    };
    assert!(
        alone
            .of(&token().claim("at_hash", json!("x")).sign())
            .is_ok()
    );
}
