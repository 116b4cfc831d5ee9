//! Changes of many rows, and earlier states of the tables:
//! `/api/admin/mappings/changes`, `/api/admin/mappings/restore`, `/api/admin/mappings/{id}/restore`.

use actix_web::{HttpResponse, web};

use super::row::parse_id;
use crate::domain::change_set::ChangeSet;
use crate::domain::mapping::MappingId;
use crate::domain::members::Members;
use crate::flow::admin::Admin;
use crate::flow::mappings::{MappingEditor, Terms};
use crate::web::error::{Answer, Refusal};
use crate::web::extract::ProtectedJson;
use crate::web::views::problem as problems;

/// POST `/api/admin/mappings/changes`
pub async fn change(sent: ProtectedJson<Admin>, editor: web::Data<MappingEditor>) -> Answer {
    let changes = ChangeSet::parse(sent.members)?;
    let outcome = editor.change_all(&sent.sender, changes).await?;
    Ok(HttpResponse::Ok().json(outcome))
}

/// POST `/api/admin/mappings/restore`
pub async fn restore(sent: ProtectedJson<Admin>, editor: web::Data<MappingEditor>) -> Answer {
    let (at, terms) = Members::judge(sent.members, |members| {
        let at = members.moment("at");
        match at {
            None => members.refuse("at", "write the time of the state to restore"),
            Some(at) if editor.now() < at => members.refuse("at", "must not be in the future"),
            Some(_) => {}
        }
        let terms = terms(members);
        Some((at?, terms))
    })?;
    let outcome = editor.restore(&sent.sender, at, terms).await?;
    Ok(HttpResponse::Ok().json(outcome))
}

/// POST `/api/admin/mappings/{id}/restore`
pub async fn restore_one(
    sent: ProtectedJson<Admin>,
    id: web::Path<String>,
    editor: web::Data<MappingEditor>,
) -> Answer {
    let (audit_id, terms) = Members::judge(sent.members, |members| {
        let (audit_id, terms) = (members.required_number("audit_id"), terms(members));
        Some((audit_id?, terms))
    })?;
    let restored = editor.restore_one(&sent.sender, MappingId(parse_id(&id)?), audit_id, terms);
    match restored.await? {
        Some(outcome) => Ok(HttpResponse::Ok().json(outcome)),
        None => Err(Refusal::new(problems::NOT_FOUND)),
    }
}

fn terms(members: &mut Members) -> Terms {
    Terms {
        if_mapping_version: members.number("if_mapping_version"),
        if_tests: None,
        dry_run: members.flag("dry_run").unwrap_or(false),
    }
}
