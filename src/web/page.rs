//! What all pages share: who is looking, how a page is sent, how a refusal looks.

use std::future::Future;
use std::ops::Deref;
use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::error::InternalError;
use actix_web::http::uri::PathAndQuery;
use actix_web::http::{Method, StatusCode, header};
use actix_web::{Error, FromRequest, HttpRequest, HttpResponse, web};

use super::body::BodyError;
use super::csrf;
use super::extract::{self, Admin, Caller};
use super::form::Form;
use super::outage;
use super::rate_limit::{RateLimits, Rule, TooMany};
use super::refusal::Refusal;
use super::request_id::RequestId;
use super::site::Site;
use super::views::{Frame, Person, Problem, ProblemPage, Template};
use crate::flow::admin::AdminGroups;
use crate::flow::sessions::{SessionError, Sessions};
use crate::store::StoreError;

/// The visitor of a page, signed in or not, with groups that are fresh enough.
pub struct Visitor {
    request: HttpRequest,
    site: web::Data<Site>,
    admins: web::Data<AdminGroups>,
    limits: web::Data<RateLimits>,
    caller: Option<Caller>,
    /// Signed in, and an administrator does not let them in.
    blocked: bool,
    /// Whether the caller's groups may serve.
    confirmed: bool,
}

/// Loads the session without the group-freshness check, so that sign-out works
/// while the provider is down.
pub struct Guest(Visitor);

impl Deref for Guest {
    type Target = Visitor;

    fn deref(&self) -> &Visitor {
        &self.0
    }
}

type Extracting<T> = Pin<Box<dyn Future<Output = Result<T, Error>>>>;

impl FromRequest for Visitor {
    type Error = Error;
    type Future = Extracting<Self>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        Box::pin(Self::extracted(request.clone(), true))
    }
}

impl FromRequest for Guest {
    type Error = Error;
    type Future = Extracting<Self>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let visitor = Visitor::extracted(request.clone(), false);
        Box::pin(async move { visitor.await.map(Self) })
    }
}

impl Visitor {
    async fn extracted(request: HttpRequest, confirmed: bool) -> Result<Self, Error> {
        let site = web::Data::<Site>::extract(&request).await?;
        let admins = web::Data::<AdminGroups>::extract(&request).await?;
        let limits = web::Data::<RateLimits>::extract(&request).await?;
        let sessions = web::Data::<Sessions>::extract(&request).await?;
        let mut visitor = Self {
            request,
            site,
            admins,
            limits,
            caller: None,
            blocked: false,
            confirmed: false,
        };
        match extract::known(&visitor.request, &visitor.site, &sessions).await {
            Ok(caller) => visitor.caller = caller,
            // Signing in as another user must still be possible.
            Err(SessionError::Blocked) => visitor.blocked = true,
            Err(error) => return Err(visitor.not_known(&error)),
        }
        if confirmed {
            visitor.confirm(&sessions).await?;
        }
        Ok(visitor)
    }

    /// Until then the user is known, but not what the user may do.
    async fn confirm(&mut self, sessions: &Sessions) -> Result<(), Error> {
        if let Some(caller) = self.caller.clone() {
            let found = extract::confirmed(caller, sessions).await;
            self.caller = found.map_err(|error| self.not_known(&error))?;
        }
        self.confirmed = true;
        Ok(())
    }

    fn not_known(&self, error: &SessionError) -> Error {
        match error {
            SessionError::Blocked => self.refuse_told(Problem::Blocked),
            SessionError::Stale => self.stale(),
            SessionError::Unconfirmed => self.refuse(Problem::Unconfirmed),
            SessionError::Store(error) => self.store_failed(error),
        }
    }

    /// The bridge's address.
    pub fn site(&self) -> &Site {
        &self.site
    }

    /// The request.
    pub fn request(&self) -> &HttpRequest {
        &self.request
    }

    /// The signed-in user, if any.
    pub fn caller(&self) -> Option<&Caller> {
        self.caller.as_ref()
    }

    /// Demands that the query is text.
    pub fn query(&self) -> Result<Form, Error> {
        Form::of_query(&self.request).map_err(|_| self.refuse(Problem::InvalidRequest))
    }

    /// Requires a signed-in user.
    pub fn signed_in(&self) -> Result<&Caller, Error> {
        self.check_not_blocked()?;
        self.caller()
            .ok_or_else(|| self.refuse(Problem::NotSignedIn))
    }

    /// Demands that no administrator keeps them out; told to the log already.
    pub fn check_not_blocked(&self) -> Result<(), Error> {
        if self.blocked {
            return Err(self.refuse_told(Problem::Blocked));
        }
        Ok(())
    }

    /// Whether the page's visitor administers, as far as that is known now.
    pub fn is_admin(&self) -> bool {
        self.confirmed
            && self
                .caller()
                .is_some_and(|caller| self.admins.include(caller.identity()))
    }

    /// Demands an administrator; the page keeps its frame.
    pub fn admin(&self) -> Result<Admin, Error> {
        let caller = self.signed_in()?;
        if !self.confirmed {
            return Err(self.refuse(Problem::Unconfirmed));
        }
        extract::as_admin(caller.clone(), &self.admins)
            .map_err(|_| self.refuse_told(Problem::NotAdministrator))
    }

