//! Subject tokens of a token exchange against a provider over real HTTP (TX-3 to TX-6): what the
//! provider is asked, and what comes of each answer. The unit tests of `oidc::subject_token` have
//! every claim.

use red5_bridge::domain::identity::Groups;
use red5_bridge::oidc::{
    self, ClientAuth, ClientKey, Credentials, Denial, Outage, SubjectIdentity, SubjectTokenError,
    SubjectTokenFlaw, SubjectTokenType, TokenFlaw,
};
use secrecy::SecretString;
use serde_json::json;

use super::{PACE, bridge_at, denied, sign_in};
use crate::provider::{self, Answer, CLIENT_ID, Endpoint, Key, Provider};

const API: &str = "https://bridge.example.com";

const ALL: [SubjectTokenType; 3] = [
    SubjectTokenType::IdToken,
    SubjectTokenType::Jwt,
    SubjectTokenType::AccessToken,
];

/// A provider with Ann, who is a viewer, which describes opaque tokens.
fn provider() -> Provider {
    let provider = Provider::start();
    provider.offer_introspection();
    provider.person("ann").groups(["viewers"]);
    provider
}

/// A bridge that accepts all kinds of tokens.
fn bridge(provider: &Provider) -> oidc::Provider {
    bridge_at(provider.issuer(), PACE, |settings| {
        settings.exchange_audiences = vec![API.to_owned()];
        settings.introspection = true;
    })
}

async fn given(
    bridge: &oidc::Provider,
    token: &str,
    kind: SubjectTokenType,
) -> Result<SubjectIdentity, SubjectTokenError> {
    bridge.subject_token(&SecretString::from(token), kind).await
}

fn refused(flaw: impl Into<SubjectTokenFlaw>) -> Result<SubjectIdentity, SubjectTokenError> {
    Err(SubjectTokenError::Refused(flaw.into()))
}

fn groups(names: &[&str]) -> Groups {
    Groups::Listed(names.iter().map(|&name| name.to_owned()).collect())
}

#[tokio::test]
async fn tx_4_an_id_token_for_this_client_is_enough_by_itself() {
    let provider = provider();
    let bridge = bridge(&provider);
    let token = provider.id_token("ann", |token| token);
    for kind in [SubjectTokenType::IdToken, SubjectTokenType::Jwt] {
        let subject = given(&bridge, &token, kind).await.unwrap();
        assert_eq!(subject.identity.issuer, provider.issuer());
        assert_eq!(subject.identity.subject, "ann");
        assert_eq!(subject.identity.username.as_deref(), Some("ann"));
        assert_eq!(subject.identity.groups, groups(&["viewers"]));
        assert!(!subject.lacks_groups);
    }
    let end = provider.id_token("ann", |token| token.claim("exp", 4_102_444_800_i64));
    let subject = given(&bridge, &end, SubjectTokenType::IdToken)
        .await
        .unwrap();
    assert_eq!(subject.expires_at.timestamp(), 4_102_444_800);
    assert_eq!(provider.hits(Endpoint::Userinfo), 0);
    assert_eq!(provider.hits(Endpoint::Introspection), 0);
    let as_access_token = given(&bridge, &token, SubjectTokenType::AccessToken).await;
    assert_eq!(as_access_token, refused(TokenFlaw::Type));
}

