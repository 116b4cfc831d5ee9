//! The mapping table. A row travels as JSON by the names of its columns, so that
//! `domain::mapping` alone knows the fields.
//!
//! Each change is one transaction: the row, and the audit row with what was there before and
//! after (AD-9). A trigger raises the version of the row and the change counter, and sends the
//! notice.

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};
use sqlx::types::Json;

use super::audit::Change;
use super::blocks;
use super::error::StoreError;
use super::pool::Store;
use super::transaction::Transaction;
use crate::domain::block::Blocks;
use crate::domain::identity::Actor;
use crate::domain::mapping::{Mapping, MappingDraft, MappingId, with_mapping_columns};

/// Why a mapping was not written. Nothing has changed then.
#[derive(Debug, thiserror::Error)]
pub enum MappingError {
    /// There is no such row (any more).
    #[error("there is no such mapping")]
    NotFound,
    /// Another edit was first; this is the row as it is now.
    #[error("the mapping was changed by another edit")]
    Stale(Box<Mapping>),
    /// Another row says the same; [`Store::twin`] finds it.
    #[error("another mapping has the same group, match, roles, transports and rooms")]
    Duplicate,
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<sqlx::Error> for MappingError {
    fn from(error: sqlx::Error) -> Self {
        let twin = error
            .as_database_error()
            .is_some_and(|refusal| refusal.constraint() == Some("mappings_no_twins"));
        if twin {
            Self::Duplicate
        } else {
            Self::Store(error.into())
        }
    }
}

/// One page of the table.
#[derive(Debug)]
pub struct MappingPage {
    /// The rows, by number.
    pub items: Vec<Mapping>,
    /// How many there are in all.
    pub total: i64,
    /// The number of the last change.
    pub mapping_version: i64,
}

/// All rows and all blocks with the two numbers of the counter, as of one moment.
pub(super) struct Table {
    pub rows: Vec<Mapping>,
    pub blocks: Blocks,
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

macro_rules! insert_mapping {
    ($columns:literal, $row:expr, $now:expr, $by:expr) => {
        sqlx::query_scalar!(
            "INSERT INTO mappings ("
                + $columns
                + ", created_at, created_by, updated_at, updated_by)
             SELECT "
                + $columns
                + r#", $2::timestamptz, $3::text, $2, $3
             FROM jsonb_populate_record(NULL::mappings, $1)
             RETURNING to_jsonb(mappings) AS "row!: Json<Columns>""#,
            $row,
            $now,
            $by
        )
    };
}

macro_rules! update_mapping {
    ($columns:literal, $id:expr, $row:expr, $now:expr, $by:expr) => {
        sqlx::query_scalar!(
            "UPDATE mappings SET ("
                + $columns
                + ", updated_at, updated_by) = (
                 SELECT "
                + $columns
                + r#", $3::timestamptz, $4::text
                 FROM jsonb_populate_record(NULL::mappings, $2))
             WHERE id = $1
             RETURNING to_jsonb(mappings) AS "row!: Json<Columns>""#,
            $id,
            $row,
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
            self.proven.require(&counter.server)?;
            Ok(Table {
                rows: rows.into_iter().filter_map(mapping).collect(),
                blocks,
                mapping_version: counter.mappings,
                counter: counter.value,
            })
        })
        .await
    }

    /// One page, by number.
    pub async fn list_mappings(&self, limit: i64, offset: i64) -> Result<MappingPage, StoreError> {
        self.at_one_moment(async |moment| {
            let counts = sqlx::query!(
                r#"SELECT (SELECT count(*) FROM mappings) AS "total!", mappings FROM change_counter"#
            )
            .fetch_one(&mut *moment)
            .await?;
            let rows = select_mappings!("ORDER BY id LIMIT $1 OFFSET $2", limit, offset)
                .fetch_all(&mut *moment)
                .await?;
            Ok(MappingPage {
                items: rows.into_iter().filter_map(mapping).collect(),
                total: counts.total,
                mapping_version: counts.mappings,
            })
        })
        .await
    }

    /// One row.
    pub async fn mapping(&self, id: MappingId) -> Result<Mapping, MappingError> {
        self.with(async |transaction| find(transaction, id).await)
            .await
    }

    /// The row that says the same as `draft`, if there is one.
    pub async fn twin(&self, draft: &MappingDraft) -> Result<Option<MappingId>, StoreError> {
        let row = columns(draft)?;
        self.with(async |transaction| {
            let id = sqlx::query_scalar!(
                "SELECT id FROM mappings
                 WHERE mapping_digest(match, group_name, roles, transports, rooms) = (
                     SELECT mapping_digest(match, group_name, roles, transports, rooms)
                     FROM jsonb_populate_record(NULL::mappings, $1))",
                row,
            )
            .fetch_optional(transaction)
            .await?;
            Ok(id.map(MappingId))
        })
        .await
    }

