//! The mapping table, as it is read. How it is changed is in [`edit`].

mod edit;
mod row;

use super::transaction::Transaction;
use super::{Store, StoreError, blocks};
use crate::domain::block::Blocks;
use crate::domain::mapping::{Mapping, MappingDraft, MappingId};
use row::{Row, select_mappings};

/// Why a mapping was not written. Nothing has changed then.
#[derive(Debug, thiserror::Error)]
pub enum MappingError {
    /// There is no such row (any more).
    #[error("there is no such mapping")]
    NotFound,
    /// Another edit was first; this is the row as it is now.
    #[error("the mapping was changed meanwhile")]
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
            self.require_proven(&counter.server)?;
            Ok(Table {
                rows: rows.into_iter().filter_map(Row::into_mapping).collect(),
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
                items: rows.into_iter().filter_map(Row::into_mapping).collect(),
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
        let said = draft.to_input();
        self.with(async |transaction| {
            let id = sqlx::query_scalar!(
                "SELECT id FROM mappings
                 WHERE mapping_digest(match, group_name, roles, transports, rooms)
                     = mapping_digest($1, $2, $3, $4, $5)",
                said.group_match,
                said.group,
                &said.roles,
                &said.transports,
                &said.rooms,
            )
            .fetch_optional(transaction)
            .await?;
            Ok(id.map(MappingId))
        })
        .await
    }
}

async fn find(transaction: &mut Transaction, id: MappingId) -> Result<Mapping, MappingError> {
    select_mappings!("WHERE id = $1", id.0)
        .fetch_optional(transaction)
        .await?
        .and_then(Row::into_mapping)
        .ok_or(MappingError::NotFound)
}
