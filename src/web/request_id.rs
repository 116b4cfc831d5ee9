//! A number for each request, made here and nowhere else: what a client sends
//! under the same name is not believed (LG-4).

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage, HttpRequest};
use tracing::Instrument;

use crate::seal::random;

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
/// and never the query: a callback's query holds the code (LG-1).
pub async fn number(
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let bytes: [u8; 8] = random().unwrap_or_default();
    let id = format!("{:016x}", u64::from_be_bytes(bytes));
    let span = tracing::info_span!("request", id = %id, method = %request.method(), path = %request.path());
    request.extensions_mut().insert(RequestId(id));
    next.call(request).instrument(span).await
}
