//! What is wrong between the bridge and its provider.

use serde_json::json;

use super::{Checked, find, wrong_besides_the_database};
use crate::bridge::ORIGIN;
use crate::provider::{Answer, CLIENT_ID, ClientAuth, Endpoint, Place};

#[tokio::test]
async fn a_provider_that_fits_is_not_complained_about() {
    let checked = Checked::new();
    let said = checked.said().await;
    assert_eq!(wrong_besides_the_database(&said), Vec::<&String>::new());
    assert!(
        !said.iter().any(|line| line.starts_with("note")),
        "{said:?}"
    );
    find(&said, "ok", &["discovery document and keys can be read"]);
    find(&said, "ok", &["the redirect URI", "is registered"]);
    find(&said, "ok", &["takes client id and secret"]);
    // No user was signed in, and only made-up codes were sent.
    assert_eq!(checked.provider.hits(Endpoint::Token), 1);
    assert_eq!(checked.provider.hits(Endpoint::Userinfo), 0);
}

#[tokio::test]
async fn jw_1_the_slash_at_the_end_of_the_issuer_is_named_with_the_value_to_set() {
    let checked = Checked::new();
    let issuer = checked.provider.issuer().to_owned();
    // The provider calls itself without; configured is with.
    let checked = checked.set("OIDC_ISSUER_URL", &format!("{issuer}/"));
    let said = checked.said().await;
    let line = find(&said, "WRONG", &["by the slash at the end"]);
    assert!(
        line.ends_with(&format!("Set OIDC_ISSUER_URL={issuer}")),
        "{line}"
    );

    // And the other way round.
    let with_slash = format!("{issuer}/");
    let checked = checked.set("OIDC_ISSUER_URL", &issuer);
    let theirs = with_slash.clone();
    checked
        .provider
        .discovery(|document| document.set("issuer", theirs));
    let said = checked.said().await;
    let line = find(&said, "WRONG", &["by the slash at the end"]);
    assert!(
        line.ends_with(&format!("Set OIDC_ISSUER_URL={with_slash}")),
        "{line}"
    );
}

#[tokio::test]
async fn another_issuer_is_named_and_one_that_is_shared_by_tenants_explained() {
    let checked = Checked::new();
    for (theirs, words) in [
        (
            "https://id.example.com/realms/b",
            "Set OIDC_ISSUER_URL=https://id.example.com/realms/b",
        ),
        (
            "https://login.microsoftonline.com/{tenantid}/v2.0",
            "shared by many tenants",
        ),
    ] {
        checked
            .provider
            .discovery(|document| document.set("issuer", theirs));
        let said = checked.said().await;
        let line = find(&said, "WRONG", &[theirs]);
        assert!(
            line.to_lowercase().contains(&words.to_lowercase()),
            "{line}"
        );
    }
    checked
        .provider
        .discovery(|document| document.set("issuer", "x\u{1b}[2J\ny"));
    let text = checked.report().await.to_string();
    assert!(text.contains("x\\u{1b}[2J\\ny"), "{text}");
    checked
        .provider
        .discovery(|document| document.without("issuer"));
    find(
        &checked.said().await,
        "WRONG",
        &["could not be read as the JSON"],
    );
}

#[tokio::test]
async fn the_address_of_the_document_is_no_issuer() {
    let checked = Checked::new();
    let issuer = format!(
        "{}/.well-known/openid-configuration",
        checked.provider.issuer()
    );
    let checked = checked.set("OIDC_ISSUER_URL", &issuer);
    let said = checked.said().await;
    find(
        &said,
        "WRONG",
        &[
            "OIDC_ISSUER_URL",
            "leave out /.well-known/openid-configuration",
        ],
    );
    assert_eq!(checked.provider.hits(Endpoint::Discovery), 0);
}

