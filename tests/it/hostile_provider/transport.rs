//! The way to the provider (JW-3): only with a certificate of its name, of an authority
//! that is trusted, and in time.

use super::{NOT_BEGUN, PACE, Siege, ann, no_session, seen, try_to_sign_in};
use crate::bridge::TestBridge;
use crate::database::new_database;
use crate::provider::{Endpoint, Provider, tls};

/// A bridge that knows our authority, or only those of the machine.
async fn bridge(certificate: &str, trusting: bool) -> Siege {
    let authority = tls::authority_file();
    let variables = [(
        "OIDC_CA_FILE",
        if trusting { authority.as_str() } else { "" },
    )];
    let shown = tls::showing(certificate);
    let start = |clock| Provider::start_with_tls(clock, shown);
    let bridge = TestBridge::start_at(&new_database().await, &variables, PACE, start).await;
    ann(&bridge.provider);
    Siege {
        bridge,
        honest: ann,
    }
}

#[tokio::test]
async fn jw_3_a_certificate_that_does_not_convince_begins_no_sign_in() {
    for (certificate, trusting) in [
        ("good", false),
        ("of-unknown-authority", true),
        ("other-host", true),
        ("expired", true),
    ] {
        let siege = bridge(certificate, trusting).await;
        let mut browser = siege.bridge.browser();
        let answer = try_to_sign_in(&siege.bridge.provider, &mut browser).await;
        seen(&answer, NOT_BEGUN).unwrap();
        no_session(&answer, &browser).await.unwrap();
        let asked = siege.bridge.provider.hits(Endpoint::Discovery);
        assert_eq!(asked, 0, "{certificate}: something was sent");
    }
}

#[tokio::test]
async fn jw_3_a_private_authority_is_trusted_when_it_is_configured() {
    let siege = bridge("good", true).await;
    assert!(
        siege
            .bridge
            .provider
            .issuer()
            .starts_with("https://127.0.0.1:")
    );
    siege.lets_the_next_one_in(0).await.unwrap();
}
