//! The table of mappings: `/admin/mappings…` for people, `/api/admin/mappings…` for programs.

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web};
use serde_json::json;

use super::paging::{LIMIT_MAX, ListQuery};
use super::row::{SentBack, if_match, of_one_row, parse_id, version_of, versioned};
use crate::domain::change_set::{ChangeSet, Edit, TableChange};
use crate::domain::mapping::{Mapping, MappingDraft, MappingId};
use crate::domain::mapping_filter::MappingFilter;
use crate::domain::members::FieldError;
use crate::flow::admin::Admin;
use crate::flow::mappings::{ChangeError, MappingEditor, TableRow, Twin};
use crate::flow::people::People;
use crate::web::error::{Answer, Refusal};
use crate::web::extract::{
    Page, ProtectedEmpty, ProtectedForm, ProtectedJson, SentForm, Submitted,
};
use crate::web::form::Form;
use crate::web::page;
use crate::web::query::Query;
use crate::web::site::Site;
use crate::web::views::problem::{self as problems, Problem};
use crate::web::views::{
    Done, Editing, EffectWords, ListPlace, MappingDelete, MappingForm, MappingList, MappingRow,
    NotDone, NotSaved, Return, TypedMapping, Which,
};

type Editor = web::Data<MappingEditor>;

/// Most groups that the form of a mapping offers to choose from.
const GROUPS_TO_CHOOSE: usize = 200;

// --- for programs ---

/// GET `/api/admin/mappings?q=&group=&room=&role=&transport=&state=&sort=&at=&limit=&offset=`
pub async fn list(admin: Admin, request: HttpRequest, editor: Editor) -> Answer {
    let mut query = Query::of_program(Form::of_query(&request)?);
    let at = query.past("at", editor.now());
    let parameters = [&MappingFilter::NAMES[..], &["limit", "offset"]].concat();
    let asked = query.with(&parameters, |form| {
        match read_list(form, ListQuery::read(form, MappingFilter::NAMES))? {
            (_, filter) if at.is_some() && filter.asks_for_use() => Err(vec![FieldError::new(
                "unused_days",
                "is known of the table of now alone: leave out one of the two",
            )]),
            asked => Ok(Some(asked)),
        }
    });
    let (asked, filter) = query.finish(asked)?;
    let (page, mapping_version) = editor.list(&admin, &filter, at, asked.range).await?;
    Ok(HttpResponse::Ok().json(json!({
        "items": page.items,
        "total": page.total,
        "mapping_version": mapping_version,
    })))
}

type MappingListQuery = ListQuery<{ MappingFilter::NAMES.len() }>;

/// Adds the parsed filters to the query of a list. Each parameter that is wrong is named once.
fn read_list(
    query: &Form,
    asked: Result<MappingListQuery, Vec<FieldError>>,
) -> Result<(MappingListQuery, MappingFilter), Vec<FieldError>> {
    let texts = MappingFilter::NAMES.map(|name| query.text(name));
    let filter = MappingFilter::parse(texts.each_ref().map(String::as_str));
    match (asked, filter) {
        (Ok(asked), Ok(filter)) => Ok((asked, filter)),
        (asked, filter) => {
            let mut errors = asked.err().unwrap_or_default();
            for error in filter.err().unwrap_or_default() {
                if errors.iter().all(|known| known.field != error.field) {
                    errors.push(error);
                }
            }
            Err(errors)
        }
    }
}

/// GET `/api/admin/mappings/{id}`
pub async fn get(admin: Admin, id: web::Path<String>, editor: Editor) -> Answer {
    let mapping = find(&admin, MappingId(parse_id(&id)?), &editor).await?;
    Ok(versioned(HttpResponse::Ok(), mapping.version, &mapping))
}

/// POST `/api/admin/mappings`
pub async fn create(sent: ProtectedJson<Admin>, site: web::Data<Site>, editor: Editor) -> Answer {
    let draft = MappingDraft::parse(sent.members)?;
    let written = write(&editor, &sent.sender, Edit::Create(draft)).await?;
    let location = site.to(&format!("/api/admin/mappings/{}", written.id));
    let mut created = HttpResponse::Created();
    created.insert_header((header::LOCATION, location));
    Ok(versioned(created, written.version, &written))
}

