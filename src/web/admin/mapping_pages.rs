//! `/admin/mappings…`: the table for people.

use actix_web::{HttpResponse, web};

use super::mapping_api::parse_id;
use super::mapping_fields::{read, typed};
use super::paging::page_of;
use crate::domain::mapping::{FieldError, Mapping, MappingId};
use crate::flow::admin::Admin;
use crate::flow::mappings::MappingDesk;
use crate::store::mappings::MappingError;
use crate::web::error::{Answer, Refusal, mark};
use crate::web::extract::{ProtectedForm, Sent, SentForm};
use crate::web::form::Form;
use crate::web::page::{self, Page};
use crate::web::views::problem as problems;
use crate::web::views::{
    Change, Done, Editing, MappingDelete, MappingForm, MappingList, MappingRow, Newer, Paging,
    TypedMapping,
};

/// GET `/admin/mappings?limit=&offset=`
pub async fn list(_: Admin, page: Page, desk: web::Data<MappingDesk>) -> Answer {
    let query = page.query()?;
    let (limit, offset) = page_of(&query).map_err(|errors| Refusal::invalid(&errors))?;
    let found = desk.list(limit, offset).await?;
    let now = desk.now();
    let rows = found.items.iter().map(|row| MappingRow::of(row, now));
    let rows: Vec<MappingRow> = rows.collect();
    let context = MappingList {
        paging: Paging {
            list: format!("{}/admin/mappings?", page.site().base()),
            shown: rows.len(),
            total: found.total,
            limit,
            offset,
        },
        rows,
        mapping_version: found.mapping_version,
        done: done(&query),
        frame: page.frame(),
    };
    Ok(page::show(&context))
}

/// What was just done, as the redirect tells.
fn done(query: &Form) -> Option<Done> {
    let what = Change::parse(query.one("done").ok()??)?;
    let id = parse_id(query.one("id").ok()??).ok()?.0;
    Some(Done { what, id })
}

/// GET `/admin/mappings/new`
pub async fn new(_: Admin, page: Page) -> Answer {
    Ok(page::show(&form_page(&page, Draft::default())))
}

/// GET `/admin/mappings/{id}`
pub async fn edit(
    _: Admin,
    page: Page,
    id: web::Path<String>,
    desk: web::Data<MappingDesk>,
) -> Answer {
    let row = match find(&page, &desk, &id).await? {
        Ok(row) => row,
        Err(gone) => return Ok(gone),
    };
    let draft = Draft {
        editing: Some(editing(&row)),
        typed: TypedMapping::of(&row.draft.to_input()),
        ..Draft::default()
    };
    Ok(page::show(&form_page(&page, draft)))
}

/// POST `/admin/mappings`
pub async fn create(
    SentForm {
        sender: admin,
        sent,
    }: SentForm<Admin>,
    page: Page,
    desk: web::Data<MappingDesk>,
) -> Answer {
    let form = match sent {
        Sent::Now(form) => form,
        Sent::Earlier(form) => return shown_again(&page, None, &form),
    };
    let typed = typed(&form).map_err(|_| Refusal::new(problems::INVALID_REQUEST))?;
    let draft = match read(&typed) {
        Ok(draft) => draft,
        Err(errors) => return Ok(invalid(&page, None, typed, errors)),
    };
    match desk.create(&draft, admin.actor()).await {
        Ok(written) => Ok(back(&page, Change::Added, written.id, None)),
        Err(error) => not_written(&page, &desk, None, typed, error).await,
    }
}

/// POST `/admin/mappings/{id}`
pub async fn save(
    SentForm {
        sender: admin,
        sent,
    }: SentForm<Admin>,
    page: Page,
    id: web::Path<String>,
    desk: web::Data<MappingDesk>,
) -> Answer {
    let (Sent::Now(form) | Sent::Earlier(form)) = &sent;
    let (id, version) = (parse_id(&id)?, version(form)?);
    let editing = Some(Editing { id: id.0, version });
    let form = match sent {
        Sent::Now(form) => form,
        Sent::Earlier(form) => return shown_again(&page, editing, &form),
    };
    let typed = typed(&form).map_err(|_| Refusal::new(problems::INVALID_REQUEST))?;
    let draft = match read(&typed) {
        Ok(draft) => draft,
        Err(errors) => return Ok(invalid(&page, editing, typed, errors)),
    };
    match desk.replace(id, version, &draft, admin.actor()).await {
        Ok(_) => Ok(back(&page, Change::Saved, id, None)),
        Err(error) => not_written(&page, &desk, editing, typed, error).await,
    }
}

/// POST `/admin/mappings/{id}/switch`
pub async fn switch(
    ProtectedForm {
        sender: admin,
        form,
    }: ProtectedForm<Admin>,
    page: Page,
    id: web::Path<String>,
    desk: web::Data<MappingDesk>,
) -> Answer {
    let (id, version) = (parse_id(&id)?, version(&form)?);
    let (enabled, change) = match form.one("enabled") {
        Ok(Some("true")) => (true, Change::SwitchedOn),
        Ok(Some("false")) => (false, Change::SwitchedOff),
        _ => return Err(Refusal::new(problems::INVALID_REQUEST)),
    };
    match desk.switch(id, version, enabled, admin.actor()).await {
        Ok(_) => Ok(back(&page, change, id, Some(&form))),
        Err(MappingError::Stale(_)) => {
            let list = back(&page, Change::ChangedMeanwhile, id, Some(&form));
            Ok(mark(list, problems::STALE.code, false))
        }
        Err(MappingError::NotFound) => Ok(gone(&page, id, Some(&form))),
        Err(error) => Err(error.into()),
    }
}

