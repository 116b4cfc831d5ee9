//! `/red5/validateCredentials` and `/red5/invalidateCredentials`: the questions of Red5 servers
//! (Red5: round-trip authentication), also at the root of a listener of their own.

use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::web::Bytes;
use actix_web::{FromRequest, HttpRequest, HttpResponse, web};
use serde_json::json;

use super::error::{Answer, Refusal};
use super::extract::part;
use super::views::problem::{FORBIDDEN_NETWORK, INTERNAL, TOO_LARGE};
use super::{body, client_ip};
use crate::config::addresses::Networks;
use crate::flow::round_trip::RoundTrip;

/// The networks whose questions are answered (`RED5_ROUND_TRIP_NETWORKS`).
#[derive(Debug, Clone)]
pub struct Red5Networks(pub Networks);

/// The body of a question. The caller's address was checked before the body was read.
pub struct Red5Body(Bytes);

impl Red5Body {
    async fn receive(request: HttpRequest, payload: web::Payload) -> Result<Self, Refusal> {
        let networks = part::<Red5Networks>(&request)?;
        if !client_ip::address(&request).is_some_and(|address| networks.0.contain(address)) {
            return Err(Refusal::new(FORBIDDEN_NETWORK));
        }
        match body::any(&request, payload).await {
            Ok(bytes) => Ok(Self(bytes)),
            Err(refusal) if refusal.is(&TOO_LARGE) => Err(refusal),
            // What cannot be read is answered with false, as anything else that says nothing.
            Err(_) => Ok(Self(Bytes::new())),
        }
    }
}

impl FromRequest for Red5Body {
    type Error = Refusal;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Refusal>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let payload = web::Payload::from_request(request, payload);
        let request = request.clone();
        Box::pin(async move {
            let payload = payload.await.map_err(|_| Refusal::new(INTERNAL))?;
            Self::receive(request, payload).await
        })
    }
}

/// POST `/red5/validateCredentials`: a client wants to publish or to subscribe.
pub async fn validate(body: Red5Body, round_trip: web::Data<RoundTrip>) -> Answer {
    Ok(answer(round_trip.validate(&body.0).await))
}

/// POST `/red5/invalidateCredentials`: a publisher has gone. The bridge keeps nothing of a stream,
/// so there is nothing to do.
pub async fn invalidate(_: Red5Body) -> Answer {
    Ok(answer(true))
}

/// Red5 counts only 200 with a boolean.
fn answer(result: bool) -> HttpResponse {
    HttpResponse::Ok().json(json!({ "result": result }))
}