/// PUT `/api/admin/mappings/{id}`
pub async fn replace(
    sent: ProtectedJson<Admin>,
    request: HttpRequest,
    id: web::Path<String>,
    editor: Editor,
) -> Answer {
    let (admin, members) = (sent.sender, sent.members);
    let sent_back = SentBack::of(&members);
    let draft = MappingDraft::parse_edit(members)?;
    let (id, version) = (MappingId(parse_id(&id)?), if_match(&request)?);
    if !sent_back.is_empty() {
        sent_back.compare(&find(&admin, id, &editor).await?, version)?;
    }
    let id = id.0;
    let written = write(&editor, &admin, Edit::Replace { id, version, draft }).await?;
    Ok(versioned(HttpResponse::Ok(), written.version, &written))
}

/// DELETE `/api/admin/mappings/{id}`
pub async fn delete(
    sent: ProtectedEmpty<Admin>,
    request: HttpRequest,
    id: web::Path<String>,
    editor: Editor,
) -> Answer {
    let (id, version) = (MappingId(parse_id(&id)?), if_match(&request)?);
    let id = id.0;
    let deleted = TableChange::Mapping(Edit::Delete { id, version });
    let deleted = editor.change(&sent.sender, deleted).await;
    deleted.map_err(of_one_row)?;
    Ok(HttpResponse::NoContent().finish())
}

async fn find(admin: &Admin, id: MappingId, editor: &MappingEditor) -> Result<Mapping, Refusal> {
    let found = editor.get(admin, id).await?;
    found.ok_or_else(|| Refusal::new(problems::NOT_FOUND))
}

/// Creates or replaces one row.
async fn write(
    editor: &MappingEditor,
    admin: &Admin,
    edit: Edit<MappingDraft>,
) -> Result<Mapping, Refusal> {
    match editor
        .change(admin, TableChange::Mapping(edit))
        .await
        .map(|written| written.row)
    {
        Ok(Some(TableRow::Mapping(row))) => Ok(*row),
        Ok(_) => Err(Refusal::new(problems::INTERNAL)),
        Err(error) => Err(of_one_row(error)),
    }
}

// --- for people ---

/// GET `/admin/mappings`, with the filters of the API.
pub async fn list_page(admin: Admin, page: Page, editor: Editor) -> Answer {
    let query = page.query()?;
    let asked = ListQuery::read_page(&query, MappingFilter::NAMES);
    let (asked, filter) = read_list(&query, asked)?;
    let (found, mapping_version) = editor.list(&admin, &filter, None, asked.range).await?;
    let now = editor.now();
    let rows = found.items.into_iter();
    let rows: Vec<MappingRow> = rows.map(|row| MappingRow::of(row, now)).collect();
    Ok(page::show(&MappingList {
        place: ListPlace::of(asked.query()),
        paging: asked.paging(&page, "/admin/mappings", rows.len(), found.total),
        rows,
        mapping_version,
        typed: asked.filters.into(),
        told: told(&query),
        frame: page.frame(),
    }))
}

/// What the page before this one was about, and what it did, as the redirect tells.
fn told(query: &Form) -> Option<Return> {
    let number = |name| query.one(name).ok()?.and_then(|text| parse_id(text).ok());
    let several = || number("count").filter(|count| (2..=LIMIT_MAX).contains(count));
    let of = match number("id") {
        Some(id) => Which::One(MappingId(id)),
        None => Which::Several(several()?),
    };
    Some(Return {
        of,
        done: query.one("done").ok().flatten().and_then(Done::parse),
        undo: number("undo"),
    })
}

/// The place in the list from which a page was opened; its beginning where none is told.
pub(super) fn place(sent: &Form) -> ListPlace {
    let text = sent.one("list").ok().flatten();
    let query = text.and_then(|text| Form::parse(text.as_bytes()).ok());
    let asked = query.and_then(|query| {
        let asked = ListQuery::read(&query, MappingFilter::NAMES);
        read_list(&query, asked).ok()
    });
    asked.map_or_else(ListPlace::default, |(asked, _)| {
        ListPlace::of(asked.query())
    })
}

