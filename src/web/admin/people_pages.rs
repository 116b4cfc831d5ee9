//! `/admin/sessions…`, `/admin/blocks…`: stopping people, for people.

use std::collections::BTreeSet;

use actix_web::http::StatusCode;
use actix_web::{Error, HttpResponse, web};
use chrono::TimeDelta;

use super::admin_api::page_of;
use super::people_api::{filter_errors, person_of};
use crate::domain::block::{BlockDraft, PersonKey};
use crate::domain::mapping::FieldError;
use crate::flow::people::{PeopleDesk, PeopleError};
use crate::flow::sign_out::SignOut;
use crate::store::ending::SessionId;
use crate::store::sessions::SessionHash;
use crate::store::signed_in::{SignedIn, Whose};
use crate::web::error::YOURSELF;
use crate::web::form::Form;
use crate::web::page::{self, Visitor};
use crate::web::refusal::{self, Refusal};
use crate::web::sign_out::left_with;
use crate::web::site::see_other;
use crate::web::views::{
    BLOCK_TIMES, BlockForm, BlockLift, BlockList, BlockRow, Notice, Paging, PersonWords, Problem,
    SessionList, SessionRow, SessionStop, TypedBlock,
};

type Answer = Result<HttpResponse, Error>;

/// Most sessions whose people are offered to be blocked.
const FOUND: i64 = 50;

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
    let rows = session_rows(found.items, own);
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
        done: notice(&query),
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
    let found = match desk.session(&session_id(&visitor, &id)?).await {
        Ok(found) => found,
        Err(error) => return not_there(&visitor, "/admin/sessions?done=gone", error),
    };
    let theirs = desk.sessions(Whose::Person(&found.person), 1, 0).await;
    let theirs = theirs.map_err(|error| visitor.store_failed(&error))?;
    let own = visitor.signed_in()?.session().hash;
    let context = SessionStop {
        row: SessionRow {
            current: found.hash == own,
            session: found,
        },
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
    sign_out: web::Data<SignOut>,
) -> Answer {
    let (admin, _) = visitor.admin_form(payload).await?;
    let id = session_id(&visitor, &id)?;
    let ended = match desk.end(&id, &admin.actor(visitor.request())).await {
        Ok(ended) => ended,
        Err(error) => return not_there(&visitor, "/admin/sessions?done=gone", error),
    };
    let left = left_with(&visitor, &sign_out, [ended]).await;
    Ok(left.unwrap_or_else(|| back(&visitor, "/admin/sessions?done=ended")))
}

/// POST `/admin/sessions/end`
pub async fn end_person(
    visitor: Visitor,
    payload: web::Payload,
    desk: web::Data<PeopleDesk>,
    sign_out: web::Data<SignOut>,
) -> Answer {
    let (admin, form) = visitor.admin_form(payload).await?;
    let person = person(&visitor, &form)?;
    let actor = admin.actor(visitor.request());
    let ended = desk.end_person(&person, &actor).await;
    let ended = ended.map_err(|error| visitor.store_failed(&error))?;
    let list = format!("/admin/sessions?done=all-ended&ended={}", ended.len());
    let left = left_with(&visitor, &sign_out, ended).await;
    Ok(left.unwrap_or_else(|| back(&visitor, &list)))
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
        .into_iter()
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
        done: notice(&query),
        frame: visitor.frame(),
    };
    Ok(page::show(StatusCode::OK, &context))
}

/// GET `/admin/blocks/new?issuer=&subject=&person=`
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
    if !filter_errors(&query).is_empty() {
        return Err(visitor.refuse(Problem::InvalidRequest));
    }
    let person = query.text("person");
    let (found, more) = find(&visitor, &desk, &person).await?;
    let form = block_form(&visitor, &desk, typed).await?;
    let context = BlockForm {
        person,
        found,
        more,
        ..form
    };
    Ok(page::show(StatusCode::OK, &context))
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
        Err(errors) => return not_blocked(&visitor, &desk, typed, errors).await,
    };
    let is_confirmed = form.one("unknown") == Ok(Some(&typed.confirmation()));
    let is_known = desk.knows(draft.person()).await;
    if !is_confirmed && !is_known.map_err(|error| visitor.store_failed(&error))? {
        let context = BlockForm {
            unknown: true,
            ..block_form(&visitor, &desk, typed).await?
        };
        let page = page::show(StatusCode::BAD_REQUEST, &context);
        return Ok(Refusal::new("invalid_request").mark(page));
    }
    match desk.block(&draft, &admin.actor(visitor.request())).await {
        Ok(done) => {
            let list = format!("/admin/blocks?done=blocked&ended={}", done.ended);
            Ok(back(&visitor, &list))
        }
        Err(PeopleError::Yourself) => {
            let errors = vec![FieldError::new("subject", YOURSELF)];
            not_blocked(&visitor, &desk, typed, errors).await
        }
        Err(error) => Err(refused(&visitor, error)),
    }
}

