//! What must never be logged (LG-1).

use std::fmt::Write as _;
use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use secrecy::ExposeSecret;
use serde_json::json;
use tracing::subscriber::DefaultGuard;
use tracing_subscriber::fmt::MakeWriter;

use super::{
    ClaimPath, PACE, Pace, ann_and_bridge, answer, bridge, bridge_at, come_back, query, sign_in,
    tls,
};
use crate::provider::{Answer, CLIENT_ID, CLIENT_SECRET, Endpoint, Provider};

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

/// What this thread logs while the guards live. The second dispatcher is there so
/// that there is more than one: with a single one, tracing takes another thread's
/// lack of it for everybody's, and lines go missing.
fn capture() -> (Lines, (tracing::Dispatch, DefaultGuard)) {
    let lines = Lines::default();
    let second = tracing::Dispatch::new(tracing_subscriber::registry());
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(lines.clone())
        .with_ansi(false)
        .finish();
    (
        lines,
        (second, tracing::subscriber::set_default(subscriber)),
    )
}

#[tokio::test]
async fn a_sign_in_that_goes_well_warns_of_nothing() {
    let (lines, _capturing) = capture();
    let (provider, bridge) = ann_and_bridge();
    sign_in(&provider, &bridge, "ann").await.unwrap();
    let said = text(&lines);
    assert!(
        said.contains("the provider's documents have been read"),
        "{said}"
    );
    assert!(!said.contains("WARN"), "{said}");
}

#[tokio::test]
async fn the_log_says_why_tls_fails_and_where_a_redirect_leads_without_its_query() {
    let (lines, _capturing) = capture();
    let expired = tls::showing("expired");
    let trusting = tls::trusting(expired.issuer(), PACE);
    assert!(
        trusting
            .begin("", &red5_bridge::oidc::SignInPrompt::default())
            .await
            .is_err()
    );
    let host = tls::host(&expired);
    let event = format!(
        "the provider cannot be used: TLS to {host} fails: its certificate has expired \
         event=\"provider_failing\" reason=\"provider_tls\""
    );
    assert!(text(&lines).contains(&event), "{}", text(&lines));

    let provider = Provider::start();
    let address = "https://canary-user:canary-password@moved.example/a;canary?code=canary#canary";
    provider.always(Endpoint::Discovery, Answer::redirect(address));
    assert!(
        bridge(&provider)
            .begin("", &red5_bridge::oidc::SignInPrompt::default())
            .await
            .is_err()
    );
    let said = text(&lines);
    let event = "a redirect (HTTP status 302) to https://moved.example/a, which is not followed \
                 event=\"provider_failing\" reason=\"provider_redirect\"";
    assert!(said.contains(event), "{said}");
    assert!(!said.contains("canary"), "{said}");
}

#[tokio::test]
async fn lg_1_neither_log_nor_error_repeats_what_the_provider_said_or_was_sent() {
    let (lines, _capturing) = capture();

    let provider = Provider::start();
    let person = provider.person("canary-subject");
    person
        .claim("groups", json!([7, "canary-group\u{0}"]))
        .claim("name", "canary-name");
    let bridge = bridge(&provider);
    let canary = json!({"error": "canary-error", "access_token": "canary-access", "sub": "x"});
    let mut said = String::new();
    for (endpoint, misbehaviour) in [
        (Endpoint::Discovery, Answer::json(500, &canary)),
        (Endpoint::Jwks, Answer::json(200, &canary)),
        (Endpoint::Token, Answer::json(400, &canary)),
        (Endpoint::Token, Answer::json(200, &json!("canary-body"))),
        (Endpoint::Userinfo, Answer::json(200, &canary)),
        (Endpoint::EndSession, Answer::status(200)),
    ] {
        provider
            .person("canary-subject")
            .claim("groups", json!([7, "canary-group\u{0}"]));
        if endpoint == Endpoint::Userinfo {
            provider.person("canary-subject").without("groups");
        }
        provider.always(endpoint, misbehaviour);
        match come_back(&provider, &bridge, "canary-subject").await {
            Err(error) => writeln!(said, "{error} {error:?}").unwrap(),
            Ok((back, attempt)) => {
                let outcome = bridge.finish(&attempt.secrets, &answer(&back)).await;
                for secret in [
                    attempt.secrets.nonce.expose_secret(),
                    attempt.secrets.verifier.expose_secret(),
                    &attempt.state,
                    &query(&back, "code").unwrap(),
                ] {
                    assert!(!text(&lines).contains(secret));
                }
                if let Err(error) = outcome {
                    writeln!(said, "{error} {error:?}").unwrap();
                }
            }
        }
        provider.behave(endpoint);
        // The documents may be asked for again.
        tokio::time::sleep(PACE.failure_kept).await;
    }
    said.push_str(&text(&lines));
    for warning in [
        "elements that are no strings event=\"groups_ignored\" ignored=1",
        "or hold NUL are ignored event=\"groups_ignored\" ignored=1",
    ] {
        assert!(said.contains(warning), "{warning} not in: {said}");
    }
    for secret in ["canary", CLIENT_SECRET, "access-"] {
        assert!(!said.contains(secret), "{secret} in: {said}");
    }
}