/// GET `/admin/mappings/new`; with `from` its fields are those of this mapping.
pub async fn new_page(
    admin: Admin,
    page: Page,
    editor: Editor,
    people: web::Data<People>,
) -> Answer {
    let query = page.query()?;
    let from = query.one("from")?.map(parse_id).transpose()?;
    let editor = FormDesk::of(admin, page, editor, people);
    let form = editor.blank(None, place(&query));
    let Some(from) = from.map(MappingId) else {
        return Ok(editor.show(form).await);
    };
    match editor.editor.get(&editor.admin, from).await? {
        Some(row) => Ok(editor.show(form.copying(&row)).await),
        None => Err(gone(&editor.page, from, &form.place)),
    }
}

/// GET `/admin/mappings/{id}`
pub async fn edit_page(
    admin: Admin,
    page: Page,
    id: web::Path<String>,
    editor: Editor,
    people: web::Data<People>,
) -> Answer {
    let (id, place) = (MappingId(parse_id(&id)?), place(&page.query()?));
    let Some(row) = editor.get(&admin, id).await? else {
        return Err(gone(&page, id, &place));
    };
    let editing = Editing {
        id,
        version: row.version,
    };
    let editor = FormDesk::of(admin, page, editor, people);
    let form = editor.blank(Some(editing), place).opening(&row);
    Ok(editor.show(form).await)
}

/// POST `/admin/mappings`
pub async fn add(
    sent: SentForm<Admin>,
    page: Page,
    editor: Editor,
    people: web::Data<People>,
) -> Answer {
    let editor = FormDesk::of(sent.sender, page, editor, people);
    editor.finish(None, sent.sent).await
}

/// POST `/admin/mappings/{id}`
pub async fn save(
    sent: SentForm<Admin>,
    page: Page,
    id: web::Path<String>,
    editor: Editor,
    people: web::Data<People>,
) -> Answer {
    let (Submitted::Now(form) | Submitted::Earlier(form)) = &sent.sent;
    let (id, version) = (MappingId(parse_id(&id)?), version_of(form)?);
    let editor = FormDesk::of(sent.sender, page, editor, people);
    editor
        .finish(Some(Editing { id, version }), sent.sent)
        .await
}

/// What the form of a mapping is shown and judged with.
struct FormDesk {
    admin: Admin,
    page: Page,
    editor: Editor,
    people: web::Data<People>,
}

impl FormDesk {
    fn of(admin: Admin, page: Page, editor: Editor, people: web::Data<People>) -> Self {
        Self {
            admin,
            page,
            editor,
            people,
        }
    }

    /// The form of a new mapping, or of one that is edited.
    fn blank(&self, editing: Option<Editing>, place: ListPlace) -> MappingForm {
        MappingForm {
            frame: self.page.frame(),
            place,
            editing,
            typed: TypedMapping::default(),
            errors: Vec::new(),
            not_saved: None,
            reviewed: None,
            copied: None,
            last_change: None,
            groups: Vec::new(),
        }
    }

    /// The form with groups to choose from. It can be filled in without them.
    async fn with_groups(&self, mut form: MappingForm) -> MappingForm {
        let seen = self.people.groups(&self.admin, None).await;
        let seen = seen.unwrap_or_default().into_iter().take(GROUPS_TO_CHOOSE);
        form.groups = seen.map(|seen| seen.group).collect();
        form
    }

    async fn show(&self, form: MappingForm) -> HttpResponse {
        page::show(&self.with_groups(form).await)
    }

    async fn refuse(&self, problem: Problem, form: MappingForm) -> Answer {
        Err(Refusal::new(problem).showing(&self.with_groups(form).await))
    }

