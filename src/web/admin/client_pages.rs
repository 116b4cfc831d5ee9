//! The pages about clients: `/admin/clients`, `/admin/clients/new`, `/admin/clients/{id}/edit`, `…/delete` and `…/secrets`.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};

use super::clients::client_id;
use super::paging::ListQuery;
use super::row::version_of;
use crate::domain::client::{Client, ClientDraft, ClientId, ClientKind};
use crate::domain::members::FieldError;
use crate::flow::admin::Admin;
use crate::flow::oauth::clients::{ClientEditor, ClientError, ClientNotChanged, NewSecret};
use crate::web::error::{Answer, Refusal};
use crate::web::extract::{Page, ProtectedForm, SentForm, Submitted};
use crate::web::form::Form;
use crate::web::page::{render, show};
use crate::web::views::problem as problems;
use crate::web::views::{
    ClientDelete, ClientForm, ClientList, ClientNotSaved, ClientSecretsPage, ListedClient,
    TypedClient,
};

/// The list of the clients that were not found.
const GONE: &str = "/admin/clients?done=gone";

/// What a page did, as a sentence, and whether that is what the administrator wanted.
const DONE: [(&str, &str, bool); 7] = [
    ("added", "The client is registered.", true),
    ("saved", "The client was saved.", true),
    (
        "deleted",
        "The client was deleted, with all that it was given.",
        true,
    ),
    ("gone", "That client is not there any more.", false),
    ("secret-ended", "The secret is over.", true),
    (
        "secret-gone",
        "That secret was over already. Nothing was changed.",
        false,
    ),
    (
        "two-secrets",
        "Two secrets are valid already. Nothing was changed.",
        false,
    ),
];

fn done(word: &str) -> Option<(&'static str, bool)> {
    let done = DONE.into_iter().find(|(known, ..)| *known == word);
    done.map(|(_, sentence, is_good)| (sentence, is_good))
}

/// GET `/admin/clients?q=&limit=&offset=`, or `page` instead of `offset`
pub async fn list_page(admin: Admin, page: Page, editor: web::Data<ClientEditor>) -> Answer {
    let query = page.query()?;
    let asked = ListQuery::read_page(&query, ["q"])?;
    let found = editor.list(&admin, &asked.filters[0], asked.range).await?;
    let rows: Vec<ListedClient> = found.items.into_iter().map(ListedClient).collect();
    Ok(show(&ClientList {
        frame: page.frame(),
        paging: asked.paging(&page, "/admin/clients", rows.len(), found.total),
        rows,
        done: done(&query.text("done")),
        text: asked.filters.into_iter().collect(),
    }))
}

/// GET `/admin/clients/new`
pub async fn new_page(_: Admin, page: Page) -> Answer {
    Ok(show(&blank(&page, None)))
}

/// GET `/admin/clients/{id}/edit`
pub async fn edit_page(
    admin: Admin,
    page: Page,
    id: web::Path<String>,
    editor: web::Data<ClientEditor>,
) -> Answer {
    let client = find(&admin, &page, &id, &editor).await?;
    let typed = TypedClient::of(&client.draft);
    Ok(show(&ClientForm {
        typed,
        ..blank(&page, Some((client.id, client.version)))
    }))
}

/// POST `/admin/clients`: the answer for a confidential client has its first secret, once.
pub async fn add(sent: SentForm<Admin>, page: Page, editor: web::Data<ClientEditor>) -> Answer {
    let (form, id, draft) = judge(&page, None, sent.sent)?;
    match editor.create(&sent.sender, id, &draft).await {
        Ok((client, None)) => Ok(to_list(&page, &client, "added")),
        Ok((client, Some(made))) => {
            let mut shown = secrets_of(&sent.sender, &page, client, &editor).await?;
            shown.done = done("added");
            Ok(tell(shown, &made))
        }
        Err(error) => Err(not_saved(form, error)),
    }
}

