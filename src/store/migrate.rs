//! Brings the tables up to this version.

use std::collections::HashMap;

use sqlx::PgPool;
use sqlx::migrate::Migrator;
use sqlx::postgres::PgPoolOptions;

use super::{ACQUIRE_TIMEOUT, Store, StoreError};

static MIGRATIONS: Migrator = sqlx::migrate!();

impl Store {
    /// Brings the tables up to this version, under an advisory lock: two
    /// instances that start together do it once. Where nothing is to be done it
    /// only reads, so a role without the right to make tables suffices.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        let single = PgPoolOptions::new()
            .max_connections(1)
            .acquire_timeout(ACQUIRE_TIMEOUT)
            .connect_with(self.options.clone())
            .await?;
        if !is_done(&single).await? {
            MIGRATIONS.run(&single).await?;
        }
        single.close().await;
        Ok(())
    }
}

impl Store {
    /// Whether the tables are those of this version.
    pub async fn is_migrated(&self) -> Result<bool, StoreError> {
        is_done(&self.pool).await
    }
}

/// Whether exactly our migrations were applied, as they are now.
async fn is_done(pool: &PgPool) -> Result<bool, StoreError> {
    // The table is made by the first migration ever: the query cannot be
    // checked against our own.
    let table: Option<String> = sqlx::query_scalar("SELECT to_regclass('_sqlx_migrations')::text")
        .fetch_one(pool)
        .await?;
    if table.is_none() {
        return Ok(false);
    }
    let applied: HashMap<i64, Vec<u8>> =
        sqlx::query_as("SELECT version, checksum FROM _sqlx_migrations WHERE success")
            .fetch_all(pool)
            .await?
            .into_iter()
            .collect();
    Ok(applied.len() == MIGRATIONS.iter().count()
        && MIGRATIONS
            .iter()
            .all(|ours| applied.get(&ours.version).map(Vec::as_slice) == Some(&*ours.checksum)))
}
