//! OAuth clients: `/api/admin/clients`, and their secrets.

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web};
use serde_json::json;

use super::paging::{ListQuery, list_answer};
use super::row::{SentBack, if_match, versioned};
use crate::domain::client::{ClientDraft, ClientId};
use crate::domain::members::FieldError;
use crate::domain::time::utc;
use crate::flow::admin::Admin;
use crate::flow::oauth::clients::{ClientEditor, ClientError, ClientNotChanged, ClientSecret};
use crate::web::error::{Answer, Refusal};
use crate::web::extract::{ProtectedEmpty, ProtectedJson};
use crate::web::form::Form;
use crate::web::site::Site;
use crate::web::views::problem as problems;

/// GET `/api/admin/clients?q=&limit=&offset=`
pub async fn list(admin: Admin, request: HttpRequest, editor: web::Data<ClientEditor>) -> Answer {
    let asked = ListQuery::read(&Form::of_query(&request)?, ["q"])?;
    let found = editor.list(&admin, &asked.filters[0], asked.range).await?;
    Ok(list_answer(&found, |client| json!(client)))
}

/// GET `/api/admin/clients/{id}`
pub async fn get(admin: Admin, id: web::Path<String>, editor: web::Data<ClientEditor>) -> Answer {
    let found = editor.find(&admin, &client_id(&id)?).await?;
    let found = found.ok_or_else(|| Refusal::new(problems::NOT_FOUND))?;
    Ok(versioned(HttpResponse::Ok(), found.version, &found))
}

/// POST `/api/admin/clients`: the answer for a confidential client has its first secret, once.
pub async fn create(
    sent: ProtectedJson<Admin>,
    site: web::Data<Site>,
    editor: web::Data<ClientEditor>,
) -> Answer {
    let (id, draft) = ClientDraft::parse(sent.members)?;
    let (client, secret) = editor.create(&sent.sender, id, &draft).await?;
    let location = site.to(&format!("/api/admin/clients/{}", client.id));
    let mut body = json!(client);
    if let Some(secret) = &secret {
        body["secret"] = json!(secret.expose());
    }
    let mut created = HttpResponse::Created();
    created.insert_header((header::LOCATION, location));
    Ok(versioned(created, client.version, &body))
}

/// PUT `/api/admin/clients/{id}`
pub async fn replace(
    sent: ProtectedJson<Admin>,
    request: HttpRequest,
    id: web::Path<String>,
    editor: web::Data<ClientEditor>,
) -> Answer {
    let sent_back = SentBack::of(&sent.members);
    let draft = ClientDraft::parse_edit(sent.members)?;
    let (id, version) = (client_id(&id)?, if_match(&request)?);
    if !sent_back.is_empty() {
        let found = editor.find(&sent.sender, &id).await?;
        let found = found.ok_or_else(|| Refusal::new(problems::NOT_FOUND))?;
        sent_back.compare(&found, version)?;
    }
    let client = editor.replace(&sent.sender, &id, version, &draft).await?;
    Ok(versioned(HttpResponse::Ok(), client.version, &client))
}

/// DELETE `/api/admin/clients/{id}`
pub async fn delete(
    sent: ProtectedEmpty<Admin>,
    request: HttpRequest,
    id: web::Path<String>,
    editor: web::Data<ClientEditor>,
) -> Answer {
    let (id, version) = (client_id(&id)?, if_match(&request)?);
    editor.delete(&sent.sender, &id, version).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// GET `/api/admin/clients/{id}/secrets`
pub async fn secrets(
    admin: Admin,
    id: web::Path<String>,
    editor: web::Data<ClientEditor>,
) -> Answer {
    let secrets = editor.secrets(&admin, &client_id(&id)?).await?;
    let items = secrets
        .iter()
        .map(|ClientSecret { id, created_at }| json!({ "id": id, "created_at": utc(*created_at) }));
    let items: Vec<_> = items.collect();
    Ok(HttpResponse::Ok().json(json!({ "total": items.len(), "items": items })))
}

/// POST `/api/admin/clients/{id}/secrets`
pub async fn add_secret(
    sent: ProtectedEmpty<Admin>,
    id: web::Path<String>,
    editor: web::Data<ClientEditor>,
) -> Answer {
    let (id, secret) = editor.add_secret(&sent.sender, &client_id(&id)?).await?;
    Ok(HttpResponse::Created().json(json!({ "id": id, "secret": secret.expose() })))
}

/// DELETE `/api/admin/clients/{id}/secrets/{secret_id}`
pub async fn end_secret(
    sent: ProtectedEmpty<Admin>,
    path: web::Path<(String, String)>,
    editor: web::Data<ClientEditor>,
) -> Answer {
    let (id, secret) = path.into_inner();
    editor
        .end_secret(&sent.sender, &client_id(&id)?, &secret)
        .await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Text that is no valid id names no client.
pub(super) fn client_id(text: &str) -> Result<ClientId, Refusal> {
    ClientId::parse(text).ok_or_else(|| Refusal::new(problems::NOT_FOUND))
}

impl From<ClientError> for Refusal {
    fn from(error: ClientError) -> Self {
        let duplicate = |sentence| Self::new(problems::DUPLICATE).saying(sentence);
        match error {
            ClientError::NoRandomness => Self::new(problems::INTERNAL),
            ClientError::NotChanged(error) => match error {
                ClientNotChanged::NotFound => Self::new(problems::NOT_FOUND),
                ClientNotChanged::IdTaken => duplicate(
                    "The id is in use, or was once: ids are given once. Choose another one.",
                ),
                ClientNotChanged::TwoSecrets => {
                    duplicate("Two secrets are valid already. End one first.")
                }
                ClientNotChanged::Stale(current) => {
                    Self::new(problems::STALE).with("current", json!(current))
                }
                ClientNotChanged::OtherKind => {
                    let reason = "cannot change: register another client, and delete this one";
                    Self::invalid(&[FieldError::new("kind", reason)])
                }
                ClientNotChanged::Public => {
                    let reason = "is public: only a confidential client has secrets";
                    Self::invalid(&[FieldError::new("kind", reason)])
                }
                ClientNotChanged::Store(error) => error.into(),
            },
        }
    }
}
