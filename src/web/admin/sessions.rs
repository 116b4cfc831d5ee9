//! `/admin/sessions`, `/api/admin/sessions`: the sessions of all users, and ending them.

use actix_web::{HttpRequest, HttpResponse, web};
use serde_json::{Value, json};

use super::paging::{ListQuery, list_answer};
use crate::domain::identity::PersonKey;
use crate::domain::list::PageRange;
use crate::domain::session::{SessionHash, SessionId, SessionSummary, Whose};
use crate::domain::time::utc;
use crate::flow::EndedSession;
use crate::flow::admin::Admin;
use crate::flow::people::{People, PeopleError};
use crate::flow::sign_out::SignOut;
use crate::web::auth::leave_with;
use crate::web::error::{Answer, Refusal};
use crate::web::extract::{Page, ProtectedEmpty, ProtectedForm};
use crate::web::form::Form;
use crate::web::page::show;
use crate::web::views::{Notice, SessionList, SessionRow, SessionStop};

/// `issuer` and `subject`, each exactly once.
pub(super) fn person_of(fields: &Form) -> Result<PersonKey, Refusal> {
    let one = |name| fields.one(name).ok().flatten().unwrap_or_default();
    Ok(PersonKey::parse(one("issuer"), one("subject"))?)
}

pub(in crate::web) fn session_id(text: &str) -> Result<SessionId, PeopleError> {
    SessionId::parse(text).ok_or(PeopleError::NotFound)
}

fn whose(person: &str) -> Whose<'_> {
    if person.is_empty() {
        Whose::All
    } else {
        Whose::Named(person)
    }
}

pub(super) fn own_hash(admin: &Admin) -> Option<SessionHash> {
    admin.session().map(|own| own.session.hash)
}

/// Where the administrator's own session is among those that ended.
async fn leave_if_own(
    page: &Page,
    sign_out: &SignOut,
    admin: &Admin,
    ended: impl IntoIterator<Item = EndedSession>,
) -> Option<HttpResponse> {
    leave_with(page.site(), sign_out, admin.session()?, ended).await
}

pub(super) fn as_json(session: &SessionSummary) -> Value {
    let mut members = json!({
        "id": session.id.to_string(),
        "issuer": session.issuer,
        "subject": session.subject,
        "username": session.username,
        "name": session.name,
        "signed_in_at": utc(session.created_at),
        "last_seen_at": utc(session.last_seen_at),
        "groups_read_at": utc(session.groups_read_at),
        "ends_at": utc(session.ends_at),
    });
    if session.is_device {
        members["device"] = json!(session.browser);
    }
    members
}

/// GET `/api/admin/sessions?person=&limit=&offset=`
pub async fn list(admin: Admin, request: HttpRequest, people: web::Data<People>) -> Answer {
    let asked = ListQuery::read(&Form::of_query(&request)?, ["person"])?;
    let [person] = &asked.filters;
    let found = people.sessions(&admin, whose(person), asked.range).await?;
    Ok(list_answer(&found, as_json))
}

/// GET `/admin/sessions?person=&limit=&offset=`
pub async fn list_page(admin: Admin, page: Page, people: web::Data<People>) -> Answer {
    let query = page.query()?;
    let asked = ListQuery::read(&query, ["person"])?;
    let [person] = &asked.filters;
    let found = people.sessions(&admin, whose(person), asked.range).await?;
    let own = own_hash(&admin);
    Ok(show(&SessionList {
        paging: asked.paging(&page, "/admin/sessions", found.items.len(), found.total),
        rows: SessionRow::list(found.items, own),
        person: person.clone(),
        done: Notice::of(&query),
        frame: page.frame(),
    }))
}

/// GET `/admin/sessions/{id}`: the ways to stop its user.
pub async fn stop_page(
    admin: Admin,
    page: Page,
    id: web::Path<String>,
    people: web::Data<People>,
) -> Answer {
    let session = people.session(&admin, &session_id(&id)?).await;
    let session = session.map_err(|error| page.lead_back("/admin/sessions?done=gone", error))?;
    let person = session.person();
    let theirs = people.sessions(&admin, Whose::Person(&person), PageRange::first(1));
    Ok(show(&SessionStop {
        sessions: theirs.await?.total,
        row: SessionRow::of(session, own_hash(&admin)),
        frame: page.frame(),
    }))
}

/// DELETE `/api/admin/sessions/{id}`
pub async fn end(
    request: ProtectedEmpty<Admin>,
    id: web::Path<String>,
    people: web::Data<People>,
) -> Answer {
    people.end(&request.sender, &session_id(&id)?).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// POST `/admin/sessions/{id}/end`
pub async fn end_form(
    form: ProtectedForm<Admin>,
    page: Page,
    id: web::Path<String>,
    people: web::Data<People>,
    sign_out: web::Data<SignOut>,
) -> Answer {
    let admin = form.sender;
    let ended = people.end(&admin, &session_id(&id)?).await;
    let ended = ended.map_err(|error| page.lead_back("/admin/sessions?done=gone", error))?;
    let left = leave_if_own(&page, &sign_out, &admin, [ended]).await;
    Ok(left.unwrap_or_else(|| page.see_other("/admin/sessions?done=ended")))
}

/// DELETE `/api/admin/sessions?issuer=&subject=`
pub async fn end_person(
    sent: ProtectedEmpty<Admin>,
    request: HttpRequest,
    people: web::Data<People>,
) -> Answer {
    let person = person_of(&Form::of_query(&request)?)?;
    let ended = people.end_person(&sent.sender, &person).await?;
    Ok(HttpResponse::Ok().json(json!({ "ended": ended.len() })))
}

/// POST `/admin/sessions/end`
pub async fn end_person_form(
    sent: ProtectedForm<Admin>,
    page: Page,
    people: web::Data<People>,
    sign_out: web::Data<SignOut>,
) -> Answer {
    let admin = sent.sender;
    let ended = people.end_person(&admin, &person_of(&sent.form)?).await?;
    let list = format!("/admin/sessions?done=all-ended&ended={}", ended.len());
    let left = leave_if_own(&page, &sign_out, &admin, ended).await;
    Ok(left.unwrap_or_else(|| page.see_other(&list)))
}