#[tokio::test]
async fn tx_4_an_id_token_of_another_client_or_with_another_party_is_refused() {
    let provider = provider();
    let bridge = bridge(&provider);
    for (token, flaw) in [
        (
            provider.id_token("ann", |token| token.claim("aud", "studio")),
            TokenFlaw::Audience,
        ),
        (
            provider.id_token("ann", |token| {
                token.claim("aud", json!(["studio", CLIENT_ID]))
            }),
            TokenFlaw::Audience,
        ),
        (
            provider.id_token("ann", |token| token.claim("azp", "studio")),
            TokenFlaw::AuthorizedParty,
        ),
        (
            provider.id_token("ann", |token| token.claim("aud", API)),
            TokenFlaw::Audience,
        ),
        (
            provider.logout_token(|token| token.claim("sub", "ann")),
            TokenFlaw::Type,
        ),
        (
            provider.logout_token(|token| token.claim("sub", "ann").header("typ", "JWT")),
            TokenFlaw::LogoutToken,
        ),
    ] {
        for kind in [SubjectTokenType::IdToken, SubjectTokenType::Jwt] {
            assert_eq!(given(&bridge, &token, kind).await, refused(flaw), "{flaw}");
        }
    }
}

#[tokio::test]
async fn an_id_token_without_the_groups_claim_says_so_and_one_with_overage_does_not() {
    let provider = provider();
    let bridge = bridge(&provider);
    for (token, lacks) in [
        (
            provider.id_token("ann", |token| token.without("groups")),
            true,
        ),
        (
            provider.id_token("ann", |token| token.claim("groups", json!(null))),
            true,
        ),
        (
            provider.id_token("ann", |token| token.claim("groups", json!([]))),
            false,
        ),
        (
            provider.id_token("ann", |token| {
                token.without("groups").claim("hasgroups", true)
            }),
            false,
        ),
    ] {
        let subject = given(&bridge, &token, SubjectTokenType::IdToken)
            .await
            .unwrap();
        assert_eq!(subject.lacks_groups, lacks, "{:?}", subject.identity.groups);
        assert_eq!(subject.identity.groups.listed().count(), 0);
    }
    assert_eq!(provider.hits(Endpoint::Userinfo), 0);
}

#[tokio::test]
async fn tx_4_a_jwt_access_token_is_completed_by_userinfo_and_never_introspected() {
    let provider = provider();
    let bridge = bridge(&provider);
    let token = provider.jwt_access_token("ann", API, |token| token);
    for kind in [SubjectTokenType::Jwt, SubjectTokenType::AccessToken] {
        let subject = given(&bridge, &token, kind).await.unwrap();
        assert_eq!(subject.identity.subject, "ann");
        assert_eq!(subject.identity.username.as_deref(), Some("ann"));
        assert_eq!(subject.identity.groups, groups(&["viewers"]));
    }
    assert_eq!(provider.hits(Endpoint::Userinfo), 2);
    let asked = provider.last(Endpoint::Userinfo);
    assert_eq!(asked.header("authorization"), format!("Bearer {token}"));

    let whole = provider.jwt_access_token("ann", API, |token| {
        let named = token
            .claim("name", "Ann")
            .claim("preferred_username", "ann");
        named.claim("groups", json!(["crew"]))
    });
    let subject = given(&bridge, &whole, SubjectTokenType::Jwt).await.unwrap();
    assert_eq!(subject.identity.groups, groups(&["crew"]));
    assert_eq!(provider.hits(Endpoint::Userinfo), 2);

    for (token, flaw) in [
        (
            provider.jwt_access_token("ann", "https://other.example", |token| token),
            SubjectTokenFlaw::Audience,
        ),
        (
            provider.jwt_access_token("ann", API, |token| token.claim("exp", 1)),
            TokenFlaw::Expired.into(),
        ),
        (
            provider.jwt_access_token("ann", API, |token| token.header("typ", "JWT")),
            TokenFlaw::Type.into(),
        ),
        (
            provider.jwt_access_token("ann", API, |token| {
                token.forged_by(&Key::weak_rs256("rs-1"))
            }),
            TokenFlaw::Signature.into(),
        ),
    ] {
        let outcome = given(&bridge, &token, SubjectTokenType::AccessToken).await;
        assert_eq!(outcome, refused(flaw), "{flaw}");
    }
    assert_eq!(provider.hits(Endpoint::Introspection), 0);
    let as_id_token = given(&bridge, &token, SubjectTokenType::IdToken).await;
    assert_eq!(as_id_token, refused(TokenFlaw::Type));
}

