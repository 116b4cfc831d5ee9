//! The mapping table and the mapping tests. A row travels as JSON by the names of its columns, so
//! that `domain` alone knows the fields.
//!
//! Every change goes through [`Store::change`]: all of a change set or nothing, in one transaction.
//! Triggers write the audit rows (AD-9), raise the version of a row and the change counter, and
//! send the notice.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::convert::Infallible;
use std::sync::Arc;

use chrono::{DateTime, NaiveDate, Utc};
use serde::Serialize;
use serde_json::{Map, Value, json};
use sqlx::types::Json;

use super::audit::act_as;
use super::blocks;
use super::clients::{self, RegisteredClients};
use super::error::StoreError;
use super::people::PeopleReader;
use super::pool::Store;
use super::server::{ProvenServer, Server};
use super::transaction::Transaction;
use crate::domain::block::Blocks;
use crate::domain::change_set::{Edit, TableChange};
use crate::domain::identity::Actor;
use crate::domain::mapping::{Mapping, MappingId, with_mapping_columns};
use crate::domain::mapping_test::{MappingTest, MappingTestDraft};
use crate::domain::mapping_use::UseMark;
use crate::domain::tables::MappingTables;
use crate::domain::undo::{RowKey, TouchedRow, TouchedRows};

/// A row as it is.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum TableRow {
    /// A mapping.
    Mapping(Box<Mapping>),
    /// A mapping test.
    Test(Box<MappingTest>),
}

/// What a change set did, or would do.
#[derive(Debug)]
pub struct ChangedTables {
    /// The tables before.
    pub before: MappingTables,
    /// The tables after.
    pub after: MappingTables,
    /// What was asked for.
    pub changes: Vec<TableChange>,
    /// The rows in the order of the changes; none for one that was removed.
    pub written: Vec<Option<TableRow>>,
    /// The number of the last change to the mappings: after a dry run as before.
    pub mapping_version: i64,
    /// The number that its rows of the audit log have; none after a dry run.
    pub change_set: Option<i64>,
}

/// Why a change set was not written. Nothing has changed then.
#[derive(Debug, thiserror::Error)]
pub enum NotChanged<R> {
    /// The table is at another version than the one that the change set is for.
    #[error("the table was changed by another edit")]
    OtherVersion {
        /// The version of now.
        current: i64,
    },
    /// A row has another version than the change is for, or is not there.
    #[error("the row of change {change} was changed by another edit")]
    StaleRow {
        /// Which change.
        change: usize,
        /// The row as it is; none: it is not there.
        current: Option<TableRow>,
    },
    /// A row would say the same as another one.
    #[error("the row of change {change} says the same as another one")]
    Duplicate {
        /// Which change.
        change: usize,
        /// The other row.
        twin: Twin,
    },
    /// The tables as they would be are refused.
    #[error("the change is refused")]
    Refused(R),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A row that says the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Twin {
    /// This row of the table.
    Row(i64),
    /// The row of this change.
    Change(usize),
}

impl<R> From<sqlx::Error> for NotChanged<R> {
    fn from(error: sqlx::Error) -> Self {
        Self::Store(error.into())
    }
}

/// Who changes the tables, and how.
#[derive(Debug, Clone, Copy)]
pub struct ChangeContext<'a> {
    /// For the audit log.
    pub actor: &'a Actor,
    /// For the audit log and the rows.
    pub now: DateTime<Utc>,
    /// The version that the table must have; none: any.
    pub if_version: Option<i64>,
    /// The same of the mapping tests ([`MappingTables::tests_version`]).
    pub if_tests: Option<u64>,
    /// Whether everything is undone at the end.
    pub dry_run: bool,
    /// The mappings as of a version, where they are known: of that version they need not be read.
    pub known: Option<&'a KnownMappings>,
}

/// All mappings, by number, as of a version of the table.
#[derive(Debug)]
pub struct KnownMappings {
    /// The number of the last change to the mappings.
    pub version: i64,
    /// The rows.
    pub rows: Vec<Arc<Mapping>>,
}

impl<'a> ChangeContext<'a> {
    /// To write, whatever version the table has.
    pub fn new(actor: &'a Actor, now: DateTime<Utc>) -> Self {
        Self {
            actor,
            now,
            if_version: None,
            if_tests: None,
            dry_run: false,
            known: None,
        }
    }
}

