//! What stops CSRF: where a request comes from is judged before anything is done for it (CS-1,
//! CS-4). For forms the form token is the second check (CS-3): `web/extract.rs` compares it with
//! the one of the session, which `flow/sessions.rs` derives.

use actix_web::HttpRequest;
use actix_web::http::header::{self, HeaderMap};

use super::error::Refusal;
use super::site::Site;
use super::views::problem::FORBIDDEN_ORIGIN;

/// Makes every script's request one that a browser asks about first.
pub const HEADER: &str = "X-Red5-Bridge";

/// A script's unsafe request: our header, and our own origin or, where `apps`
/// may, exactly one of the allowed ones.
pub fn check_api(request: &HttpRequest, site: &Site, apps: bool) -> Result<(), Refusal> {
    if single(request.headers(), HEADER) != Some("1") {
        return Err(Refusal::new(FORBIDDEN_ORIGIN));
    }
    check(request, site, apps)
}

/// A form of our pages: our own origin.
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

/// A browser that says that the request came from another site, where it sends no
/// cookie of ours (`SameSite=Lax`).
pub fn is_cross_site(request: &HttpRequest) -> bool {
    single(request.headers(), "Sec-Fetch-Site") == Some("cross-site")
}

/// The header's value, if it was sent exactly once.
pub fn single<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let mut values = headers.get_all(name);
    let first = values.next()?;
    match values.next() {
        None => first.to_str().ok(),
        Some(_) => None,
    }
}
