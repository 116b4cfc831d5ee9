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
    /// Whether it has this transport; `None` is another one than the four,
    /// which only *any* has.
    pub fn has_transport(&self, transport: Option<Transport>) -> bool {
        match (&self.transports, transport) {
            (AnyOr::Any, _) => true,
            (AnyOr::Only(named), Some(transport)) => named.contains(&transport),
            (AnyOr::Only(_), None) => false,
        }
    }

    /// Whether it has this room; `None` is a stream without a room, which only
    /// *any* has.
    pub fn has_room(&self, room: Option<&RoomName>) -> bool {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn room(name: &str) -> RoomName {
        RoomName::parse(name).unwrap()
    }

    fn granted(text: &str) -> GrantRoom {
        RoomPattern::parse(text).map_or_else(|| GrantRoom::Exact(room(text)), GrantRoom::Pattern)
    }

    #[test]
    fn a_room_is_covered_by_its_own_name_or_its_form() {
        assert!(granted("a").covers(&room("a")));
        assert!(!granted("a").covers(&room("A")));
        assert!(granted("class-*").covers(&room("class-1")));
        assert!(!granted("class-*").covers(&room("class-")));
    }

    #[test]
    fn rooms_are_in_the_order_of_their_texts_whatever_their_kind() {
        let rooms = NonEmpty::new(["b", "a*", "*-a", "ab", "a"].map(granted)).unwrap();
        assert_eq!(
            AnyOr::Only(rooms).to_strings(),
            ["*-a", "a", "a*", "ab", "b"]
        );
        assert!(granted("a*") < granted("ab"));
        assert_eq!(
            granted("a*").partial_cmp(&granted("a*")),
            Some(Ordering::Equal)
        );
    }

    #[test]
    fn only_any_covers_another_transport_and_a_stream_without_a_room() {
        let any = Grant {
            roles: NonEmpty::one(Role::Publisher),
            transports: AnyOr::Any,
            rooms: AnyOr::Any,
        };
        let named = Grant {
            roles: NonEmpty::one(Role::Publisher),
            transports: AnyOr::Only(NonEmpty::new(Transport::ALL).unwrap()),
            rooms: AnyOr::Only(NonEmpty::new(["a", "class-*"].map(granted)).unwrap()),
        };
        let whip = Some(Transport::Whip);
        assert!(any.has_transport(whip) && any.has_transport(None));
        assert!(any.has_room(Some(&room("x"))) && any.has_room(None));
        assert!(named.has_transport(whip) && !named.has_transport(None));
        assert!(named.has_room(Some(&room("a"))) && named.has_room(Some(&room("class-1"))));
        assert!(!named.has_room(Some(&room("b"))) && !named.has_room(None));
    }

    #[test]
    fn another_transport_may_do_both() {
        for role in Role::ALL {
            let possible = EVERY_TRANSPORT
                .into_iter()
                .filter(|t| is_possible(role, *t));
            assert_eq!(possible.count(), 4);
            assert!(is_possible(role, None));
        }
        assert_eq!(members(&AnyOr::Any), EVERY_TRANSPORT);
        let one = AnyOr::Only(NonEmpty::one(Transport::Rtmp));
        assert_eq!(members(&one), [Some(Transport::Rtmp)]);
    }
}
