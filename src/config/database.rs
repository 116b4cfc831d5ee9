//! `DATABASE_*`, checked before any connection is made.
//!
//! The library ignores unknown parameters, so a misspelt `sslmode` would silently mean an
//! unprotected connection. It also logs the parameter's value, which may be part of a password. A
//! password that is not percent-encoded is read as host, port or database; that host would be
//! looked up and shown.

use std::net::IpAddr;

use percent_encoding::percent_decode_str;
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use super::reader::Reader;
use crate::tls;

/// Settings of the database connections.
#[derive(Debug)]
pub struct Database {
    /// `DATABASE_URL`
    pub url: SecretString,
    /// `DATABASE_LISTEN_URL`: the server itself, if `DATABASE_URL` leads to a pooler.
    pub listen_url: Option<SecretString>,
    /// `BRIDGE_DATABASE_POOL`: maximum number of connections to `DATABASE_URL`.
    pub pool: u32,
}

impl Database {
    /// Reads them all.
    pub fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let url = reader.required_secret("DATABASE_URL", FORM);
        let listen_url = reader.secret("DATABASE_LISTEN_URL");
        for (variable, url) in [("DATABASE_URL", &url), ("DATABASE_LISTEN_URL", &listen_url)] {
            if let Some(url) = url {
                reader.accept(variable, judge(url.expose_secret()));
            }
        }
        Some(Self {
            pool: reader.number("BRIDGE_DATABASE_POOL", 10, 1..=500),
            listen_url,
            url: url?,
        })
    }
}

const FORM: &str = "an address such as postgres://USER:PASSWORD@HOST/DATABASE";

const ENCODE: &str = "write special characters of the password percent-encoded (@ is %40, / is %2F, # is %23, \
                      ? is %3F, % is %25)";

const SSL_MODES: [&str; 6] = [
    "disable",
    "allow",
    "prefer",
    "require",
    "verify-ca",
    "verify-full",
];

/// Checks the URL. The reason never repeats a part that may be secret.
fn judge(text: &str) -> Result<(), String> {
    require_encoded(text)?;
    let url = Url::parse(text).ok();
    let url = url.filter(|url| ["postgres", "postgresql"].contains(&url.scheme()));
    let Some(url) = url else {
        return Err(format!("must be {FORM}; {ENCODE}"));
    };
    let mut names = Vec::new();
    for (name, value) in url.query_pairs() {
        judge_parameter(&name, &value)?;
        // The library uses the last duplicate, except for options, which it joins.
        if names.contains(&name) && name != "options" {
            return Err("has a parameter twice: remove one of them".to_owned());
        }
        names.push(name);
    }
    Ok(())
}

/// Refuses parameters that the library would ignore.
fn judge_parameter(name: &str, value: &str) -> Result<(), String> {
    let is_read = match name {
        "sslmode" | "ssl-mode" if !SSL_MODES.contains(&value) => {
            return Err(format!("sslmode must be one of {}", SSL_MODES.join(", ")));
        }
        "sslrootcert" | "ssl-root-cert" | "ssl-ca" => return judge_authorities(value),
        "port" => value.parse::<u16>().is_ok(),
        "hostaddr" => value.parse::<IpAddr>().is_ok(),
        "statement-cache-capacity" => value.parse::<usize>().is_ok(),
        "sslmode" | "ssl-mode" | "sslcert" | "ssl-cert" | "sslkey" | "ssl-key" | "host"
        | "dbname" | "user" | "password" | "application_name" | "options" => true,
        name => name.starts_with("options[") && name.ends_with(']'),
    };
    if is_read {
        Ok(())
    } else {
        Err(unreadable(name))
    }
}

/// Refuses characters that would be read with another meaning. After this check there is at most
/// one `@`, after user and password, so no part of the password can be read as the host.
fn require_encoded(text: &str) -> Result<(), String> {
    let Some((_, rest)) = text.split_once("://") else {
        return Err(format!("must be {FORM}"));
    };
    // The URL parser removes line ends and tabs.
    if rest.contains(|c: char| c.is_whitespace() || c.is_control()) {
        return Err(format!("has white space (a blank is %20); {ENCODE}"));
    }
    let authority = rest.split(['/', '?']).next().unwrap_or(rest);
    let encoded = |part: &str| {
        let mut digits = part.bytes().take(2).filter(u8::is_ascii_hexdigit);
        digits.next().is_some() && digits.next().is_some()
    };
    let misread = rest.contains('#')
        || rest.matches('@').count() != authority.matches('@').count().min(1)
        || !rest.split('%').skip(1).all(encoded)
        || percent_decode_str(rest).decode_utf8().is_err();
    if misread {
        return Err(format!(
            "has an @, /, #, ? or % that would not be read as it is meant: {ENCODE}"
        ));
    }
    let query = rest.split_once('?').map_or("", |(_, query)| query);
    if query.contains('+') {
        return Err(
            "has a + behind the ?, which would be read as a blank: write %2B, or %20".to_owned(),
        );
    }
    Ok(())
}

