//! No more than was granted.
//!
//! A (role, transport, room) is *granted* when one single grant contains it. A
//! scope is *sound* when every possible triple in it is granted; (publisher,
//! WHEP) and (subscriber, WHIP) are not possible and ask nothing. Red5 reads a
//! token's lists as their product (Red5: claims specification), so merging two
//! grants list by list gives more than either: that is never done here.
//!
//! [`search`] finds the best sound scope for a request, or says why there is
//! none; [`Entitlement::warrant`] checks a scope once more, from the definition
//! and triple by triple, before anything is signed.

#[cfg(test)]
mod examples;
mod pairs;
mod search;
#[cfg(test)]
mod twin;

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};

use super::grant::{Ask, EVERY_TRANSPORT, Grant, GrantRoom, Scope, is_possible, members};
use super::mapping::MappingId;
use super::names::{Role, RoomName, Transport};
use super::set::AnyOr;

/// A grant that somebody holds now, with the mapping it comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldGrant {
    /// The rectangle.
    pub grant: Grant,
    /// The moment after which it must not be relied on; none: no such moment.
    pub bound: Option<DateTime<Utc>>,
    /// The row that gives it.
    pub mapping: MappingId,
    /// The group that the row matched; none for everyone.
    pub group: Option<String>,
}

/// A room of a template that could not be made for this person.
#[derive(Debug, Clone, PartialEq, Eq)]
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

/// Why a request gets no scope.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Nothing is held.
    #[error("no mapping grants anything")]
    NoGrant,
    /// These words of the request are not granted, or not together. Sorted,
    /// without duplicates; `*` is a named *any*.
    #[error("not granted: {}", refused.join(", "))]
    NotGranted {
        /// The words, roles, transports and rooms in one list.
        refused: Vec<String>,
    },
    /// A room has to be named, of one of these forms. Sorted.
    #[error("name a room, of the form {}", patterns.join(" or "))]
    RoomRequired {
        /// The patterns held.
        patterns: Vec<String>,
    },
}

/// A triple of a scope that no grant contains: the proof that it is not sound.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no single grant contains ({role}, {}, {})", shown(transport.as_ref()), shown(room.as_ref()))]
pub struct Unwarranted {
    role: Role,
    transport: Option<Transport>,
    room: Option<RoomName>,
}

fn shown<T: ToString>(member: Option<&T>) -> String {
    member.map_or_else(|| "other".to_owned(), ToString::to_string)
}

/// All the grants that an identity holds now.
#[derive(Debug, Clone, Default)]
pub struct Entitlement {
    held: Vec<HeldGrant>,
    dropped: Vec<DroppedRoom>,
}

impl Entitlement {
    /// From what was found, in any order.
    pub fn new(held: Vec<HeldGrant>, dropped: Vec<DroppedRoom>) -> Self {
        Self { held, dropped }
    }

    /// The grants with their origins.
    pub fn held(&self) -> &[HeldGrant] {
        &self.held
    }

    /// The rooms that fell away.
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
        let grants = self.held.iter().map(|held| &held.grant);
        let distinct: BTreeSet<&Grant> = grants.filter(|grant| wanted(grant)).collect();
        distinct.into_iter().cloned().collect()
    }

    /// The scope for a request: the best sound one that has each named list
    /// exactly as it was named, or the reason why there is none.
    pub fn scope(&self, ask: &Ask) -> Result<Scope, Refusal> {
        search::best(self, ask)
    }

    /// Checks `scope` from the definition, and gives the moment after which it
    /// must not be relied on: the earliest, over its triples, of the latest
    /// among the grants that contain the triple. `None`: no such moment.
    pub fn warrant(&self, scope: &Scope) -> Result<Option<DateTime<Utc>>, Unwarranted> {
        let rooms: Vec<Option<&RoomName>> = match &scope.rooms {
            // Whoever grants room-less streams grants every room: only `*` does.
            AnyOr::Any => vec![None],
            AnyOr::Only(named) => named.iter().map(Some).collect(),
        };
        let mut earliest = None;
        for room in rooms {
            let here: Vec<&HeldGrant> = self
                .held
                .iter()
                .filter(|held| held.grant.has_room(room))
                .collect();
            for role in &scope.roles {
                for transport in members(&scope.transports) {
                    if !is_possible(*role, transport) {
                        continue;
                    }
                    let containing = here
                        .iter()
                        .filter(|held| held.grant.contains(*role, transport, room));
                    let latest =
                        containing
                            .map(|held| held.bound)
                            .reduce(later)
                            .ok_or_else(|| Unwarranted {
                                role: *role,
                                transport,
                                room: room.cloned(),
                            })?;
                    earliest = earlier(earliest, latest);
                }
            }
        }
        Ok(earliest)
    }
}

/// The later of two bounds, where none is later than any.
fn later(one: Option<DateTime<Utc>>, other: Option<DateTime<Utc>>) -> Option<DateTime<Utc>> {
    Some(one?.max(other?))
}

/// The earlier of two bounds, where none is later than any.
fn earlier(one: Option<DateTime<Utc>>, other: Option<DateTime<Utc>>) -> Option<DateTime<Utc>> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}

/// Whether every possible triple of the grant is in the scope.
fn is_within(grant: &Grant, scope: &Scope) -> bool {
    let rooms_within = match (&grant.rooms, &scope.rooms) {
        (_, AnyOr::Any) => true,
        (AnyOr::Any, AnyOr::Only(_)) => false,
        (AnyOr::Only(granted), AnyOr::Only(named)) => granted.iter().all(|room| match room {
            GrantRoom::Exact(room) => named.contains(room),
            // A pattern has more rooms than a token could list.
            GrantRoom::Pattern(_) => false,
        }),
    };
    rooms_within
        && grant.roles.iter().all(|role| {
            EVERY_TRANSPORT
                .into_iter()
                .filter(|transport| grant.has_transport(*transport))
                .filter(|transport| is_possible(*role, *transport))
                .all(|transport| scope_has(scope, *role, transport))
        })
}

fn scope_has(scope: &Scope, role: Role, transport: Option<Transport>) -> bool {
    scope.roles.contains(&role)
        && match (&scope.transports, transport) {
            (AnyOr::Any, _) => true,
            (AnyOr::Only(named), Some(transport)) => named.contains(&transport),
            (AnyOr::Only(_), None) => false,
        }
}
