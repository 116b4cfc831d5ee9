//! The bridge's public addresses.

use actix_web::http::header;
use actix_web::{HttpResponse, HttpResponseBuilder};

use super::cookies::Cookies;
use crate::config::addresses::{Origin, PublicUrl};

/// The bridge as browsers reach it. Derived from the public URL; request headers are ignored
/// (LR-10).
#[derive(Debug, Clone)]
pub struct Site {
    url: PublicUrl,
    allowed_origins: Vec<Origin>,
    cookies: Cookies,
}

impl Site {
    /// From the configuration.
    pub fn new(url: PublicUrl, allowed_origins: Vec<Origin>) -> Self {
        Self {
            cookies: Cookies::new(&url),
            allowed_origins,
            url,
        }
    }

    /// The bridge's cookies.
    pub fn cookies(&self) -> &Cookies {
        &self.cookies
    }

    /// `/red5`; empty without a base path.
    pub fn base(&self) -> &str {
        self.url.base_path()
    }

    /// The absolute URL of a path of the bridge.
    pub fn to(&self, path: &str) -> String {
        self.url.to(path)
    }

    /// The public URL, which names this authorization server (RFC 8414 §2).
    pub fn issuer(&self) -> String {
        self.url.to_string()
    }

    /// Whether the public URL is https, so that HSTS can be sent.
    pub fn is_https(&self) -> bool {
        self.url.is_https()
    }

    /// Whether `origin` is our own.
    pub fn is_own(&self, origin: &str) -> bool {
        self.url.origin().as_str() == origin
    }

    /// Whether `origin` is an allowed app's.
    pub fn is_allowed(&self, origin: &str) -> bool {
        let mut allowed = self.allowed_origins.iter();
        allowed.any(|allowed| allowed.as_str() == origin)
    }

    /// 303 to a path of the bridge.
    pub fn see_other(&self, path: &str) -> HttpResponse {
        see_other(&self.to(path)).finish()
    }
}

/// 303: the browser follows with a GET and does not send a form again.
pub fn see_other(location: &str) -> HttpResponseBuilder {
    let mut response = HttpResponse::SeeOther();
    response.insert_header((header::LOCATION, location));
    response
}