/// POST `/admin/clients/{id}/edit`
pub async fn save(
    sent: SentForm<Admin>,
    page: Page,
    id: web::Path<String>,
    editor: web::Data<ClientEditor>,
) -> Answer {
    let (Submitted::Now(form) | Submitted::Earlier(form)) = &sent.sent;
    let (id, version) = (client_id(&id)?, version_of(form)?);
    let (form, _, draft) = judge(&page, Some((id.clone(), version)), sent.sent)?;
    match editor.replace(&sent.sender, &id, version, &draft).await {
        Ok(client) => Ok(to_list(&page, &client, "saved")),
        Err(error) => Err(not_saved(form, error)),
    }
}

/// GET `/admin/clients/{id}/delete`
pub async fn delete_page(
    admin: Admin,
    page: Page,
    id: web::Path<String>,
    editor: web::Data<ClientEditor>,
) -> Answer {
    Ok(show(&confirmation(&admin, &page, &id, &editor).await?))
}

/// POST `/admin/clients/{id}/delete`
pub async fn delete_confirmed(
    sent: ProtectedForm<Admin>,
    page: Page,
    id: web::Path<String>,
    editor: web::Data<ClientEditor>,
) -> Answer {
    let (named, version) = (client_id(&id)?, version_of(&sent.form)?);
    match editor.delete(&sent.sender, &named, version).await {
        Ok(()) => Ok(page.see_other("/admin/clients?done=deleted")),
        Err(ClientError::NotChanged(ClientNotChanged::Stale(_))) => {
            let shown = ClientDelete {
                changed_meanwhile: true,
                ..confirmation(&sent.sender, &page, &id, &editor).await?
            };
            Err(Refusal::new(problems::STALE).showing(&shown))
        }
        Err(error) => Err(page.lead_back(GONE, error)),
    }
}

/// GET `/admin/clients/{id}/secrets`
pub async fn secrets_page(
    admin: Admin,
    page: Page,
    id: web::Path<String>,
    editor: web::Data<ClientEditor>,
) -> Answer {
    let client = find(&admin, &page, &id, &editor).await?;
    if client.draft.kind == ClientKind::Public {
        return Ok(page.see_other(&format!("/admin/clients/{}/edit", client.id)));
    }
    let mut shown = secrets_of(&admin, &page, client, &editor).await?;
    shown.done = done(&page.query()?.text("done"));
    Ok(show(&shown))
}

/// POST `/admin/clients/{id}/secrets`: ends the one that `secret` names, or makes another. A new one is in the answer
/// itself, so no address shows it again.
pub async fn change_secrets(
    sent: ProtectedForm<Admin>,
    page: Page,
    id: web::Path<String>,
    editor: web::Data<ClientEditor>,
) -> Answer {
    let id = client_id(&id)?;
    let secrets = |done| page.see_other(&format!("/admin/clients/{id}/secrets?done={done}"));
    if let Some(secret) = sent.form.one("secret")? {
        return match editor.end_secret(&sent.sender, &id, secret).await {
            Ok(()) => Ok(secrets("secret-ended")),
            Err(ClientError::NotChanged(ClientNotChanged::NotFound)) => {
                Err(Refusal::new(problems::NOT_FOUND).answered_by(secrets("secret-gone")))
            }
            Err(error) => Err(error.into()),
        };
    }
    match editor.add_secret(&sent.sender, &id).await {
        Ok((_, made)) => {
            let client = find(&sent.sender, &page, id.as_str(), &editor).await?;
            let shown = secrets_of(&sent.sender, &page, client, &editor).await?;
            Ok(tell(shown, &made))
        }
        Err(ClientError::NotChanged(ClientNotChanged::TwoSecrets)) => {
            Err(Refusal::new(problems::DUPLICATE).answered_by(secrets("two-secrets")))
        }
        Err(error) => Err(page.lead_back(GONE, error)),
    }
}

