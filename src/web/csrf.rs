//! Protection against CSRF: the origin of a request is checked before anything else happens (CS-1,
//! CS-4). For forms, the CSRF token is a second check (CS-3): `web/extract.rs` compares it with the
//! session's, which `flow/sessions.rs` derives.

use actix_web::HttpRequest;
use actix_web::http::header::{self, HeaderMap};

use super::error::Refusal;
use super::site::Site;
use super::views::problem::FORBIDDEN_ORIGIN;

/// The header that makes browsers send a preflight before a script's request.
pub const HEADER: &str = "X-Red5-Bridge";

/// Checks a script's unsafe request: it needs our header, and our own origin or, if `apps`, one of
/// the allowed origins.
pub fn check_api(request: &HttpRequest, site: &Site, apps: bool) -> Result<(), Refusal> {
    if single(request.headers(), HEADER) != Some("1") {
        return Err(Refusal::new(FORBIDDEN_ORIGIN));
    }
    check(request, site, apps)
}

/// Checks a form of the bridge's pages: it needs our own origin.
pub fn check_form(request: &HttpRequest, site: &Site) -> Result<(), Refusal> {
    check(request, site, false)
}

fn check(request: &HttpRequest, site: &Site, apps: bool) -> Result<(), Refusal> {
    let headers = request.headers();
    let ours = if headers.contains_key(header::ORIGIN) {
        single(headers, "Origin")
            .is_some_and(|origin| site.is_own(origin) || (apps && site.is_allowed(origin)))
    } else {
        single(headers, "Sec-Fetch-Site") == Some("same-origin")
    };
    if ours {
        Ok(())
    } else {
        Err(Refusal::new(FORBIDDEN_ORIGIN))
    }
}

/// Whether the browser reports that the request came from another site, to which it sends no cookie
/// of ours (`SameSite=Lax`).
pub fn is_cross_site(request: &HttpRequest) -> bool {
    single(request.headers(), "Sec-Fetch-Site") == Some("cross-site")
}

/// The value of a header that was sent exactly once.
pub fn single<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let mut values = headers.get_all(name);
    let first = values.next()?;
    match values.next() {
        None => first.to_str().ok(),
        Some(_) => None,
    }
}
