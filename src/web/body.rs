//! Bodies, read after everything else was checked, within a limit.
//!
//! The extractors of the framework would read a body before the handler could
//! look at the origin; here the handler decides when.

use std::time::Duration;

use actix_web::http::header;
use actix_web::{HttpRequest, web};
use serde_json::{Map, Value};

use super::error::Refusal;
use super::form::{Form, InvalidUtf8};
use super::views::problem as problems;
use crate::domain::mapping::FieldError;
use crate::json;

/// Largest body of a token request in bytes (AV-2).
pub const TOKEN_BODY_MAX: usize = 64 * 1024;

/// Largest body of an administrator's request in bytes.
pub const ADMIN_BODY_MAX: usize = 256 * 1024;

/// Largest body of a page's form in bytes.
pub const FORM_BODY_MAX: usize = 256 * 1024;

/// Longest time for a whole body: a client that drips bytes must not hold a
/// connection for ever (AV-3).
const BODY_TIMEOUT: Duration = Duration::from_secs(10);

/// A JSON object; an empty body is an empty object.
pub async fn json(
    request: &HttpRequest,
    payload: web::Payload,
    limit: usize,
) -> Result<Map<String, Value>, Refusal> {
    let bytes = read(request, payload, "application/json", limit).await?;
    if bytes.is_empty() {
        return Ok(Map::new());
    }
    json::object(&bytes).ok_or_else(|| {
        let reason = "must be one JSON object in which no member stands twice";
        Refusal::invalid(&[FieldError::new("", reason)])
    })
}

/// Requires a body that says nothing: none at all, or an empty JSON object.
pub async fn require_empty(
    request: &HttpRequest,
    payload: web::Payload,
    limit: usize,
) -> Result<(), Refusal> {
    if request.headers().contains_key(header::CONTENT_TYPE) {
        let members = json(request, payload, limit).await?;
        let unknown = Members::new(members).finish();
        return together(unknown, Ok(())).map_err(|errors| Refusal::invalid(&errors));
    }
    if receive(payload, limit).await?.is_empty() {
        Ok(())
    } else {
        Err(Refusal::new(problems::UNSUPPORTED_MEDIA_TYPE))
    }
}

/// A form's fields, in order.
pub async fn form(request: &HttpRequest, payload: web::Payload) -> Result<Form, Refusal> {
    let media_type = "application/x-www-form-urlencoded";
    let bytes = read(request, payload, media_type, FORM_BODY_MAX).await?;
    Form::parse(&bytes).map_err(|InvalidUtf8| unreadable())
}

async fn read(
    request: &HttpRequest,
    payload: web::Payload,
    media_type: &str,
    limit: usize,
) -> Result<web::Bytes, Refusal> {
    let mut types = request.headers().get_all(header::CONTENT_TYPE);
    let one = types.next().and_then(|value| value.to_str().ok());
    let essence = one.and_then(|value| value.split(';').next()).map(str::trim);
    if types.next().is_some() || !essence.is_some_and(|it| it.eq_ignore_ascii_case(media_type)) {
        return Err(Refusal::new(problems::UNSUPPORTED_MEDIA_TYPE));
    }
    receive(payload, limit).await
}

