//! A token, in words: what Red5 would allow, and why it would refuse it.

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::Value;

use crate::config::red5::Red5;
use crate::domain::names::{Role, Transport};
use crate::signer::Signer;

/// What there is to say.
#[derive(Debug, PartialEq, Eq)]
pub struct Report {
    /// Line by line.
    pub lines: Vec<String>,
    /// Whether Red5 would accept the token now.
    pub accepted: bool,
}

/// Judges a token as a server with this secret, issuer and limit would.
pub fn report(token: &str, signer: &Signer, red5: &Red5, now: DateTime<Utc>) -> Report {
    let claims = match signer.read(token) {
        Ok(claims) => claims,
        Err(error) => {
            return Report {
                lines: vec![format!(
                    "refused: it does not carry this secret's HS256 signature ({error})"
                )],
                accepted: false,
            };
        }
    };
    let mut refusals = Vec::new();
    let mut lines = vec!["signature: good".to_owned()];
    let text = |name: &str| claims.get(name).and_then(Value::as_str);
    lines.push(format!("subject: {}", text("sub").unwrap_or("none")));
    match claims.get("exp").and_then(Value::as_i64) {
        None => refusals.push("exp is missing, or no whole number of seconds".to_owned()),
        Some(exp) => {
            let left = exp.saturating_sub(now.timestamp());
            let limit = i64::from(red5.server_ttl_seconds);
            let when = DateTime::from_timestamp(exp, 0).map_or_else(
                || exp.to_string(),
                |time| time.to_rfc3339_opts(SecondsFormat::Secs, true),
            );
            lines.push(format!("ends: {when}, in {left} seconds"));
            if left <= 0 {
                refusals.push("it has expired".to_owned());
            }
            if left > limit {
                refusals.push(format!(
                    "it ends later than the server's limit of {limit} seconds from now"
                ));
            }
        }
    }
    if let Some(expected) = &red5.issuer
        && text("iss") != Some(expected)
    {
        refusals.push(format!("iss is not {expected:?}, as the server expects"));
    }
    let roles = words(&claims, "roles", &mut refusals);
    let can = |role: Role| {
        roles
            .as_ref()
            .is_none_or(|words| words.iter().any(|word| word == role.as_str()))
    };
    match &roles {
        None => {
            lines.push("roles: none named, so ANYONE MAY PUBLISH AND SUBSCRIBE with it".to_owned());
        }
        Some(words) => lines.push(format!("roles: {}", words.join(", "))),
    }
    if !Role::ALL.into_iter().any(can) {
        refusals.push("roles has no Red5 role".to_owned());
    }
    match words(&claims, "red5-transport", &mut refusals) {
        None => lines.push("transports: any".to_owned()),
        Some(words) => {
            let known = words
                .iter()
                .filter(|word| Transport::parse(word).is_some())
                .count();
            if known < words.len() {
                lines.push("note: a transport that Red5 does not name".to_owned());
            }
            lines.push(format!("transports: {}", words.join(", ")));
        }
    }
    match words(&claims, "red5-room", &mut refusals) {
        None => lines.push("rooms: any, and streams without a room".to_owned()),
        Some(words) => lines.push(format!("rooms: {}", words.join(", "))),
    }
    let accepted = refusals.is_empty();
    lines.extend(
        refusals
            .into_iter()
            .map(|refusal| format!("refused: {refusal}")),
    );
    if accepted {
        lines.push("Red5 would accept it now".to_owned());
    }
    Report { lines, accepted }
}

/// A list claim as Red5 reads it: absent or empty means no restriction.
fn words(claims: &Value, name: &str, refusals: &mut Vec<String>) -> Option<Vec<String>> {
    match claims.get(name) {
        None => None,
        Some(Value::String(list)) if list.is_empty() => None,
        Some(Value::String(list)) => Some(list.split(',').map(str::to_owned).collect()),
        Some(_) => {
            refusals.push(format!(
                "{name} is not a string; some libraries read that as no restriction"
            ));
            None
        }
    }
}
