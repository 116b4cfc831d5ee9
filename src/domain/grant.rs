//! One rectangle: roles × transports × rooms, each list read on its own.

use serde::Serialize;

use super::names::{Role, RoomName, Transport};
use super::rooms::GrantRoom;
use super::set::{AnyOr, NonEmpty};

/// What one mapping gives one person, its templates already filled in.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Grant {
    /// At least one; there is no "any role".
    pub roles: NonEmpty<Role>,
    /// *Any* covers protocols beyond the four as well.
    pub transports: AnyOr<Transport>,
    /// *Any* covers streams without a room as well.
    pub rooms: AnyOr<GrantRoom>,
}

impl Grant {
    /// Whether it lets the role be used over this transport; none named: over at least one.
    pub fn serves(&self, role: Role, transport: Option<Transport>) -> bool {
        let over = |over: &Option<Transport>| {
            is_possible(role, *over) && (transport.is_none() || *over == transport)
        };
        self.roles.contains(&role) && members(&self.transports).iter().any(over)
    }

    /// The part within `limit`, without roles and transports that are then of no use; `None` if nothing is
    /// left.
    pub fn within(&self, limit: &Scope) -> Option<Self> {
        let transports = match (&self.transports, &limit.transports) {
            (own, AnyOr::Any) => own.clone(),
            (AnyOr::Any, limit) => limit.clone(),
            (AnyOr::Only(own), AnyOr::Only(limit)) => AnyOr::Only(own.common(limit)?),
        };
        let rooms = match (&self.rooms, &limit.rooms) {
            (own, AnyOr::Any) => own.clone(),
            (AnyOr::Any, AnyOr::Only(limit)) => AnyOr::Only(limit.clone().map(GrantRoom::Exact)),
            (AnyOr::Only(own), AnyOr::Only(limit)) => {
                let covered = limit
                    .iter()
                    .filter(|room| own.iter().any(|granted| granted.covers(room)));
                AnyOr::Only(NonEmpty::new(covered.cloned().map(GrantRoom::Exact))?)
            }
        };
        let roles = self.roles.common(&limit.roles)?;
        let served = |role: &Role| {
            let over = members(&transports);
            over.iter().any(|over| is_possible(*role, *over))
        };
        let roles = NonEmpty::new(roles.iter().copied().filter(served))?;
        let is_of_use = |over: &Transport| roles.iter().any(|role| over.can_serve(*role));
        let transports = match &transports {
            AnyOr::Any => AnyOr::Any,
            AnyOr::Only(named) => {
                AnyOr::Only(NonEmpty::new(named.iter().copied().filter(is_of_use))?)
            }
        };
        Some(Self {
            roles,
            transports,
            rooms,
        })
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

/// What a token carries: one rectangle that Red5 reads as the product of its lists.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Scope {
    /// Never empty: a token without `roles` permits everything to everyone.
    pub roles: NonEmpty<Role>,
    /// Left out of the token when *any*.
    pub transports: AnyOr<Transport>,
    /// Left out of the token when *any*.
    pub rooms: AnyOr<RoomName>,
}

impl Scope {
    /// As the `scope` of an answer has it: roles as they are, `room:NAME`, `transport:NAME`.
    pub fn words(&self) -> String {
        let mut words = self.roles.to_strings().join(" ");
        let (rooms, transports) = (self.rooms.to_strings(), self.transports.to_strings());
        for (kind, names) in [(" room:", rooms), (" transport:", transports)] {
            for name in names {
                words.push_str(kind);
                words.push_str(&name);
            }
        }
        words
    }

    /// The part for one role, with the transports that can serve it; `None` where there is none.
    pub fn of_role(&self, role: Role) -> Option<Self> {
        let transports = match &self.transports {
            AnyOr::Any => AnyOr::Any,
            AnyOr::Only(named) => {
                let serving = named.iter().copied();
                let serving = serving.filter(|transport| transport.can_serve(role));
                AnyOr::Only(NonEmpty::new(serving)?)
            }
        };
        self.roles.contains(&role).then(|| Self {
            roles: NonEmpty::one(role),
            transports,
            rooms: self.rooms.clone(),
        })
    }
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
    use crate::domain::rooms::RoomPattern;

    fn room(name: &str) -> RoomName {
        RoomName::parse(name).unwrap()
    }

    fn granted(text: &str) -> GrantRoom {
        RoomPattern::parse(text).map_or_else(|| GrantRoom::Exact(room(text)), GrantRoom::Pattern)
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
        assert!(any.transports.covers(whip.as_ref()) && any.transports.covers(None));
        assert!(any.has_room(Some(&room("x"))) && any.has_room(None));
        assert!(named.transports.covers(whip.as_ref()) && !named.transports.covers(None));
        assert!(named.has_room(Some(&room("a"))) && named.has_room(Some(&room("class-1"))));
        assert!(!named.has_room(Some(&room("b"))) && !named.has_room(None));
    }

    #[test]
    fn the_part_for_a_role_has_the_transports_that_can_serve_it() {
        use Transport::{Rtmp, Whep, Whip};
        let scope = |transports: &[Transport]| Scope {
            roles: NonEmpty::new(Role::ALL).unwrap(),
            transports: NonEmpty::new(transports.iter().copied()).map_or(AnyOr::Any, AnyOr::Only),
            rooms: AnyOr::Only(NonEmpty::one(room("a"))),
        };
        let part = |role, transports: &[Transport]| {
            let part = scope(transports).of_role(role);
            part.map(|part| (part.roles.to_strings(), part.transports.to_strings()))
        };
        let named = |role: Role, words: &[&str]| {
            let words: Vec<String> = words.iter().map(|&word| word.to_owned()).collect();
            Some((vec![role.to_string()], words))
        };
        let (publisher, subscriber) = (Role::Publisher, Role::Subscriber);
        let all = [Rtmp, Whep, Whip];
        assert_eq!(part(publisher, &all), named(publisher, &["RTMP", "WHIP"]));
        assert_eq!(part(subscriber, &all), named(subscriber, &["RTMP", "WHEP"]));
        assert_eq!(part(publisher, &[]), named(publisher, &["*"]));
        assert_eq!(part(publisher, &[Whep]), None);
        let watch = Scope {
            roles: NonEmpty::one(subscriber),
            ..scope(&[])
        };
        assert_eq!(watch.of_role(publisher), None);
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
