//! `/admin/blocks`, `/api/admin/blocks`: who is blocked, blocking a user and lifting a block.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use super::paging::{ListQuery, filter, list_answer, page_range};
use super::sessions::person_of;
use crate::domain::block::{Block, BlockDraft};
use crate::domain::identity::PersonKey;
use crate::domain::list::PageRange;
use crate::domain::members::{FieldError, Members, together};
use crate::domain::session::Whose;
use crate::domain::time::utc;
use crate::flow::admin::Admin;
use crate::flow::people::{People, PeopleError};
use crate::flow::seen::PeopleSearch;
use crate::web::error::{Answer, Refusal, YOURSELF};
use crate::web::extract::{Page, ProtectedEmpty, ProtectedForm, ProtectedJson};
use crate::web::form::Form;
use crate::web::page::show;
use crate::web::views::problem::INVALID_REQUEST;
use crate::web::views::{
    BLOCK_TIMES, BlockForm, BlockLift, BlockList, BlockRow, Notice, PersonWords, TypedBlock,
};

/// Maximum number of people whom the form offers to block.
const FOUND: i64 = 50;

pub(super) fn as_json(block: &Block, now: DateTime<Utc>) -> Value {
    json!({
        "issuer": block.person.issuer,
        "subject": block.person.subject,
        "until": block.until.map(utc),
        "reason": block.reason,
        "counts": block.counts(now),
        "created_at": utc(block.created_at),
        "created_by": block.created_by,
    })
}

/// GET `/api/admin/blocks?limit=&offset=`
pub async fn list(admin: Admin, request: HttpRequest, people: web::Data<People>) -> Answer {
    let range = page_range(&Form::of_query(&request)?)?;
    let (found, now) = (people.blocks(&admin, range).await?, people.now());
    Ok(list_answer(&found, |block| as_json(block, now)))
}

/// GET `/admin/blocks?limit=&offset=`
pub async fn list_page(admin: Admin, page: Page, people: web::Data<People>) -> Answer {
    let query = page.query()?;
    let asked = ListQuery::read(&query, [])?;
    let (found, now) = (people.blocks(&admin, asked.range).await?, people.now());
    let rows = found.items.into_iter();
    let rows: Vec<BlockRow> = rows.map(|block| BlockRow::of(block, now)).collect();
    Ok(show(&BlockList {
        paging: asked.paging(&page, "/admin/blocks", rows.len(), found.total),
        rows,
        done: Notice::of(&query),
        frame: page.frame(),
    }))
}

/// POST `/api/admin/blocks`: 201, or 200 where the block replaces an earlier one.
pub async fn create(sent: ProtectedJson<Admin>, people: web::Data<People>) -> Answer {
    let mut members = Members::new(sent.members);
    let issuer = members.text("issuer").unwrap_or_default();
    let subject = members.text("subject").unwrap_or_default();
    let until = members.moment("until");
    let reason = members.text("reason").unwrap_or_default();
    let errors = members.finish();
    let draft = BlockDraft::parse(&issuer, &subject, until, &reason, people.now());
    // A field of the wrong type was read as an empty one; its error is there already.
    let draft = draft.map_err(|mut more| {
        more.retain(|error| errors.iter().all(|known| known.field != error.field));
        more
    });
    let draft = together(errors, draft)?;
    let done = people.block(&sent.sender, &draft).await?;
    let status = if done.replaced {
        StatusCode::OK
    } else {
        StatusCode::CREATED
    };
    Ok(HttpResponse::build(status).json(as_json(&done.block, people.now())))
}

/// GET `/admin/blocks/new?issuer=&subject=&person=`
pub async fn new_page(admin: Admin, page: Page, people: web::Data<People>) -> Answer {
    let query = page.query()?;
    let person = filter(&query, "person").map_err(|error| vec![error])?;
    let mut typed = TypedBlock {
        issuer: query.text("issuer"),
        subject: query.text("subject"),
        ..TypedBlock::default()
    };
    if typed.issuer.is_empty() {
        typed.issuer.clone_from(&people.issuer);
    }
    let mut form = form_of(&admin, &page, &people, typed).await?;
    if !person.is_empty() {
        let search = PeopleSearch {
            text: Some(&person),
            group: None,
        };
        let found = people.list(&admin, search, PageRange::first(FOUND)).await?;
        form.found = found.items.iter().map(PersonWords::of_seen).collect();
        form.more = found.total > FOUND;
        form.person = person;
    }
    Ok(show(&form))
}

