//! `/api/admin/sessions`, `/api/admin/blocks`: stopping people, for programs.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use serde::Serialize;
use serde_json::json;

use super::admin_api::{self, page_of, respond};
use crate::domain::block::{Block, BlockDraft, PersonKey};
use crate::domain::mapping::FieldError;
use crate::domain::mapping::record::utc;
use crate::flow::people::PeopleDesk;
use crate::store::ending::SessionId;
use crate::store::signed_in::{SignedIn, Whose};
use crate::web::body::{self, ADMIN_BODY_MAX, Members, together};
use crate::web::error::ApiError;
use crate::web::form::Form;

type Call = admin_api::Call<PeopleDesk>;

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

impl From<SignedIn> for SessionRecord {
    fn from(session: SignedIn) -> Self {
        Self {
            id: session.id.to_string(),
            issuer: session.person.issuer,
            subject: session.person.subject,
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
pub async fn list_sessions(call: Call) -> HttpResponse {
    respond(async {
        call.admin().await?;
        let query = Form::of_query(&call.request)?;
        let asked = together(
            filter_errors(&query),
            page_of(&query).map(|page| (page, query.text("person"))),
        );
        let ((limit, offset), person) = asked.map_err(ApiError::Invalid)?;
        let whose = if person.is_empty() {
            Whose::Everybody
        } else {
            Whose::Named(&person)
        };
        let page = call.desk.sessions(whose, limit, offset).await?;
        let items: Vec<SessionRecord> = page.items.into_iter().map(Into::into).collect();
        Ok(HttpResponse::Ok().json(json!({ "items": items, "total": page.total })))
    })
    .await
}

/// DELETE `/api/admin/sessions/{id}`
pub async fn end_session(call: Call, id: web::Path<String>, payload: web::Payload) -> HttpResponse {
    respond(async {
        let admin = call.admin_from_here().await?;
        call.require_empty_body(payload).await?;
        let id = SessionId::parse(&id).ok_or(ApiError::NotFound)?;
        call.desk.end(&id, &admin.actor(&call.request)).await?;
        Ok(HttpResponse::NoContent().finish())
    })
    .await
}

/// DELETE `/api/admin/sessions?issuer=&subject=`
pub async fn end_person(call: Call, payload: web::Payload) -> HttpResponse {
    respond(async {
        let admin = call.admin_from_here().await?;
        call.require_empty_body(payload).await?;
        let person = person_of(&Form::of_query(&call.request)?).map_err(ApiError::Invalid)?;
        let actor = admin.actor(&call.request);
        let ended = call.desk.end_person(&person, &actor).await?;
        Ok(HttpResponse::Ok().json(json!({ "ended": ended.len() })))
    })
    .await
}

/// GET `/api/admin/blocks?limit=&offset=`
pub async fn list_blocks(call: Call) -> HttpResponse {
    respond(async {
        call.admin().await?;
        let query = Form::of_query(&call.request)?;
        let (limit, offset) = page_of(&query).map_err(ApiError::Invalid)?;
        let page = call.desk.blocks(limit, offset).await?;
        let now = call.desk.now();
        let items = page
            .items
            .into_iter()
            .map(|block| BlockRecord::of(block, now));
        let items: Vec<BlockRecord> = items.collect();
        Ok(HttpResponse::Ok().json(json!({ "items": items, "total": page.total })))
    })
    .await
}

/// POST `/api/admin/blocks`: 201, or 200 where it is in the place of an earlier one.
pub async fn block(call: Call, payload: web::Payload) -> HttpResponse {
    respond(async {
        let admin = call.admin_from_here().await?;
        let members = body::json(&call.request, payload, ADMIN_BODY_MAX).await?;
        let mut members = Members::new(members);
        let issuer = members.text("issuer").unwrap_or_default();
        let subject = members.text("subject").unwrap_or_default();
        let until = members.moment("until");
        let reason = members.text("reason").unwrap_or_default();
        let errors = members.finish();
        // A field of the wrong type is also an empty one: say it once.
        let said: Vec<String> = errors.iter().map(|error| error.field.clone()).collect();
        let judged = BlockDraft::parse(&issuer, &subject, until, &reason, call.desk.now());
        let judged = judged.map_err(|mut more| {
            more.retain(|error| !said.contains(&error.field));
            more
        });
        let draft = together(errors, judged).map_err(ApiError::Invalid)?;
        let done = call.desk.block(&draft, &admin.actor(&call.request)).await?;
        let status = if done.replaced {
            StatusCode::OK
        } else {
            StatusCode::CREATED
        };
        let record = BlockRecord::of(done.block, call.desk.now());
        Ok(HttpResponse::build(status).json(record))
    })
    .await
}

/// DELETE `/api/admin/blocks?issuer=&subject=`
pub async fn unblock(call: Call, payload: web::Payload) -> HttpResponse {
    respond(async {
        let admin = call.admin_from_here().await?;
        call.require_empty_body(payload).await?;
        let person = person_of(&Form::of_query(&call.request)?).map_err(ApiError::Invalid)?;
        let actor = admin.actor(&call.request);
        call.desk.unblock(&person, &actor).await?;
        Ok(HttpResponse::NoContent().finish())
    })
    .await
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
