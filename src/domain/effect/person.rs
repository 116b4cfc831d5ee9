//! What an edit changes for one person, now.

use std::collections::BTreeSet;

use serde::Serialize;

use super::cover::{RoomForm, RoomIndex};
use super::rectangles;
use crate::domain::entitlement::Entitlement;
use crate::domain::grant::Grant;
use crate::domain::pairs::Pairs;

/// What one person gains and loses.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct PersonEffect {
    /// Sorted, no two alike.
    pub gains: Vec<Grant>,
    /// Sorted, no two alike.
    pub losses: Vec<Grant>,
}

impl PersonEffect {
    /// Whether the person can do what they could, and nothing else.
    pub fn is_none(&self) -> bool {
        self.gains.is_empty() && self.losses.is_empty()
    }
}

/// Compares all that a person holds before and after an edit. Each role, transport and room
/// of an entry is in a triple that changes; *any* transport may stand for others than the four alone.
///
/// No change is missed; where only several patterns *together* cover another one, one may be
/// told that is none.
pub fn between(before: &Entitlement, after: &Entitlement) -> PersonEffect {
    let before = distinct(before);
    let after = distinct(after);
    PersonEffect {
        gains: uncovered(&after, &before),
        losses: uncovered(&before, &after),
    }
}

fn distinct(entitlement: &Entitlement) -> BTreeSet<&Grant> {
    entitlement.held().iter().map(|held| &*held.grant).collect()
}

fn uncovered(grants: &BTreeSet<&Grant>, by: &BTreeSet<&Grant>) -> Vec<Grant> {
    let changed: Vec<&Grant> = grants.difference(by).copied().collect();
    let lookups = changed.iter().map(|grant| rooms_of(grant).count()).sum();
    if lookups == 0 {
        return Vec::new();
    }
    let rooms = by.iter().flat_map(|grant| {
        let pairs = Pairs::of_grant(grant);
        rooms_of(grant).map(move |room| (room, pairs))
    });
    let index = RoomIndex::new(rooms, lookups);
    let mut search = index.search();
    let mut entries = BTreeSet::new();
    for grant in changed {
        let pairs = Pairs::of_grant(grant);
        let named = grant.rooms.named();
        let named = named.map(|named| named.iter().map(Some).collect());
        let left = named.unwrap_or_else(|| vec![None]).into_iter().map(|room| {
            let mut left = pairs;
            search.each_cover(room.map(RoomForm::Fixed), |covered| {
                left = left.without(covered);
            });
            (left, room)
        });
        for (roles, transports, rooms) in rectangles(left) {
            entries.insert(Grant {
                roles,
                transports,
                rooms,
            });
        }
    }
    entries.into_iter().collect()
}

/// None is *any*.
fn rooms_of(grant: &Grant) -> impl Iterator<Item = Option<RoomForm<'_>>> {
    let named = grant.rooms.named();
    let any = named.is_none().then_some(None);
    let named = named.into_iter().flatten();
    any.into_iter()
        .chain(named.map(|room| Some(RoomForm::Fixed(room))))
}
