//! CORS, for the routes that apps of other origins call. It tells browsers what a page may read. It
//! refuses nothing, because the handler has already run; [`super::csrf`] refuses (CS-5).

use actix_web::body::BoxBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{self, HeaderValue};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage, HttpRequest, HttpResponse, web};

use super::csrf::single;
use super::oauth::request::NamedClient;
use super::route::{Audience, Route};
use super::site::Site;
use crate::flow::oauth::token::TokenEndpoint;

/// Layer: lets an allowed app read its answers, refusals included; never with `*`.
pub async fn add(request: ServiceRequest, next: Next<BoxBody>) -> Result<ServiceResponse, Error> {
    let mut answer = next.call(request).await?;
    let audience = Route::of(answer.request()).audience;
    if !matches!(audience, Audience::Apps | Audience::Clients) {
        return Ok(answer);
    }
    let origin = allowed_origin(answer.request());
    let headers = answer.headers_mut();
    headers.append(header::VARY, HeaderValue::from_static("Origin"));
    if let Some(origin) = origin {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        // Without it, scripts can read only the headers that CORS safelists.
        headers.insert(
            header::ACCESS_CONTROL_EXPOSE_HEADERS,
            HeaderValue::from_static("retry-after, x-request-id"),
        );
        // Clients authenticate without a cookie, so their pages need none.
        if audience == Audience::Apps {
            headers.insert(
                header::ACCESS_CONTROL_ALLOW_CREDENTIALS,
                HeaderValue::from_static("true"),
            );
        }
    }
    Ok(answer)
}

fn allowed_origin(request: &HttpRequest) -> Option<HeaderValue> {
    let site = request.app_data::<web::Data<Site>>()?;
    let origin = single(request.headers(), "Origin")?;
    let allowed = match Route::of(request).audience {
        Audience::Clients => {
            let endpoint = request.app_data::<web::Data<TokenEndpoint>>()?;
            let extensions = request.extensions();
            let named = extensions.get::<NamedClient>().map(|named| &named.0);
            endpoint.allows_origin(named, origin)
        }
        _ => site.is_allowed(origin),
    };
    allowed.then(|| HeaderValue::from_str(origin).ok())?
}

/// The answer to a CORS preflight request.
pub async fn preflight(request: HttpRequest) -> HttpResponse {
    let mut response = HttpResponse::NoContent();
    if allowed_origin(&request).is_some() {
        let route = Route::of(&request);
        let headers = match route.audience {
            Audience::Clients => "authorization, content-type",
            _ => "content-type, x-red5-bridge",
        };
        let methods = route.app_method();
        let told = [
            (header::ACCESS_CONTROL_ALLOW_METHODS, methods),
            (header::ACCESS_CONTROL_ALLOW_HEADERS, headers),
            (header::ACCESS_CONTROL_MAX_AGE, "600"),
        ];
        for name in told {
            response.insert_header(name);
        }
    }
    response.finish()
}
