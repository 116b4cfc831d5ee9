//! A token, in words: what Red5 would allow with it, and why it would refuse it.
//!
//! The token is taken out of what people paste, its signature is verified, and [`claims`] judges
//! what it says. Nothing of a token is shown before that: every client can write claims.

mod claims;

use std::borrow::Cow;
use std::fmt::Display;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret, SecretSlice};
use serde_json::Value;

use crate::config::red5::Red5;
use crate::json;
use crate::signer::Signer;
use crate::visible::visible;

/// Most bytes looked at. The longest token that the bridge can make has 65,536.
pub const GIVEN_MAX: usize = 128 * 1024;

/// What there is to say about a token.
#[derive(Debug, PartialEq, Eq)]
pub struct TokenReport {
    /// For people.
    pub lines: Vec<String>,
    /// For the exit code.
    pub verdict: Verdict,
}

/// The result for a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Red5 would accept it now.
    Good,
    /// Red5 would not, or it would accept it from every bearer for everything.
    Finding,
    /// No token was given.
    NoToken,
}

/// Why Red5 refuses a token, or why something is no token.
type Reason = Cow<'static, str>;

/// Judges a token as a server with this secret, issuer and limit would.
pub fn report(given: &[u8], red5: &Red5, now: DateTime<Utc>) -> TokenReport {
    let mut lines = ReportLines::default();
    let claims = match token(given, &mut lines) {
        Ok(None) => {
            lines.refuse("there is no token: give one as an argument or on standard input");
            return lines.finish(Verdict::NoToken);
        }
        Ok(Some(token)) => verified_claims(&token, red5),
        Err(reason) => Err(reason),
    };
    match claims {
        Ok(claims) => {
            lines.say("signature", "good: HS256, made with RED5_JWT_SECRET");
            claims::judge(&claims, red5, now, &mut lines);
        }
        Err(reason) => lines.refuse(reason),
    }
    let verdict = if lines.found {
        Verdict::Finding
    } else {
        Verdict::Good
    };
    lines.finish(verdict)
}

/// The compact token in what was given; none where there is nothing.
fn token(given: &[u8], lines: &mut ReportLines) -> Result<Option<String>, Reason> {
    if given.len() > GIVEN_MAX {
        return Err(format!("it is longer than {GIVEN_MAX} bytes, which no token is").into());
    }
    let text = str::from_utf8(given).map_err(|_| "it is not text")?;
    // Editors put a byte order mark in front of files.
    let text = text.trim_start_matches('\u{feff}').trim();
    let token = unwrapped(text, lines)?;
    if token.is_empty() {
        return Ok(None);
    }
    require_compact_form(&token)?;
    Ok(Some(token))
}

/// Takes the token out of an answer, an address, a header or quotes.
fn unwrapped(text: &str, lines: &mut ReportLines) -> Result<String, &'static str> {
    let mut note = |text: &str| lines.say("note", text);
    if text.starts_with('{') {
        let answer = json::object(text.as_bytes());
        let token = answer
            .as_ref()
            .and_then(|answer| answer.get("access_token"));
        if let Some(token) = token.and_then(Value::as_str) {
            note("this is a whole answer of the bridge; the token is its access_token");
            return Ok(token.to_owned());
        }
        if !text.contains("token=") {
            return Err(
                "it looks like an answer of the bridge, and is not JSON with an access_token in \
                 which each name stands once",
            );
        }
    }
    let bare = text.trim_matches(['"', '\'']);
    if bare.len() < text.len() {
        note("the quotes are no part of the token");
    }
    if let Some((_, rest)) = bare.split_once("token=") {
        note("this is an address; the token is what follows token=");
        let end = rest.find(['&', ';', '#', ' ', '"']).unwrap_or(rest.len());
        return Ok(rest[..end].to_owned());
    }
    Ok(match bare.split_once(' ') {
        Some((word, rest)) if word.eq_ignore_ascii_case("bearer") => {
            note("Red5 takes the token without the word Bearer before it");
            rest.trim().to_owned()
        }
        _ => bare.to_owned(),
    })
}

