//! The entitlement of an identity, and the scopes that it allows: never more than was granted.
//!
//! A (role, transport, room) is *granted* when one single grant contains it. A scope is *sound*
//! when every possible triple in it is granted; (publisher, WHEP) and (subscriber, WHIP) are
//! impossible and need no grant. Red5 reads a token's lists as their product (Red5: claims
//! specification). Merging two grants list by list would give more than both together, so grants
//! are never merged.
//!
//! `search` finds the best sound scope for a request, based on the granted pairs of each room
//! (`coverage`), or refuses. `why` explains a refusal in sentences. `warrant` checks a scope again,
//! independently, before it is signed.

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

/// A grant that an identity holds now, and its mapping.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct HeldGrant {
    /// The mapping that gives the grant.
    pub mapping: MappingId,
    /// The group that matched the mapping, the first of those with the same grant; `None` for a
    /// mapping for everyone.
    pub group: Option<String>,
    /// The grant, shared by all identities that hold it.
    pub grant: Arc<Grant>,
    /// When the grant ends; `None` if it has no end.
    pub bound: Option<DateTime<Utc>>,
}

/// A room of a template that cannot be built for this person.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct DroppedRoom {
    /// The mapping.
    pub mapping: MappingId,
    /// The group that matched the mapping.
    pub group: Option<String>,
    /// The template.
    pub rule: String,
    /// Why the room cannot be built.
    pub reason: String,
}

/// All grants that an identity holds now.
#[derive(Debug, Clone, Default)]
pub struct Entitlement {
    held: Vec<HeldGrant>,
    dropped: Vec<DroppedRoom>,
}

impl Entitlement {
    /// From held grants and dropped rooms, in any order.
    pub fn new(mut held: Vec<HeldGrant>, mut dropped: Vec<DroppedRoom>) -> Self {
        held.sort();
        dropped.sort();
        Self { held, dropped }
    }

    /// The part within `limit`. Each grant is narrowed by itself, so a scope that is sound then was sound before.
    #[must_use]
    pub fn within(self, limit: &Scope) -> Self {
        let narrowed = self.held.into_iter().filter_map(|held| {
            let grant = Arc::new(held.grant.within(limit)?);
            Some(HeldGrant { grant, ..held })
        });
        Self::new(narrowed.collect(), self.dropped)
    }

    /// The held grants, sorted by mapping and group.
    pub fn held(&self) -> &[HeldGrant] {
        &self.held
    }

    /// The dropped rooms, sorted by mapping and group.
    pub fn dropped(&self) -> &[DroppedRoom] {
        &self.dropped
    }

    /// Whether there are no grants.
    pub fn is_empty(&self) -> bool {
        self.held.is_empty()
    }

    /// The grants without duplicates, sorted by roles, transports, rooms.
    pub fn grants(&self) -> Vec<Grant> {
        self.sorted(|_| true)
    }

    /// The grants that contain a possible triple outside of `scope`. Without duplicates, sorted as
    /// [`Entitlement::grants`].
    pub fn left_out(&self, scope: &Scope) -> Vec<Grant> {
        self.sorted(|grant| !is_within(grant, scope))
    }

    fn sorted(&self, wanted: impl Fn(&Grant) -> bool) -> Vec<Grant> {
        let grants = self.held.iter().map(|held| &*held.grant);
        let distinct: BTreeSet<&Grant> = grants.filter(|grant| wanted(grant)).collect();
        distinct.into_iter().cloned().collect()
    }

    /// The mappings of which a single grant allows the role in this room over this transport;
    /// without a transport, over at least one. Sorted.
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

    /// The mappings whose grants contain a possible triple of the scope; one may occur more than once.
    pub fn behind(&self, scope: &Scope) -> impl Iterator<Item = MappingId> {
        let pairs = Pairs::of(&scope.roles, &scope.transports);
        let takes_part = move |held: &&HeldGrant| {
            Pairs::of_grant(&held.grant).meets(pairs)
                && match &scope.rooms {
                    // Only a grant of any room covers streams without a room.
                    AnyOr::Any => held.grant.rooms.is_any(),
                    AnyOr::Only(named) => named.iter().any(|room| held.grant.has_room(Some(room))),
                }
        };
        self.held.iter().filter(takes_part).map(|held| held.mapping)
    }

    /// The scope for a request: the best sound one in which each requested list is exactly as
    /// requested, or the reason why there is none.
    pub fn scope(&self, ask: &Ask) -> Result<Scope, ScopeRefusal> {
        search::best(self, ask)
    }

    /// Explains the refusal of a request whose names are not granted, or not together.
    pub fn why_not(&self, ask: &Ask) -> WhyNot {
        why::why_not(self, ask)
    }

    /// Checks `scope` against the definition and returns when it ends. Each triple ends with the
    /// latest of the grants that contain it; the scope ends with the earliest of its triples.
    /// `None`: it has no end.
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
            // Even the narrowest pattern has 66 rooms, and no token happens to list them all.
            GrantRoom::Pattern(_) => false,
        }),
    };
    rooms_within && Pairs::of(&scope.roles, &scope.transports).includes(Pairs::of_grant(grant))
}
