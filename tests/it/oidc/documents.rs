//! Discovery document and keys (JW-1 to JW-9).

use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use red5_bridge::clock::{Clock as _, SystemClock};
use red5_bridge::oidc::SignInPrompt;
use red5_bridge::oidc::TokenFlaw;
use red5_bridge::oidc::logout_token::{Arrival, LogoutFlaw, NoLogout};
use red5_bridge::oidc::{OidcError, Outage, Pace, ProviderStatus};
use serde_json::json;

use super::{PACE, ann_and_bridge, bridge, bridge_at, flaw, sign_in};
use crate::eventually::{eventually, in_time};
use crate::provider::{Answer, Endpoint, Key, Place, Provider};

fn unavailable(outage: Outage) -> OidcError {
    OidcError::Unavailable(outage)
}

async fn begin_fails(bridge: &red5_bridge::oidc::Provider) -> OidcError {
    bridge
        .begin("", &SignInPrompt::default())
        .await
        .map(|_| ())
        .unwrap_err()
}

#[tokio::test]
async fn jw_1_a_document_of_another_issuer_begins_no_sign_in() {
    let (provider, bridge) = ann_and_bridge();
    provider.discovery(|document| document.set("issuer", "https://evil.example"));
    assert_eq!(begin_fails(&bridge).await, unavailable(Outage::OtherIssuer));
    let ProviderStatus::Failing { reason } = bridge.status() else {
        panic!("not failing: {:?}", bridge.status());
    };
    assert!(reason.contains("OIDC_ISSUER_URL"), "{reason}");
    assert_eq!(provider.hits(Endpoint::Jwks), 0);
}

#[tokio::test]
async fn jw_1_a_slash_at_the_end_makes_another_issuer() {
    let (provider, _) = ann_and_bridge();
    let bridge = bridge_at(&format!("{}/", provider.issuer()), PACE, |_| {});
    assert_eq!(begin_fails(&bridge).await, unavailable(Outage::OtherIssuer));
}

#[tokio::test]
async fn jw_2_a_document_that_names_a_plain_http_address_elsewhere_is_refused() {
    let (provider, bridge) = ann_and_bridge();
    provider.discovery(|document| document.set("token_endpoint", "http://192.0.2.1/token"));
    assert_eq!(
        begin_fails(&bridge).await,
        unavailable(Outage::Endpoint("token_endpoint"))
    );
}

#[tokio::test]
async fn jw_3_redirects_are_not_followed() {
    for endpoint in [Endpoint::Discovery, Endpoint::Jwks] {
        for status in [301, 302, 303, 307, 308] {
            let (provider, bridge) = ann_and_bridge();
            let elsewhere = format!("{}/elsewhere", provider.issuer());
            let redirect = Answer::status(status).header("location", &elsewhere);
            provider.always(endpoint, redirect);
            let to = elsewhere.clone();
            assert_eq!(
                begin_fails(&bridge).await,
                unavailable(Outage::Redirect { status, to })
            );
            assert_eq!(
                provider.hits(Endpoint::Elsewhere),
                0,
                "{endpoint:?} {status}"
            );
        }
    }
}

#[tokio::test]
async fn jw_3_a_gigabyte_is_not_read() {
    for endpoint in [Endpoint::Discovery, Endpoint::Jwks] {
        let (provider, bridge) = ann_and_bridge();
        provider.always(endpoint, Answer::huge(1 << 30));
        assert_eq!(
            begin_fails(&bridge).await,
            unavailable(Outage::TooLarge),
            "{endpoint:?}"
        );
    }
}

#[tokio::test]
async fn jw_3_a_mebibyte_is_read_and_not_a_byte_more() {
    for (bytes, outage) in [
        (1 << 20, Outage::Unreadable),
        ((1 << 20) + 1, Outage::TooLarge),
    ] {
        let (provider, bridge) = ann_and_bridge();
        provider.always(Endpoint::Discovery, Answer::huge(bytes));
        assert_eq!(begin_fails(&bridge).await, unavailable(outage), "{bytes}");
    }
}

#[tokio::test]
async fn jw_3_a_provider_that_hangs_or_drips_is_given_up_in_time() {
    let (held, _never_released) = Answer::held();
    for answer in [held, Answer::drip(Duration::from_millis(50))] {
        let (provider, bridge) = ann_and_bridge();
        provider.always(Endpoint::Discovery, answer);
        let outcome = in_time("it is given up", begin_fails(&bridge)).await;
        assert_eq!(outcome, unavailable(Outage::TimedOut));
    }
}

