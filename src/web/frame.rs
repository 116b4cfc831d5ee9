//! The bar around a page, with the session that an extractor has proven, and how a page is written.

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

/// The sender's session, as the request keeps it for the bar of its page.
pub struct Known {
    /// The value of the session's cookie.
    pub secret: SessionSecret,
    /// The session as it is in memory.
    pub live: Arc<LiveSession>,
    /// Whether its groups may serve.
    pub is_confirmed: bool,
}

impl Known {
    /// Keeps it with the request.
    pub fn keep(self, request: &HttpRequest) -> Rc<Self> {
        let known = Rc::new(self);
        request.extensions_mut().insert(Rc::clone(&known));
        known
    }

    /// That of a request whose sender was proven.
    pub fn of(request: &HttpRequest) -> Option<Rc<Self>> {
        request.extensions().get::<Rc<Self>>().cloned()
    }
}

/// The bar of a request's page.
pub fn frame(request: &HttpRequest) -> Frame {
    let site = request.app_data::<web::Data<Site>>();
    let admins = request.app_data::<web::Data<AdminGroups>>();
    Frame {
        base: site.map_or("", |site| site.base()).to_owned(),
        person: Known::of(request).map(|known| {
            let identity = &known.live.session.identity;
            let name = identity.name.as_ref().or(identity.username.as_ref());
            Person {
                name: name.unwrap_or(&identity.subject).clone(),
                administrator: known.is_confirmed
                    && admins.is_some_and(|admins| admins.include(identity)),
                form_token: known.secret.form_token(),
            }
        }),
    }
}

/// Renders a page.
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
