//! How a page is sent, and the bar around it.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::http::StatusCode;
use actix_web::{FromRequest, HttpRequest, HttpResponse, web};

use super::error::{Refusal, mark, status_of};
use super::extract::Known;
use super::form::Form;
use super::site::Site;
use super::views::problem::{self as problems, Problem};
use super::views::{Frame, Person, Template};
use crate::flow::admin::AdminGroups;

/// A request for a page.
pub struct Page {
    request: HttpRequest,
    site: web::Data<Site>,
}

impl FromRequest for Page {
    type Error = Refusal;
    type Future = Ready<Result<Self, Refusal>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let site = request.app_data::<web::Data<Site>>().cloned();
        let page = site.map(|site| Self {
            request: request.clone(),
            site,
        });
        ready(page.ok_or_else(|| Refusal::new(problems::INTERNAL)))
    }
}

impl Page {
    /// The bar, with the user whom an extractor of the handler has proven.
    pub fn frame(&self) -> Frame {
        frame(&self.request)
    }

    /// Requires that the query is text.
    pub fn query(&self) -> Result<Form, Refusal> {
        Ok(Form::of_query(&self.request)?)
    }

    /// The request.
    pub fn request(&self) -> &HttpRequest {
        &self.request
    }

    /// The bridge's address.
    pub fn site(&self) -> &Site {
        &self.site
    }

    /// 303 to one of our paths.
    pub fn see_other(&self, path: &str) -> HttpResponse {
        self.site.see_other(path)
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

/// A page that shows what was asked for.
pub fn show(page: &impl Template) -> HttpResponse {
    render(StatusCode::OK, page)
}

/// A page that shows more of a refusal than its own page could: what was typed, who is signed in.
pub fn refuse(problem: &Problem, page: &impl Template) -> HttpResponse {
    mark(render(status_of(problem), page), problem.code, false)
}

/// Renders a page.
pub fn render(status: StatusCode, page: &impl Template) -> HttpResponse {
    match page.render() {
        Ok(html) => HttpResponse::build(status)
            .content_type("text/html; charset=utf-8")
            .body(html),
        Err(error) => {
            let code = problems::INTERNAL.code;
            tracing::error!(event = "page_failed", code, %error);
            mark(HttpResponse::InternalServerError().finish(), code, true)
        }
    }
}
