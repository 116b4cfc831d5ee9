//! What load balancers and monitoring are told of this instance.

use std::sync::Arc;

use crate::metrics::Measurements;
use crate::oidc::{Provider, ProviderStatus};
use crate::store::Store;
use crate::store::session_cache::SessionCache;
use crate::store::snapshot::Watch;

/// The parts whose state is told.
pub struct Health {
    pub(crate) watch: Arc<Watch>,
    pub(crate) sessions: Arc<SessionCache>,
    pub(crate) store: Store,
    pub(crate) provider: Arc<Provider>,
}

impl Health {
    /// What keeps the mappings from being fresh; none if they are.
    pub fn missing(&self) -> Option<&'static str> {
        self.watch.missing()
    }

    /// Whether the provider's documents can be read.
    pub fn provider(&self) -> &'static str {
        match self.provider.status() {
            ProviderStatus::Unknown => "unknown",
            ProviderStatus::Ready => "ready",
            ProviderStatus::Failing { .. } => "failing",
        }
    }

    /// What is measured when metrics are requested.
    pub fn gauges(&self) -> Measurements {
        let age = self.watch.age();
        let connections = self.store.connections();
        Measurements {
            mapping_version: self.watch.mapping_version().unwrap_or(0),
            snapshot_age: age.map_or(f64::INFINITY, |age| age.as_secs_f64()),
            fresh: self.watch.current().is_ok(),
            sessions: self.sessions.in_memory(),
            connections: connections.open,
            connections_idle: connections.idle,
            connections_most: connections.most,
            provider_ready: self.provider.status() == ProviderStatus::Ready,
        }
    }
}