#[tokio::test]
async fn jw_3_the_start_of_a_sign_in_waits_no_longer_than_its_own_limit() {
    let (provider, _) = ann_and_bridge();
    let impatient = Pace {
        begin_timeout: Duration::from_millis(100),
        request_timeout: Duration::from_hours(1),
        ..PACE
    };
    let bridge = bridge_at(provider.issuer(), impatient, |_| {});
    let (held, _never_released) = Answer::held();
    provider.always(Endpoint::Discovery, held);
    let outcome = in_time("it is given up", begin_fails(&bridge)).await;
    assert_eq!(outcome, unavailable(Outage::TimedOut));
}

#[test]
fn jw_3_a_proxy_of_the_environment_is_not_used() {
    let sign_in = "oidc::sign_in::ann_signs_in_and_is_who_the_provider_says";
    let no_proxy_there = "http://127.0.0.1:1";
    let outcome = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", sign_in])
        .envs([
            ("HTTP_PROXY", no_proxy_there),
            ("http_proxy", no_proxy_there),
            ("ALL_PROXY", no_proxy_there),
        ])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&outcome.stdout);
    assert!(
        outcome.status.success() && said.contains("1 passed"),
        "{said}"
    );
}

#[tokio::test]
async fn jw_4_a_new_key_is_read_when_a_token_names_it() {
    let (provider, bridge) = ann_and_bridge();
    sign_in(&provider, &bridge, "ann").await.unwrap();
    provider.use_key(&Key::es256("es-2", 2));
    sign_in(&provider, &bridge, "ann").await.unwrap();
    sign_in(&provider, &bridge, "ann").await.unwrap();
    assert_eq!(provider.hits(Endpoint::Jwks), 2);
    assert_eq!(provider.hits(Endpoint::Discovery), 1);
}

#[tokio::test]
async fn jw_4_a_new_key_under_the_old_name_or_without_a_name_is_read_too() {
    for (before, after) in [
        (Key::es256("same", 2), Key::es256("same", 3)),
        (Key::es256("", 2).nameless(), Key::es256("", 3).nameless()),
    ] {
        let (provider, bridge) = ann_and_bridge();
        provider.use_key(&before);
        sign_in(&provider, &bridge, "ann").await.unwrap();
        provider.use_key(&after);
        sign_in(&provider, &bridge, "ann").await.unwrap();
    }
}

#[tokio::test]
async fn jw_5_tokens_with_invented_keys_cause_one_reading_in_the_interval() {
    let (provider, bridge) = ann_and_bridge();
    for seed in 1..6 {
        let key = Key::es256(&format!("invented-{seed}"), seed);
        provider.next_id_token(move |token| token.signed_by(&key));
        let refused = sign_in(&provider, &bridge, "ann").await.unwrap_err();
        assert_eq!(refused, flaw(TokenFlaw::UnknownKey));
    }
    assert_eq!(provider.hits(Endpoint::Jwks), 2);
}

#[tokio::test]
async fn jw_5_a_thousand_tokens_with_invented_keys_cause_one_reading() {
    let (provider, _) = ann_and_bridge();
    // Ten at a time make a slow machine slower; how long each takes does not matter here.
    let pace = Pace {
        request_timeout: Duration::from_mins(5),
        begin_timeout: Duration::from_mins(5),
        ..PACE
    };
    let bridge = bridge_at(provider.issuer(), pace, |_| {});
    let (provider, bridge) = (Arc::new(provider), Arc::new(bridge));
    sign_in(&provider, &bridge, "ann").await.unwrap();
    provider.every_id_token(|token| {
        let mut kid = [0; 8];
        getrandom::fill(&mut kid).unwrap();
        let key = Key::es256(&format!("{:016x}", u64::from_be_bytes(kid)), 7);
        token.signed_by(&key)
    });
    let crowd: Vec<_> = (0..10)
        .map(|_| {
            let (provider, bridge) = (Arc::clone(&provider), Arc::clone(&bridge));
            tokio::spawn(async move {
                for _ in 0..100 {
                    let refused = sign_in(&provider, &bridge, "ann").await.unwrap_err();
                    assert_eq!(refused, flaw(TokenFlaw::UnknownKey));
                }
            })
        })
        .collect();
    for one in crowd {
        one.await.unwrap();
    }
    // The first is that of the start.
    assert_eq!(provider.hits(Endpoint::Jwks), 2);
}

