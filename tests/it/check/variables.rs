//! What is wrong with the variables themselves.

use super::{Checked, find};

#[tokio::test]
async fn sc_1_everything_that_is_wrong_is_said_at_once_and_grouped() {
    let checked = Checked::new()
        .set("BRIDGE_LISTEN", "nowhere")
        .set(
            "DATABASE_URL",
            "postgres://u:pw-canary@db.example/x?sslmode=bogus",
        )
        .set("OIDC_ISSUER_URL", "http://id.example.com")
        .set(
            "RED5_JWT_SECRET",
            "changeme-canary-value-of-the-documentation",
        )
        .set("RED5_TOKEN_TTL_SECONDS", "3600")
        .set("BRIDGE_ADMIN_GROUPS", "")
        .set("BRIDGE_ADMIN_GROUP", "staff");
    let report = checked.report().await;
    let text = report.to_string();
    assert!(!text.contains("canary"), "{text}");
    let groups = ["configuration\n", "database\n", "provider\n", "Red5\n"];
    let places: Vec<_> = groups.iter().map(|group| text.find(group)).collect();
    assert!(
        places.is_sorted() && places.iter().all(Option::is_some),
        "{text}"
    );
    let said = super::said(&report);
    find(
        &said,
        "WRONG",
        &["BRIDGE_LISTEN must be an address and a port"],
    );
    find(
        &said,
        "WRONG",
        &["DATABASE_URL sslmode must be one of", "verify-full"],
    );
    find(&said, "WRONG", &["OIDC_ISSUER_URL must be https"]);
    find(&said, "WRONG", &["RED5_JWT_SECRET is a sample value"]);
    find(&said, "note", &["BRIDGE_ADMIN_GROUPS is not set"]);
    find(
        &said,
        "note",
        &[
            "BRIDGE_ADMIN_GROUP is set",
            "Did you mean BRIDGE_ADMIN_GROUPS?",
        ],
    );
    find(
        &said,
        "WRONG",
        &["RED5_TOKEN_TTL_SECONDS must be a whole number from 60 to 3570"],
    );
    assert_eq!(report.findings(), 5, "{text}");
    assert!(text.ends_with("5 things are wrong.\n"), "{text}");
}

#[tokio::test]
async fn r5_2_a_token_life_beyond_the_servers_limit_names_all_three_variables() {
    for (variable, value) in [
        ("RED5_TOKEN_TTL_SECONDS", "7200"),
        ("RED5_TOKEN_TTL_SECONDS", "3571"),
    ] {
        let said = Checked::new().set(variable, value).said().await;
        let line = find(&said, "WRONG", &["RED5_TOKEN_TTL_SECONDS must be"]);
        for other in ["RED5_JWT_TTL_MINUTES", "RED5_CLOCK_SKEW_SECONDS"] {
            assert!(line.contains(other), "{line}");
        }
    }
    let said = Checked::new()
        .set("RED5_JWT_TTL_MINUTES", "5")
        .set("RED5_TOKEN_TTL_SECONDS", "300");
    find(&said.said().await, "WRONG", &["from 60 to 270"]);
}

#[tokio::test]
async fn r5_9_an_issuer_for_red5_with_white_space_is_found() {
    for issuer in [" bridge", "bridge ", "bridge\n"] {
        let said = Checked::new().set("RED5_JWT_ISSUER", issuer).said().await;
        find(&said, "WRONG", &["RED5_JWT_ISSUER", "byte for byte"]);
    }
}

#[tokio::test]
async fn an_unknown_parameter_of_the_database_address_is_refused() {
    for (url, words) in [
        (
            "postgres://u@h/d?sslmod=require",
            "its parameter sslmod is unknown",
        ),
        (
            "postgres://u@h/d?sslmode=verify_full",
            "sslmode must be one of",
        ),
        ("postgres://u@h/d?port=x", "its parameter port"),
        ("postgres://u:p?Ww&x=1@h/d", "DATABASE_URL"),
        ("mysql://u@h/d", "must be an address such as postgres://"),
        ("host=h user=u", "must be an address such as postgres://"),
    ] {
        let said = Checked::new().set("DATABASE_URL", url).said().await;
        find(&said, "WRONG", &["DATABASE_URL", words]);
    }
}

#[tokio::test]
async fn a_log_that_would_be_silent_is_noticed() {
    for (filter, words) in [
        ("inof", "Did you mean info?"),
        ("warn,red5_bridge:debug", "red5_bridge=debug"),
        ("debgu", "Did you mean debug?"),
    ] {
        let said = Checked::new().set("RUST_LOG", filter).said().await;
        find(&said, "note", &["RUST_LOG", words]);
    }
    let said = Checked::new().set("RUST_LOG", "red5_bridge=loud");
    find(&said.said().await, "WRONG", &["RUST_LOG", "cannot be read"]);
    for filter in [
        "info",
        "WARN",
        "warn,red5_bridge=debug,sqlx::postgres::notice=error",
        "off",
    ] {
        let said = Checked::new().set("RUST_LOG", filter).said().await;
        assert!(
            !said.iter().any(|line| line.contains("RUST_LOG")),
            "{filter} {said:?}"
        );
    }
}

#[tokio::test]
async fn an_allowed_origin_on_another_site_is_noted_because_no_cookie_comes_from_there() {
    let checked = Checked::new()
        .set("BRIDGE_PUBLIC_URL", "http://127.0.0.1:8080")
        .set(
            "BRIDGE_ALLOWED_ORIGINS",
            "http://localhost:9000,http://127.0.0.1:9000",
        );
    let said = checked.said().await;
    let line = find(&said, "note", &["BRIDGE_ALLOWED_ORIGINS"]);
    for words in [
        "http://localhost:9000 of",
        "an IP address is a site by itself",
        "401 cross_site",
        "use localhost, or 127.0.0.1, for both",
    ] {
        assert!(line.contains(words), "{line}");
    }

    let checked = checked
        .set("BRIDGE_PUBLIC_URL", "https://bridge.example.co.uk")
        .set(
            "BRIDGE_ALLOWED_ORIGINS",
            "https://app.example.co.uk,https://app.example.com,https://app.co.uk",
        );
    let said = checked.said().await;
    find(
        &said,
        "note",
        &["https://app.example.com of", "registrable domains differ"],
    );
    find(
        &said,
        "note",
        &[
            "https://app.co.uk of",
            "is probably on another site",
            "co.uk",
        ],
    );
    assert!(!said.iter().any(|line| line.contains("app.example.co.uk")));
}
