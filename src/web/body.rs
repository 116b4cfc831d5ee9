//! Request bodies, read after all other checks, up to the route's limit (AV-2).
//!
//! The framework's extractors would read a body before the origin is checked.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use actix_multipart::Multipart;
use actix_web::error::PayloadError;
use actix_web::http::header;
use actix_web::web::Bytes;
use actix_web::{HttpRequest, web};
use futures_core::Stream;
use serde_json::{Map, Value};

use super::error::Refusal;
use super::form::{Form, InvalidUtf8};
use super::route::Route;
use super::views::problem as problems;
use crate::domain::members::{FieldError, Members, together};
use crate::json;

/// Longest time for a whole body, against clients that send slowly to hold a connection (AV-3).
const BODY_TIMEOUT: Duration = Duration::from_secs(10);

/// Bytes that the parser of a form with a file takes at once.
const PIECE: usize = 16 * 1024;

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

/// A body of any type.
pub async fn any(request: &HttpRequest, payload: web::Payload) -> Result<Bytes, Refusal> {
    receive(request, payload).await
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

/// The fields of a form, in order. A form with a file is read where the route takes files.
pub async fn form(request: &HttpRequest, payload: web::Payload) -> Result<Form, Refusal> {
    if Route::of(request).takes_files && is_of_type(request, "multipart/form-data") {
        return parts(request, receive(request, payload).await?).await;
    }
    let media_type = "application/x-www-form-urlencoded";
    let bytes = read(request, payload, media_type).await?;
    Form::parse(&bytes).map_err(|InvalidUtf8| unreadable())
}

/// The parts of a form with a file, as of any other field.
async fn parts(request: &HttpRequest, body: Bytes) -> Result<Form, Refusal> {
    let whole = body.len();
    let mut parts = Multipart::new(request.headers(), Pieces(body));
    let mut fields = Vec::new();
    while let Some(part) = poll_fn(|context| Pin::new(&mut parts).poll_next(context)).await {
        let mut part = part.map_err(|_| unreadable())?;
        let name = part.name().unwrap_or_default().to_owned();
        let Ok(Ok(bytes)) = part.bytes(whole).await else {
            return Err(unreadable());
        };
        let text = String::from_utf8(bytes.into()).map_err(|_| {
            let sentence = "It is not text in UTF-8. Save the file as UTF-8, and send it again.";
            Refusal::new(problems::INVALID_REQUEST).saying(sentence)
        })?;
        fields.push((name, text));
    }
    Ok(Form::new(fields))
}

/// A body that was read, as a stream. It comes in pieces because the parser holds a piece twice.
struct Pieces(Bytes);

impl Stream for Pieces {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let next = self.0.len().min(PIECE);
        Poll::Ready((next > 0).then(|| Ok(self.0.split_to(next))))
    }
}

fn is_of_type(request: &HttpRequest, media_type: &str) -> bool {
    let mut types = request.headers().get_all(header::CONTENT_TYPE);
    let one = types.next().and_then(|value| value.to_str().ok());
    let essence = one.and_then(|value| value.split(';').next()).map(str::trim);
    types.next().is_none() && essence.is_some_and(|it| it.eq_ignore_ascii_case(media_type))
}

async fn read(
    request: &HttpRequest,
    payload: web::Payload,
    media_type: &str,
) -> Result<web::Bytes, Refusal> {
    if !is_of_type(request, media_type) {
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
