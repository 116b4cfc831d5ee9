//! Refusals: one value per refused request, created where the reason is found.
//!
//! Handlers and extractors return it as an error. [`render`] turns it into the answer for the
//! route's audience (a page, RFC 9457 problem details, or an RFC 6749 error), and [`super::layers`]
//! logs one event with the same code (LG-2).

use std::cell::RefCell;
use std::error::Error as _;

use actix_web::body::BoxBody;
use actix_web::cookie::Cookie;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{self, HeaderName, HeaderValue};
use actix_web::http::uri::PathAndQuery;
use actix_web::http::{Method, StatusCode};
use actix_web::middleware::Next;
use actix_web::{Error, HttpRequest, HttpResponse, ResponseError, web};
use serde_json::{Map, Value, json};

use super::form::{InvalidUtf8, Repeated};
use super::layers::mark;
use super::page::{frame, render as render_page};
use super::request_id::RequestId;
use super::route::{Audience, Route};
use super::site::Site;
use super::views::problem::{self as problems, Problem, ProblemPage};
use super::views::{Frame, Template};
use crate::domain::entitlement::ToldTo;
use crate::domain::lifetime::LimitedBy;
use crate::domain::members::FieldError;
use crate::flow::StoreError;
use crate::flow::exchange::NoToken;
use crate::flow::explain::ExplainError;
use crate::flow::mappings::{ChangeError, Twin};
use crate::flow::people::PeopleError;
use crate::flow::sessions::SessionError;

/// Why administrators cannot block themselves.
pub const YOURSELF: &str = "is you: another administrator would have to let you in again";

/// The result of a handler.
pub type Answer = Result<HttpResponse, Refusal>;

/// A refused request.
#[derive(Debug, thiserror::Error)]
#[error("{}", .0.problem.code)]
pub struct Refusal(Box<Details>);

#[derive(Debug)]
struct Details {
    problem: Problem,
    /// Replaces the problem's own sentence.
    sentence: Option<String>,
    /// Additional members of the JSON answer.
    members: Map<String, Value>,
    headers: Vec<(HeaderName, HeaderValue)>,
    /// Replaces the answer for the route's audience; sent once.
    own_answer: RefCell<Option<HttpResponse>>,
    /// Return address of the failed sign-in.
    return_to: Option<String>,
    /// Whether a more detailed event is already in the log.
    is_logged: bool,
}

impl Refusal {
    pub fn new(problem: Problem) -> Self {
        Self(Box::new(Details {
            problem,
            sentence: None,
            members: Map::new(),
            headers: Vec::new(),
            own_answer: RefCell::default(),
            return_to: None,
            is_logged: false,
        }))
    }

    /// 400 with one error per field.
    pub fn invalid(errors: &[FieldError]) -> Self {
        let errors = errors
            .iter()
            .map(|error| json!({ "field": error.field, "reason": error.reason }));
        Self::new(problems::INVALID_REQUEST).with("errors", errors.collect::<Vec<_>>())
    }

    /// 503: the data in memory is older than `BRIDGE_MAX_STALENESS_SECONDS`.
    pub fn stale() -> Self {
        tracing::warn!(
            event = "database_unavailable",
            code = problems::UNAVAILABLE.code,
            error = "the mappings and sessions in memory are not known to be fresh"
        );
        Self::new(problems::UNAVAILABLE).logged()
    }

    pub fn saying(mut self, sentence: impl Into<String>) -> Self {
        self.0.sentence = Some(sentence.into());
        self
    }

