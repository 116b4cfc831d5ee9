//! Coverage of rooms. The *coverage* of a room is the set of possible (role, transport) pairs that
//! some single grant gives in it. Roles × transports are sound in a room exactly when all their
//! possible pairs are in its coverage.

use std::collections::BTreeMap;

use super::Entitlement;
use crate::domain::grant::Ask;
use crate::domain::names::RoomName;
use crate::domain::pairs::Pairs;
use crate::domain::pattern_index::PatternIndex;
use crate::domain::rooms::{GrantRoom, RoomPattern};
use crate::domain::set::AnyOr;

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
                    // Only requested rooms can be in the scope.
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

    /// The pairs granted in every room and without a room, by `*` grants.
    pub(super) fn anywhere(&self) -> Pairs {
        self.anywhere
    }

    /// The requested rooms, or else all rooms that grants name exactly, in order, each with its
    /// coverage.
    pub(super) fn rooms(&self) -> impl Iterator<Item = (&'a RoomName, Pairs)> {
        self.rooms.iter().map(|(room, pairs)| (*room, *pairs))
    }

    /// The pairs granted somewhere in the requested rooms; if none is requested, in any room.
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

    /// The coverage of one requested room.
    pub(super) fn in_room(&self, room: &RoomName) -> Pairs {
        self.rooms.get(room).copied().unwrap_or_default()
    }
}
