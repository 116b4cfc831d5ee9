//! No more than was granted.
//!
//! A (role, transport, room) is *granted* when one single grant contains it. A
//! scope is *sound* when every possible triple in it is granted; (publisher,
//! WHEP) and (subscriber, WHIP) are not possible and ask nothing. Red5 reads a
//! token's lists as their product (Red5: claims specification), so merging two
//! grants list by list gives more than either: that is never done here.
//!
//! `search` finds the best sound scope for a request, from what `coverage`
//! says of each room, or says that there is none; `why` says why, in sentences; `warrant` checks
//! a scope once more, from the definition, before anything is signed.

mod coverage;
#[cfg(test)]
mod examples;
mod search;
#[cfg(test)]
mod twin;
mod warrant;
mod why;

use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::grant::{Ask, Grant, Scope};
use super::mapping::MappingId;
use super::names::{Role, RoomName, Transport};
use super::pairs::Pairs;
use super::rooms::GrantRoom;
use super::set::AnyOr;

pub use search::ScopeRefusal;
pub use warrant::Unwarranted;
pub use why::{ToldTo, WhyNot};

/// A grant that a user holds now, with the mapping it comes from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct HeldGrant {
    /// The row that gives it.
    pub mapping: MappingId,
    /// The group that the row matched, the first of those with the same grant; none for everyone.
    pub group: Option<String>,
    /// The rectangle; shared by all who hold it.
    pub grant: Arc<Grant>,
    /// The moment after which it must not be relied on; none: no such moment.
    pub bound: Option<DateTime<Utc>>,
}

/// A room of a template that could not be made for this person.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct DroppedRoom {
    /// The row.
    pub mapping: MappingId,
    /// The group that the row matched.
    pub group: Option<String>,
    /// The room as the row has it.
    pub rule: String,
    /// Why it fell away.
    pub reason: String,
}

/// All the grants that an identity holds now.
#[derive(Debug, Clone, Default)]
pub struct Entitlement {
    held: Vec<HeldGrant>,
    dropped: Vec<DroppedRoom>,
}

impl Entitlement {
    /// From what was found, in any order.
    pub fn new(mut held: Vec<HeldGrant>, mut dropped: Vec<DroppedRoom>) -> Self {
        held.sort();
        dropped.sort();
        Self { held, dropped }
    }

    /// The grants with their origins, sorted by mapping and group.
    pub fn held(&self) -> &[HeldGrant] {
        &self.held
    }

    /// The rooms that fell away, sorted by mapping and group.
    pub fn dropped(&self) -> &[DroppedRoom] {
        &self.dropped
    }

    /// Whether nothing is granted.
    pub fn is_empty(&self) -> bool {
        self.held.is_empty()
    }

    /// The grants as they are, alike ones folded, sorted by roles, transports, rooms.
    pub fn grants(&self) -> Vec<Grant> {
        self.sorted(|_| true)
    }

    /// The grants of which some possible triple is not in `scope`, so that an
    /// app can ask for them. Folded and sorted as [`Entitlement::grants`].
    pub fn left_out(&self, scope: &Scope) -> Vec<Grant> {
        self.sorted(|grant| !is_within(grant, scope))
    }

    fn sorted(&self, wanted: impl Fn(&Grant) -> bool) -> Vec<Grant> {
        let grants = self.held.iter().map(|held| &*held.grant);
        let distinct: BTreeSet<&Grant> = grants.filter(|grant| wanted(grant)).collect();
        distinct.into_iter().cloned().collect()
    }

    /// The rows of which one single grant lets the role be used in this room over this transport,
    /// or over at least one where none is named. Sorted.
    pub fn lets(
        &self,
        role: Role,
        transport: Option<Transport>,
        room: &RoomName,
    ) -> Vec<MappingId> {
        let lets = |held: &&HeldGrant| {
            held.grant.has_room(Some(room)) && held.grant.serves(role, transport)
        };
        let rows = self.held.iter().filter(lets).map(|held| held.mapping);
        let rows: BTreeSet<MappingId> = rows.collect();
        rows.into_iter().collect()
    }

    /// The scope for a request: the best sound one that has each named list
    /// exactly as it was named, or the reason why there is none.
    pub fn scope(&self, ask: &Ask) -> Result<Scope, ScopeRefusal> {
        search::best(self, ask)
    }

    /// Why a request is refused whose names are not granted, or not together.
    pub fn why_not(&self, ask: &Ask) -> WhyNot {
        why::why_not(self, ask)
    }

    /// Checks `scope` from the definition, and gives the moment after which it
    /// must not be relied on: the earliest, over its triples, of the latest
    /// among the grants that contain the triple. `None`: no such moment.
    pub fn warrant(&self, scope: &Scope) -> Result<Option<DateTime<Utc>>, Unwarranted> {
        warrant::of(self, scope)
    }
}

/// Whether every possible triple of the grant is in the scope.
fn is_within(grant: &Grant, scope: &Scope) -> bool {
    let rooms_within = match (&grant.rooms, &scope.rooms) {
        (_, AnyOr::Any) => true,
        (AnyOr::Any, AnyOr::Only(_)) => false,
        (AnyOr::Only(granted), AnyOr::Only(named)) => granted.iter().all(|room| match room {
            GrantRoom::Exact(room) => named.contains(room),
            // The narrowest pattern has 66 rooms; no token lists them by chance.
            GrantRoom::Pattern(_) => false,
        }),
    };
    rooms_within && Pairs::of(&scope.roles, &scope.transports).includes(Pairs::of_grant(grant))
}
