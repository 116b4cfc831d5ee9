//! `red5-bridge check`: each mistake that people make is found and comes with its
//! remedy; what is right is not complained about; no secret is repeated.

mod authentication;
mod clocks;
mod database;
mod output;
mod provider;
mod transport;
mod variables;

use std::collections::BTreeMap;
use std::sync::Arc;

use red5_bridge::cli::check::{self, Report};
use red5_bridge::clock::{Clock, SystemClock};
use red5_bridge::config::Variables;
use serde_json::json;

use crate::bridge::{ORIGIN, RED5_SECRET, SECRET_KEY, environment};
use crate::database::new_database;
use crate::provider::{CLIENT_SECRET, Provider};

/// A database where no server listens: what is judged here does not need it.
const NO_DATABASE: &str = "postgres://bridge:db-canary@127.0.0.1:1/bridge";

/// The variables, some of them set otherwise; an empty value takes one away.
pub struct Checked {
    provider: Provider,
    variables: BTreeMap<String, String>,
}

impl Checked {
    /// With a provider that has everything, and no database.
    pub fn new() -> Self {
        let provider = Provider::start();
        provider.register(&[&format!("{ORIGIN}/auth/callback")]);
        provider.discovery(|document| {
            document
                .set("scopes_supported", json!(["openid", "profile", "email"]))
                .set("claims_supported", json!(["sub", "name", "groups"]))
                .set(
                    "grant_types_supported",
                    json!(["authorization_code", "refresh_token"]),
                )
        });
        let mut variables = environment(NO_DATABASE, provider.issuer());
        let app = ORIGIN.replace("//", "//app.");
        variables.insert("BRIDGE_ALLOWED_ORIGINS".to_owned(), app);
        Self {
            provider,
            variables,
        }
    }

    /// The same with a database that is migrated.
    async fn with_database() -> Self {
        Self::new().set("DATABASE_URL", &new_database().await)
    }

    pub fn set(mut self, name: &str, value: &str) -> Self {
        self.variables.insert(name.to_owned(), value.to_owned());
        self
    }

    async fn report_by(&self, clock: Arc<dyn Clock>) -> Report {
        let report = check::run(&Variables::from_iter(self.variables.clone()), clock).await;
        let text = report.to_string();
        for secret in ["db-canary", CLIENT_SECRET, RED5_SECRET, SECRET_KEY] {
            assert!(!text.contains(secret), "{secret} in: {text}");
        }
        for name in ["OIDC_CLIENT_SECRET", "RED5_JWT_SECRET", "DATABASE_URL"] {
            let secret = self.variables.get(name).filter(|value| value.len() > 6);
            if let Some(secret) = secret {
                assert!(!text.contains(secret.trim()), "{name} in: {text}");
            }
        }
        report
    }

    async fn report(&self) -> Report {
        self.report_by(Arc::new(SystemClock)).await
    }

    /// One line for each finding and note, words joined, and its kind before it.
    pub async fn said(&self) -> Vec<String> {
        said(&self.report().await)
    }
}

/// The report as one line for each thing that was said.
fn said(report: &Report) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for line in report.to_string().lines() {
        let goes_on = line.starts_with("          ");
        match lines.last_mut() {
            Some(last) if goes_on => {
                last.push(' ');
                last.push_str(line.trim());
            }
            _ if line.starts_with("  ") => lines.push(line.trim().to_owned()),
            _ => {}
        }
    }
    lines
}

/// The one line of this kind that holds all these words.
#[track_caller]
pub fn find<'a>(lines: &'a [String], kind: &str, words: &[&str]) -> &'a str {
    let mut found = lines
        .iter()
        .filter(|line| line.starts_with(kind) && words.iter().all(|word| line.contains(word)));
    let line = found
        .next()
        .unwrap_or_else(|| panic!("no {kind} with {words:?} in {lines:#?}"));
    assert!(found.next().is_none(), "{words:?} twice in {lines:#?}");
    line
}

/// Lines of a kind that are about the provider, where the database is not there.
fn wrong_besides_the_database(lines: &[String]) -> Vec<&String> {
    let wrong = lines.iter().filter(|line| line.starts_with("WRONG"));
    wrong
        .filter(|line| !line.contains("no server listens at the host and port of DATABASE_URL"))
        .collect()
}
