//! What can be seen in the variables alone.

use secrecy::ExposeSecret;

use super::report::{Group, Report};
use super::{Sources, origins};
use crate::config::{self, Problem, Reader, unknown};

const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];

pub(super) fn judge(sources: &Sources, problems: &[Problem], report: &mut Report) {
    for problem in problems {
        let what = format!("{} {}", problem.variable, problem.reason);
        report.wrong(
            group(&problem.variable),
            what,
            "The bridge does not start like that. .env.example explains every variable.",
        );
    }
    for unknown in unknown(sources.names.iter().map(String::as_str)) {
        let what = format!("{} is set, and nothing reads it", unknown.variable);
        report.note(group(&unknown.variable), what, sentence(&unknown.remedy));
    }
    judge_client_secret(sources, report);
    judge_administrators(sources, report);
    origins::judge(sources, report);
    judge_log(sources, report);
    if !report.has_findings(Group::Configuration) {
        let set = sources.names.iter().filter(|name| is_ours(name)).count();
        report.good(
            Group::Configuration,
            format!("{set} variables are set, and good"),
        );
    }
}

/// Where to correct it.
fn group(variable: &str) -> Group {
    match variable {
        name if name.starts_with("DATABASE_") => Group::Database,
        name if name.starts_with("OIDC_") => Group::Provider,
        name if name.starts_with("RED5_") => Group::Red5,
        _ => Group::Configuration,
    }
}

fn is_ours(name: &str) -> bool {
    let name = name.strip_suffix("_FILE").unwrap_or(name);
    config::VARIABLES
        .iter()
        .any(|(variable, _)| *variable == name)
}

fn sentence(text: &str) -> String {
    let mut chars = text.chars();
    match chars.next() {
        Some(first) => first.to_uppercase().chain(chars).collect(),
        None => String::new(),
    }
}

/// One value, where it can be read.
fn value(sources: &Sources, variable: &str) -> Option<String> {
    (sources.lookup)(variable).ok().flatten()
}

/// A client secret is what the provider shows once, among other things to copy.
fn judge_client_secret(sources: &Sources, report: &mut Report) {
    let read = |reader: &mut Reader<'_>| Some(reader.secret("OIDC_CLIENT_SECRET"));
    let Ok(Some(secret)) = config::part_of(&*sources.lookup, read) else {
        return;
    };
    let secret = secret.expose_secret();
    if value(sources, "OIDC_CLIENT_ID").is_some_and(|id| id == secret) {
        report.wrong(
            Group::Provider,
            "OIDC_CLIENT_SECRET is the same as OIDC_CLIENT_ID",
            "Set it to the client's secret; the provider shows it when it is made. For a public \
             client leave it out.",
        );
    }
}

fn judge_administrators(sources: &Sources, report: &mut Report) {
    let groups = config::part_of(&*sources.lookup, |reader| {
        reader.list("BRIDGE_ADMIN_GROUPS")
    });
    if groups.is_ok_and(|groups| groups.is_empty()) {
        report.note(
            Group::Configuration,
            "BRIDGE_ADMIN_GROUPS is not set, so no user can edit the mappings",
            "Set it to a group of the provider, exactly as the provider sends it.",
        );
    }
}

/// A word that is no level is the name of a part of the program: `RUST_LOG=inof`
/// is silence, without a finding.
fn judge_log(sources: &Sources, report: &mut Report) {
    let Some(filter) = value(sources, "RUST_LOG") else {
        return;
    };
    for word in filter.split(',').map(str::trim) {
        let near = |level: &&&str| strsim::osa_distance(&word.to_lowercase(), level) <= 2;
        let exact = LEVELS.contains(&&*word.to_lowercase());
        let meant = LEVELS.iter().find(near);
        if let Some(level) = meant.filter(|_| !exact && word.len() > 2) {
            report.note(
                Group::Configuration,
                "RUST_LOG has a word that is no level, so it names a part of the program",
                format!("Did you mean {level}? Levels are {}.", LEVELS.join(", ")),
            );
        } else if word.contains(':') && !word.contains("::") {
            report.note(
                Group::Configuration,
                "RUST_LOG has a : where a part and its level are separated by =",
                "Write it as red5_bridge=debug.",
            );
        }
    }
}
