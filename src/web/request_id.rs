//! A number for each request, made here and nowhere else: what a client sends
//! under the same name is not believed (LG-4). The answer carries it, so that
//! a user can report it, and the log event of a refusal can be found. Here requests are
//! counted, too: nothing is further out that could change the answer.

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::error::InternalError;
use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage, HttpRequest};
use tracing::Instrument;

use super::count::Counting;
use super::refusal;
use crate::seal::random;

/// The answer's header.
const HEADER: HeaderName = HeaderName::from_static("x-request-id");

/// Most characters of a path in the log: what comes after says nothing more.
const PATH_MAX: usize = 200;

/// 16 hex digits.
#[derive(Debug, Clone)]
pub struct RequestId(String);

impl RequestId {
    /// That of a request.
    pub fn of(request: &HttpRequest) -> Option<String> {
        request.extensions().get::<Self>().map(|id| id.0.clone())
    }
}

/// Runs the request within a span that carries its id. The span has the path
/// and never the query: a callback's query holds the code (LG-1). Paths are
/// recorded as values, so that quotes in one are escaped (LG-3).
pub async fn number(
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let bytes: [u8; 8] = random().unwrap_or_default();
    let id = format!("{:016x}", u64::from_be_bytes(bytes));
    let path: String = request.path().chars().take(PATH_MAX).collect();
    let span = tracing::info_span!("request", id, method = request.method().as_str(), path);
    request.extensions_mut().insert(RequestId(id.clone()));
    let counting = Counting::of(&request);
    match next.call(request).instrument(span.clone()).await {
        Ok(mut response) => {
            counting.answered(&response);
            span.in_scope(|| refusal::tell(response.response()));
            insert(response.headers_mut(), id);
            Ok(response)
        }
        // What a layer says instead of a handler is an answer too.
        Err(error) => {
            let mut response = error.error_response();
            counting.failed(&response);
            span.in_scope(|| refusal::tell(&response));
            insert(response.headers_mut(), id);
            Err(InternalError::from_response(error, response).into())
        }
    }
}

fn insert(headers: &mut HeaderMap, id: String) {
    if let Ok(id) = HeaderValue::try_from(id) {
        headers.insert(HEADER, id);
    }
}
