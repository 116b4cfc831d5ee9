//! Whose groups are read, and from where (CB-14, ID-13, ID-14).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use red5_bridge::domain::identity::Groups;
use red5_bridge::oidc::TokenFlaw;
use red5_bridge::oidc::{ClaimPath, InvalidAnswer, OidcError, Outage};
use serde_json::{Value, json};

use super::{PACE, ann_and_bridge, bridge, bridge_at, sign_in};
use crate::provider::{Answer, Endpoint, Key, Provider};

fn groups(names: &[&str]) -> Groups {
    Groups::Listed(names.iter().map(|&name| name.to_owned()).collect())
}

/// A provider that tells Ann's groups at userinfo alone.
fn ann_at_userinfo() -> Provider {
    let provider = Provider::start();
    provider
        .person("ann")
        .userinfo_claim("groups", json!(["viewers"]));
    provider
}

async fn outcome(provider: &Provider) -> Result<Groups, OidcError> {
    let signed_in = sign_in(provider, &bridge(provider), "ann").await?;
    Ok(signed_in.identity.groups)
}

#[tokio::test]
async fn groups_in_the_id_token_are_enough() {
    let (provider, _) = ann_and_bridge();
    assert_eq!(outcome(&provider).await, Ok(groups(&["viewers"])));
    assert_eq!(provider.hits(Endpoint::Userinfo), 0);
}

#[tokio::test]
async fn groups_that_only_userinfo_tells_are_read_there_and_names_with_them() {
    let provider = ann_at_userinfo();
    provider
        .person("ann")
        .without("name")
        .userinfo_claim("name", "Ann Example")
        .claim("groups", Value::Null);
    let identity = sign_in(&provider, &bridge(&provider), "ann")
        .await
        .unwrap()
        .identity;
    assert_eq!(identity.groups, groups(&["viewers"]));
    assert_eq!(identity.name.as_deref(), Some("Ann Example"));
    assert_eq!(identity.username.as_deref(), Some("ann"));
    assert_eq!(provider.last(Endpoint::Userinfo).raw_query, "");
}

#[tokio::test]
async fn an_empty_list_in_the_id_token_is_an_answer() {
    let provider = ann_at_userinfo();
    provider.next_id_token(|token| token.claim("groups", json!([])));
    assert_eq!(outcome(&provider).await, Ok(groups(&[])));
    assert_eq!(provider.hits(Endpoint::Userinfo), 0);
}

#[tokio::test]
async fn groups_absent_in_both_places_are_no_groups() {
    let provider = Provider::start();
    provider.person("ann");
    assert_eq!(outcome(&provider).await, Ok(groups(&[])));
    assert_eq!(provider.hits(Endpoint::Userinfo), 1);
}

#[tokio::test]
async fn without_a_userinfo_endpoint_absent_groups_are_no_groups() {
    let provider = ann_at_userinfo();
    provider.discovery(|document| document.without("userinfo_endpoint"));
    assert_eq!(outcome(&provider).await, Ok(groups(&[])));
    assert_eq!(provider.hits(Endpoint::Userinfo), 0);
}

#[tokio::test]
async fn cb_14_userinfo_about_another_user_fails_the_sign_in() {
    for (subject, refusal) in [
        (json!("eve"), InvalidAnswer::UserinfoSubject),
        (json!(""), InvalidAnswer::UserinfoSubject),
        (json!("ANN"), InvalidAnswer::UserinfoSubject),
        (json!(null), InvalidAnswer::UserinfoWithoutSubject),
        (json!(["ann"]), InvalidAnswer::UserinfoWithoutSubject),
    ] {
        let provider = ann_at_userinfo();
        provider.next_userinfo(move |claims| claims.set("sub", subject));
        let refused = OidcError::Refused(refusal);
        assert_eq!(outcome(&provider).await, Err(refused));
    }
    let provider = ann_at_userinfo();
    provider.next_userinfo(|claims| claims.without("sub"));
    assert_eq!(
        outcome(&provider).await,
        Err(OidcError::Refused(InvalidAnswer::UserinfoWithoutSubject))
    );
}

