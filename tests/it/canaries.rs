//! LG-1, SC-2, R5-14: no secret is where it does not belong, in no encoding: not in
//! the log at its most talkative, not in an answer, a page, or the database.
//!
//! Every value that is secret is known to the test; [`Canaries`] looks for each
//! as it is, as base64 at any alignment, hex, URL-encoded, escaped, and as the
//! numbers of its bytes. Where one belongs is listed, and nowhere else is allowed.

mod commands;
mod flows;

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use sqlx::{AssertSqlSafe, PgPool};
use url::form_urlencoded::byte_serialize;

use crate::bridge::Answer;

/// Shorter ones are found by chance.
const SHORTEST: usize = 8;

/// Secrets by name.
#[derive(Default)]
pub struct Canaries(Vec<(&'static str, String)>);

impl Canaries {
    pub fn add(&mut self, name: &'static str, value: &str) {
        assert!(value.len() >= SHORTEST, "{name} is too short to look for");
        self.0.push((name, value.to_owned()));
    }

    /// Nothing of it is in `text`, except what may be.
    #[track_caller]
    pub fn check(&self, place: &str, text: &str, allowed: &[&str]) {
        for (name, value) in &self.0 {
            if allowed.contains(name) {
                continue;
            }
            for (form, shape) in forms(value) {
                if let Some(at) = text.find(&form) {
                    let from = text[..at].char_indices().rev().nth(120);
                    let from = from.map_or(0, |(at, _)| at);
                    let around: String = text[from..].chars().take(300).collect();
                    panic!("{name} ({shape}) is in {place}: …{around}…");
                }
            }
        }
    }

    /// Head and body of an answer.
    #[track_caller]
    pub fn check_answer(&self, place: &str, answer: &Answer, allowed: &[&str]) {
        let mut text = answer.body.clone();
        for (name, value) in &answer.headers {
            let value = String::from_utf8_lossy(value.as_bytes());
            writeln!(text, "\n{name}: {value}").unwrap();
        }
        self.check(place, &text, allowed);
    }

    /// Every row of every table.
    pub async fn check_database(&self, db: &PgPool, allowed: &[&str]) {
        let tables: Vec<String> = sqlx::query_scalar(
            "SELECT relname::text FROM pg_class
             WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace",
        )
        .fetch_all(db)
        .await
        .unwrap();
        assert!(tables.len() > 5, "{tables:?}");
        for table in tables {
            let query = AssertSqlSafe(format!("SELECT t::text FROM \"{table}\" AS t"));
            let rows: Vec<String> = sqlx::query_scalar(query).fetch_all(db).await.unwrap();
            self.check(&format!("table {table}"), &rows.join("\n"), allowed);
        }
    }
}

/// How a value may look elsewhere.
fn forms(value: &str) -> Vec<(String, &'static str)> {
    let bytes = value.as_bytes();
    let hex = |upper: bool| {
        bytes.iter().fold(String::new(), |mut hex, byte| {
            let _ = if upper {
                write!(hex, "{byte:02X}")
            } else {
                write!(hex, "{byte:02x}")
            };
            hex
        })
    };
    let numbers: Vec<String> = bytes.iter().take(12).map(u8::to_string).collect();
    let mut forms = vec![
        (value.to_owned(), "as it is"),
        (byte_serialize(bytes).collect(), "URL-encoded"),
        (format!("{value:?}").trim_matches('"').to_owned(), "escaped"),
        (hex(false), "hex"),
        (hex(true), "hex"),
        (numbers.join(", "), "bytes"),
        (value.chars().rev().collect(), "backwards"),
    ];
    for engine in [STANDARD_NO_PAD, URL_SAFE_NO_PAD] {
        for shift in 0..3_usize {
            // Inside of something longer: what the neighbours change is cut off.
            let mut shifted = vec![0; shift];
            shifted.extend_from_slice(bytes);
            let whole = shifted.len() / 3 * 3;
            let encoded = engine.encode(&shifted[..whole]);
            let inner = &encoded[(shift * 4).div_ceil(3)..];
            forms.push((inner.to_owned(), "base64"));
        }
    }
    // A secret that is base64 itself is other bytes.
    if let Ok(decoded) = STANDARD.decode(value)
        && decoded.len() >= 16
    {
        let numbers: Vec<String> = decoded.iter().take(12).map(u8::to_string).collect();
        forms.push((numbers.join(", "), "decoded"));
        let hex = decoded.iter().fold(String::new(), |mut hex, byte| {
            let _ = write!(hex, "{byte:02x}");
            hex
        });
        forms.push((hex, "decoded, hex"));
    }
    forms
}

/// The search itself finds what it must find.
#[test]
fn each_form_of_a_canary_is_found() {
    let mut canaries = Canaries::default();
    let secret = "s3cret+with/odd%characters\"and spaces";
    canaries.add("secret", secret);
    canaries.check("nothing", "s3cret+with/odd%character", &[]);
    canaries.check("allowed", secret, &["secret"]);
    let json = serde_json::to_string(secret).unwrap();
    let basic = |prefix: &str| STANDARD.encode(format!("{prefix}{secret}:x"));
    let numbers: Vec<String> = secret.bytes().map(|byte| byte.to_string()).collect();
    for text in [
        format!("a{secret}b"),
        json,
        basic(""),
        basic("u"),
        basic("id"),
        basic("us:"),
        URL_SAFE_NO_PAD.encode(secret),
        byte_serialize(secret.as_bytes()).collect(),
        format!("[{}]", numbers.join(", ")),
        secret
            .bytes()
            .fold(String::new(), |hex, byte| format!("{hex}{byte:02x}")),
    ] {
        let found = std::panic::catch_unwind(|| {
            let mut canaries = Canaries::default();
            canaries.add("secret", secret);
            canaries.check("somewhere", &text, &[]);
        });
        assert!(found.is_err(), "not found in {text}");
    }
}