/// Judges nothing.
///
/// # Errors
/// Never.
pub fn unjudged(_: &ChangedTables) -> Result<(), Infallible> {
    Ok(())
}

/// Reads nothing.
///
/// # Errors
/// Never.
pub async fn untold(
    _: &MappingTables,
    _: &[TableChange],
    _: PeopleReader<'_>,
) -> Result<(), StoreError> {
    Ok(())
}

/// All rows and all blocks with the two numbers of the counter, as of one moment.
pub(super) struct Table {
    pub rows: Vec<Mapping>,
    pub blocks: Blocks,
    pub clients: RegisteredClients,
    pub mapping_version: i64,
    /// The change counter, which also counts blocks and ended sessions.
    pub counter: i64,
}

/// A row by the names of its columns, unjudged.
type Columns = Map<String, Value>;

/// Rows of the table; what follows `FROM mappings`, and its arguments.
macro_rules! select_mappings {
    ($which:literal $(, $argument:expr)*) => {
        sqlx::query_scalar!(
            r#"SELECT to_jsonb(mappings) AS "row!: Json<Columns>" FROM mappings "# + $which
            $(, $argument)*
        )
    };
}

/// The same of the mapping tests.
macro_rules! select_tests {
    ($which:literal $(, $argument:expr)*) => {
        sqlx::query_scalar!(
            r#"SELECT to_jsonb(mapping_tests) AS "row!: Json<Columns>" FROM mapping_tests "# + $which
            $(, $argument)*
        )
    };
}

macro_rules! insert_mappings {
    ($columns:literal, $rows:expr, $now:expr, $by:expr) => {
        sqlx::query_scalar!(
            "INSERT INTO mappings ("
                + $columns
                + ", created_at, created_by, updated_at, updated_by)
             SELECT "
                + $columns
                + r#", $2::timestamptz, $3::text, $2, $3
             FROM jsonb_populate_recordset(NULL::mappings, $1)
             RETURNING to_jsonb(mappings) AS "row!: Json<Columns>""#,
            $rows,
            $now,
            $by
        )
    };
}

macro_rules! update_mappings {
    ($columns:literal, $rows:expr, $now:expr, $by:expr) => {
        sqlx::query_scalar!(
            "UPDATE mappings SET ("
                + $columns
                + ", updated_at, updated_by) = (
                 SELECT "
                + $columns
                + r#", $2::timestamptz, $3::text FROM (SELECT sent.*) AS row)
             FROM jsonb_populate_recordset(NULL::mappings, $1) AS sent
             WHERE mappings.id = sent.id
             RETURNING to_jsonb(mappings) AS "row!: Json<Columns>""#,
            $rows,
            $now,
            $by
        )
    };
}

impl Store {
    /// Refused where another server says so than the proven one.
    pub(super) async fn mapping_table(&self) -> Result<Table, StoreError> {
        self.at_one_moment(async |moment| {
            let counter = sqlx::query!(
                r#"SELECT value, mappings,
                          format('%s %s', extract(epoch FROM pg_postmaster_start_time()), current_database()) AS "server!"
                   FROM change_counter"#
            )
            .fetch_one(&mut *moment)
            .await?;
            let rows = select_mappings!("").fetch_all(&mut *moment).await?;
            let blocks = blocks::all(moment).await?;
            let clients = clients::all(moment).await?;
            self.proven.require(&counter.server)?;
            Ok(Table {
                rows: rows.into_iter().filter_map(mapping).collect(),
                blocks,
                clients,
                mapping_version: counter.mappings,
                counter: counter.value,
            })
        })
        .await
    }

    /// One row, if it is there.
    pub async fn mapping(&self, id: MappingId) -> Result<Option<Mapping>, StoreError> {
        self.with(async |transaction| find(transaction, id).await)
            .await
    }

    /// The mapping tests, by number, and one of them.
    pub async fn mapping_tests(&self) -> Result<Vec<MappingTest>, StoreError> {
        self.with(async |transaction| {
            let rows = select_tests!("ORDER BY id").fetch_all(transaction).await?;
            Ok(rows.into_iter().filter_map(test).collect())
        })
        .await
    }

