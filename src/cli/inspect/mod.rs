//! A token, in words: what Red5 would allow with it, and why it would refuse it.
//!
//! [`given`] makes a token out of what people paste, [`claims`] judges what it
//! says. Nothing of a token is shown before its signature is known to be good:
//! every client can write claims.

mod claims;
mod given;

use std::fmt::Display;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret, SecretSlice};
use serde_json::Value;

use crate::config::red5::Red5;
use crate::signer::Signer;
use crate::visible::visible;

pub use given::GIVEN_MAX;

/// What there is to say.
#[derive(Debug, PartialEq, Eq)]
pub struct Report {
    /// Line by line.
    pub lines: Vec<String>,
    /// What comes of it.
    pub verdict: Verdict,
}

/// What comes of a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Red5 would accept it now.
    Good,
    /// Red5 would not, or it would let everybody in.
    Finding,
    /// There was no token at all.
    NoToken,
}

/// Judges a token as a server with this secret, issuer and limit would.
pub fn report(given: &[u8], red5: &Red5, now: DateTime<Utc>) -> Report {
    let mut lines = Lines::default();
    let Ok(token) = given::token(given, &mut lines) else {
        lines.refuse("there is no token: give one as an argument or on standard input");
        return lines.finish(Verdict::NoToken);
    };
    let Some(claims) = token.and_then(|token| signed(&token, red5, &mut lines)) else {
        return lines.finish(Verdict::Finding);
    };
    lines.say("signature", "good: HS256, made with RED5_JWT_SECRET");
    claims::judge(&claims, red5, now, &mut lines);
    let verdict = if lines.found {
        Verdict::Finding
    } else {
        Verdict::Good
    };
    lines.finish(verdict)
}

/// The claims of a token that carries this server's signature.
fn signed(token: &str, red5: &Red5, lines: &mut Lines) -> Option<claims::Claims> {
    let algorithm = match given::algorithm(token) {
        Ok(algorithm) => algorithm,
        Err(reason) => {
            lines.refuse(reason);
            return None;
        }
    };
    if algorithm != "HS256" {
        let shown = visible(&algorithm);
        lines.refuse(match algorithm.as_str() {
            "none" | "None" | "NONE" => "it is not signed at all (alg none)".to_owned(),
            _ => format!(
                "it is signed with {shown:.20}, and Red5 takes HS256 alone; a token of the identity \
                 provider is exchanged at the bridge, not given to Red5"
            ),
        });
        return None;
    }
    if !carries_signature(token, &red5.secret) {
        lines.refuse(match other_reading(red5) {
            Some((secret, encoding)) if carries_signature(token, &secret) => format!(
                "its signature fits RED5_JWT_SECRET read as {encoding}, and RED5_JWT_SECRET_ENCODING \
                 says otherwise: set it to {encoding}, if that is how the server reads its secret"
            ),
            _ => "its signature does not fit RED5_JWT_SECRET: it was made with another secret, \
                  changed, or cut short"
                .to_owned(),
        });
        return None;
    }
    let payload = token.split('.').nth(1).unwrap_or_default();
    let claims = URL_SAFE_NO_PAD.decode(payload).ok();
    let claims = claims.and_then(|bytes| claims::Claims::read(&bytes));
    if claims.is_none() {
        lines.refuse("its claims are not one JSON object in which each name stands once");
    }
    claims
}

fn carries_signature(token: &str, secret: &SecretSlice<u8>) -> bool {
    Signer::new(secret).is_ok_and(|signer| signer.has_signed(token))
}

/// The secret as the other encoding would have it (red5.md: the secret's bytes).
fn other_reading(red5: &Red5) -> Option<(SecretSlice<u8>, &'static str)> {
    let bytes = red5.secret.expose_secret();
    if red5.secret_is_base64 {
        let text = STANDARD.encode(bytes).into_bytes();
        return Some((SecretSlice::from(text), "utf8"));
    }
    let decoded = STANDARD.decode(bytes).ok()?;
    Some((SecretSlice::from(decoded), "base64"))
}

/// The report, as it grows.
#[derive(Default)]
struct Lines {
    said: Vec<String>,
    after: Vec<String>,
    refused: bool,
    found: bool,
}

impl Lines {
    fn say(&mut self, what: &str, text: impl Display) {
        self.said.push(line(what, &text));
    }

    /// Something that fails open, or that Red5's documentation leaves open.
    fn warn(&mut self, text: impl Display) {
        self.after.push(line("warning", &text));
    }

    /// The same, where it cannot have been meant.
    fn warn_of_finding(&mut self, text: impl Display) {
        self.found = true;
        self.warn(text);
    }

    fn refuse(&mut self, text: impl Display) {
        self.refused = true;
        self.found = true;
        self.after.push(line("refused", &text));
    }

    fn finish(mut self, verdict: Verdict) -> Report {
        self.said.append(&mut self.after);
        if verdict != Verdict::NoToken {
            let end = match (self.refused, self.found) {
                (true, _) => "Red5 would refuse it now",
                (false, true) => {
                    "Red5 would accept it now, from everybody who has it: do not use it"
                }
                (false, false) => "Red5 would accept it now",
            };
            self.said.push(end.to_owned());
        }
        Report {
            lines: self.said,
            verdict,
        }
    }
}

fn line(what: &str, text: &impl Display) -> String {
    format!("{what:<12}{}", visible(&text.to_string()))
}

/// A claim for people: as it is where it is text, else as JSON.
fn shown(value: &Value) -> String {
    let text = match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    text.chars().take(200).collect()
}
