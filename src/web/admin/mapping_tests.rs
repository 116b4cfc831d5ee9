//! Mapping tests: `/api/admin/tests`, `/api/admin/tests/{id}`.

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web};
use serde_json::json;

use super::row::{if_match, of_one_row, parse_id, versioned};
use crate::domain::change_set::{Edit, TableChange};
use crate::domain::mapping_test::{MappingTest, MappingTestDraft};
use crate::flow::admin::Admin;
use crate::flow::mappings::{MappingEditor, TableRow};
use crate::web::error::{Answer, Refusal};
use crate::web::extract::{ProtectedEmpty, ProtectedJson};
use crate::web::site::Site;
use crate::web::views::problem as problems;

/// GET `/api/admin/tests`
pub async fn list(admin: Admin, editor: web::Data<MappingEditor>) -> Answer {
    let tests = editor.tests(&admin).await?;
    Ok(HttpResponse::Ok().json(json!({ "total": tests.len(), "items": tests })))
}

/// GET `/api/admin/tests/{id}`
pub async fn get(admin: Admin, id: web::Path<String>, editor: web::Data<MappingEditor>) -> Answer {
    let id = parse_id(&id)?;
    let tests = editor.tests(&admin).await?;
    let found = tests.into_iter().find(|test| test.id.0 == id);
    let found = found.ok_or_else(|| Refusal::new(problems::NOT_FOUND))?;
    Ok(versioned(HttpResponse::Ok(), found.version, &found))
}

/// POST `/api/admin/tests`
pub async fn create(
    sent: ProtectedJson<Admin>,
    site: web::Data<Site>,
    editor: web::Data<MappingEditor>,
) -> Answer {
    let draft = MappingTestDraft::parse(sent.members)?;
    let written = write(&editor, &sent.sender, Edit::Create(draft)).await?;
    let location = site.to(&format!("/api/admin/tests/{}", written.id));
    let mut created = HttpResponse::Created();
    created.insert_header((header::LOCATION, location));
    Ok(versioned(created, written.version, &written))
}

/// PUT `/api/admin/tests/{id}`
pub async fn replace(
    sent: ProtectedJson<Admin>,
    request: HttpRequest,
    id: web::Path<String>,
    editor: web::Data<MappingEditor>,
) -> Answer {
    let draft = MappingTestDraft::parse_edit(sent.members)?;
    let (id, version) = (parse_id(&id)?, if_match(&request)?);
    let edit = Edit::Replace { id, version, draft };
    let written = write(&editor, &sent.sender, edit).await?;
    Ok(versioned(HttpResponse::Ok(), written.version, &written))
}

/// DELETE `/api/admin/tests/{id}`
pub async fn delete(
    sent: ProtectedEmpty<Admin>,
    request: HttpRequest,
    id: web::Path<String>,
    editor: web::Data<MappingEditor>,
) -> Answer {
    let (id, version) = (parse_id(&id)?, if_match(&request)?);
    let deleted = TableChange::Test(Edit::Delete { id, version });
    let deleted = editor.change(&sent.sender, deleted).await;
    deleted.map_err(of_one_row)?;
    Ok(HttpResponse::NoContent().finish())
}

/// Creates or replaces one test.
async fn write(
    editor: &MappingEditor,
    admin: &Admin,
    edit: Edit<MappingTestDraft>,
) -> Result<MappingTest, Refusal> {
    match editor
        .change(admin, TableChange::Test(edit))
        .await
        .map(|written| written.row)
    {
        Ok(Some(TableRow::Test(row))) => Ok(*row),
        Ok(_) => Err(Refusal::new(problems::INTERNAL)),
        Err(error) => Err(of_one_row(error)),
    }
}