    /// The tables as they stood at an earlier moment, as the audit log has them, with the number of the last
    /// change to the mappings before it; 0: there was none, or it is older than these numbers are kept.
    pub async fn tables_at(&self, at: DateTime<Utc>) -> Result<(MappingTables, i64), StoreError> {
        self.at_one_moment(async |moment| {
            let rows = sqlx::query!(
                r#"SELECT DISTINCT ON (split_part(action, '.', 1), object)
                          split_part(action, '.', 1) AS "kind!", after AS "after: Json<Columns>"
                   FROM audit_log
                   WHERE at <= $1 AND (action LIKE 'mapping.%' OR action LIKE 'test.%')
                   ORDER BY split_part(action, '.', 1), object, id DESC"#,
                at
            )
            .fetch_all(&mut *moment)
            .await?;
            let version = sqlx::query_scalar!(
                "SELECT version FROM mapping_versions WHERE at <= $1 ORDER BY at DESC, version DESC LIMIT 1",
                at
            )
            .fetch_optional(moment)
            .await?;
            let version = version.unwrap_or_default();
            let mut then = MappingTables::default();
            for row in rows {
                match (row.kind.as_str(), row.after) {
                    ("mapping", Some(row)) => then.mappings.extend(mapping(row).map(Arc::new)),
                    ("test", Some(row)) => then.tests.extend(test(row)),
                    _ => {}
                }
            }
            then.mappings.sort_by_key(|row| row.id);
            then.tests.sort_by_key(|row| row.id);
            Ok((then, version))
        })
        .await
    }

    /// The mapping as a change of it left it, or as it was before the change that removed it. None: the
    /// change of this number is none of this mapping.
    pub async fn audited_mapping(
        &self,
        audit_id: i64,
        id: MappingId,
    ) -> Result<Option<Mapping>, StoreError> {
        self.with(async |transaction| {
            let row = sqlx::query_scalar!(
                r#"SELECT coalesce(after, before) AS "row!: Json<Columns>" FROM audit_log
                   WHERE id = $1 AND object = $2 AND action LIKE 'mapping.%'"#,
                audit_id,
                id.to_string(),
            )
            .fetch_optional(transaction)
            .await?;
            Ok(row.and_then(mapping))
        })
        .await
    }

    /// The rows that a change set touched, as the audit log has them. None: it touched none.
    pub async fn touched_rows(&self, change_set: i64) -> Result<Option<TouchedRows>, StoreError> {
        let rows = self
            .with(async |transaction| {
                let rows = sqlx::query!(
                    r#"SELECT split_part(action, '.', 1) AS "kind!", object,
                              before AS "before: Json<Columns>", after AS "after: Json<Columns>"
                       FROM audit_log
                       WHERE change_set = $1 AND action NOT LIKE '%.recorded'
                         AND (action LIKE 'mapping.%' OR action LIKE 'test.%')
                       ORDER BY id"#,
                    change_set,
                )
                .fetch_all(transaction)
                .await?;
                Ok::<_, StoreError>(rows)
            })
            .await?;
        let (mut mappings, mut tests) = (BTreeMap::new(), BTreeMap::new());
        let mut unreadable = Vec::new();
        let is_empty = rows.is_empty();
        for row in rows {
            let Ok(id) = row.object.parse() else {
                continue;
            };
            if row.kind == "mapping" {
                let read = |row| mapping(row).map(|row| row.draft);
                match touched_row(id, (row.before, row.after), read) {
                    Some(row) => add_touched(&mut mappings, row),
                    None => unreadable.push(RowKey::Mapping(id)),
                }
            } else {
                let read = |row| test(row).map(|row| row.draft);
                match touched_row(id, (row.before, row.after), read) {
                    Some(row) => add_touched(&mut tests, row),
                    None => unreadable.push(RowKey::Test(id)),
                }
            }
        }
        // Of a row with several states, one that cannot be read is enough.
        for row in &unreadable {
            match row {
                RowKey::Mapping(id) => drop(mappings.remove(id)),
                RowKey::Test(id) => drop(tests.remove(id)),
            }
        }
        let touched = TouchedRows {
            mappings: mappings.into_values().collect(),
            tests: tests.into_values().collect(),
            unreadable,
        };
        Ok((!is_empty).then_some(touched))
    }

