//! Which (role, transport) pairs are granted in which rooms.
//!
//! Two roles and five transports (the four, and another one) make ten pairs,
//! of which eight are possible. A room's *coverage* is the set of possible
//! pairs that some single grant gives in it; a list of roles × a list of
//! transports is sound in a room exactly when its possible pairs are all in
//! that coverage.

use std::collections::BTreeMap;

use super::Entitlement;
use crate::domain::grant::{Ask, EVERY_TRANSPORT, Grant, is_possible, members};
use crate::domain::names::{Role, RoomName, Transport};
use crate::domain::pattern_index::PatternIndex;
use crate::domain::rooms::{GrantRoom, RoomPattern};
use crate::domain::set::{AnyOr, NonEmpty};

/// Some of the possible pairs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Pairs(u16);

impl Pairs {
    /// The possible pairs of roles × transports.
    pub(super) fn among(roles: &[Role], transports: &[Option<Transport>]) -> Self {
        let mut pairs = Self::default();
        for role in roles {
            for transport in transports {
                if is_possible(*role, *transport) {
                    pairs = pairs.with(Self::one(*role, *transport));
                }
            }
        }
        pairs
    }

    /// The same of two lists as a scope has them.
    pub(super) fn of(roles: &NonEmpty<Role>, transports: &AnyOr<Transport>) -> Self {
        let roles: Vec<Role> = roles.iter().copied().collect();
        Self::among(&roles, &members(transports))
    }

    /// The possible pairs of a grant.
    pub(super) fn of_grant(grant: &Grant) -> Self {
        Self::of(&grant.roles, &grant.transports)
    }

    fn one(role: Role, transport: Option<Transport>) -> Self {
        let place = match transport {
            Some(Transport::Rtmp) => 0,
            Some(Transport::Rtsp) => 1,
            Some(Transport::Whep) => 2,
            Some(Transport::Whip) => 3,
            None => 4,
        };
        match role {
            Role::Publisher => Self(1 << place),
            Role::Subscriber => Self(1 << (place + 5)),
        }
    }

    pub(super) fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(super) fn includes(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    pub(super) fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// Whether each role and each transport takes part in one of the possible
    /// pairs: otherwise a list would promise what can never be done.
    pub(super) fn use_all(roles: &NonEmpty<Role>, transports: &AnyOr<Transport>) -> bool {
        let pairs = Self::of(roles, transports);
        let every_role = roles
            .iter()
            .all(|role| pairs.meets(Self::among(&[*role], &EVERY_TRANSPORT)));
        // *Any* names no transport, so none of it can be idle.
        let every_transport = transports
            .named()
            .into_iter()
            .flatten()
            .all(|transport| pairs.meets(Self::among(&Role::ALL, &[Some(*transport)])));
        every_role && every_transport
    }
}

/// The coverage of every room that matters for one request.
pub(super) struct Coverage<'a> {
    anywhere: Pairs,
    rooms: BTreeMap<&'a RoomName, Pairs>,
    overall: Pairs,
}

impl<'a> Coverage<'a> {
    pub(super) fn of(entitlement: &'a Entitlement, ask: &'a Ask) -> Self {
        let mut anywhere = Pairs::default();
        let mut overall = Pairs::default();
        let mut rooms: BTreeMap<&RoomName, Pairs> = BTreeMap::new();
        let mut patterns: BTreeMap<&RoomPattern, Pairs> = BTreeMap::new();
        if let Some(AnyOr::Only(named)) = &ask.rooms {
            rooms.extend(named.iter().map(|room| (room, Pairs::default())));
        }
        for held in entitlement.held() {
            let pairs = Pairs::of_grant(&held.grant);
            overall = overall.with(pairs);
            let AnyOr::Only(granted) = &held.grant.rooms else {
                anywhere = anywhere.with(pairs);
                continue;
            };
            for room in granted {
                let covered = match room {
                    GrantRoom::Pattern(pattern) => Some(patterns.entry(pattern).or_default()),
                    GrantRoom::Exact(room) if ask.rooms.is_none() => {
                        Some(rooms.entry(room).or_default())
                    }
                    // Other rooms than the named ones cannot be in the scope.
                    GrantRoom::Exact(room) => rooms.get_mut(room),
                };
                if let Some(covered) = covered {
                    *covered = covered.with(pairs);
                }
            }
        }
        let patterns = patterns.into_iter().collect();
        let index = PatternIndex::new(patterns, |(pattern, _)| pattern.as_str(), rooms.len());
        let mut search = index.search();
        for (room, covered) in &mut rooms {
            *covered = covered.with(anywhere);
            let before = *covered;
            let adds = |(_, pairs): &(&RoomPattern, Pairs)| !before.includes(*pairs);
            for (pattern, pairs) in search.candidates(room.as_str(), adds) {
                if pattern.matches(room) {
                    *covered = covered.with(*pairs);
                }
            }
        }
        Self {
            anywhere,
            rooms,
            overall,
        }
    }

    /// The pairs granted in every room and without one: what `*` grants give.
    pub(super) fn anywhere(&self) -> Pairs {
        self.anywhere
    }

    /// The rooms that the request names, or else all that grants name
    /// exactly, in order, each with the pairs granted in it.
    pub(super) fn rooms(&self) -> impl Iterator<Item = (&'a RoomName, Pairs)> {
        self.rooms.iter().map(|(room, pairs)| (*room, *pairs))
    }

    /// The pairs granted somewhere in the named rooms; none named: in any room.
    pub(super) fn among(&self, named: Option<&AnyOr<RoomName>>) -> Pairs {
        match named {
            None => self.overall,
            Some(AnyOr::Any) => self.anywhere,
            Some(AnyOr::Only(_)) => self
                .rooms
                .values()
                .fold(Pairs::default(), |all, pairs| all.with(*pairs)),
        }
    }

    /// The pairs granted in one of the named rooms.
    pub(super) fn in_room(&self, room: &RoomName) -> Pairs {
        self.rooms.get(room).copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_possible_pair_has_a_bit_of_its_own_and_the_others_have_none() {
        let mut seen = Pairs::default();
        for role in Role::ALL {
            for transport in EVERY_TRANSPORT {
                let pair = Pairs::among(&[role], &[transport]);
                assert_eq!(pair != Pairs::default(), is_possible(role, transport));
                assert!(!seen.meets(pair), "{role} {transport:?}");
                seen = seen.with(pair);
            }
        }
        assert_eq!(seen.0.count_ones(), 8);
        assert_eq!(seen, Pairs::among(&Role::ALL, &EVERY_TRANSPORT));
    }
}