    /// Adds a member to the JSON answer.
    pub fn with(mut self, member: &str, value: impl Into<Value>) -> Self {
        self.0.members.insert(member.to_owned(), value.into());
        self
    }

    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.0.headers.push((name, value));
        self
    }

    pub fn cookie(self, cookie: &Cookie<'_>) -> Self {
        match HeaderValue::try_from(cookie.to_string()) {
            Ok(value) => self.header(header::SET_COOKIE, value),
            Err(_) => self,
        }
    }

    /// Answers with a page that shows more than the problem's: what was typed, who is signed in.
    pub fn showing(self, page: &impl Template) -> Self {
        let page = render_page(self.status(), page);
        self.answered_by(page)
    }

    /// Answers with `response` and its status: a redirect to a page that explains, or a state in
    /// JSON.
    pub fn answered_by(self, response: HttpResponse) -> Self {
        self.0.own_answer.replace(Some(response));
        self
    }

    /// Sets the return address of the next sign-in.
    pub fn returning_to(mut self, address: &str) -> Self {
        self.0.return_to = Some(address.to_owned());
        self
    }

    /// Marks it as logged: a more detailed event is already in the log.
    pub fn logged(mut self) -> Self {
        self.0.is_logged = true;
        self
    }

    pub fn is(&self, problem: &Problem) -> bool {
        self.0.problem == *problem
    }

    /// The stable code.
    pub fn code(&self) -> &'static str {
        self.0.problem.code
    }

    fn status(&self) -> StatusCode {
        let status = StatusCode::from_u16(self.0.problem.status);
        status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    fn respond(&self, request: &HttpRequest) -> HttpResponse {
        let harmless = request.method() == Method::GET;
        let asked = request.uri().path_and_query().map(PathAndQuery::as_str);
        // A path that begins with two slashes would lead to another host.
        let again = asked.filter(|path| harmless && !path.starts_with("//"));
        let reference = RequestId::of(request);
        let audience = Route::of(request).audience;
        let site = request.app_data::<web::Data<Site>>();
        let site = site.map(web::Data::get_ref);
        self.answer(audience, (site, frame(request)), again, reference)
    }

    /// The answer for an audience. A page also gets the navigation bar, the address for a retry,
    /// and the request's id.
    pub fn answer(
        &self,
        audience: Audience,
        (site, frame): (Option<&Site>, Frame),
        again: Option<&str>,
        reference: Option<String>,
    ) -> HttpResponse {
        let details = &*self.0;
        let mut response = match (details.own_answer.take(), audience) {
            (Some(own_answer), _) => own_answer,
            (None, Audience::People) => {
                let page = ProblemPage {
                    frame,
                    problem: details.problem,
                    sentence: details.sentence.clone(),
                    return_to: details.return_to.clone().or(again.map(str::to_owned)),
                    reference,
                };
                render_page(self.status(), &page)
            }
            (None, Audience::Programs | Audience::Apps) => self.problem_details(),
            (None, Audience::Provider) => self.oauth_answer(self.status(), None),
            (None, Audience::Clients) => {
                let status = StatusCode::from_u16(details.problem.oauth_status());
                let uri =
                    site.map(|site| site.to(&format!("/docs/errors#{}", details.problem.code)));
                self.oauth_answer(status.unwrap_or(StatusCode::BAD_REQUEST), uri)
            }
        };
        for (name, value) in &details.headers {
            response.headers_mut().append(name.clone(), value.clone());
        }
        mark(response, details.problem.code, details.is_logged)
    }

    /// The sentence for programs.
    pub fn detail(&self) -> &str {
        let own = self.0.sentence.as_deref();
        own.unwrap_or_else(|| self.0.problem.detail())
    }

    /// RFC 9457.
    fn problem_details(&self) -> HttpResponse {
        let status = self.status();
        let mut body = self.0.members.clone();
        body.insert("type".to_owned(), json!("about:blank"));
        body.insert("title".to_owned(), json!(status.canonical_reason()));
        body.insert("status".to_owned(), json!(status.as_u16()));
        body.insert("code".to_owned(), json!(self.0.problem.code));
        body.insert("detail".to_owned(), json!(self.detail()));
        HttpResponse::build(status)
            .content_type("application/problem+json")
            .body(Value::Object(body).to_string())
    }

    /// The error of RFC 6749 that stands for it.
    pub fn oauth_error(&self) -> &'static str {
        self.0.problem.oauth_error()
    }

    /// RFC 6749 §5.2.
    fn oauth_answer(&self, status: StatusCode, error_uri: Option<String>) -> HttpResponse {
        let mut body = json!({
            "error": self.oauth_error(),
            "error_description": problems::description(self.detail()),
        });
        if let Some(uri) = error_uri {
            body["error_uri"] = json!(uri);
        }
        HttpResponse::build(status).json(body)
    }
}

/// Only the status; [`render`] writes the answer.
impl ResponseError for Refusal {
    fn status_code(&self) -> StatusCode {
        self.status()
    }

    fn error_response(&self) -> HttpResponse {
        HttpResponse::new(self.status())
    }
}

/// Layer: renders refusals.
pub async fn render(
    request: ServiceRequest,
    next: Next<BoxBody>,
) -> Result<ServiceResponse, Error> {
    let answer = next.call(request).await?;
    let refusal = answer
        .response()
        .error()
        .and_then(Error::as_error::<Refusal>);
    let rendered = refusal.map(|refusal| refusal.respond(answer.request()));
    Ok(match rendered {
        Some(response) => answer.into_response(response),
        None => answer,
    })
}

