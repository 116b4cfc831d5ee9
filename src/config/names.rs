//! The names of all variables, for finding what was misspelt: a variable that
//! is not read has no effect and causes no message.

/// What the bridge reads; `true` where the value may come from a file.
pub const VARIABLES: [(&str, bool); 40] = [
    ("DATABASE_URL", true),
    ("DATABASE_LISTEN_URL", true),
    ("BRIDGE_DATABASE_POOL", false),
    ("BRIDGE_PUBLIC_URL", false),
    ("BRIDGE_LISTEN", false),
    ("BRIDGE_OPS_LISTEN", false),
    ("BRIDGE_SECRET_KEYS", true),
    ("BRIDGE_ADMIN_GROUPS", false),
    ("BRIDGE_ALLOWED_ORIGINS", false),
    ("BRIDGE_TRUSTED_PROXIES", false),
    ("BRIDGE_RATE_LIMITS", false),
    ("BRIDGE_SESSION_IDLE_MINUTES", false),
    ("BRIDGE_SESSION_MAX_HOURS", false),
    ("BRIDGE_GROUPS_MAX_AGE_SECONDS", false),
    ("BRIDGE_UNREFRESHED_MAX_MINUTES", false),
    ("BRIDGE_MAX_STALENESS_SECONDS", false),
    ("OIDC_ISSUER_URL", false),
    ("OIDC_CLIENT_ID", false),
    ("OIDC_CLIENT_SECRET", true),
    ("OIDC_CLIENT_KEY_FILE", false),
    ("OIDC_CLIENT_KEY_ID", false),
    ("OIDC_TOKEN_AUTH_METHOD", false),
    ("OIDC_CA_FILE", false),
    ("OIDC_SCOPES", false),
    ("OIDC_GROUPS_CLAIM", false),
    ("OIDC_USERNAME_CLAIM", false),
    ("OIDC_NAME_CLAIM", false),
    ("OIDC_SIGNING_ALGS", false),
    ("OIDC_TRUSTED_AUDIENCES", false),
    ("RED5_JWT_SECRET", true),
    ("RED5_JWT_SECRET_ENCODING", false),
    ("RED5_JWT_ISSUER", false),
    ("RED5_JWT_TTL_MINUTES", false),
    ("RED5_TOKEN_TTL_SECONDS", false),
    ("RED5_CLOCK_SKEW_SECONDS", false),
    ("RED5_TOKEN_MAX_BYTES", false),
    ("RED5_SUBJECT", false),
    ("RED5_SERVER_URL", false),
    ("LOG_FORMAT", false),
    ("RUST_LOG", false),
];

const PREFIXES: [&str; 3] = ["BRIDGE_", "OIDC_", "RED5_"];

/// Changes of one character that still count as the same word.
const NEAR: usize = 2;

/// A variable that is set but not read, and the remedy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unknown {
    /// Its name.
    pub variable: String,
    /// A sentence for the operator.
    pub remedy: String,
}

/// Those of `set` that look as if they were meant for the bridge and are none
/// of its variables.
pub fn unknown<'a>(set: impl IntoIterator<Item = &'a str>) -> Vec<Unknown> {
    let mut found: Vec<Unknown> = set.into_iter().filter_map(judge).collect();
    found.sort_by(|a, b| a.variable.cmp(&b.variable));
    found.dedup();
    found
}

fn judge(name: &str) -> Option<Unknown> {
    if is_read(name) || is_of_kubernetes(name) {
        return None;
    }
    let remedy = remedy(name);
    let ours = PREFIXES.iter().any(|prefix| name.starts_with(prefix));
    let remedy = match remedy {
        Some(remedy) => remedy,
        None if ours => "remove it; .env.example lists every variable".to_owned(),
        None => return None,
    };
    Some(Unknown {
        variable: name.to_owned(),
        remedy,
    })
}

fn is_read(name: &str) -> bool {
    VARIABLES.iter().any(|(variable, from_file)| {
        name == *variable || (*from_file && name.strip_suffix("_FILE") == Some(variable))
    })
}

fn remedy(name: &str) -> Option<String> {
    if let Some(value) = name.strip_suffix("_FILE")
        && is_read(value)
    {
        return Some(format!(
            "only secrets are read from files: set {value} itself"
        ));
    }
    let with_files = VARIABLES.iter().flat_map(|(variable, from_file)| {
        let file = from_file.then(|| format!("{variable}_FILE"));
        std::iter::once((*variable).to_owned()).chain(file)
    });
    let upper = name.to_ascii_uppercase();
    let nearest = with_files
        .map(|known| (strsim::osa_distance(&upper, &known), known))
        .min()?;
    let (distance, known) = nearest;
    (distance <= NEAR).then(|| format!("did you mean {known}?"))
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
        unknown([name]).pop().map(|unknown| unknown.remedy)
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
