//! Administrators register clients and give them secrets.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::clock::Clock;
use crate::domain::client::{Client, ClientDraft, ClientId, ClientKind};
use crate::domain::list::{ListPage, PageRange};
use crate::flow::admin::Admin;
use crate::random;
use crate::store::clients::SecretDigest;
pub use crate::store::clients::{ClientHoldings, ClientNotChanged, ClientSecret, SECRETS_MAX};
use crate::store::snapshot::SnapshotKeeper;
use crate::store::{Store, StoreError};

/// The use case, with the parts that it needs.
pub struct ClientEditor {
    pub(crate) store: Store,
    pub(crate) snapshots: Arc<SnapshotKeeper>,
    pub(crate) clock: Arc<dyn Clock>,
}

/// A client secret; shown once and not kept.
pub struct NewSecret(String);

impl NewSecret {
    fn random() -> Option<Self> {
        random::text().ok().map(Self)
    }

    /// The secret, for the answer that tells it.
    pub fn expose(&self) -> &str {
        &self.0
    }

    fn digest(&self) -> SecretDigest {
        SecretDigest::of(&self.0)
    }
}

/// Why a client was not registered or given a secret.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// As the store says.
    #[error(transparent)]
    NotChanged(#[from] ClientNotChanged),
    /// The system gives no random numbers.
    #[error("the system gives no random numbers")]
    NoRandomness,
}

impl From<StoreError> for ClientError {
    fn from(error: StoreError) -> Self {
        Self::NotChanged(error.into())
    }
}

impl ClientEditor {
    /// One page of the clients, by id.
    pub async fn list(
        &self,
        _: &Admin,
        text: &str,
        range: PageRange,
    ) -> Result<ListPage<Client>, StoreError> {
        self.store.list_clients(text, range).await
    }

    /// One client.
    pub async fn find(&self, _: &Admin, id: &ClientId) -> Result<Option<Client>, StoreError> {
        self.store.client(id).await
    }

    /// Registers a client; a confidential one gets its first secret. Without an id it gets a random one.
    pub async fn create(
        &self,
        admin: &Admin,
        id: Option<ClientId>,
        draft: &ClientDraft,
    ) -> Result<(Client, Option<NewSecret>), ClientError> {
        let id = match id {
            Some(id) => id,
            None => random_id().ok_or(ClientError::NoRandomness)?,
        };
        let secret = match draft.kind {
            ClientKind::Public => None,
            ClientKind::Confidential => Some(NewSecret::random().ok_or(ClientError::NoRandomness)?),
        };
        let digest = secret.as_ref().map(NewSecret::digest);
        let created = self
            .store
            .create_client((&id, draft), digest, admin.actor(), self.now());
        let client = created.await?;
        self.snapshots.reload_changed().await;
        Ok((client, secret))
    }

    /// Replaces a client of this version.
    pub async fn replace(
        &self,
        admin: &Admin,
        id: &ClientId,
        version: i64,
        draft: &ClientDraft,
    ) -> Result<Client, ClientError> {
        let client = self
            .store
            .replace_client(id, version, draft, admin.actor(), self.now())
            .await?;
        self.snapshots.reload_changed().await;
        Ok(client)
    }

    /// Deletes a client of this version.
    pub async fn delete(
        &self,
        admin: &Admin,
        id: &ClientId,
        version: i64,
    ) -> Result<(), ClientError> {
        self.store
            .delete_client(id, version, admin.actor(), self.now())
            .await?;
        self.snapshots.reload_changed().await;
        Ok(())
    }

    /// What people gave it, which ends with it.
    pub async fn holdings(&self, _: &Admin, id: &ClientId) -> Result<ClientHoldings, StoreError> {
        self.store.client_holdings(id).await
    }

    /// The secrets of a client, oldest first; never the secrets themselves.
    pub async fn secrets(
        &self,
        _: &Admin,
        id: &ClientId,
    ) -> Result<Vec<ClientSecret>, ClientError> {
        Ok(self.store.client_secrets(id).await?)
    }

    /// Adds a secret; its id, and the secret.
    pub async fn add_secret(
        &self,
        admin: &Admin,
        id: &ClientId,
    ) -> Result<(String, NewSecret), ClientError> {
        let secret = NewSecret::random().ok_or(ClientError::NoRandomness)?;
        let added = self
            .store
            .add_client_secret(id, secret.digest(), admin.actor(), self.now());
        let named = added.await?;
        self.snapshots.reload_changed().await;
        Ok((named, secret))
    }

    /// Ends a secret.
    pub async fn end_secret(
        &self,
        admin: &Admin,
        id: &ClientId,
        secret: &str,
    ) -> Result<(), ClientError> {
        self.store
            .delete_client_secret(id, secret, admin.actor(), self.now())
            .await?;
        self.snapshots.reload_changed().await;
        Ok(())
    }

    fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }
}

/// 22 characters out of 128 random bits and more.
fn random_id() -> Option<ClientId> {
    let text = random::text().ok()?;
    ClientId::parse(text.get(..22)?)
}
