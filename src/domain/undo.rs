//! The changes that undo one change set. `flow/mappings.rs` reads its rows from the audit log and
//! writes these changes.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::hash::Hash;

use super::change_set::{Edit, TableChange};
use super::mapping::MappingDraft;
use super::mapping_test::MappingTestDraft;
use super::tables::MappingTables;

/// A row that a change set touched.
#[derive(Debug, Clone, PartialEq)]
pub struct TouchedRow<D> {
    /// Its number.
    pub id: i64,
    /// As it was before; none: the change set created it.
    pub before: Option<D>,
    /// The version in which the change set left it; none: it removed it.
    pub left_at: Option<i64>,
}

/// The rows that a change set touched.
#[derive(Debug, Clone, Default)]
pub struct TouchedRows {
    /// The mappings.
    pub mappings: Vec<TouchedRow<MappingDraft>>,
    /// The mapping tests.
    pub tests: Vec<TouchedRow<MappingTestDraft>>,
    /// Rows whose former state the current rules refuse.
    pub unreadable: Vec<RowKey>,
}

/// Which row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RowKey {
    /// The mapping of this number.
    Mapping(i64),
    /// The mapping test of this number.
    Test(i64),
}

/// Why a row is not made as it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LeftAlone {
    /// It was changed again.
    ChangedSince,
    /// It was removed.
    RemovedSince,
    /// The row of this number says the same now, or has the same name.
    Twin(i64),
    /// The current rules refuse its former state.
    Unreadable,
}

/// The changes that make each row as it was before the change set touched it, and the rows that are left
/// alone: what was changed since is not overwritten. A row that was removed comes back under a new number.
pub fn undo(
    now: &MappingTables,
    touched: &TouchedRows,
) -> (Vec<TableChange>, Vec<(RowKey, LeftAlone)>) {
    let there = now.mappings.iter();
    let there = there.map(|row| (row.id.0, (row.version, &row.draft)));
    let (mappings, mappings_left) =
        take_back(&touched.mappings, &there.collect(), MappingDraft::says);
    let there = now.tests.iter();
    let there = there.map(|row| (row.id.0, (row.version, &row.draft)));
    let (tests, tests_left) = take_back(&touched.tests, &there.collect(), MappingTestDraft::name);
    let mappings = mappings.into_iter().map(TableChange::Mapping);
    let tests = tests.into_iter().map(TableChange::Test);
    let mappings_left = mappings_left.into_iter();
    let mappings_left = mappings_left.map(|(id, why)| (RowKey::Mapping(id), why));
    let tests_left = tests_left.into_iter();
    let tests_left = tests_left.map(|(id, why)| (RowKey::Test(id), why));
    let unreadable = touched.unreadable.iter();
    let unreadable = unreadable.map(|row| (*row, LeftAlone::Unreadable));
    (
        mappings.chain(tests).collect(),
        mappings_left.chain(tests_left).chain(unreadable).collect(),
    )
}

