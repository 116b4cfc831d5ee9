//! TLS to the provider fails (JW-3): why, and at which host.

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use red5_bridge::clock::SystemClock;
use red5_bridge::oidc::SignInPrompt;
use red5_bridge::oidc::{self, OidcError, Outage, Pace, ProviderStatus};
use red5_bridge::tls::TlsFlaw;
use serde_json::json;

use super::{PACE, bridge_at, sign_in};
use crate::provider::{Endpoint, Provider, tls};

/// One that shows this certificate.
pub fn showing(certificate: &str) -> Provider {
    Provider::start_with_tls(Arc::new(SystemClock), tls::showing(certificate))
}

/// As the errors name it.
pub fn host(provider: &Provider) -> &str {
    provider.issuer().split_once("://").unwrap().1
}

/// A bridge that trusts our authority.
pub fn trusting(issuer: &str, pace: Pace) -> oidc::Provider {
    bridge_at(issuer, pace, |settings| {
        settings.ca_pem = Some(fs::read(tls::authority_file()).unwrap());
    })
}

fn fails(provider: &Provider, flaw: TlsFlaw) -> OidcError {
    let host = host(provider).to_owned();
    OidcError::Unavailable(Outage::Tls { host, flaw })
}

#[tokio::test]
async fn a_connection_that_tls_prevents_says_why() {
    for (certificate, flaw, words) in [
        (
            "of-unknown-authority",
            TlsFlaw::UnknownAuthority,
            "authority that is not trusted",
        ),
        ("other-host", TlsFlaw::OtherHost, "does not name this host"),
        ("expired", TlsFlaw::Expired, "has expired"),
        ("not-yet-valid", TlsFlaw::NotYetValid, "is not valid yet"),
    ] {
        let provider = showing(certificate);
        let bridge = trusting(provider.issuer(), PACE);
        let refused = bridge
            .begin("", &SignInPrompt::default())
            .await
            .unwrap_err();
        assert_eq!(refused, fails(&provider, flaw), "{certificate}");
        let ProviderStatus::Failing { reason } = bridge.status() else {
            panic!("{:?}", bridge.status());
        };
        assert!(reason.contains(words), "{reason}");
        assert!(reason.contains(host(&provider)), "{reason}");
    }
    // Known to the provider, and not to the bridge.
    let provider = showing("good");
    let bridge = bridge_at(provider.issuer(), PACE, |_| {});
    let refused = bridge
        .begin("", &SignInPrompt::default())
        .await
        .unwrap_err();
    assert_eq!(refused, fails(&provider, TlsFlaw::UnknownAuthority));
}

#[tokio::test]
async fn plain_http_at_the_port_of_https_is_told_as_such() {
    let provider = Provider::start();
    let issuer = provider.issuer().replace("http:", "https:");
    let refused = trusting(&issuer, PACE)
        .begin("", &SignInPrompt::default())
        .await
        .unwrap_err();
    assert_eq!(refused, fails(&provider, TlsFlaw::NoTls));
}

#[tokio::test]
async fn each_host_that_is_asked_is_named() {
    let elsewhere = showing("expired");
    for member in ["jwks_uri", "token_endpoint", "userinfo_endpoint"] {
        let provider = Provider::start();
        // The groups are at userinfo alone.
        let ann = provider.person("ann");
        ann.userinfo_claim("groups", json!(["viewers"]));
        let address = format!("{}/there", elsewhere.issuer());
        provider.discovery(|document| document.set(member, address));
        let bridge = trusting(provider.issuer(), PACE);
        let refused = sign_in(&provider, &bridge, "ann").await.unwrap_err();
        assert_eq!(refused, fails(&elsewhere, TlsFlaw::Expired), "{member}");
    }
    assert_eq!(elsewhere.hits(Endpoint::Discovery), 0);
}

#[tokio::test]
async fn av_4_a_host_whose_tls_fails_again_and_again_is_left_alone_like_one_that_is_down() {
    let pace = Pace {
        rest_first: Duration::from_mins(1),
        rest_max: Duration::from_mins(1),
        failure_kept: Duration::ZERO,
        ..PACE
    };
    let resting = OidcError::Unavailable(Outage::Resting);
    let broken = showing("expired");
    let bridge = trusting(broken.issuer(), pace);
    for _ in 0..3 {
        let refused = bridge
            .begin("", &SignInPrompt::default())
            .await
            .unwrap_err();
        assert_eq!(refused, fails(&broken, TlsFlaw::Expired));
    }
    assert_eq!(
        bridge
            .begin("", &SignInPrompt::default())
            .await
            .unwrap_err(),
        resting
    );

    let provider = Provider::start();
    provider.person("ann").groups(["viewers"]);
    let address = format!("{}/token", broken.issuer());
    provider.discovery(|document| document.set("token_endpoint", address));
    let bridge = trusting(provider.issuer(), pace);
    for _ in 0..3 {
        let refused = sign_in(&provider, &bridge, "ann").await.unwrap_err();
        assert_eq!(refused, fails(&broken, TlsFlaw::Expired));
    }
    let refused = sign_in(&provider, &bridge, "ann").await.unwrap_err();
    assert_eq!(refused, resting);
}