    /// The mapping as it was at this version, as the audit log has it. None: it never had that version.
    pub async fn mapping_of_version(
        &self,
        id: MappingId,
        version: i64,
    ) -> Result<Option<Mapping>, StoreError> {
        self.with(async |transaction| {
            let row = sqlx::query_scalar!(
                r#"SELECT after AS "row!: Json<Columns>" FROM audit_log
                   WHERE object = $1 AND action LIKE 'mapping.%' AND after->'version' = to_jsonb($2::bigint)
                   ORDER BY id DESC LIMIT 1"#,
                id.to_string(),
                version,
            )
            .fetch_optional(transaction)
            .await?;
            Ok(row.and_then(mapping))
        })
        .await
    }

    /// Writes the last day of use of mappings. Rows that are gone are left out.
    pub(super) async fn write_uses(
        &self,
        uses: &[(MappingId, NaiveDate, UseMark)],
    ) -> Result<(), StoreError> {
        let (ids, days): (Vec<i64>, Vec<NaiveDate>) =
            uses.iter().map(|(id, day, _)| (id.0, *day)).unzip();
        self.with(async |transaction| {
            // By number, so that two instances do not wait for each other in a circle.
            sqlx::query!(
                "INSERT INTO mapping_uses (mapping, used_on)
                 SELECT id, day FROM unnest($1::bigint[], $2::date[]) AS used (number, day)
                 JOIN mappings ON id = number ORDER BY id
                 ON CONFLICT (mapping) DO UPDATE SET used_on = greatest(mapping_uses.used_on, excluded.used_on)",
                &ids,
                &days,
            )
            .execute(transaction)
            .await?;
            Ok(())
        })
        .await
    }

    /// The last day of use of these mappings, or of all, as far as instances have written it.
    pub async fn mapping_uses(
        &self,
        of: Option<&[i64]>,
    ) -> Result<HashMap<MappingId, NaiveDate>, StoreError> {
        self.with(async |transaction| uses(transaction, of).await)
            .await
    }

    /// Both tables as of one moment, with the number of the last change to the mappings; `known`
    /// mappings of that number are not read again.
    pub async fn tables(
        &self,
        known: Option<&KnownMappings>,
    ) -> Result<(MappingTables, i64), StoreError> {
        self.at_one_moment(async |moment| tables(moment, &self.proven, known).await)
            .await
    }

    /// Makes the changes that `plan` gives, all or none of them, if what they do passes `judge`. `read`
    /// reads the data for the answer: if that fails, nothing is written. The writers of both tables
    /// wait for each other, those by SQL too, so all three functions see what is committed.
    ///
    /// `read` runs before the first write: a write locks the row of the change counter, for which every
    /// sign-out and block waits.
    ///
    /// # Errors
    /// In this order: another version of the table, or of a row; a row that says the same as
    /// another; what `judge` says.
    pub async fn change<T, R>(
        &self,
        attempt: ChangeContext<'_>,
        plan: impl FnOnce(&MappingTables) -> Vec<TableChange>,
        read: impl AsyncFnOnce(
            &MappingTables,
            &[TableChange],
            PeopleReader<'_>,
        ) -> Result<T, StoreError>,
        judge: impl FnOnce(&ChangedTables) -> Result<(), R>,
    ) -> Result<(ChangedTables, T), NotChanged<R>> {
        let outcome = self.with(async |transaction| {
            // No other transaction writes them until this one ends.
            sqlx::query!("LOCK TABLE mappings, mapping_tests IN SHARE ROW EXCLUSIVE MODE")
                .execute(&mut *transaction)
                .await
                .map_err(StoreError::from)?;
            let (before, current) = tables(transaction, &self.proven, attempt.known).await?;
            let are_others = |tests| tests != before.tests_version();
            if attempt.if_version.is_some_and(|version| version != current)
                || attempt.if_tests.is_some_and(are_others)
            {
                return Err(NotChanged::OtherVersion { current }.into());
            }
            let planned = plan(&before);
            if let Err(mut refused) = require_current(&before, &planned) {
                if let NotChanged::StaleRow {
                    current: Some(TableRow::Mapping(row)),
                    ..
                } = &mut refused
                {
                    row.last_used_at = uses(transaction, Some(&[row.id.0])).await?.remove(&row.id);
                }
                return Err(refused.into());
            }
            require_distinct(&before, &planned)?;
            let told = read(&before, &planned, PeopleReader(transaction)).await?;
            let number = act_as(transaction, attempt.actor, attempt.now).await?;
            let written = write(transaction, &attempt, &before, &planned).await?;
            let mut changed = ChangedTables {
                after: after(&before, &planned, &written),
                before,
                change_set: (!attempt.dry_run && !planned.is_empty()).then_some(number),
                changes: planned,
                written,
                mapping_version: current,
            };
            judge(&changed).map_err(NotChanged::Refused)?;
            if attempt.dry_run {
                return Err(Undone::Tried(Box::new((changed, told))));
            }
            changed.mapping_version = mapping_version(transaction).await?.number;
            Ok((changed, told))
        });
        match outcome.await {
            Ok(done) => Ok(done),
            Err(Undone::Tried(tried)) => Ok(*tried),
            Err(Undone::Not(error)) => Err(error),
        }
    }
}

