//! `/admin/files`: the mappings and their tests as a file, and a file as the mappings.

use actix_web::http::header::CONTENT_DISPOSITION;
use actix_web::{HttpResponse, web};

use super::restore::{done, refused};
use crate::domain::mapping_file;
use crate::domain::tables::WantedTables;
use crate::flow::admin::Admin;
use crate::flow::mapping_files::{as_csv, read};
use crate::flow::mappings::{MappingEditor, PlanVersion, Terms};
use crate::web::error::{Answer, Refusal};
use crate::web::extract::{Page, SentForm};
use crate::web::page::show;
use crate::web::views::problem::{self as problems, Problem};
use crate::web::views::{FilesPage, PlanRefused, PlanWords};

/// Longest mapping file in bytes.
pub const FILE_MAX: usize = 16 * 1024 * 1024;

/// GET `/admin/files`
pub async fn page(_: Admin, page: Page) -> Answer {
    Ok(show(&blank(&page)))
}

/// GET `/admin/files/mappings.json`
pub async fn json(admin: Admin, editor: web::Data<MappingEditor>) -> Answer {
    let (tables, _) = editor.tables(&admin, None).await?;
    let text = mapping_file::write(&tables).map_err(|_| Refusal::new(problems::INTERNAL))?;
    Ok(download("application/json", "mappings.json", text))
}

/// GET `/admin/files/mappings.csv`
pub async fn csv(admin: Admin, editor: web::Data<MappingEditor>) -> Answer {
    let (tables, _) = editor.tables(&admin, None).await?;
    let text = as_csv(&tables);
    Ok(download("text/csv; charset=utf-8", "mappings.csv", text))
}

fn download(media_type: &str, name: &str, text: String) -> HttpResponse {
    let attachment = format!("attachment; filename=\"{name}\"");
    HttpResponse::Ok()
        .content_type(media_type)
        .insert_header((CONTENT_DISPOSITION, attachment))
        .body(text)
}

/// POST `/admin/files`: what the file would change.
pub async fn plan(sent: SentForm<Admin>, page: Page, editor: web::Data<MappingEditor>) -> Answer {
    let (form, is_earlier) = sent.sent.into_form();
    let (file, text) = (form.text("file"), form.text("text"));
    let mut shown = FilesPage {
        text: text.clone(),
        ..blank(&page)
    };
    if is_earlier {
        shown.not_done = Some(PlanRefused::SessionChanged);
        return Err(Refusal::new(problems::SESSION_CHANGED).showing(&shown));
    }
    let content = match (file.trim().is_empty(), text.trim().is_empty()) {
        (false, true) => file,
        (true, false) => text,
        (is_none, _) => {
            let error = if is_none {
                "choose a file, or paste its content"
            } else {
                "choose a file or paste its content, not both"
            };
            shown.errors.push(error.to_owned());
            return Err(Refusal::new(problems::INVALID_REQUEST).showing(&shown));
        }
    };
    let wanted = judge(&content, &mut shown)?;
    match planned(&sent.sender, &editor, &wanted, content, &mut shown).await? {
        None => Ok(show(&shown)),
        Some(problem) => Err(Refusal::new(problem).showing(&shown)),
    }
}

/// POST `/admin/files/apply`: what a plan showed is done, if it is still what would be done.
pub async fn apply(sent: SentForm<Admin>, page: Page, editor: web::Data<MappingEditor>) -> Answer {
    let (form, is_earlier) = sent.sent.into_form();
    let content = form.text("content");
    let mut shown = blank(&page);
    let wanted = judge(&content, &mut shown)?;
    let problem = if is_earlier {
        shown.not_done = Some(PlanRefused::SessionChanged);
        problems::SESSION_CHANGED
    } else {
        let planned = PlanVersion::parse(&form.text("plan_version"));
        let planned = planned.ok_or_else(|| Refusal::new(problems::INVALID_REQUEST))?;
        match editor.lead_to(&sent.sender, &wanted, planned.into()).await {
            Ok(outcome) => return Ok(done(&page, &outcome)),
            Err(error) => refused(error, &mut shown.not_done)?,
        }
    };
    let now = planned(&sent.sender, &editor, &wanted, content, &mut shown).await?;
    Err(Refusal::new(now.unwrap_or(problem)).showing(&shown))
}

fn blank(page: &Page) -> FilesPage {
    FilesPage {
        frame: page.frame(),
        text: String::new(),
        errors: Vec::new(),
        not_done: None,
        plan: None,
    }
}

fn judge(content: &str, shown: &mut FilesPage) -> Result<WantedTables, Refusal> {
    if FILE_MAX < content.len() {
        return Err(Refusal::new(problems::TOO_LARGE));
    }
    read(content.as_bytes(), false).map_err(|errors| {
        shown.errors = errors;
        Refusal::new(problems::INVALID_REQUEST).showing(shown)
    })
}

/// Shows what a file would change, or the problem.
async fn planned(
    admin: &Admin,
    editor: &MappingEditor,
    wanted: &WantedTables,
    content: String,
    shown: &mut FilesPage,
) -> Result<Option<Problem>, Refusal> {
    let terms = Terms {
        dry_run: true,
        ..Terms::default()
    };
    match editor.lead_to(admin, wanted, terms).await {
        Ok(outcome) => {
            shown.plan = Some((PlanWords::of(outcome), content));
            Ok(None)
        }
        Err(error) => refused(error, &mut shown.not_done).map(Some),
    }
}
