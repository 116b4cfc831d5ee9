//! `/sessions`: lists and ends the user's own sessions.

use actix_web::web;

use super::admin::sessions::session_id;
use super::auth::{leave, leave_with};
use super::error::Answer;
use super::extract::{Page, ProtectedForm, Session, SessionOnly};
use super::page;
use super::views::{Notice, OwnSessions, SessionRow};
use crate::flow::people::People;
use crate::flow::sign_out::SignOut;

/// Maximum number of sessions on the page.
const SHOWN: i64 = 100;

/// GET `/sessions`
pub async fn show(session: Session, page: Page, people: web::Data<People>) -> Answer {
    let found = people
        .own_sessions(&session.actor(page.request()), SHOWN)
        .await?;
    Ok(page::show(&OwnSessions {
        rows: SessionRow::list(found.items, Some(session.live().session.hash)),
        done: Notice::of(&page.query()?),
        frame: page.frame(),
    }))
}

/// POST `/sessions/{id}/end`: ends one of the user's own sessions.
pub async fn end(
    form: ProtectedForm<SessionOnly>,
    id: web::Path<String>,
    page: Page,
    people: web::Data<People>,
    sign_out: web::Data<SignOut>,
) -> Answer {
    let session = form.sender;
    let actor = session.actor(page.request());
    let ended = people.end_own(&session_id(&id)?, &actor).await;
    let ended = ended.map_err(|error| page.lead_back("/sessions?done=gone", error))?;
    let left = leave_with(page.site(), &sign_out, session.live(), [ended]).await;
    Ok(left.unwrap_or_else(|| page.see_other("/sessions?done=ended")))
}

/// POST `/sessions/end`: ends all of the user's own sessions, then continues at the provider's
/// sign-out.
pub async fn end_all(
    form: ProtectedForm<SessionOnly>,
    page: Page,
    sign_out: web::Data<SignOut>,
) -> Answer {
    let session = form.sender;
    let actor = session.actor(page.request());
    let ticket = sign_out.end_everywhere(session.live(), &actor).await?;
    Ok(leave(page.site(), "/auth/signed-out", ticket.as_ref()))
}
