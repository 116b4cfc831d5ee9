//! What an edit of the table changes, for every possible identity and for one person.
//!
//! A mapping is split into *atoms*: a possible (role, transport) pair, one room of the row, or any,
//! and the row's window. An atom is *covered* by a row that grants at least the same to at least the same
//! identities for at least as long. A gain is an atom of a changed row, as it is afterwards, that no
//! single row of the table before covers; a loss is an atom of a changed row, as it was, that no
//! single row of the table afterwards covers.
//!
//! So a gain or a loss is never missed: each triple that an identity has on one side and not on the other
//! comes from an atom that is not covered. One may be told that is none, and only where several globs,
//! patterns or rows *together* cover an atom (`a*` and `b*` cover the groups `a`
//! and `b`), or where two different globs divide each group alike at stars that both move
//! (`x*-*` and `*-*` behind the last hyphen).
//!
//! Lifetimes count nowhere here: `max_ttl_seconds` makes a grant shorter, not narrower.

mod cover;
mod person;
#[cfg(test)]
mod twin;
mod warnings;

use std::collections::{BTreeMap, BTreeSet, HashSet};

use chrono::{DateTime, SubsecRound, Utc};
use serde::Serialize;

use super::groups::GroupMatch;
use super::mapping::{Mapping, MappingDraft, MappingId};
use super::names::{Role, Transport};
use super::pairs::Pairs;
use super::rooms::RoomRule;
use super::set::{AnyOr, NonEmpty};
use super::time;
use cover::{Granting, RowIndex, each_cover};

pub use person::{PersonEffect, between};
pub use warnings::{Warning, WarningCode};

/// One change of a change set.
#[derive(Debug, Clone, Copy)]
pub struct RowChange<'a> {
    /// The row as it was; none for a new one.
    pub before: Option<&'a Mapping>,
    /// The row as it will be; none for one that is deleted.
    pub after: Option<&'a MappingDraft>,
}

/// How an edit changes what is granted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum EffectKind {
    /// Nothing is granted that was not, and the reverse.
    None,
    /// There are losses alone: this grants nothing new to anyone.
    Narrows,
    /// There are gains alone.
    Widens,
    /// There are gains and losses.
    Both,
}

/// The effect for every possible identity, from now on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TableEffect {
    /// What the two lists come to.
    #[serde(rename = "effect")]
    pub kind: EffectKind,
    /// Sorted, no two alike.
    pub gains: Vec<EffectEntry>,
    /// Sorted, no two alike.
    pub losses: Vec<EffectEntry>,
}

/// A part of a changed row. Each role, transport and room of it is in a triple that changes; *any*
/// transport may stand for others than the four alone.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct EffectEntry {
    /// The group of the row: of a gain as it will be, of a loss as it was.
    pub who: GroupMatch,
    /// At least one.
    pub roles: NonEmpty<Role>,
    /// *Any*, or these.
    pub transports: AnyOr<Transport>,
    /// As the row has them, templates not filled in.
    pub rooms: AnyOr<RoomRule>,
    /// The row's first moment, where it is yet to come; none: now.
    #[serde(serialize_with = "time::serialize_option")]
    pub from: Option<DateTime<Utc>>,
    /// The first moment at which the row is over; none: never.
    #[serde(serialize_with = "time::serialize_option")]
    pub until: Option<DateTime<Utc>>,
}

/// A table, and changes that make another one of it.
#[derive(Debug)]
pub struct ChangedTable<'a> {
    changes: &'a [RowChange<'a>],
    now: DateTime<Utc>,
    /// Rows that no change names.
    rest: Vec<Granting<'a>>,
    /// The changed rows as they were.
    old: Vec<Granting<'a>>,
    /// The changed rows as they will be.
    new: Vec<Granting<'a>>,
}

/// Which row it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum RowName {
    /// One that no change names.
    Stored(MappingId),
    /// That of this change.
    Changed(usize),
}

