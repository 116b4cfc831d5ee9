//! `/auth/backchannel-logout`: called by the provider, not by a browser. There is no
//! cookie and no origin to be checked; what counts is the token's signature.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use serde_json::json;

use super::body::{self, BodyError};
use super::refusal::Refusal;
use super::{client_ip, outage};
use crate::flow::back_channel::{BackChannel, BackChannelError};

/// POST `/auth/backchannel-logout` (OpenID Connect Back-Channel Logout 1.0 §2.5,
/// §2.8): 200 where nothing named is signed in any more, also if nothing was; 400 for
/// a token that is none; 503 where it is worth sending it again.
pub async fn logout(
    request: HttpRequest,
    payload: web::Payload,
    back_channel: web::Data<BackChannel>,
) -> HttpResponse {
    let form = match body::form(&request, payload).await {
        Ok(form) => form,
        Err(BodyError::MediaType) => {
            let text = "send application/x-www-form-urlencoded";
            return refused(StatusCode::UNSUPPORTED_MEDIA_TYPE, text);
        }
        Err(BodyError::TooLarge) => {
            return refused(StatusCode::PAYLOAD_TOO_LARGE, "the body is too large");
        }
        Err(BodyError::Unreadable) => {
            return refused(StatusCode::BAD_REQUEST, "the body cannot be read");
        }
    };
    let Ok(Some(token)) = form.one("logout_token") else {
        let text = "logout_token must be there exactly once";
        return refused(StatusCode::BAD_REQUEST, text);
    };
    match back_channel
        .log_out(token, client_ip::network(&request))
        .await
    {
        Ok(()) => HttpResponse::Ok().finish(),
        Err(BackChannelError::Token(no)) if no.is_to_be_sent_again() => later(),
        Err(BackChannelError::Token(no)) => {
            told(StatusCode::BAD_REQUEST, "invalid_request", &no.to_string())
        }
        Err(BackChannelError::Store(error)) => {
            if outage::is_passing(&error) {
                later()
            } else {
                let text = "something went wrong here; it is in the log";
                told(StatusCode::INTERNAL_SERVER_ERROR, "server_error", text)
            }
        }
    }
}

fn later() -> HttpResponse {
    let text = "it cannot be done now; send it again";
    told(
        StatusCode::SERVICE_UNAVAILABLE,
        "temporarily_unavailable",
        text,
    )
}

fn refused(status: StatusCode, description: &str) -> HttpResponse {
    Refusal::new("invalid_request").mark(answer(status, "invalid_request", description))
}

/// The log has an event of it already.
fn told(status: StatusCode, error: &'static str, description: &str) -> HttpResponse {
    Refusal::told(error).mark(answer(status, error, description))
}

fn answer(status: StatusCode, error: &str, description: &str) -> HttpResponse {
    HttpResponse::build(status).json(json!({
        "error": error,
        "error_description": description,
    }))
}
