//! Editing the table. Each change is one transaction with its audit row; then
//! this instance loads the table again before it answers, so that its next
//! exchange knows. The others are told by the database.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::admin::Admin;
use crate::clock::Clock;
use crate::domain::identity::Actor;
use crate::domain::mapping::{Mapping, MappingDraft, MappingId};
use crate::fingerprint::pseudonym;
use crate::store::mappings::MappingPage;
use crate::store::snapshot::SnapshotKeeper;
use crate::store::{Store, StoreError};

pub use crate::store::mappings::MappingError;

/// What administrators do with the table.
pub struct MappingDesk {
    store: Store,
    snapshots: Arc<SnapshotKeeper>,
    clock: Arc<dyn Clock>,
}

impl MappingDesk {
    /// Over this database.
    pub fn new(store: Store, snapshots: Arc<SnapshotKeeper>, clock: Arc<dyn Clock>) -> Self {
        Self {
            store,
            snapshots,
            clock,
        }
    }

    /// The time, for what counts now.
    pub fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    /// The row that says the same as `draft`, if there is one.
    pub async fn twin(
        &self,
        _: &Admin,
        draft: &MappingDraft,
    ) -> Result<Option<MappingId>, StoreError> {
        self.store.twin(draft).await
    }

    /// One page of the table.
    pub async fn list(
        &self,
        _: &Admin,
        limit: i64,
        offset: i64,
    ) -> Result<MappingPage, StoreError> {
        self.store.list_mappings(limit, offset).await
    }

    /// One row.
    pub async fn get(&self, _: &Admin, id: MappingId) -> Result<Mapping, MappingError> {
        self.store.mapping(id).await
    }

    /// Adds a row.
    pub async fn create(
        &self,
        admin: &Admin,
        draft: &MappingDraft,
    ) -> Result<Mapping, MappingError> {
        let (actor, now) = (admin.actor(), self.clock.now());
        let written = self.store.create_mapping(draft, actor, now).await?;
        self.settle("mapping_created", written.id, actor).await;
        Ok(written)
    }

    /// Replaces a row whole.
    pub async fn replace(
        &self,
        admin: &Admin,
        id: MappingId,
        version: i64,
        draft: &MappingDraft,
    ) -> Result<Mapping, MappingError> {
        let (actor, now) = (admin.actor(), self.clock.now());
        let written = self.store.replace_mapping(id, version, draft, actor, now);
        let written = written.await?;
        self.settle("mapping_replaced", id, actor).await;
        Ok(written)
    }

    /// Switches a row on or off; everything else stays as it is.
    pub async fn switch(
        &self,
        admin: &Admin,
        id: MappingId,
        version: i64,
        enabled: bool,
    ) -> Result<Mapping, MappingError> {
        let draft = self.get(admin, id).await?.draft.with_enabled(enabled);
        self.replace(admin, id, version, &draft).await
    }

    /// Removes a row.
    pub async fn delete(
        &self,
        admin: &Admin,
        id: MappingId,
        version: i64,
    ) -> Result<(), MappingError> {
        let (actor, now) = (admin.actor(), self.clock.now());
        self.store.delete_mapping(id, version, actor, now).await?;
        self.settle("mapping_deleted", id, actor).await;
        Ok(())
    }

    async fn settle(&self, event: &'static str, id: MappingId, actor: &Actor) {
        tracing::info!(event, mapping = id.0, actor = &*pseudonym(&actor.subject));
        self.snapshots.reload_changed().await;
    }
}
