//! Extractors: the value that a handler holds proves that the sender was checked.
//!
//! A handler that changes something takes a [`ProtectedForm`] or a [`ProtectedJson`], whose type
//! parameter is the required sender. They check in the documented order of refusals: the origin
//! ([`csrf`]), the sender and its permission, the sender's rate, then the body.

use std::future::{Ready, ready};
use std::ops::Deref;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest, HttpResponse, web};
use serde_json::{Map, Value};

use super::error::Refusal;
use super::form::Form;
use super::page::{ProvenSession, frame};
use super::rate_limit::RateLimits;
use super::request_id::RequestId;
use super::route::{Audience, Route};
use super::site::Site;
use super::views::Frame;
use super::views::problem as problems;
use super::{body, client_ip, csrf};
use crate::domain::identity::Actor;
use crate::flow::LiveSession;
use crate::flow::admin::{self, Admin, AdminGroups, NotAdmin, RequestOrigin};
use crate::flow::sessions::{SessionSecret, Sessions};

/// A session, without the check that its groups are fresh, so that sign-out works while the
/// provider is down.
pub struct SessionOnly(Rc<ProvenSession>);

impl SessionOnly {
    /// The session in memory.
    pub fn live(&self) -> &LiveSession {
        &self.0.live
    }

    /// The user as an actor for the audit log.
    pub fn actor(&self, request: &HttpRequest) -> Actor {
        admin::actor(&self.live().session.identity, origin(request))
    }
}

/// A session whose groups are fresh.
pub struct Session(SessionOnly);

impl Deref for Session {
    type Target = SessionOnly;

    fn deref(&self) -> &SessionOnly {
        &self.0
    }
}

/// The cookie of a session that may be over.
pub struct SessionCookie {
    /// Value of the cookie.
    pub secret: SessionSecret,
    /// The session, unless it is over.
    pub session: Option<SessionOnly>,
}

/// The visitor of a public page: `None` if signed out or blocked. A blocked user must still be able
/// to sign in with another account.
pub struct Visitor<S>(pub Option<S>);

impl<S: Sender> Sender for Visitor<S> {
    async fn prove(request: &HttpRequest) -> Result<Self, Refusal> {
        match S::prove(request).await {
            Ok(sender) => Ok(Self(Some(sender))),
            Err(refusal)
                if refusal.is(&problems::NOT_SIGNED_IN) || refusal.is(&problems::BLOCKED) =>
            {
                Ok(Self(None))
            }
            Err(refusal) => Err(refusal),
        }
    }
}

/// A kind of sender that a handler may require.
pub trait Sender: Sized + 'static {
    /// Proves that the request's sender is of this kind.
    fn prove(request: &HttpRequest) -> impl Future<Output = Result<Self, Refusal>>;
}

/// A shared part of the bridge, looked up by type.
pub fn part<T: 'static>(request: &HttpRequest) -> Result<&T, Refusal> {
    let part = request.app_data::<web::Data<T>>().map(web::Data::get_ref);
    part.ok_or_else(|| Refusal::new(problems::INTERNAL))
}

fn origin(request: &HttpRequest) -> RequestOrigin {
    RequestOrigin {
        client_ip: client_ip::address(request).map(|address| address.to_string()),
        request_id: RequestId::of(request),
    }
}

async fn find(request: &HttpRequest) -> Result<Option<(SessionSecret, Arc<LiveSession>)>, Refusal> {
    let Some(secret) = part::<Site>(request)?.cookies().session(request) else {
        return Ok(None);
    };
    let live = part::<Sessions>(request)?.authenticate(&secret).await?;
    Ok(live.map(|live| (secret, live)))
}

fn not_signed_in(request: &HttpRequest) -> Refusal {
    let site = match part::<Site>(request) {
        Ok(site) => site,
        Err(refusal) => return refusal,
    };
    let by_script = Route::of(request).audience != Audience::People;
    let no_cookie = site.cookies().session(request).is_none();
    let problem = if by_script && csrf::is_cross_site(request) && no_cookie {
        problems::CROSS_SITE
    } else {
        problems::NOT_SIGNED_IN
    };
    Refusal::new(problem).with("login_url", site.to("/auth/login"))
}

