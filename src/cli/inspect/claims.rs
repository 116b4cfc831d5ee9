//! What the claims of a verified token mean to Red5 (Red5: claims specification).
//!
//! The lists fail open: absent or empty means everything. Every such opening is
//! said, and what the documentation leaves open is said to be open.

use std::collections::BTreeSet;

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::Value;

use super::{ReportLines, shown};
use crate::config::red5::Red5;
use crate::domain::allows::allows;
use crate::domain::lifetime::TTL_MIN_SECONDS;
use crate::domain::names::{Role, RoomName, Transport};
use crate::json::Object;

/// In seconds such a moment lies beyond the year 5138; it was meant in milliseconds.
const SURELY_MILLISECONDS: i64 = 100_000_000_000;

/// Says what they allow, and what speaks against them.
pub(super) fn judge(claims: &Object, red5: &Red5, now: DateTime<Utc>, lines: &mut ReportLines) {
    for (name, what) in [("sub", "subject"), ("name", "name"), ("iss", "issuer")] {
        lines.say(what, claims.get(name).map_or("none".to_owned(), shown));
    }
    judge_end(claims, red5, now, lines);
    judge_issuer(claims, red5, lines);
    judge_times(claims, now, lines);
    let is_role = |word: &String| Role::parse(word).is_some();
    let roles = list(claims, "roles", is_role, lines);
    match &roles {
        None => lines.warn_of_finding(
            "no role is named, so EVERY BEARER MAY PUBLISH AND SUBSCRIBE, as far as the other lists go",
        ),
        Some(words) if !words.iter().any(is_role) => lines.refuse(
            "roles names no role of Red5 (red5-publisher, red5-subscriber; case counts), so \
             Red5 refuses to publish and to subscribe",
        ),
        Some(_) => {}
    }
    let is_transport = |word: &String| Transport::parse(word).is_some();
    let transports = list(claims, "red5-transport", is_transport, lines);
    match &transports {
        None => lines.warn("red5-transport is absent, so every protocol is allowed"),
        Some(words) if !words.iter().any(is_transport) => lines.refuse(
            "red5-transport names no protocol of Red5 (RTMP, RTSP, WHIP, WHEP); what Red5 \
             makes of that is not documented",
        ),
        Some(_) => {}
    }
    let is_room = |word: &String| RoomName::parse(word).is_some();
    let rooms = list(claims, "red5-room", is_room, lines);
    if rooms.is_none() {
        lines.warn("red5-room is absent, so every room is allowed, and streams without a room");
    }
    say_what_it_allows(
        roles.as_deref(),
        transports.as_deref(),
        rooms.as_deref(),
        lines,
    );
}

fn judge_end(claims: &Object, red5: &Red5, now: DateTime<Utc>, lines: &mut ReportLines) {
    let Some(end) = claims.get("exp") else {
        lines.say("ends", "never");
        return lines.refuse("exp is missing: Red5 demands an end");
    };
    let Some(exp) = end.as_i64() else {
        lines.say("ends", shown(end));
        return lines.refuse("exp is not a whole number of seconds");
    };
    let left = exp.saturating_sub(now.timestamp());
    let limit = i64::from(red5.server_ttl_seconds);
    let when = DateTime::from_timestamp(exp, 0).map_or_else(
        || exp.to_string(),
        |time| time.to_rfc3339_opts(SecondsFormat::Secs, true),
    );
    let distance = match left {
        0.. => format!("in {left} seconds"),
        _ => format!("{} seconds ago", left.unsigned_abs()),
    };
    lines.say(
        "ends",
        format!("{when}, {distance} (the server takes {limit} at most)"),
    );
    if left <= 0 {
        lines.refuse("it has expired");
    } else if exp > SURELY_MILLISECONDS {
        lines.refuse("exp is in milliseconds, it seems: Red5 counts seconds");
    } else if left > limit {
        lines.refuse(format!(
            "it ends later than the server's limit of {limit} seconds from now \
             (jwt.ttl.minutes, RED5_JWT_TTL_MINUTES); Red5 refuses that, it does not shorten it"
        ));
    } else if left < i64::from(TTL_MIN_SECONDS) {
        lines.warn(format!(
            "fewer than {TTL_MIN_SECONDS} seconds are left, which is Red5's practical minimum"
        ));
    }
}

