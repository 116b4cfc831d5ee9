//! Answers of the token endpoint that must start no session (CB-11). Every ID token that is wrong is in
//! `hostile_provider`.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use red5_bridge::clock::{Clock, SystemClock};
use red5_bridge::oidc::TokenFlaw;
use red5_bridge::oidc::{Denial, InvalidAnswer, OidcError, Outage, TokenError};
use serde_json::json;

use super::{ann_and_bridge, bridge, denied, flaw, sign_in};
use crate::eventually::in_time;
use crate::provider::{Answer, CLIENT_ID, Endpoint, Fields, Provider};

/// The outcome of a sign-in whose token endpoint answers this.
async fn token_endpoint_says(answer: Answer) -> OidcError {
    let (provider, bridge) = ann_and_bridge();
    provider.always(Endpoint::Token, answer);
    let outcome = sign_in(&provider, &bridge, "ann").await.unwrap_err();
    assert_eq!(provider.hits(Endpoint::Elsewhere), 0);
    assert_eq!(provider.hits(Endpoint::Token), 1);
    outcome
}

async fn token_answer(bend: impl FnOnce(Fields) -> Fields + Send + 'static) -> OidcError {
    let (provider, bridge) = ann_and_bridge();
    provider.next_token_answer(bend);
    sign_in(&provider, &bridge, "ann").await.unwrap_err()
}

#[tokio::test]
async fn cb_11_failures_of_the_token_endpoint_are_told_apart() {
    use OidcError::Unavailable;
    let busy = |code| {
        let numbers = Vec::new();
        Unavailable(Outage::Busy(TokenError { code, numbers }))
    };
    let error = |error: &str| json!({"error": error, "error_description": "<script>"});
    for (answer, outcome) in [
        (
            Answer::json(400, &error("invalid_grant")),
            denied(Denial::InvalidGrant, "invalid_grant"),
        ),
        (
            Answer::json(401, &error("invalid_client")),
            denied(Denial::InvalidClient, "invalid_client"),
        ),
        (
            Answer::json(403, &error("unauthorized_client")),
            denied(Denial::InvalidClient, "unauthorized_client"),
        ),
        (
            Answer::json(400, &error("made_up")),
            denied(Denial::Other, "other"),
        ),
        (
            Answer::json(200, &error("invalid_grant")),
            denied(Denial::InvalidGrant, "invalid_grant"),
        ),
        (
            Answer::json(400, &json!({})),
            Unavailable(Outage::Status(400)),
        ),
        (
            Answer::json(503, &error("temporarily_unavailable")),
            busy("temporarily_unavailable"),
        ),
        (
            Answer::json(400, &error("server_error")),
            busy("server_error"),
        ),
        // Dex, when a removed user's code or refresh token is spent.
        (
            Answer::json(500, &error("invalid_request")),
            denied(Denial::Other, "invalid_request"),
        ),
        (
            Answer::json(429, &error("invalid_request")),
            Unavailable(Outage::Status(429)),
        ),
        (Answer::status(500), Unavailable(Outage::Status(500))),
        (Answer::status(204), Unavailable(Outage::Status(204))),
        (Answer::html(200), Unavailable(Outage::Unreadable)),
        (Answer::html(400), Unavailable(Outage::Status(400))),
        (Answer::html(502), Unavailable(Outage::Status(502))),
        (
            Answer::json(200, &json!([])),
            Unavailable(Outage::Unreadable),
        ),
        (Answer::huge(50_000_000), Unavailable(Outage::TooLarge)),
    ] {
        let said = format!("{answer:?}");
        assert_eq!(token_endpoint_says(answer).await, outcome, "{said}");
    }
}

#[tokio::test]
async fn cb_11_of_an_error_only_the_word_of_the_standard_and_microsofts_numbers_are_told() {
    for (code, numbers, told) in [
        (
            "invalid_client",
            json!([7_000_215]),
            "invalid_client, error_codes 7000215",
        ),
        (
            "invalid_scope",
            json!([70011, 1]),
            "invalid_scope, error_codes 70011 1",
        ),
        (
            "server_error",
            json!([90033]),
            "server_error, error_codes 90033",
        ),
        ("canary_error", json!([50076]), "other, error_codes 50076"),
        ("Invalid_grant", json!(null), "other"),
        ("invalid_grant", json!("canary"), "invalid_grant"),
        (
            "invalid_grant",
            json!(["canary", -1, 1.5, 1_u64 << 32, {"canary": 1}, 1, 2, 3, 4, 5]),
            "invalid_grant, error_codes 1 2 3 4",
        ),
    ] {
        let body = json!({
            "error": code,
            "error_description": "AADSTS: canary@example.com",
            "error_codes": numbers,
            "trace_id": "canary",
            "error_uri": "https://canary.example/",
        });
        let error = token_endpoint_says(Answer::json(400, &body)).await;
        let said = format!("{error} {error:?}");
        assert!(!said.contains("canary"), "{said}");
        assert!(error.to_string().contains(told), "{error}");
    }
}