/// POST `/admin/blocks`
pub async fn create_form(
    sent: ProtectedForm<Admin>,
    page: Page,
    people: web::Data<People>,
) -> Answer {
    let ProtectedForm {
        sender: admin,
        form,
    } = sent;
    let typed = TypedBlock {
        issuer: form.text("issuer"),
        subject: form.text("subject"),
        hours: form.text("hours"),
        reason: form.text("reason"),
    };
    let until = match typed.hours.parse() {
        _ if !BLOCK_TIMES.iter().any(|(hours, _)| *hours == typed.hours) => {
            return Err(Refusal::new(INVALID_REQUEST));
        }
        Ok(hours) => Some(people.now() + TimeDelta::hours(hours)),
        Err(_) => None,
    };
    let TypedBlock {
        issuer,
        subject,
        reason,
        ..
    } = &typed;
    let is_confirmed = form.one("unknown") == Ok(Some(&typed.confirmation()));
    let (errors, unknown) =
        match BlockDraft::parse(issuer, subject, until, reason.trim(), people.now()) {
            Err(errors) => (errors, false),
            Ok(draft) if !is_confirmed && !people.knows(&admin, draft.person()).await? => {
                (Vec::new(), true)
            }
            Ok(draft) => match people.block(&admin, &draft).await {
                Ok(done) => {
                    let list = format!("/admin/blocks?done=blocked&ended={}", done.ended.len());
                    return Ok(page.see_other(&list));
                }
                Err(PeopleError::Yourself) => (vec![FieldError::new("subject", YOURSELF)], false),
                Err(error) => return Err(error.into()),
            },
        };
    let form = form_of(&admin, &page, &people, typed).await?;
    let form = BlockForm {
        errors,
        unknown,
        ..form
    };
    Err(Refusal::new(INVALID_REQUEST).showing(&form))
}

/// The form, with the person whom it names and the number of their sessions.
async fn form_of(
    admin: &Admin,
    page: &Page,
    people: &People,
    typed: TypedBlock,
) -> Result<BlockForm, Refusal> {
    let mut known = None;
    if let Ok(person) = PersonKey::parse(&typed.issuer, &typed.subject) {
        let theirs = people
            .sessions(admin, Whose::Person(&person), PageRange::first(1))
            .await?;
        let seen = people.person_by_key(admin, &person).await?;
        known = seen.map(|seen| (PersonWords::of_seen(&seen), theirs.total));
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

/// DELETE `/api/admin/blocks?issuer=&subject=`
pub async fn lift(
    sent: ProtectedEmpty<Admin>,
    request: HttpRequest,
    people: web::Data<People>,
) -> Answer {
    let person = person_of(&Form::of_query(&request)?)?;
    people.unblock(&sent.sender, &person).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// GET `/admin/blocks/lift?issuer=&subject=`
pub async fn lift_page(admin: Admin, page: Page, people: web::Data<People>) -> Answer {
    let block = people.find_block(&admin, &person_of(&page.query()?)?).await;
    let block = block.map_err(|error| page.lead_back("/admin/blocks?done=not-blocked", error))?;
    Ok(show(&BlockLift {
        row: BlockRow::of(block, people.now()),
        frame: page.frame(),
    }))
}

/// POST `/admin/blocks/lift`
pub async fn lift_form(
    sent: ProtectedForm<Admin>,
    page: Page,
    people: web::Data<People>,
) -> Answer {
    let lifted = people.unblock(&sent.sender, &person_of(&sent.form)?).await;
    lifted.map_err(|error| page.lead_back("/admin/blocks?done=not-blocked", error))?;
    Ok(page.see_other("/admin/blocks?done=unblocked"))
}
