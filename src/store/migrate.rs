//! Brings the tables up to this version.

use std::collections::HashMap;

use sqlx::migrate::Migrator;
use sqlx::postgres::PgPoolOptions;

use super::transaction::Transaction;
use super::{ACQUIRE_TIMEOUT, Store, StoreError};

/// Those that a newer release has applied are borne: releases add to the tables, so that an older
/// one can go on while instances are replaced, or be gone back to.
pub(super) static MIGRATIONS: Migrator = Migrator {
    ignore_missing: true,
    ..sqlx::migrate!()
};

/// Not checked against `.sqlx`, like everything about tables that are not there yet.
const MAY_CREATE: &str = "SELECT coalesce(has_schema_privilege(current_schema(), 'CREATE'), false)";

impl Store {
    /// Brings the tables up to this version, under an advisory lock: two
    /// instances that start together do it once. Where nothing is to be done it
    /// only reads, so a role without the right to make tables suffices.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        if self.is_migrated().await? {
            return Ok(());
        }
        self.require_direct().await?;
        // Not of the pool: a migration may take longer than a request.
        let single = PgPoolOptions::new()
            .max_connections(1)
            .acquire_timeout(ACQUIRE_TIMEOUT)
            .connect_with(self.direct.clone())
            .await?;
        // Otherwise the first statement would fail in words about a table.
        let may_create: bool = sqlx::query_scalar(MAY_CREATE).fetch_one(&single).await?;
        if !may_create {
            return Err(StoreError::NotMigrated);
        }
        MIGRATIONS.run(&single).await?;
        single.close().await;
        Ok(())
    }

    /// Whether the migrations of this version were applied, as they are now.
    pub async fn is_migrated(&self) -> Result<bool, StoreError> {
        self.with(async |transaction| is_done(transaction).await)
            .await
    }
}

async fn is_done(transaction: &mut Transaction) -> Result<bool, StoreError> {
    // These two are not checked against `.sqlx`: the table is made by sqlx
    // itself, not by a migration.
    let table: Option<String> = sqlx::query_scalar("SELECT to_regclass('_sqlx_migrations')::text")
        .fetch_one(&mut *transaction)
        .await?;
    if table.is_none() {
        return Ok(false);
    }
    let applied: Vec<(i64, Vec<u8>, bool)> =
        sqlx::query_as("SELECT version, checksum, success FROM _sqlx_migrations")
            .fetch_all(transaction)
            .await?;
    let all_succeeded = applied.iter().all(|(_, _, success)| *success);
    let applied: HashMap<i64, Vec<u8>> = applied
        .into_iter()
        .map(|(version, checksum, _)| (version, checksum))
        .collect();
    let is_done = all_succeeded
        && MIGRATIONS
            .iter()
            .all(|ours| applied.get(&ours.version).map(Vec::as_slice) == Some(&*ours.checksum));
    let newest = applied.keys().max();
    if is_done && let Some(newest) = newest.filter(|version| !MIGRATIONS.version_exists(**version))
    {
        tracing::warn!(
            event = "tables_ahead",
            migration = newest,
            "the tables are those of a newer version; this one serves with what it knows of them"
        );
    }
    Ok(is_done)
}