/// Why the transaction of a change set was rolled back.
enum Undone<T, R> {
    /// It was a dry run.
    Tried(Box<(ChangedTables, T)>),
    Not(NotChanged<R>),
}

impl<T, R> From<NotChanged<R>> for Undone<T, R> {
    fn from(error: NotChanged<R>) -> Self {
        Self::Not(error)
    }
}

impl<T, R> From<StoreError> for Undone<T, R> {
    fn from(error: StoreError) -> Self {
        Self::Not(error.into())
    }
}

/// The tables after the changes, of which these rows were written.
fn after(
    before: &MappingTables,
    changes: &[TableChange],
    written: &[Option<TableRow>],
) -> MappingTables {
    let mappings = before.mappings.iter();
    let mappings = mappings.map(|row| (row.id.0, Arc::clone(row)));
    let mut mappings: BTreeMap<i64, Arc<Mapping>> = mappings.collect();
    let tests = before.tests.iter().map(|row| (row.id.0, row.clone()));
    let mut tests: BTreeMap<i64, MappingTest> = tests.collect();
    for (change, row) in changes.iter().zip(written) {
        match (change, row) {
            (_, Some(TableRow::Mapping(row))) => {
                mappings.insert(row.id.0, Arc::new(Mapping::clone(row)));
            }
            (_, Some(TableRow::Test(row))) => {
                tests.insert(row.id.0, MappingTest::clone(row));
            }
            (TableChange::Mapping(Edit::Delete { id, .. }), None) => {
                mappings.remove(id);
            }
            (TableChange::Test(Edit::Delete { id, .. }), None) => {
                tests.remove(id);
            }
            (_, None) => {}
        }
    }
    MappingTables {
        mappings: mappings.into_values().collect(),
        tests: tests.into_values().collect(),
    }
}

impl TableRow {
    /// Its number.
    pub fn id(&self) -> i64 {
        match self {
            Self::Mapping(row) => row.id.0,
            Self::Test(row) => row.id.0,
        }
    }

    fn version(&self) -> i64 {
        match self {
            Self::Mapping(row) => row.version,
            Self::Test(row) => row.version,
        }
    }
}

impl From<Mapping> for TableRow {
    fn from(row: Mapping) -> Self {
        Self::Mapping(Box::new(row))
    }
}

impl From<MappingTest> for TableRow {
    fn from(row: MappingTest) -> Self {
        Self::Test(Box::new(row))
    }
}

/// One change of a row; none: its former state cannot be read.
fn touched_row<D>(
    id: i64,
    (before, after): (Option<Json<Columns>>, Option<Json<Columns>>),
    read: impl Fn(Json<Columns>) -> Option<D>,
) -> Option<TouchedRow<D>> {
    let before = match before {
        Some(before) => Some(read(before)?),
        None => None,
    };
    let left_at = match after {
        Some(Json(after)) => Some(after.get("version")?.as_i64()?),
        None => None,
    };
    Some(TouchedRow {
        id,
        before,
        left_at,
    })
}

/// By SQL a row may be changed several times in one transaction.
fn add_touched<D>(rows: &mut BTreeMap<i64, TouchedRow<D>>, row: TouchedRow<D>) {
    match rows.entry(row.id) {
        Entry::Occupied(mut known) => known.get_mut().left_at = row.left_at,
        Entry::Vacant(place) => {
            place.insert(row);
        }
    }
}

