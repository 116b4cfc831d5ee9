//! A mapping in which every field was found good.
//!
//! Form, API, import and the rows of the database all come through
//! [`MappingDraft::parse`], so there is one set of rules (AD-5).

use chrono::{DateTime, Utc};

use super::group::{GLOB_STARS_MAX, GroupGlob, GroupMatch};
use super::input::{FieldError, MappingInput};
use super::template::RoomRule;
use crate::domain::names::{GROUP_MAX, GroupName, Role, Transport};
use crate::domain::set::{AnyOr, NonEmpty};

/// Most rooms of one mapping. A token that lists them all must stay short
/// enough for a URL, and a row short enough to be read.
pub const ROOMS_MAX: usize = 500;

/// Longest note in characters.
pub const NOTE_MAX: usize = 1000;

/// Shortest lifetime that Red5 makes sense of, in seconds (Red5: claims specification, `exp`).
pub const TTL_MIN_SECONDS: u32 = 60;

/// Longest `max_ttl_seconds`: a year. Longer is a mistake of units.
pub const MAX_TTL_SECONDS_MAX: u32 = 31_536_000;

/// When a mapping counts: `from ≤ now < until`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Window {
    /// The first moment; none: since always.
    pub from: Option<DateTime<Utc>>,
    /// The first moment at which it is over; none: for ever.
    pub until: Option<DateTime<Utc>>,
}

/// What an administrator decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MappingDraft {
    group: GroupMatch,
    roles: NonEmpty<Role>,
    transports: AnyOr<Transport>,
    rooms: AnyOr<RoomRule>,
    max_ttl_seconds: Option<u32>,
    window: Window,
    enabled: bool,
    note: String,
}

impl MappingDraft {
    /// Judges every field and reports all that is wrong at once.
    pub fn parse(input: MappingInput) -> Result<Self, Vec<FieldError>> {
        let mut errors = Vec::new();
        let group = keep(parse_group(&input), &mut errors);
        let captures = group.as_ref().map(GroupMatch::captures);
        let roles = parse_roles(&input.roles, &mut errors);
        let transports = parse_transports(&input.transports, &mut errors);
        let rooms = parse_rooms(&input.rooms, captures, &mut errors);
        if let (Some(roles), Some(transports)) = (&roles, &transports) {
            check_each_can_serve(roles, transports, &mut errors);
        }
        let max_ttl_seconds = keep(parse_max_ttl(input.max_ttl_seconds), &mut errors);
        let window = keep(parse_window(&input), &mut errors);
        let note = keep(parse_note(input.note), &mut errors);
        match (
            group,
            roles,
            transports,
            rooms,
            max_ttl_seconds,
            window,
            note,
        ) {
            (
                Some(group),
                Some(roles),
                Some(transports),
                Some(rooms),
                Some(max_ttl_seconds),
                Some(window),
                Some(note),
            ) if errors.is_empty() => Ok(Self {
                group,
                roles,
                transports,
                rooms,
                max_ttl_seconds,
                window,
                enabled: input.enabled,
                note,
            }),
            _ => Err(errors),
        }
    }

    /// The same with `enabled` set.
    #[must_use]
    pub fn with_enabled(mut self, enabled: bool) -> Self {
        self.enabled = enabled;
        self
    }

    /// The canonical form: lists sorted and without duplicates.
    pub fn to_input(&self) -> MappingInput {
        MappingInput {
            group: self.group.group().map(str::to_owned),
            group_match: self.group.word().to_owned(),
            roles: self.roles.iter().map(ToString::to_string).collect(),
            transports: self.transports.to_strings(),
            rooms: sorted(self.rooms.to_strings()),
            max_ttl_seconds: self.max_ttl_seconds.map(i64::from),
            valid_from: self.window.from,
            valid_until: self.window.until,
            enabled: self.enabled,
            note: self.note.clone(),
        }
    }

    /// Whose mapping it is.
    pub fn group(&self) -> &GroupMatch {
        &self.group
    }

    /// Its roles.
    pub fn roles(&self) -> &NonEmpty<Role> {
        &self.roles
    }

    /// Its transports.
    pub fn transports(&self) -> &AnyOr<Transport> {
        &self.transports
    }

    /// Its rooms, templates not yet filled in.
    pub fn rooms(&self) -> &AnyOr<RoomRule> {
        &self.rooms
    }

    /// Longest life of a token that rests on it, in seconds.
    pub fn max_ttl_seconds(&self) -> Option<u32> {
        self.max_ttl_seconds
    }

    /// When it counts.
    pub fn window(&self) -> Window {
        self.window
    }

    /// Whether it counts at all.
    pub fn enabled(&self) -> bool {
        self.enabled
    }

    /// What the administrator wrote beside it.
    pub fn note(&self) -> &str {
        &self.note
    }
}

fn keep<T>(result: Result<T, FieldError>, errors: &mut Vec<FieldError>) -> Option<T> {
    result.map_err(|error| errors.push(error)).ok()
}

/// `RoomRule` orders by kind; written lists are ordered by their bytes.
fn sorted(mut words: Vec<String>) -> Vec<String> {
    words.sort_unstable();
    words
}

fn parse_group(input: &MappingInput) -> Result<GroupMatch, FieldError> {
    let group = input.group.as_deref().unwrap_or_default();
    let bad = |reason: String| Err(FieldError::new("group", reason));
    match input.group_match.as_str() {
        "everyone" if group.is_empty() => Ok(GroupMatch::Everyone),
        "everyone" => bad("a mapping for everyone has no group: leave it empty".to_owned()),
        "exact" | "glob" if group.is_empty() => {
            bad("write the group as the identity provider sends it".to_owned())
        }
        "exact" => GroupName::parse(group).map(GroupMatch::Exact).map_or_else(
            || {
                bad(format!(
                    "a group is at most {GROUP_MAX} bytes, without control characters"
                ))
            },
            Ok,
        ),
        "glob" => GroupGlob::parse(group).map(GroupMatch::Glob).map_or_else(
            || {
                bad(format!(
                    "a glob has 1 to {GLOB_STARS_MAX} stars and at most {GROUP_MAX} bytes, without \
                     control characters; without a star it is an exact group"
                ))
            },
            Ok,
        ),
        _ => Err(FieldError::new("match", "choose exact, glob or everyone")),
    }
}

