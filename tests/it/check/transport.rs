//! The way to the provider, as `check` tells it: TLS, and redirects.

use std::sync::Arc;

use red5_bridge::clock::SystemClock;
use serde_json::json;

use super::{Checked, find, wrong_besides_the_database};
use crate::provider::{Answer, Endpoint, Provider, tls};

/// With a provider at an https address that shows this certificate.
fn showing(certificate: &str) -> (Provider, Checked) {
    let shown = tls::showing(certificate);
    let provider = Provider::start_with_tls(Arc::new(SystemClock), shown);
    let checked = Checked::new()
        .set("OIDC_ISSUER_URL", provider.issuer())
        .set("OIDC_CA_FILE", &tls::authority_file());
    (provider, checked)
}

#[tokio::test]
async fn what_is_wrong_with_tls_is_one_finding_with_the_host_and_its_own_remedy() {
    for (certificate, why, remedy) in [
        (
            "of-unknown-authority",
            "of an authority that is not trusted",
            "Set OIDC_CA_FILE",
        ),
        (
            "other-host",
            "does not name this host",
            "as the certificate names it",
        ),
        ("expired", "has expired", "this machine's clock"),
        ("not-yet-valid", "is not valid yet", "this machine's clock"),
    ] {
        let (provider, checked) = showing(certificate);
        let said = checked.said().await;
        assert_eq!(wrong_besides_the_database(&said).len(), 1, "{said:?}");
        let host = provider.issuer().strip_prefix("https://").unwrap();
        find(&said, "WRONG", &[host, why, remedy]);
    }
    let (_provider, checked) = showing("good");
    find(&checked.said().await, "ok", &["can be read and used"]);
}

#[tokio::test]
async fn plain_http_where_https_is_configured_is_told() {
    let checked = Checked::new();
    let issuer = checked.provider.issuer().replace("http:", "https:");
    let checked = checked.set("OIDC_ISSUER_URL", &issuer);
    let said = checked.said().await;
    find(&said, "WRONG", &["speaks no TLS", "Correct the port"]);
}

#[tokio::test]
async fn an_endpoint_at_a_host_whose_tls_fails_is_found_too() {
    let (elsewhere, _) = showing("expired");
    let host = elsewhere.issuer().strip_prefix("https://").unwrap();
    for member in ["jwks_uri", "token_endpoint"] {
        let checked = Checked::new();
        let address = json!(format!("{}/there", elsewhere.issuer()));
        checked
            .provider
            .discovery(|document| document.set(member, address));
        let said = checked.said().await;
        find(&said, "WRONG", &["TLS to", host, "has expired"]);
    }
}

#[tokio::test]
async fn a_redirect_names_where_it_leads_and_what_to_set() {
    let checked = Checked::new();
    let target =
        "https://moved.example/realms/x/.well-known/openid-configuration?code=canary#canary";
    checked
        .provider
        .always(Endpoint::Discovery, Answer::redirect(target));
    let said = checked.said().await;
    let line = find(
        &said,
        "WRONG",
        &[
            "a redirect",
            "to https://moved.example/realms/x/.well-known",
        ],
    );
    assert!(
        line.ends_with("set OIDC_ISSUER_URL=https://moved.example/realms/x"),
        "{line}"
    );
    assert!(!line.contains("canary"), "{line}");

    // Somewhere else altogether: there is no value to propose.
    checked.provider.always(
        Endpoint::Discovery,
        Answer::redirect("/login?return_to=canary"),
    );
    let said = checked.said().await;
    let issuer = checked.provider.issuer();
    let line = find(
        &said,
        "WRONG",
        &[
            &format!("to {issuer}/login, which is not followed"),
            "shows the discovery document itself",
        ],
    );
    assert!(!line.contains("canary"), "{line}");

    checked.provider.behave(Endpoint::Discovery);
    checked
        .provider
        .always(Endpoint::Token, Answer::redirect("/sso/token?x=canary"));
    let said = checked.said().await;
    find(
        &said,
        "note",
        &[
            "client is right cannot be known",
            &format!("to {issuer}, which"),
        ],
    );
}
