//! `/admin/sessions…`, `/admin/blocks…`: stopping people, for people.

use actix_web::http::StatusCode;
use actix_web::{Error, HttpResponse, web};
use chrono::TimeDelta;

use super::admin_api::page_of;
use super::api_error::YOURSELF;
use super::form::Form;
use super::page::{self, Visitor};
use super::people_api::{filter_errors, person_of};
use super::refusal::Refusal;
use super::site::see_other;
use super::views::{
    BLOCK_TIMES, BlockForm, BlockLift, BlockList, BlockRow, Moment, Paging, PersonWords, Problem,
    SessionList, SessionRow, SessionStop, Shown, Stopped, TypedBlock,
};
use crate::domain::block::{BlockDraft, PersonKey};
use crate::domain::mapping::FieldError;
use crate::flow::people::{PeopleDesk, PeopleError};
use crate::store::ending::SessionId;
use crate::store::signed_in::{SignedIn, Whose};

type Answer = Result<HttpResponse, Error>;

/// GET `/admin/sessions?person=&limit=&offset=`
pub async fn sessions(visitor: Visitor, desk: web::Data<PeopleDesk>) -> Answer {
    visitor.admin()?;
    let query = visitor.query()?;
    let invalid = || visitor.refuse(Problem::InvalidRequest);
    if !filter_errors(&query).is_empty() {
        return Err(invalid());
    }
    let (limit, offset) = page_of(&query).map_err(|_| invalid())?;
    let person = query.text("person");
    let whose = if person.is_empty() {
        Whose::Everybody
    } else {
        Whose::Named(&person)
    };
    let found = desk.sessions(whose, limit, offset).await;
    let found = found.map_err(|error| visitor.store_failed(&error))?;
    let own = visitor.signed_in()?.session().hash;
    let rows = found.items.iter();
    let rows: Vec<SessionRow> = rows
        .map(|session| session_row(session, session.hash == own))
        .collect();
    let narrowed = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("person", &person)
        .finish();
    let context = SessionList {
        paging: Paging {
            list: format!("{}/admin/sessions?{narrowed}&", visitor.site().base()),
            shown: rows.len(),
            total: found.total,
            limit,
            offset,
        },
        rows,
        person,
        done: done(&query),
        frame: visitor.frame(),
    };
    Ok(page::show(StatusCode::OK, &context))
}

/// GET `/admin/sessions/{id}`
pub async fn session(
    visitor: Visitor,
    id: web::Path<String>,
    desk: web::Data<PeopleDesk>,
) -> Answer {
    visitor.admin()?;
    let found = desk.session(&session_id(&visitor, &id)?).await;
    let found = found.map_err(|error| refusal(&visitor, error))?;
    let theirs = desk.sessions(Whose::Person(&found.person), 1, 0).await;
    let theirs = theirs.map_err(|error| visitor.store_failed(&error))?;
    let own = visitor.signed_in()?.session().hash;
    let context = SessionStop {
        row: session_row(&found, found.hash == own),
        sessions: theirs.total,
        frame: visitor.frame(),
    };
    Ok(page::show(StatusCode::OK, &context))
}

/// POST `/admin/sessions/{id}/end`
pub async fn end_session(
    visitor: Visitor,
    id: web::Path<String>,
    payload: web::Payload,
    desk: web::Data<PeopleDesk>,
) -> Answer {
    let (admin, _) = visitor.admin_form(payload).await?;
    let id = session_id(&visitor, &id)?;
    let ended = desk.end(&id, &admin.actor(visitor.request())).await;
    ended.map_err(|error| refusal(&visitor, error))?;
    Ok(back(&visitor, "/admin/sessions", Stopped::Ended))
}

/// POST `/admin/sessions/end`
pub async fn end_person(
    visitor: Visitor,
    payload: web::Payload,
    desk: web::Data<PeopleDesk>,
) -> Answer {
    let (admin, form) = visitor.admin_form(payload).await?;
    let person = person(&visitor, &form)?;
    let actor = admin.actor(visitor.request());
    let ended = desk.end_person(&person, &actor).await;
    ended.map_err(|error| visitor.store_failed(&error))?;
    Ok(back(&visitor, "/admin/sessions", Stopped::AllEnded))
}

/// GET `/admin/blocks?limit=&offset=`
pub async fn blocks(visitor: Visitor, desk: web::Data<PeopleDesk>) -> Answer {
    visitor.admin()?;
    let query = visitor.query()?;
    let (limit, offset) = page_of(&query).map_err(|_| visitor.refuse(Problem::InvalidRequest))?;
    let found = desk.blocks(limit, offset).await;
    let found = found.map_err(|error| visitor.store_failed(&error))?;
    let now = desk.now();
    let rows: Vec<BlockRow> = found
        .items
        .iter()
        .map(|block| BlockRow::of(block, now))
        .collect();
    let context = BlockList {
        paging: Paging {
            list: format!("{}/admin/blocks?", visitor.site().base()),
            shown: rows.len(),
            total: found.total,
            limit,
            offset,
        },
        rows,
        done: done(&query),
        frame: visitor.frame(),
    };
    Ok(page::show(StatusCode::OK, &context))
}