/// Checks every certificate, because the library skips those that it cannot read.
fn judge_authorities(value: &str) -> Result<(), String> {
    // The same rule as the library's, which tells PEM text from a file name.
    let text = value.trim();
    let pem = if text.starts_with("-----BEGIN") && text.ends_with("-----") {
        value.as_bytes().to_vec()
    } else {
        std::fs::read(value).map_err(|error| {
            format!(
                "has sslrootcert= with a file that cannot be read: {}",
                error.kind()
            )
        })?
    };
    tls::read_authorities(&pem)
        .map(|_| ())
        .map_err(|reason| format!("has sslrootcert= with a file that {reason}"))
}

/// A name with other characters may be part of a password with `?` in it.
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

#[cfg(test)]
mod tests {
    use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn sc_2_a_password_that_is_not_encoded_is_refused_and_no_part_of_it_is_shown() {
        for url in [
            "postgres://u:can@ary/x@h/d",
            "postgres://u:can@ary@h/d",
            "postgres://u:1/canary@h/d",
            "postgres://u:1?canary@h/d",
            "postgres://u:1?sslmode=prefer&user=canary@h/d",
            "postgres://u:1#canary@h/d",
            "postgres://u:canary#@h/d",
            "postgres://u:canary%@h/d",
            "postgres://u:canary%4@h/d",
            "postgres://u:canary%zz@h/d",
            "postgres://u:canary%ff@h/d",
            "postgres://u:can ary@h/d",
            "postgres://u:can\tary@h/d",
            "postgres://u:canary/d",
            "postgres://u:canary@h:canary/d",
            "postgres:u:canary@h/d",
            "postgres://h/canary@d",
            "postgres://h/d?password=can+ary",
            "postgres://h/d?password=can#ary",
            "postgres://h/d?password=canary&password=x",
        ] {
            let reason = judge(url).expect_err(url);
            assert!(
                !reason.contains("can") || reason.contains("cannot"),
                "{url}: {reason}"
            );
        }
    }

    #[test]
    fn an_address_as_the_library_knows_it_is_taken() {
        for url in [
            "postgres://h",
            "postgresql://u@h:5433/d",
            "postgres://u:p%40%2f%23%25w:x+y&z=$@h/d?sslmode=verify-full",
            "postgres://u:p@[::1]:5432/d?options=-c%20search_path%3Dx&options=-c%20y%3Dz",
            "postgres://%2Fvar%2Frun/d",
            "postgres:///d?host=/var/run&user=a%40b",
            "postgres://h/d?options[statement_timeout]=5",
        ] {
            assert_eq!(judge(url), Ok(()), "{url}");
        }
        assert!(judge("postgres://h/d?options[statement_timeout=5").is_err());
    }

    /// Whether a raw password such as `a%41` was meant as it is cannot be known.
    fn may_be_encoded(password: &str) -> bool {
        percent_decode_str(password).decode_utf8_lossy() != password
    }

    proptest! {
        #[test]
        fn a_password_that_is_taken_is_read_as_it_is_meant(
            password in "[a-z0-9@/#%?:&+= \\[\\]\\\\é]{0,8}",
            begin in "[0-9]{0,2}"
        ) {
            let password = begin + &password;
            let encoded = utf8_percent_encode(&password, NON_ALPHANUMERIC).to_string();
            prop_assert_eq!(judge(&format!("postgres://u:{encoded}@h/d")), Ok(()));
            let raw = format!("postgres://u:{password}@h/d");
            if judge(&raw).is_ok() && !may_be_encoded(&password) {
                // As the library reads them.
                let url = Url::parse(&raw).unwrap();
                let read = percent_decode_str(url.password().unwrap_or("")).decode_utf8().unwrap();
                prop_assert_eq!((url.host_str(), url.path(), &*read), (Some("h"), "/d", &*password));
            }
        }
    }
}