#[tokio::test]
async fn tx_5_an_opaque_token_is_what_introspection_says_and_userinfo_has_the_groups() {
    let provider = provider();
    let bridge = bridge(&provider);
    let token = provider.opaque_access_token("ann", API);
    let subject = given(&bridge, &token, SubjectTokenType::AccessToken)
        .await
        .unwrap();
    assert_eq!(subject.identity.subject, "ann");
    assert_eq!(subject.identity.groups, groups(&["viewers"]));
    let asked = provider.last(Endpoint::Introspection);
    assert_eq!(asked.method, "POST");
    assert_eq!(asked.raw_query, "");
    assert_eq!(asked.form["token"], token);
    assert_eq!(asked.form["token_type_hint"], "access_token");

    // Userinfo answers for it, but it is another app's.
    let others = provider.opaque_access_token("ann", "https://studio.example");
    let outcome = given(&bridge, &others, SubjectTokenType::AccessToken).await;
    assert_eq!(outcome, refused(SubjectTokenFlaw::Audience));
    let unknown = given(&bridge, "opaque-unknown", SubjectTokenType::AccessToken).await;
    assert_eq!(unknown, refused(SubjectTokenFlaw::Inactive));
    assert_eq!(provider.hits(Endpoint::Userinfo), 1);

    // It is not a JWT, although `subject_token_type` says so.
    for kind in [SubjectTokenType::IdToken, SubjectTokenType::Jwt] {
        let outcome = given(&bridge, &token, kind).await;
        assert_eq!(outcome, refused(TokenFlaw::NotThreeParts));
    }
    assert_eq!(provider.hits(Endpoint::Introspection), 3);
}

#[tokio::test]
async fn tx_5_introspection_is_off_unless_it_is_switched_on() {
    let provider = provider();
    let off = bridge_at(provider.issuer(), PACE, |settings| {
        settings.exchange_audiences = vec![API.to_owned()];
    });
    let token = provider.opaque_access_token("ann", API);
    let outcome = given(&off, &token, SubjectTokenType::AccessToken).await;
    assert_eq!(outcome, refused(SubjectTokenFlaw::Opaque));
    assert_eq!(provider.hits(Endpoint::Introspection), 0);
    assert_eq!(provider.hits(Endpoint::Userinfo), 0);
}

#[tokio::test]
async fn tx_6_a_token_that_no_header_can_hold_is_sent_nowhere() {
    let provider = provider();
    let bridge = bridge(&provider);
    // The provider's documents.
    sign_in(&provider, &bridge, "ann").await.unwrap();
    let asked = provider.requests().len();
    let flawed = [
        "abc\r\nX: y",
        "abc%0D%0AX:y",
        "a\u{7f}",
        "a\u{0}",
        "\u{1f600}",
        "a b",
        "",
        "=",
        "a,b",
    ];
    for kind in ALL {
        for token in flawed {
            let outcome = given(&bridge, token, kind).await;
            assert_eq!(outcome, refused(SubjectTokenFlaw::Characters), "{token:?}");
        }
        let large = given(&bridge, &"a".repeat(1024 * 1024), kind).await;
        assert_eq!(large, refused(TokenFlaw::TooLarge));
    }
    assert_eq!(provider.requests().len(), asked);
}

