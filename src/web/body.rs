//! Request bodies, read after all other checks, up to the route's limit (AV-2).
//!
//! The framework's extractors would read a body before the origin is checked.

use std::time::Duration;

use actix_web::http::header;
use actix_web::{HttpRequest, web};
use serde_json::{Map, Value};

use super::error::Refusal;
use super::form::{Form, InvalidUtf8};
use super::route::Route;
use super::views::problem as problems;
use crate::domain::members::{FieldError, Members, together};
use crate::json;

/// Longest time for a whole body, against clients that send slowly to hold a connection (AV-3).
const BODY_TIMEOUT: Duration = Duration::from_secs(10);

/// A JSON object; an empty body is an empty object.
pub async fn json(
    request: &HttpRequest,
    payload: web::Payload,
) -> Result<Map<String, Value>, Refusal> {
    let bytes = read(request, payload, "application/json").await?;
    if bytes.is_empty() {
        return Ok(Map::new());
    }
    json::object(&bytes).ok_or_else(|| {
        let reason = "must be one JSON object in which no member stands twice";
        Refusal::invalid(&[FieldError::new("", reason)])
    })
}

/// Requires an empty body or an empty JSON object.
pub async fn require_empty(request: &HttpRequest, payload: web::Payload) -> Result<(), Refusal> {
    if request.headers().contains_key(header::CONTENT_TYPE) {
        let members = json(request, payload).await?;
        let unknown = Members::new(members).finish();
        return Ok(together(unknown, Ok(()))?);
    }
    if receive(request, payload).await?.is_empty() {
        Ok(())
    } else {
        Err(Refusal::new(problems::UNSUPPORTED_MEDIA_TYPE))
    }
}

/// The fields of a form, in order.
pub async fn form(request: &HttpRequest, payload: web::Payload) -> Result<Form, Refusal> {
    let media_type = "application/x-www-form-urlencoded";
    let bytes = read(request, payload, media_type).await?;
    Form::parse(&bytes).map_err(|InvalidUtf8| unreadable())
}

async fn read(
    request: &HttpRequest,
    payload: web::Payload,
    media_type: &str,
) -> Result<web::Bytes, Refusal> {
    let mut types = request.headers().get_all(header::CONTENT_TYPE);
    let one = types.next().and_then(|value| value.to_str().ok());
    let essence = one.and_then(|value| value.split(';').next()).map(str::trim);
    if types.next().is_some() || !essence.is_some_and(|it| it.eq_ignore_ascii_case(media_type)) {
        return Err(Refusal::new(problems::UNSUPPORTED_MEDIA_TYPE));
    }
    receive(request, payload).await
}

async fn receive(request: &HttpRequest, payload: web::Payload) -> Result<web::Bytes, Refusal> {
    let limit = Route::of(request).body_max;
    match tokio::time::timeout(BODY_TIMEOUT, payload.to_bytes_limited(limit)).await {
        Ok(Ok(Ok(bytes))) => Ok(bytes),
        Ok(Ok(Err(_))) | Err(_) => Err(unreadable()),
        Ok(Err(_larger)) => Err(Refusal::new(problems::TOO_LARGE)),
    }
}

fn unreadable() -> Refusal {
    let reason = "the body cannot be read";
    Refusal::invalid(&[FieldError::new("", reason)])
}
