//! `/sessions`: the user's own sessions, and ending them.

use actix_web::web;

use super::admin::people_pages::{back, not_there, notice, session_id, session_rows};
use super::auth::{leave, leave_with};
use super::error::Answer;
use super::extract::{ProtectedForm, Session, SessionOnly};
use super::page::{Page, show as show_page};
use super::views::OwnSessions;
use crate::domain::session::Whose;
use crate::flow::people::PeopleDesk;
use crate::flow::sign_out::SignOut;

/// Maximum number of sessions that are shown.
const SHOWN: i64 = 100;

/// GET `/sessions`
pub async fn show(session: Session, page: Page, desk: web::Data<PeopleDesk>) -> Answer {
    let person = session.actor(page.request()).person();
    let found = desk.sessions(Whose::Person(&person), SHOWN, 0).await?;
    Ok(show_page(&OwnSessions {
        rows: session_rows(found.items, session.live().session.hash),
        done: notice(&page.query()?),
        frame: page.frame(),
    }))
}

/// POST `/sessions/{id}/end`: one of the user's own.
pub async fn end(
    form: ProtectedForm<SessionOnly>,
    id: web::Path<String>,
    page: Page,
    desk: web::Data<PeopleDesk>,
    sign_out: web::Data<SignOut>,
) -> Answer {
    let session = form.sender;
    let ended = match desk
        .end_own(&session_id(&id)?, &session.actor(page.request()))
        .await
    {
        Ok(ended) => ended,
        Err(error) => return not_there(&page, "/sessions?done=gone", error),
    };
    let left = leave_with(page.site(), &sign_out, session.live(), [ended]).await;
    Ok(left.unwrap_or_else(|| back(&page, "/sessions?done=ended")))
}

/// POST `/sessions/end`: all of the user's own; then on to the provider's
/// sign-out, as with this session alone.
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
