//! `/admin/mappings…`: the table for people.

use actix_web::http::StatusCode;
use actix_web::{Error, HttpResponse, web};

use super::admin_api::page_of;
use super::mapping_api::parse_id;
use super::mapping_fields::{read, typed};
use crate::domain::mapping::{FieldError, Mapping, MappingId};
use crate::flow::mappings::MappingDesk;
use crate::store::mappings::MappingError;
use crate::web::form::Form;
use crate::web::page::{self, Sent, Visitor};
use crate::web::refusal::{self, Refusal};
use crate::web::site::see_other;
use crate::web::views::{
    Change, Done, Editing, MappingDelete, MappingForm, MappingList, MappingRow, Newer, Paging,
    Problem, TypedMapping,
};

type Answer = Result<HttpResponse, Error>;

/// GET `/admin/mappings?limit=&offset=`
pub async fn list(visitor: Visitor, desk: web::Data<MappingDesk>) -> Answer {
    visitor.admin()?;
    let query = visitor.query()?;
    let (limit, offset) = page_of(&query).map_err(|_| visitor.refuse(Problem::InvalidRequest))?;
    let page = desk.list(limit, offset).await;
    let page = page.map_err(|error| visitor.store_failed(&error))?;
    let now = desk.now();
    let rows = page.items.iter().map(|row| MappingRow::of(row, now));
    let rows: Vec<MappingRow> = rows.collect();
    let context = MappingList {
        paging: Paging {
            list: format!("{}/admin/mappings?", visitor.site().base()),
            shown: rows.len(),
            total: page.total,
            limit,
            offset,
        },
        rows,
        mapping_version: page.mapping_version,
        done: done(&query),
        frame: visitor.frame(),
    };
    Ok(page::show(StatusCode::OK, &context))
}

/// What was just done, as the redirect tells.
fn done(query: &Form) -> Option<Done> {
    let what = Change::parse(query.one("done").ok()??)?;
    let id = parse_id(query.one("id").ok()??).ok()?.0;
    Some(Done { what, id })
}

/// GET `/admin/mappings/new`
pub async fn new(visitor: Visitor) -> Answer {
    visitor.admin()?;
    Ok(form_page(&visitor, StatusCode::OK, Draft::default()))
}

/// GET `/admin/mappings/{id}`
pub async fn edit(visitor: Visitor, id: web::Path<String>, desk: web::Data<MappingDesk>) -> Answer {
    visitor.admin()?;
    let row = match find(&visitor, &desk, &id).await? {
        Ok(row) => row,
        Err(gone) => return Ok(gone),
    };
    let draft = Draft {
        editing: Some(editing(&row)),
        typed: TypedMapping::of(&row.draft.to_input()),
        ..Draft::default()
    };
    Ok(form_page(&visitor, StatusCode::OK, draft))
}

/// POST `/admin/mappings`
pub async fn create(
    visitor: Visitor,
    payload: web::Payload,
    desk: web::Data<MappingDesk>,
) -> Answer {
    let (admin, sent) = visitor.admin_sent(payload).await?;
    let form = match sent {
        Sent::Now(form) => form,
        Sent::Earlier(form) => return shown_again(&visitor, None, &form),
    };
    let typed = typed(&form).map_err(|_| visitor.refuse(Problem::InvalidRequest))?;
    let draft = match read(&typed) {
        Ok(draft) => draft,
        Err(errors) => return Ok(invalid(&visitor, None, typed, errors)),
    };
    match desk.create(&draft, &admin.actor(visitor.request())).await {
        Ok(written) => Ok(back(&visitor, Change::Added, written.id, None)),
        Err(error) => not_written(&visitor, &desk, None, typed, error).await,
    }
}

/// POST `/admin/mappings/{id}`
pub async fn save(
    visitor: Visitor,
    id: web::Path<String>,
    payload: web::Payload,
    desk: web::Data<MappingDesk>,
) -> Answer {
    let (admin, sent) = visitor.admin_sent(payload).await?;
    let (Sent::Now(form) | Sent::Earlier(form)) = &sent;
    let (id, version) = (number(&visitor, &id)?, version(&visitor, form)?);
    let editing = Some(Editing { id: id.0, version });
    let form = match sent {
        Sent::Now(form) => form,
        Sent::Earlier(form) => return shown_again(&visitor, editing, &form),
    };
    let typed = typed(&form).map_err(|_| visitor.refuse(Problem::InvalidRequest))?;
    let draft = match read(&typed) {
        Ok(draft) => draft,
        Err(errors) => return Ok(invalid(&visitor, editing, typed, errors)),
    };
    let actor = admin.actor(visitor.request());
    match desk.replace(id, version, &draft, &actor).await {
        Ok(_) => Ok(back(&visitor, Change::Saved, id, None)),
        Err(error) => not_written(&visitor, &desk, editing, typed, error).await,
    }
}