/// A row that the rules refuse (one that got past the constraints) grants
/// nothing: it is left out and logged, never read in the widest way.
fn mapping(Json(row): Json<Columns>) -> Option<Mapping> {
    let id = row.get("id").and_then(Value::as_i64);
    Mapping::from_row(row)
        .inspect_err(|errors| {
            tracing::error!(
                event = "mapping_invalid",
                mapping = id,
                ?errors,
                "a stored mapping is invalid and grants nothing"
            );
        })
        .ok()
}

/// A test that the rules refuse is left out and logged likewise.
fn test(Json(row): Json<Columns>) -> Option<MappingTest> {
    let id = row.get("id").and_then(Value::as_i64);
    MappingTest::from_row(row)
        .inspect_err(|errors| {
            tracing::error!(
                event = "mapping_test_invalid",
                test = id,
                ?errors,
                "a stored mapping test is invalid and is not run"
            );
        })
        .ok()
}

async fn find(transaction: &mut Transaction, id: MappingId) -> Result<Option<Mapping>, StoreError> {
    let row = select_mappings!("WHERE id = $1", id.0)
        .fetch_optional(&mut *transaction)
        .await?;
    let Some(mut row) = row.and_then(mapping) else {
        return Ok(None);
    };
    row.last_used_at = uses(transaction, Some(&[id.0])).await?.remove(&id);
    Ok(Some(row))
}

/// Both tables, of which the mappings may be `known`, and the number of the last change to the mappings.
async fn tables(
    transaction: &mut Transaction,
    proven: &ProvenServer,
    known: Option<&KnownMappings>,
) -> Result<(MappingTables, i64), StoreError> {
    let MappingVersion { number, server } = mapping_version(transaction).await?;
    // Another server may give the same number to another change.
    let known = known.filter(|known| known.version == number && proven.is(&server));
    let mappings = if let Some(known) = known {
        known.rows.clone()
    } else {
        let rows = select_mappings!("ORDER BY id");
        let rows = rows.fetch_all(&mut *transaction).await?.into_iter();
        rows.filter_map(mapping).map(Arc::new).collect()
    };
    let tests = select_tests!("ORDER BY id").fetch_all(transaction).await?;
    let tests = tests.into_iter().filter_map(test).collect();
    Ok((MappingTables { mappings, tests }, number))
}

/// The last day of use of these mappings, or of all.
async fn uses(
    transaction: &mut Transaction,
    of: Option<&[i64]>,
) -> Result<HashMap<MappingId, NaiveDate>, StoreError> {
    let rows = sqlx::query!(
        "SELECT mapping, used_on FROM mapping_uses WHERE $1::bigint[] IS NULL OR mapping = ANY ($1)",
        of
    );
    let rows = rows.fetch_all(transaction).await?;
    let days = rows
        .into_iter()
        .map(|row| (MappingId(row.mapping), row.used_on));
    Ok(days.collect())
}

/// The number of the last change to the mappings, and the server that says so.
struct MappingVersion {
    number: i64,
    server: Server,
}

async fn mapping_version(transaction: &mut Transaction) -> Result<MappingVersion, StoreError> {
    let version = sqlx::query_as!(
        MappingVersion,
        r#"SELECT mappings AS number,
                  format('%s %s', extract(epoch FROM pg_postmaster_start_time()), current_database()) AS "server!"
           FROM change_counter"#
    );
    Ok(version.fetch_one(transaction).await?)
}

/// A change that holds an older version of its row lost the race (AD-4).
fn require_current<R>(
    before: &MappingTables,
    changes: &[TableChange],
) -> Result<(), NotChanged<R>> {
    for (change, sent) in changes.iter().enumerate() {
        let (target, current) = match sent {
            TableChange::Mapping(sent) => {
                let row = sent.target().and_then(|(id, _)| before.mapping(id));
                (sent.target(), row.cloned().map(TableRow::from))
            }
            TableChange::Test(sent) => {
                let row = sent.target().and_then(|(id, _)| before.test(id));
                (sent.target(), row.cloned().map(TableRow::from))
            }
        };
        if let Some((_, version)) = target
            && current.as_ref().map(TableRow::version) != Some(version)
        {
            return Err(NotChanged::StaleRow { change, current });
        }
    }
    Ok(())
}