#[tokio::test]
async fn cb_14_a_userinfo_endpoint_that_fails_fails_the_sign_in() {
    for (answer, outage) in [
        (Answer::status(500), Outage::Status(500)),
        (Answer::status(401), Outage::Status(401)),
        (Answer::html(200), Outage::Unreadable),
        (Answer::json(200, &json!(["ann"])), Outage::Unreadable),
        (Answer::huge(2 << 20), Outage::TooLarge),
        (
            Answer::redirect("http://127.0.0.1:1/x;y?z"),
            Outage::Redirect {
                status: 302,
                to: "http://127.0.0.1:1".to_owned(),
            },
        ),
    ] {
        let provider = ann_at_userinfo();
        provider.always(Endpoint::Userinfo, answer);
        assert_eq!(
            outcome(&provider).await,
            Err(OidcError::Unavailable(outage))
        );
    }
}

#[tokio::test]
async fn tx_6_an_access_token_that_is_no_header_value_is_never_sent() {
    for token in ["a\r\nX-Evil: y", "a b", "", "a\u{7f}", "ü"] {
        let provider = ann_at_userinfo();
        provider.next_id_token(|id_token| id_token.without("at_hash"));
        provider.next_token_answer(move |answer| answer.set("access_token", token));
        let refused = OidcError::Refused(InvalidAnswer::AccessToken);
        assert_eq!(outcome(&provider).await, Err(refused), "{token:?}");
        assert_eq!(provider.hits(Endpoint::Userinfo), 0);
    }
}

#[tokio::test]
async fn an_access_token_of_another_type_is_not_used() {
    for kind in [json!("DPoP"), json!(null)] {
        let provider = ann_at_userinfo();
        provider.next_token_answer(move |answer| answer.set("token_type", kind));
        assert_eq!(
            outcome(&provider).await,
            Err(OidcError::Refused(InvalidAnswer::AccessToken))
        );
    }
    let provider = ann_at_userinfo();
    provider.next_token_answer(|answer| answer.set("token_type", "bearer"));
    assert_eq!(outcome(&provider).await, Ok(groups(&["viewers"])));
}

#[tokio::test]
async fn id_14_overage_is_told_and_userinfo_is_not_asked_for_the_rest() {
    let (provider, _) = ann_and_bridge();
    provider.next_id_token(|token| {
        token
            .without("groups")
            .claim("_claim_names", json!({"groups": "src1"}))
    });
    assert_eq!(outcome(&provider).await, Ok(Groups::Overage));
    assert_eq!(provider.hits(Endpoint::Userinfo), 0);
}

#[tokio::test]
async fn id_13_a_nested_claim_is_found_by_its_path() {
    let provider = Provider::start();
    provider
        .person("ann")
        .claim("realm_access", json!({"roles": ["viewer", 7]}));
    let bridge = bridge_at(provider.issuer(), PACE, |settings| {
        settings.groups_claim = ClaimPath::parse("realm_access.roles").unwrap();
    });
    let identity = sign_in(&provider, &bridge, "ann").await.unwrap().identity;
    assert_eq!(identity.groups, groups(&["viewer"]));
}

#[tokio::test]
async fn who_lost_the_last_group_has_none_at_the_next_sign_in() {
    let (provider, bridge) = ann_and_bridge();
    assert_eq!(
        sign_in(&provider, &bridge, "ann")
            .await
            .unwrap()
            .identity
            .groups,
        groups(&["viewers"])
    );
    provider.person("ann").without("groups");
    assert_eq!(
        sign_in(&provider, &bridge, "ann")
            .await
            .unwrap()
            .identity
            .groups,
        groups(&[])
    );
}

#[tokio::test]
async fn names_that_only_userinfo_tells_are_read_there() {
    let (provider, bridge) = ann_and_bridge();
    provider
        .person("ann")
        .without("name")
        .userinfo_claim("name", "Ann Example")
        .userinfo_claim("groups", json!(["others"]));
    let identity = sign_in(&provider, &bridge, "ann").await.unwrap().identity;
    assert_eq!(identity.name.as_deref(), Some("Ann Example"));
    assert_eq!(identity.groups, groups(&["viewers"]));
    assert_eq!(provider.hits(Endpoint::Userinfo), 1);
}

