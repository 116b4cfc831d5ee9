//! A bug in a handler costs the one request, and the client does not learn what it said
//! (AV-6, LG-5). The log has it by then, with the request's id: the panic hook
//! runs within the request ([`crate::logging`]).

use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::Poll;

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::error::InternalError;
use actix_web::http::StatusCode;
use actix_web::middleware::Next;
use actix_web::{Error, HttpResponse, web};

use super::error::ApiError;
use super::page;
use super::refusal::Refusal;
use super::request_id::RequestId;
use super::site::Site;
use super::views::{Frame, Problem, ProblemPage};

/// Runs the request; a panic becomes a 500 of the kind that is expected there.
pub async fn catch(
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let site = request.app_data::<web::Data<Site>>().cloned();
    let base = site.as_ref().map_or("", |site| site.base()).to_owned();
    let below = request.path().strip_prefix(&base);
    let is_api = below.is_some_and(|path| path.starts_with("/api/"));
    let reference = RequestId::of(request.request());
    let mut answer = pin!(next.call(request));
    let outcome = poll_fn(|context| {
        // What the handler held is dropped with it; what is shared is behind
        // locks and atomics that hold whole values.
        match catch_unwind(AssertUnwindSafe(|| answer.as_mut().poll(context))) {
            Ok(poll) => poll.map(Some),
            Err(_payload) => Poll::Ready(None),
        }
    });
    match outcome.await {
        Some(answer) => answer,
        None => {
            Err(InternalError::from_response("panicked", broken(is_api, base, reference)).into())
        }
    }
}

fn broken(is_api: bool, base: String, reference: Option<String>) -> HttpResponse {
    if is_api {
        return ApiError::Internal.response();
    }
    let page = ProblemPage {
        frame: Frame { base, person: None },
        problem: Problem::Internal,
        again: None,
        reference,
    };
    Refusal::told("internal").mark(page::show(StatusCode::INTERNAL_SERVER_ERROR, &page))
}
