//! Rendering of pages, and the navigation bar with the proven session.

use std::rc::Rc;
use std::sync::Arc;

use actix_web::http::StatusCode;
use actix_web::{HttpMessage, HttpRequest, HttpResponse, web};

use super::layers::mark;
use super::site::Site;
use super::views::problem::INTERNAL;
use super::views::{Frame, Person, Template};
use crate::flow::LiveSession;
use crate::flow::admin::AdminGroups;
use crate::flow::sessions::SessionSecret;

/// The session that an extractor has proven. It is stored in the request, for the navigation bar
/// and the rate limits.
pub struct ProvenSession {
    /// Value of the session's cookie.
    pub secret: SessionSecret,
    /// The session in memory.
    pub live: Arc<LiveSession>,
    /// Whether its groups are fresh.
    pub is_confirmed: bool,
}

impl ProvenSession {
    pub fn keep(self, request: &HttpRequest) -> Rc<Self> {
        let proven = Rc::new(self);
        request.extensions_mut().insert(Rc::clone(&proven));
        proven
    }

    pub fn of(request: &HttpRequest) -> Option<Rc<Self>> {
        request.extensions().get::<Rc<Self>>().cloned()
    }
}

/// The navigation bar of the request's page.
pub fn frame(request: &HttpRequest) -> Frame {
    let site = request.app_data::<web::Data<Site>>();
    let admins = request.app_data::<web::Data<AdminGroups>>();
    Frame {
        base: site.map_or("", |site| site.base()).to_owned(),
        person: ProvenSession::of(request).map(|proven| {
            let identity = &proven.live.session.identity;
            let name = identity.name.as_ref().or(identity.username.as_ref());
            Person {
                name: name.unwrap_or(&identity.subject).clone(),
                administrator: proven.is_confirmed
                    && admins.is_some_and(|admins| admins.include(identity)),
                form_token: proven.secret.form_token(),
            }
        }),
    }
}

/// A page with status 200.
pub fn show(page: &impl Template) -> HttpResponse {
    render(StatusCode::OK, page)
}

/// A page with this status.
pub fn render(status: StatusCode, page: &impl Template) -> HttpResponse {
    match page.render() {
        Ok(html) => HttpResponse::build(status)
            .content_type("text/html; charset=utf-8")
            .body(html),
        Err(error) => {
            let code = INTERNAL.code;
            tracing::error!(event = "page_failed", code, %error);
            mark(HttpResponse::InternalServerError().finish(), code, true)
        }
    }
}
