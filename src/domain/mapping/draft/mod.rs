//! A mapping in which every field was found good.
//!
//! Form, API, import and the rows of the database all come through
//! [`MappingDraft::parse`], so there is one set of rules (AD-5).

mod fields;
#[cfg(test)]
mod tests;

use chrono::{DateTime, Utc};

use super::group::GroupMatch;
use super::input::{FieldError, MappingInput};
use super::template::RoomRule;
use crate::domain::names::{Role, Transport};
use crate::domain::set::{AnyOr, NonEmpty};

/// Most rooms of one mapping, duplicates counted. A token that lists them all must stay short
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
        let group = fields::group(&input, &mut errors);
        let captures = fields::captures(&input, group.as_ref());
        let roles = fields::roles(&input.roles, &mut errors);
        let transports = fields::transports(&input.transports, &mut errors);
        let rooms = fields::rooms(&input.rooms, captures, &mut errors);
        if let (Some(roles), Some(transports)) = (&roles, &transports) {
            fields::each_can_serve(roles, transports, &mut errors);
        }
        let max_ttl_seconds = fields::max_ttl(input.max_ttl_seconds, &mut errors);
        let window = fields::window(&input, &mut errors);
        let note = fields::note(input.note, &mut errors);
        match (group, roles, transports, rooms) {
            (Some(group), Some(roles), Some(transports), Some(rooms)) if errors.is_empty() => {
                Ok(Self {
                    group,
                    roles,
                    transports,
                    rooms,
                    max_ttl_seconds,
                    window,
                    enabled: input.enabled,
                    note,
                })
            }
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

/// `RoomRule` orders by kind; written lists are ordered by their bytes.
fn sorted(mut words: Vec<String>) -> Vec<String> {
    words.sort_unstable();
    words
}
