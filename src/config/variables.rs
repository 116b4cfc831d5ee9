//! The variables that are set, and the names of the known variables.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::sync::LazyLock;

use super::reader::{ConfigError, Reader};
use super::{Config, env_file};

/// Every name that is read from an empty environment; for a secret X also `X_FILE`.
static NAMES: LazyLock<BTreeSet<String>> = LazyLock::new(|| {
    let nothing = BTreeMap::new();
    let mut reader = Reader::new(&nothing, |_| false);
    Config::read(&mut reader);
    reader.names.into_iter().collect()
});

const PREFIXES: [&str; 3] = ["BRIDGE_", "OIDC_", "RED5_"];

/// Maximum edit distance at which two names count as similar.
const NEAR: usize = 2;

/// The names of all variables that the bridge reads.
pub fn names_read() -> &'static BTreeSet<String> {
    &NAMES
}

/// The values that are set, by name.
#[derive(Default)]
pub struct Variables(BTreeMap<String, OsString>);

impl Variables {
    /// The environment, completed by `.env` in the current folder.
    ///
    /// # Errors
    /// If `.env` cannot be read as it is written.
    pub fn of_process() -> Result<Self, ConfigError> {
        let mut variables: Self = env_file::read()?.into_iter().collect();
        let set = std::env::vars_os();
        let set = set.filter_map(|(name, value)| Some((name.into_string().ok()?, value)));
        variables.0.extend(set);
        Ok(variables)
    }

    /// The names of all variables that are set.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// Who runs the program, for the audit log of the command line.
    pub fn user(&self) -> String {
        let named = ["USER", "LOGNAME"]
            .into_iter()
            .filter_map(|name| self.0.get(name)?.to_str());
        let mut named = named.filter(|user| !user.is_empty());
        named.next().unwrap_or("unknown").to_owned()
    }

    /// Reads a part of the configuration.
    ///
    /// # Errors
    /// If a variable of that part is invalid.
    pub fn read<T>(
        &self,
        part: impl FnOnce(&mut Reader<'_>) -> Option<T>,
    ) -> Result<T, ConfigError> {
        let mut reader = Reader::new(&self.0, |name| NAMES.contains(name));
        let read = part(&mut reader);
        reader.finish(read)
    }

    /// Variables that seem to be meant for the bridge but are not known, each with its remedy. They
    /// are probably misspelt and would silently have no effect.
    pub fn unknown(&self) -> impl Iterator<Item = (&str, String)> {
        self.names()
            .filter_map(|name| Some((name, remedy_of_unknown(name)?)))
    }
}

impl<N: Into<String>, V: Into<OsString>> FromIterator<(N, V)> for Variables {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(variables: I) -> Self {
        let variables = variables.into_iter();
        let variables = variables.map(|(name, value)| (name.into(), value.into()));
        Self(variables.collect())
    }
}

fn remedy_of_unknown(name: &str) -> Option<String> {
    if NAMES.contains(name) || is_of_kubernetes(name) {
        return None;
    }
    if let Some(value) = name.strip_suffix("_FILE")
        && NAMES.contains(value)
    {
        return Some(format!(
            "only secrets are read from files: set {value} itself"
        ));
    }
    let upper = name.to_ascii_uppercase();
    let distances = NAMES
        .iter()
        .map(|known| (strsim::osa_distance(&upper, known), known));
    match distances.min() {
        Some((distance, nearest)) if distance <= NEAR => Some(format!("did you mean {nearest}?")),
        _ => PREFIXES
            .iter()
            .any(|prefix| name.starts_with(prefix))
            .then(|| "remove it; .env.example lists every variable".to_owned()),
    }
}

/// For a service named `bridge` or `red5-…`, Kubernetes sets `BRIDGE_SERVICE_HOST`,
/// `BRIDGE_PORT_8080_TCP_ADDR` and similar variables in every pod.
fn is_of_kubernetes(name: &str) -> bool {
    let of_service = ["_SERVICE_HOST", "_SERVICE_PORT", "_PORT"];
    of_service.iter().any(|end| name.ends_with(end))
        || name.contains("_SERVICE_PORT_")
        || (name.contains("_PORT_") && (name.contains("_TCP") || name.contains("_UDP")))
}

#[cfg(test)]
mod tests {
    use super::remedy_of_unknown as remedy_of;

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