#[tokio::test]
async fn jw_5_a_token_that_is_wrong_in_itself_causes_no_reading() {
    let (provider, bridge) = ann_and_bridge();
    for claim in ["nonce", "iss", "aud"] {
        provider.next_id_token(move |token| token.claim(claim, "x"));
        sign_in(&provider, &bridge, "ann").await.unwrap_err();
    }
    assert_eq!(provider.hits(Endpoint::Jwks), 1);
}

#[tokio::test]
async fn jw_5_after_the_interval_keys_are_read_again() {
    let (provider, _) = ann_and_bridge();
    let pace = Pace {
        keys_refetch_interval: Duration::ZERO,
        ..PACE
    };
    let bridge = bridge_at(provider.issuer(), pace, |_| {});
    for seed in 2..5 {
        provider.use_key(&Key::es256(&format!("es-{seed}"), seed));
        sign_in(&provider, &bridge, "ann").await.unwrap();
    }
    assert_eq!(provider.hits(Endpoint::Jwks), 3);
}

#[tokio::test]
async fn jw_5_a_reading_that_brought_a_new_key_may_soon_be_followed_by_another() {
    let (provider, _) = ann_and_bridge();
    let pace = Pace {
        keys_refetch_interval: Duration::from_secs(30),
        ..PACE
    };
    let bridge = bridge_at(provider.issuer(), pace, |_| {});
    sign_in(&provider, &bridge, "ann").await.unwrap();
    provider.use_key(&Key::es256("second", 2));
    sign_in(&provider, &bridge, "ann").await.unwrap();
    provider.use_key(&Key::es256("third", 3));
    eventually("the second rotation is seen", async || {
        let outcome = sign_in(&provider, &bridge, "ann").await.map(drop);
        assert!(
            outcome.is_ok() || outcome == Err(flaw(TokenFlaw::UnknownKey)),
            "{outcome:?}"
        );
        outcome.is_ok()
    })
    .await;
    assert_eq!(provider.hits(Endpoint::Jwks), 3);
}

#[tokio::test]
async fn id_15_a_document_in_which_a_member_stands_twice_is_not_read() {
    let (provider, bridge) = ann_and_bridge();
    let keys = r#"{"keys":[{"kty":"RSA","kid":"a","kid":"b"}]}"#;
    provider.always(Endpoint::Jwks, Answer::text(200, keys));
    assert_eq!(begin_fails(&bridge).await, unavailable(Outage::Unreadable));
}

#[tokio::test]
async fn a_set_without_keys_is_told_in_words() {
    let (provider, bridge) = ann_and_bridge();
    provider.publish([]);
    let error = begin_fails(&bridge).await;
    assert_eq!(error, unavailable(Outage::NoKeys));
    assert!(
        error.to_string().contains("publishes no signing key"),
        "{error}"
    );
}

#[tokio::test]
async fn keys_are_asked_for_by_the_name_of_their_type_too() {
    let (provider, bridge) = ann_and_bridge();
    sign_in(&provider, &bridge, "ann").await.unwrap();
    let request = provider.last(Endpoint::Jwks);
    let accept = request.headers.get("accept").unwrap();
    assert!(accept.contains("application/jwk-set+json"));
}

#[tokio::test]
async fn jw_5_a_crowd_at_the_start_reads_the_documents_once() {
    let (provider, bridge) = ann_and_bridge();
    let (answer, held) = Answer::held();
    provider.once(Endpoint::Discovery, answer);
    let bridge = Arc::new(bridge);
    let crowd: Vec<_> = (0..20)
        .map(|_| {
            let bridge = Arc::clone(&bridge);
            tokio::spawn(
                async move { bridge.begin("", &SignInPrompt::default()).await.map(|_| ()) },
            )
        })
        .collect();
    // All of them have begun by then: this runtime takes its tasks in turn.
    eventually("the document is asked for", async || {
        provider.hits(Endpoint::Discovery) == 1
    })
    .await;
    held.release();
    for one in crowd {
        assert_eq!(one.await.unwrap(), Ok(()));
    }
    assert_eq!(provider.hits(Endpoint::Discovery), 1);
    assert_eq!(provider.hits(Endpoint::Jwks), 1);
}

#[tokio::test]
async fn jw_5_a_crowd_behind_a_dead_provider_does_not_ask_one_after_the_other() {
    let (provider, _) = ann_and_bridge();
    let pace = Pace {
        failure_kept: Duration::from_secs(30),
        ..PACE
    };
    let bridge = bridge_at(provider.issuer(), pace, |_| {});
    provider.always(Endpoint::Discovery, Answer::status(503));
    for _ in 0..5 {
        assert_eq!(begin_fails(&bridge).await, unavailable(Outage::Status(503)));
    }
    assert_eq!(provider.hits(Endpoint::Discovery), 1);
}

