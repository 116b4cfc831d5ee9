//! `/api/admin/sessions`, `/api/admin/blocks`: stopping people, for programs.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;
use serde_json::json;

use super::paging::page_of;
use crate::domain::block::{Block, BlockDraft, PersonKey};
use crate::domain::members::{FieldError, Members, together};
use crate::domain::session::{SessionId, SessionSummary, Whose};
use crate::domain::time::utc;
use crate::flow::admin::Admin;
use crate::flow::people::PeopleDesk;
use crate::web::error::{Answer, Refusal};
use crate::web::extract::{ProtectedEmpty, ProtectedJson};
use crate::web::form::Form;
use crate::web::views::problem::NOT_FOUND;

/// Longest text to look for, in characters.
const FILTER_MAX: usize = 255;

/// A session as administrators see it.
#[derive(Debug, Serialize)]
struct SessionRecord {
    id: String,
    issuer: String,
    subject: String,
    username: Option<String>,
    name: Option<String>,
    signed_in_at: String,
    last_seen_at: String,
    groups_read_at: String,
    ends_at: String,
}

impl From<SessionSummary> for SessionRecord {
    fn from(session: SessionSummary) -> Self {
        Self {
            id: session.id.to_string(),
            issuer: session.issuer,
            subject: session.subject,
            username: session.username,
            name: session.name,
            signed_in_at: utc(session.created_at),
            last_seen_at: utc(session.last_seen_at),
            groups_read_at: utc(session.groups_read_at),
            ends_at: utc(session.ends_at),
        }
    }
}

/// A block as it is written.
#[derive(Debug, Serialize)]
struct BlockRecord {
    issuer: String,
    subject: String,
    until: Option<String>,
    reason: String,
    counts: bool,
    created_at: String,
    created_by: String,
}

impl BlockRecord {
    fn of(block: Block, now: chrono::DateTime<chrono::Utc>) -> Self {
        Self {
            counts: block.counts(now),
            issuer: block.person.issuer,
            subject: block.person.subject,
            until: block.until.map(utc),
            reason: block.reason,
            created_at: utc(block.created_at),
            created_by: block.created_by,
        }
    }
}

/// GET `/api/admin/sessions?person=&limit=&offset=`
pub async fn list_sessions(_: Admin, request: HttpRequest, desk: web::Data<PeopleDesk>) -> Answer {
    let query = Form::of_query(&request)?;
    let asked = together(
        filter_errors(&query),
        page_of(&query).map(|page| (page, query.text("person"))),
    );
    let ((limit, offset), person) = asked.map_err(|errors| Refusal::invalid(&errors))?;
    let whose = if person.is_empty() {
        Whose::All
    } else {
        Whose::Named(&person)
    };
    let page = desk.sessions(whose, limit, offset).await?;
    let items: Vec<SessionRecord> = page.items.into_iter().map(Into::into).collect();
    Ok(HttpResponse::Ok().json(json!({ "items": items, "total": page.total })))
}

/// DELETE `/api/admin/sessions/{id}`
pub async fn end_session(
    sent: ProtectedEmpty<Admin>,
    id: web::Path<String>,
    desk: web::Data<PeopleDesk>,
) -> Answer {
    let id = SessionId::parse(&id).ok_or_else(|| Refusal::new(NOT_FOUND))?;
    desk.end(&id, sent.sender.actor()).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// DELETE `/api/admin/sessions?issuer=&subject=`
pub async fn end_person(
    sent: ProtectedEmpty<Admin>,
    request: HttpRequest,
    desk: web::Data<PeopleDesk>,
) -> Answer {
    let person =
        person_of(&Form::of_query(&request)?).map_err(|errors| Refusal::invalid(&errors))?;
    let ended = desk.end_person(&person, sent.sender.actor()).await?;
    Ok(HttpResponse::Ok().json(json!({ "ended": ended.len() })))
}

/// GET `/api/admin/blocks?limit=&offset=`
pub async fn list_blocks(_: Admin, request: HttpRequest, desk: web::Data<PeopleDesk>) -> Answer {
    let query = Form::of_query(&request)?;
    let (limit, offset) = page_of(&query).map_err(|errors| Refusal::invalid(&errors))?;
    let page = desk.blocks(limit, offset).await?;
    let now = desk.now();
    let items = page
        .items
        .into_iter()
        .map(|block| BlockRecord::of(block, now));
    let items: Vec<BlockRecord> = items.collect();
    Ok(HttpResponse::Ok().json(json!({ "items": items, "total": page.total })))
}

/// POST `/api/admin/blocks`: 201, or 200 where it is in the place of an earlier one.
pub async fn block(sent: ProtectedJson<Admin>, desk: web::Data<PeopleDesk>) -> Answer {
    let mut members = Members::new(sent.members);
    let issuer = members.text("issuer").unwrap_or_default();
    let subject = members.text("subject").unwrap_or_default();
    let until = members.moment("until");
    let reason = members.text("reason").unwrap_or_default();
    let errors = members.finish();
    // A field of the wrong type is also an empty one: say it once.
    let said: Vec<String> = errors.iter().map(|error| error.field.clone()).collect();
    let judged = BlockDraft::parse(&issuer, &subject, until, &reason, desk.now());
    let judged = judged.map_err(|mut more| {
        more.retain(|error| !said.contains(&error.field));
        more
    });
    let draft = together(errors, judged).map_err(|errors| Refusal::invalid(&errors))?;
    let done = desk.block(&draft, sent.sender.actor()).await?;
    let status = if done.replaced {
        StatusCode::OK
    } else {
        StatusCode::CREATED
    };
    let record = BlockRecord::of(done.block, desk.now());
    Ok(HttpResponse::build(status).json(record))
}

/// DELETE `/api/admin/blocks?issuer=&subject=`
pub async fn unblock(
    sent: ProtectedEmpty<Admin>,
    request: HttpRequest,
    desk: web::Data<PeopleDesk>,
) -> Answer {
    let person =
        person_of(&Form::of_query(&request)?).map_err(|errors| Refusal::invalid(&errors))?;
    desk.unblock(&person, sent.sender.actor()).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// `issuer` and `subject` of a query or a form, each exactly once.
pub(in crate::web) fn person_of(fields: &Form) -> Result<PersonKey, Vec<FieldError>> {
    let one = |name: &str| {
        fields
            .one(name)
            .ok()
            .flatten()
            .unwrap_or_default()
            .to_owned()
    };
    PersonKey::parse(&one("issuer"), &one("subject"))
}

/// What a filter may not be: two, too long, or with what no name has.
pub(in crate::web) fn filter_errors(query: &Form) -> Vec<FieldError> {
    let fits = match query.one("person") {
        Ok(None) => true,
        Ok(Some(text)) => text.chars().count() <= FILTER_MAX && !text.chars().any(char::is_control),
        Err(_) => false,
    };
    if fits {
        return Vec::new();
    }
    let reason =
        format!("must be one text of at most {FILTER_MAX} characters, without control characters");
    vec![FieldError::new("person", reason)]
}
