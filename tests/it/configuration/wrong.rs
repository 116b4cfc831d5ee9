//! Each variable, wrong in every way.

use super::{each_is_refused, good, read, with, wrong};

#[test]
fn sc_1_cs_7_addresses_of_the_bridge() {
    for variable in ["DATABASE_URL", "DATABASE_LISTEN_URL"] {
        each_is_refused(
            variable,
            &[
                "mysql://db.example/x",
                "db.example",
                "db-canary",
                "postgres://[",
                "postgres://x:99999999/y",
                "postgres://u:db@canary@h/x",
                "postgres://u:db-canary@h/x?sslmod=require",
            ],
        );
    }
    each_is_refused(
        "BRIDGE_DATABASE_POOL",
        &["0", "501", "-1", "1.5", "ten", "10 "],
    );
    let database = good(&[("BRIDGE_DATABASE_POOL", "500")]).database;
    assert_eq!((database.pool, database.listen_url.is_none()), (500, true));
    each_is_refused(
        "BRIDGE_LISTEN",
        &[
            "localhost:8080",
            "8080",
            "127.0.0.2",
            "127.0.0.1:99999",
            ":8081",
            "http://127.0.0.1:80",
        ],
    );
    each_is_refused(
        "BRIDGE_OPS_LISTEN",
        &["on", "OFF", "localhost:9090", "9090", "http://127.0.0.1:80"],
    );
    each_is_refused(
        "BRIDGE_ALLOWED_ORIGINS",
        // CS-7
        &[
            "*",
            "null",
            "https://*.example",
            "https://app.example/",
            "https://app.example/x",
            "https://app.example?x",
            "https://APP.example",
            "https://app.example:443",
            "http://app.example",
            "https://user@app.example",
            "app.example",
            "https://app.example,,https://b.example",
            "https://app.example https://b.example",
            "[\"https://app.example/\"]",
            "[1]",
            "[",
            "blob:https://app.example",
            "file:///",
        ],
    );
    let origins = [
        "https://app.example",
        "http://localhost:3000",
        "http://127.0.0.1:5173",
        "http://[::1]:3000",
    ];
    let config = good(&[("BRIDGE_ALLOWED_ORIGINS", &origins.join(", "))]);
    assert!(
        config
            .allowed_origins
            .iter()
            .map(red5_bridge::config::addresses::Origin::as_str)
            .eq(origins)
    );
}

/// As `docker run --env-file` hands over what is written for a shell.
#[test]
fn sc_1_quotes_around_a_value_are_not_a_part_of_it() {
    let set = with(&[
        ("BRIDGE_ADMIN_GROUPS", "streaming-admins"),
        ("OIDC_GROUPS_CLAIM", "groups"),
        ("RED5_JWT_ISSUER", "issuer"),
        ("BRIDGE_RATE_LIMITS", "on"),
    ]);
    for (variable, value) in &set {
        for quote in ["'", "\"", "`"] {
            let quoted = format!("{quote}{value}{quote}");
            let problems = read(&with(&[(variable, quoted.as_str())])).unwrap_err();
            assert_eq!(problems.len(), 1, "{problems:?}");
            assert_eq!(&problems[0].variable, variable);
            assert!(
                problems[0].reason.contains("quotes around it"),
                "{problems:?}"
            );
        }
    }
}

#[test]
fn sc_3_http_is_for_loopback_hosts_alone() {
    let elsewhere = [
        "http://bridge.example",
        "http://localhost.example",
        "http://notlocalhost",
        "http://192.168.1.1",
        "http://0.0.0.0",
        "http://127.0.0.1.example",
        "http://[fe80::1]",
        "http://2130706433.example",
    ];
    each_is_refused("BRIDGE_PUBLIC_URL", &elsewhere);
    each_is_refused("OIDC_ISSUER_URL", &elsewhere);
    each_is_refused("BRIDGE_ALLOWED_ORIGINS", &elsewhere);
    each_is_refused(
        "RED5_SERVER_URL",
        &elsewhere
            .map(|url| format!("{url}/live"))
            .each_ref()
            .map(String::as_str),
    );
    for loopback in [
        "http://localhost:9000",
        "http://127.0.0.1:9000",
        "http://[::1]:9000",
        "http://127.1.2.3:9000",
    ] {
        good(&[
            ("BRIDGE_PUBLIC_URL", loopback),
            ("OIDC_ISSUER_URL", loopback),
        ]);
    }
    // Cookies without `Secure` never cross a network.
    let listen = [
        ("BRIDGE_PUBLIC_URL", "http://localhost:9000"),
        ("BRIDGE_LISTEN", "0.0.0.0:9000"),
    ];
    assert_eq!(wrong(&listen), ["BRIDGE_LISTEN"]);
}

