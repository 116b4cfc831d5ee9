//! `DATABASE_URL`, judged before anything connects.
//!
//! The library passes over a parameter that it does not know, so that a
//! misspelt `sslmode` would mean an unprotected connection and nobody be told;
//! and it writes the parameter's value to the log, which may be a password.

use std::net::IpAddr;

use url::Url;

const SSL_MODES: [&str; 6] = [
    "disable",
    "allow",
    "prefer",
    "require",
    "verify-ca",
    "verify-full",
];

/// What the library reads besides those that are judged one by one.
const OTHERS: [&str; 13] = [
    "sslrootcert",
    "ssl-root-cert",
    "ssl-ca",
    "sslcert",
    "ssl-cert",
    "sslkey",
    "ssl-key",
    "host",
    "dbname",
    "user",
    "password",
    "application_name",
    "options",
];

/// Says what is wrong with an address; never repeats a part of it that may be
/// secret.
pub(super) fn check(text: &str) -> Result<(), String> {
    let url = Url::parse(text).ok();
    let url = url.filter(|url| ["postgres", "postgresql"].contains(&url.scheme()));
    let Some(url) = url else {
        return Err(
            "must be an address such as postgres://USER:PASSWORD@HOST/DATABASE; \
             write special characters of the password percent-encoded (@ is %40)"
                .to_owned(),
        );
    };
    for (name, value) in url.query_pairs() {
        let good = match &*name {
            "sslmode" | "ssl-mode" => {
                if !SSL_MODES.contains(&&*value) {
                    return Err(format!("sslmode must be one of {}", SSL_MODES.join(", ")));
                }
                true
            }
            "port" => value.parse::<u16>().is_ok(),
            "hostaddr" => value.parse::<IpAddr>().is_ok(),
            "statement-cache-capacity" => value.parse::<usize>().is_ok(),
            name => OTHERS.contains(&name) || name.starts_with("options["),
        };
        if !good {
            return Err(unreadable(&name));
        }
    }
    Ok(())
}

/// A name with other characters may be a piece of a password with `?` in it.
fn unreadable(name: &str) -> String {
    let plain = |c: char| c.is_ascii_lowercase() || matches!(c, '_' | '-');
    if name.len() <= 30 && name.chars().all(plain) {
        format!(
            "its parameter {name} is unknown or cannot be read; TLS is asked for by sslmode=verify-full"
        )
    } else {
        "has a parameter that is unknown; write ? and & of the password as %3F and %26".to_owned()
    }
}
