//! Counts requests, by the route that they took and how they were answered.

use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::{HttpRequest, HttpResponse, web};

use super::refusal;
use super::site::Site;
use crate::metrics::{Answered, RequestCounts};

/// The thread's counters, of which a request can be asked before it goes on its way.
pub struct Counting(Option<web::Data<RequestCounts>>);

impl Counting {
    /// For a request.
    pub fn of(request: &ServiceRequest) -> Self {
        Self(request.app_data::<web::Data<RequestCounts>>().cloned())
    }

    /// It was answered.
    pub fn answered<B>(&self, answer: &ServiceResponse<B>) {
        let route = route(answer.request());
        self.count(route.as_deref(), answer.response());
    }

    /// A layer answered instead of a handler, after a panic: which route it was is not
    /// known any more.
    pub fn failed(&self, response: &HttpResponse) {
        self.count(None, response);
    }

    fn count<B>(&self, route: Option<&str>, response: &HttpResponse<B>) {
        if let Some(counts) = &self.0 {
            counts.count(Answered {
                route,
                status: response.status().as_u16(),
                refusal: refusal::code_of(response),
            });
        }
    }
}

/// As the program writes it (SC-6).
fn route(request: &HttpRequest) -> Option<String> {
    let route = without_base(request.match_pattern()?, request.app_data());
    Some(if route.is_empty() {
        "/".to_owned()
    } else {
        route
    })
}

/// A route without the base path, which is configuration.
pub fn without_base(mut route: String, site: Option<&web::Data<Site>>) -> String {
    let base = site.map_or("", |site| site.base());
    if is_below(&route, base) {
        route.drain(..base.len());
    }
    route
}

/// Whether a route is the base path or below it: with `/live` as the base, `/livez` is not.
fn is_below(route: &str, base: &str) -> bool {
    let rest = route.strip_prefix(base);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn av_1_health_at_the_root_is_not_below_a_base_path_that_begins_alike() {
        for (route, base, below) in [
            ("/livez", "/live", false),
            ("/live/livez", "/live", true),
            ("/live", "/live", true),
            ("/livez", "", true),
        ] {
            assert_eq!(is_below(route, base), below, "{route} {base}");
        }
    }
}
