//! Changes of the table. Each is one transaction: the row, and the audit row
//! with what was there before and after (AD-9). A trigger raises the version of
//! the row and the change counter, and sends the notice.

use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::postgres::PgQueryResult;

use super::{MappingError, Store, StoreError, find};
use crate::domain::mapping::{Mapping, MappingDraft, MappingId, MappingRecord};
use crate::store::audit::{self, Actor, Change};
use crate::store::transaction::Transaction;

impl Store {
    /// Adds a row.
    pub async fn create_mapping(
        &self,
        draft: &MappingDraft,
        actor: &Actor,
        now: DateTime<Utc>,
    ) -> Result<Mapping, MappingError> {
        let decided = draft.to_input();
        self.with(async |transaction| {
            let id = sqlx::query_scalar!(
                "INSERT INTO mappings (match, group_name, roles, transports, rooms, max_ttl_seconds,
                                       valid_from, valid_until, enabled, note,
                                       created_at, created_by, updated_at, updated_by)
                 VALUES ($1, $2, $3, $4, $5, $6::bigint, $7, $8, $9, $10, $11, $12, $11, $12)
                 RETURNING id",
                decided.group_match,
                decided.group,
                &decided.roles,
                &decided.transports,
                &decided.rooms,
                decided.max_ttl_seconds,
                decided.valid_from,
                decided.valid_until,
                decided.enabled,
                decided.note,
                now,
                actor.label,
            )
            .fetch_one(&mut *transaction)
            .await?;
            let id = MappingId(id);
            let after = find(transaction, id).await?;
            let change = Change {
                at: now,
                actor,
                action: "mapping.create",
                object: id.to_string(),
                before: None,
                after: Some(json(&after)?),
            };
            audit::record(transaction, change).await?;
            Ok(after)
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
        let decided = draft.to_input();
        self.with(async |transaction| {
            let before = find_at(transaction, id, version).await?;
            let written = sqlx::query!(
                "UPDATE mappings
                 SET match = $2, group_name = $3, roles = $4, transports = $5, rooms = $6,
                     max_ttl_seconds = $7::bigint, valid_from = $8, valid_until = $9, enabled = $10,
                     note = $11, updated_at = $12, updated_by = $13
                 WHERE id = $1",
                id.0,
                decided.group_match,
                decided.group,
                &decided.roles,
                &decided.transports,
                &decided.rooms,
                decided.max_ttl_seconds,
                decided.valid_from,
                decided.valid_until,
                decided.enabled,
                decided.note,
                now,
                actor.label,
            )
            .execute(&mut *transaction)
            .await?;
            exactly_one(&written)?;
            let after = find(transaction, id).await?;
            let change = Change {
                at: now,
                actor,
                action: "mapping.replace",
                object: id.to_string(),
                before: Some(json(&before)?),
                after: Some(json(&after)?),
            };
            audit::record(transaction, change).await?;
            Ok(after)
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
        self.with(async |transaction| {
            let before = find_at(transaction, id, version).await?;
            let deleted = sqlx::query!("DELETE FROM mappings WHERE id = $1", id.0)
                .execute(&mut *transaction)
                .await?;
            exactly_one(&deleted)?;
            let change = Change {
                at: now,
                actor,
                action: "mapping.delete",
                object: id.to_string(),
                before: Some(json(&before)?),
                after: None,
            };
            audit::record(transaction, change).await?;
            Ok(())
        })
        .await
    }
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

/// The row is locked, so anything else is a bug; it must not be audited as done.
fn exactly_one(done: &PgQueryResult) -> Result<(), StoreError> {
    if done.rows_affected() == 1 {
        Ok(())
    } else {
        Err(StoreError::Refused(sqlx::Error::RowNotFound))
    }
}

/// As the API shows it.
fn json(mapping: &Mapping) -> Result<Value, StoreError> {
    serde_json::to_value(MappingRecord::from(mapping))
        .map_err(|error| StoreError::Refused(sqlx::Error::Encode(error.into())))
}