/// Judged on the tables as they will be: a row that is removed is no twin of one like it.
fn require_distinct<R>(
    before: &MappingTables,
    changes: &[TableChange],
) -> Result<(), NotChanged<R>> {
    let (mut mappings, mut tests) = (HashSet::new(), HashSet::new());
    for change in changes {
        match change {
            TableChange::Mapping(change) => mappings.extend(change.target().map(|(id, _)| id)),
            TableChange::Test(change) => tests.extend(change.target().map(|(id, _)| id)),
        }
    }
    let rows = before.mappings.iter();
    let rows = rows.filter(|row| !mappings.contains(&row.id.0));
    let mut says: HashMap<_, Twin> = rows
        .map(|row| (row.draft.says(), Twin::Row(row.id.0)))
        .collect();
    let rows = before.tests.iter();
    let rows = rows.filter(|row| !tests.contains(&row.id.0));
    let mut names: HashMap<_, Twin> = rows
        .map(|row| (row.draft.name(), Twin::Row(row.id.0)))
        .collect();
    for (change, sent) in changes.iter().enumerate() {
        let place = Twin::Change(change);
        let twin = match sent {
            TableChange::Mapping(sent) => sent
                .draft()
                .and_then(|draft| says.insert(draft.says(), place)),
            TableChange::Test(sent) => sent
                .draft()
                .and_then(|draft| names.insert(draft.name(), place)),
        };
        if let Some(twin) = twin {
            return Err(NotChanged::Duplicate { change, twin });
        }
    }
    Ok(())
}

/// The changes of one table, each with its place in the change set.
#[derive(Default)]
struct RowBatch {
    deleted: Vec<i64>,
    replaced: HashMap<i64, usize>,
    /// The columns of the rows.
    replaced_rows: Vec<Value>,
    created: Vec<usize>,
    created_rows: Vec<Value>,
}

impl RowBatch {
    fn add<D>(
        &mut self,
        place: usize,
        change: &Edit<D>,
        columns: impl FnOnce(&D) -> serde_json::Result<Map<String, Value>>,
    ) -> Result<(), StoreError> {
        let columns = |draft| columns(draft).map_err(unwritable);
        match change {
            Edit::Delete { id, .. } => self.deleted.push(*id),
            Edit::Replace { id, draft, .. } => {
                let mut row = columns(draft)?;
                row.insert("id".to_owned(), json!(id));
                self.replaced.insert(*id, place);
                self.replaced_rows.push(Value::Object(row));
            }
            Edit::Create(draft) => {
                self.created.push(place);
                self.created_rows.push(Value::Object(columns(draft)?));
            }
        }
        Ok(())
    }

    fn take_replaced(&mut self) -> Option<Value> {
        let rows = std::mem::take(&mut self.replaced_rows);
        (!rows.is_empty()).then_some(Value::Array(rows))
    }

    fn take_created(&mut self) -> Option<Value> {
        let rows = std::mem::take(&mut self.created_rows);
        (!rows.is_empty()).then_some(Value::Array(rows))
    }

    /// Where each written row belongs. New rows are numbered in the order of their changes.
    ///
    /// # Errors
    /// A row was not written. It is locked and was judged, so that is a bug, and it must not be audited
    /// as done.
    fn places<T>(
        self,
        deleted: u64,
        replaced: Vec<T>,
        mut created: Vec<T>,
        id: impl Fn(&T) -> i64,
    ) -> Result<Vec<(usize, T)>, StoreError> {
        created.sort_by_key(&id);
        let is_whole = usize::try_from(deleted) == Ok(self.deleted.len())
            && replaced.len() == self.replaced.len()
            && created.len() == self.created.len();
        let replaced = replaced.into_iter();
        let replaced = replaced.map(|row| Some((*self.replaced.get(&id(&row))?, row)));
        let created = self.created.into_iter().zip(created).map(Some);
        let all: Option<Vec<_>> = replaced.chain(created).collect();
        all.filter(|_| is_whole)
            .ok_or(StoreError::Refused(sqlx::Error::RowNotFound))
    }
}

