//! A panic in a handler affects only its request, and the client learns nothing about it (AV-6,
//! LG-5). The panic hook ([`crate::logging`]) runs within the request and has logged it with the
//! request's id.

use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::Poll;

use actix_web::body::BoxBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::error::InternalError;
use actix_web::middleware::Next;
use actix_web::{Error, web};

use super::error::Refusal;
use super::request_id::RequestId;
use super::route::Route;
use super::site::Site;
use super::views::Frame;
use super::views::problem::INTERNAL;

/// Layer: runs the request, and turns a panic into a 500 for the route's audience.
pub async fn catch(request: ServiceRequest, next: Next<BoxBody>) -> Result<ServiceResponse, Error> {
    // Taken before the request is dropped with its handler.
    let site = request.app_data::<web::Data<Site>>().cloned();
    let route = Route::of(request.request());
    let reference = RequestId::of(request.request());
    let mut answer = pin!(next.call(request));
    let outcome = poll_fn(|context| {
        // The handler's own values are dropped with it. Shared state is behind locks and atomics,
        // which hold whole values.
        match catch_unwind(AssertUnwindSafe(|| answer.as_mut().poll(context))) {
            Ok(poll) => poll.map(Some),
            Err(_payload) => Poll::Ready(None),
        }
    });
    if let Some(answer) = outcome.await {
        return answer;
    }
    let frame = Frame {
        base: site
            .as_ref()
            .map_or_else(String::new, |site| site.base().to_owned()),
        person: None,
    };
    let refusal = Refusal::new(INTERNAL).logged();
    let response = refusal.answer(
        route.audience,
        (site.as_ref().map(web::Data::get_ref), frame),
        None,
        reference,
    );
    Err(InternalError::from_response(refusal, response).into())
}
