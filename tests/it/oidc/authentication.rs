//! How the client authenticates at the token endpoint and where refresh tokens are revoked.

use red5_bridge::oidc::{self, ClientAuth, ClientKey, Credentials, Denial};

use super::{PACE, bridge_at, denied, sign_in};
use crate::provider::{self, CLIENT_SECRET, Endpoint, Key, Provider, Rotation};

const ODD_ID: &str = "odd:client %41";
const ODD_SECRET: &str = "a:b%c+d e/ü&=?#";

fn client_key() -> ClientKey {
    let pem = Key::es256("of the client", 7).private_pem();
    ClientKey::read(pem.as_bytes(), None).unwrap()
}

/// A provider that takes this method alone.
fn that_takes(auth: provider::ClientAuth) -> Provider {
    let provider = Provider::start();
    match auth {
        provider::ClientAuth::PrivateKey => provider.client_key(ODD_ID, client_key().public_jwk()),
        provider::ClientAuth::None => provider.client(ODD_ID, None, auth),
        _ => provider.client(ODD_ID, Some(ODD_SECRET), auth),
    }
    let endpoint = format!("{}/revoke", provider.issuer());
    provider.discovery(|document| document.set("revocation_endpoint", endpoint));
    provider.give_refresh_tokens(Rotation::Each);
    provider.person("ann");
    provider
}

fn bridge_with(provider: &Provider, credentials: Credentials) -> oidc::Provider {
    bridge_at(provider.issuer(), PACE, |settings| {
        ODD_ID.clone_into(&mut settings.client_id);
        settings.credentials = credentials;
    })
}

/// Each method, and the provider that takes it.
fn methods() -> [(provider::ClientAuth, ClientAuth); 4] {
    [
        (
            provider::ClientAuth::Basic,
            ClientAuth::Basic(ODD_SECRET.into()),
        ),
        (
            provider::ClientAuth::Post,
            ClientAuth::Post(ODD_SECRET.into()),
        ),
        (
            provider::ClientAuth::PrivateKey,
            ClientAuth::PrivateKey(client_key()),
        ),
        (provider::ClientAuth::None, ClientAuth::None),
    ]
}

#[tokio::test]
async fn cb_10_the_client_authenticates_by_each_method_at_sign_in_refresh_and_revocation() {
    for (registered, auth) in methods() {
        let provider = that_takes(registered);
        let bridge = bridge_with(&provider, Credentials::Fixed(auth));
        let signed_in = sign_in(&provider, &bridge, "ann").await.unwrap();
        let refresh_token = signed_in.refresh_token.unwrap();
        let refreshed = bridge
            .refresh(&signed_in.identity, &refresh_token, None)
            .await;
        let refresh_token = refreshed.unwrap().refresh_token.unwrap();
        bridge.revoke(&refresh_token).await.unwrap();

        for endpoint in [Endpoint::Token, Endpoint::Revocation] {
            let request = provider.last(endpoint);
            let sent = |name: &str| request.form.contains_key(name);
            let by_header = registered == provider::ClientAuth::Basic;
            assert_eq!(!request.header("authorization").is_empty(), by_header);
            assert_eq!(sent("client_id"), !by_header);
            assert_eq!(
                sent("client_secret"),
                registered == provider::ClientAuth::Post
            );
            let by_key = registered == provider::ClientAuth::PrivateKey;
            assert_eq!(sent("client_assertion"), by_key);
        }
    }
}

#[tokio::test]
async fn cb_10_a_secret_goes_the_way_that_the_provider_announces() {
    for registered in [provider::ClientAuth::Basic, provider::ClientAuth::Post] {
        let provider = that_takes(registered);
        let bridge = bridge_with(&provider, Credentials::Secret(ODD_SECRET.into()));
        assert!(
            sign_in(&provider, &bridge, "ann").await.is_ok(),
            "{registered:?}"
        );
    }
}

#[tokio::test]
async fn cb_10_a_configured_method_is_used_whatever_is_announced() {
    let provider = that_takes(provider::ClientAuth::Post);
    let announced = serde_json::json!(["client_secret_basic", "private_key_jwt"]);
    let name = "token_endpoint_auth_methods_supported";
    provider.discovery(|document| document.set(name, announced));
    let auth = ClientAuth::Post(ODD_SECRET.into());
    let bridge = bridge_with(&provider, Credentials::Fixed(auth));
    assert!(sign_in(&provider, &bridge, "ann").await.is_ok());
}

/// The right method with what the provider does not know.
fn wrong(registered: provider::ClientAuth) -> Vec<ClientAuth> {
    let key = |seed, id: Option<&str>| {
        let pem = Key::es256("of the client", seed).private_pem();
        let key = ClientKey::read(pem.as_bytes(), id.map(str::to_owned));
        ClientAuth::PrivateKey(key.unwrap())
    };
    match registered {
        provider::ClientAuth::Basic => vec![ClientAuth::Basic(CLIENT_SECRET.into())],
        provider::ClientAuth::Post => vec![ClientAuth::Post(CLIENT_SECRET.into())],
        provider::ClientAuth::PrivateKey => vec![key(8, None), key(7, Some("another"))],
        provider::ClientAuth::None => Vec::new(),
    }
}

#[tokio::test]
async fn cb_10_a_wrong_method_secret_or_key_is_told_apart_from_a_spent_code() {
    for (registered, right) in methods() {
        let provider = that_takes(registered);
        let others = methods().map(|(_, auth)| auth).into_iter();
        let others = others.filter(|auth| auth.method() != right.method());
        for auth in others.chain(wrong(registered)) {
            let case = format!("{auth:?} instead of {right:?}");
            let bridge = bridge_with(&provider, Credentials::Fixed(auth));
            let refused = sign_in(&provider, &bridge, "ann").await.unwrap_err();
            let expected = denied(Denial::InvalidClient, "invalid_client");
            assert_eq!(refused, expected, "{case}");
        }
    }
}
