//! `/admin/sessions…`, `/admin/blocks…`: stopping people, for people.

use std::collections::BTreeSet;

use actix_web::{HttpResponse, web};
use chrono::TimeDelta;

use super::paging::page_of;
use super::people_api::{filter_errors, person_of};
use crate::domain::block::{BlockDraft, PersonKey};
use crate::domain::members::{FieldError, together};
use crate::domain::session::{SessionHash, SessionId, SessionSummary, Whose};
use crate::flow::admin::Admin;
use crate::flow::people::{PeopleDesk, PeopleError};
use crate::flow::sign_out::SignOut;
use crate::web::auth::leave_with;
use crate::web::error::{Answer, Refusal, YOURSELF, mark};
use crate::web::extract::ProtectedForm;
use crate::web::form::Form;
use crate::web::page::{self, Page};
use crate::web::views::problem as problems;
use crate::web::views::{
    BLOCK_TIMES, BlockForm, BlockLift, BlockList, BlockRow, Notice, Paging, PersonWords,
    SessionList, SessionRow, SessionStop, TypedBlock,
};

/// Most sessions whose people are offered to be blocked.
const FOUND: i64 = 50;

/// GET `/admin/sessions?person=&limit=&offset=`
pub async fn sessions(admin: Admin, page: Page, desk: web::Data<PeopleDesk>) -> Answer {
    let query = page.query()?;
    let invalid = |errors: Vec<FieldError>| Refusal::invalid(&errors);
    together(filter_errors(&query), Ok(())).map_err(invalid)?;
    let (limit, offset) = page_of(&query).map_err(invalid)?;
    let person = query.text("person");
    let whose = if person.is_empty() {
        Whose::All
    } else {
        Whose::Named(&person)
    };
    let found = desk.sessions(whose, limit, offset).await;
    let found = found?;
    let own = admin.session().session.hash;
    let rows = session_rows(found.items, own);
    let narrowed = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("person", &person)
        .finish();
    let context = SessionList {
        paging: Paging {
            list: format!("{}/admin/sessions?{narrowed}&", page.site().base()),
            shown: rows.len(),
            total: found.total,
            limit,
            offset,
        },
        rows,
        person,
        done: notice(&query),
        frame: page.frame(),
    };
    Ok(page::show(&context))
}

/// GET `/admin/sessions/{id}`
pub async fn session(
    admin: Admin,
    page: Page,
    id: web::Path<String>,
    desk: web::Data<PeopleDesk>,
) -> Answer {
    let found = match desk.session(&session_id(&id)?).await {
        Ok(found) => found,
        Err(error) => return not_there(&page, "/admin/sessions?done=gone", error),
    };
    let theirs = desk.sessions(Whose::Person(&found.person()), 1, 0).await;
    let theirs = theirs?;
    let own = admin.session().session.hash;
    let context = SessionStop {
        row: SessionRow {
            current: found.hash == own,
            session: found,
        },
        sessions: theirs.total,
        frame: page.frame(),
    };
    Ok(page::show(&context))
}

/// POST `/admin/sessions/{id}/end`
pub async fn end_session(
    ProtectedForm { sender: admin, .. }: ProtectedForm<Admin>,
    page: Page,
    id: web::Path<String>,
    desk: web::Data<PeopleDesk>,
    sign_out: web::Data<SignOut>,
) -> Answer {
    let id = session_id(&id)?;
    let ended = match desk.end(&id, admin.actor()).await {
        Ok(ended) => ended,
        Err(error) => return not_there(&page, "/admin/sessions?done=gone", error),
    };
    let left = leave_with(page.site(), &sign_out, admin.session(), [ended]).await;
    Ok(left.unwrap_or_else(|| back(&page, "/admin/sessions?done=ended")))
}

