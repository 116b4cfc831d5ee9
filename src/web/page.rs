//! What all pages share: who is looking, how a page is sent, how a refusal looks.

use std::future::Future;
use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::error::InternalError;
use actix_web::http::StatusCode;
use actix_web::http::uri::PathAndQuery;
use actix_web::{Error, FromRequest, HttpRequest, HttpResponse, web};

use super::body::{BodyError, Form};
use super::guard::{self, Admin, AdminGroups, Caller};
use super::origin;
use super::outage;
use super::request_id::RequestId;
use super::site::Site;
use super::views::{Frame, Person, Problem, ProblemPage, Template};
use crate::flow::sessions::{SessionError, Sessions};
use crate::store::StoreError;

/// Somebody in front of a page, signed in or not.
pub struct Visitor {
    request: HttpRequest,
    site: web::Data<Site>,
    admins: web::Data<AdminGroups>,
    caller: Option<Caller>,
}

impl FromRequest for Visitor {
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Error>>>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move {
            let site = web::Data::<Site>::extract(&request).await?;
            let admins = web::Data::<AdminGroups>::extract(&request).await?;
            let sessions = web::Data::<Sessions>::extract(&request).await?;
            let found = guard::caller(&request, &site, &sessions).await;
            let mut visitor = Self {
                request,
                site,
                admins,
                caller: None,
            };
            match found {
                Ok(caller) => visitor.caller = caller,
                Err(SessionError::Stale) => return Err(visitor.refuse(Problem::Unavailable)),
                Err(SessionError::Store(error)) => return Err(visitor.store_failed(&error)),
            }
            Ok(visitor)
        })
    }
}

impl Visitor {
    /// The bridge's address.
    pub fn site(&self) -> &Site {
        &self.site
    }

    /// The request.
    pub fn request(&self) -> &HttpRequest {
        &self.request
    }

    /// Who it is, if anybody.
    pub fn caller(&self) -> Option<&Caller> {
        self.caller.as_ref()
    }

    /// Demands somebody signed in.
    pub fn signed_in(&self) -> Result<&Caller, Error> {
        self.caller()
            .ok_or_else(|| self.refuse(Problem::NotSignedIn))
    }

    /// Whether the page's visitor administers.
    pub fn is_admin(&self) -> bool {
        self.caller()
            .is_some_and(|caller| self.admins.include(caller.identity()))
    }

    /// Demands an administrator; the page keeps its frame.
    pub fn admin(&self) -> Result<Admin, Error> {
        let caller = self.signed_in()?;
        guard::as_admin(caller.clone(), &self.admins)
            .map_err(|_| self.refuse(Problem::NotAdministrator))
    }

    /// Demands that a form came from a page of ours, made for this session.
    pub async fn form(&self, payload: web::Payload) -> Result<Form, Error> {
        self.check_origin()?;
        let caller = self.signed_in()?;
        self.form_of(caller, payload).await
    }

    /// The same of an administrator; the right is judged before the body is read.
    pub async fn admin_form(&self, payload: web::Payload) -> Result<(Admin, Form), Error> {
        self.check_origin()?;
        let admin = self.admin()?;
        let form = self.form_of(self.signed_in()?, payload).await?;
        Ok((admin, form))
    }

    fn check_origin(&self) -> Result<(), Error> {
        origin::check_form(&self.request, &self.site).map_err(|_| self.refuse(Problem::ForeignForm))
    }

    async fn form_of(&self, caller: &Caller, payload: web::Payload) -> Result<Form, Error> {
        let form = super::body::form(&self.request, payload).await;
        let form = form.map_err(|error| self.refuse(body_problem(&error)))?;
        match form.one("form_token") {
            Ok(Some(token)) if caller.secret().is_form_token(token) => Ok(form),
            _ => Err(self.refuse(Problem::ForeignForm)),
        }
    }

    /// The bar of the page.
    pub fn frame(&self) -> Frame {
        Frame {
            base: self.site.base().to_owned(),
            person: self.caller().map(|caller| {
                let identity = caller.identity();
                let name = identity.name.as_ref().or(identity.username.as_ref());
                Person {
                    name: name.unwrap_or(&identity.subject).clone(),
                    administrator: self.is_admin(),
                    form_token: caller.secret().form_token(),
                }
            }),
        }
    }

    /// A page that says what is wrong and leads on.
    pub fn problem(&self, problem: Problem) -> HttpResponse {
        let status = StatusCode::from_u16(problem.status());
        let harmless = self.request.method() == actix_web::http::Method::GET;
        let asked = self
            .request
            .uri()
            .path_and_query()
            .map(PathAndQuery::as_str);
        // A path that begins with two slashes would lead to another host.
        let again = asked.filter(|path| harmless && !path.starts_with("//"));
        let page = ProblemPage {
            frame: self.frame(),
            problem,
            again: again.map(str::to_owned),
            reference: RequestId::of(&self.request),
        };
        show(status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR), &page)
    }

    /// The same, as the end of a handler.
    pub fn refuse(&self, problem: Problem) -> Error {
        InternalError::from_response("refused", self.problem(problem)).into()
    }

    /// Says once in the log what the database did.
    pub fn store_failed(&self, error: &StoreError) -> Error {
        self.refuse(if outage::is_passing(error) {
            Problem::Unavailable
        } else {
            Problem::Internal
        })
    }
}

fn body_problem(error: &BodyError) -> Problem {
    match error {
        BodyError::MediaType => Problem::UnsupportedMediaType,
        BodyError::TooLarge => Problem::TooLarge,
        BodyError::Unreadable => Problem::InvalidRequest,
    }
}

/// Sends a page.
pub fn show(status: StatusCode, page: &impl Template) -> HttpResponse {
    match page.render() {
        Ok(html) => HttpResponse::build(status)
            .content_type("text/html; charset=utf-8")
            .body(html),
        Err(error) => {
            tracing::error!(event = "page_failed", %error);
            HttpResponse::InternalServerError().finish()
        }
    }
}
