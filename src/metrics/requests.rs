//! Requests by where they went and how they were answered.

use std::cell::RefCell;
use std::collections::HashMap;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;

use super::Counters;

/// What is told of an answer that is no refusal: nothing more.
const CLASSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];

/// Counters by a route, as the program writes it, and the status's class.
pub(super) type Routes = Family<Vec<(&'static str, String)>, Counter>;

/// The numbers of all threads. A clone counts into the same ones.
#[derive(Debug, Clone, Default)]
pub struct Requests {
    routes: Routes,
    refusals: Counters<1>,
}

/// One thread's way to them: what it has counted once it finds again without
/// a lock.
#[derive(Debug)]
pub struct RequestCounts {
    all: Requests,
    known_routes: RefCell<HashMap<String, [Counter; 5]>>,
    known_refusals: RefCell<HashMap<&'static str, Counter>>,
}

/// An answer, as far as it is counted.
#[derive(Debug, Clone, Copy)]
pub struct Answered<'a> {
    /// The pattern that the path fits, without the base path; none: no address of ours.
    pub route: Option<&'a str>,
    /// 100 to 599.
    pub status: u16,
    /// The stable word of a refusal.
    pub refusal: Option<&'static str>,
}

impl Requests {
    /// For one thread.
    pub fn of_thread(&self) -> RequestCounts {
        RequestCounts {
            all: self.clone(),
            known_routes: RefCell::default(),
            known_refusals: RefCell::default(),
        }
    }

    fn route(&self, route: &str, class: &str) -> Counter {
        let labels = vec![("route", route.to_owned()), ("status", class.to_owned())];
        self.routes.get_or_create_owned(&labels)
    }

    pub(super) fn routes(&self) -> Routes {
        self.routes.clone()
    }

    pub(super) fn refusals(&self) -> Counters<1> {
        self.refusals.clone()
    }
}

impl RequestCounts {
    /// One more.
    pub fn count(&self, answered: Answered<'_>) {
        let route = answered.route.unwrap_or("other");
        let class = usize::from(answered.status / 100).clamp(1, 5) - 1;
        let mut known = self.known_routes.borrow_mut();
        // Not the entry's: that would copy the route each time.
        if let Some(counters) = known.get(route) {
            counters[class].inc();
        } else {
            let counters = CLASSES.map(|class| self.all.route(route, class));
            counters[class].inc();
            known.insert(route.to_owned(), counters);
        }
        if let Some(code) = answered.refusal {
            let mut known = self.known_refusals.borrow_mut();
            let counter = || self.all.refusals.get_or_create_owned(&[("code", code)]);
            known.entry(code).or_insert_with(counter).inc();
        }
    }
}