    /// Demands that a form came from a page of ours, made for this session.
    pub async fn form(&self, payload: web::Payload) -> Result<Form, Error> {
        self.sent(payload).await?.now(self)
    }

    /// Whether a form of ours came after the end of its session.
    pub fn is_over(&self) -> Result<bool, Error> {
        self.check_origin()?;
        self.check_not_blocked()?;
        Ok(self.caller.is_none())
    }

    /// The same of an administrator; the right is judged before the body is read.
    pub async fn admin_form(&self, payload: web::Payload) -> Result<(Admin, Form), Error> {
        let (admin, sent) = self.admin_sent(payload).await?;
        Ok((admin, sent.now(self)?))
    }

    /// Demands that a form came from a page of ours, made for whichever session.
    pub async fn sent(&self, payload: web::Payload) -> Result<Sent, Error> {
        self.check_origin()?;
        let caller = self.signed_in()?;
        self.sent_by(caller, payload).await
    }

    /// The same of an administrator.
    pub async fn admin_sent(&self, payload: web::Payload) -> Result<(Admin, Sent), Error> {
        self.check_origin()?;
        let admin = self.admin()?;
        self.count(self.limits.check_client(Rule::Change, &self.request))?;
        let sent = self.sent_by(self.signed_in()?, payload).await?;
        Ok((admin, sent))
    }

    /// Demands that this session has not asked for too many tokens.
    pub fn counted_token(&self, caller: &Caller) -> Result<(), Error> {
        self.count(self.limits.check_token(caller))
    }

    fn count(&self, outcome: Result<(), TooMany>) -> Result<(), Error> {
        outcome.map_err(|error| self.refuse_told(error.into()))
    }

    fn check_origin(&self) -> Result<(), Error> {
        csrf::check_form(&self.request, &self.site).map_err(|_| self.refuse(Problem::ForeignForm))
    }

    async fn sent_by(&self, caller: &Caller, payload: web::Payload) -> Result<Sent, Error> {
        let form = super::body::form(&self.request, payload).await;
        let form = form.map_err(|error| self.refuse(body_problem(&error)))?;
        let fits = match form.one("form_token") {
            Ok(Some(token)) => caller.secret().is_form_token(token),
            _ => return Err(self.refuse(Problem::ForeignForm)),
        };
        Ok(if fits {
            Sent::Now(form)
        } else {
            Sent::Earlier(form)
        })
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
        Refusal::new(problem.code()).mark(problem_page(&self.request, self.frame(), problem))
    }

    /// The same, as the end of a handler.
    pub fn refuse(&self, problem: Problem) -> Error {
        InternalError::from_response("refused", self.problem(problem)).into()
    }

    /// The same, where the log has it already.
    pub fn refuse_told(&self, problem: Problem) -> Error {
        let response =
            Refusal::told(problem.code()).mark(problem_page(&self.request, self.frame(), problem));
        InternalError::from_response("refused", response).into()
    }

    /// What is loaded may be old.
    pub fn stale(&self) -> Error {
        outage::stale();
        self.refuse_told(Problem::Unavailable)
    }

    /// Says once in the log what the database did.
    pub fn store_failed(&self, error: &StoreError) -> Error {
        self.refuse_told(if outage::is_passing(error) {
            Problem::Unavailable
        } else {
            Problem::Internal
        })
    }
}

/// The page of a request that was not looked at further.
pub fn too_many(request: &HttpRequest, site: &Site, error: TooMany) -> HttpResponse {
    let frame = Frame {
        base: site.base().to_owned(),
        person: None,
    };
    let problem = Problem::from(error);
    Refusal::told(problem.code()).mark(problem_page(request, frame, problem))
}

impl From<TooMany> for Problem {
    fn from(TooMany { retry_after }: TooMany) -> Self {
        Self::RateLimited { retry_after }
    }
}

fn problem_page(request: &HttpRequest, frame: Frame, problem: Problem) -> HttpResponse {
    let status = StatusCode::from_u16(problem.status());
    let harmless = request.method() == Method::GET;
    let asked = request.uri().path_and_query().map(PathAndQuery::as_str);
    // A path that begins with two slashes would lead to another host.
    let again = asked.filter(|path| harmless && !path.starts_with("//"));
    let page = ProblemPage {
        frame,
        problem,
        again: again.map(str::to_owned),
        reference: RequestId::of(request),
    };
    let mut response = show(status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR), &page);
    if let Problem::RateLimited { retry_after } = problem {
        let headers = response.headers_mut();
        headers.insert(header::RETRY_AFTER, retry_after.into());
    }
    response
}

/// A form of one of our pages, and whose page it was (CS-3).
pub enum Sent {
    /// Of the session that sends it.
    Now(Form),
    /// Of another session: the user signed in again since, perhaps in another tab.
    /// Nothing may be done for it; what was typed may be shown again.
    Earlier(Form),
}

impl Sent {
    fn now(self, visitor: &Visitor) -> Result<Form, Error> {
        match self {
            Self::Now(form) => Ok(form),
            Self::Earlier(_) => Err(visitor.refuse(Problem::SessionChanged)),
        }
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
            Refusal::told("internal").mark(HttpResponse::InternalServerError().finish())
        }
    }
}
