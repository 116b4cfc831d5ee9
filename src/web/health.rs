//! `/livez` and `/readyz`, for load balancers and health checks. They show no identities and no
//! configuration (SC-6).

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use actix_web::{HttpResponse, web};
use serde_json::json;

use super::error::{Answer, Refusal};
use super::views::problem::UNAVAILABLE;
use crate::flow::health::Health;

/// Whether the process is stopping: it finishes running requests and should get no new ones.
#[derive(Debug, Default)]
pub struct Stopping(AtomicBool);

impl Stopping {
    /// Called when the process is asked to stop.
    pub fn begin(&self) {
        self.0.store(true, Ordering::SeqCst);
    }

    fn has_begun(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}

/// Number of background tasks that keep failing although they are restarted; restarting the process
/// is the likely remedy. An unavailable database or provider does not make a task fail.
#[derive(Debug, Default)]
pub struct FailingTasks(AtomicUsize);

impl FailingTasks {
    /// Adds a task that keeps failing.
    pub fn add(&self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }

    /// Removes a task that runs again.
    pub fn remove(&self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }

    /// Whether any task keeps failing.
    pub fn is_any(&self) -> bool {
        self.0.load(Ordering::SeqCst) > 0
    }
}

/// GET `/livez`: 200 if the process answers and its background tasks run.
pub async fn livez(failing: web::Data<FailingTasks>) -> Answer {
    if failing.is_any() {
        let response = HttpResponse::ServiceUnavailable().json(json!({ "status": "broken" }));
        return Err(Refusal::new(UNAVAILABLE).logged().answered_by(response));
    }
    Ok(HttpResponse::Ok().json(json!({ "status": "live" })))
}

/// GET `/readyz`: 200 if the mappings are known to be fresh. The provider's state is reported but
/// does not matter, because signed-in users can continue without the provider.
pub async fn readyz(health: web::Data<Health>, stopping: web::Data<Stopping>) -> Answer {
    let missing = health.missing();
    let status = match (stopping.has_begun(), missing) {
        (true, _) => "stopping",
        (false, None) => "ready",
        (false, Some(_)) => "not ready",
    };
    let body = json!({
        "status": status,
        "database": missing.unwrap_or("fresh"),
        "provider": health.provider(),
    });
    if status == "ready" {
        return Ok(HttpResponse::Ok().json(body));
    }
    // Not logged as a refusal: it is requested every few seconds, and database errors are logged
    // elsewhere.
    let response = HttpResponse::ServiceUnavailable().json(body);
    Err(Refusal::new(UNAVAILABLE).logged().answered_by(response))
}
