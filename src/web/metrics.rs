//! What the second listener serves (`BRIDGE_OPS_LISTEN`): numbers for
//! Prometheus, and the health paths; nothing of it for people or apps.

use std::sync::Arc;

use actix_web::http::header::{self, HeaderValue};
use actix_web::{HttpResponse, web};

use super::error::ApiError;
use super::routes::Address;
use crate::metrics::{Exposition, State};
use crate::oidc::{Provider, ProviderStatus};
use crate::store::Store;
use crate::store::live::LiveSessions;
use crate::store::watch::Watch;

/// The content type of `OpenMetrics` 1.0.
const OPEN_METRICS: HeaderValue =
    HeaderValue::from_static("application/openmetrics-text; version=1.0.0; charset=utf-8");

/// What is measured when metrics are requested.
pub struct Gauges {
    exposition: Exposition,
    watch: Arc<Watch>,
    sessions: Arc<LiveSessions>,
    store: Store,
    provider: Arc<Provider>,
}

impl Gauges {
    /// Puts it together.
    pub fn new(
        exposition: Exposition,
        watch: Arc<Watch>,
        sessions: Arc<LiveSessions>,
        store: Store,
        provider: Arc<Provider>,
    ) -> Self {
        Self {
            exposition,
            watch,
            sessions,
            store,
            provider,
        }
    }

    fn state(&self) -> State {
        let age = self.watch.age();
        let connections = self.store.connections();
        State {
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

/// The routes of the second listener.
pub fn configure_ops(service: &mut web::ServiceConfig) {
    service
        .service(Address::new("/metrics").get(metrics))
        .configure(super::health)
        .default_service(web::to(nothing_here));
}

async fn metrics(gauges: web::Data<Gauges>) -> HttpResponse {
    match gauges.exposition.text(gauges.state()) {
        Ok(text) => HttpResponse::Ok()
            .insert_header((header::CONTENT_TYPE, OPEN_METRICS))
            .body(text),
        Err(_) => ApiError::Internal.response(),
    }
}

async fn nothing_here() -> HttpResponse {
    ApiError::NotFound.response()
}