#[tokio::test]
async fn a_redirect_uri_that_is_not_registered_is_found() {
    let checked = Checked::new();
    checked.provider.register(&[&format!("{ORIGIN}/callback")]);
    let said = checked.said().await;
    let line = find(&said, "WRONG", &["probably", "redirect URI"]);
    assert!(line.contains(&format!("{ORIGIN}/auth/callback")), "{line}");
    // The secret is right all the same, and that is said.
    find(&said, "ok", &["takes client id and secret"]);
}

#[tokio::test]
async fn a_provider_that_shows_its_error_on_a_page_is_understood() {
    let checked = Checked::new();
    for answer in [
        Answer::html(400),
        Answer::redirect("/oauth/error?code=1"),
        Answer::redirect("/oauth?authError=x"),
        Answer::page(200, "<h1>AADSTS50011: The redirect URI does not match</h1>"),
    ] {
        checked.provider.always(Endpoint::Authorize, answer);
        find(
            &checked.said().await,
            "WRONG",
            &["probably", "redirect URI"],
        );
    }
}

#[tokio::test]
async fn what_cannot_be_known_is_said_to_be_unknown() {
    let checked = Checked::new();
    // It shows its sign-in page whatever the redirect URI is.
    checked
        .provider
        .always(Endpoint::Authorize, Answer::page(200, "Sign in"));
    let said = checked.said().await;
    find(
        &said,
        "note",
        &["redirect URI", "cannot be known from here"],
    );
    checked
        .provider
        .always(Endpoint::Authorize, Answer::status(503));
    let said = checked.said().await;
    find(&said, "note", &["sign-in page cannot be asked for", "503"]);
    checked
        .provider
        .always(Endpoint::Token, Answer::status(500));
    let said = checked.said().await;
    find(&said, "note", &["client is right cannot be known", "500"]);
    assert_eq!(wrong_besides_the_database(&said), Vec::<&String>::new());
}

#[tokio::test]
async fn an_error_that_comes_back_at_once_is_told_with_its_remedy() {
    let checked = Checked::new();
    for (error, remedy) in [
        ("invalid_scope", "OIDC_SCOPES"),
        ("unauthorized_client", "authorization code flow"),
        ("<script>", "another error"),
    ] {
        let mut back = url::Url::parse(&format!("{ORIGIN}/auth/callback")).unwrap();
        back.query_pairs_mut().append_pair("error", error);
        checked
            .provider
            .always(Endpoint::Authorize, Answer::redirect(back.as_str()));
        find(&checked.said().await, "WRONG", &["back at once", remedy]);
    }
    let back = format!("{ORIGIN}/auth/callback?error=login_required");
    checked
        .provider
        .always(Endpoint::Authorize, Answer::redirect(&back));
    find(&checked.said().await, "ok", &["is registered"]);
}

#[tokio::test]
async fn a_wrong_client_or_secret_is_found_by_a_made_up_code() {
    let checked = Checked::new().set("OIDC_CLIENT_SECRET", "not-the-secret");
    let said = checked.said().await;
    find(
        &said,
        "WRONG",
        &["OIDC_CLIENT_ID or OIDC_CLIENT_SECRET is wrong"],
    );

    // What Entra calls the secret's id looks like a secret.
    let checked = checked.set("OIDC_CLIENT_SECRET", "4f1c0c6e-2b9d-4a7f-8e3d-5c6b7a8f9e0d");
    let said = checked.said().await;
    find(
        &said,
        "WRONG",
        &["looks like an id", "Value, not Secret ID"],
    );

    let checked = checked.set("OIDC_CLIENT_SECRET", "");
    let said = checked.said().await;
    find(
        &said,
        "WRONG",
        &["without a secret", "Set OIDC_CLIENT_SECRET"],
    );

    checked.provider.client(CLIENT_ID, None, ClientAuth::None);
    let said = checked.said().await;
    find(&said, "ok", &["takes the client without a secret"]);
}