impl Sender for SessionOnly {
    async fn prove(request: &HttpRequest) -> Result<Self, Refusal> {
        let (secret, live) = find(request).await?.ok_or_else(|| not_signed_in(request))?;
        let proven = ProvenSession {
            secret,
            live,
            is_confirmed: false,
        };
        Ok(Self(proven.keep(request)))
    }
}

impl Sender for Session {
    async fn prove(request: &HttpRequest) -> Result<Self, Refusal> {
        let (secret, live) = find(request).await?.ok_or_else(|| not_signed_in(request))?;
        let confirmed = part::<Sessions>(request)?
            .confirm_groups(Arc::clone(&live))
            .await;
        let (live, refusal) = match confirmed {
            Ok(Some(live)) => (live, None),
            Ok(None) => return Err(not_signed_in(request)),
            // The page that reports it shows the user's name in its bar.
            Err(error) => (live, Some(Refusal::from(error))),
        };
        let proven = ProvenSession {
            secret,
            live,
            is_confirmed: refusal.is_none(),
        };
        let proven = proven.keep(request);
        refusal.map_or(Ok(Self(SessionOnly(proven))), Err)
    }
}

impl Sender for Admin {
    async fn prove(request: &HttpRequest) -> Result<Self, Refusal> {
        let session = Session::prove(request).await?;
        let live = Arc::clone(&session.0.0.live);
        let admitted = part::<AdminGroups>(request)?.admit(live, origin(request));
        admitted.map_err(|NotAdmin| Refusal::new(problems::NOT_ADMIN).logged())
    }
}

impl Sender for SessionCookie {
    async fn prove(request: &HttpRequest) -> Result<Self, Refusal> {
        let session = match SessionOnly::prove(request).await {
            Ok(session) => Some(session),
            Err(refusal) if refusal.is(&problems::NOT_SIGNED_IN) => None,
            Err(refusal) => return Err(refusal),
        };
        let secret = part::<Site>(request)?.cookies().session(request);
        let secret = secret.ok_or_else(|| not_signed_in(request))?;
        Ok(Self { secret, session })
    }
}

/// A form of the bridge's pages, created for the session that sends it (CS-3).
pub struct ProtectedForm<S> {
    pub sender: S,
    pub form: Form,
}

/// A form of the bridge's pages, possibly of an earlier session, whose input is then only shown
/// again.
pub struct SentForm<S> {
    pub sender: S,
    /// The fields, and the session to which the form belongs.
    pub sent: Submitted,
}

/// A form, and the session to which it belongs (CS-3).
pub enum Submitted {
    /// Of the session that sends it.
    Now(Form),
    /// Of another session: the user signed in again since, perhaps in another tab. Nothing may be
    /// changed; the input may be shown again.
    Earlier(Form),
}

impl Submitted {
    /// The form, and whether it is of an earlier session.
    pub fn into_form(self) -> (Form, bool) {
        match self {
            Self::Now(form) => (form, false),
            Self::Earlier(form) => (form, true),
        }
    }
}

/// The JSON object of a script; an empty body counts as an empty object.
pub struct ProtectedJson<S> {
    pub sender: S,
    pub members: Map<String, Value>,
}

/// A script's request with an empty body or an empty object.
pub struct ProtectedEmpty<S> {
    pub sender: S,
}

/// Builds the value from a request and its body, which is read last.
trait Receive: Sized + 'static {
    fn receive(
        request: HttpRequest,
        payload: web::Payload,
    ) -> impl Future<Output = Result<Self, Refusal>>;
}

/// Checks the sender, then the sender's rate limit.
async fn proven<S: Sender>(request: &HttpRequest) -> Result<S, Refusal> {
    let sender = S::prove(request).await?;
    if let Some(rule) = Route::of(request).sender_rule {
        part::<RateLimits>(request)?.check_sender(rule, request)?;
    }
    Ok(sender)
}

impl<S: Sender> Receive for SentForm<S> {
    async fn receive(request: HttpRequest, payload: web::Payload) -> Result<Self, Refusal> {
        csrf::check_form(&request, part(&request)?)?;
        let sender = proven::<S>(&request).await?;
        let form = body::form(&request, payload).await?;
        let secret = part::<Site>(&request)?.cookies().session(&request);
        let token = form.one("form_token").ok().flatten();
        let (Some(secret), Some(token)) = (secret, token) else {
            return Err(Refusal::new(problems::FORBIDDEN_ORIGIN));
        };
        let sent = if secret.is_form_token(token) {
            Submitted::Now(form)
        } else {
            Submitted::Earlier(form)
        };
        Ok(Self { sender, sent })
    }
}

