//! The way to the provider and back (LR-1 to LR-3, CB-5, CB-10).

use std::collections::HashSet;

use red5_bridge::oidc::SignInPrompt;
use red5_bridge::oidc::{Denial, InvalidAnswer, OidcError};
use secrecy::ExposeSecret;

use super::{REDIRECT_URI, ann_and_bridge, answer, come_back, denied, query, sign_in};
use crate::provider::{CLIENT_ID, Endpoint};

#[tokio::test]
async fn ann_signs_in_and_is_who_the_provider_says() {
    let (provider, bridge) = ann_and_bridge();
    provider
        .person("ann")
        .claim("name", "Ann Example")
        .claim("sid", "session-7");
    let signed_in = sign_in(&provider, &bridge, "ann").await.unwrap();
    assert_eq!(signed_in.identity.issuer, provider.issuer());
    assert_eq!(signed_in.identity.subject, "ann");
    assert_eq!(signed_in.identity.username.as_deref(), Some("ann"));
    assert_eq!(signed_in.identity.name.as_deref(), Some("Ann Example"));
    assert_eq!(
        signed_in.identity.groups.listed().collect::<Vec<_>>(),
        ["viewers"]
    );
    assert_eq!(signed_in.sid.as_deref(), Some("session-7"));
    assert_eq!(signed_in.id_token.expose_secret().split('.').count(), 3);
    assert!(signed_in.refresh_token.is_none());
}

#[tokio::test]
async fn a_refresh_token_is_kept_when_there_is_one() {
    let (provider, bridge) = ann_and_bridge();
    provider.next_token_answer(|answer| answer.set("refresh_token", "r-1"));
    let signed_in = sign_in(&provider, &bridge, "ann").await.unwrap();
    assert_eq!(signed_in.refresh_token.unwrap().expose_secret(), "r-1");
}

#[tokio::test]
async fn lr_1_the_authorization_request_has_exactly_its_eight_parameters() {
    let (provider, bridge) = ann_and_bridge();
    let (url, attempt) = bridge.begin("", &SignInPrompt::default()).await.unwrap();
    let mut names: Vec<String> = url
        .query_pairs()
        .map(|(name, _)| name.into_owned())
        .collect();
    names.sort();
    assert_eq!(
        names.join(" "),
        "client_id code_challenge code_challenge_method nonce redirect_uri response_type scope state"
    );
    assert!(
        url.as_str()
            .starts_with(&format!("{}/authorize?", provider.issuer()))
    );
    assert_eq!(query(&url, "response_type").unwrap(), "code");
    assert_eq!(query(&url, "client_id").unwrap(), CLIENT_ID);
    assert_eq!(query(&url, "redirect_uri").unwrap(), REDIRECT_URI);
    assert_eq!(query(&url, "scope").unwrap(), "openid profile");
    assert_eq!(query(&url, "code_challenge_method").unwrap(), "S256");
    assert_eq!(query(&url, "state").unwrap(), attempt.state);
    assert_eq!(
        query(&url, "nonce").unwrap(),
        attempt.secrets.nonce.expose_secret()
    );
    assert!(
        !url.as_str()
            .contains(attempt.secrets.verifier.expose_secret())
    );
}

#[tokio::test]
async fn lr_1_a_query_of_the_endpoint_itself_is_kept() {
    let (provider, bridge) = ann_and_bridge();
    let endpoint = format!("{}/authorize?tenant=x%20y", provider.issuer());
    provider.discovery(|document| document.set("authorization_endpoint", endpoint));
    let (url, _) = bridge.begin("", &SignInPrompt::default()).await.unwrap();
    assert_eq!(query(&url, "tenant").unwrap(), "x y");
    assert_eq!(query(&url, "response_type").unwrap(), "code");
}

#[tokio::test]
async fn lr_2_and_lr_3_nothing_of_an_attempt_is_ever_used_again() {
    let (_provider, bridge) = ann_and_bridge();
    let mut seen = HashSet::new();
    for _ in 0..100 {
        let (url, attempt) = bridge.begin("", &SignInPrompt::default()).await.unwrap();
        let verifier = attempt.secrets.verifier.expose_secret();
        assert_eq!(verifier.len(), 43);
        for value in [
            attempt.state.as_str(),
            attempt.secrets.nonce.expose_secret(),
            verifier,
            &query(&url, "code_challenge").unwrap(),
        ] {
            assert!(seen.insert(value.to_owned()));
        }
    }
}

#[tokio::test]
async fn an_attempt_never_shows_its_secrets() {
    let (_provider, bridge) = ann_and_bridge();
    let (_, attempt) = bridge.begin("", &SignInPrompt::default()).await.unwrap();
    let shown = format!("{attempt:?}");
    assert!(!shown.contains(attempt.secrets.nonce.expose_secret()));
    assert!(!shown.contains(attempt.secrets.verifier.expose_secret()));
}

#[tokio::test]
async fn a_first_sign_in_asks_for_document_and_keys_and_the_next_does_not() {
    let (provider, bridge) = ann_and_bridge();
    sign_in(&provider, &bridge, "ann").await.unwrap();
    sign_in(&provider, &bridge, "ann").await.unwrap();
    let paths: Vec<String> = provider
        .requests()
        .into_iter()
        .map(|one| one.path)
        .collect();
    assert_eq!(
        paths.join(" "),
        "/.well-known/openid-configuration /jwks /authorize /token /authorize /token"
    );
}