#[tokio::test]
async fn an_access_token_that_userinfo_does_not_accept_is_refused_and_an_outage_is_none_of_it() {
    let provider = provider();
    let bridge = bridge(&provider);
    let token = provider.jwt_access_token("ann", API, |token| token);
    for answer in [
        Answer::status(401),
        Answer::status(403),
        Answer::json(200, &json!({"sub": "eve", "groups": ["viewers"]})),
        Answer::json(200, &json!({"groups": ["viewers"]})),
    ] {
        provider.once(Endpoint::Userinfo, answer);
        let outcome = given(&bridge, &token, SubjectTokenType::AccessToken).await;
        assert_eq!(outcome, refused(SubjectTokenFlaw::Userinfo));
    }
    for answer in [
        Answer::status(500),
        Answer::status(503).header("retry-after", "7"),
        Answer::html(200),
        Answer::status(404),
    ] {
        provider.once(Endpoint::Userinfo, answer);
        let outcome = given(&bridge, &token, SubjectTokenType::AccessToken).await;
        assert!(
            matches!(outcome, Err(SubjectTokenError::Unavailable(_))),
            "{outcome:?}"
        );
    }
    assert!(
        given(&bridge, &token, SubjectTokenType::AccessToken)
            .await
            .is_ok()
    );
}

