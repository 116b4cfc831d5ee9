//! Variables that are set and that nothing reads: probably misspelt. Such a variable has no effect
//! and would cause no message.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use super::{Config, Problem, Reader, Variables};

/// Every name that the configuration asks for where nothing is set; of a secret X, `X_FILE` too.
static NAMES: LazyLock<BTreeSet<String>> = LazyLock::new(|| {
    let nothing = Variables::default();
    let mut reader = Reader::new(&nothing);
    Config::read(&mut reader);
    reader.names.into_iter().collect()
});

const PREFIXES: [&str; 3] = ["BRIDGE_", "OIDC_", "RED5_"];

/// Most changes of one character that still count as the same word.
const NEAR: usize = 2;

/// The names of all variables that the bridge reads.
pub fn names_read() -> &'static BTreeSet<String> {
    &NAMES
}

impl Variables {
    /// Those that look as if they were meant for the bridge, and that it does not read.
    pub fn unknown(&self) -> impl Iterator<Item = Problem> {
        self.names().filter_map(judge)
    }
}

/// The remedy is the reason of the problem.
fn judge(name: &str) -> Option<Problem> {
    if NAMES.contains(name) || is_of_kubernetes(name) {
        return None;
    }
    let is_ours = PREFIXES.iter().any(|prefix| name.starts_with(prefix));
    let reason = remedy(name)
        .or_else(|| is_ours.then(|| "remove it; .env.example lists every variable".to_owned()))?;
    Some(Problem {
        variable: name.to_owned(),
        reason,
    })
}

fn remedy(name: &str) -> Option<String> {
    if let Some(value) = name.strip_suffix("_FILE")
        && NAMES.contains(value)
    {
        return Some(format!(
            "only secrets are read from files: set {value} itself"
        ));
    }
    let upper = name.to_ascii_uppercase();
    let known = NAMES.iter();
    let (distance, nearest) = known
        .map(|known| (strsim::osa_distance(&upper, known), known))
        .min()?;
    (distance <= NEAR).then(|| format!("did you mean {nearest}?"))
}

/// A service named `bridge` or `red5-…` makes Kubernetes set
/// `BRIDGE_SERVICE_HOST`, `BRIDGE_PORT_8080_TCP_ADDR` and the like in every pod.
fn is_of_kubernetes(name: &str) -> bool {
    let of_service = ["_SERVICE_HOST", "_SERVICE_PORT", "_PORT"];
    of_service.iter().any(|end| name.ends_with(end))
        || name.contains("_SERVICE_PORT_")
        || (name.contains("_PORT_") && (name.contains("_TCP") || name.contains("_UDP")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn remedy_of(name: &str) -> Option<String> {
        judge(name).map(|problem| problem.reason)
    }

    #[test]
    fn sc_1_a_misspelt_variable_is_found_with_what_was_meant() {
        for (wrong, meant) in [
            ("BRIDGE_ADMIN_GROUP", "BRIDGE_ADMIN_GROUPS"),
            ("OIDC_CLIENT_SERCET", "OIDC_CLIENT_SECRET"),
            ("OIDC_ISSUER_URI", "OIDC_ISSUER_URL"),
            ("RED5_JWT_TTL_MINUTE", "RED5_JWT_TTL_MINUTES"),
            ("BRDIGE_PUBLIC_URL", "BRIDGE_PUBLIC_URL"),
            ("DATABSE_URL", "DATABASE_URL"),
            ("RED5_JWT_SECRET_FIEL", "RED5_JWT_SECRET_FILE"),
            ("bridge_listen", "BRIDGE_LISTEN"),
        ] {
            let expected = format!("did you mean {meant}?");
            assert_eq!(remedy_of(wrong).as_deref(), Some(&*expected), "{wrong}");
        }
    }

    #[test]
    fn what_is_far_from_everything_is_found_by_its_beginning_alone() {
        for name in ["BRIDGE_DEBUG", "OIDC_REDIRECT_URI", "RED5_HOST"] {
            assert!(remedy_of(name).unwrap().starts_with("remove it"), "{name}");
        }
        let file = remedy_of("OIDC_CLIENT_ID_FILE").unwrap();
        assert!(file.ends_with("set OIDC_CLIENT_ID itself"), "{file}");
    }

    #[test]
    fn what_belongs_to_others_is_left_alone() {
        for name in [
            "PATH",
            "HOME",
            "LOGNAME",
            "RUST_BACKTRACE",
            "BRIDGE_SERVICE_HOST",
            "RED5_BRIDGE_PORT",
            "RED5_BRIDGE_SERVICE_PORT_HTTP",
            "BRIDGE_PORT_8080_TCP_ADDR",
            "DATABASE_URL_FILE",
        ] {
            assert_eq!(remedy_of(name), None, "{name}");
        }
    }
}
