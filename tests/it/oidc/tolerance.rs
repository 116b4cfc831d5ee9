//! What providers differ in, and a bridge must bear. The recorded shapes of those that
//! have a name are in `shapes`.

use red5_bridge::oidc::SigningAlg;
use red5_bridge::oidc::TokenFlaw;
use serde_json::json;
use strum::VariantArray as _;

use super::{PACE, ann_and_bridge, bridge, bridge_at, flaw, sign_in};
use crate::provider::{CLIENT_ID, Endpoint, Key, Provider};

fn provider_below(path: &str) -> Provider {
    let provider = Provider::start_below(path);
    provider.person("ann").groups(["viewers"]);
    provider
}

#[tokio::test]
async fn an_issuer_may_have_a_path_and_end_with_a_slash() {
    for path in ["/realms/company", "/realms/company/", "/", "/a/b%20c/"] {
        let provider = provider_below(path);
        assert!(provider.issuer().ends_with(path));
        let signed_in = sign_in(&provider, &bridge(&provider), "ann").await;
        assert_eq!(signed_in.unwrap().identity.issuer, provider.issuer());
        assert_eq!(provider.hits(Endpoint::Elsewhere), 0, "{path}");
    }
}

#[tokio::test]
async fn two_slashes_in_the_path_of_an_endpoint_stay_two() {
    // `/realms/company/` + `/token`, as documents put together carelessly have it.
    let provider = provider_below("/realms/company/");
    sign_in(&provider, &bridge(&provider), "ann").await.unwrap();
    let asked = provider.last(Endpoint::Token).path;
    assert_eq!(asked, "/realms/company//token");
}

#[tokio::test]
async fn id_2_each_asymmetric_algorithm_signs_in_where_it_is_configured_and_only_there() {
    let keys = [
        (Key::rs256("k"), SigningAlg::Rs256),
        (Key::rsa("k", "RS384"), SigningAlg::Rs384),
        (Key::rsa("k", "RS512"), SigningAlg::Rs512),
        (Key::rsa("k", "PS256"), SigningAlg::Ps256),
        (Key::rsa("k", "PS384"), SigningAlg::Ps384),
        (Key::rsa("k", "PS512"), SigningAlg::Ps512),
        (Key::es256("k", 1), SigningAlg::Es256),
        (Key::es384("k"), SigningAlg::Es384),
        (Key::ed25519("k"), SigningAlg::EdDsa),
    ];
    for (key, alg) in keys {
        let (provider, _) = ann_and_bridge();
        provider.use_key(&key);
        provider.discovery(|document| {
            document.set("id_token_signing_alg_values_supported", json!(null))
        });
        let allowing = |algs: &[SigningAlg]| {
            let algs = algs.to_vec();
            bridge_at(provider.issuer(), PACE, move |settings| {
                settings.signing_algs = algs;
            })
        };
        // With `at_hash`, which the algorithm also decides.
        let signed_in = sign_in(&provider, &allowing(&[alg]), "ann").await;
        assert!(signed_in.is_ok(), "{alg}: {signed_in:?}");
        let others: Vec<_> = SigningAlg::VARIANTS
            .iter()
            .copied()
            .filter(|&one| one != alg)
            .collect();
        let refused = sign_in(&provider, &allowing(&others), "ann").await;
        assert_eq!(refused.unwrap_err(), flaw(TokenFlaw::Algorithm), "{alg}");
    }
}

#[tokio::test]
async fn a_key_without_use_alg_or_with_padding_and_certificates_verifies() {
    let (provider, bridge) = ann_and_bridge();
    let mut jwk = Key::rs256("rs-1").jwk();
    let members = jwk.as_object_mut().unwrap();
    members.remove("use");
    members.remove("alg");
    let padded = format!("{}==", members["n"].as_str().unwrap());
    members.insert("n".to_owned(), json!(padded));
    members.insert("x5c".to_owned(), json!(["MIIC"]));
    members.insert("x5t#S256".to_owned(), json!("AAAA"));
    members.insert(
        "issuer".to_owned(),
        json!("https://login.example.com/{tenantid}"),
    );
    let encryption = json!({"kty": "RSA", "use": "enc", "alg": "RSA-OAEP", "kid": "enc-1", "n": "AQAB", "e": "AQAB"});
    provider.publish([encryption, jwk]);
    assert!(sign_in(&provider, &bridge, "ann").await.is_ok());
}

#[tokio::test]
async fn unused_claims_may_have_any_shape() {
    let (provider, bridge) = ann_and_bridge();
    for odd in [
        json!("x"),
        json!(1.5),
        json!(["a", 7]),
        json!({"a": {}}),
        json!(null),
    ] {
        provider.next_id_token(move |token| {
            let names = [
                "amr",
                "acr",
                "auth_time",
                "updated_at",
                "address",
                "locale",
                "zoneinfo",
                "email_verified",
            ];
            let token = token
                .claim("aud", json!([CLIENT_ID]))
                .claim("azp", CLIENT_ID);
            names
                .into_iter()
                .fold(token, |token, name| token.claim(name, odd.clone()))
        });
        assert!(sign_in(&provider, &bridge, "ann").await.is_ok());
    }
}