#[tokio::test]
async fn what_the_token_endpoint_calls_the_error_is_told_without_its_text() {
    let checked = Checked::new();
    let body = json!({
        "error": "invalid_client",
        "error_description": "AADSTS7000222: canary",
        "error_codes": [7_000_222],
    });
    checked
        .provider
        .always(Endpoint::Token, Answer::json(401, &body));
    let said = checked.said().await;
    let words = &["refuses the client", "invalid_client, error_codes 7000222"];
    find(&said, "WRONG", words);
    let body = json!({"error": "invalid_scope", "error_codes": [70011], "x": "canary"});
    checked
        .provider
        .always(Endpoint::Token, Answer::json(400, &body));
    let line = &["cannot be known", "invalid_scope, error_codes 70011"];
    find(&checked.said().await, "note", line);
    assert!(!said.iter().any(|line| line.contains("canary")));
}

#[tokio::test]
async fn a_secret_with_a_line_end_or_equal_to_the_id_is_found_before_any_request() {
    let with_end = format!("{}\n", crate::provider::CLIENT_SECRET);
    let checked = Checked::new().set("OIDC_CLIENT_SECRET", &with_end);
    let said = checked.said().await;
    find(
        &said,
        "WRONG",
        &["OIDC_CLIENT_SECRET has more than one line"],
    );
    let checked = checked.set("OIDC_CLIENT_SECRET", CLIENT_ID);
    find(
        &checked.said().await,
        "WRONG",
        &["the same as OIDC_CLIENT_ID"],
    );
}

#[tokio::test]
async fn tokens_for_a_made_up_code_are_no_good_sign() {
    let checked = Checked::new();
    let tokens = json!({"access_token": "x", "token_type": "Bearer", "id_token": "y"});
    checked
        .provider
        .always(Endpoint::Token, Answer::json(200, &tokens));
    find(
        &checked.said().await,
        "WRONG",
        &["made-up code", "no provider to trust"],
    );
}

#[tokio::test]
async fn what_the_provider_announces_is_compared_with_what_is_configured() {
    let checked = Checked::new();
    checked.provider.discovery(|document| {
        document
            .set("code_challenge_methods_supported", json!(["plain"]))
            .set(
                "id_token_signing_alg_values_supported",
                json!(["PS256", "HS256"]),
            )
    });
    let said = checked.said().await;
    find(&said, "WRONG", &["PKCE without S256"]);
    find(
        &said,
        "WRONG",
        &["none of OIDC_SIGNING_ALGS", "Set OIDC_SIGNING_ALGS=PS256"],
    );

    checked.provider.discovery(|document| {
        document
            .without("code_challenge_methods_supported")
            .set("id_token_signing_alg_values_supported", json!(["HS256"]))
    });
    let said = checked.said().await;
    find(&said, "note", &["does not say whether it knows PKCE"]);
    find(&said, "WRONG", &["none of OIDC_SIGNING_ALGS", "asymmetric"]);

    checked.provider.discovery(|document| {
        document.set("id_token_signing_alg_values_supported", json!(["RS256"]))
    });
    // The default holds both, and one of them is enough.
    let said = checked.said().await;
    assert!(!said.iter().any(|line| line.contains("OIDC_SIGNING_ALGS")));
    let checked = checked.set("OIDC_SIGNING_ALGS", "RS256,PS512");
    let said = checked.said().await;
    find(&said, "note", &["has PS512", "Set OIDC_SIGNING_ALGS=RS256"]);
}

#[tokio::test]
async fn a_provider_that_answers_in_forms_or_fragments_alone_is_found() {
    let checked = Checked::new();
    let announce = |modes: serde_json::Value| {
        checked
            .provider
            .discovery(|document| document.set("response_modes_supported", modes));
    };
    // A word that stands without its list is read as one.
    for modes in [
        json!(["form_post"]),
        json!(["fragment", "query.jwt"]),
        json!("form_post"),
        json!([]),
    ] {
        announce(modes);
        let said = checked.said().await;
        find(&said, "WRONG", &["response_modes_supported", "query"]);
    }
    for modes in [json!(["form_post", "query"]), json!("query"), json!(null)] {
        announce(modes);
        let said = checked.said().await;
        assert_eq!(wrong_besides_the_database(&said), Vec::<&String>::new());
    }
}