/// POST `/admin/sessions/end`
pub async fn end_person(
    ProtectedForm {
        sender: admin,
        form,
    }: ProtectedForm<Admin>,
    page: Page,
    desk: web::Data<PeopleDesk>,
    sign_out: web::Data<SignOut>,
) -> Answer {
    let person = person(&form)?;
    let ended = desk.end_person(&person, admin.actor()).await;
    let ended = ended?;
    let list = format!("/admin/sessions?done=all-ended&ended={}", ended.len());
    let left = leave_with(page.site(), &sign_out, admin.session(), ended).await;
    Ok(left.unwrap_or_else(|| back(&page, &list)))
}

/// GET `/admin/blocks?limit=&offset=`
pub async fn blocks(_: Admin, page: Page, desk: web::Data<PeopleDesk>) -> Answer {
    let query = page.query()?;
    let (limit, offset) = page_of(&query).map_err(|errors| Refusal::invalid(&errors))?;
    let found = desk.blocks(limit, offset).await;
    let found = found?;
    let now = desk.now();
    let rows: Vec<BlockRow> = found
        .items
        .into_iter()
        .map(|block| BlockRow::of(block, now))
        .collect();
    let context = BlockList {
        paging: Paging {
            list: format!("{}/admin/blocks?", page.site().base()),
            shown: rows.len(),
            total: found.total,
            limit,
            offset,
        },
        rows,
        done: notice(&query),
        frame: page.frame(),
    };
    Ok(page::show(&context))
}

/// GET `/admin/blocks/new?issuer=&subject=&person=`
pub async fn new_block(_: Admin, page: Page, desk: web::Data<PeopleDesk>) -> Answer {
    let query = page.query()?;
    let mut typed = TypedBlock {
        issuer: query.text("issuer"),
        subject: query.text("subject"),
        ..TypedBlock::default()
    };
    if typed.issuer.is_empty() {
        desk.issuer().clone_into(&mut typed.issuer);
    }
    together(filter_errors(&query), Ok(())).map_err(|errors| Refusal::invalid(&errors))?;
    let person = query.text("person");
    let (found, more) = find(&desk, &person).await?;
    let form = block_form(&page, &desk, typed).await?;
    let context = BlockForm {
        person,
        found,
        more,
        ..form
    };
    Ok(page::show(&context))
}

/// POST `/admin/blocks`
pub async fn block(
    ProtectedForm {
        sender: admin,
        form,
    }: ProtectedForm<Admin>,
    page: Page,
    desk: web::Data<PeopleDesk>,
) -> Answer {
    let typed = TypedBlock {
        issuer: form.text("issuer"),
        subject: form.text("subject"),
        hours: form.text("hours"),
        reason: form.text("reason"),
    };
    let now = desk.now();
    let known = BLOCK_TIMES.iter().any(|(value, _)| *value == typed.hours);
    let until = match typed.hours.parse() {
        _ if !known => return Err(Refusal::new(problems::INVALID_REQUEST)),
        Ok(hours) => Some(now + TimeDelta::hours(hours)),
        Err(_) => None,
    };
    let reason = typed.reason.trim();
    let draft = match BlockDraft::parse(&typed.issuer, &typed.subject, until, reason, now) {
        Ok(draft) => draft,
        Err(errors) => return not_blocked(&page, &desk, typed, errors).await,
    };
    let is_confirmed = form.one("unknown") == Ok(Some(&typed.confirmation()));
    let is_known = desk.knows(draft.person()).await;
    if !is_confirmed && !is_known? {
        let context = BlockForm {
            unknown: true,
            ..block_form(&page, &desk, typed).await?
        };
        return Ok(page::refuse(&problems::INVALID_REQUEST, &context));
    }
    match desk.block(&draft, admin.actor()).await {
        Ok(done) => {
            let list = format!("/admin/blocks?done=blocked&ended={}", done.ended.len());
            Ok(back(&page, &list))
        }
        Err(PeopleError::Yourself) => {
            let errors = vec![FieldError::new("subject", YOURSELF)];
            not_blocked(&page, &desk, typed, errors).await
        }
        Err(error) => Err(error.into()),
    }
}