/// POST `/admin/mappings/{id}/switch`
pub async fn switch(
    visitor: Visitor,
    id: web::Path<String>,
    payload: web::Payload,
    desk: web::Data<MappingDesk>,
) -> Answer {
    let (admin, form) = visitor.admin_form(payload).await?;
    let (id, version) = (number(&visitor, &id)?, version(&visitor, &form)?);
    let (enabled, change) = match form.one("enabled") {
        Ok(Some("true")) => (true, Change::SwitchedOn),
        Ok(Some("false")) => (false, Change::SwitchedOff),
        _ => return Err(visitor.refuse(Problem::InvalidRequest)),
    };
    let actor = admin.actor(visitor.request());
    match desk.switch(id, version, enabled, &actor).await {
        Ok(_) => Ok(back(&visitor, change, id, Some(&form))),
        Err(MappingError::Stale(_)) => {
            refusal::tell_reason("stale", StatusCode::SEE_OTHER);
            Ok(back(&visitor, Change::ChangedMeanwhile, id, Some(&form)))
        }
        Err(MappingError::NotFound) => Ok(gone(&visitor, id, Some(&form))),
        Err(error) => Err(refused(&visitor, error)),
    }
}

/// GET `/admin/mappings/{id}/switch`: the list has the button.
pub async fn not_switched(visitor: Visitor, id: web::Path<String>) -> Answer {
    visitor.admin()?;
    let id = number(&visitor, &id)?;
    Ok(back(&visitor, Change::Nothing, id, None))
}

/// GET `/admin/mappings/{id}/delete`
pub async fn confirm_delete(
    visitor: Visitor,
    id: web::Path<String>,
    desk: web::Data<MappingDesk>,
) -> Answer {
    visitor.admin()?;
    let row = match find(&visitor, &desk, &id).await? {
        Ok(row) => row,
        Err(gone) => return Ok(gone),
    };
    Ok(delete_page(&visitor, &desk, StatusCode::OK, &row, false))
}

/// POST `/admin/mappings/{id}/delete`
pub async fn delete(
    visitor: Visitor,
    id: web::Path<String>,
    payload: web::Payload,
    desk: web::Data<MappingDesk>,
) -> Answer {
    let (admin, form) = visitor.admin_form(payload).await?;
    let (id, version) = (number(&visitor, &id)?, version(&visitor, &form)?);
    match desk
        .delete(id, version, &admin.actor(visitor.request()))
        .await
    {
        Ok(()) => Ok(back(&visitor, Change::Deleted, id, None)),
        Err(MappingError::Stale(now)) => {
            let status = StatusCode::PRECONDITION_FAILED;
            let page = delete_page(&visitor, &desk, status, &now, true);
            Ok(Refusal::new("stale").mark(page))
        }
        Err(MappingError::NotFound) => Ok(gone(&visitor, id, None)),
        Err(error) => Err(refused(&visitor, error)),
    }
}

#[derive(Default)]
struct Draft {
    editing: Option<Editing>,
    typed: TypedMapping,
    errors: Vec<FieldError>,
    twin: Option<i64>,
    newer: Option<Newer>,
    gone: Option<i64>,
    session_changed: bool,
}

/// The form that was sent from a page of an earlier session: not done, and not
/// lost either.
fn shown_again(visitor: &Visitor, editing: Option<Editing>, form: &Form) -> Answer {
    let draft = Draft {
        editing,
        typed: typed(form).map_err(|_| visitor.refuse(Problem::InvalidRequest))?,
        session_changed: true,
        ..Draft::default()
    };
    let page = form_page(visitor, StatusCode::FORBIDDEN, draft);
    Ok(Refusal::new(Problem::SessionChanged.code()).mark(page))
}

fn form_page(visitor: &Visitor, status: StatusCode, draft: Draft) -> HttpResponse {
    let context = MappingForm {
        frame: visitor.frame(),
        editing: draft.editing,
        typed: draft.typed,
        errors: draft.errors,
        twin: draft.twin,
        newer: draft.newer,
        gone: draft.gone,
        session_changed: draft.session_changed,
    };
    page::show(status, &context)
}

fn delete_page(
    visitor: &Visitor,
    desk: &MappingDesk,
    status: StatusCode,
    row: &Mapping,
    changed_meanwhile: bool,
) -> HttpResponse {
    let context = MappingDelete {
        frame: visitor.frame(),
        row: MappingRow::of(row, desk.now()),
        changed_meanwhile,
    };
    page::show(status, &context)
}

