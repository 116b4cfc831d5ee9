//! Editing the table. Each change is one transaction with its audit row; then
//! this instance loads the table again before it answers, so that its next
//! exchange knows. The others are told by the database.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::clock::Clock;
use crate::domain::mapping::{Mapping, MappingDraft, MappingId};
use crate::fingerprint::pseudonym;
use crate::store::audit::Actor;
use crate::store::mappings::{MappingError, MappingPage};
use crate::store::watch::Watch;
use crate::store::{Store, StoreError};

/// The story's parts.
pub struct MappingDesk {
    store: Store,
    watch: Arc<Watch>,
    clock: Arc<dyn Clock>,
}

impl MappingDesk {
    /// Puts the story together.
    pub fn new(store: Store, watch: Arc<Watch>, clock: Arc<dyn Clock>) -> Self {
        Self {
            store,
            watch,
            clock,
        }
    }

    /// The time, for what counts now.
    pub fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    /// The row that says the same as `draft`, if there is one.
    pub async fn twin(&self, draft: &MappingDraft) -> Result<Option<MappingId>, StoreError> {
        self.store.twin(draft).await
    }

    /// One page of the table.
    pub async fn list(&self, limit: i64, offset: i64) -> Result<MappingPage, StoreError> {
        self.store.list_mappings(limit, offset).await
    }

    /// One row.
    pub async fn get(&self, id: MappingId) -> Result<Mapping, MappingError> {
        self.store.mapping(id).await
    }

    /// Adds a row.
    pub async fn create(
        &self,
        draft: &MappingDraft,
        actor: &Actor,
    ) -> Result<Mapping, MappingError> {
        let written = self
            .store
            .create_mapping(draft, actor, self.clock.now())
            .await?;
        self.settle("mapping_created", written.id, actor).await;
        Ok(written)
    }

    /// Replaces a row whole.
    pub async fn replace(
        &self,
        id: MappingId,
        version: i64,
        draft: &MappingDraft,
        actor: &Actor,
    ) -> Result<Mapping, MappingError> {
        let now = self.clock.now();
        let written = self
            .store
            .replace_mapping(id, version, draft, actor, now)
            .await?;
        self.settle("mapping_replaced", id, actor).await;
        Ok(written)
    }

    /// Switches a row on or off; everything else stays as it is.
    pub async fn switch(
        &self,
        id: MappingId,
        version: i64,
        enabled: bool,
        actor: &Actor,
    ) -> Result<Mapping, MappingError> {
        let draft = self.get(id).await?.draft.with_enabled(enabled);
        self.replace(id, version, &draft, actor).await
    }

    /// Removes a row.
    pub async fn delete(
        &self,
        id: MappingId,
        version: i64,
        actor: &Actor,
    ) -> Result<(), MappingError> {
        let now = self.clock.now();
        self.store.delete_mapping(id, version, actor, now).await?;
        self.settle("mapping_deleted", id, actor).await;
        Ok(())
    }

    async fn settle(&self, event: &'static str, id: MappingId, actor: &Actor) {
        tracing::info!(event, mapping = id.0, actor = &*pseudonym(&actor.subject));
        self.watch.settle().await;
    }
}