impl<'a> ChangedTable<'a> {
    /// `table` is the table before; of its rows those that a change names are taken from the
    /// change. No two changes name one row.
    pub fn new(
        table: impl IntoIterator<Item = &'a Mapping>,
        changes: &'a [RowChange<'a>],
        now: DateTime<Utc>,
    ) -> Self {
        let named: HashSet<MappingId> = changes
            .iter()
            .filter_map(|change| change.before.map(|row| row.id))
            .collect();
        let rest = table
            .into_iter()
            .filter(|row| !named.contains(&row.id))
            .filter_map(|row| Granting::of(RowName::Stored(row.id), &row.draft, now));
        let rows = |side: fn(&RowChange<'a>) -> Option<&'a MappingDraft>| {
            let drafts = changes.iter().map(side).enumerate();
            drafts
                .filter_map(|(at, draft)| Granting::of(RowName::Changed(at), draft?, now))
                .collect()
        };
        Self {
            changes,
            now,
            rest: rest.collect(),
            old: rows(|change| change.before.map(|row| &row.draft)),
            new: rows(|change| change.after),
        }
    }

    /// What the changes grant and take, for every possible identity.
    ///
    /// Costs the table once, and for each room of a changed row the rows that cover it.
    pub fn effect(&self) -> TableEffect {
        let gains = self.uncovered(&self.new, &self.old);
        let losses = self.uncovered(&self.old, &self.new);
        let kind = match (gains.is_empty(), losses.is_empty()) {
            (true, true) => EffectKind::None,
            (true, false) => EffectKind::Narrows,
            (false, true) => EffectKind::Widens,
            (false, false) => EffectKind::Both,
        };
        TableEffect {
            kind,
            gains,
            losses,
        }
    }

    /// What of `rows` neither the rest of the table nor `others` cover.
    fn uncovered(&self, rows: &[Granting<'a>], others: &[Granting<'a>]) -> Vec<EffectEntry> {
        let rows: Vec<&Granting> = rows.iter().collect();
        let by = RowIndex::new(self.rest.iter().chain(others), rows.len());
        let mut left: Vec<Vec<Pairs>> = rows
            .iter()
            .map(|row| vec![row.pairs; row.rooms.len()])
            .collect();
        each_cover(&rows, &by, |found| {
            let left = &mut left[found.row][found.room];
            *left = left.without(found.by.pairs);
        });
        let mut entries = BTreeSet::new();
        for (row, left) in rows.iter().zip(left) {
            let rooms = row.rooms.iter().copied();
            for (roles, transports, rooms) in rectangles(left.into_iter().zip(rooms)) {
                entries.insert(EffectEntry {
                    who: row.draft.group().clone(),
                    roles,
                    transports,
                    rooms,
                    from: row
                        .draft
                        .valid_from()
                        .filter(|from| *from > self.now)
                        .map(|from| from.trunc_subsecs(0)),
                    until: row.draft.valid_until().map(|until| until.trunc_subsecs(0)),
                });
            }
        }
        entries.into_iter().collect()
    }
}

type Rectangle<T> = (NonEmpty<Role>, AnyOr<Transport>, AnyOr<T>);

/// Rooms, each with the pairs that are left in it, as lists; none among the rooms is *any*.
fn rectangles<'r, T: Ord + Clone + 'r>(
    left: impl Iterator<Item = (Pairs, Option<&'r T>)>,
) -> Vec<Rectangle<T>> {
    let mut rooms_by_pairs: BTreeMap<Pairs, Vec<Option<&T>>> = BTreeMap::new();
    for (pairs, room) in left.filter(|(pairs, _)| !pairs.is_empty()) {
        rooms_by_pairs.entry(pairs).or_default().push(room);
    }
    let mut all = Vec::new();
    for (pairs, rooms) in rooms_by_pairs {
        let named: Option<Vec<T>> = rooms.into_iter().map(Option::<&T>::cloned).collect();
        let rooms = match named.map(NonEmpty::new) {
            None => AnyOr::Any,
            Some(Some(named)) => AnyOr::Only(named),
            Some(None) => continue,
        };
        for (roles, transports) in pairs.rectangles() {
            all.push((roles, transports, rooms.clone()));
        }
    }
    all
}

#[cfg(test)]
mod tests;