#[tokio::test]
async fn jw_6_a_withdrawn_key_verifies_nothing_once_the_keys_are_old() {
    let (provider, _) = ann_and_bridge();
    let pace = Pace {
        keys_max_age: Duration::from_millis(50),
        keys_refetch_interval: Duration::ZERO,
        ..PACE
    };
    let bridge = bridge_at(provider.issuer(), pace, |_| {});
    sign_in(&provider, &bridge, "ann").await.unwrap();
    provider.publish([Key::es256("es-2", 2).jwk()]);
    // The keys grow old.
    tokio::time::sleep(2 * pace.keys_max_age).await;
    let refused = sign_in(&provider, &bridge, "ann").await.unwrap_err();
    assert_eq!(refused, flaw(TokenFlaw::UnknownKey));
}

#[tokio::test]
async fn jw_6_old_keys_that_cannot_be_read_again_verify_nothing() {
    let (provider, _) = ann_and_bridge();
    let pace = Pace {
        keys_max_age: Duration::from_millis(50),
        ..PACE
    };
    let bridge = bridge_at(provider.issuer(), pace, |_| {});
    sign_in(&provider, &bridge, "ann").await.unwrap();
    provider.always(Endpoint::Jwks, Answer::status(500));
    // The keys grow old.
    tokio::time::sleep(2 * pace.keys_max_age).await;
    let refused = sign_in(&provider, &bridge, "ann").await.unwrap_err();
    assert!(matches!(refused, OidcError::Unavailable(_)), "{refused}");
}

#[tokio::test]
async fn jw_7_a_key_of_1024_bits_verifies_nothing() {
    let (provider, bridge) = ann_and_bridge();
    let weak = Key::weak_rs256("weak");
    provider.publish([Key::rs256("rs-1").jwk(), weak.jwk()]);
    provider.next_id_token(move |token| token.signed_by(&weak));
    let refused = sign_in(&provider, &bridge, "ann").await.unwrap_err();
    assert_eq!(refused, flaw(TokenFlaw::UnknownKey));
}

#[tokio::test]
async fn av_4_a_provider_that_cannot_be_read_is_asked_more_and_more_rarely() {
    let provider = Provider::start();
    provider.always(Endpoint::Discovery, Answer::status(503));
    let pace = Pace {
        rest_first: Duration::from_millis(100),
        rest_max: Duration::from_mins(1),
        ..PACE
    };
    let bridge = bridge_at(provider.issuer(), pace, |_| {});
    // Three times 20 ms apart, then rests of 100 ms, 200, 400 … or up to a quarter less: a second
    // has passed after six or seven; a slow machine asks fewer times.
    let second = tokio::time::timeout(Duration::from_secs(1), bridge.watch());
    assert!(second.await.is_err());
    assert!(provider.hits(Endpoint::Discovery) <= 7);
}

#[tokio::test]
async fn av_4_a_provider_that_answers_wrongly_is_there_and_asked_again() {
    let provider = Provider::start();
    provider.discovery(|document| document.set("issuer", "https://other.example"));
    let pace = Pace {
        failure_kept: Duration::ZERO,
        rest_first: Duration::from_mins(1),
        rest_max: Duration::from_mins(1),
        ..PACE
    };
    let bridge = bridge_at(provider.issuer(), pace, |_| {});
    for _ in 0..5 {
        assert_eq!(begin_fails(&bridge).await, unavailable(Outage::OtherIssuer));
    }
    assert_eq!(provider.hits(Endpoint::Discovery), 5);
}

fn host_of(place: &Place) -> String {
    place.issuer().replace("http://", "")
}

#[tokio::test]
async fn jw_8_a_provider_that_comes_late_is_found_without_a_restart() {
    let place = Place::free();
    let bridge = Arc::new(bridge_at(&place.issuer(), PACE, |_| {}));
    assert_eq!(bridge.status(), ProviderStatus::Unknown);
    let unreachable = Outage::Unreachable(host_of(&place));
    assert_eq!(begin_fails(&bridge).await, unavailable(unreachable));

    let watching = Arc::clone(&bridge);
    let watch = tokio::spawn(async move { watching.watch().await });
    wait_until(&bridge, |status| {
        matches!(status, ProviderStatus::Failing { .. })
    })
    .await;

    let provider = Provider::start_at(&place, Arc::new(SystemClock));
    provider.person("ann").groups(["viewers"]);
    wait_until(&bridge, |status| *status == ProviderStatus::Ready).await;
    sign_in(&provider, &bridge, "ann").await.unwrap();
    watch.abort();
}

