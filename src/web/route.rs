//! What is known about a path before a request is handled: the audience of its answers, its rate
//! limits, the maximum body size, and the handlers. `routes.rs` has the table.

use actix_web::http::Method;
use actix_web::{HttpMessage, HttpRequest};
use strum::VariantArray;

/// Maximum body size in bytes, unless the route sets its own.
const BODY_MAX: usize = 256 * 1024;

/// Rate-limit rules, each counted separately.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, VariantArray)]
pub enum Rule {
    /// A page or endpoint without a rule of its own.
    Visit,
    Login,
    /// `/oauth2/authorize` and its consent: apps ask here without a click of the person, and must not use up the rate of
    /// the sign-ins.
    Authorize,
    /// `/auth/callback`: each request may cost a call to the provider.
    Callback,
    Logout,
    /// `/auth/backchannel-logout`: each request costs a signature check and a transaction, and all
    /// come from one address.
    BackChannel,
    /// Changes of the mappings: each makes every instance load them again.
    Change,
    /// Token requests of one session.
    Token,
    /// Requests of one OAuth client.
    Client,
    /// Uses of one code or refresh token.
    Secret,
}

/// The readers of the answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Audience {
    /// Users: refusals are pages.
    People,
    /// Programs on our own origin or outside of browsers: refusals are problem details.
    Programs,
    /// Like `Programs`; scripts of the allowed origins may read them too.
    Apps,
    /// OAuth clients: refusals are errors of RFC 6749. Scripts of their origins may read the answers, without
    /// credentials.
    Clients,
    /// The identity provider: refusals are errors of RFC 6749.
    Provider,
}

/// Creates the framework's route. A function pointer, because each handler has its own type.
pub type Handler = fn() -> actix_web::Route;

/// One path, relative to the base path.
pub struct Route {
    /// Label in the metrics.
    pub path: &'static str,
    pub audience: Audience,
    /// Counts every request per network, before anything else.
    pub rule: Option<Rule>,
    /// Counts requests of proven senders.
    pub sender_rule: Option<Rule>,
    /// Maximum body size in bytes (AV-2).
    pub body_max: usize,
    /// Whether its form may have a file.
    pub takes_files: bool,
    get: Option<Handler>,
    /// Whether HEAD is allowed and answered as GET without a body (RFC 9110 §9.3.2). Not if the GET
    /// has an effect.
    head: bool,
    post: Option<Handler>,
    put: Option<Handler>,
    delete: Option<Handler>,
    options: Option<Handler>,
    /// The page with the form that is sent to this path. A GET redirects there, because restored
    /// tabs and reloads after a sign-in request it.
    pub form_of: Option<&'static str>,
}

impl Route {
    /// A path without methods, counted as a visit.
    pub const fn new(path: &'static str, audience: Audience) -> Self {
        Self {
            path,
            audience,
            rule: Some(Rule::Visit),
            sender_rule: None,
            body_max: BODY_MAX,
            takes_files: false,
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

    /// Not counted: health checks must always get an answer, and static files cost nothing.
    pub const fn uncounted(mut self) -> Self {
        self.rule = None;
        self
    }

    /// Also counts requests of proven senders.
    pub const fn counted_by_sender(mut self, rule: Rule) -> Self {
        self.sender_rule = Some(rule);
        self
    }

    /// Sets the maximum body size in bytes.
    pub const fn body_max(mut self, bytes: usize) -> Self {
        self.body_max = bytes;
        self
    }

    /// Its form may have a file (`multipart/form-data`).
    pub const fn takes_files(mut self) -> Self {
        self.takes_files = true;
        self
    }

    /// GET and HEAD, for a handler without effects.
    pub const fn get(mut self, handler: Handler) -> Self {
        self.get = Some(handler);
        self.head = true;
        self
    }

    /// GET only: its handler has an effect that HEAD must not have.
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

    /// OPTIONS, for CORS preflight requests.
    pub const fn options(mut self, handler: Handler) -> Self {
        self.options = Some(handler);
        self
    }

    /// POST for a form of `page`; `lead` answers a GET with a redirect to the page.
    pub const fn form(mut self, page: &'static str, lead: Handler, handler: Handler) -> Self {
        self.form_of = Some(page);
        self.get(lead).post(handler)
    }

    /// The label for the metrics.
    pub fn label(&self) -> &'static str {
        if self.path.is_empty() { "/" } else { self.path }
    }

    /// The method with which apps of other origins call the path.
    pub fn app_method(&self) -> &'static str {
        if self.post.is_some() { "POST" } else { "GET" }
    }

    /// The route of a request.
    pub fn of(request: &HttpRequest) -> &'static Self {
        let route = request.extensions().get::<&'static Self>().copied();
        route.unwrap_or(&UNKNOWN)
    }

    /// The handler of each method, in the order of the `Allow` header.
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

    /// The methods, as in the `Allow` header.
    pub fn methods(&self) -> String {
        let names: Vec<String> = self
            .handlers()
            .map(|(method, _)| method.to_string())
            .collect();
        names.join(", ")
    }
}

/// The route of an unknown path.
pub static UNKNOWN: Route = Route::new("other", Audience::People);