/// GET `/admin/blocks/lift?issuer=&subject=`
pub async fn confirm_lift(_: Admin, page: Page, desk: web::Data<PeopleDesk>) -> Answer {
    let person = person(&page.query()?)?;
    let found = match desk.find_block(&person).await {
        Ok(found) => found,
        Err(error) => return not_there(&page, "/admin/blocks?done=not-blocked", error),
    };
    let context = BlockLift {
        row: BlockRow::of(found, desk.now()),
        frame: page.frame(),
    };
    Ok(page::show(&context))
}

/// POST `/admin/blocks/lift`
pub async fn lift(
    ProtectedForm {
        sender: admin,
        form,
    }: ProtectedForm<Admin>,
    page: Page,
    desk: web::Data<PeopleDesk>,
) -> Answer {
    let person = person(&form)?;
    match desk.unblock(&person, admin.actor()).await {
        Ok(()) => Ok(back(&page, "/admin/blocks?done=unblocked")),
        Err(error) => not_there(&page, "/admin/blocks?done=not-blocked", error),
    }
}

/// The rows of a list; `own` is the session that requests it.
pub(in crate::web) fn session_rows(
    sessions: Vec<SessionSummary>,
    own: SessionHash,
) -> Vec<SessionRow> {
    let rows = sessions.into_iter().map(|session| SessionRow {
        current: session.hash == own,
        session,
    });
    rows.collect()
}

/// The people whose sessions fit, each once, and whether there may be more.
async fn find(desk: &PeopleDesk, person: &str) -> Result<(Vec<PersonWords>, bool), Refusal> {
    if person.is_empty() {
        return Ok((Vec::new(), false));
    }
    let found = desk.sessions(Whose::Named(person), FOUND, 0).await?;
    let mut seen = BTreeSet::new();
    let sessions = found.items.iter();
    let first = sessions.filter(|session| seen.insert(session.person()));
    let people = first.map(PersonWords::of_session).collect();
    Ok((people, found.total > FOUND))
}

/// The form, with what is known of whom it names.
async fn block_form(
    page: &Page,
    desk: &PeopleDesk,
    typed: TypedBlock,
) -> Result<BlockForm, Refusal> {
    let mut known = None;
    if let Ok(person) = PersonKey::parse(&typed.issuer, &typed.subject) {
        let theirs = desk.sessions(Whose::Person(&person), 1, 0).await;
        let theirs = theirs?;
        let newest = theirs.items.first().map(PersonWords::of_session);
        known = newest.map(|who| (who, theirs.total));
    }
    Ok(BlockForm {
        frame: page.frame(),
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
    page: &Page,
    desk: &PeopleDesk,
    typed: TypedBlock,
    errors: Vec<FieldError>,
) -> Answer {
    let context = BlockForm {
        errors,
        ..block_form(page, desk, typed).await?
    };
    Ok(page::refuse(&problems::INVALID_REQUEST, &context))
}

/// Back to the list, which says what was done.
pub(in crate::web) fn back(page: &Page, list: &str) -> HttpResponse {
    page.see_other(list)
}

pub(in crate::web) fn notice(query: &Form) -> Option<Notice> {
    let ended = query.one("ended").ok()?;
    Notice::of(
        query.one("done").ok()??,
        ended.and_then(|ended| ended.parse().ok()),
    )
}

/// Back to the list where what was to be changed is not there any more.
pub(in crate::web) fn not_there(page: &Page, list: &str, error: PeopleError) -> Answer {
    if matches!(error, PeopleError::NotFound) {
        let list = back(page, list);
        return Ok(mark(list, problems::NOT_FOUND.code, false));
    }
    Err(error.into())
}

fn person(fields: &Form) -> Result<PersonKey, Refusal> {
    person_of(fields).map_err(|errors| Refusal::invalid(&errors))
}

pub(in crate::web) fn session_id(id: &str) -> Result<SessionId, Refusal> {
    SessionId::parse(id).ok_or_else(|| Refusal::new(problems::NOT_FOUND))
}
