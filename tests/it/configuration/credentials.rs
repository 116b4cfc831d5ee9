//! How the client authenticates: `OIDC_CLIENT_SECRET`, `OIDC_CLIENT_KEY_*` and
//! `OIDC_TOKEN_AUTH_METHOD`.

use red5_bridge::oidc::Credentials;

use super::files::Folder;
use super::{good, read, with, wrong};
use crate::provider::Key;

const SECRET: &str = "OIDC_CLIENT_SECRET";
const KEY: &str = "OIDC_CLIENT_KEY_FILE";
const KEY_ID: &str = "OIDC_CLIENT_KEY_ID";
const METHOD: &str = "OIDC_TOKEN_AUTH_METHOD";

fn key_file(folder: &Folder) -> String {
    folder.file("client.pem", Key::es256("", 7).private_pem())
}

/// The method, or that the provider's word decides.
fn method(changes: &[(&str, &str)]) -> &'static str {
    match good(changes).oidc.credentials {
        Credentials::Secret(_) => "as announced",
        Credentials::Fixed(auth) => auth.method(),
    }
}

#[test]
fn sc_1_cb_10_the_method_follows_from_the_secret_or_key_unless_it_is_configured() {
    let folder = Folder::new();
    let path = key_file(&folder);
    assert_eq!(method(&[]), "as announced");
    assert_eq!(method(&[(METHOD, "auto")]), "as announced");
    for word in ["client_secret_basic", "client_secret_post"] {
        assert_eq!(method(&[(METHOD, word)]), word);
    }
    for word in ["", "auto", "private_key_jwt"] {
        let changes = [(SECRET, ""), (KEY, path.as_str()), (METHOD, word)];
        assert_eq!(method(&changes), "private_key_jwt");
    }
    for word in ["", "auto", "none"] {
        assert_eq!(method(&[(SECRET, ""), (METHOD, word)]), "none");
    }
    let config = good(&[(SECRET, ""), (KEY, &path), (KEY_ID, "key 7")]);
    let jwk = config.oidc.credentials.key().unwrap().public_jwk();
    assert_eq!(jwk["kid"], "key 7");
}

#[test]
fn sc_1_cb_10_a_method_without_what_it_needs_or_with_more_is_refused() {
    let folder = Folder::new();
    let path = key_file(&folder);
    let key = (KEY, path.as_str());
    for (changes, variable) in [
        (&[key][..], KEY),
        (&[key, (METHOD, "private_key_jwt")], KEY),
        (&[(METHOD, "private_key_jwt")], METHOD),
        (&[(METHOD, "none")], METHOD),
        (&[(SECRET, ""), key, (METHOD, "none")], METHOD),
        (&[(SECRET, ""), key, (METHOD, "client_secret_post")], METHOD),
        (&[(SECRET, ""), (METHOD, "client_secret_basic")], METHOD),
        (&[(SECRET, ""), (METHOD, "private_key_jwt")], METHOD),
        (&[(METHOD, "Client_Secret_Post")], METHOD),
        (&[(METHOD, "client_secret_jwt")], METHOD),
        (&[(METHOD, "tls_client_auth")], METHOD),
        (&[(KEY_ID, "of no key")], KEY_ID),
    ] {
        assert_eq!(wrong(changes), [variable], "{changes:?}");
    }
}

#[test]
fn sc_1_sc_2_a_key_file_that_cannot_be_used_is_named_with_the_command_that_converts_it() {
    let folder = Folder::new();
    let good_one = Key::es256("", 7).private_pem();
    let missing = folder.path().join("missing");
    let unreadable = [missing.to_str().unwrap(), folder.path().to_str().unwrap()];
    for path in unreadable {
        assert_eq!(wrong(&[(SECRET, ""), (KEY, path)]), [KEY]);
    }
    for content in [
        good_one.replace("PRIVATE KEY", "RSA PRIVATE KEY"),
        good_one.replace("PRIVATE KEY", "EC PRIVATE KEY"),
        good_one.replace("PRIVATE KEY", "ENCRYPTED PRIVATE KEY"),
        format!("{good_one}{good_one}"),
        String::new(),
    ] {
        let path = folder.file("odd.pem", &content);
        let changes = [(SECRET, ""), (KEY, path.as_str()), (METHOD, "auto")];
        let problems = read(&with(&changes)).unwrap_err();
        let said = format!("{problems:?}");
        assert!(
            matches!(&problems[..], [problem] if problem.variable == KEY),
            "{said}"
        );
        assert!(
            said.contains("openssl pkey -in FILE -out NEW-FILE"),
            "{said}"
        );
        assert!(!said.contains(&good_one[40..60]), "{said}");
    }
}