/// GET `/admin/blocks/new?issuer=&subject=`
pub async fn new_block(visitor: Visitor, desk: web::Data<PeopleDesk>) -> Answer {
    visitor.admin()?;
    let query = visitor.query()?;
    let mut typed = TypedBlock {
        issuer: query.text("issuer"),
        subject: query.text("subject"),
        ..TypedBlock::default()
    };
    if typed.issuer.is_empty() {
        desk.issuer().clone_into(&mut typed.issuer);
    }
    Ok(block_form(&visitor, StatusCode::OK, typed, Vec::new()))
}

/// POST `/admin/blocks`
pub async fn block(visitor: Visitor, payload: web::Payload, desk: web::Data<PeopleDesk>) -> Answer {
    let (admin, form) = visitor.admin_form(payload).await?;
    let typed = TypedBlock {
        issuer: form.text("issuer"),
        subject: form.text("subject"),
        hours: form.text("hours"),
        reason: form.text("reason"),
    };
    let now = desk.now();
    let known = BLOCK_TIMES.iter().any(|(value, _)| *value == typed.hours);
    let until = match typed.hours.parse() {
        _ if !known => return Err(visitor.refuse(Problem::InvalidRequest)),
        Ok(hours) => Some(now + TimeDelta::hours(hours)),
        Err(_) => None,
    };
    let reason = typed.reason.trim();
    let draft = match BlockDraft::parse(&typed.issuer, &typed.subject, until, reason, now) {
        Ok(draft) => draft,
        Err(errors) => return Ok(not_blocked(&visitor, typed, errors)),
    };
    match desk.block(&draft, &admin.actor(visitor.request())).await {
        Ok(_) => Ok(back(&visitor, "/admin/blocks", Stopped::Blocked)),
        Err(PeopleError::Yourself) => {
            let errors = vec![FieldError::new("subject", YOURSELF)];
            Ok(not_blocked(&visitor, typed, errors))
        }
        Err(error) => Err(refusal(&visitor, error)),
    }
}

/// GET `/admin/blocks/lift?issuer=&subject=`
pub async fn confirm_lift(visitor: Visitor, desk: web::Data<PeopleDesk>) -> Answer {
    visitor.admin()?;
    let person = person(&visitor, &visitor.query()?)?;
    let found = desk.find_block(&person).await;
    let found = found.map_err(|error| refusal(&visitor, error))?;
    let context = BlockLift {
        row: BlockRow::of(&found, desk.now()),
        frame: visitor.frame(),
    };
    Ok(page::show(StatusCode::OK, &context))
}

/// POST `/admin/blocks/lift`
pub async fn lift(visitor: Visitor, payload: web::Payload, desk: web::Data<PeopleDesk>) -> Answer {
    let (admin, form) = visitor.admin_form(payload).await?;
    let person = person(&visitor, &form)?;
    let actor = admin.actor(visitor.request());
    let lifted = desk.unblock(&person, &actor).await;
    lifted.map_err(|error| refusal(&visitor, error))?;
    Ok(back(&visitor, "/admin/blocks", Stopped::Unblocked))
}

/// A session in words; `current`: the visitor's own.
pub(super) fn session_row(session: &SignedIn, current: bool) -> SessionRow {
    SessionRow {
        id: session.id.to_string(),
        who: PersonWords {
            key: session.person.clone(),
            username: session.username.clone().map(Shown),
            name: session.name.clone().map(Shown),
        },
        signed_in_at: Moment::of(session.created_at),
        last_seen_at: Moment::of(session.last_seen_at),
        groups_read_at: Moment::of(session.groups_read_at),
        ends_at: Moment::of(session.ends_at),
        current,
    }
}

fn block_form(
    visitor: &Visitor,
    status: StatusCode,
    typed: TypedBlock,
    errors: Vec<FieldError>,
) -> HttpResponse {
    let frame = visitor.frame();
    let context = BlockForm {
        frame,
        typed,
        errors,
    };
    page::show(status, &context)
}

fn not_blocked(visitor: &Visitor, typed: TypedBlock, errors: Vec<FieldError>) -> HttpResponse {
    let page = block_form(visitor, StatusCode::BAD_REQUEST, typed, errors);
    Refusal::new("invalid_request").mark(page)
}

fn back(visitor: &Visitor, list: &str, done: Stopped) -> HttpResponse {
    let path = format!("{list}?done={}", done.as_str());
    see_other(&visitor.site().to(&path)).finish()
}

fn done(query: &Form) -> Option<Stopped> {
    Stopped::parse(query.one("done").ok()??)
}

fn person(visitor: &Visitor, fields: &Form) -> Result<PersonKey, Error> {
    person_of(fields).map_err(|_| visitor.refuse(Problem::InvalidRequest))
}

pub(super) fn session_id(visitor: &Visitor, id: &str) -> Result<SessionId, Error> {
    SessionId::parse(id).ok_or_else(|| visitor.refuse(Problem::NotFound))
}

pub(super) fn refusal(visitor: &Visitor, error: PeopleError) -> Error {
    match error {
        PeopleError::NotFound => visitor.refuse(Problem::NotFound),
        PeopleError::Yourself => visitor.refuse(Problem::InvalidRequest),
        PeopleError::Store(error) => visitor.store_failed(&error),
    }
}
