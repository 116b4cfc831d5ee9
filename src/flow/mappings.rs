//! Changing the mappings and their tests. Every change, from whichever door, is a change set: all of
//! it is written or nothing. Then this instance loads the table again before it answers, so that its
//! next exchange knows. The others are told by the database.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::admin::Admin;
use super::effect::{
    CompiledTables, Effect, FailingTest, PeopleRules, effect, failing_tests, people_concerned,
};
use crate::clock::Clock;
use crate::domain::change_set::{ChangeSet, Edit, TableChange};
use crate::domain::identity::Actor;
use crate::domain::list::{ListPage, PageRange};
use crate::domain::mapping::{Mapping, MappingId};
use crate::domain::mapping_filter::MappingFilter;
use crate::domain::mapping_test::MappingTest;
use crate::domain::tables::{MappingTables, WantedTables};
use crate::domain::undo::{LeftAlone, RowKey, undo};
use crate::fingerprint::pseudonym;
use crate::store::mappings::{ChangeContext, ChangedTables, KnownMappings, NotChanged, untold};
use crate::store::people::PeopleReader;
use crate::store::snapshot::SnapshotKeeper;
use crate::store::{Store, StoreError};

pub use crate::store::mappings::{TableRow, Twin};

/// Why a change was not written. Nothing has changed then.
pub type ChangeError = NotChanged<Vec<FailingTest>>;

/// On which terms changes are made.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Terms {
    /// The version that the table must still have; none: any.
    pub if_mapping_version: Option<i64>,
    /// The same of the mapping tests, of [`MappingTables::tests_version`].
    pub if_tests: Option<u64>,
    /// Whether everything is done up to the commit, and nothing is written.
    pub dry_run: bool,
}

/// Of which tables a plan is, as a form carries it: `42.7`, the number of the last change to the
/// mappings and the version of the mapping tests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PlanVersion {
    mappings: i64,
    tests: u64,
}

impl PlanVersion {
    /// Reads it.
    pub fn parse(text: &str) -> Option<Self> {
        let (mappings, tests) = text.split_once('.')?;
        Some(Self {
            mappings: mappings.parse().ok()?,
            tests: tests.parse().ok()?,
        })
    }
}

impl fmt::Display for PlanVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.mappings, self.tests)
    }
}

impl From<PlanVersion> for Terms {
    /// To do what was planned, and nothing else.
    fn from(PlanVersion { mappings, tests }: PlanVersion) -> Self {
        Self {
            if_mapping_version: Some(mappings),
            if_tests: Some(tests),
            dry_run: false,
        }
    }
}

/// What changes do, or would do.
#[derive(Debug, Serialize)]
pub struct ChangeOutcome {
    /// What they change, and for whom.
    #[serde(flatten)]
    pub effect: Effect,
    /// The rows in the order of the changes; none for one that was removed. Nothing after a dry run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub written: Option<Vec<Option<TableRow>>>,
    /// The number of the change set in the audit log; none where nothing was written.
    #[serde(skip)]
    pub change_set: Option<i64>,
    /// The tables before.
    #[serde(skip)]
    pub before: MappingTables,
    /// What is written, or would be.
    #[serde(skip)]
    pub changes: Vec<TableChange>,
}

impl ChangeOutcome {
    /// The tables for which a dry run was.
    pub fn plan_version(&self) -> PlanVersion {
        PlanVersion {
            mappings: self.effect.mapping_version,
            tests: self.before.tests_version(),
        }
    }
}

/// What one change wrote.
#[derive(Debug)]
pub struct WrittenRow {
    /// The row as it is then; none where it was removed.
    pub row: Option<TableRow>,
    /// The number of the change in the audit log.
    pub change_set: Option<i64>,
}

/// What administrators do with the table.
pub struct MappingEditor {
    store: Store,
    snapshots: Option<Arc<SnapshotKeeper>>,
    clock: Arc<dyn Clock>,
    people: PeopleRules,
}

impl MappingEditor {
    /// Over this database. A program that exchanges nothing has no snapshots.
    pub fn new(
        store: Store,
        snapshots: Option<Arc<SnapshotKeeper>>,
        clock: Arc<dyn Clock>,
        people: PeopleRules,
    ) -> Self {
        Self {
            store,
            snapshots,
            clock,
            people,
        }
    }

