//! An id for each request, always generated here: a client's own id is ignored (LG-4). The answer
//! contains it, so that a user can report it and the log event of a refusal can be found.

use actix_web::body::BoxBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage, HttpRequest};
use tracing::Instrument;

use super::layers::change_each;
use crate::random;

const HEADER: HeaderName = HeaderName::from_static("x-request-id");

/// Maximum characters of a path in the log.
const PATH_MAX: usize = 200;

/// 16 hex digits.
#[derive(Debug, Clone)]
pub struct RequestId(String);

impl RequestId {
    /// The id of a request.
    pub fn of(request: &HttpRequest) -> Option<String> {
        request.extensions().get::<Self>().map(|id| id.0.clone())
    }
}

/// Layer: runs the request in a span with its id. The span contains the path and never the query,
/// because a callback's query contains the code (LG-1). Paths are recorded as values, so that
/// quotes in them are escaped (LG-3).
pub async fn number(
    request: ServiceRequest,
    next: Next<BoxBody>,
) -> Result<ServiceResponse, Error> {
    let bytes: [u8; 8] = random::bytes().unwrap_or_default();
    let id = format!("{:016x}", u64::from_be_bytes(bytes));
    let path: String = request.path().chars().take(PATH_MAX).collect();
    let span = tracing::info_span!("request", id, method = request.method().as_str(), path);
    request.extensions_mut().insert(RequestId(id.clone()));
    let outcome = next.call(request).instrument(span).await;
    change_each(outcome, |response| {
        if let Ok(id) = HeaderValue::try_from(id) {
            response.headers_mut().insert(HEADER, id);
        }
    })
}
