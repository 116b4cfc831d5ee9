//! What the layers over every request share: an answer may be changed and is marked with the code
//! of its refusal, which is logged and counted when it leaves.

use actix_web::body::BoxBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::error::InternalError;
use actix_web::http::StatusCode;
use actix_web::middleware::Next;
use actix_web::{Error, HttpResponse, web};

use super::route::Route;
use crate::metrics::Requests;

/// Changes the response of an answer, also where a layer answered in place of a handler.
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

/// What the log and the metrics are told of an answer that is a refusal: `mark` alone sets it.
#[derive(Clone, Copy)]
struct RefusalMark {
    code: &'static str,
    is_logged: bool,
}

/// Makes an answer the refusal of this code, unless it is one already.
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

/// The layer that logs refusals and counts all answers: nothing is further out that could change
/// an answer.
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

/// Writes the event of an answer that is a refusal, unless the log has one.
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
        // A network scanner causes thousands of these.
        StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED => {
            tracing::debug!(event = "request_refused", code, status = number);
        }
        status if status.is_server_error() => {
            tracing::warn!(event = "request_refused", code, status = number);
        }
        _ => tracing::info!(event = "request_refused", code, status = number),
    }
}