    /// The time, for what counts now.
    pub fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    /// One page of the rows of a filter, of now or as they stood at an earlier moment, with the number of
    /// the last change to the mappings before it.
    pub async fn list(
        &self,
        admin: &Admin,
        filter: &MappingFilter,
        at: Option<DateTime<Utc>>,
        range: PageRange,
    ) -> Result<(ListPage<Mapping>, i64), StoreError> {
        let (tables, mapping_version) = self.tables(admin, at).await?;
        let now = at.unwrap_or_else(|| self.clock.now());
        let uses = if filter.asks_for_use() {
            self.store.mapping_uses(None).await?
        } else {
            HashMap::new()
        };
        let rows = filter.select(tables.mappings, &uses, now);
        let total = i64::try_from(rows.len()).unwrap_or(i64::MAX);
        let items = range.of(rows).into_iter().map(Arc::unwrap_or_clone);
        let mut items: Vec<Mapping> = items.collect();
        if at.is_none() {
            let ids: Vec<i64> = items.iter().map(|row| row.id.0).collect();
            let uses = self.store.mapping_uses(Some(&ids)).await?;
            for row in &mut items {
                row.last_used_at = uses.get(&row.id).copied();
            }
        }
        Ok((ListPage { items, total }, mapping_version))
    }

    fn known(&self) -> Option<KnownMappings> {
        self.snapshots.as_ref()?.known_mappings()
    }

    /// One row, if it is there.
    pub async fn get(&self, _: &Admin, id: MappingId) -> Result<Option<Mapping>, StoreError> {
        self.store.mapping(id).await
    }

    /// One row as it was at this version; none where it never had that version.
    pub async fn get_version(
        &self,
        _: &Admin,
        id: MappingId,
        version: i64,
    ) -> Result<Option<Mapping>, StoreError> {
        self.store.mapping_of_version(id, version).await
    }

    /// All mapping tests, by number.
    pub async fn tests(&self, _: &Admin) -> Result<Vec<MappingTest>, StoreError> {
        self.store.mapping_tests().await
    }

    /// Makes one change.
    pub async fn change(
        &self,
        admin: &Admin,
        change: TableChange,
    ) -> Result<WrittenRow, ChangeError> {
        let plan = |_: &MappingTables| vec![change];
        let written = self.write(admin, Terms::default(), self.clock.now(), plan, untold);
        let (mut changed, ..) = written.await?;
        Ok(WrittenRow {
            row: changed.written.pop().flatten(),
            change_set: changed.change_set,
        })
    }

    /// Makes the changes of a change set, all or none.
    pub async fn change_all(
        &self,
        admin: &Admin,
        set: ChangeSet,
    ) -> Result<ChangeOutcome, ChangeError> {
        let terms = Terms {
            if_mapping_version: set.if_mapping_version,
            if_tests: None,
            dry_run: set.dry_run,
        };
        self.write_and_judge(admin, terms, |_| set.changes).await
    }

    /// Makes both tables as they stood at an earlier moment.
    pub async fn restore(
        &self,
        admin: &Admin,
        at: DateTime<Utc>,
        terms: Terms,
    ) -> Result<ChangeOutcome, ChangeError> {
        let wanted = self.store.tables_at(at).await?.0.wanted();
        self.lead_to(admin, &wanted, terms).await
    }

    /// Makes one mapping as it was after an earlier change of it, or as it was before that change removed it.
    /// A mapping that is gone comes back under a new number. None: that change was of something else.
    pub async fn restore_one(
        &self,
        admin: &Admin,
        id: MappingId,
        audit_id: i64,
        terms: Terms,
    ) -> Result<Option<ChangeOutcome>, ChangeError> {
        let Some(earlier) = self.store.audited_mapping(audit_id, id).await? else {
            return Ok(None);
        };
        let draft = earlier.draft;
        let plan = |now: &MappingTables| match now.mapping(id.0) {
            Some(row) if row.draft == draft => Vec::new(),
            Some(row) => vec![TableChange::Mapping(Edit::Replace {
                id: id.0,
                version: row.version,
                draft,
            })],
            None => vec![TableChange::Mapping(Edit::Create(draft))],
        };
        self.write_and_judge(admin, terms, plan).await.map(Some)
    }

    /// Takes the changes of a change set back, with the rows that are left alone. None: there is no such
    /// change set.
    pub async fn undo(
        &self,
        admin: &Admin,
        change_set: i64,
        terms: Terms,
    ) -> Result<Option<(ChangeOutcome, Vec<(RowKey, LeftAlone)>)>, ChangeError> {
        let Some(touched) = self.store.touched_rows(change_set).await? else {
            return Ok(None);
        };
        let mut left_alone = Vec::new();
        let plan = |now: &MappingTables| {
            let (changes, left) = undo(now, &touched);
            left_alone = left;
            changes
        };
        let outcome = self.write_and_judge(admin, terms, plan).await?;
        Ok(Some((outcome, left_alone)))
    }