#[tokio::test]
async fn jw_8_a_sign_in_finds_a_provider_that_came_back_by_itself() {
    let place = Place::free();
    let bridge = bridge_at(&place.issuer(), PACE, |_| {});
    let unreachable = Outage::Unreachable(host_of(&place));
    assert_eq!(begin_fails(&bridge).await, unavailable(unreachable));
    let _provider = Provider::start_at(&place, Arc::new(SystemClock));
    eventually("a sign-in begins", async || {
        bridge.begin("", &SignInPrompt::default()).await.is_ok()
    })
    .await;
}

#[tokio::test]
async fn jw_9_good_documents_are_never_replaced_by_bad_ones() {
    let bad: [(Endpoint, Answer); 7] = [
        (Endpoint::Jwks, Answer::json(200, &json!({"keys": []}))),
        (
            Endpoint::Jwks,
            Answer::json(200, &json!({"keys": [{"kty": "oct", "k": "AAAA"}]})),
        ),
        (Endpoint::Jwks, Answer::json(200, &json!([]))),
        (Endpoint::Jwks, Answer::html(200)),
        (Endpoint::Discovery, Answer::html(502)),
        (
            Endpoint::Discovery,
            Answer::json(200, &json!({"issuer": "https://evil.example"})),
        ),
        (Endpoint::Discovery, Answer::json(404, &json!({}))),
    ];
    let (provider, _) = ann_and_bridge();
    let pace = Pace {
        rediscover_interval: Duration::from_millis(20),
        ..PACE
    };
    let bridge = Arc::new(bridge_at(provider.issuer(), pace, |_| {}));
    let watching = Arc::clone(&bridge);
    let watch = tokio::spawn(async move { watching.watch().await });
    sign_in(&provider, &bridge, "ann").await.unwrap();
    for (endpoint, answer) in bad {
        provider.always(endpoint, answer);
        wait_until(&bridge, |status| {
            matches!(status, ProviderStatus::Failing { .. })
        })
        .await;
        sign_in(&provider, &bridge, "ann").await.unwrap();
        provider.behave(endpoint);
        wait_until(&bridge, |status| *status == ProviderStatus::Ready).await;
    }
    watch.abort();
}

async fn wait_until(
    bridge: &red5_bridge::oidc::Provider,
    reached: impl Fn(&ProviderStatus) -> bool,
) {
    eventually("the status", async || reached(&bridge.status())).await;
}

#[tokio::test]
async fn jw_9_keys_served_under_an_odd_content_type_are_read() {
    let (provider, _) = ann_and_bridge();
    let keys = json!({"keys": [Key::rs256("rs-1").jwk()]});
    let odd = Answer::json(200, &keys).header("cache-control", "max-age=-1, \u{fffd}");
    provider.always(Endpoint::Jwks, odd.header("content-type", "text/plain"));
    sign_in(&provider, &bridge(&provider), "ann").await.unwrap();
}

#[tokio::test]
async fn bc_9_a_logout_token_is_in_doubt_until_the_keys_were_read_after_it_arrived() {
    let (provider, _) = ann_and_bridge();
    let pace = Pace {
        keys_refetch_interval: Duration::from_secs(3),
        ..PACE
    };
    let bridge = bridge_at(provider.issuer(), pace, |_| {});
    let forged = |seed| {
        let key = Key::es256(&format!("es-{seed}"), seed);
        provider.logout_token(|token| token.claim("sub", "ann").signed_by(&key))
    };
    let now = || Arrival {
        at: SystemClock.now(),
        moment: tokio::time::Instant::now(),
    };
    let unknown = LogoutFlaw::Token(TokenFlaw::UnknownKey);
    // The keys are read for it.
    let refused = bridge.logout_token(&forged(2), now()).await;
    assert_eq!(refused, Err(NoLogout::Refused(unknown)));
    let (second, arrival) = (forged(3), now());
    let in_doubt = bridge.logout_token(&second, arrival).await;
    assert_eq!(in_doubt, Err(NoLogout::InDoubt(unknown)));
    // The interval passes.
    tokio::time::sleep(pace.keys_refetch_interval).await;
    let refused = bridge.logout_token(&forged(4), now()).await;
    assert_eq!(refused, Err(NoLogout::Refused(unknown)));
    // And those serve for the second as well.
    let refused = bridge.logout_token(&second, arrival).await;
    assert_eq!(refused, Err(NoLogout::Refused(unknown)));
    assert_eq!(provider.hits(Endpoint::Jwks), 3);
}