fn parse_roles(words: &[String], errors: &mut Vec<FieldError>) -> Option<NonEmpty<Role>> {
    let mut roles = Vec::new();
    for (i, word) in words.iter().enumerate() {
        match Role::parse(word) {
            Some(role) => roles.push(role),
            None => errors.push(FieldError::new(
                format!("roles[{i}]"),
                "a role is red5-publisher or red5-subscriber, exactly so",
            )),
        }
    }
    if words.is_empty() {
        errors.push(FieldError::new("roles", "choose at least one role"));
    }
    NonEmpty::new(roles)
}

fn parse_transports(words: &[String], errors: &mut Vec<FieldError>) -> Option<AnyOr<Transport>> {
    if words.iter().all(|word| word == "*") && !words.is_empty() {
        return Some(AnyOr::Any);
    }
    let mut transports = Vec::new();
    for (i, word) in words.iter().enumerate() {
        match Transport::parse(word) {
            Some(transport) => transports.push(transport),
            None if word == "*" => errors.push(star_beside_a_name("transports", i)),
            None => errors.push(FieldError::new(
                format!("transports[{i}]"),
                "a transport is RTMP, RTSP, WHIP or WHEP; for any write * alone",
            )),
        }
    }
    if words.is_empty() {
        errors.push(FieldError::new(
            "transports",
            "choose at least one transport, or * for any",
        ));
    }
    NonEmpty::new(transports).map(AnyOr::Only)
}

fn parse_rooms(
    words: &[String],
    captures: Option<usize>,
    errors: &mut Vec<FieldError>,
) -> Option<AnyOr<RoomRule>> {
    if words.iter().all(|word| word == "*") && !words.is_empty() {
        return Some(AnyOr::Any);
    }
    if words.len() > ROOMS_MAX {
        errors.push(FieldError::new(
            "rooms",
            format!("at most {ROOMS_MAX} rooms; a pattern says many at once"),
        ));
        return None;
    }
    let mut rooms = Vec::new();
    for (i, word) in words.iter().enumerate() {
        if word == "*" {
            errors.push(star_beside_a_name("rooms", i));
            continue;
        }
        // Where the group itself is wrong nobody knows its stars: any number passes.
        match RoomRule::parse(word, captures.unwrap_or(GLOB_STARS_MAX)) {
            Ok(room) => rooms.push(room),
            Err(reason) => errors.push(FieldError::new(format!("rooms[{i}]"), reason)),
        }
    }
    if words.is_empty() {
        errors.push(FieldError::new(
            "rooms",
            "write at least one room, or * for any",
        ));
    }
    NonEmpty::new(rooms).map(AnyOr::Only)
}

fn star_beside_a_name(list: &str, i: usize) -> FieldError {
    FieldError::new(
        format!("{list}[{i}]"),
        "* means any and stands alone: remove it, or remove the others",
    )
}

/// (publisher, WHEP) and (subscriber, WHIP) can do nothing: whoever writes
/// them expects something that Red5 will not give.
fn check_each_can_serve(
    roles: &NonEmpty<Role>,
    transports: &AnyOr<Transport>,
    errors: &mut Vec<FieldError>,
) {
    let AnyOr::Only(transports) = transports else {
        return;
    };
    for role in roles {
        if !transports
            .iter()
            .any(|transport| transport.can_serve(*role))
        {
            errors.push(FieldError::new(
                "roles",
                format!("{role} can do nothing over the transports chosen (WHIP only publishes, WHEP only subscribes): add a transport or remove the role"),
            ));
        }
    }
    for transport in transports {
        if !roles.iter().any(|role| transport.can_serve(*role)) {
            errors.push(FieldError::new(
                "transports",
                format!("{transport} serves none of the roles chosen (WHIP only publishes, WHEP only subscribes): add a role or remove the transport"),
            ));
        }
    }
}

fn parse_max_ttl(seconds: Option<i64>) -> Result<Option<u32>, FieldError> {
    let Some(seconds) = seconds else {
        return Ok(None);
    };
    u32::try_from(seconds)
        .ok()
        .filter(|seconds| (TTL_MIN_SECONDS..=MAX_TTL_SECONDS_MAX).contains(seconds))
        .map(Some)
        .ok_or_else(|| {
            FieldError::new(
                "max_ttl_seconds",
                format!("a whole number of seconds from {TTL_MIN_SECONDS} to {MAX_TTL_SECONDS_MAX}, or nothing"),
            )
        })
}

fn parse_window(input: &MappingInput) -> Result<Window, FieldError> {
    let window = Window {
        from: input.valid_from,
        until: input.valid_until,
    };
    match (window.from, window.until) {
        (Some(from), Some(until)) if from >= until => Err(FieldError::new(
            "valid_until",
            "must be later than valid_from",
        )),
        _ => Ok(window),
    }
}

fn parse_note(note: String) -> Result<String, FieldError> {
    let control = |c: char| c.is_control() && !matches!(c, '\n' | '\r' | '\t');
    if note.chars().count() > NOTE_MAX || note.chars().any(control) {
        return Err(FieldError::new(
            "note",
            format!("at most {NOTE_MAX} characters, without control characters"),
        ));
    }
    Ok(note)
}
