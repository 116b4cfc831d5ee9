//! One rectangle: roles × transports × rooms, each list read on its own.

use std::cmp::Ordering;
use std::fmt;

use super::mapping::RoomPattern;
use super::names::{Role, RoomName, Transport};
use super::set::{AnyOr, NonEmpty};

/// What one mapping gives one person, its templates already filled in.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Grant {
    /// At least one; there is no "any role".
    pub roles: NonEmpty<Role>,
    /// *Any* covers protocols beyond the four as well.
    pub transports: AnyOr<Transport>,
    /// *Any* covers streams without a room as well.
    pub rooms: AnyOr<GrantRoom>,
}

impl Grant {
    /// Whether this one grant contains the triple; `None` stands for another
    /// transport, or a stream without a room, which only *any* covers.
    pub fn contains(
        &self,
        role: Role,
        transport: Option<Transport>,
        room: Option<&RoomName>,
    ) -> bool {
        self.roles.contains(&role) && self.has_transport(transport) && self.has_room(room)
    }

    pub(super) fn has_transport(&self, transport: Option<Transport>) -> bool {
        match (&self.transports, transport) {
            (AnyOr::Any, _) => true,
            (AnyOr::Only(named), Some(transport)) => named.contains(&transport),
            (AnyOr::Only(_), None) => false,
        }
    }

    pub(super) fn has_room(&self, room: Option<&RoomName>) -> bool {
        match (&self.rooms, room) {
            (AnyOr::Any, _) => true,
            (AnyOr::Only(rooms), Some(room)) => rooms.iter().any(|granted| granted.covers(room)),
            (AnyOr::Only(_), None) => false,
        }
    }
}

/// A room of a grant; ordered by its text, as every list is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum GrantRoom {
    /// This room.
    Exact(RoomName),
    /// Every room of this form; it serves when a room is named.
    Pattern(RoomPattern),
}

impl GrantRoom {
    /// Whether `room` is this room or of this form.
    pub fn covers(&self, room: &RoomName) -> bool {
        match self {
            Self::Exact(exact) => exact == room,
            Self::Pattern(pattern) => pattern.matches(room),
        }
    }

    fn as_str(&self) -> &str {
        match self {
            Self::Exact(room) => room.as_str(),
            Self::Pattern(pattern) => pattern.as_str(),
        }
    }
}

impl Ord for GrantRoom {
    fn cmp(&self, other: &Self) -> Ordering {
        // A pattern has a star and a name has none: equal texts are equal rooms.
        self.as_str().cmp(other.as_str())
    }
}

impl PartialOrd for GrantRoom {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for GrantRoom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What a token carries: one rectangle that Red5 reads as the product of its lists.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Scope {
    /// Never empty: a token without `roles` lets everybody do everything.
    pub roles: NonEmpty<Role>,
    /// Left out of the token when *any*.
    pub transports: AnyOr<Transport>,
    /// Left out of the token when *any*.
    pub rooms: AnyOr<RoomName>,
}

/// What a request names; `None` is "not named".
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ask {
    /// Roles that the scope must have, all of them and no others.
    pub roles: Option<NonEmpty<Role>>,
    /// Transports likewise.
    pub transports: Option<AnyOr<Transport>>,
    /// Rooms likewise.
    pub rooms: Option<AnyOr<RoomName>>,
}

/// The members of a list of transports as triples have them: `None` is
/// another transport, which only *any* has.
pub(super) fn members(transports: &AnyOr<Transport>) -> Vec<Option<Transport>> {
    match transports {
        AnyOr::Any => EVERY_TRANSPORT.to_vec(),
        AnyOr::Only(named) => named.iter().copied().map(Some).collect(),
    }
}

/// The four and another one.
pub(super) const EVERY_TRANSPORT: [Option<Transport>; 5] = [
    Some(Transport::Rtmp),
    Some(Transport::Rtsp),
    Some(Transport::Whep),
    Some(Transport::Whip),
    None,
];

/// Whether the pair can do anything at all. Another transport may do both.
pub(super) fn is_possible(role: Role, transport: Option<Transport>) -> bool {
    transport.is_none_or(|transport| transport.can_serve(role))
}
