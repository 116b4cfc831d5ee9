//! `/apps`: the apps that get tokens for the person, and how the person takes that back.

use actix_web::web;

use crate::domain::client::ClientId;
use crate::fingerprint::pseudonym;
use crate::flow::oauth::authorize::Authorization;
use crate::web::error::{Answer, Refusal};
use crate::web::extract::{Page, ProtectedForm, SessionOnly};
use crate::web::page;
use crate::web::views::problem::NOT_FOUND;
use crate::web::views::{AppRow, AppsPage, Notice, Shown};

/// GET `/apps`
pub async fn show(
    session: SessionOnly,
    page: Page,
    authorization: web::Data<Authorization>,
) -> Answer {
    let consents = authorization.consents(session.live()).await?;
    let rows = consents.into_iter().map(|consent| AppRow {
        client: consent.client,
        name: Shown(consent.client_name),
        since: consent.granted_at,
        last_used_at: consent.last_used_at,
    });
    Ok(page::show(&AppsPage {
        rows: rows.collect(),
        done: Notice::of(&page.query()?),
        frame: page.frame(),
    }))
}

/// POST `/apps/{client}/end`
pub async fn end(
    sent: ProtectedForm<SessionOnly>,
    client: web::Path<String>,
    page: Page,
    authorization: web::Data<Authorization>,
) -> Answer {
    let live = sent.sender.live();
    let client = ClientId::parse(&client).ok_or_else(|| Refusal::new(NOT_FOUND))?;
    let ended = authorization.end_consent(live, &client).await?;
    if ended {
        let subject = &*pseudonym(&live.session.identity.subject);
        tracing::info!(event = "consent_ended", client = client.as_str(), subject);
    }
    Ok(page.see_other(if ended {
        "/apps?done=app-ended"
    } else {
        "/apps?done=app-gone"
    }))
}
