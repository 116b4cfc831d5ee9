//! Shared by the layers around all requests: an answer can be changed, and is marked with the code
//! of its refusal, which is logged and counted at the end.

use actix_web::body::BoxBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::error::InternalError;
use actix_web::http::StatusCode;
use actix_web::middleware::Next;
use actix_web::{Error, HttpResponse, web};

use super::route::Route;
use crate::metrics::Requests;

/// Changes every response, also one that a layer returned instead of the handler.
pub fn change_each(
    outcome: Result<ServiceResponse, Error>,
    change: impl FnOnce(&mut HttpResponse),
) -> Result<ServiceResponse, Error> {
    match outcome {
        Ok(mut answer) => {
            change(answer.response_mut());
            Ok(answer)
        }
        Err(error) => {
            let mut response = error.error_response();
            change(&mut response);
            Err(InternalError::from_response(error, response).into())
        }
    }
}

/// The refusal of an answer, for the log and the metrics; only `mark` sets it.
#[derive(Clone, Copy)]
struct RefusalMark {
    code: &'static str,
    is_logged: bool,
}

/// Marks an answer as a refusal with this code, unless it is marked already.
pub fn mark(mut response: HttpResponse, code: &'static str, is_logged: bool) -> HttpResponse {
    let mut extensions = response.extensions_mut();
    if !extensions.contains::<RefusalMark>() {
        extensions.insert(RefusalMark { code, is_logged });
    }
    drop(extensions);
    response
}

fn mark_of(response: &HttpResponse) -> Option<RefusalMark> {
    let mark = response.extensions().get::<RefusalMark>().copied();
    let status = response.status();
    let refused = status.is_client_error() || status.is_server_error();
    let other = RefusalMark {
        code: "other",
        is_logged: false,
    };
    mark.or(refused.then_some(other))
}

/// Layer: logs refusals and counts all answers. No layer outside of it changes answers.
pub async fn record(
    request: ServiceRequest,
    next: Next<BoxBody>,
) -> Result<ServiceResponse, Error> {
    let route = Route::of(request.request());
    let counts = request.app_data::<web::Data<Requests>>().cloned();
    change_each(next.call(request).await, |response| {
        if let Some(counts) = counts {
            let code = mark_of(response).map(|mark| mark.code);
            counts.count(route.label(), response.status().as_u16(), code);
        }
        log(response);
    })
}

/// Logs a refusal, unless it is already in the log.
fn log(response: &HttpResponse) {
    let Some(RefusalMark {
        code,
        is_logged: false,
    }) = mark_of(response)
    else {
        return;
    };
    let status = response.status();
    let number = status.as_u16();
    match status {
        // Network scanners cause thousands of these.
        StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED => {
            tracing::debug!(event = "request_refused", code, status = number);
        }
        status if status.is_server_error() => {
            tracing::warn!(event = "request_refused", code, status = number);
        }
        _ => tracing::info!(event = "request_refused", code, status = number),
    }
}
