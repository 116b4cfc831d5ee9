//! What is known of a path before anything is done for a request: who reads the answers, which
//! rate-limit rules count, how large a body may be, and the handler of each method. `routes.rs`
//! has the table.

use actix_web::http::Method;
use actix_web::{HttpMessage, HttpRequest};
use strum::VariantArray;

/// Largest body in bytes, where a route has no limit of its own.
const BODY_MAX: usize = 256 * 1024;

/// What is counted, each by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, VariantArray)]
pub enum Rule {
    /// A page or an endpoint that has no rule of its own.
    Visit,
    Login,
    /// `/auth/callback`: each may cost a request to the provider.
    Callback,
    Logout,
    /// `/auth/backchannel-logout`: each costs a signature and a transaction, and all
    /// come from one address.
    BackChannel,
    /// Whatever changes the table: every instance loads it again.
    Change,
    /// Tokens of one session.
    Token,
}

/// Who reads the answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Audience {
    /// Refusals are pages.
    People,
    /// Programs on our own origin, or no browser's: refusals are problem details.
    Programs,
    /// The same, and scripts of the allowed origins may read them.
    Apps,
    /// The identity provider: refusals are errors of RFC 6749.
    Provider,
}

/// Makes a route of the framework; a handler's type is not the same for two of them.
pub type Handler = fn() -> actix_web::Route;

/// One path of the bridge, below the base path.
pub struct Route {
    /// As the metrics name it.
    pub path: &'static str,
    pub audience: Audience,
    /// Counts each request by its address, before anything is done for it.
    pub rule: Option<Rule>,
    /// Counts what a sender who is known sends.
    pub sender_rule: Option<Rule>,
    /// Largest body in bytes (AV-2).
    pub body_max: usize,
    get: Option<Handler>,
    /// Whether a HEAD is the GET without its body (RFC 9110 §9.3.2): not where the GET is a step.
    head: bool,
    post: Option<Handler>,
    put: Option<Handler>,
    delete: Option<Handler>,
    options: Option<Handler>,
    /// Where a GET of a form's address leads: the page with the form. A tab that is restored and a
    /// reload after a sign-in ask for it.
    pub form_of: Option<&'static str>,
}

impl Route {
    /// A path without a method yet, counted as a visit.
    pub const fn new(path: &'static str, audience: Audience) -> Self {
        Self {
            path,
            audience,
            rule: Some(Rule::Visit),
            sender_rule: None,
            body_max: BODY_MAX,
            get: None,
            head: false,
            post: None,
            put: None,
            delete: None,
            options: None,
            form_of: None,
        }
    }

    /// Counts by another rule.
    pub const fn counted(mut self, rule: Rule) -> Self {
        self.rule = Some(rule);
        self
    }

    /// Health checks must always get an answer, and files cost nothing.
    pub const fn uncounted(mut self) -> Self {
        self.rule = None;
        self
    }

    /// Counts also what a known sender sends.
    pub const fn counted_by_sender(mut self, rule: Rule) -> Self {
        self.sender_rule = Some(rule);
        self
    }

    /// Takes bodies of at most so many bytes.
    pub const fn body_max(mut self, bytes: usize) -> Self {
        self.body_max = bytes;
        self
    }

    /// GET and HEAD; for what changes nothing and hands out nothing.
    pub const fn get(mut self, handler: Handler) -> Self {
        self.get = Some(handler);
        self.head = true;
        self
    }

    /// GET alone: its answer is a step that a HEAD must not take.
    pub const fn step(mut self, handler: Handler) -> Self {
        self.get = Some(handler);
        self
    }

    pub const fn post(mut self, handler: Handler) -> Self {
        self.post = Some(handler);
        self
    }

    pub const fn put(mut self, handler: Handler) -> Self {
        self.put = Some(handler);
        self
    }

    pub const fn delete(mut self, handler: Handler) -> Self {
        self.delete = Some(handler);
        self
    }

    /// For a browser that asks before it lets a page of another origin call.
    pub const fn options(mut self, handler: Handler) -> Self {
        self.options = Some(handler);
        self
    }

    /// What a form of `page` is sent to; `lead` answers a GET with the way there.
    pub const fn form(mut self, page: &'static str, lead: Handler, handler: Handler) -> Self {
        self.form_of = Some(page);
        self.get(lead).post(handler)
    }

    /// The label of the metrics.
    pub fn label(&self) -> &'static str {
        if self.path.is_empty() { "/" } else { self.path }
    }

    /// The method that an app of another origin calls it by.
    pub fn app_method(&self) -> &'static str {
        if self.post.is_some() { "POST" } else { "GET" }
    }

    /// The route of a request, once it is noted.
    pub fn of(request: &HttpRequest) -> &'static Self {
        let route = request.extensions().get::<&'static Self>().copied();
        route.unwrap_or(&UNKNOWN)
    }

    /// The handler of each method, in the order of `Allow`.
    pub fn handlers(&self) -> impl Iterator<Item = (Method, Handler)> {
        [
            (Method::GET, self.get),
            (Method::HEAD, self.get.filter(|_| self.head)),
            (Method::POST, self.post),
            (Method::PUT, self.put),
            (Method::DELETE, self.delete),
            (Method::OPTIONS, self.options),
        ]
        .into_iter()
        .filter_map(|(method, handler)| Some((method, handler?)))
    }

    /// Its methods, as `Allow` names them.
    pub fn methods(&self) -> String {
        let names: Vec<String> = self
            .handlers()
            .map(|(method, _)| method.to_string())
            .collect();
        names.join(", ")
    }
}

/// Of a path that is not in the table.
pub static UNKNOWN: Route = Route::new("other", Audience::People);
