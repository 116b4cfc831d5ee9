//! `red5-bridge check`: the mistakes that people make, each with its remedy.
//!
//! Configuration, database and provider are judged separately, so that a wrong
//! variable hides nothing of what does not depend on it. What is certain to go
//! wrong is an *error*; what may be meant, or cannot be known from here, is a
//! *note*. No secret is repeated, and text from elsewhere is made safe to look at.

mod announced;
mod configuration;
mod database;
mod provider;

use std::fmt;
use std::sync::Arc;

use strum::{IntoStaticStr, VariantArray};

use crate::clock::Clock;
use crate::config::red5::Red5;
use crate::config::{self, Database, Variables};
use crate::domain::lifetime::TTL_MIN_SECONDS;
use crate::visible::visible;

/// Widest line of the report's text.
const WIDTH: usize = 96;

/// Before each line: two spaces, the kind, a space.
const INDENT: usize = 10;

/// Judges everything that can be known from here.
pub async fn run(variables: &Variables, clock: Arc<dyn Clock>) -> Report {
    let mut report = Report::default();
    configuration::judge(variables, &mut report);
    if let Ok(settings) = variables.read(Database::read) {
        database::judge(&settings, &*clock, &mut report.section(Area::Database)).await;
    }
    if let Ok(settings) = variables.read(config::read_provider) {
        let section = &mut report.section(Area::Provider);
        provider::judge(variables, &settings, &*clock, section).await;
    }
    if let Ok(red5) = variables.read(Red5::read) {
        judge_red5(&red5, &mut report.section(Area::Red5));
    }
    report
}

/// The server itself cannot be asked: it has no such question.
fn judge_red5(red5: &Red5, report: &mut Section<'_>) {
    report.good(format!(
        "tokens live {} to {} seconds; the server must take {} minutes (jwt.ttl.minutes)",
        TTL_MIN_SECONDS,
        red5.longest_ttl_seconds,
        red5.server_ttl_seconds / 60
    ));
    report.good("compare the server's red5-web.properties with: red5-bridge red5-config");
}

/// Everything that was looked at.
#[derive(Debug, Default)]
pub struct Report(Vec<Finding>);

/// One thing that was looked at.
#[derive(Debug)]
struct Finding {
    area: Area,
    kind: Kind,
    what: String,
    remedy: Option<String>,
}

/// Where a finding belongs, and is corrected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "lowercase")]
enum Area {
    /// `BRIDGE_*`, `LOG_FORMAT`, `RUST_LOG`, and variables that nothing reads.
    Configuration,
    Database,
    Provider,
    #[strum(serialize = "Red5")]
    Red5,
}

/// As it is written before a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, IntoStaticStr)]
enum Kind {
    #[strum(serialize = "ok")]
    Good,
    /// It may be meant, or cannot be known from here.
    #[strum(serialize = "note")]
    Note,
    /// It will go wrong.
    #[strum(serialize = "WRONG")]
    Wrong,
}

/// The part of a report that an area's findings are added to.
struct Section<'a> {
    report: &'a mut Report,
    area: Area,
}

impl Section<'_> {
    fn add(&mut self, kind: Kind, what: String, remedy: Option<String>) {
        self.report.0.push(Finding {
            area: self.area,
            kind,
            what,
            remedy,
        });
    }

    fn good(&mut self, what: impl Into<String>) {
        self.add(Kind::Good, what.into(), None);
    }

    fn note(&mut self, what: impl Into<String>, remedy: impl Into<String>) {
        self.add(Kind::Note, what.into(), Some(remedy.into()));
    }

    fn wrong(&mut self, what: impl Into<String>, remedy: impl Into<String>) {
        self.add(Kind::Wrong, what.into(), Some(remedy.into()));
    }
}

impl Report {
    fn section(&mut self, area: Area) -> Section<'_> {
        Section { report: self, area }
    }

    fn wrong(&self) -> impl Iterator<Item = &Finding> {
        self.0.iter().filter(|finding| finding.kind == Kind::Wrong)
    }

    /// How many things are wrong.
    pub fn findings(&self) -> usize {
        self.wrong().count()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for area in Area::VARIANTS {
            let findings = self.0.iter().filter(|finding| finding.area == *area);
            for (at, finding) in findings.enumerate() {
                if at == 0 {
                    writeln!(f, "{}", <&str>::from(area))?;
                }
                write_line(f, finding.kind.into(), &finding.what)?;
                if let Some(remedy) = &finding.remedy {
                    write_line(f, "", remedy)?;
                }
            }
        }
        match self.findings() {
            0 => writeln!(f, "Nothing is wrong."),
            1 => writeln!(f, "1 thing is wrong."),
            many => writeln!(f, "{many} things are wrong."),
        }
    }
}

/// Breaks between words; an address is never broken.
fn write_line(f: &mut fmt::Formatter<'_>, kind: &str, text: &str) -> fmt::Result {
    let text = visible(text);
    let mut used = INDENT;
    write!(f, "  {kind:<7}")?;
    for (at, word) in text.split(' ').enumerate() {
        let length = word.chars().count() + 1;
        if at > 0 && used + length > WIDTH {
            write!(f, "\n{:<1$}", "", INDENT - 1)?;
            used = INDENT;
        }
        write!(f, " {word}")?;
        used += length;
    }
    writeln!(f)
}