#[tokio::test]
async fn a_userinfo_endpoint_that_fails_costs_the_names_alone() {
    for answer in [
        Answer::status(500),
        Answer::status(401),
        Answer::html(200),
        Answer::redirect("http://127.0.0.1:1/"),
    ] {
        let (provider, bridge) = ann_and_bridge();
        provider.person("ann").without("name");
        provider.always(Endpoint::Userinfo, answer);
        let identity = sign_in(&provider, &bridge, "ann").await.unwrap().identity;
        assert_eq!(identity.name, None);
        assert_eq!(identity.username.as_deref(), Some("ann"));
        assert_eq!(identity.groups, groups(&["viewers"]));
    }
}

#[tokio::test]
async fn cb_14_userinfo_about_another_user_fails_the_sign_in_for_names_too() {
    let (provider, bridge) = ann_and_bridge();
    provider.person("ann").without("name");
    provider.next_userinfo(|claims| claims.set("sub", "eve"));
    let refused = sign_in(&provider, &bridge, "ann").await.unwrap_err();
    assert_eq!(refused, OidcError::Refused(InvalidAnswer::UserinfoSubject));
}

#[tokio::test]
async fn id_13_a_claim_whose_name_holds_dots_is_found() {
    for (path, name, value) in [
        (
            "https://ex.org/groups",
            "https://ex.org/groups",
            json!(["viewers"]),
        ),
        (
            "resource_access.my.app.roles",
            "resource_access",
            json!({"my.app": {"roles": ["viewers"]}}),
        ),
    ] {
        let provider = Provider::start();
        provider.person("ann").claim(name, value);
        let bridge = bridge_at(provider.issuer(), PACE, |settings| {
            settings.groups_claim = ClaimPath::parse(path).unwrap();
        });
        let identity = sign_in(&provider, &bridge, "ann").await.unwrap().identity;
        assert_eq!(identity.groups, groups(&["viewers"]), "{path}");
    }
}

/// Userinfo as a token of the provider, with these claims.
fn signed(key: &Key, claims: &Value) -> Answer {
    let part = |json: &Value| URL_SAFE_NO_PAD.encode(json.to_string());
    let input = format!("{}.{}", part(&key.header()), part(claims));
    let token = format!("{input}.{}", URL_SAFE_NO_PAD.encode(key.sign(&input)));
    Answer::text(200, &token).header("content-type", "application/jwt; charset=utf-8")
}

#[tokio::test]
async fn signed_userinfo_is_verified_with_the_providers_keys() {
    let key = Key::es256("es-1", 7);
    let other = Key::es256("es-1", 8);
    let good = json!({"sub": "ann", "groups": ["viewers"]});
    let with = |name: &str, value: Value| {
        let mut claims = good.clone();
        claims[name] = value;
        claims
    };
    let outcome = async |answer: Answer| {
        let provider = ann_at_userinfo();
        provider.use_key(&key);
        provider.always(Endpoint::Userinfo, answer);
        outcome(&provider).await
    };
    let issuer = Provider::start().issuer().to_owned();
    assert_eq!(outcome(signed(&key, &good)).await, Ok(groups(&["viewers"])));
    let ours = with("aud", json!([crate::provider::CLIENT_ID]));
    assert_eq!(outcome(signed(&key, &ours)).await, Ok(groups(&["viewers"])));
    for (answer, refusal) in [
        (
            signed(&other, &good),
            InvalidAnswer::UserinfoToken(TokenFlaw::Signature),
        ),
        (
            signed(&key, &with("aud", json!("another"))),
            InvalidAnswer::UserinfoToken(TokenFlaw::Audience),
        ),
        (
            signed(&key, &with("iss", json!(issuer))),
            InvalidAnswer::UserinfoToken(TokenFlaw::Issuer),
        ),
        (
            signed(&key, &with("sub", json!("eve"))),
            InvalidAnswer::UserinfoSubject,
        ),
        (
            Answer::text(200, "a.b.c.d.e").header("content-type", "application/jwt"),
            InvalidAnswer::UserinfoToken(TokenFlaw::NotThreeParts),
        ),
    ] {
        assert_eq!(outcome(answer).await, Err(OidcError::Refused(refusal)));
    }
}
