//! `red5-bridge check`: the mistakes that people make, each with its remedy.
//!
//! Configuration, database and provider are judged on their own, so that a wrong
//! variable hides nothing of what does not depend on it. What is certain to go
//! wrong is a *finding*; what may be meant, or cannot be known from here, is a
//! *note*. No secret is repeated, and text of others is made safe to look at.

mod announced;
mod configuration;
mod database;
mod origins;
mod provider;
mod report;

use std::sync::Arc;

use crate::clock::Clock;
use crate::config::red5::Red5;
use crate::config::{self, Config, Lookup, Problems};
use crate::domain::lifetime::TTL_MIN_SECONDS;

pub use report::{Group, Report};

/// What is judged: values, and the names of everything that is set.
pub struct Sources {
    lookup: Box<Lookup<'static>>,
    names: Vec<String>,
}

impl Sources {
    /// The environment and `.env`.
    ///
    /// # Errors
    /// When `.env` cannot be read.
    pub fn of_environment() -> Result<Self, Problems> {
        Ok(Self {
            lookup: config::environment_lookup()?,
            names: config::names_set(),
        })
    }

    /// A table.
    pub fn of(variables: impl IntoIterator<Item = (String, String)>) -> Self {
        let variables: std::collections::BTreeMap<_, _> = variables.into_iter().collect();
        Self {
            names: variables.keys().cloned().collect(),
            lookup: Box::new(move |name| Ok(variables.get(name).cloned())),
        }
    }
}

/// Judges everything that can be known from here.
pub async fn run(sources: &Sources, clock: Arc<dyn Clock>) -> Report {
    let mut report = Report::default();
    let problems = Config::from_lookup(&*sources.lookup).err();
    let problems = problems.map_or(Vec::new(), |problems| problems.0);
    configuration::judge(sources, &problems, &mut report);
    if let Ok(settings) = config::part_of(&*sources.lookup, config::read_database) {
        database::judge(&settings, &*clock, &mut report).await;
    }
    if let Ok(settings) = config::part_of(&*sources.lookup, config::read_provider) {
        provider::judge(sources, &settings, &*clock, &mut report).await;
    }
    if let Ok(red5) = config::part_of(&*sources.lookup, Red5::read) {
        judge_red5(&red5, &mut report);
    }
    report
}

/// The server itself cannot be asked: it has no such question.
fn judge_red5(red5: &Red5, report: &mut Report) {
    report.good(
        Group::Red5,
        format!(
            "tokens live {} to {} seconds; the server must take {} minutes (jwt.ttl.minutes)",
            TTL_MIN_SECONDS,
            red5.longest_ttl_seconds,
            red5.server_ttl_seconds / 60
        ),
    );
    report.good(
        Group::Red5,
        "compare the server's red5-web.properties with: red5-bridge red5-config".to_owned(),
    );
}