fn judge_issuer(claims: &Object, red5: &Red5, lines: &mut ReportLines) {
    let Some(expected) = &red5.issuer else {
        return;
    };
    let issuer = claims.get("iss").and_then(Value::as_str);
    if issuer == Some(expected) {
        return;
    }
    let like = |text: &str| text.trim().trim_end_matches('/').to_lowercase();
    let hint = if issuer.is_some_and(|issuer| like(issuer) == like(expected)) {
        "; they differ by a slash at the end, white space or the case of letters"
    } else {
        ""
    };
    lines.refuse(format!(
        "iss is not {expected}, which the server expects (RED5_JWT_ISSUER), byte for byte{hint}"
    ));
}

/// The bridge writes none of these (red5.md); another issuer did.
fn judge_times(claims: &Object, now: DateTime<Utc>, lines: &mut ReportLines) {
    for name in ["nbf", "iat"] {
        let Some(value) = claims.get(name) else {
            continue;
        };
        let ahead = value.as_i64().map(|at| at > now.timestamp());
        if ahead != Some(false) {
            lines.warn(format!(
                "{name} is {}, which some libraries refuse until that time",
                shown(value)
            ));
        }
    }
}

/// The members of a list as Red5 reads it; none: no restriction.
fn list(
    claims: &Object,
    name: &str,
    is_known: impl Fn(&String) -> bool,
    lines: &mut ReportLines,
) -> Option<Vec<String>> {
    let text = match claims.get(name)? {
        Value::String(text) if text.is_empty() => {
            lines.warn_of_finding(format!(
                "{name} is empty, which Red5 reads as no restriction: its issuer meant none"
            ));
            return None;
        }
        Value::String(text) => text,
        _ => {
            lines.refuse(format!(
                "{name} is not a string; a common library reads that as absent, which means no restriction"
            ));
            return None;
        }
    };
    let words: Vec<String> = text.split(',').map(str::to_owned).collect();
    let odd: Vec<&String> = words.iter().filter(|word| !is_known(word)).collect();
    if let Some(first) = odd.first() {
        lines.warn(format!(
            "{name} has {} of {} members that Red5 does not name or that the bridge would not write, such as \"{first:.60}\"",
            odd.len(),
            words.len()
        ));
    }
    if words.iter().collect::<BTreeSet<_>>().len() < words.len() {
        lines.warn(format!("{name} names something twice"));
    }
    Some(words)
}

/// Role by role: (publisher, WHEP) and (subscriber, WHIP) do not exist.
fn say_what_it_allows(
    roles: Option<&[String]>,
    transports: Option<&[String]>,
    rooms: Option<&[String]>,
    lines: &mut ReportLines,
) {
    let named =
        |role: &Role| roles.is_none_or(|words| words.iter().any(|word| word == role.as_str()));
    let known = |words: &[String]| {
        words
            .iter()
            .filter_map(|word| Transport::parse(word))
            .collect()
    };
    let rooms: Option<Vec<_>> =
        rooms.map(|rooms| rooms.iter().map(|room| format!("{room:.130}")).collect());
    let allowed = allows(
        Role::ALL.into_iter().filter(named),
        transports.map(known).as_ref(),
        rooms.as_deref(),
    );
    for sentence in &allowed {
        lines.say("allows", sentence);
    }
    if allowed.is_empty() {
        lines.say("allows", "nothing");
        lines.refuse(
            "no role that it names can use a protocol that it names (WHIP only publishes, WHEP only subscribes)",
        );
    }
}