/// Logs a database error once and returns its problem: 503 if a retry may help, 500 if it is a bug.
pub fn problem_of_store(error: &StoreError) -> Problem {
    if matches!(error, StoreError::Unavailable(_)) {
        let code = problems::UNAVAILABLE.code;
        tracing::warn!(event = "database_unavailable", code, %error);
        return problems::UNAVAILABLE;
    }
    let source = error.source().map(ToString::to_string);
    let code = problems::INTERNAL.code;
    tracing::error!(event = "database_refused", code, %error, ?source);
    problems::INTERNAL
}

impl From<Vec<FieldError>> for Refusal {
    fn from(errors: Vec<FieldError>) -> Self {
        Self::invalid(&errors)
    }
}

impl From<Repeated> for Refusal {
    fn from(_: Repeated) -> Self {
        Self::new(problems::INVALID_REQUEST)
    }
}

impl From<InvalidUtf8> for Refusal {
    fn from(_: InvalidUtf8) -> Self {
        Self::invalid(&[FieldError::new("", "the query must be UTF-8")])
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        Self::new(problem_of_store(&error)).logged()
    }
}

impl From<SessionError> for Refusal {
    fn from(error: SessionError) -> Self {
        match error {
            SessionError::Stale => Self::stale(),
            SessionError::Blocked => Self::new(problems::BLOCKED).logged(),
            SessionError::Unconfirmed => Self::new(problems::UNCONFIRMED),
            SessionError::Store(error) => error.into(),
        }
    }
}

/// The exchange has already logged it.
impl From<NoToken> for Refusal {
    fn from(error: NoToken) -> Self {
        let sentence = format!("{error}.");
        let refusal = match error {
            NoToken::Blocked => Self::new(problems::BLOCKED),
            NoToken::GroupsOverage => Self::new(problems::GROUPS_OVERAGE),
            NoToken::NoUsername => Self::new(problems::NO_USERNAME),
            NoToken::NoGrant => Self::new(problems::NO_GRANT),
            NoToken::NotGranted(not) => {
                let refusal = Self::new(problems::SCOPE_NOT_GRANTED);
                let because = not.why.said(ToldTo::ThePerson);
                refusal.saying(because).with("refused", not.refused)
            }
            NoToken::RoomRequired { patterns } => {
                let refusal = Self::new(problems::ROOM_REQUIRED);
                refusal.saying(sentence).with("patterns", patterns)
            }
            NoToken::TooShort(short) => {
                let limited_by = short.limited_by.map(LimitedBy::as_str);
                let refusal = Self::new(problems::TTL_TOO_SHORT).saying(sentence);
                refusal.with("ttl_limited_by", limited_by)
            }
            NoToken::TooManyRooms { .. } => {
                Self::new(problems::TOO_MANY_ROOMS).saying(format!("{error}: name a room."))
            }
            NoToken::Stale(_) => Self::new(problems::UNAVAILABLE).saying(sentence),
            NoToken::Unwarranted(_) | NoToken::Claims(_) | NoToken::Sign(_) => {
                Self::new(problems::INTERNAL)
            }
        };
        refusal.logged()
    }
}

impl From<ExplainError> for Refusal {
    fn from(error: ExplainError) -> Self {
        match error {
            ExplainError::NotFound => Self::new(problems::NOT_FOUND),
            ExplainError::Invalid(error) => Self::invalid(&[error]),
            ExplainError::Stale(_) => Self::stale(),
            ExplainError::Store(error) => error.into(),
        }
    }
}

/// Errors of a change set name the change by its position.
impl From<ChangeError> for Refusal {
    fn from(error: ChangeError) -> Self {
        match error {
            ChangeError::OtherVersion { current } => {
                Self::new(problems::STALE).with("current_version", current)
            }
            ChangeError::StaleRow { change, current } => {
                let refusal = Self::new(problems::STALE).with("change", change);
                refusal.with("current", json!(current))
            }
            ChangeError::Duplicate { change, twin } => {
                let refusal = Self::new(problems::DUPLICATE).with("change", change);
                match twin {
                    Twin::Row(id) => refusal.with("id", id),
                    Twin::Change(change) => refusal.with("with_change", change),
                }
            }
            ChangeError::Refused(failing) => {
                Self::new(problems::TEST_FAILED).with("failing", json!(failing))
            }
            ChangeError::Store(error) => error.into(),
        }
    }
}

impl From<PeopleError> for Refusal {
    fn from(error: PeopleError) -> Self {
        match error {
            PeopleError::NotFound => Self::new(problems::NOT_FOUND),
            PeopleError::Yourself => Self::invalid(&[FieldError::new("subject", YOURSELF)]),
            PeopleError::Stale(_) => Self::stale(),
            PeopleError::Store(error) => error.into(),
        }
    }
}
