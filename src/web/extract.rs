//! Who sends a request, and what it holds: to hold one of these values is the proof.
//!
//! A handler that changes something takes a [`ProtectedForm`] or a [`ProtectedJson`], which names
//! who may send it. They check in the order in which refusals are promised: where the request
//! comes from ([`csrf`]), the sender and the right, the sender's rate, then the body.

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
    /// The session as it is in memory.
    pub fn live(&self) -> &LiveSession {
        &self.0.live
    }

    /// The user, for the audit log.
    pub fn actor(&self, request: &HttpRequest) -> Actor {
        admin::actor(&self.live().session.identity, origin(request))
    }
}

/// A session whose groups are fresh enough to serve.
pub struct Session(SessionOnly);

impl Deref for Session {
    type Target = SessionOnly;

    fn deref(&self) -> &SessionOnly {
        &self.0
    }
}

/// The cookie of a session that may be over.
pub struct SessionCookie {
    /// Its value.
    pub secret: SessionSecret,
    /// The session, if it is not over.
    pub session: Option<SessionOnly>,
}

/// The visitor of a page that is for everyone: the sender, unless they are signed out or
/// blocked. A blocked user must still be able to sign in with another account.
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

/// Who may send a request.
pub trait Sender: Sized + 'static {
    /// Proves that the sender is one.
    fn prove(request: &HttpRequest) -> impl Future<Output = Result<Self, Refusal>>;
}

/// A shared part of the bridge, by its type.
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
            // The page that says so has the user's name in its bar.
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

/// A form of one of our pages, made for the session that sends it (CS-3).
pub struct ProtectedForm<S> {
    pub sender: S,
    pub form: Form,
}

/// A form of one of our pages, perhaps of an earlier session: for what is shown again then.
pub struct SentForm<S> {
    pub sender: S,
    /// Its fields, and whose page it was.
    pub sent: Submitted,
}

/// A form, and whose page it was (CS-3).
pub enum Submitted {
    /// Of the session that sends it.
    Now(Form),
    /// Of another session: the user signed in again since, perhaps in another tab.
    /// Nothing may be done for it; what was typed may be shown again.
    Earlier(Form),
}

/// The JSON object of a script that may send it; no body is an empty one.
pub struct ProtectedJson<S> {
    pub sender: S,
    pub members: Map<String, Value>,
}

/// A script's request without a body, or with an empty object.
pub struct ProtectedEmpty<S> {
    pub sender: S,
}

/// What is made of a request with its body, which is read last.
trait Receive: Sized + 'static {
    fn receive(
        request: HttpRequest,
        payload: web::Payload,
    ) -> impl Future<Output = Result<Self, Refusal>>;
}

/// Checks the sender, and counts what is sent.
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

/// Checks what is true of every script's request.
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
    /// The bar, with the user whom another extractor of the handler has proven.
    pub fn frame(&self) -> Frame {
        frame(&self.request)
    }

    /// Requires that the query is text.
    pub fn query(&self) -> Result<Form, Refusal> {
        Ok(Form::of_query(&self.request)?)
    }

    pub fn request(&self) -> &HttpRequest {
        &self.request
    }

    pub fn site(&self) -> &Site {
        &self.site
    }

    /// 303 to one of our paths.
    pub fn see_other(&self, path: &str) -> HttpResponse {
        self.site.see_other(path)
    }

    /// The refusal; where there is no such thing (any more), a 303 to the list that says so.
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

type Extracting<T> = Pin<Box<dyn Future<Output = Result<T, Refusal>>>>;

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

/// Lets a handler take these types. The framework's trait cannot be implemented for all senders
/// at once, because it is not ours.
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
