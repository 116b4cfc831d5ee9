//! What the claims of a signed token mean to Red5 (Red5: claims specification).
//!
//! The lists fail open: absent or empty means everything. Every such opening is
//! said, and what the documentation leaves open is said to be open.

use std::collections::BTreeSet;

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Map, Value};

use super::{Lines, shown};
use crate::config::red5::Red5;
use crate::domain::lifetime::TTL_MIN_SECONDS;
use crate::domain::names::{Role, RoomName, Transport};
use crate::json;

/// In seconds such a moment lies beyond the year 5138; it was meant in milliseconds.
const SURELY_MILLISECONDS: i64 = 100_000_000_000;

/// The claims, each name once: of two, one library takes the first and another the last.
pub(super) struct Claims(Map<String, Value>);

impl Claims {
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        json::object(bytes).map(Self)
    }

    fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }
}

/// Says what they allow, and what speaks against them.
pub(super) fn judge(claims: &Claims, red5: &Red5, now: DateTime<Utc>, lines: &mut Lines) {
    for (name, what) in [("sub", "subject"), ("name", "name"), ("iss", "issuer")] {
        match claims.get(name) {
            None => lines.say(what, "none"),
            Some(value) => lines.say(what, shown(value)),
        }
    }
    judge_end(claims, red5, now, lines);
    judge_issuer(claims, red5, lines);
    judge_times(claims, now, lines);
    let roles = list(claims, "roles", lines);
    let transports = list(claims, "red5-transport", lines);
    let rooms = list(claims, "red5-room", lines);
    judge_lists(&roles, &transports, &rooms, lines);
    say_what_it_allows(&roles, &transports, &rooms, lines);
}

fn judge_end(claims: &Claims, red5: &Red5, now: DateTime<Utc>, lines: &mut Lines) {
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

fn judge_issuer(claims: &Claims, red5: &Red5, lines: &mut Lines) {
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
fn judge_times(claims: &Claims, now: DateTime<Utc>, lines: &mut Lines) {
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

/// One list as Red5 reads it.
pub(super) enum List {
    /// No restriction.
    Any,
    Words(Vec<String>),
}

impl List {
    fn words(&self) -> Option<&[String]> {
        match self {
            Self::Any => None,
            Self::Words(words) => Some(words),
        }
    }
}

fn list(claims: &Claims, name: &str, lines: &mut Lines) -> List {
    match claims.get(name) {
        None => List::Any,
        Some(Value::String(text)) if text.is_empty() => {
            lines.warn_of_finding(format!(
                "{name} is empty, which Red5 reads as no restriction; its maker meant that nothing is allowed"
            ));
            List::Any
        }
        Some(Value::String(text)) => List::Words(text.split(',').map(str::to_owned).collect()),
        Some(_) => {
            lines.refuse(format!(
                "{name} is not a string; a common library reads that as absent, which means no restriction"
            ));
            List::Any
        }
    }
}

fn judge_lists(roles: &List, transports: &List, rooms: &List, lines: &mut Lines) {
    match roles.words() {
        None => lines.warn_of_finding(
            "no role is named, so EVERY HOLDER MAY PUBLISH AND SUBSCRIBE, as far as the other lists go",
        ),
        Some(words) => {
            odd_words("roles", words, lines, |word| Role::parse(word).is_some());
            if !words.iter().any(|word| Role::parse(word).is_some()) {
                lines.refuse(
                    "roles names no role of Red5 (red5-publisher, red5-subscriber; case counts), so \
                     Red5 refuses to publish and to subscribe",
                );
            }
        }
    }
    match transports.words() {
        None => lines.warn("red5-transport is absent, so every protocol is allowed"),
        Some(words) => {
            odd_words("red5-transport", words, lines, |word| {
                Transport::parse(word).is_some()
            });
            if !words.iter().any(|word| Transport::parse(word).is_some()) {
                lines.refuse(
                    "red5-transport names no protocol of Red5 (RTMP, RTSP, WHIP, WHEP); what Red5 \
                     makes of that is not documented",
                );
            }
        }
    }
    match rooms.words() {
        None => {
            lines.warn("red5-room is absent, so every room is allowed, and streams without a room");
        }
        Some(words) => odd_words("red5-room", words, lines, |word| {
            RoomName::parse(word).is_some()
        }),
    }
}

fn odd_words(name: &str, words: &[String], lines: &mut Lines, good: impl Fn(&str) -> bool) {
    let odd: Vec<&String> = words.iter().filter(|word| !good(word)).collect();
    if let Some(first) = odd.first() {
        let first: String = first.chars().take(60).collect();
        lines.warn(format!(
            "{name} has {} of {} members that Red5 does not name or that the bridge would not write, such as \"{first}\"",
            odd.len(),
            words.len()
        ));
    }
    if words.iter().collect::<BTreeSet<_>>().len() < words.len() {
        lines.warn(format!("{name} names something twice"));
    }
}

/// Role by role: (publisher, WHEP) and (subscriber, WHIP) do not exist.
fn say_what_it_allows(roles: &List, transports: &List, rooms: &List, lines: &mut Lines) {
    let rooms = match rooms.words() {
        None => "in any room, and outside of rooms".to_owned(),
        Some([room]) => format!("in room {}", shortened(room)),
        Some(rooms) => {
            let names: Vec<String> = rooms.iter().map(|room| shortened(room)).collect();
            format!("in rooms {}", names.join(", "))
        }
    };
    let mut anything = false;
    for role in Role::ALL {
        let named = |words: &[String]| words.iter().any(|word| word == role.as_str());
        if !roles.words().is_none_or(named) {
            continue;
        }
        let verb = match role {
            Role::Publisher => "publish",
            Role::Subscriber => "subscribe",
        };
        let by = match transports.words() {
            None => "by any protocol".to_owned(),
            Some(words) => {
                let known = words.iter().filter_map(|word| Transport::parse(word));
                let serving: BTreeSet<&str> = known
                    .filter(|transport| transport.can_serve(role))
                    .map(Transport::as_str)
                    .collect();
                if serving.is_empty() {
                    continue;
                }
                let serving: Vec<&str> = serving.into_iter().collect();
                format!("by {}", serving.join(", "))
            }
        };
        anything = true;
        lines.say("allows", format!("{verb} {by}, {rooms}"));
    }
    if !anything {
        lines.say("allows", "nothing");
        lines.refuse(
            "no role that it names can use a protocol that it names (WHIP only publishes, WHEP only subscribes)",
        );
    }
}

fn shortened(word: &str) -> String {
    word.chars().take(130).collect()
}