    /// Makes both tables as they are wanted.
    pub async fn lead_to(
        &self,
        admin: &Admin,
        wanted: &WantedTables,
        terms: Terms,
    ) -> Result<ChangeOutcome, ChangeError> {
        let plan = |now: &MappingTables| now.changes_to(wanted);
        self.write_and_judge(admin, terms, plan).await
    }

    /// Both tables as they stood at a moment, or as they are now, with the number of the last change to the
    /// mappings.
    pub async fn tables(
        &self,
        _: &Admin,
        at: Option<DateTime<Utc>>,
    ) -> Result<(MappingTables, i64), StoreError> {
        match at {
            Some(at) => self.store.tables_at(at).await,
            None => self.store.tables(self.known().as_ref()).await,
        }
    }

    async fn write_and_judge(
        &self,
        admin: &Admin,
        terms: Terms,
        plan: impl FnOnce(&MappingTables) -> Vec<TableChange>,
    ) -> Result<ChangeOutcome, ChangeError> {
        let now = self.clock.now();
        let concerned =
            async |before: &MappingTables, changes: &[TableChange], people: PeopleReader<'_>| {
                people_concerned(people, &self.people, before, changes, now).await
            };
        let (changed, judged, concerned) = self.write(admin, terms, now, plan, concerned).await?;
        let JudgedChanges { compiled, failing } = judged;
        let effect = effect(&self.people, &changed, &compiled, concerned, failing, now).await;
        Ok(ChangeOutcome {
            effect,
            written: (!terms.dry_run).then_some(changed.written),
            change_set: changed.change_set,
            before: changed.before,
            changes: changed.changes,
        })
    }

    /// Writes changes; a dry run does everything except commit. `read` reads the data for the answer.
    async fn write<T>(
        &self,
        admin: &Admin,
        terms: Terms,
        now: DateTime<Utc>,
        plan: impl FnOnce(&MappingTables) -> Vec<TableChange>,
        read: impl AsyncFnOnce(
            &MappingTables,
            &[TableChange],
            PeopleReader<'_>,
        ) -> Result<T, StoreError>,
    ) -> Result<(ChangedTables, JudgedChanges, T), ChangeError> {
        let known = self.known();
        let attempt = ChangeContext {
            actor: admin.actor(),
            now,
            if_version: terms.if_mapping_version,
            if_tests: terms.if_tests,
            dry_run: terms.dry_run,
            known: known.as_ref(),
        };
        let mut judged = JudgedChanges::default();
        let judge = |changed: &ChangedTables| {
            let new;
            (judged.failing, new) = failing_tests(changed, &judged.compiled, now);
            if new.is_empty() || terms.dry_run {
                Ok(())
            } else {
                Err(new)
            }
        };
        let (changed, told) = self.store.change(attempt, plan, read, judge).await?;
        if !terms.dry_run {
            log(admin.actor(), &changed);
            if let Some(snapshots) = &self.snapshots {
                snapshots.reload_changed().await;
            }
        }
        Ok((changed, judged, told))
    }
}

/// What was found in changes before they were committed.
#[derive(Default)]
struct JudgedChanges {
    compiled: CompiledTables,
    /// The tests that fail afterwards.
    failing: Vec<FailingTest>,
}

fn log(actor: &Actor, changed: &ChangedTables) {
    let actor = &*pseudonym(&actor.subject);
    for (change, written) in changed.changes.iter().zip(&changed.written) {
        let written = written.as_ref().map(TableRow::id);
        match change {
            TableChange::Mapping(edit) => {
                let mapping = edit.target().map(|(id, _)| id).or(written);
                match edit {
                    Edit::Create(_) => tracing::info!(event = "mapping_created", mapping, actor),
                    Edit::Replace { .. } => {
                        tracing::info!(event = "mapping_replaced", mapping, actor);
                    }
                    Edit::Delete { .. } => {
                        tracing::info!(event = "mapping_deleted", mapping, actor);
                    }
                }
            }
            TableChange::Test(edit) => {
                let test = edit.target().map(|(id, _)| id).or(written);
                match edit {
                    Edit::Create(_) => tracing::info!(event = "mapping_test_created", test, actor),
                    Edit::Replace { .. } => {
                        tracing::info!(event = "mapping_test_replaced", test, actor);
                    }
                    Edit::Delete { .. } => {
                        tracing::info!(event = "mapping_test_deleted", test, actor);
                    }
                }
            }
        }
    }
}
