//! One event for each request that did not get what it asked for (LG-2).
//!
//! An answer carries the reason with it, and the outermost layer tells the log
//! once ([`tell`]), so that no handler can forget it. Where something was told
//! before, with more than a word (who was refused a token, what the database
//! did), the answer says so.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;

/// Why there was no good answer.
#[derive(Debug, Clone, Copy)]
pub struct Refusal {
    reason: &'static str,
    told: bool,
}

impl Refusal {
    /// To be told when the answer leaves.
    pub const fn new(reason: &'static str) -> Self {
        Self {
            reason,
            told: false,
        }
    }

    /// The log has an event of it.
    pub const fn told(reason: &'static str) -> Self {
        Self { reason, told: true }
    }

    /// Goes with the answer.
    pub fn mark(self, mut response: HttpResponse) -> HttpResponse {
        response.extensions_mut().insert(self);
        response
    }
}

/// The stable word of an answer that is a refusal, for counting.
pub fn code_of<B>(response: &HttpResponse<B>) -> Option<&'static str> {
    let refusal = response.extensions().get::<Refusal>().copied();
    let status = response.status();
    let refused = status.is_client_error() || status.is_server_error();
    let other = refused.then_some("other");
    refusal.map(|refusal| refusal.reason).or(other)
}

/// Tells of an answer that is a refusal, unless that was done.
pub fn tell<B>(response: &HttpResponse<B>) {
    let status = response.status();
    if !status.is_client_error() && !status.is_server_error() {
        return;
    }
    let refusal = response.extensions().get::<Refusal>().copied();
    let refusal = refusal.unwrap_or(Refusal::new("other"));
    if !refusal.told {
        tell_reason(refusal.reason, status);
    }
}

/// The event itself, for a refusal that is shown in a page of status 200.
pub fn tell_reason(reason: &'static str, status: StatusCode) {
    let status_code = status.as_u16();
    match status {
        // A network scanner causes thousands of these.
        StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED => {
            tracing::debug!(event = "request_refused", reason, status = status_code);
        }
        status if status.is_server_error() => {
            tracing::warn!(event = "request_refused", reason, status = status_code);
        }
        _ => tracing::info!(event = "request_refused", reason, status = status_code),
    }
}