fn invalid(
    visitor: &Visitor,
    editing: Option<Editing>,
    typed: TypedMapping,
    errors: Vec<FieldError>,
) -> HttpResponse {
    let draft = Draft {
        editing,
        typed,
        errors,
        ..Draft::default()
    };
    let page = form_page(visitor, StatusCode::BAD_REQUEST, draft);
    Refusal::new("invalid_request").mark(page)
}

/// The form again, with what was typed and why it was not written.
async fn not_written(
    visitor: &Visitor,
    desk: &MappingDesk,
    editing: Option<Editing>,
    typed: TypedMapping,
    error: MappingError,
) -> Answer {
    let draft = Draft {
        editing,
        typed,
        ..Draft::default()
    };
    match error {
        MappingError::Stale(now) => {
            let newer = Some(Newer::of(&now));
            let status = StatusCode::PRECONDITION_FAILED;
            let page = form_page(visitor, status, Draft { newer, ..draft });
            Ok(Refusal::new("stale").mark(page))
        }
        MappingError::Duplicate => {
            let twin = match read(&draft.typed) {
                Ok(row) => desk.twin(&row).await.map(|id| id.map(|id| id.0)),
                Err(_) => Ok(None),
            };
            let twin = twin.map_err(|error| visitor.store_failed(&error))?;
            let Some(twin) = twin else {
                // The other row is gone again by now.
                let reason = "another mapping said the same a moment ago: save once more";
                let errors = vec![FieldError::new("group", reason)];
                let status = StatusCode::CONFLICT;
                let page = form_page(visitor, status, Draft { errors, ..draft });
                return Ok(Refusal::new("duplicate").mark(page));
            };
            let twin = Some(twin);
            let status = StatusCode::CONFLICT;
            let page = form_page(visitor, status, Draft { twin, ..draft });
            Ok(Refusal::new("duplicate").mark(page))
        }
        // Deleted meanwhile: what was typed may become a new mapping.
        MappingError::NotFound => {
            let gone = draft.editing.map(|editing| editing.id);
            let editing = None;
            let again = Draft {
                editing,
                gone,
                ..draft
            };
            let page = form_page(visitor, StatusCode::NOT_FOUND, again);
            Ok(Refusal::new("not_found").mark(page))
        }
        error @ MappingError::Store(_) => Err(refused(visitor, error)),
    }
}

/// To the list, from a mapping that is not there any more.
fn gone(visitor: &Visitor, id: MappingId, page: Option<&Form>) -> HttpResponse {
    refusal::tell_reason("not_found", StatusCode::SEE_OTHER);
    back(visitor, Change::Gone, id, page)
}

fn refused(visitor: &Visitor, error: MappingError) -> Error {
    match error {
        MappingError::NotFound => visitor.refuse(Problem::NotFound),
        MappingError::Stale(_) => visitor.refuse(Problem::Stale),
        MappingError::Duplicate => visitor.refuse(Problem::Duplicate),
        MappingError::Store(error) => visitor.store_failed(&error),
    }
}

fn back(visitor: &Visitor, change: Change, id: MappingId, page: Option<&Form>) -> HttpResponse {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.append_pair("done", change.as_str());
    query.append_pair("id", &id.to_string());
    // After a row is switched, its page of the list is shown again.
    if let Some((limit, offset)) = page.and_then(|form| page_of(form).ok()) {
        query.append_pair("limit", &limit.to_string());
        query.append_pair("offset", &offset.to_string());
    }
    let path = format!("/admin/mappings?{}", query.finish());
    see_other(&visitor.site().to(&path)).finish()
}

/// The row, or the way to the list.
async fn find(
    visitor: &Visitor,
    desk: &MappingDesk,
    id: &str,
) -> Result<Result<Mapping, HttpResponse>, Error> {
    let id = number(visitor, id)?;
    match desk.get(id).await {
        Ok(row) => Ok(Ok(row)),
        Err(MappingError::NotFound) => Ok(Err(gone(visitor, id, None))),
        Err(error) => Err(refused(visitor, error)),
    }
}

fn number(visitor: &Visitor, id: &str) -> Result<MappingId, Error> {
    parse_id(id).map_err(|_| visitor.refuse(Problem::NotFound))
}

fn version(visitor: &Visitor, form: &Form) -> Result<i64, Error> {
    let version = form.one("version").ok().flatten();
    let version = version.and_then(|version| version.parse().ok());
    version.ok_or_else(|| visitor.refuse(Problem::InvalidRequest))
}

fn editing(row: &Mapping) -> Editing {
    Editing {
        id: row.id.0,
        version: row.version,
    }
}
