//! The commands, with good and bad configurations.

use std::process::{Command, Stdio};

use super::Canaries;
use crate::bridge::{RED5_SECRET, SECRET_KEY, environment};
use crate::database::empty_database;
use crate::provider::{CLIENT_SECRET, Place, Provider};

/// Everything a command wrote.
fn said(words: &[&str], variables: &[(String, String)]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_red5-bridge"))
        .args(words)
        .env_clear()
        .env("RUST_LOG", "trace")
        .envs(variables.iter().cloned())
        .current_dir(std::env::temp_dir())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let both = [output.stdout, output.stderr].concat();
    String::from_utf8(both).unwrap()
}

fn secrets() -> Canaries {
    let mut canaries = Canaries::default();
    for (name, value) in [
        ("database password", "database-password-canary"),
        ("client secret", CLIENT_SECRET),
        ("Red5 secret", RED5_SECRET),
        ("secret key", SECRET_KEY),
        ("wrong value", "a-wrong-value-canary"),
    ] {
        canaries.add(name, value);
    }
    canaries
}

async fn good() -> (Provider, Vec<(String, String)>) {
    let provider = Provider::start();
    let mut url = url::Url::parse(&empty_database().await).unwrap();
    url.set_password(Some("database-password-canary")).unwrap();
    let variables = environment(url.as_str(), provider.issuer());
    (provider, variables.into_iter().collect())
}

#[tokio::test]
async fn sc_2_no_command_prints_a_secret_when_all_is_well() {
    let (_provider, variables) = good().await;
    let canaries = secrets();
    for words in [
        &["check"][..],
        &["migrate"],
        &["check"],
        &["red5-config"],
        &["healthcheck"],
        &["inspect", "not.a.token"],
    ] {
        let text = said(words, &variables);
        assert!(!text.is_empty(), "{words:?}");
        canaries.check(&words.join(" "), &text, &[]);
    }
    let text = said(&["red5-config", "--show-secret"], &variables);
    assert!(text.contains(RED5_SECRET));
    canaries.check("red5-config --show-secret", &text, &["Red5 secret"]);
}

#[tokio::test]
async fn sc_2_no_command_prints_a_secret_when_something_is_wrong() {
    let (_provider, good) = good().await;
    let canaries = secrets();
    let canary = "a-wrong-value-canary";
    let database = |rest: &str| format!("postgres://u:database-password-canary{rest}");
    let nowhere = Place::free().issuer();
    for (variable, value) in [
        ("DATABASE_URL", canary.to_owned()),
        ("DATABASE_URL", database("@127.0.0.1:1/x")),
        (
            "DATABASE_URL",
            database("@127.0.0.1:1/x?pasword=a-wrong-value-canary"),
        ),
        (
            "DATABASE_URL",
            database("@127.0.0.1:1/x?sslmode=a-wrong-value-canary"),
        ),
        ("DATABASE_URL", database("?a-wrong-value-canary=1@h/x")),
        ("DATABASE_URL", database("#@h:a-wrong-value-canary/x")),
        ("DATABASE_LISTEN_URL", canary.to_owned()),
        ("DATABASE_LISTEN_URL", database("@127.0.0.1:1/x")),
        (
            "DATABASE_LISTEN_URL",
            database("#@h:a-wrong-value-canary/x"),
        ),
        (
            "BRIDGE_PUBLIC_URL",
            format!("https://u:{canary}@bridge.example"),
        ),
        ("BRIDGE_LISTEN", canary.to_owned()),
        ("BRIDGE_SECRET_KEYS", canary.to_owned()),
        ("OIDC_ISSUER_URL", format!("https://u:{canary}@id.example")),
        ("OIDC_ISSUER_URL", nowhere),
        ("OIDC_CLIENT_SECRET", canary.to_owned()),
        ("OIDC_CLIENT_SECRET", format!(" {canary}\n")),
        ("OIDC_SCOPES", format!("{canary}\u{e9}")),
        ("OIDC_CA_FILE", format!("/{canary}")),
        ("RED5_JWT_SECRET", canary.to_owned()),
        (
            "RED5_JWT_SECRET",
            format!(" {canary}-of-more-than-thirty-two-bytes"),
        ),
        ("RED5_JWT_SECRET_ENCODING", canary.to_owned()),
        ("RUST_LOG", format!("x={canary}")),
        ("LOG_FORMAT", canary.to_owned()),
    ] {
        let mut variables = good.clone();
        variables.retain(|(name, _)| name != variable);
        variables.push((variable.to_owned(), value));
        let mut words = vec![
            &["check"][..],
            &["migrate"],
            &["red5-config"],
            &["inspect", "x"],
        ];
        // It would start with these.
        let starts = [
            "OIDC_CLIENT_SECRET",
            "OIDC_ISSUER_URL",
            "DATABASE_URL",
            "DATABASE_LISTEN_URL",
        ];
        if !starts.contains(&variable) {
            words.push(&["serve"]);
        }
        for words in words {
            let text = said(words, &variables);
            canaries.check(&format!("{} with {variable}", words.join(" ")), &text, &[]);
            assert!(!text.contains("panicked"), "{text}");
        }
    }
}