#[test]
fn sc_1_the_public_url_and_the_issuer() {
    let bad = [
        "bridge.example",
        "//bridge.example",
        "ftp://bridge.example",
        "javascript:alert(1)",
        "https://",
        "https://user:pass-canary@bridge.example",
        "https://bridge.example?x=canary",
        "https://bridge.example#canary",
        " https://bridge.example",
        "https://bridge.example\n",
        "https://bridge\t.example",
    ];
    each_is_refused("BRIDGE_PUBLIC_URL", &bad);
    each_is_refused("OIDC_ISSUER_URL", &bad);
    each_is_refused(
        "BRIDGE_PUBLIC_URL",
        &[
            "https://bridge.example/a//b",
            "https://bridge.example/a%20b",
            "https://bridge.example/{x}",
        ],
    );
    assert_eq!(
        good(&[("BRIDGE_PUBLIC_URL", "https://bridge.example/red5/")])
            .public_url
            .base_path(),
        "/red5"
    );
    // The issuer stays as it was written.
    assert_eq!(
        good(&[("OIDC_ISSUER_URL", "https://ID.example/x/")])
            .oidc
            .issuer,
        "https://ID.example/x/"
    );
}

#[test]
fn sc_1_keys() {
    let short = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHg==";
    let long = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8g";
    let zeros = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    let key = crate::bridge::SECRET_KEY;
    each_is_refused(
        "BRIDGE_SECRET_KEYS",
        &[
            "x",
            "key-canary",
            short,
            long,
            zeros,
            &key[..43],
            &format!("{key},"),
            &format!("{key},{short}"),
            &format!("{key},{zeros}"),
            "[]",
            "[\"x\"]",
            "[1]",
            "{}",
        ],
    );
}

#[test]
fn sc_1_lists_and_numbers() {
    each_is_refused(
        "BRIDGE_ADMIN_GROUPS",
        &[
            ",",
            "admins,",
            ",admins",
            "a,,b",
            "[\"a\"",
            "[1]",
            "[null]",
            "[\"\"]",
            "[[\"a\"]]",
            "[\"a\"]x",
        ],
    );
    let bounds = [
        ("BRIDGE_SESSION_IDLE_MINUTES", "10081"),
        ("BRIDGE_SESSION_MAX_HOURS", "721"),
        ("BRIDGE_GROUPS_MAX_AGE_SECONDS", "86401"),
        ("BRIDGE_UNREFRESHED_MAX_MINUTES", "43201"),
        ("BRIDGE_MAX_STALENESS_SECONDS", "301"),
        ("RED5_JWT_TTL_MINUTES", "525601"),
        ("RED5_TOKEN_TTL_SECONDS", "3571"),
        ("RED5_TOKEN_MAX_BYTES", "65537"),
    ];
    for (variable, above) in bounds {
        let bad = [
            "0",
            "-1",
            above,
            "9223372036854775808",
            "4294967297",
            "1e3",
            "60.0",
            "0x40",
            "60 s",
            " 60",
            "six",
            "\u{661}",
        ];
        each_is_refused(variable, &bad);
    }
    each_is_refused("BRIDGE_SEEN_DAYS", &["-1", "3651", "x", "1.5"]);
    each_is_refused(
        "RED5_CLOCK_SKEW_SECONDS",
        &["-1", "3601", "x", "18446744073709551616"],
    );
    each_is_refused("RED5_TOKEN_MAX_BYTES", &["511"]);
}

