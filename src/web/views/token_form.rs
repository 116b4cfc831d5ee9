//! The form that asks for a token: what it offers, and what was chosen.

use crate::domain::grant::Grant;
use crate::domain::names::{Role, Transport};
use crate::domain::rooms::GrantRoom;
use crate::domain::set::AnyOr;

/// What a token is for when the form names no room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unnamed {
    /// Any.
    AnyRoom,
    /// So many.
    Rooms(usize),
    /// None is made: the rooms are more than a token can carry.
    TooMany,
    /// None is made: patterns cannot be listed.
    Patterns,
    /// None is made, for another reason.
    Unknown,
}

/// What the form offers. Fields: `room` (empty: none named; `*`: any), `stream` (may be
/// empty; it is for the lines to copy and no part of the wish), `roles` and `transports` (each zero or more times; none: not named), `ttl_seconds`
/// (may be empty), `form_token`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choices {
    /// Rooms that are held by name.
    pub rooms: Vec<String>,
    /// Patterns that are held.
    pub patterns: Vec<String>,
    /// Any room is held.
    pub any_room: bool,
    /// Roles that are held.
    pub roles: Vec<String>,
    /// Transports that are held by name; all of them where any is held.
    pub transports: Vec<String>,
    /// Any transport is held.
    pub any_transport: bool,
    /// Lifetime in seconds of a token for which none is asked.
    pub usual_ttl_seconds: u64,
    /// What a token is for that names no room.
    pub unnamed: Unnamed,
    /// There are lines to copy, for which a stream's name is needed.
    pub lines: bool,
}

impl Choices {
    /// What these grants have between them, each sorted and without duplicates.
    pub fn of(grants: &[Grant], usual_ttl_seconds: u64) -> Self {
        let mut choices = Self {
            rooms: Vec::new(),
            patterns: Vec::new(),
            any_room: false,
            roles: Vec::new(),
            transports: Vec::new(),
            any_transport: grants.iter().any(|grant| grant.transports.is_any()),
            usual_ttl_seconds,
            unnamed: Unnamed::Unknown,
            lines: false,
        };
        for grant in grants {
            match &grant.rooms {
                AnyOr::Any => choices.any_room = true,
                AnyOr::Only(rooms) => {
                    for room in rooms {
                        match room {
                            GrantRoom::Exact(name) => choices.rooms.push(name.to_string()),
                            GrantRoom::Pattern(_) => choices.patterns.push(room.to_string()),
                        }
                    }
                }
            }
        }
        for list in [&mut choices.rooms, &mut choices.patterns] {
            list.sort_unstable();
            list.dedup();
        }
        choices.roles = Role::ALL
            .iter()
            .filter(|role| grants.iter().any(|grant| grant.roles.contains(role)))
            .map(ToString::to_string)
            .collect();
        choices.transports = Transport::ALL
            .iter()
            .filter(|transport| {
                grants.iter().any(|grant| {
                    let named = grant.transports.named();
                    named.is_none_or(|named| named.contains(transport))
                })
            })
            .map(ToString::to_string)
            .collect();
        choices
    }

    /// Whether a room that is not in the list may be asked for.
    pub(super) fn free_room(&self) -> bool {
        self.any_room || !self.patterns.is_empty()
    }
}

/// What was chosen, exactly as it was sent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Chosen {
    /// The field `room`.
    pub room: String,
    /// The field `stream`.
    pub stream: String,
    /// Each field `roles`.
    pub roles: Vec<String>,
    /// Each field `transports`.
    pub transports: Vec<String>,
    /// The field `ttl_seconds`.
    pub ttl_seconds: String,
}

impl Chosen {
    pub(super) fn has_role(&self, role: &str) -> bool {
        self.roles.iter().any(|chosen| chosen == role)
    }

    pub(super) fn has_transport(&self, transport: &str) -> bool {
        self.transports.iter().any(|chosen| chosen == transport)
    }
}
