//! What changes of the tables do, for every possible identity and for the people who were seen.

use std::collections::{BTreeSet, HashSet};

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::domain::change_set::TableChange;
use crate::domain::effect::{ChangedTable, RowChange, TableEffect, Warning};
use crate::domain::mapping_test::MappingTest;
use crate::domain::resolve::Mappings;
use crate::domain::tables::MappingTables;
use crate::store::mappings::{ChangedTables, TableRow};

/// What changes do.
#[derive(Debug, Serialize)]
pub struct Effect {
    /// The number of the last change to the mappings.
    pub mapping_version: i64,
    /// For every possible identity.
    #[serde(flatten)]
    pub table: TableEffect,
    /// What to look at before they are saved.
    pub warnings: Vec<Warning>,
    /// The tests that fail afterwards.
    pub tests_failing: Vec<FailingTest>,
}

/// A mapping test that fails on the tables as they would be, or are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FailingTest {
    /// Its number; none for one that the change set creates.
    pub id: Option<i64>,
    /// Its name.
    pub name: String,
    /// The change that writes it, if one does.
    pub change: Option<usize>,
    /// What is not as the test states, a sentence each.
    pub because: Vec<String>,
}

/// What changes do, or did.
pub(super) fn effect(
    changed: &ChangedTables,
    tests_failing: Vec<FailingTest>,
    now: DateTime<Utc>,
) -> Effect {
    let rows = changed.changes.iter().filter_map(|change| match change {
        TableChange::Mapping(edit) => Some(RowChange {
            before: edit.target().and_then(|(id, _)| changed.before.mapping(id)),
            after: edit.draft(),
        }),
        TableChange::Test(_) => None,
    });
    let rows: Vec<RowChange<'_>> = rows.collect();
    let table = ChangedTable::new(&changed.before.mappings, &rows, now);
    Effect {
        mapping_version: changed.mapping_version,
        table: table.effect(),
        warnings: table.warnings(&BTreeSet::new()),
        tests_failing,
    }
}

/// The tests that fail afterwards, and those of them that did not fail before.
pub(super) fn failing_tests(
    ChangedTables {
        before,
        after,
        written,
        ..
    }: &ChangedTables,
    now: DateTime<Utc>,
) -> (Vec<FailingTest>, Vec<FailingTest>) {
    let failed: HashSet<i64> = failures(before, now).map(|(test, _)| test.id.0).collect();
    let mut all = Vec::new();
    let mut new = Vec::new();
    for (test, because) in failures(after, now) {
        let is_written =
            |row: &Option<TableRow>| matches!(row, Some(TableRow::Test(row)) if row.id == test.id);
        let is_created = before.tests.iter().all(|old| old.id != test.id);
        let failing = FailingTest {
            id: (!is_created).then_some(test.id.0),
            name: test.draft.name().to_owned(),
            change: written.iter().position(is_written),
            because,
        };
        if !failed.contains(&test.id.0) {
            new.push(failing.clone());
        }
        all.push(failing);
    }
    (all, new)
}

/// The tests that fail on these tables, each with what is not as it states.
fn failures(
    tables: &MappingTables,
    now: DateTime<Utc>,
) -> impl Iterator<Item = (&MappingTest, Vec<String>)> {
    let mappings = tables.mappings.iter().filter(|_| !tables.tests.is_empty());
    let mappings = Mappings::compile(mappings.cloned());
    let judged = tables.tests.iter();
    let judged = judged.map(move |test| (test, test.draft.check(&mappings, now)));
    judged.filter(|(_, because)| !because.is_empty())
}