/// Answers with a secret that was just made.
fn tell(shown: ClientSecretsPage, made: &NewSecret) -> HttpResponse {
    let made = Some(made.expose().to_owned());
    render(StatusCode::CREATED, &ClientSecretsPage { made, ..shown })
}

async fn find(
    admin: &Admin,
    page: &Page,
    id: &str,
    editor: &ClientEditor,
) -> Result<Client, Refusal> {
    let found = editor.find(admin, &client_id(id)?).await?;
    found.ok_or_else(|| page.lead_back(GONE, Refusal::new(problems::NOT_FOUND)))
}

async fn confirmation(
    admin: &Admin,
    page: &Page,
    id: &str,
    editor: &ClientEditor,
) -> Result<ClientDelete, Refusal> {
    let client = find(admin, page, id, editor).await?;
    Ok(ClientDelete {
        frame: page.frame(),
        ends: editor.holdings(admin, &client.id).await?,
        row: ListedClient(client),
        changed_meanwhile: false,
    })
}

async fn secrets_of(
    admin: &Admin,
    page: &Page,
    client: Client,
    editor: &ClientEditor,
) -> Result<ClientSecretsPage, Refusal> {
    Ok(ClientSecretsPage {
        frame: page.frame(),
        secrets: editor.secrets(admin, &client.id).await?,
        row: ListedClient(client),
        made: None,
        done: None,
    })
}

/// The list, narrowed to the client.
fn to_list(page: &Page, client: &Client, done: &str) -> HttpResponse {
    page.see_other(&format!("/admin/clients?q={}&done={done}", client.id))
}

fn blank(page: &Page, editing: Option<(ClientId, i64)>) -> ClientForm {
    ClientForm {
        frame: page.frame(),
        editing,
        typed: TypedClient::default(),
        errors: Vec::new(),
        not_saved: None,
    }
}

/// The form with what was typed, the id if one was chosen, and the client that the form describes.
fn judge(
    page: &Page,
    editing: Option<(ClientId, i64)>,
    sent: Submitted,
) -> Result<(ClientForm, Option<ClientId>, ClientDraft), Refusal> {
    let (form, is_earlier): (Form, bool) = sent.into_form();
    let mut form = ClientForm {
        typed: TypedClient::sent(form)?,
        ..blank(page, editing)
    };
    if is_earlier {
        form.not_saved = Some(ClientNotSaved::SessionChanged);
        return Err(Refusal::new(problems::SESSION_CHANGED).showing(&form));
    }
    match form.typed.read() {
        Ok((id, draft)) => Ok((form, id, draft)),
        Err(errors) => {
            form.errors = errors;
            Err(Refusal::new(problems::INVALID_REQUEST).showing(&form))
        }
    }
}

/// What was typed once more, with why it was not saved.
fn not_saved(mut form: ClientForm, error: ClientError) -> Refusal {
    let ClientError::NotChanged(why) = error else {
        return error.into();
    };
    let mut wrong = |field, reason| form.errors.push(FieldError::new(field, reason));
    let problem = match why {
        ClientNotChanged::IdTaken => {
            wrong(
                "id",
                "is in use, or was once: ids are given once. Choose another one",
            );
            problems::DUPLICATE
        }
        ClientNotChanged::OtherKind => {
            wrong(
                "kind",
                "cannot change: register another client, and delete this one",
            );
            problems::INVALID_REQUEST
        }
        ClientNotChanged::Stale(now) => {
            form.editing = Some((now.id.clone(), now.version));
            let now = Box::new(TypedClient::of(&now.draft));
            form.not_saved = Some(ClientNotSaved::Stale(now));
            problems::STALE
        }
        // Deleted meanwhile: what was typed may become a new client.
        ClientNotChanged::NotFound => {
            let gone = form.editing.take().map(|(id, _)| ClientNotSaved::Gone(id));
            form.not_saved = gone;
            problems::NOT_FOUND
        }
        other => return ClientError::NotChanged(other).into(),
    };
    Refusal::new(problem).showing(&form)
}