async fn receive(payload: web::Payload, limit: usize) -> Result<web::Bytes, Refusal> {
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

/// Takes the members of a JSON object one by one and notes all that is wrong.
#[derive(Debug)]
pub struct Members {
    members: Map<String, Value>,
    /// What is wrong so far.
    pub errors: Vec<FieldError>,
}

impl Members {
    /// Of this object.
    pub fn new(members: Map<String, Value>) -> Self {
        Self {
            members,
            errors: Vec::new(),
        }
    }

    fn error(&mut self, field: impl Into<String>, reason: &str) {
        self.errors.push(FieldError::new(field, reason));
    }

    /// A list of words; `None` when it is absent or wrong. `null` and the
    /// empty list are wrong: neither may come to mean "any".
    pub fn words(&mut self, field: &str) -> Option<Vec<String>> {
        let reason = "must be a list of one or more strings";
        let Value::Array(items) = self.members.remove(field)? else {
            self.error(field, reason);
            return None;
        };
        if items.is_empty() {
            self.error(field, reason);
            return None;
        }
        let before = self.errors.len();
        let mut words = Vec::with_capacity(items.len());
        for (i, item) in items.into_iter().enumerate() {
            match item {
                Value::String(word) => words.push(word),
                _ => self.error(format!("{field}[{i}]"), "must be a string"),
            }
        }
        (self.errors.len() == before).then_some(words)
    }

    /// A whole number; `null` is absent.
    pub fn number(&mut self, field: &str) -> Option<i64> {
        let value = self
            .members
            .remove(field)
            .filter(|value| !value.is_null())?;
        let number = whole(&value);
        if number.is_none() {
            self.error(field, "must be a whole number");
        }
        number
    }

    /// A string; `null` is absent.
    pub fn text(&mut self, field: &str) -> Option<String> {
        match self.members.remove(field)? {
            Value::String(text) => Some(text),
            Value::Null => None,
            _ => {
                self.error(field, "must be a string");
                None
            }
        }
    }

    /// `true` or `false`.
    pub fn flag(&mut self, field: &str) -> Option<bool> {
        let value = self.members.remove(field)?;
        let flag = value.as_bool();
        if flag.is_none() {
            self.error(field, "must be true or false");
        }
        flag
    }

    /// A moment, RFC 3339; `null` is absent.
    pub fn moment(&mut self, field: &str) -> Option<chrono::DateTime<chrono::Utc>> {
        let text = self.text(field)?;
        let moment = moment(&text);
        if moment.is_none() {
            self.error(field, MOMENT);
        }
        moment
    }

    /// Takes a member that is `null` for wrong where it must not count as absent.
    pub fn refuse_null(&mut self, field: &str) {
        if self.members.get(field).is_some_and(Value::is_null) {
            self.members.remove(field);
            self.error(field, "must not be null; leave it out otherwise");
        }
    }

    /// Members that may be sent back unchanged and are not read.
    pub fn ignore(&mut self, fields: &[&str]) {
        for field in fields {
            self.members.remove(*field);
        }
    }

    /// Whatever is left was not expected (mass assignment, AD-5).
    pub fn finish(mut self) -> Vec<FieldError> {
        let unknown: Vec<String> = self.members.keys().cloned().collect();
        for field in unknown {
            self.error(field, "is unknown here; remove it");
        }
        self.errors
    }
}

/// A whole number, however it is written: 60, 60.0 and 6e1 are one number to JSON
/// Schema and to most programs (RFC 8259 §6). What 63 bits do not hold is out of
/// every bound, not another kind of number; what 64 bits do not hold is.
fn whole(value: &Value) -> Option<i64> {
    const TWO_TO_64: f64 = 18_446_744_073_709_551_616.0;
    if value.is_u64() || value.is_i64() {
        return Some(value.as_i64().unwrap_or(i64::MAX));
    }
    let number = value.as_f64()?;
    let is_whole = number.fract() == 0.0 && number.abs() < TWO_TO_64;
    #[expect(
        clippy::cast_possible_truncation,
        reason = "it is whole; the cast takes what is too large for the largest"
    )]
    let number = number as i64;
    is_whole.then_some(number)
}

/// What was judged after `errors` were found: good only if there were none.
pub fn together<T>(
    mut errors: Vec<FieldError>,
    judged: Result<T, Vec<FieldError>>,
) -> Result<T, Vec<FieldError>> {
    match judged {
        Ok(good) if errors.is_empty() => Ok(good),
        Ok(_) => Err(errors),
        Err(more) => {
            errors.extend(more);
            Err(errors)
        }
    }
}

/// How a moment is written.
pub const MOMENT: &str = "must be a time in UTC such as 2026-11-24T15:04:05Z";

/// RFC 3339, within the years that the database and people know.
pub fn moment(text: &str) -> Option<chrono::DateTime<chrono::Utc>> {
    let moment = chrono::DateTime::parse_from_rfc3339(text).ok()?.to_utc();
    let year = chrono::Datelike::year(&moment);
    (1970..=9999).contains(&year).then_some(moment)
}

#[cfg(test)]
mod tests;
