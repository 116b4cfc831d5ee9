//! One address of the bridge: its methods, and what it answers to any other method.

use actix_web::dev::{AppService, HttpServiceFactory};
use actix_web::http::{Method, header};
use actix_web::{Error, FromRequest, Handler, HttpResponse, Resource, Responder, web};

use super::error::ApiError;
use super::page::Visitor;
use super::site::see_other;
use super::views::Problem;

/// Who reads the answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reader {
    /// A person: refusals are pages.
    Person,
    /// A program on our own origin, or no browser's: refusals are problem details.
    Program,
    /// The same, and scripts of the allowed origins.
    App,
}

impl Reader {
    /// That of a route, as the program writes it.
    pub fn of(route: &str) -> Self {
        match route {
            "/api/session" | "/api/token" | "/api/logout" => Self::App,
            "/auth/backchannel-logout"
            | "/openapi.json"
            | "/livez"
            | "/readyz"
            | "/metrics"
            | "/assets/{name}" => Self::Program,
            route if route.starts_with("/api/") => Self::Program,
            _ => Self::Person,
        }
    }
}

/// An address, as it is put together.
pub struct Address {
    resource: Resource,
    methods: Vec<Method>,
    reader: Reader,
}

impl Address {
    /// Without a method yet.
    pub fn new(path: &str) -> Self {
        Self {
            resource: web::resource(path),
            methods: Vec::new(),
            reader: Reader::of(path),
        }
    }

    /// What a form is sent to, and nothing else. A GET (a tab that is restored, an address
    /// that is typed, a reload after a sign-in) does nothing and leads to `page`.
    pub fn form<F, Args>(path: &str, page: &'static str, handler: F) -> Self
    where
        F: Handler<Args>,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        let lead = move |visitor: Visitor| {
            std::future::ready(see_other(&visitor.site().to(page)).finish())
        };
        Self::new(path).get(lead).on(Method::POST, handler)
    }

    /// The same of a page for administrators: a GET demands the right, as the page does.
    pub fn admin_form<F, Args>(path: &str, page: &'static str, handler: F) -> Self
    where
        F: Handler<Args>,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        let lead = move |visitor: Visitor| async move {
            visitor.admin()?;
            Ok::<_, Error>(see_other(&visitor.site().to(page)).finish())
        };
        Self::new(path).get(lead).on(Method::POST, handler)
    }

    /// GET, and HEAD, whose answer is the same without its body (RFC 9110
    /// §9.3.2). Only for what changes nothing and hands out nothing.
    pub fn get<F, Args>(self, handler: F) -> Self
    where
        F: Handler<Args>,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        self.on(Method::GET, handler.clone())
            .on(Method::HEAD, handler)
    }

    /// GET alone: its answer is a step that a HEAD must not take.
    pub fn get_only<F, Args>(self, handler: F) -> Self
    where
        F: Handler<Args>,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        self.on(Method::GET, handler)
    }

    /// Another method.
    pub fn on<F, Args>(mut self, method: Method, handler: F) -> Self
    where
        F: Handler<Args>,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        self.methods.push(method.clone());
        self.resource = self.resource.route(web::method(method).to(handler));
        self
    }
}

impl HttpServiceFactory for Address {
    fn register(self, config: &mut AppService) {
        let names = self.methods.iter().map(Method::as_str);
        let allow = names.collect::<Vec<_>>().join(", ");
        let resource = match self.reader {
            Reader::Person => self
                .resource
                .default_service(web::to(move |visitor: Visitor| {
                    let page = visitor.problem(Problem::MethodNotAllowed);
                    std::future::ready(naming(&allow, page))
                })),
            Reader::Program | Reader::App => self.resource.default_service(web::to(move || {
                let answer = ApiError::MethodNotAllowed.response();
                std::future::ready(naming(&allow, answer))
            })),
        };
        resource.register(config);
    }
}

/// RFC 9110 §15.5.6: a 405 names the methods that there are.
fn naming(allow: &str, mut response: HttpResponse) -> HttpResponse {
    if let Ok(allow) = allow.parse() {
        response.headers_mut().insert(header::ALLOW, allow);
    }
    response
}
