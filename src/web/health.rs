//! `/livez`, `/readyz`: for load balancers and health checks. No identity
//! and no configuration in either (SC-6).

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use actix_web::{HttpResponse, web};
use serde_json::json;

use super::error::{Answer, Refusal};
use super::views::problem::UNAVAILABLE;
use crate::flow::health::Health;

/// Whether the process is about to end. It still answers what is under way, and
/// should be sent nothing new.
#[derive(Debug, Default)]
pub struct Stopping(AtomicBool);

impl Stopping {
    /// Called when the process is asked to end.
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
    /// Counts a task that keeps ending.
    pub fn add(&self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }

    /// A task that was counted runs on.
    pub fn remove(&self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }

    /// Whether there is one.
    pub fn is_any(&self) -> bool {
        self.0.load(Ordering::SeqCst) > 0
    }
}

/// GET `/livez`: the process answers, and its background tasks run.
pub async fn livez(failing: web::Data<FailingTasks>) -> Answer {
    if failing.is_any() {
        let response = HttpResponse::ServiceUnavailable().json(json!({ "status": "broken" }));
        return Err(Refusal::new(UNAVAILABLE).logged().answered_by(response));
    }
    Ok(HttpResponse::Ok().json(json!({ "status": "live" })))
}

/// GET `/readyz`: the mappings are known to be fresh. The provider's state is
/// told and never decides: users who are signed in go on without it.
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
    // Asked every few seconds; the log has what happened to the database.
    let response = HttpResponse::ServiceUnavailable().json(body);
    Err(Refusal::new(UNAVAILABLE).logged().answered_by(response))
}
