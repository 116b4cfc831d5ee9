//! The state of this instance, for load balancers and monitoring.

use std::sync::Arc;

use crate::metrics::Measurements;
use crate::oidc::{Provider, ProviderStatus};
use crate::store::Store;
use crate::store::session_cache::SessionCache;
use crate::store::snapshot::SnapshotKeeper;

/// The parts whose state is reported.
pub struct Health {
    pub(crate) snapshots: Arc<SnapshotKeeper>,
    pub(crate) sessions: Arc<SessionCache>,
    pub(crate) store: Store,
    pub(crate) provider: Arc<Provider>,
}

impl Health {
    /// Why the mappings are not fresh; `None` if they are.
    pub fn missing(&self) -> Option<&'static str> {
        self.snapshots.missing()
    }

    /// State of the provider's metadata and keys.
    pub fn provider(&self) -> &'static str {
        match self.provider.status() {
            ProviderStatus::Unknown => "unknown",
            ProviderStatus::Ready => "ready",
            ProviderStatus::Failing { .. } => "failing",
        }
    }

    /// Values that are measured when metrics are requested.
    pub fn gauges(&self) -> Measurements {
        let age = self.snapshots.age();
        let connections = self.store.connections();
        Measurements {
            mapping_version: self.snapshots.mapping_version().unwrap_or(0),
            snapshot_age: age.map_or(f64::INFINITY, |age| age.as_secs_f64()),
            fresh: self.snapshots.current().is_ok(),
            sessions: self.sessions.in_memory(),
            connections: connections.open,
            connections_idle: connections.idle,
            connections_most: connections.most,
            provider_ready: self.provider.status() == ProviderStatus::Ready,
        }
    }
}