fn take_back<'a, D: Clone + PartialEq, K: Eq + Hash>(
    touched: &'a [TouchedRow<D>],
    there: &BTreeMap<i64, (i64, &'a D)>,
    key: impl Fn(&'a D) -> K,
) -> (Vec<Edit<D>>, Vec<(i64, LeftAlone)>) {
    let mut left = Vec::new();
    let mut wanted = Vec::new();
    for row in touched {
        match (there.get(&row.id), row.left_at) {
            (Some((version, draft)), Some(left_at)) if *version == left_at => {
                if row.before.as_ref() != Some(draft) {
                    wanted.push((row, Some(*version)));
                }
            }
            (Some(_), _) => left.push((row.id, LeftAlone::ChangedSince)),
            (None, Some(_)) => left.push((row.id, LeftAlone::RemovedSince)),
            (None, None) => wanted.push((row, None)),
        }
    }
    // Where a row stays as it is, no other one can become like it; that one stays too, and so on.
    let edited: HashSet<i64> = wanted.iter().map(|(row, _)| row.id).collect();
    let mut wants: HashMap<K, &TouchedRow<D>> = HashMap::new();
    for (row, _) in &wanted {
        if let Some(before) = &row.before {
            wants.insert(key(before), row);
        }
    }
    let mut staying: Vec<i64> = there.keys().copied().collect();
    staying.retain(|id| !edited.contains(id));
    let mut stays: HashSet<i64> = HashSet::new();
    while let Some(twin) = staying.pop() {
        let is_like = there.get(&twin).map(|(_, draft)| key(draft));
        if let Some(row) = is_like.and_then(|key| wants.remove(&key)) {
            left.push((row.id, LeftAlone::Twin(twin)));
            stays.insert(row.id);
            staying.push(row.id);
        }
    }
    wanted.retain(|(row, _)| !stays.contains(&row.id));
    let edits = wanted.into_iter().filter_map(|(row, version)| {
        let (id, draft) = (row.id, row.before.clone());
        match (version, draft) {
            (Some(version), Some(draft)) => Some(Edit::Replace { id, version, draft }),
            (Some(version), None) => Some(Edit::Delete { id, version }),
            (None, draft) => draft.map(Edit::Create),
        }
    });
    (edits.collect(), left)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use chrono::DateTime;
    use serde_json::json;

    use super::*;
    use crate::domain::mapping::{Mapping, MappingId};

    fn draft(group: &str, note: &str) -> MappingDraft {
        let sent = json!({
            "group": group, "match": "exact", "roles": ["red5-subscriber"], "transports": ["WHEP"],
            "rooms": ["lobby"], "note": note,
        });
        MappingDraft::parse(serde_json::from_value(sent).unwrap()).unwrap()
    }

    fn table(rows: &[(i64, i64, &str)]) -> MappingTables {
        let at = DateTime::from_timestamp(1_795_000_000, 0).unwrap();
        let rows = rows.iter().map(|(id, version, group)| Mapping {
            id: MappingId(*id),
            draft: draft(group, ""),
            version: *version,
            created_at: at,
            created_by: String::new(),
            updated_at: at,
            updated_by: String::new(),
            last_used_at: None,
        });
        MappingTables {
            mappings: rows.map(Arc::new).collect(),
            tests: Vec::new(),
        }
    }

    fn touched(rows: &[(i64, Option<&str>, Option<i64>)]) -> TouchedRows {
        let mappings = rows.iter().map(|(id, before, left_at)| TouchedRow {
            id: *id,
            before: before.map(|group| draft(group, "")),
            left_at: *left_at,
        });
        TouchedRows {
            mappings: mappings.collect(),
            ..TouchedRows::default()
        }
    }

    #[test]
    fn each_row_becomes_as_it_was_before() {
        let now = table(&[(1, 1, "made"), (2, 5, "new")]);
        let set = touched(&[
            (1, None, Some(1)),
            (2, Some("old"), Some(5)),
            (3, Some("gone"), None),
        ]);
        let (changes, left) = undo(&now, &set);
        assert_eq!(left, []);
        let expected = [
            Edit::Delete { id: 1, version: 1 },
            Edit::Replace {
                id: 2,
                version: 5,
                draft: draft("old", ""),
            },
            Edit::Create(draft("gone", "")),
        ];
        assert_eq!(changes, expected.map(TableChange::Mapping));
    }

    #[test]
    fn what_was_changed_removed_or_made_again_since_is_left_alone_and_named() {
        let now = table(&[
            (1, 2, "made"),
            (2, 6, "new"),
            (7, 1, "gone"),
            (8, 1, "twice"),
        ]);
        let set = touched(&[
            (1, None, Some(1)),
            (2, Some("old"), Some(5)),
            (3, Some("gone"), None),
            (4, Some("x"), Some(2)),
            (5, None, Some(1)),
            (8, Some("made"), Some(1)),
        ]);
        let (changes, left) = undo(&now, &set);
        assert_eq!(changes, []);
        let expected = [
            (1, LeftAlone::ChangedSince),
            (2, LeftAlone::ChangedSince),
            (4, LeftAlone::RemovedSince),
            (5, LeftAlone::RemovedSince),
            (3, LeftAlone::Twin(7)),
            (8, LeftAlone::Twin(1)),
        ];
        assert_eq!(left, expected.map(|(id, why)| (RowKey::Mapping(id), why)));
    }

    #[test]
    fn a_row_that_stays_because_of_a_twin_may_be_the_twin_of_another() {
        // The change set made "a" of "b", and "b" of "c"; meanwhile another row says "c".
        let now = table(&[(1, 2, "a"), (2, 2, "b"), (3, 1, "c")]);
        let set = touched(&[(1, Some("b"), Some(2)), (2, Some("c"), Some(2))]);
        let (changes, left) = undo(&now, &set);
        assert_eq!(changes, []);
        assert_eq!(
            left,
            [
                (RowKey::Mapping(2), LeftAlone::Twin(3)),
                (RowKey::Mapping(1), LeftAlone::Twin(2)),
            ]
        );
    }

    #[test]
    fn a_chain_of_ten_thousand_twins_is_followed_once() {
        let name = |n: i64| format!("g{n}");
        let names: Vec<String> = (0..=10_001).map(name).collect();
        let called = |n: i64| &*names[usize::try_from(n).unwrap()];
        let mut rows: Vec<_> = (1..=10_000).map(|n| (n, 2, called(n + 1))).collect();
        rows.push((10_001, 1, called(1)));
        let set: Vec<_> = (1..=10_000)
            .map(|n| (n, Some(called(n)), Some(2)))
            .collect();
        let (changes, left) = undo(&table(&rows), &touched(&set));
        assert_eq!((changes.len(), left.len()), (0, 10_000));
    }

    #[test]
    fn rows_that_changed_places_change_back() {
        let now = table(&[(1, 2, "b"), (2, 2, "a")]);
        let set = touched(&[(1, Some("a"), Some(2)), (2, Some("b"), Some(2))]);
        let (changes, left) = undo(&now, &set);
        assert_eq!((changes.len(), left), (2, vec![]));
    }
}