#[tokio::test]
async fn groups_and_refresh_tokens_that_are_not_to_be_expected_are_noted() {
    let checked = Checked::new();
    checked.provider.discovery(|document| {
        document
            .set("claims_supported", json!(["sub", "name"]))
            .set(
                "scopes_supported",
                json!(["openid", "profile", "email", "groups", "offline_access"]),
            )
            .set("grant_types_supported", json!(["authorization_code"]))
    });
    let said = checked.said().await;
    find(&said, "note", &["does not announce the claim groups"]);
    find(
        &said,
        "note",
        &["has a scope groups", "add groups to OIDC_SCOPES"],
    );
    find(&said, "note", &["has the scope offline_access"]);
    find(&said, "note", &["no refresh token is to be expected"]);
    assert_eq!(wrong_besides_the_database(&said), Vec::<&String>::new());

    let checked = checked.set("OIDC_SCOPES", "openid profile email group offline_access");
    let said = checked.said().await;
    find(
        &said,
        "note",
        &["the scope group of OIDC_SCOPES", "Did you mean groups?"],
    );
    assert!(
        !said
            .iter()
            .any(|line| line.contains("has the scope offline_access"))
    );
}

#[tokio::test]
async fn a_provider_that_is_not_there_is_one_finding_and_a_proxy_is_named() {
    let checked = Checked::new().set("OIDC_ISSUER_URL", &Place::free().issuer());
    let said = checked.said().await;
    assert_eq!(wrong_besides_the_database(&said).len(), 1, "{said:?}");
    let line = find(
        &said,
        "WRONG",
        &["the provider cannot be used: no connection to"],
    );
    assert!(!line.contains("proxy"), "{line}");
    let checked = checked.set("https_proxy", "http://proxy.example:3128");
    let said = checked.said().await;
    find(
        &said,
        "WRONG",
        &["no connection to", "https_proxy is set and is not used"],
    );
}

#[tokio::test]
async fn a_document_that_is_not_there_or_is_none_is_told_apart() {
    let checked = Checked::new();
    for (endpoint, answer, words) in [
        (Endpoint::Discovery, Answer::html(404), "HTTP status 404"),
        (
            Endpoint::Discovery,
            Answer::redirect("/elsewhere"),
            "/elsewhere, which is not followed",
        ),
        (
            Endpoint::Discovery,
            Answer::html(200),
            "could not be read as the JSON",
        ),
        (
            Endpoint::Jwks,
            Answer::json(200, &json!({"keys": []})),
            "no signing key that can be used",
        ),
        (Endpoint::Jwks, Answer::status(404), "HTTP status 404"),
    ] {
        checked.provider.always(endpoint, answer);
        find(&checked.said().await, "WRONG", &[words]);
        checked.provider.behave(endpoint);
    }
    let elsewhere = "http://10.0.0.1/token";
    checked
        .provider
        .discovery(|document| document.set("token_endpoint", elsewhere));
    find(
        &checked.said().await,
        "WRONG",
        &["no usable token_endpoint"],
    );
}

#[tokio::test]
async fn what_a_token_exchange_accepts_is_said_and_a_missing_endpoint_noted() {
    let said = Checked::new().said().await;
    assert!(
        !said.iter().any(|line| line.contains("token exchange")),
        "{said:?}"
    );

    let checked = Checked::new().set("OIDC_EXCHANGE_AUDIENCES", "https://api.example, api");
    let said = checked.said().await;
    let line = find(&said, "ok", &["a token exchange takes access tokens for"]);
    assert!(
        line.contains("https://api.example, api: JWTs alone"),
        "{line}"
    );

    let checked = checked.set("OIDC_INTROSPECTION", "on");
    find(
        &checked.said().await,
        "note",
        &["announces no introspection endpoint"],
    );
    checked.provider.offer_introspection();
    let said = checked.said().await;
    find(&said, "ok", &["JWT and opaque ones"]);
    assert!(
        !said.iter().any(|line| line.starts_with("note")),
        "{said:?}"
    );
}