    /// Adds a row.
    pub async fn create_mapping(
        &self,
        draft: &MappingDraft,
        actor: &Actor,
        now: DateTime<Utc>,
    ) -> Result<Mapping, MappingError> {
        let row = columns(draft)?;
        self.audited(actor, now, "mapping.create", async |transaction| {
            let after = with_mapping_columns!(insert_mapping, row, now, actor.label)
                .fetch_optional(&mut *transaction)
                .await?;
            let after = after.and_then(mapping).ok_or_else(not_written)?;
            let change = Change {
                object: after.id.to_string(),
                before: None,
                after: Some(json(&after)?),
            };
            Ok((after, Some(change)))
        })
        .await
    }

    /// Replaces a row whole, if it still has `version`.
    pub async fn replace_mapping(
        &self,
        id: MappingId,
        version: i64,
        draft: &MappingDraft,
        actor: &Actor,
        now: DateTime<Utc>,
    ) -> Result<Mapping, MappingError> {
        self.audited(actor, now, "mapping.replace", async |transaction| {
            let before = find_at(transaction, id, version).await?;
            let row = columns(&draft.clone().with_seconds_of(&before.draft))?;
            let after = with_mapping_columns!(update_mapping, id.0, row, now, actor.label)
                .fetch_optional(&mut *transaction)
                .await?;
            let after = after.and_then(mapping).ok_or_else(not_written)?;
            let change = Change {
                object: id.to_string(),
                before: Some(json(&before)?),
                after: Some(json(&after)?),
            };
            Ok((after, Some(change)))
        })
        .await
    }

    /// Removes a row, if it still has `version`.
    pub async fn delete_mapping(
        &self,
        id: MappingId,
        version: i64,
        actor: &Actor,
        now: DateTime<Utc>,
    ) -> Result<(), MappingError> {
        self.audited(actor, now, "mapping.delete", async |transaction| {
            let before = find_at(transaction, id, version).await?;
            let deleted = sqlx::query!("DELETE FROM mappings WHERE id = $1", id.0)
                .execute(&mut *transaction)
                .await?;
            if deleted.rows_affected() != 1 {
                return Err(not_written().into());
            }
            let change = Change {
                object: id.to_string(),
                before: Some(json(&before)?),
                after: None,
            };
            Ok(((), Some(change)))
        })
        .await
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

async fn find(transaction: &mut Transaction, id: MappingId) -> Result<Mapping, MappingError> {
    select_mappings!("WHERE id = $1", id.0)
        .fetch_optional(transaction)
        .await?
        .and_then(mapping)
        .ok_or(MappingError::NotFound)
}

/// The row, locked until the transaction ends, if it still has `version`:
/// an edit that holds an older one lost the race (AD-4).
async fn find_at(
    transaction: &mut Transaction,
    id: MappingId,
    version: i64,
) -> Result<Mapping, MappingError> {
    // Lock first, then read: the wait may end because another edit was written.
    sqlx::query!("SELECT id FROM mappings WHERE id = $1 FOR UPDATE", id.0)
        .fetch_optional(&mut *transaction)
        .await?;
    let found = find(transaction, id).await?;
    if found.version == version {
        Ok(found)
    } else {
        Err(MappingError::Stale(Box::new(found)))
    }
}

fn columns(draft: &MappingDraft) -> Result<Value, StoreError> {
    let row = draft.to_row().map_err(unwritable)?;
    Ok(Value::Object(row))
}

/// The row is locked, so it is there, and it was judged: anything else is a bug, and must not be
/// audited as done.
fn not_written() -> StoreError {
    StoreError::Refused(sqlx::Error::RowNotFound)
}

/// As the API shows it, but for the limits of the window, which keep the parts of a second that the
/// row has.
fn json(mapping: &Mapping) -> Result<Value, StoreError> {
    let mut shown = serde_json::to_value(mapping).map_err(unwritable)?;
    let row = mapping.draft.to_row().map_err(unwritable)?;
    for limit in ["valid_from", "valid_until"] {
        shown[limit] = row.get(limit).cloned().unwrap_or_default();
    }
    Ok(shown)
}

fn unwritable(error: serde_json::Error) -> StoreError {
    StoreError::Refused(sqlx::Error::Encode(error.into()))
}
