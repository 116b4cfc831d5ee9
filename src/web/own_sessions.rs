//! `/sessions`: the user's own sessions, and ending them.

use actix_web::http::StatusCode;
use actix_web::{Error, HttpResponse, web};

use super::admin::people_pages::{back, not_there, notice, session_id, session_rows};
use super::page::{self, Guest, Visitor};
use super::sign_out;
use super::views::OwnSessions;
use crate::flow::people::PeopleDesk;
use crate::flow::sign_out::SignOut;
use crate::store::signed_in::Whose;

/// Maximum number of sessions that are shown.
const SHOWN: i64 = 100;

/// GET `/sessions`
pub async fn show(visitor: Visitor, desk: web::Data<PeopleDesk>) -> Result<HttpResponse, Error> {
    let caller = visitor.signed_in()?;
    let actor = caller.actor(visitor.request());
    let found = desk
        .sessions(Whose::Person(&actor.person()), SHOWN, 0)
        .await;
    let found = found.map_err(|error| visitor.store_failed(&error))?;
    let context = OwnSessions {
        rows: session_rows(found.items, caller.session().hash),
        done: notice(&visitor.query()?),
        frame: visitor.frame(),
    };
    Ok(page::show(StatusCode::OK, &context))
}

/// POST `/sessions/{id}/end`: one of the visitor's own.
pub async fn end(
    visitor: Guest,
    id: web::Path<String>,
    payload: web::Payload,
    desk: web::Data<PeopleDesk>,
    sign_out: web::Data<SignOut>,
) -> Result<HttpResponse, Error> {
    visitor.form(payload).await?;
    let actor = visitor.signed_in()?.actor(visitor.request());
    let ended = match desk.end_own(&session_id(&visitor, &id)?, &actor).await {
        Ok(ended) => ended,
        Err(error) => return not_there(&visitor, "/sessions?done=gone", error),
    };
    let left = sign_out::left_with(&visitor, &sign_out, [ended]).await;
    Ok(left.unwrap_or_else(|| back(&visitor, "/sessions?done=ended")))
}

/// POST `/sessions/end`: all of the visitor's own; then on to the provider's
/// sign-out, as with this session alone.
pub async fn end_all(
    visitor: Guest,
    payload: web::Payload,
    flow: web::Data<SignOut>,
) -> Result<HttpResponse, Error> {
    visitor.form(payload).await?;
    let caller = visitor.signed_in()?;
    let actor = caller.actor(visitor.request());
    let ended = flow.end_everywhere(caller.secret(), &actor).await;
    let ticket = ended.map_err(|error| visitor.store_failed(&error))?;
    Ok(sign_out::leave(
        visitor.site(),
        "/auth/signed-out",
        ticket.as_ref(),
    ))
}