#[test]
fn sc_1_the_provider() {
    each_is_refused(
        "OIDC_SCOPES",
        &[
            "profile email",
            "openid \"x\"",
            "openid x\\y",
            "openid caf\u{e9}",
            "OpenID",
            "[\"openid\"",
            "[\"openid\",\"\"]",
        ],
    );
    for claim in [
        "OIDC_GROUPS_CLAIM",
        "OIDC_USERNAME_CLAIM",
        "OIDC_NAME_CLAIM",
    ] {
        let deep = ["a"; 17].join(".");
        each_is_refused(
            claim,
            &[".", "a.", ".a", "a..b", "/", "/a//b", "/a~2b", "/a~", &deep],
        );
    }
    each_is_refused(
        "OIDC_SIGNING_ALGS",
        &[
            "none",
            "HS256",
            "RS256,HS256",
            "rs256",
            "RS256,",
            "RS256 ES256",
            "None",
            "[\"none\"]",
        ],
    );
    good(&[("OIDC_SIGNING_ALGS", "RS256, ES256,EdDSA")]);
}

#[test]
fn sc_1_sc_2_everything_wrong_is_told_at_once_and_no_value_is() {
    let all = [
        ("DATABASE_URL", "canary-1"),
        ("DATABASE_LISTEN_URL", "canary-27"),
        ("BRIDGE_DATABASE_POOL", "canary-28"),
        ("BRIDGE_PUBLIC_URL", "canary-2"),
        ("BRIDGE_LISTEN", "canary-3"),
        ("BRIDGE_OPS_LISTEN", "canary-26"),
        ("BRIDGE_SECRET_KEYS", "canary-4"),
        ("BRIDGE_ADMIN_GROUPS", "canary-5,"),
        ("BRIDGE_ALLOWED_ORIGINS", "canary-6"),
        ("BRIDGE_SESSION_IDLE_MINUTES", "canary-7"),
        ("BRIDGE_SESSION_MAX_HOURS", "canary-8"),
        ("BRIDGE_UNREFRESHED_MAX_MINUTES", "canary-9"),
        ("BRIDGE_MAX_STALENESS_SECONDS", "canary-10"),
        ("OIDC_ISSUER_URL", "canary-11"),
        ("OIDC_CLIENT_KEY_FILE", "/canary-27"),
        ("OIDC_TOKEN_AUTH_METHOD", "canary-28"),
        ("OIDC_CA_FILE", "/canary-12"),
        ("OIDC_SCOPES", "canary-13"),
        ("OIDC_GROUPS_CLAIM", "canary-14."),
        ("OIDC_USERNAME_CLAIM", "canary-15."),
        ("OIDC_NAME_CLAIM", "canary-16."),
        ("OIDC_SIGNING_ALGS", "canary-17"),
        ("RED5_JWT_SECRET_ENCODING", "canary-18"),
        ("RED5_JWT_TTL_MINUTES", "canary-19"),
        ("RED5_CLOCK_SKEW_SECONDS", "canary-20"),
        ("RED5_TOKEN_TTL_SECONDS", "canary-21"),
        ("RED5_TOKEN_MAX_BYTES", "canary-22"),
        ("RED5_SUBJECT", "canary-23"),
        ("RED5_SERVER_URL", "canary-24"),
        ("LOG_FORMAT", "canary-25"),
    ];
    assert_eq!(wrong(&all), all.map(|(name, _)| name));
    let problems = read(&with(&all)).unwrap_err();
    let said = red5_bridge::config::ConfigError(problems).to_string();
    assert!(!said.contains("canary"), "{said}");
    assert_eq!(said.lines().count(), 1 + all.len());
}

#[test]
fn tx_5_introspection_is_switched_on_by_its_word_and_needs_an_audience() {
    each_is_refused("OIDC_INTROSPECTION", &["true", "ON", "1", "yes"]);
    assert_eq!(
        wrong(&[("OIDC_INTROSPECTION", "on")]),
        ["OIDC_INTROSPECTION"]
    );
    let audiences = ("OIDC_EXCHANGE_AUDIENCES", "https://bridge.example.com, api");
    let config = good(&[audiences, ("OIDC_INTROSPECTION", "on")]);
    assert!(config.oidc.introspection);
    assert_eq!(
        config.oidc.exchange_audiences,
        ["https://bridge.example.com", "api"]
    );
    assert!(!good(&[audiences]).oidc.introspection);
}
