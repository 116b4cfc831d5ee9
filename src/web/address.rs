//! One address of the bridge: its methods, how often it may be asked, and
//! what it answers to any other method.

use actix_web::body::BoxBody;
use actix_web::dev::{AppService, HttpServiceFactory, ServiceRequest, ServiceResponse};
use actix_web::http::{Method, header};
use actix_web::middleware::{Next, from_fn};
use actix_web::{Error, FromRequest, Handler, HttpRequest, HttpResponse, Resource, Responder, web};

use super::api_error::ApiError;
use super::limits::{RateLimits, Rule, TooMany};
use super::origin;
use super::page::{self, Visitor};
use super::site::{Site, see_other};
use super::views::Problem;

/// Who reads the answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reader {
    /// A person.
    Person,
    /// A program on our own origin, or no browser's.
    Program,
    /// The same, and scripts of the allowed origins.
    App,
}

/// An address, as it is put together.
pub struct Address {
    resource: Resource,
    methods: Vec<Method>,
    reader: Reader,
    rule: Option<Rule>,
}

impl Address {
    /// A page: refusals are pages.
    pub fn page(path: &str) -> Self {
        Self::new(path, Reader::Person)
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
        Self::page(path).get(lead).on(Method::POST, handler)
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
        Self::page(path).get(lead).on(Method::POST, handler)
    }

    /// For programs: refusals are problem details.
    pub fn endpoint(path: &str) -> Self {
        Self::new(path, Reader::Program)
    }

    /// For the provider: no part of the API, whose description does not have it.
    pub fn for_provider(path: &str) -> Self {
        Self::new(path, Reader::Program)
    }

    /// For the scripts of allowed origins too.
    pub fn app_endpoint(path: &str) -> Self {
        Self::new(path, Reader::App)
    }

    fn new(path: &str, reader: Reader) -> Self {
        Self {
            resource: web::resource(path),
            methods: Vec::new(),
            reader,
            rule: Some(Rule::Visit),
        }
    }

    /// Counted by a rule of its own.
    pub fn counted(mut self, rule: Rule) -> Self {
        self.rule = Some(rule);
        self
    }

    /// Not rate-limited: health checks must always get a response.
    pub fn uncounted(mut self) -> Self {
        self.rule = None;
        self
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
        let (reader, rule) = (self.reader, self.rule);
        let names = self.methods.iter().map(Method::as_str);
        let allow = names.collect::<Vec<_>>().join(", ");
        let resource = match reader {
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
        let counted = from_fn(move |request, next| count(rule, reader, request, next));
        resource.wrap(counted).register(config);
    }
}

/// RFC 9110 §15.5.6: a 405 names the methods that there are.
fn naming(allow: &str, mut response: HttpResponse) -> HttpResponse {
    if let Ok(allow) = allow.parse() {
        response.headers_mut().insert(header::ALLOW, allow);
    }
    response
}

/// Counts the request before anything is done for it: not even its session
/// is looked up.
async fn count(
    rule: Option<Rule>,
    reader: Reader,
    request: ServiceRequest,
    next: Next<BoxBody>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let checked = match (rule, request.app_data::<web::Data<RateLimits>>()) {
        (Some(rule), Some(limits)) => limits.check_client(rule, request.request()),
        _ => Ok(()),
    };
    match checked {
        Ok(()) => next.call(request).await,
        Err(error) => {
            let response = refused(reader, request.request(), error);
            Ok(request.into_response(response))
        }
    }
}

fn refused(reader: Reader, request: &HttpRequest, error: TooMany) -> HttpResponse {
    let api = ApiError::from(error);
    let Some(site) = request.app_data::<web::Data<Site>>() else {
        return api.response();
    };
    match reader {
        Reader::Person => page::too_many(request, site, error),
        Reader::Program => api.response(),
        Reader::App => {
            let mut response = api.response();
            origin::let_read(request, site, &mut response);
            response
        }
    }
}
