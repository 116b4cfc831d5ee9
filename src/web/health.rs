//! `/livez`, `/readyz`: for whoever decides where requests go. No identity
//! and no configuration in either (SC-6).

use std::sync::Arc;

use actix_web::{HttpResponse, web};
use serde_json::json;

use super::refusal::Refusal;
use crate::store::watch::Watch;
use crate::upstream::{Provider, ProviderStatus};

/// GET `/livez`: the process answers.
pub async fn livez() -> HttpResponse {
    HttpResponse::Ok().json(json!({ "status": "live" }))
}

/// GET `/readyz`: the mappings are known to be fresh. The provider's state is
/// told and never decides: those who are signed in go on without it.
pub async fn readyz(
    watch: web::Data<Arc<Watch>>,
    provider: web::Data<Arc<Provider>>,
) -> HttpResponse {
    let fresh = watch.current().is_ok();
    let provider = match provider.status() {
        ProviderStatus::Unknown => "unknown",
        ProviderStatus::Ready => "ready",
        ProviderStatus::Failing { .. } => "failing",
    };
    let database = if fresh {
        "fresh"
    } else {
        "unreachable, or what is loaded may be old"
    };
    let mut response = if fresh {
        HttpResponse::Ok()
    } else {
        HttpResponse::ServiceUnavailable()
    };
    let response = response.json(json!({
        "status": if fresh { "ready" } else { "not ready" },
        "database": database,
        "provider": provider,
    }));
    // Asked every few seconds; the log has what happened to the database.
    Refusal::told("unavailable").mark(response)
}