    /// Judges what was sent, and saves or reviews it.
    async fn finish(&self, editing: Option<Editing>, sent: Submitted) -> Answer {
        let (form, is_earlier) = sent.into_form();
        let place = place(&form);
        let mut form = MappingForm {
            typed: TypedMapping::sent(form)?,
            ..self.blank(editing, place)
        };
        // A page of an earlier session: not done, and not lost either.
        if is_earlier {
            form.not_saved = Some(NotSaved::SessionChanged);
            return self.refuse(problems::SESSION_CHANGED, form).await;
        }
        match form.typed.read() {
            Ok(draft) => self.save_or_review(form, draft).await,
            Err(errors) => {
                form.errors = errors;
                self.refuse(problems::INVALID_REQUEST, form).await
            }
        }
    }

    /// Saves what was typed, or shows what that would do where this was asked for.
    async fn save_or_review(&self, mut form: MappingForm, draft: MappingDraft) -> Answer {
        let (edit, done) = match form.editing {
            None => (Edit::Create(draft), Done::ADDED),
            Some(Editing { id, version }) => {
                let id = id.0;
                (Edit::Replace { id, version, draft }, Done::SAVED)
            }
        };
        if form.typed.is_for_review() {
            return match review(&self.editor, &self.admin, edit).await {
                Ok(effect) => {
                    form.reviewed = Some(effect);
                    Ok(self.show(form).await)
                }
                Err(error) => self.not_written(form, error).await,
            };
        }
        let edit = TableChange::Mapping(edit);
        match self.editor.change(&self.admin, edit).await {
            Ok(written) => {
                let id = MappingId(written.row.map_or(0, |row| row.id()));
                Ok(after(&self.page, done, id, written.change_set, &form.place))
            }
            Err(error) => self.not_written(form, error).await,
        }
    }

    /// The form again, with what was typed and why it was not written.
    async fn not_written(&self, mut form: MappingForm, error: ChangeError) -> Answer {
        let problem = match error {
            ChangeError::StaleRow {
                current: Some(TableRow::Mapping(now)),
                ..
            } => {
                let opened = match form.editing {
                    Some(Editing { id, version }) => {
                        self.editor.get_version(&self.admin, id, version).await?
                    }
                    None => None,
                };
                form = form.meeting(opened.as_ref(), now);
                problems::STALE
            }
            // Deleted meanwhile: what was typed may become a new mapping.
            ChangeError::StaleRow { .. } => {
                let editing = form.editing.take();
                form.not_saved = editing.map(|editing| NotSaved::Gone(editing.id));
                problems::NOT_FOUND
            }
            ChangeError::Duplicate {
                twin: Twin::Row(id),
                ..
            } => {
                form.not_saved = Some(NotSaved::Duplicate(MappingId(id)));
                problems::DUPLICATE
            }
            ChangeError::Refused(failing) => {
                form.not_saved = Some(NotSaved::TestsFailed(failing));
                problems::TEST_FAILED
            }
            error => return Err(error.into()),
        };
        self.refuse(problem, form).await
    }
}

/// What an edit would do.
async fn review(
    editor: &MappingEditor,
    admin: &Admin,
    edit: Edit<MappingDraft>,
) -> Result<EffectWords, ChangeError> {
    let set = ChangeSet {
        changes: vec![TableChange::Mapping(edit)],
        if_mapping_version: None,
        dry_run: true,
    };
    let outcome = editor.change_all(admin, set).await?;
    Ok(EffectWords::of(outcome.effect))
}