/// Removes, replaces and creates rows, in this order: a new row may be like one that is gone.
async fn write(
    transaction: &mut Transaction,
    attempt: &ChangeContext<'_>,
    before: &MappingTables,
    changes: &[TableChange],
) -> Result<Vec<Option<TableRow>>, StoreError> {
    let (mut of_mappings, mut of_tests) = (RowBatch::default(), RowBatch::default());
    for (place, change) in changes.iter().enumerate() {
        match change {
            TableChange::Mapping(change) => {
                let stored = change.target().and_then(|(id, _)| before.mapping(id));
                of_mappings.add(place, change, |draft| match stored {
                    Some(stored) => draft.clone().with_seconds_of(&stored.draft).to_row(),
                    None => draft.to_row(),
                })?;
            }
            TableChange::Test(change) => of_tests.add(place, change, MappingTestDraft::to_row)?,
        }
    }
    let mut written: Vec<Option<TableRow>> = changes.iter().map(|_| None).collect();
    let mappings = write_mappings(transaction, attempt, of_mappings).await?;
    let ids: Vec<i64> = mappings.iter().map(|(_, row)| row.id.0).collect();
    let uses = uses(transaction, Some(&ids)).await?;
    for (place, mut row) in mappings {
        row.last_used_at = uses.get(&row.id).copied();
        written[place] = Some(row.into());
    }
    for (place, row) in write_tests(transaction, attempt, of_tests).await? {
        written[place] = Some(row.into());
    }
    Ok(written)
}

/// A statement without rows would raise the change counter too, so there is none.
async fn write_mappings(
    transaction: &mut Transaction,
    attempt: &ChangeContext<'_>,
    mut batch: RowBatch,
) -> Result<Vec<(usize, Mapping)>, StoreError> {
    let by = &attempt.actor.label;
    let mut deleted = 0;
    if !batch.deleted.is_empty() {
        let gone = sqlx::query!("DELETE FROM mappings WHERE id = ANY ($1)", &batch.deleted);
        deleted = gone.execute(&mut *transaction).await?.rows_affected();
    }
    let mut replaced = Vec::new();
    if let Some(rows) = batch.take_replaced() {
        let rows = with_mapping_columns!(update_mappings, rows, attempt.now, by);
        replaced = rows.fetch_all(&mut *transaction).await?;
    }
    let mut created = Vec::new();
    if let Some(rows) = batch.take_created() {
        let rows = with_mapping_columns!(insert_mappings, rows, attempt.now, by);
        created = rows.fetch_all(transaction).await?;
    }
    let read = |rows: Vec<_>| rows.into_iter().filter_map(mapping).collect();
    batch.places(deleted, read(replaced), read(created), |row| row.id.0)
}

async fn write_tests(
    transaction: &mut Transaction,
    attempt: &ChangeContext<'_>,
    mut batch: RowBatch,
) -> Result<Vec<(usize, MappingTest)>, StoreError> {
    let by = &attempt.actor.label;
    let gone = sqlx::query!(
        "DELETE FROM mapping_tests WHERE id = ANY ($1)",
        &batch.deleted
    );
    let deleted = gone.execute(&mut *transaction).await?.rows_affected();
    let replaced = sqlx::query_scalar!(
        r#"UPDATE mapping_tests
           SET name = sent.name, given = sent.given, can = sent.can, cannot = sent.cannot,
               note = sent.note, updated_at = $2, updated_by = $3
           FROM jsonb_populate_recordset(NULL::mapping_tests, $1) AS sent
           WHERE mapping_tests.id = sent.id
           RETURNING to_jsonb(mapping_tests) AS "row!: Json<Columns>""#,
        batch.take_replaced(),
        attempt.now,
        by,
    )
    .fetch_all(&mut *transaction)
    .await?;
    let created = sqlx::query_scalar!(
        r#"INSERT INTO mapping_tests (name, given, can, cannot, note,
                                      created_at, created_by, updated_at, updated_by)
           SELECT name, given, can, cannot, note, $2::timestamptz, $3::text, $2, $3
           FROM jsonb_populate_recordset(NULL::mapping_tests, $1)
           RETURNING to_jsonb(mapping_tests) AS "row!: Json<Columns>""#,
        batch.take_created(),
        attempt.now,
        by,
    )
    .fetch_all(transaction)
    .await?;
    let read = |rows: Vec<_>| rows.into_iter().filter_map(test).collect();
    batch.places(deleted, read(replaced), read(created), |row| row.id.0)
}

fn unwritable(error: serde_json::Error) -> StoreError {
    StoreError::Refused(sqlx::Error::Encode(error.into()))
}
