//! The mapping table: read, and changed together with its audit row.

use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::PgConnection;

use super::audit::{self, Actor, Change};
use super::mapping_row::Row;
use super::{Store, StoreError};
use crate::domain::mapping::{Mapping, MappingDraft, MappingId, MappingRecord};

/// Why a mapping was not written. Nothing has changed then.
#[derive(Debug, thiserror::Error)]
pub enum MappingError {
    /// There is no such row (any more).
    #[error("there is no such mapping")]
    NotFound,
    /// Somebody else was first; this is the row as it is now.
    #[error("the mapping was changed by somebody else")]
    Stale(Box<Mapping>),
    /// Another row says the same.
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

/// All rows with the two numbers of the counter, as of one moment.
pub(super) struct Table {
    pub rows: Vec<Mapping>,
    pub mapping_version: i64,
    /// The change counter, which also counts ended sessions.
    pub counter: i64,
}

impl Store {
    pub(super) async fn mapping_table(&self) -> Result<Table, StoreError> {
        let mut transaction = self.pool.begin().await?;
        sqlx::query("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            .execute(&mut *transaction)
            .await?;
        let counter = sqlx::query!("SELECT value, mappings FROM change_counter")
            .fetch_one(&mut *transaction)
            .await?;
        let rows = sqlx::query_as!(
            Row,
            r#"SELECT id, match AS group_match, group_name, roles, transports, rooms, max_ttl_seconds,
                      valid_from, valid_until, enabled, note, version,
                      created_at, created_by, updated_at, updated_by
               FROM mappings"#,
        )
        .fetch_all(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(Table {
            rows: rows.into_iter().filter_map(Row::into_mapping).collect(),
            mapping_version: counter.mappings,
            counter: counter.value,
        })
    }

    /// One page, by number.
    pub async fn list_mappings(&self, limit: i64, offset: i64) -> Result<MappingPage, StoreError> {
        let mut transaction = self.pool.begin().await?;
        let counts = sqlx::query!(
            r#"SELECT (SELECT count(*) FROM mappings) AS "total!", mappings FROM change_counter"#
        )
        .fetch_one(&mut *transaction)
        .await?;
        let rows = sqlx::query_as!(
            Row,
            r#"SELECT id, match AS group_match, group_name, roles, transports, rooms, max_ttl_seconds,
                      valid_from, valid_until, enabled, note, version,
                      created_at, created_by, updated_at, updated_by
               FROM mappings ORDER BY id LIMIT $1 OFFSET $2"#,
            limit,
            offset,
        )
        .fetch_all(&mut *transaction)
        .await?;
        Ok(MappingPage {
            items: rows.into_iter().filter_map(Row::into_mapping).collect(),
            total: counts.total,
            mapping_version: counts.mappings,
        })
    }

    /// One row.
    pub async fn mapping(&self, id: MappingId) -> Result<Mapping, MappingError> {
        let mut connection = self.pool.acquire().await?;
        find(&mut connection, id, false).await
    }

    /// The row that says the same as `draft`, if there is one.
    pub async fn twin(&self, draft: &MappingDraft) -> Result<Option<MappingId>, StoreError> {
        let said = draft.to_input();
        let row = sqlx::query!(
            "SELECT id FROM mappings
             WHERE mapping_digest(match, group_name, roles, transports, rooms)
                 = mapping_digest($1, $2, $3, $4, $5)",
            said.group_match,
            said.group,
            &said.roles,
            &said.transports,
            &said.rooms,
        )
        .fetch_optional(&self.pool)
        .await?;
        Ok(row.map(|row| MappingId(row.id)))
    }

    /// Adds a row.
    pub async fn create_mapping(
        &self,
        draft: &MappingDraft,
        actor: &Actor,
        now: DateTime<Utc>,
    ) -> Result<Mapping, MappingError> {
        let mut transaction = self.pool.begin().await?;
        let decided = draft.to_input();
        let row = sqlx::query_as!(
            Row,
            r#"INSERT INTO mappings (match, group_name, roles, transports, rooms, max_ttl_seconds,
                                     valid_from, valid_until, enabled, note,
                                     created_at, created_by, updated_at, updated_by)
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $11, $12)
               RETURNING id, match AS group_match, group_name, roles, transports, rooms, max_ttl_seconds,
                         valid_from, valid_until, enabled, note, version,
                         created_at, created_by, updated_at, updated_by"#,
            decided.group_match,
            decided.group,
            &decided.roles,
            &decided.transports,
            &decided.rooms,
            draft.max_ttl_seconds().and_then(|seconds| i32::try_from(seconds).ok()),
            decided.valid_from,
            decided.valid_until,
            decided.enabled,
            decided.note,
            now,
            actor.label,
        )
        .fetch_one(&mut *transaction)
        .await?;
        let written = row.into_mapping().ok_or(MappingError::NotFound)?;
        let change = Change {
            at: now,
            actor,
            action: "mapping.create",
            object: written.id.to_string(),
            before: None,
            after: json(&written),
        };
        audit::record(&mut transaction, change).await?;
        transaction.commit().await?;
        Ok(written)
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
        let mut transaction = self.pool.begin().await?;
        let before = find_at(&mut transaction, id, version).await?;
        let decided = draft.to_input();
        let row = sqlx::query_as!(
            Row,
            r#"UPDATE mappings
               SET match = $3, group_name = $4, roles = $5, transports = $6, rooms = $7,
                   max_ttl_seconds = $8, valid_from = $9, valid_until = $10, enabled = $11, note = $12,
                   updated_at = $13, updated_by = $14, version = version + 1
               WHERE id = $1 AND version = $2
               RETURNING id, match AS group_match, group_name, roles, transports, rooms, max_ttl_seconds,
                         valid_from, valid_until, enabled, note, version,
                         created_at, created_by, updated_at, updated_by"#,
            id.0,
            version,
            decided.group_match,
            decided.group,
            &decided.roles,
            &decided.transports,
            &decided.rooms,
            draft.max_ttl_seconds().and_then(|seconds| i32::try_from(seconds).ok()),
            decided.valid_from,
            decided.valid_until,
            decided.enabled,
            decided.note,
            now,
            actor.label,
        )
        .fetch_one(&mut *transaction)
        .await?;
        let written = row.into_mapping().ok_or(MappingError::NotFound)?;
        let change = Change {
            at: now,
            actor,
            action: "mapping.replace",
            object: id.to_string(),
            before: json(&before),
            after: json(&written),
        };
        audit::record(&mut transaction, change).await?;
        transaction.commit().await?;
        Ok(written)
    }

