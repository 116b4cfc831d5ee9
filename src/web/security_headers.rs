//! Security headers of every answer, refusals and redirects included (CS-8, CS-9).

use actix_web::body::BoxBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use actix_web::middleware::Next;
use actix_web::{Error, web};

use super::layers::change_each;
use super::site::Site;

/// Pages load only our own style, script and icon, cannot be framed, and send forms to us only.
const CSP: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; \
     connect-src 'self'; form-action 'self'; base-uri 'none'; object-src 'none'; frame-ancestors 'none'";

/// The policy of a page with a form that leads on to this origin, or to an app's scheme.
pub fn policy_for_forms_to(target: &str) -> String {
    CSP.replace(
        "form-action 'self'",
        &format!("form-action 'self' {target}"),
    )
}

const FIXED: [(HeaderName, &str); 6] = [
    (header::CONTENT_SECURITY_POLICY, CSP),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        "same-origin",
    ),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        "same-origin",
    ),
    (
        HeaderName::from_static("permissions-policy"),
        "camera=(), microphone=(), geolocation=()",
    ),
];

/// Layer: adds the headers. Headers that a handler has set stay.
pub async fn add(request: ServiceRequest, next: Next<BoxBody>) -> Result<ServiceResponse, Error> {
    let https = request
        .app_data::<web::Data<Site>>()
        .is_some_and(|site| site.is_https());
    let outcome = next.call(request).await;
    change_each(outcome, |response| insert(response.headers_mut(), https))
}

fn insert(headers: &mut HeaderMap, https: bool) {
    let is_page = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|value| value.starts_with("text/html"));
    for (name, value) in FIXED {
        if !headers.contains_key(&name) {
            headers.insert(name, HeaderValue::from_static(value));
        }
    }
    // With "no-referrer" browsers send `Origin: null` with a page's own forms, which would be
    // refused. "same-origin" reveals no more to other sites.
    let referrer = if is_page {
        "same-origin"
    } else {
        "no-referrer"
    };
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static(referrer));
    if https {
        let year = HeaderValue::from_static("max-age=31536000; includeSubDomains");
        headers.insert(header::STRICT_TRANSPORT_SECURITY, year);
    }
    if !headers.contains_key(header::CACHE_CONTROL) {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(header::PRAGMA, HeaderValue::from_static("no-cache"));
    }
}
