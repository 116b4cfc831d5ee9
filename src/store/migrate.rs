//! Migrates the tables to this version.

use std::collections::HashMap;
use std::fmt::Debug;
use std::ops::DerefMut;

use sqlx::PgConnection;
use sqlx::migrate::Migrator;
use sqlx::postgres::PgPoolOptions;

use super::error::StoreError;
use super::pool::{ACQUIRE_TIMEOUT, Store};
use super::server;
use super::transaction::Transaction;

/// Migrations of a newer release are tolerated. Releases only add to the tables, so an older
/// release can run during a rolling update or after a rollback.
static MIGRATIONS: Migrator = Migrator {
    ignore_missing: true,
    ..sqlx::migrate!()
};

/// Not checked against `.sqlx`, because the tables may not exist yet.
const MAY_CREATE: &str = "SELECT coalesce(has_schema_privilege(current_schema(), 'CREATE'), false)";

/// The state of the migrations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tables {
    /// Exactly the migrations of this version are applied.
    Current,
    /// `missing` migrations are not applied; on an empty database, all of them.
    Behind {
        /// Number of migrations to apply.
        missing: usize,
    },
    /// All migrations of this version and some of a newer version are applied.
    Ahead {
        /// The highest applied migration.
        version: i64,
    },
    /// An applied migration failed or differs from this version's.
    Different {
        /// The first such migration.
        version: i64,
    },
}

impl Store {
    /// Migrates the tables to this version, under an advisory lock, so that instances that start
    /// together do it once. It only reads when there is nothing to do, so a role without the right
    /// to create tables is enough then.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        if self.is_migrated().await? {
            return Ok(());
        }
        server::require_direct(&self.direct).await?;
        // Outside of the pool: a migration may take longer than the limits of a request.
        let single = PgPoolOptions::new()
            .max_connections(1)
            .acquire_timeout(ACQUIRE_TIMEOUT)
            .connect_with(self.direct.clone())
            .await?;
        // Checked first, because the error of the first statement would be about a table.
        let may_create: bool = sqlx::query_scalar(MAY_CREATE).fetch_one(&single).await?;
        if !may_create {
            return Err(StoreError::NotMigrated);
        }
        MIGRATIONS.run(&single).await?;
        single.close().await;
        Ok(())
    }

    /// Whether all migrations of this version are applied.
    pub async fn is_migrated(&self) -> Result<bool, StoreError> {
        let tables = self
            .with(async |transaction| Ok::<_, StoreError>(tables(transaction).await?))
            .await?;
        if let Tables::Ahead { version } = tables {
            tracing::warn!(
                event = "tables_ahead",
                migration = version,
                "the tables are of a newer version; this version serves with the parts that it knows"
            );
        }
        Ok(matches!(tables, Tables::Current | Tables::Ahead { .. }))
    }
}

/// Not checked against `.sqlx`: sqlx creates this table itself.
pub(super) async fn tables<C>(transaction: &mut Transaction<C>) -> Result<Tables, sqlx::Error>
where
    C: DerefMut<Target = PgConnection> + Debug + Send,
{
    let there: Option<String> = sqlx::query_scalar("SELECT to_regclass('_sqlx_migrations')::text")
        .fetch_one(&mut *transaction)
        .await?;
    let applied: Vec<(i64, Vec<u8>, bool)> = if there.is_some() {
        sqlx::query_as("SELECT version, checksum, success FROM _sqlx_migrations ORDER BY version")
            .fetch_all(transaction)
            .await?
    } else {
        Vec::new()
    };
    let ours = MIGRATIONS.iter();
    let mut missing: HashMap<i64, &[u8]> = ours
        .map(|migration| (migration.version, &*migration.checksum))
        .collect();
    let mut newest_unknown = None;
    for (version, checksum, success) in applied {
        match missing.remove(&version) {
            Some(known) if success && known == checksum => {}
            None if success => newest_unknown = Some(version),
            _ => return Ok(Tables::Different { version }),
        }
    }
    Ok(match (missing.len(), newest_unknown) {
        (0, None) => Tables::Current,
        (0, Some(version)) => Tables::Ahead { version },
        (missing, _) => Tables::Behind { missing },
    })
}