#[tokio::test]
async fn an_introspection_that_fails_says_nothing_of_the_token() {
    let provider = provider();
    let bridge = bridge(&provider);
    let token = provider.opaque_access_token("ann", API);
    let unavailable = |error| Err(SubjectTokenError::Unavailable(error));
    for (answer, error) in [
        (Answer::status(500), Outage::Status(500).into()),
        (Answer::status(401), Outage::Status(401).into()),
        (
            Answer::json(401, &json!({"error": "invalid_client"})),
            denied(Denial::InvalidClient, "invalid_client"),
        ),
        (Answer::html(200), Outage::Unreadable.into()),
        (
            Answer::text(200, r#"{"active":false,"active":true}"#),
            Outage::Unreadable.into(),
        ),
        (Answer::json(200, &json!([true])), Outage::Unreadable.into()),
    ] {
        provider.once(Endpoint::Introspection, answer);
        let outcome = given(&bridge, &token, SubjectTokenType::AccessToken).await;
        assert_eq!(outcome, unavailable(error));
    }
    let redirect = Answer::redirect("http://127.0.0.1:1/");
    provider.once(Endpoint::Introspection, redirect);
    let outcome = given(&bridge, &token, SubjectTokenType::AccessToken).await;
    assert!(matches!(outcome, Err(SubjectTokenError::Unavailable(_))));

    provider.discovery(|document| document.without("introspection_endpoint"));
    let without = self::bridge(&provider);
    let outcome = given(&without, &token, SubjectTokenType::AccessToken).await;
    let missing = Outage::Endpoint("introspection_endpoint").into();
    assert_eq!(outcome, unavailable(missing));
}

#[tokio::test]
async fn cb_10_the_client_authenticates_at_the_introspection_endpoint_as_everywhere() {
    let key = || {
        ClientKey::read(
            Key::es256("of the client", 7).private_pem().as_bytes(),
            None,
        )
    };
    for (registered, auth) in [
        (
            provider::ClientAuth::Basic,
            ClientAuth::Basic("s/cret".into()),
        ),
        (
            provider::ClientAuth::Post,
            ClientAuth::Post("s/cret".into()),
        ),
        (
            provider::ClientAuth::PrivateKey,
            ClientAuth::PrivateKey(key().unwrap()),
        ),
    ] {
        let provider = provider();
        match registered {
            provider::ClientAuth::PrivateKey => {
                provider.client_key(CLIENT_ID, key().unwrap().public_jwk());
            }
            _ => provider.client(CLIENT_ID, Some("s/cret"), registered),
        }
        let bridge = bridge_at(provider.issuer(), PACE, |settings| {
            settings.exchange_audiences = vec![API.to_owned()];
            settings.introspection = true;
            settings.credentials = Credentials::Fixed(auth);
        });
        let token = provider.opaque_access_token("ann", API);
        let outcome = given(&bridge, &token, SubjectTokenType::AccessToken).await;
        assert!(outcome.is_ok(), "{registered:?} {outcome:?}");
    }
}

#[tokio::test]
async fn jw_4_a_subject_token_of_a_new_key_is_verified_by_it_and_made_up_ones_fetch_it_once() {
    let provider = provider();
    let bridge = bridge(&provider);
    sign_in(&provider, &bridge, "ann").await.unwrap();
    let read = provider.hits(Endpoint::Jwks);
    provider.use_key(&Key::es256("new", 3));
    let token = provider.id_token("ann", |token| token);
    assert!(
        given(&bridge, &token, SubjectTokenType::IdToken)
            .await
            .is_ok()
    );
    assert_eq!(provider.hits(Endpoint::Jwks), read + 1);
    for number in 0..50 {
        let made_up = provider.id_token("ann", |token| {
            token.signed_by(&Key::es256(&format!("made-up-{number}"), 9))
        });
        let outcome = given(&bridge, &made_up, SubjectTokenType::IdToken).await;
        assert_eq!(outcome, refused(TokenFlaw::UnknownKey));
    }
    assert!(provider.hits(Endpoint::Jwks) <= read + 2);
}

#[tokio::test]
async fn while_the_keys_cannot_be_had_no_subject_token_is_called_wrong() {
    let provider = provider();
    let bridge = bridge(&provider);
    provider.always(Endpoint::Jwks, Answer::status(500));
    let token = provider.id_token("ann", |token| token);
    let outcome = given(&bridge, &token, SubjectTokenType::IdToken).await;
    assert!(matches!(outcome, Err(SubjectTokenError::Unavailable(_))));

    let provider = self::provider();
    let bridge = self::bridge(&provider);
    sign_in(&provider, &bridge, "ann").await.unwrap();
    provider.always(Endpoint::Jwks, Answer::status(500));
    let new = provider.id_token("ann", |token| token.signed_by(&Key::es256("new", 3)));
    let outcome = given(&bridge, &new, SubjectTokenType::IdToken).await;
    assert!(matches!(outcome, Err(SubjectTokenError::Unavailable(_))));
}

#[tokio::test]
async fn failing_subject_tokens_leave_sign_ins_and_refreshes_alone() {
    let provider = Provider::start();
    provider.offer_introspection();
    provider
        .person("ann")
        .userinfo_claim("groups", json!(["viewers"]));
    let mut pace = PACE;
    (pace.rest_first, pace.rest_max) = (
        std::time::Duration::from_mins(1),
        std::time::Duration::from_mins(1),
    );
    let bridge = bridge_at(provider.issuer(), pace, |settings| {
        settings.exchange_audiences = vec![API.to_owned()];
        settings.introspection = true;
    });
    let token = provider.jwt_access_token("ann", API, |token| token);
    let opaque = provider.opaque_access_token("ann", API);
    provider.always(Endpoint::Userinfo, Answer::status(500));
    provider.always(Endpoint::Introspection, Answer::status(500));
    for _ in 0..5 {
        for token in [&token, &opaque] {
            let outcome = given(&bridge, token, SubjectTokenType::AccessToken).await;
            assert!(matches!(outcome, Err(SubjectTokenError::Unavailable(_))));
        }
    }
    // Three in a row, and neither endpoint is asked for a while.
    assert_eq!(provider.hits(Endpoint::Userinfo), 3);
    assert_eq!(provider.hits(Endpoint::Introspection), 3);
    provider.behave(Endpoint::Userinfo);
    let signed_in = sign_in(&provider, &bridge, "ann").await.unwrap();
    assert_eq!(signed_in.identity.groups, groups(&["viewers"]));
}

#[tokio::test]
async fn the_source_of_the_groups_of_sessions_is_not_that_of_a_subject_token() {
    let provider = provider();
    let bridge = bridge(&provider);
    sign_in(&provider, &bridge, "ann").await.unwrap();
    let before = bridge.groups_from();
    let token = provider.opaque_access_token("ann", API);
    given(&bridge, &token, SubjectTokenType::AccessToken)
        .await
        .unwrap();
    assert_eq!(bridge.groups_from(), before);
}
