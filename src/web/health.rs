//! `/livez`, `/readyz`: for load balancers and health checks. No identity
//! and no configuration in either (SC-6).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use actix_web::{HttpResponse, web};
use serde_json::json;

use super::refusal::Refusal;
use crate::oidc::{Provider, ProviderStatus};
use crate::store::watch::Watch;

/// Whether the process is about to end. It still answers what is under way, and
/// nobody should send it anything new.
#[derive(Debug, Default)]
pub struct Stopping(AtomicBool);

impl Stopping {
    /// From now on.
    pub fn begin(&self) {
        self.0.store(true, Ordering::SeqCst);
    }

    fn has_begun(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}

/// How many background tasks keep ending although they are started again; a new process is the
/// likely cure. A database or a provider that is away ends no task.
#[derive(Debug, Default)]
pub struct FailingTasks(AtomicUsize);

impl FailingTasks {
    /// One more.
    pub fn add(&self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }

    /// One of them runs on.
    pub fn remove(&self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }

    /// Whether there is one.
    pub fn is_any(&self) -> bool {
        self.0.load(Ordering::SeqCst) > 0
    }
}

/// GET `/livez`: the process answers, and its background tasks run.
pub async fn livez(failing: web::Data<FailingTasks>) -> HttpResponse {
    if failing.is_any() {
        let response = HttpResponse::ServiceUnavailable().json(json!({ "status": "broken" }));
        return Refusal::told("unavailable").mark(response);
    }
    HttpResponse::Ok().json(json!({ "status": "live" }))
}

/// GET `/readyz`: the mappings are known to be fresh. The provider's state is
/// told and never decides: those who are signed in go on without it.
pub async fn readyz(
    watch: web::Data<Arc<Watch>>,
    provider: web::Data<Arc<Provider>>,
    stopping: web::Data<Stopping>,
) -> HttpResponse {
    let missing = watch.missing();
    let fresh = missing.is_none();
    let provider = match provider.status() {
        ProviderStatus::Unknown => "unknown",
        ProviderStatus::Ready => "ready",
        ProviderStatus::Failing { .. } => "failing",
    };
    let database = missing.unwrap_or("fresh");
    let status = match (stopping.has_begun(), fresh) {
        (true, _) => "stopping",
        (false, true) => "ready",
        (false, false) => "not ready",
    };
    let mut response = if status == "ready" {
        HttpResponse::Ok()
    } else {
        HttpResponse::ServiceUnavailable()
    };
    let response = response.json(json!({
        "status": status,
        "database": database,
        "provider": provider,
    }));
    if status == "ready" {
        return response;
    }
    // Asked every few seconds; the log has what happened to the database.
    Refusal::told("unavailable").mark(response)
}
