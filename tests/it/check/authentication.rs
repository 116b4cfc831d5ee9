//! How the client authenticates, and how the provider wants it to.

use red5_bridge::oidc::ClientKey;
use serde_json::json;

use super::{Checked, find, wrong_besides_the_database};
use crate::configuration::files::Folder;
use crate::provider::{Answer, CLIENT_ID, CLIENT_SECRET, ClientAuth, Endpoint, Key};

const METHOD: &str = "OIDC_TOKEN_AUTH_METHOD";
const BASIC: &str = "client_secret_basic";
const POST: &str = "client_secret_post";

/// The token endpoint's answer to a method that it does not take, where that is no
/// `invalid_client`.
fn invalid_request() -> Answer {
    Answer::json(400, &json!({"error": "invalid_request"}))
}

#[tokio::test]
async fn cb_10_a_wrong_method_is_found_with_the_one_that_works() {
    for (configured, registered, works) in [
        ("", ClientAuth::Post, POST),
        (BASIC, ClientAuth::Post, POST),
        (POST, ClientAuth::Basic, BASIC),
    ] {
        let checked = Checked::new().set(METHOD, configured);
        // It announces client_secret_basic, whatever this client is registered for.
        let secret = Some(CLIENT_SECRET);
        checked.provider.know_client(CLIENT_ID, secret, registered);
        for refusal in [None, Some(invalid_request()), Some(Answer::status(401))] {
            if let Some(answer) = refusal {
                checked.provider.once(Endpoint::Token, answer);
            }
            let said = checked.said().await;
            let line = find(&said, "WRONG", &["the secret of this client by", works]);
            assert!(line.ends_with(&format!("Set {METHOD}={works}")), "{line}");
            assert_eq!(wrong_besides_the_database(&said).len(), 1, "{said:?}");
            assert!(!format!("{said:?}").contains("new one"), "{said:?}");
        }
        let said = checked.set(METHOD, works).said().await;
        find(&said, "ok", &["takes client id and secret"]);
    }
}

#[tokio::test]
async fn cb_10_a_wrong_secret_is_no_wrong_method() {
    for first in [None, Some(invalid_request())] {
        let checked = Checked::new().set("OIDC_CLIENT_SECRET", "not-the-secret");
        if let Some(answer) = first {
            checked.provider.once(Endpoint::Token, answer);
        }
        let said = checked.said().await;
        let line = find(
            &said,
            "WRONG",
            &["OIDC_CLIENT_ID or OIDC_CLIENT_SECRET is wrong"],
        );
        assert!(line.contains("private_key_jwt"), "{line}");
        assert_eq!(checked.provider.hits(Endpoint::Token), 2);
    }
}

#[tokio::test]
async fn cb_10_a_provider_that_announces_no_method_for_a_secret_is_told_apart() {
    let checked = Checked::new();
    let announced = json!(["private_key_jwt"]);
    let name = "token_endpoint_auth_methods_supported";
    checked
        .provider
        .discovery(|document| document.set(name, announced));
    let said = checked.said().await;
    let line = find(
        &said,
        "WRONG",
        &["neither client_secret_basic nor client_secret_post"],
    );
    assert!(
        line.contains("OIDC_CLIENT_KEY_FILE") && line.contains(METHOD),
        "{line}"
    );
    let said = checked.set(METHOD, BASIC).said().await;
    find(&said, "ok", &["takes client id and secret"]);
}

#[tokio::test]
async fn cb_10_the_public_half_of_the_clients_key_is_shown_and_a_key_that_is_not_registered_found()
{
    let folder = Folder::new();
    let pem = Key::es256("", 7).private_pem();
    let jwk = ClientKey::read(pem.as_bytes(), None).unwrap().public_jwk();
    let path = folder.file("client.pem", &pem);
    let checked = Checked::new().set("OIDC_CLIENT_SECRET", "");
    let checked = checked.set("OIDC_CLIENT_KEY_FILE", &path);
    let said = checked.said().await;
    find(&said, "note", &["its public half is", &jwk.to_string()]);
    let line = find(&said, "WRONG", &["refuses the client and its key"]);
    assert!(!line.contains("secret"), "{line}");
    assert!(!format!("{said:?}").contains(&pem[40..60]), "{said:?}");

    checked.provider.client_key(CLIENT_ID, jwk);
    let said = checked.said().await;
    find(&said, "ok", &["takes the client and its key"]);
    assert_eq!(wrong_besides_the_database(&said), Vec::<&String>::new());
}