/// POST `/admin/mappings/{id}/switch`
pub async fn switch(
    sent: ProtectedForm<Admin>,
    page: Page,
    id: web::Path<String>,
    editor: Editor,
) -> Answer {
    let form = &sent.form;
    let (id, version) = (MappingId(parse_id(&id)?), version_of(form)?);
    let place = place(form);
    let (enabled, done) = match form.one("enabled") {
        Ok(Some("true")) => (true, Done::ON),
        Ok(Some("false")) => (false, Done::OFF),
        _ => return Err(Refusal::new(problems::INVALID_REQUEST)),
    };
    let Some(row) = editor.get(&sent.sender, id).await? else {
        return Err(gone(&page, id, &place));
    };
    let edit = Edit::Replace {
        id: id.0,
        version,
        draft: row.draft.with_enabled(enabled),
    };
    match editor
        .change(&sent.sender, TableChange::Mapping(edit))
        .await
    {
        Ok(written) => Ok(after(&page, done, id, written.change_set, &place)),
        Err(ChangeError::StaleRow { current: None, .. }) => Err(gone(&page, id, &place)),
        Err(ChangeError::StaleRow { .. }) => {
            let list = back(&page, Done::CHANGED, id, &place);
            Err(Refusal::new(problems::STALE).answered_by(list))
        }
        Err(error) => Err(of_one_row(error)),
    }
}

/// GET `/admin/mappings/{id}/switch`: the list has the button.
pub async fn not_switched(_: Admin, page: Page, id: web::Path<String>) -> Answer {
    let (id, place) = (MappingId(parse_id(&id)?), place(&page.query()?));
    Ok(back(&page, Done::NOTHING, id, &place))
}

/// GET `/admin/mappings/{id}/delete`
pub async fn delete_page(
    admin: Admin,
    page: Page,
    id: web::Path<String>,
    editor: Editor,
) -> Answer {
    let (id, place) = (MappingId(parse_id(&id)?), place(&page.query()?));
    match editor.get(&admin, id).await? {
        None => Err(gone(&page, id, &place)),
        Some(row) => {
            let shown = confirmation(&page, &editor, &admin, row, place, None).await?;
            Ok(page::show(&shown))
        }
    }
}

/// POST `/admin/mappings/{id}/delete`
pub async fn delete_confirmed(
    sent: ProtectedForm<Admin>,
    page: Page,
    id: web::Path<String>,
    editor: Editor,
) -> Answer {
    let (id, version) = (MappingId(parse_id(&id)?), version_of(&sent.form)?);
    let place = place(&sent.form);
    let edit = Edit::Delete { id: id.0, version };
    let deleted = editor
        .change(&sent.sender, TableChange::Mapping(edit))
        .await;
    let (problem, why) = match deleted {
        Ok(written) => {
            return Ok(after(&page, Done::DELETED, id, written.change_set, &place));
        }
        Err(ChangeError::StaleRow { .. }) => (problems::STALE, NotDone::ChangedMeanwhile),
        Err(ChangeError::Refused(_)) => (problems::TEST_FAILED, NotDone::TestFails),
        Err(error) => return Err(of_one_row(error)),
    };
    let Some(now) = editor.get(&sent.sender, id).await? else {
        return Err(gone(&page, id, &place));
    };
    let shown = confirmation(&page, &editor, &sent.sender, now, place, Some(why)).await?;
    Err(Refusal::new(problem).showing(&shown))
}

async fn confirmation(
    page: &Page,
    editor: &MappingEditor,
    admin: &Admin,
    row: Mapping,
    place: ListPlace,
    not_done: Option<NotDone>,
) -> Result<MappingDelete, Refusal> {
    let (id, version) = (row.id.0, row.version);
    let effect = review(editor, admin, Edit::Delete { id, version }).await;
    Ok(MappingDelete {
        frame: page.frame(),
        row: MappingRow::of(row, editor.now()),
        effect: effect.map_err(of_one_row)?,
        place,
        not_done,
    })
}

/// To the list, from a mapping that is not there any more.
fn gone(page: &Page, id: MappingId, place: &ListPlace) -> Refusal {
    let list = back(page, Done::GONE, id, place);
    Refusal::new(problems::NOT_FOUND).answered_by(list)
}

fn back(page: &Page, done: Done, id: MappingId, place: &ListPlace) -> HttpResponse {
    after(page, done, id, None, place)
}

/// To the list, after a change that can be undone.
fn after(
    page: &Page,
    done: Done,
    id: MappingId,
    undo: Option<i64>,
    place: &ListPlace,
) -> HttpResponse {
    page.see_other(&place.after(&Return {
        of: Which::One(id),
        done: Some(done),
        undo,
    }))
}