    /// Removes a row, if it still has `version`.
    pub async fn delete_mapping(
        &self,
        id: MappingId,
        version: i64,
        actor: &Actor,
        now: DateTime<Utc>,
    ) -> Result<(), MappingError> {
        let mut transaction = self.pool.begin().await?;
        let before = find_at(&mut transaction, id, version).await?;
        sqlx::query!(
            "DELETE FROM mappings WHERE id = $1 AND version = $2",
            id.0,
            version
        )
        .execute(&mut *transaction)
        .await?;
        let change = Change {
            at: now,
            actor,
            action: "mapping.delete",
            object: id.to_string(),
            before: json(&before),
            after: None,
        };
        audit::record(&mut transaction, change).await?;
        transaction.commit().await?;
        Ok(())
    }
}

/// The row, locked until the transaction ends, if it still has `version`:
/// whoever holds an older one lost the race (AD-4).
async fn find_at(
    connection: &mut PgConnection,
    id: MappingId,
    version: i64,
) -> Result<Mapping, MappingError> {
    let found = find(connection, id, true).await?;
    if found.version == version {
        Ok(found)
    } else {
        Err(MappingError::Stale(Box::new(found)))
    }
}

async fn find(
    connection: &mut PgConnection,
    id: MappingId,
    lock: bool,
) -> Result<Mapping, MappingError> {
    if lock {
        sqlx::query!("SELECT id FROM mappings WHERE id = $1 FOR UPDATE", id.0)
            .fetch_optional(&mut *connection)
            .await?;
    }
    let row = sqlx::query_as!(
        Row,
        r#"SELECT id, match AS group_match, group_name, roles, transports, rooms, max_ttl_seconds,
                  valid_from, valid_until, enabled, note, version,
                  created_at, created_by, updated_at, updated_by
           FROM mappings WHERE id = $1"#,
        id.0,
    )
    .fetch_optional(connection)
    .await?;
    row.and_then(Row::into_mapping)
        .ok_or(MappingError::NotFound)
}

fn json(mapping: &Mapping) -> Option<Value> {
    serde_json::to_value(MappingRecord::from(mapping)).ok()
}