#[tokio::test]
async fn cb_2_a_code_serves_once() {
    let (provider, bridge) = ann_and_bridge();
    let (back, attempt) = come_back(&provider, &bridge, "ann").await.unwrap();
    bridge
        .finish(&attempt.secrets, &answer(&back))
        .await
        .unwrap();
    let again = bridge
        .finish(&attempt.secrets, &answer(&back))
        .await
        .unwrap_err();
    assert_eq!(again, denied(Denial::InvalidGrant, "invalid_grant"));
}

#[tokio::test]
async fn cb_4_a_code_of_another_attempt_is_refused() {
    let (provider, bridge) = ann_and_bridge();
    let (_, first) = come_back(&provider, &bridge, "ann").await.unwrap();
    let (back, _second) = come_back(&provider, &bridge, "ann").await.unwrap();
    let refused = bridge
        .finish(&first.secrets, &answer(&back))
        .await
        .unwrap_err();
    assert_eq!(refused, denied(Denial::InvalidGrant, "invalid_grant"));
}

#[tokio::test]
async fn cb_5_another_issuer_in_the_callback_stops_before_the_token_endpoint() {
    let (provider, bridge) = ann_and_bridge();
    let (back, attempt) = come_back(&provider, &bridge, "ann").await.unwrap();
    let refused = OidcError::Refused(InvalidAnswer::IssuerParameter);
    let slash = format!("{}/", provider.issuer());
    for iss in [
        Some("https://evil.example"),
        Some(""),
        Some(slash.as_str()),
        None,
    ] {
        let mut answer = answer(&back);
        answer.iss = iss.map(str::to_owned);
        assert_eq!(
            bridge.finish(&attempt.secrets, &answer).await.unwrap_err(),
            refused,
            "{iss:?}"
        );
        assert_eq!(
            bridge.check_issuer_parameter(iss).await,
            Err(refused.clone()),
            "{iss:?}"
        );
    }
    assert_eq!(provider.hits(Endpoint::Token), 0);
    assert!(
        bridge
            .finish(&attempt.secrets, &answer(&back))
            .await
            .is_ok()
    );
}

#[tokio::test]
async fn cb_5_an_error_answer_has_its_issuer_checked_too() {
    let (provider, bridge) = ann_and_bridge();
    let (url, _) = bridge.begin("", &SignInPrompt::default()).await.unwrap();
    let back = provider.deny(&url, "access_denied").await;
    assert_eq!(query(&back, "error").unwrap(), "access_denied");
    let iss = query(&back, "iss");
    assert_eq!(bridge.check_issuer_parameter(iss.as_deref()).await, Ok(()));
    assert!(bridge.check_issuer_parameter(None).await.is_err());
}

#[tokio::test]
async fn cb_5_a_provider_that_announces_no_issuer_parameter_may_leave_it_out() {
    let (provider, bridge) = ann_and_bridge();
    provider
        .discovery(|document| document.without("authorization_response_iss_parameter_supported"));
    assert!(sign_in(&provider, &bridge, "ann").await.is_ok());
    let evil = bridge
        .check_issuer_parameter(Some("https://evil.example"))
        .await;
    assert_eq!(
        evil,
        Err(OidcError::Refused(InvalidAnswer::IssuerParameter))
    );
}

#[tokio::test]
async fn cb_10_the_token_request_carries_the_attempt_and_no_secret_in_its_address() {
    let (provider, bridge) = ann_and_bridge();
    let (back, attempt) = come_back(&provider, &bridge, "ann").await.unwrap();
    bridge
        .finish(&attempt.secrets, &answer(&back))
        .await
        .unwrap();
    let request = provider.last(Endpoint::Token);
    assert_eq!(request.method, "POST");
    assert_eq!(request.raw_query, "");
    assert_eq!(
        request.header("content-type"),
        "application/x-www-form-urlencoded"
    );
    assert_eq!(request.form["grant_type"], "authorization_code");
    assert_eq!(request.form["code"], query(&back, "code").unwrap());
    assert_eq!(request.form["redirect_uri"], REDIRECT_URI);
    assert_eq!(
        request.form["code_verifier"],
        attempt.secrets.verifier.expose_secret()
    );
    assert_eq!(request.form.len(), 4);
}

#[tokio::test]
async fn lo_2_the_end_of_the_session_names_token_client_place_and_state() {
    let (provider, bridge) = ann_and_bridge();
    assert_eq!(
        bridge.end_session_url(Some("x.y.z"), "s-1"),
        None,
        "nothing is known yet"
    );
    bridge.begin("", &SignInPrompt::default()).await.unwrap();
    let url = bridge.end_session_url(Some("x.y.z"), "s-1").unwrap();
    assert!(
        url.as_str()
            .starts_with(&format!("{}/end-session?", provider.issuer()))
    );
    assert_eq!(query(&url, "id_token_hint").unwrap(), "x.y.z");
    assert_eq!(query(&url, "client_id").unwrap(), CLIENT_ID);
    let back = query(&url, "post_logout_redirect_uri").unwrap();
    assert_eq!(back, "http://127.0.0.1:8080/auth/signed-out");
    assert_eq!(query(&url, "state").unwrap(), "s-1");
}

#[tokio::test]
async fn lo_4_a_provider_without_an_end_of_session_has_no_such_address() {
    let (provider, bridge) = ann_and_bridge();
    provider.discovery(|document| document.without("end_session_endpoint"));
    bridge.begin("", &SignInPrompt::default()).await.unwrap();
    assert_eq!(bridge.end_session_url(Some("x.y.z"), "s-1"), None);
}
