//! Several mappings that are changed together: `/admin/mappings/selected`.

use std::collections::BTreeMap;

use actix_web::web;

use super::mappings::place;
use super::paging::LIMIT_MAX;
use super::row::{of_one_row, parse_id};
use crate::domain::change_set::{ChangeSet, Edit, TableChange};
use crate::domain::mapping::{Mapping, MappingId};
use crate::flow::admin::Admin;
use crate::flow::mappings::{ChangeError, ChangeOutcome, MappingEditor};
use crate::web::error::{Answer, Refusal};
use crate::web::extract::{Page, ProtectedForm};
use crate::web::form::Form;
use crate::web::page;
use crate::web::views::problem as problems;
use crate::web::views::{
    BulkChange, EffectWords, ListPlace, MappingRow, NotDone, Return, SelectedMappings, Which,
};

/// What the list sends.
struct Selection {
    change: BulkChange,
    /// The version in which each was shown.
    rows: BTreeMap<i64, i64>,
    place: ListPlace,
}

impl Selection {
    /// Reads `do`, `list`, and `row` for each box that is ticked: `7.12`, the number and the version.
    fn read(sent: &Form) -> Result<Self, Refusal> {
        let change = sent.one("do")?.and_then(BulkChange::parse);
        let mut rows = BTreeMap::new();
        let mut is_whole = true;
        for text in sent.all("row") {
            let row = text
                .split_once('.')
                .and_then(|(id, version)| Some((parse_id(id).ok()?, parse_id(version).ok()?)));
            // A row that is named twice may be named in two versions.
            is_whole &= row.is_some_and(|(id, version)| rows.insert(id, version).is_none());
        }
        is_whole &= i64::try_from(rows.len()).is_ok_and(|count| count <= LIMIT_MAX);
        match change {
            Some(change) if is_whole => Ok(Self {
                change,
                rows,
                place: place(sent),
            }),
            _ => Err(Refusal::new(problems::INVALID_REQUEST)),
        }
    }
}

/// What a mapping becomes; none where it is so already.
fn edit(change: BulkChange, row: &Mapping) -> Option<TableChange> {
    let (id, version) = (row.id.0, row.version);
    let switched = |enabled: bool| {
        (row.draft.enabled() != enabled).then(|| Edit::Replace {
            id,
            version,
            draft: row.draft.clone().with_enabled(enabled),
        })
    };
    let edit = match change {
        BulkChange::SwitchOff => switched(false),
        BulkChange::SwitchOn => switched(true),
        BulkChange::Delete => Some(Edit::Delete { id, version }),
    };
    edit.map(TableChange::Mapping)
}

/// A selection beside the table as it is now.
struct SelectionNow {
    page: SelectedMappings,
    changes: Vec<TableChange>,
}

impl SelectionNow {
    async fn of(
        selection: &Selection,
        page: &Page,
        admin: &Admin,
        editor: &MappingEditor,
    ) -> Result<Self, Refusal> {
        let (tables, _) = editor.tables(admin, None).await?;
        let mut shown = SelectedMappings {
            frame: page.frame(),
            place: selection.place.clone(),
            change: selection.change,
            rows: Vec::new(),
            already: Vec::new(),
            changed: Vec::new(),
            gone: Vec::new(),
            effect: None,
            not_done: None,
        };
        let mut changes = Vec::new();
        for (&id, &version) in &selection.rows {
            let Some(row) = tables.mapping(id) else {
                shown.gone.push(MappingId(id));
                continue;
            };
            if row.version != version {
                shown.changed.push(row.id);
            }
            match edit(selection.change, row) {
                Some(change) => {
                    changes.push(change);
                    shown.rows.push(MappingRow::of(row.clone(), editor.now()));
                }
                None => shown.already.push(row.id),
            }
        }
        Ok(Self {
            page: shown,
            changes,
        })
    }

    /// Whether each row is as the administrator saw it.
    fn is_as_shown(&self) -> bool {
        self.page.changed.is_empty() && self.page.gone.is_empty()
    }

    /// The page with what the changes would do.
    async fn with_effect(
        mut self,
        admin: &Admin,
        editor: &MappingEditor,
    ) -> Result<SelectedMappings, Refusal> {
        if !self.changes.is_empty() {
            let outcome = make(self.changes, true, admin, editor).await;
            let outcome = outcome.map_err(of_one_row)?;
            self.page.effect = Some(EffectWords::of(outcome.effect));
        }
        Ok(self.page)
    }
}

async fn make(
    changes: Vec<TableChange>,
    dry_run: bool,
    admin: &Admin,
    editor: &MappingEditor,
) -> Result<ChangeOutcome, ChangeError> {
    let set = ChangeSet {
        changes,
        if_mapping_version: None,
        dry_run,
    };
    editor.change_all(admin, set).await
}

/// GET `/admin/mappings/selected`
pub async fn ask_page(admin: Admin, page: Page, editor: web::Data<MappingEditor>) -> Answer {
    let query = page.query()?;
    // The address alone, as it is left after a sign-in: the list has the boxes.
    if query.names().next().is_none() {
        return Ok(page.see_other("/admin/mappings"));
    }
    let selection = Selection::read(&query)?;
    let compared = SelectionNow::of(&selection, &page, &admin, &editor).await?;
    let shown = compared.with_effect(&admin, &editor).await?;
    if shown.rows.is_empty() {
        return Err(Refusal::new(problems::INVALID_REQUEST).showing(&shown));
    }
    Ok(page::show(&shown))
}

/// POST `/admin/mappings/selected`
pub async fn change(
    sent: ProtectedForm<Admin>,
    page: Page,
    editor: web::Data<MappingEditor>,
) -> Answer {
    let (admin, selection) = (&sent.sender, Selection::read(&sent.form)?);
    let compared = SelectionNow::of(&selection, &page, admin, &editor).await?;
    let (problem, why) = if !compared.is_as_shown() {
        (problems::STALE, Some(NotDone::ChangedMeanwhile))
    } else if compared.changes.is_empty() {
        (problems::INVALID_REQUEST, None)
    } else {
        let of = match compared.page.rows.as_slice() {
            [row] => Which::One(row.id()),
            rows => Which::Several(i64::try_from(rows.len()).unwrap_or(i64::MAX)),
        };
        match make(compared.changes, false, admin, &editor).await {
            Ok(outcome) => {
                return Ok(page.see_other(&selection.place.after(&Return {
                    of,
                    done: Some(selection.change.done()),
                    undo: outcome.change_set,
                })));
            }
            Err(ChangeError::StaleRow { .. }) => (problems::STALE, Some(NotDone::ChangedMeanwhile)),
            Err(ChangeError::Refused(_)) => (problems::TEST_FAILED, Some(NotDone::TestFails)),
            Err(error) => return Err(of_one_row(error)),
        }
    };
    let now = SelectionNow::of(&selection, &page, admin, &editor).await?;
    let shown = SelectedMappings {
        not_done: why,
        ..now.with_effect(admin, &editor).await?
    };
    Err(Refusal::new(problem).showing(&shown))
}