/// GET `/admin/blocks/lift?issuer=&subject=`
pub async fn confirm_lift(visitor: Visitor, desk: web::Data<PeopleDesk>) -> Answer {
    visitor.admin()?;
    let person = person(&visitor, &visitor.query()?)?;
    let found = match desk.find_block(&person).await {
        Ok(found) => found,
        Err(error) => return not_there(&visitor, "/admin/blocks?done=not-blocked", error),
    };
    let context = BlockLift {
        row: BlockRow::of(found, desk.now()),
        frame: visitor.frame(),
    };
    Ok(page::show(StatusCode::OK, &context))
}

/// POST `/admin/blocks/lift`
pub async fn lift(visitor: Visitor, payload: web::Payload, desk: web::Data<PeopleDesk>) -> Answer {
    let (admin, form) = visitor.admin_form(payload).await?;
    let person = person(&visitor, &form)?;
    let actor = admin.actor(visitor.request());
    match desk.unblock(&person, &actor).await {
        Ok(()) => Ok(back(&visitor, "/admin/blocks?done=unblocked")),
        Err(error) => not_there(&visitor, "/admin/blocks?done=not-blocked", error),
    }
}

/// The rows of a list; `own` is the session that requests it.
pub(in crate::web) fn session_rows(sessions: Vec<SignedIn>, own: SessionHash) -> Vec<SessionRow> {
    let rows = sessions.into_iter().map(|session| SessionRow {
        current: session.hash == own,
        session,
    });
    rows.collect()
}

/// The people whose sessions fit, each once, and whether there may be more.
async fn find(
    visitor: &Visitor,
    desk: &PeopleDesk,
    person: &str,
) -> Result<(Vec<PersonWords>, bool), Error> {
    if person.is_empty() {
        return Ok((Vec::new(), false));
    }
    let page = desk.sessions(Whose::Named(person), FOUND, 0).await;
    let page = page.map_err(|error| visitor.store_failed(&error))?;
    let mut seen = BTreeSet::new();
    let sessions = page.items.iter();
    let first = sessions.filter(|session| seen.insert(&session.person));
    let found = first.map(PersonWords::of_session).collect();
    Ok((found, page.total > FOUND))
}

/// The form, with what is known of whom it names.
async fn block_form(
    visitor: &Visitor,
    desk: &PeopleDesk,
    typed: TypedBlock,
) -> Result<BlockForm, Error> {
    let mut known = None;
    if let Ok(person) = PersonKey::parse(&typed.issuer, &typed.subject) {
        let theirs = desk.sessions(Whose::Person(&person), 1, 0).await;
        let theirs = theirs.map_err(|error| visitor.store_failed(&error))?;
        let newest = theirs.items.first().map(PersonWords::of_session);
        known = newest.map(|who| (who, theirs.total));
    }
    Ok(BlockForm {
        frame: visitor.frame(),
        typed,
        errors: Vec::new(),
        person: String::new(),
        found: Vec::new(),
        more: false,
        known,
        unknown: false,
    })
}

async fn not_blocked(
    visitor: &Visitor,
    desk: &PeopleDesk,
    typed: TypedBlock,
    errors: Vec<FieldError>,
) -> Answer {
    let context = BlockForm {
        errors,
        ..block_form(visitor, desk, typed).await?
    };
    let page = page::show(StatusCode::BAD_REQUEST, &context);
    Ok(Refusal::new("invalid_request").mark(page))
}

/// Back to the list, which says what was done.
pub(in crate::web) fn back(visitor: &Visitor, list: &str) -> HttpResponse {
    see_other(&visitor.site().to(list)).finish()
}

pub(in crate::web) fn notice(query: &Form) -> Option<Notice> {
    let ended = query.one("ended").ok()?;
    Notice::of(
        query.one("done").ok()??,
        ended.and_then(|ended| ended.parse().ok()),
    )
}

/// Back to the list where what was to be changed is not there any more.
pub(in crate::web) fn not_there(visitor: &Visitor, list: &str, error: PeopleError) -> Answer {
    if matches!(error, PeopleError::NotFound) {
        refusal::tell_reason("not_found", StatusCode::SEE_OTHER);
        return Ok(back(visitor, list));
    }
    Err(refused(visitor, error))
}

fn person(visitor: &Visitor, fields: &Form) -> Result<PersonKey, Error> {
    person_of(fields).map_err(|_| visitor.refuse(Problem::InvalidRequest))
}

pub(in crate::web) fn session_id(visitor: &Visitor, id: &str) -> Result<SessionId, Error> {
    SessionId::parse(id).ok_or_else(|| visitor.refuse(Problem::NotFound))
}

fn refused(visitor: &Visitor, error: PeopleError) -> Error {
    match error {
        PeopleError::NotFound => visitor.refuse(Problem::NotFound),
        PeopleError::Yourself => visitor.refuse(Problem::InvalidRequest),
        PeopleError::Store(error) => visitor.store_failed(&error),
    }
}