/// GET `/admin/mappings/{id}/switch`: the list has the button.
pub async fn not_switched(_: Admin, page: Page, id: web::Path<String>) -> Answer {
    let id = parse_id(&id)?;
    Ok(back(&page, Change::Nothing, id, None))
}

/// GET `/admin/mappings/{id}/delete`
pub async fn confirm_delete(
    _: Admin,
    page: Page,
    id: web::Path<String>,
    desk: web::Data<MappingDesk>,
) -> Answer {
    let row = match find(&page, &desk, &id).await? {
        Ok(row) => row,
        Err(gone) => return Ok(gone),
    };
    Ok(page::show(&delete_page(&page, &desk, &row, false)))
}

/// POST `/admin/mappings/{id}/delete`
pub async fn delete(
    ProtectedForm {
        sender: admin,
        form,
    }: ProtectedForm<Admin>,
    page: Page,
    id: web::Path<String>,
    desk: web::Data<MappingDesk>,
) -> Answer {
    let (id, version) = (parse_id(&id)?, version(&form)?);
    match desk.delete(id, version, admin.actor()).await {
        Ok(()) => Ok(back(&page, Change::Deleted, id, None)),
        Err(MappingError::Stale(now)) => {
            let shown = delete_page(&page, &desk, &now, true);
            Ok(page::refuse(&problems::STALE, &shown))
        }
        Err(MappingError::NotFound) => Ok(gone(&page, id, None)),
        Err(error) => Err(error.into()),
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
fn shown_again(page: &Page, editing: Option<Editing>, form: &Form) -> Answer {
    let draft = Draft {
        editing,
        typed: typed(form).map_err(|_| Refusal::new(problems::INVALID_REQUEST))?,
        session_changed: true,
        ..Draft::default()
    };
    Ok(page::refuse(
        &problems::SESSION_CHANGED,
        &form_page(page, draft),
    ))
}

fn form_page(page: &Page, draft: Draft) -> MappingForm {
    MappingForm {
        frame: page.frame(),
        editing: draft.editing,
        typed: draft.typed,
        errors: draft.errors,
        twin: draft.twin,
        newer: draft.newer,
        gone: draft.gone,
        session_changed: draft.session_changed,
    }
}

fn delete_page(
    page: &Page,
    desk: &MappingDesk,
    row: &Mapping,
    changed_meanwhile: bool,
) -> MappingDelete {
    MappingDelete {
        frame: page.frame(),
        row: MappingRow::of(row, desk.now()),
        changed_meanwhile,
    }
}

fn invalid(
    page: &Page,
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
    page::refuse(&problems::INVALID_REQUEST, &form_page(page, draft))
}

/// The form again, with what was typed and why it was not written.
async fn not_written(
    page: &Page,
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
            let form = form_page(page, Draft { newer, ..draft });
            Ok(page::refuse(&problems::STALE, &form))
        }
        MappingError::Duplicate => {
            let twin = match read(&draft.typed) {
                Ok(row) => desk.twin(&row).await.map(|id| id.map(|id| id.0)),
                Err(_) => Ok(None),
            };
            let Some(twin) = twin? else {
                // The other row is gone again by now.
                let reason = "another mapping said the same a moment ago: save once more";
                let errors = vec![FieldError::new("group", reason)];
                let form = form_page(page, Draft { errors, ..draft });
                return Ok(page::refuse(&problems::DUPLICATE, &form));
            };
            let twin = Some(twin);
            let form = form_page(page, Draft { twin, ..draft });
            Ok(page::refuse(&problems::DUPLICATE, &form))
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
            Ok(page::refuse(&problems::NOT_FOUND, &form_page(page, again)))
        }
        error @ MappingError::Store(_) => Err(error.into()),
    }
}

/// To the list, from a mapping that is not there any more.
fn gone(page: &Page, id: MappingId, shown: Option<&Form>) -> HttpResponse {
    let list = back(page, Change::Gone, id, shown);
    mark(list, problems::NOT_FOUND.code, false)
}

fn back(page: &Page, change: Change, id: MappingId, shown: Option<&Form>) -> HttpResponse {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.append_pair("done", change.as_str());
    query.append_pair("id", &id.to_string());
    // After a row is switched, its page of the list is shown again.
    if let Some((limit, offset)) = shown.and_then(|form| page_of(form).ok()) {
        query.append_pair("limit", &limit.to_string());
        query.append_pair("offset", &offset.to_string());
    }
    page.see_other(&format!("/admin/mappings?{}", query.finish()))
}

/// The row, or the way to the list.
async fn find(
    page: &Page,
    desk: &MappingDesk,
    id: &str,
) -> Result<Result<Mapping, HttpResponse>, Refusal> {
    let id = parse_id(id)?;
    match desk.get(id).await {
        Ok(row) => Ok(Ok(row)),
        Err(MappingError::NotFound) => Ok(Err(gone(page, id, None))),
        Err(error) => Err(error.into()),
    }
}

fn version(form: &Form) -> Result<i64, Refusal> {
    let version = form.one("version").ok().flatten();
    let version = version.and_then(|version| version.parse().ok());
    version.ok_or_else(|| Refusal::new(problems::INVALID_REQUEST))
}

fn editing(row: &Mapping) -> Editing {
    Editing {
        id: row.id.0,
        version: row.version,
    }
}
