//! Where a request comes from, judged before anything is done for it.
//!
//! CORS tells a browser what to let a page read; it refuses nothing (the
//! handler has run by then). So the origin is compared here, and the headers
//! of CORS only follow (CS-1, CS-4, CS-5).

use actix_web::http::header::{self, HeaderMap, HeaderValue};
use actix_web::{HttpRequest, HttpResponse};

use super::site::Site;

/// Makes every script's request one that a browser asks about first.
pub const HEADER: &str = "X-Red5-Bridge";

/// The request was sent from somewhere else.
#[derive(Debug, PartialEq, Eq)]
pub struct Foreign;

/// A script's unsafe request: our header, and our own origin or, where `apps`
/// may, exactly one of the allowed ones.
pub fn check_api(request: &HttpRequest, site: &Site, apps: bool) -> Result<(), Foreign> {
    if one(request.headers(), HEADER) != Some("1") {
        return Err(Foreign);
    }
    check(request, site, apps)
}

/// A form of our pages: our own origin.
pub fn check_form(request: &HttpRequest, site: &Site) -> Result<(), Foreign> {
    check(request, site, false)
}

fn check(request: &HttpRequest, site: &Site, apps: bool) -> Result<(), Foreign> {
    let headers = request.headers();
    let ours = if headers.contains_key(header::ORIGIN) {
        one(headers, "Origin")
            .is_some_and(|origin| site.is_own(origin) || (apps && site.is_allowed(origin)))
    } else {
        one(headers, "Sec-Fetch-Site") == Some("same-origin")
    };
    if ours { Ok(()) } else { Err(Foreign) }
}

/// The header's value, if it was sent exactly once.
fn one<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let mut values = headers.get_all(name);
    let first = values.next()?;
    match values.next() {
        None => first.to_str().ok(),
        Some(_) => None,
    }
}

/// Lets only an allowed app read the response, and never with `*`.
pub fn let_read(request: &HttpRequest, site: &Site, response: &mut HttpResponse) {
    let headers = response.headers_mut();
    headers.append(header::VARY, HeaderValue::from_static("Origin"));
    let Some(origin) = one(request.headers(), "Origin").filter(|origin| site.is_allowed(origin))
    else {
        return;
    };
    if let Ok(origin) = HeaderValue::from_str(origin) {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(
            header::ACCESS_CONTROL_ALLOW_CREDENTIALS,
            HeaderValue::from_static("true"),
        );
        // Without it a script reads only what CORS calls safelisted.
        headers.insert(
            header::ACCESS_CONTROL_EXPOSE_HEADERS,
            HeaderValue::from_static("retry-after, x-request-id"),
        );
    }
}

/// A browser that says that the request came from another site, where it sends no
/// cookie of ours (`SameSite=Lax`).
pub fn is_cross_site(request: &HttpRequest) -> bool {
    one(request.headers(), "Sec-Fetch-Site") == Some("cross-site")
}

/// The answer to a browser that asks first (CORS preflight).
pub fn preflight(request: &HttpRequest, site: &Site, methods: &'static str) -> HttpResponse {
    let mut response = HttpResponse::NoContent().finish();
    let_read(request, site, &mut response);
    let headers = response.headers_mut();
    if headers.contains_key(header::ACCESS_CONTROL_ALLOW_ORIGIN) {
        let told = [
            (header::ACCESS_CONTROL_ALLOW_METHODS, methods),
            (
                header::ACCESS_CONTROL_ALLOW_HEADERS,
                "content-type, x-red5-bridge",
            ),
            (header::ACCESS_CONTROL_MAX_AGE, "600"),
        ];
        for (name, value) in told {
            headers.insert(name, HeaderValue::from_static(value));
        }
    }
    response
}