#[tokio::test]
async fn cb_11_a_redirect_of_the_token_endpoint_is_not_followed() {
    let (provider, bridge) = ann_and_bridge();
    let elsewhere = format!("{}/elsewhere", provider.issuer());
    let with_query = format!("{elsewhere}?code=x");
    provider.always(Endpoint::Token, Answer::redirect(&with_query));
    let outcome = sign_in(&provider, &bridge, "ann").await.unwrap_err();
    let redirect = Outage::Redirect {
        status: 302,
        to: provider.issuer().to_owned(),
    };
    assert_eq!(outcome, OidcError::Unavailable(redirect));
    assert_eq!(provider.hits(Endpoint::Elsewhere), 0);
}

#[tokio::test]
async fn cb_11_a_slow_or_dripping_token_endpoint_is_given_up_in_time() {
    let (held, _never_released) = Answer::held();
    for answer in [held, Answer::drip(Duration::from_millis(50))] {
        let outcome = Box::pin(in_time("it is given up", token_endpoint_says(answer))).await;
        assert_eq!(outcome, OidcError::Unavailable(Outage::TimedOut));
    }
}

#[tokio::test]
async fn cb_11_a_token_response_without_an_id_token_is_refused() {
    let refused = OidcError::Refused(InvalidAnswer::NoIdToken);
    assert_eq!(
        token_answer(|answer| answer.without("id_token")).await,
        refused
    );
    assert_eq!(
        token_answer(|answer| answer.set("id_token", json!(null))).await,
        refused
    );
    let unreadable = OidcError::Unavailable(Outage::Unreadable);
    assert_eq!(
        token_answer(|answer| answer.set("id_token", 7)).await,
        unreadable
    );
}

#[tokio::test]
async fn cb_11_a_failure_can_be_tried_again() {
    let (provider, bridge) = ann_and_bridge();
    provider.once(Endpoint::Token, Answer::status(500));
    assert!(sign_in(&provider, &bridge, "ann").await.is_err());
    assert!(sign_in(&provider, &bridge, "ann").await.is_ok());
}

/// A clock that is wrong by so many seconds.
struct Wrong(i64);

impl Clock for Wrong {
    fn now(&self) -> DateTime<Utc> {
        SystemClock.now() + TimeDelta::seconds(self.0)
    }
}

#[tokio::test]
async fn id_6_clocks_may_differ_a_little() {
    for (seconds, outcome) in [
        (40, Ok(())),
        (120, Err(flaw(TokenFlaw::IssuedAt))),
        (-590, Err(flaw(TokenFlaw::Expired))),
        (-310, Ok(())),
    ] {
        let provider = Provider::start_with(Arc::new(Wrong(seconds)));
        provider.person("ann").groups(["viewers"]);
        let signed_in = sign_in(&provider, &bridge(&provider), "ann").await;
        assert_eq!(signed_in.map(|_| ()), outcome, "{seconds}");
    }
}

#[tokio::test]
async fn id_7_a_token_of_an_earlier_sign_in_is_refused() {
    let (provider, bridge) = ann_and_bridge();
    let earlier = sign_in(&provider, &bridge, "ann").await.unwrap().id_token;
    provider.next_id_token(move |token| token.raw(secrecy::ExposeSecret::expose_secret(&earlier)));
    let refused = sign_in(&provider, &bridge, "ann").await.unwrap_err();
    assert_eq!(refused, flaw(TokenFlaw::Nonce));
}

#[tokio::test]
async fn id_8_one_address_and_two_subjects_are_two_people() {
    let (provider, bridge) = ann_and_bridge();
    for name in ["ann", "eve"] {
        let person = provider.person(name);
        person
            .groups([name])
            .claim("email", "ann@example.com")
            .claim("preferred_username", "ann");
    }
    let ann = sign_in(&provider, &bridge, "ann").await.unwrap().identity;
    let eve = sign_in(&provider, &bridge, "eve").await.unwrap().identity;
    assert_eq!((ann.subject.as_str(), eve.subject.as_str()), ("ann", "eve"));
    assert_ne!(ann.groups, eve.groups);
}

#[tokio::test]
async fn id_9_another_access_token_than_the_id_tokens_is_refused() {
    let refused = token_answer(|answer| answer.set("access_token", "access-of-eve")).await;
    assert_eq!(refused, flaw(TokenFlaw::AccessTokenHash));
}

#[tokio::test]
async fn what_providers_add_to_their_tokens_does_no_harm() {
    let (provider, bridge) = ann_and_bridge();
    provider.every_id_token(|token| {
        token
            .claim("azp", CLIENT_ID)
            .claim("aud", json!([CLIENT_ID]))
            .claim("auth_time", 1_795_521_590.25)
            .claim("updated_at", "2026-11-24T11:59:00.000Z")
            .claim("email_verified", "true")
    });
    assert!(sign_in(&provider, &bridge, "ann").await.is_ok());
    provider.next_id_token(|token| token.claim("azp", "evil"));
    assert!(sign_in(&provider, &bridge, "ann").await.is_err());
}