#[tokio::test]
async fn lg_2_that_a_provider_fails_is_told_once_and_so_is_that_it_works() {
    let (lines, _capturing) = capture();
    let provider = Provider::start();
    let pace = Pace {
        rediscover_interval: PACE.retry_interval,
        ..PACE
    };
    let bridge = bridge_at(provider.issuer(), pace, |_| {});
    // `event` as often as the log has it by now, after a few more readings.
    let told = async |event: &str| {
        let before = provider.hits(Endpoint::Discovery);
        while provider.hits(Endpoint::Discovery) < before + 4 {
            let some = tokio::time::timeout(4 * PACE.retry_interval, bridge.watch());
            assert!(some.await.is_err(), "it never ends");
        }
        text(&lines).matches(event).count()
    };
    provider.always(Endpoint::Discovery, Answer::status(500));
    assert_eq!(told("provider_failing").await, 1);
    provider.always(Endpoint::Discovery, Answer::json(200, &json!([])));
    assert_eq!(told("provider_failing").await, 2);
    provider.behave(Endpoint::Discovery);
    assert_eq!(told("provider_ready").await, 1);
    assert_eq!(told("provider_ready").await, 1);
    assert_eq!(text(&lines).matches("provider_failing").count(), 2);
}

#[test]
fn sc_2_debug_of_a_provider_tells_its_state_and_no_secret() {
    let (provider, bridge) = super::ann_and_bridge();
    let shown = format!("{bridge:?}");
    let told = [provider.issuer(), CLIENT_ID, "Unknown"];
    assert!(told.iter().all(|word| shown.contains(word)), "{shown}");
    assert!(!shown.contains(CLIENT_SECRET), "{shown}");
}

fn text(lines: &Lines) -> String {
    String::from_utf8(lines.0.lock().unwrap().clone()).unwrap()
}

#[tokio::test]
async fn where_a_claim_was_found_or_that_it_was_not_is_told_once() {
    let (lines, _capturing) = capture();
    let provider = Provider::start();
    provider
        .person("ann")
        .claim("resource_access", json!({"my.app": {"roles": ["viewers"]}}))
        .without("name");
    let bridge = bridge_at(provider.issuer(), PACE, |settings| {
        settings.groups_claim = ClaimPath::parse("resource_access.my.app.roles").unwrap();
    });
    for _ in 0..3 {
        sign_in(&provider, &bridge, "ann").await.unwrap();
    }
    let said = text(&lines);
    for told in [
        r#"event="claim_found" variable="OIDC_GROUPS_CLAIM" claim="/resource_access/my.app/roles""#,
        r#"event="claim_missing" variable="OIDC_NAME_CLAIM""#,
    ] {
        assert_eq!(said.matches(told).count(), 1, "{told} in: {said}");
    }
}

#[tokio::test]
async fn an_audience_that_is_not_trusted_is_named_with_the_setting() {
    let (lines, _capturing) = capture();
    let (provider, bridge) = ann_and_bridge();
    provider.next_id_token(|token| {
        token
            .claim("aud", json!([CLIENT_ID, "project-7"]))
            .claim("azp", CLIENT_ID)
    });
    sign_in(&provider, &bridge, "ann").await.unwrap_err();
    let said = text(&lines);
    assert!(
        said.contains("OIDC_TRUSTED_AUDIENCES") && said.contains("project-7"),
        "{said}"
    );
}

#[tokio::test]
async fn an_optional_endpoint_without_an_address_is_logged_and_refuses_no_sign_in() {
    let (lines, _capturing) = capture();
    let (provider, bridge) = ann_and_bridge();
    provider.discovery(|document| document.set("end_session_endpoint", ""));
    sign_in(&provider, &bridge, "ann").await.unwrap();
    assert!(!bridge.ends_sessions());
    assert!(text(&lines).contains(r#"members="end_session_endpoint""#));
}

#[tokio::test]
async fn groups_in_another_form_and_exactly_a_hundred_are_told_with_what_helps() {
    let (lines, _capturing) = capture();
    let provider = Provider::start();
    provider.person("ann").claim("groups", json!({"a": {}}));
    let hundred: Vec<_> = (0..100).map(|n| format!("g{n}")).collect();
    provider.person("bob").claim("groups", json!(hundred));
    let bridge = bridge(&provider);
    for person in ["ann", "bob"] {
        sign_in(&provider, &bridge, person).await.unwrap();
    }
    let said = text(&lines);
    assert!(said.contains(r#"seen="object""#), "{said}");
    assert!(
        said.contains(r#"event="groups_may_be_cut" groups=100"#),
        "{said}"
    );
}