/// The form of a compact token (RFC 7515 §3.1).
fn require_compact_form(token: &str) -> Result<(), Reason> {
    if token.contains(char::is_whitespace) {
        return Err("it has white space or a line end inside: give one token, in one piece".into());
    }
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if let Some(at) = token.chars().position(|c| !plain(c)) {
        let at = at + 1;
        return Err(format!(
            "its character {at} is none that a token has (A-Z a-z 0-9 - _ and two dots)"
        )
        .into());
    }
    match token.split('.').collect::<Vec<_>>().as_slice() {
        [_, _, ""] => Err("it has no signature: was it cut short?".into()),
        [header, claims, _] if !header.is_empty() && !claims.is_empty() => Ok(()),
        [_, _, _, _, _] => Err(
            "it has five parts, so it is encrypted (JWE); Red5 takes signed tokens of three".into(),
        ),
        parts => Err(format!(
            "a token has three parts with dots between them, and this has {}: was it cut short?",
            parts.iter().filter(|part| !part.is_empty()).count()
        )
        .into()),
    }
}

/// The claims of a token that carries this server's signature.
fn verified_claims(token: &str, red5: &Red5) -> Result<json::Object, Reason> {
    let mut parts = token.split('.');
    let algorithm = algorithm(parts.next().unwrap_or_default())?;
    match algorithm.as_str() {
        "HS256" => {}
        "none" | "None" | "NONE" => return Err("it is not signed at all (alg none)".into()),
        other => {
            let shown = visible(other);
            return Err(format!(
                "it is signed with {shown:.20}, and Red5 takes HS256 alone; a token of the identity \
                 provider is exchanged at the bridge, not given to Red5"
            )
            .into());
        }
    }
    if !carries_signature(token, &red5.secret) {
        return Err(match other_reading(red5) {
            Some((secret, encoding)) if carries_signature(token, &secret) => format!(
                "its signature fits RED5_JWT_SECRET read as {encoding}, and RED5_JWT_SECRET_ENCODING \
                 says otherwise: set it to {encoding}, if that is how the server reads its secret"
            )
            .into(),
            _ => "its signature does not fit RED5_JWT_SECRET: it was made with another secret, \
                  changed, or cut short"
                .into(),
        });
    }
    let claims = URL_SAFE_NO_PAD.decode(parts.next().unwrap_or_default());
    let claims = claims.ok().and_then(|claims| json::object(&claims));
    claims.ok_or_else(|| "its claims are not one JSON object in which each name stands once".into())
}

/// `alg` of the header. The JWT library takes one of two equal members, and refuses a whole
/// header for the type of a member that Red5 does not read.
fn algorithm(header: &str) -> Result<String, &'static str> {
    let header = URL_SAFE_NO_PAD.decode(header).map_err(
        |_| "its first part is not base64url, so it is no token (or was changed on the way)",
    )?;
    let header = json::object(&header)
        .ok_or("its first part is not JSON in which each name stands once, so it is no token")?;
    let algorithm = header.get("alg").and_then(Value::as_str);
    algorithm
        .map(str::to_owned)
        .ok_or("its header does not say what it is signed with (alg)")
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
struct ReportLines {
    said: Vec<String>,
    after: Vec<String>,
    refused: bool,
    found: bool,
}

impl ReportLines {
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

    fn finish(mut self, verdict: Verdict) -> TokenReport {
        self.said.append(&mut self.after);
        if verdict != Verdict::NoToken {
            let end = match (self.refused, self.found) {
                (true, _) => "Red5 would refuse it now",
                (false, true) => "Red5 would accept it now, from every bearer: do not use it",
                (false, false) => "Red5 would accept it now",
            };
            self.said.push(end.to_owned());
        }
        TokenReport {
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
