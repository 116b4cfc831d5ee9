//! What the bridge is told: every mistake is named by its variable, with what
//! to do, all at once, and no value is ever repeated.

mod credentials;
mod edge;
pub mod files;
mod program;
mod red5;
mod wrong;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt as _;

use red5_bridge::config::{Config, VariableError, Variables};
use secrecy::ExposeSecret;

use crate::bridge::{RED5_SECRET, SECRET_KEY};

type Environment = BTreeMap<String, String>;

/// The least that works.
fn least() -> Environment {
    [
        (
            "DATABASE_URL",
            "postgres://bridge:db-canary@db.example/bridge",
        ),
        ("BRIDGE_PUBLIC_URL", "https://bridge.example"),
        ("BRIDGE_SECRET_KEYS", SECRET_KEY),
        ("OIDC_ISSUER_URL", "https://id.example"),
        ("OIDC_CLIENT_ID", "bridge"),
        ("OIDC_CLIENT_SECRET", "client-canary"),
        ("RED5_JWT_SECRET", RED5_SECRET),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into()
}

fn with(changes: &[(&str, &str)]) -> Environment {
    let mut environment = least();
    for (name, value) in changes {
        environment.insert((*name).to_owned(), (*value).to_owned());
    }
    environment
}

fn read(environment: &Environment) -> Result<Config, Vec<VariableError>> {
    let variables = Variables::from_iter(environment.clone());
    variables.read(Config::read).map_err(|problems| problems.0)
}

/// The configuration with these changes; it must be good.
fn good(changes: &[(&str, &str)]) -> Config {
    read(&with(changes)).unwrap_or_else(|problems| panic!("{changes:?}: {problems:?}"))
}

/// The variables that are wrong with these changes. Each is named once, with
/// what to do, and without its value.
fn wrong(changes: &[(&str, &str)]) -> Vec<String> {
    let Err(problems) = read(&with(changes)) else {
        panic!("{changes:?} is taken");
    };
    let said = format!("{problems:?}");
    // The remedy itself says base64.
    for (_, value) in changes
        .iter()
        .filter(|(_, value)| value.len() > 4 && *value != "base64")
    {
        assert!(!said.contains(*value), "{value} is repeated: {said}");
    }
    for problem in &problems {
        assert!(problem.reason.len() > 10, "{problem:?}");
    }
    problems
        .into_iter()
        .map(|problem| problem.variable)
        .collect()
}

/// Demands that this value of this variable is one problem of that variable.
fn each_is_refused(variable: &str, values: &[&str]) {
    for value in values {
        assert_eq!(
            wrong(&[(variable, value)]),
            [variable],
            "{variable}={value}"
        );
    }
}

#[test]
fn sc_1_everything_has_its_documented_default() {
    let config = good(&[("OIDC_CLIENT_SECRET", "")]);
    assert_eq!(config.listen.to_string(), "127.0.0.1:8080");
    assert!(config.admin_groups.is_empty() && config.allowed_origins.is_empty());
    assert_eq!(
        (config.session_idle_minutes, config.session_max_hours),
        (60, 12)
    );
    assert_eq!(
        (config.unrefreshed_max_minutes, config.max_staleness_seconds),
        (60, 5)
    );
    assert_eq!(config.seen_days, 30);
    assert_eq!(config.database.pool, 10);
    assert!(config.database.listen_url.is_none());
    assert!(config.oidc.credentials.secret().is_none() && config.oidc.ca_pem.is_none());
    assert_eq!(config.oidc.scopes, ["openid", "profile", "email"]);
    assert!(config.oidc.exchange_audiences.is_empty() && !config.oidc.introspection);
    let red5 = &config.red5;
    assert_eq!(
        (
            red5.server_ttl_seconds,
            red5.longest_ttl_seconds,
            red5.token_ttl_seconds
        ),
        (3600, 3570, 300)
    );
    assert_eq!(
        (red5.token_max_bytes, &red5.issuer, &red5.server_url),
        (4096, &None, &None)
    );
    assert_eq!(red5.secret.expose_secret(), RED5_SECRET.as_bytes());
}

#[test]
fn sc_1_what_is_required_is_asked_for_all_at_once_and_empty_counts_as_absent() {
    let required = [
        "DATABASE_URL",
        "BRIDGE_PUBLIC_URL",
        "BRIDGE_SECRET_KEYS",
        "OIDC_ISSUER_URL",
        "OIDC_CLIENT_ID",
        "RED5_JWT_SECRET",
    ];
    let empty = required.map(|name| (name, ""));
    assert_eq!(wrong(&empty), required);
    for name in required {
        assert_eq!(wrong(&[(name, "")]), [name]);
    }
    let problems = read(&Environment::new()).unwrap_err();
    let named: Vec<_> = problems
        .iter()
        .map(|problem| problem.variable.as_str())
        .collect();
    assert_eq!(named, required);
    assert!(
        problems
            .iter()
            .all(|problem| problem.reason.starts_with("is required"))
    );
}

#[test]
fn sc_1_an_empty_value_is_absent_everywhere() {
    let without = format!("{:?}", good(&[]));
    for name in [
        "BRIDGE_LISTEN",
        "BRIDGE_OPS_LISTEN",
        "BRIDGE_RED5_LISTEN",
        "BRIDGE_ADMIN_GROUPS",
        "BRIDGE_ALLOWED_ORIGINS",
        "BRIDGE_SESSION_IDLE_MINUTES",
        "BRIDGE_SESSION_MAX_HOURS",
        "BRIDGE_GROUPS_MAX_AGE_SECONDS",
        "BRIDGE_UNREFRESHED_MAX_MINUTES",
        "BRIDGE_MAX_STALENESS_SECONDS",
        "BRIDGE_SEEN_DAYS",
        "OIDC_CA_FILE",
        "OIDC_SCOPES",
        "OIDC_GROUPS_CLAIM",
        "OIDC_USERNAME_CLAIM",
        "OIDC_NAME_CLAIM",
        "OIDC_SIGNING_ALGS",
        "OIDC_EXCHANGE_AUDIENCES",
        "OIDC_INTROSPECTION",
        "RED5_JWT_SECRET_ENCODING",
        "RED5_JWT_SECRET_FILE",
        "RED5_JWT_ISSUER",
        "RED5_JWT_TTL_MINUTES",
        "RED5_TOKEN_TTL_SECONDS",
        "RED5_CLOCK_SKEW_SECONDS",
        "RED5_TOKEN_MAX_BYTES",
        "RED5_SUBJECT",
        "RED5_ROUND_TRIP_NETWORKS",
        "RED5_ROUND_TRIP_ROOM",
        "RED5_SERVER_URL",
        "RED5_SERVER_KIND",
        "RED5_NODE_GROUP",
        "LOG_FORMAT",
    ] {
        assert_eq!(format!("{:?}", good(&[(name, "")])), without, "{name}");
    }
}

#[test]
fn sc_1_a_list_is_comma_separated_and_trimmed_or_a_json_array() {
    for (text, groups) in [
        ("a,b", &["a", "b"][..]),
        (" b , a ", &["a", "b"]),
        ("a", &["a"]),
        ("[\"a,b\", \" c \"]", &[" c ", "a,b"]),
        ("[]", &[]),
    ] {
        let config = good(&[("BRIDGE_ADMIN_GROUPS", text)]);
        assert!(config.admin_groups.iter().eq(groups), "{text}");
    }
    let second = "ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8=";
    for keys in [
        format!("{SECRET_KEY}, {second}"),
        format!("[\"{SECRET_KEY}\",\"{second}\"]"),
    ] {
        assert_eq!(good(&[("BRIDGE_SECRET_KEYS", &keys)]).secret_keys.len(), 2);
    }
    for scopes in ["openid groups", "openid,groups", "[\"openid\",\"groups\"]"] {
        assert_eq!(
            good(&[("OIDC_SCOPES", scopes)]).oidc.scopes,
            ["openid", "groups"]
        );
    }
}

#[test]
fn sc_1_a_value_that_is_no_text_is_named() {
    for wrong in [
        "DATABASE_URL",
        "BRIDGE_ADMIN_GROUPS",
        "RED5_JWT_SECRET",
        "RED5_TOKEN_TTL_SECONDS",
        "OIDC_CLIENT_SECRET_FILE",
    ] {
        let environment = least().into_iter();
        let mut environment: BTreeMap<_, OsString> = environment
            .map(|(name, value)| (name, value.into()))
            .collect();
        environment.insert(wrong.to_owned(), OsString::from_vec(vec![0xff]));
        let variables = Variables::from_iter(environment);
        let problems = variables.read(Config::read).unwrap_err().0;
        let named: Vec<_> = problems
            .iter()
            .map(|problem| problem.variable.as_str())
            .collect();
        assert_eq!(named, [wrong]);
    }
}

#[test]
fn sc_2_debug_shows_no_secret() {
    let shown = format!("{:?}", good(&[]));
    for secret in [
        "db-canary",
        "client-canary",
        RED5_SECRET,
        SECRET_KEY,
        "[0, 1, 2, 3",
        "0, 1, 2, 3",
    ] {
        assert!(!shown.contains(secret), "{shown}");
    }
    assert!(shown.contains("https://bridge.example"));
}

#[test]
fn r5_1_the_secret_is_read_as_it_is_said_and_never_guessed() {
    // 44 characters that are base64 too: as they are, unless it is said.
    let utf8 = good(&[("RED5_JWT_SECRET", SECRET_KEY)]);
    assert_eq!(utf8.red5.secret.expose_secret(), SECRET_KEY.as_bytes());
    let base64 = good(&[
        ("RED5_JWT_SECRET", SECRET_KEY),
        ("RED5_JWT_SECRET_ENCODING", "base64"),
    ]);
    assert_eq!(
        base64.red5.secret.expose_secret(),
        (0..32).collect::<Vec<u8>>()
    );
}