impl<S: Sender> Receive for ProtectedForm<S> {
    async fn receive(request: HttpRequest, payload: web::Payload) -> Result<Self, Refusal> {
        let SentForm { sender, sent } = SentForm::receive(request, payload).await?;
        match sent {
            Submitted::Now(form) => Ok(Self { sender, form }),
            Submitted::Earlier(_) => Err(Refusal::new(problems::SESSION_CHANGED)),
        }
    }
}

/// The checks of every script's request.
async fn script<S: Sender>(request: &HttpRequest) -> Result<S, Refusal> {
    let by_app = Route::of(request).audience == Audience::Apps;
    csrf::check_api(request, part(request)?, by_app)?;
    proven(request).await
}

impl<S: Sender> Receive for ProtectedJson<S> {
    async fn receive(request: HttpRequest, payload: web::Payload) -> Result<Self, Refusal> {
        let sender = script(&request).await?;
        let members = body::json(&request, payload).await?;
        Ok(Self { sender, members })
    }
}

impl<S: Sender> Receive for ProtectedEmpty<S> {
    async fn receive(request: HttpRequest, payload: web::Payload) -> Result<Self, Refusal> {
        let sender = script(&request).await?;
        body::require_empty(&request, payload).await?;
        Ok(Self { sender })
    }
}

/// A request for a page.
pub struct Page {
    request: HttpRequest,
    site: web::Data<Site>,
}

impl Page {
    /// The navigation bar, with the user if another extractor of the handler has proven one.
    pub fn frame(&self) -> Frame {
        frame(&self.request)
    }

    /// The query; an error if it is not UTF-8.
    pub fn query(&self) -> Result<Form, Refusal> {
        Ok(Form::of_query(&self.request)?)
    }

    pub fn request(&self) -> &HttpRequest {
        &self.request
    }

    pub fn site(&self) -> &Site {
        &self.site
    }

    /// 303 to a path of the bridge.
    pub fn see_other(&self, path: &str) -> HttpResponse {
        self.site.see_other(path)
    }

    /// The refusal; if the row does not exist (any more), a 303 to the list, which reports that.
    pub fn lead_back(&self, list: &str, error: impl Into<Refusal>) -> Refusal {
        let refusal = error.into();
        if refusal.is(&problems::NOT_FOUND) {
            refusal.answered_by(self.see_other(list))
        } else {
            refusal
        }
    }
}

impl FromRequest for Page {
    type Error = Refusal;
    type Future = Ready<Result<Self, Refusal>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        let site = request.app_data::<web::Data<Site>>().cloned();
        let page = site.map(|site| Self { request, site });
        ready(page.ok_or_else(|| Refusal::new(problems::INTERNAL)))
    }
}

/// What an extractor returns.
pub type Extracting<T> = Pin<Box<dyn Future<Output = Result<T, Refusal>>>>;

fn proving<S: Sender>(request: &HttpRequest, _: &mut Payload) -> Extracting<S> {
    let request = request.clone();
    Box::pin(async move { S::prove(&request).await })
}

fn receiving<T: Receive>(request: &HttpRequest, payload: &mut Payload) -> Extracting<T> {
    let payload = web::Payload::from_request(request, payload);
    let request = request.clone();
    Box::pin(async move {
        let payload = payload.await;
        let payload = payload.map_err(|_| Refusal::new(problems::INTERNAL))?;
        T::receive(request, payload).await
    })
}

/// Implements the framework's extractor trait for these types. It cannot be implemented for all
/// senders at once, because the trait is foreign.
macro_rules! from_request {
    ($($type:ty $(, $sender:ident)? => $make:ident;)*) => {$(
        impl$(<$sender: Sender>)? FromRequest for $type {
            type Error = Refusal;
            type Future = Extracting<Self>;

            fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
                $make(request, payload)
            }
        }
    )*};
}

from_request! {
    SessionOnly => proving;
    Session => proving;
    Admin => proving;
    Visitor<S>, S => proving;
    ProtectedForm<S>, S => receiving;
    SentForm<S>, S => receiving;
    ProtectedJson<S>, S => receiving;
    ProtectedEmpty<S>, S => receiving;
}
