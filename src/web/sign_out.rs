//! `/auth/logout`, `/auth/signed-out`, `/auth/somebody-else`.
//!
//! The session is gone before the browser goes anywhere. Both ways to the
//! provider, to its own sign-out and to a sign-in with another account, lead over a
//! page of ours, because a form may not redirect to another origin
//! (`form-action 'self'`).
//!
//! Where the provider does not announce that it can ask who signs in, another person comes in
//! by four steps: `/auth/somebody-else`, the provider's sign-out, `/auth/signed-out`,
//! `/auth/login`. What leads from the third to the fourth is a cookie that goes there; so
//! no step comes twice by itself.

use actix_web::http::StatusCode;
use actix_web::{Error, HttpResponse, HttpResponseBuilder, web};

use super::body;
use super::extract::Caller;
use super::page::{self, Guest, Visitor};
use super::site::{Site, see_other};
use super::views::{Next, Problem, SignedOut};
use crate::fingerprint::pseudonym;
use crate::flow::sign_out::{Onward, SignOut, Ticket};
use crate::store::ending::Ended;

/// What the form's button says is wanted after signing out.
const SOMEBODY_ELSE: &str = "somebody-else";

/// POST `/auth/logout`, a form of our pages (LO-1).
pub async fn logout(
    visitor: Guest,
    payload: web::Payload,
    sign_out: web::Data<SignOut>,
) -> Result<HttpResponse, Error> {
    if visitor.is_over()? {
        let ticket = end_unfound(&visitor, payload, &sign_out).await?;
        return Ok(leave(visitor.site(), "/auth/signed-out", ticket.as_ref()));
    }
    let form = visitor.form(payload).await?;
    let switch = match form.one("then") {
        Ok(None) => false,
        Ok(Some(SOMEBODY_ELSE)) => true,
        _ => return Err(visitor.refuse(Problem::InvalidRequest)),
    };
    let caller = visitor.signed_in()?;
    let ended = if switch {
        sign_out.end_for_somebody_else(caller.secret()).await
    } else {
        sign_out.end(caller.secret()).await
    };
    let ticket = ended.map_err(|error| visitor.store_failed(&error))?;
    tell_signed_out(caller);
    let site = visitor.site();
    let next = if switch {
        "/auth/somebody-else"
    } else {
        "/auth/signed-out"
    };
    Ok(leave(site, next, ticket.as_ref()))
}

/// Deletes the row of a session that was not found, if the form is one of its pages: a session
/// that is idle here may have been used at another instance a moment ago.
async fn end_unfound(
    visitor: &Visitor,
    payload: web::Payload,
    sign_out: &SignOut,
) -> Result<Option<Ticket>, Error> {
    let request = visitor.request();
    let Some(secret) = visitor.site().session(request) else {
        return Ok(None);
    };
    let form = body::form(request, payload).await.ok();
    let token = form.as_ref().and_then(|form| form.one("form_token").ok()?);
    if !token.is_some_and(|token| secret.is_form_token(token)) {
        return Ok(None);
    }
    let ended = sign_out.end(&secret).await;
    ended.map_err(|error| visitor.store_failed(&error))
}

/// To the page that comes after the session, without its cookie.
pub(super) fn leave(site: &Site, next: &str, ticket: Option<&Ticket>) -> HttpResponse {
    let mut response = see_other(&site.to(next));
    set_cookies(&mut response, site, ticket);
    response.finish()
}

/// The session's cookie goes; the ticket, if there is one, comes.
pub(super) fn set_cookies(
    response: &mut HttpResponseBuilder,
    site: &Site,
    ticket: Option<&Ticket>,
) {
    response.cookie(site.session_removal());
    if let Some(ticket) = ticket {
        response.cookie(site.sign_out_cookie(ticket));
    }
}

/// The event of a sign-out that a person asked for, by a page or by an app.
pub(super) fn tell_signed_out(caller: &Caller) {
    tracing::info!(
        event = "signed_out",
        subject = &*pseudonym(&caller.identity().subject)
    );
}

/// Where the visitor's own session is among those that they ended by its name, what
/// follows is what follows a sign-out.
pub(super) async fn left_with(
    visitor: &Visitor,
    sign_out: &SignOut,
    ended: impl IntoIterator<Item = Ended>,
) -> Option<HttpResponse> {
    let caller = visitor.caller()?;
    let ticket = sign_out.after(caller.secret(), ended).await?;
    Some(leave(visitor.site(), "/auth/signed-out", ticket.as_ref()))
}

/// GET `/auth/signed-out`: leads on to the provider once, and is where the
/// provider comes back to. Its query is not read (LO-3).
pub async fn signed_out(
    visitor: Guest,
    sign_out: web::Data<SignOut>,
) -> Result<HttpResponse, Error> {
    let site = visitor.site();
    let ticket = site.sign_out(visitor.request());
    let mut response = if visitor.caller().is_some() {
        // Signed in again meanwhile, perhaps in another tab: the page would lie.
        see_other(&site.to("/")).finish()
    } else if ticket
        .as_ref()
        .is_some_and(|ticket| ticket.expose() == SOMEBODY_ELSE)
    {
        show(&visitor, Next::SomebodyElse)
    } else {
        let next = match sign_out.onward(ticket.as_ref()).await {
            Onward::Provider(url) => Next::Provider(url.into()),
            Onward::Nowhere => Next::Nowhere,
            Onward::ProviderStays => Next::ProviderStays,
        };
        show(&visitor, next)
    };
    if ticket.is_some() {
        response
            .add_cookie(&site.sign_out_removal())
            .map_err(|_| visitor.refuse(Problem::Internal))?;
    }
    Ok(response)
}

/// GET `/auth/somebody-else`: signed out here, and on to a sign-in at which the
/// provider asks who it is; over its sign-out, where it would not ask otherwise.
pub async fn somebody_else(
    visitor: Guest,
    sign_out: web::Data<SignOut>,
) -> Result<HttpResponse, Error> {
    let site = visitor.site();
    if visitor.caller().is_some() {
        return Ok(see_other(&site.to("/")).finish());
    }
    let ticket = site.sign_out(visitor.request());
    let (next, cookie) = match sign_out.before_somebody_else(ticket.as_ref()).await {
        Onward::Provider(url) => (
            Next::ProviderThenSomebodyElse(url.into()),
            Some(site.sign_out_mark(SOMEBODY_ELSE)),
        ),
        Onward::Nowhere | Onward::ProviderStays => {
            (Next::SomebodyElse, ticket.map(|_| site.sign_out_removal()))
        }
    };
    let mut response = show(&visitor, next);
    if let Some(cookie) = cookie {
        response
            .add_cookie(&cookie)
            .map_err(|_| visitor.refuse(Problem::Internal))?;
    }
    Ok(response)
}

fn show(visitor: &Visitor, next: Next) -> HttpResponse {
    let frame = visitor.frame();
    page::show(StatusCode::OK, &SignedOut { frame, next })
}
