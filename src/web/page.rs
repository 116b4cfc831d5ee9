//! How a page is sent, and the bar around it.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::http::StatusCode;
use actix_web::{FromRequest, HttpRequest, HttpResponse, web};

use super::error::{Refusal, status_of};
use super::form::Form;
use super::frame::{frame, render};
use super::layers::mark;
use super::site::Site;
use super::views::problem::{self as problems, Problem};
use super::views::{Frame, Template};

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

/// A page that shows what was asked for.
pub fn show(page: &impl Template) -> HttpResponse {
    render(StatusCode::OK, page)
}

/// A page that shows more of a refusal than its own page could: what was typed, who is signed in.
pub fn refuse(problem: &Problem, page: &impl Template) -> HttpResponse {
    mark(render(status_of(problem), page), problem.code, false)
}
