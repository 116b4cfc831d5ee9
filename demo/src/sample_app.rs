//! The sample app of `docs/sample-app`, on an origin of its own beside the demo's bridge. Under the name `localhost` the
//! same app is on another site, where it gets its tokens as an OAuth client.

use std::io;
use std::net::TcpListener;

use actix_web::web::{self, ServiceConfig};
use actix_web::{HttpResponse, http::header};
use chrono::{DateTime, Utc};
use serde_json::json;
use thiserror::Error;

use super::server::Server;
use red5_bridge::domain::client::{ClientDraft, ClientId};
use red5_bridge::domain::identity::Actor;
use red5_bridge::domain::members::FieldError;
use red5_bridge::store::clients::ClientNotChanged;
use red5_bridge::store::{Store, StoreError};

/// The bridge's address in the source, in place of which that of the demo's bridge is served.
const EXAMPLE: &str = "https://bridge.example.com";

/// Path, type and content of each file.
const FILES: [(&str, &str, &str); 3] = [
    (
        "/",
        "text/html; charset=utf-8",
        include_str!("../../docs/sample-app/index.html"),
    ),
    (
        "/page.js",
        "text/javascript; charset=utf-8",
        include_str!("../../docs/sample-app/page.js"),
    ),
    (
        "/style.css",
        "text/css; charset=utf-8",
        include_str!("../../docs/sample-app/style.css"),
    ),
];

/// `client_id` of the app, as its page has it.
const CLIENT_ID: &str = "sample-app";

/// Why the app is not registered.
#[derive(Debug, Error)]
pub enum RegistrationError {
    /// The database does not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The client was not taken.
    #[error(transparent)]
    Client(#[from] ClientNotChanged),
    /// The client is none: a bug.
    #[error("the client of the sample app is refused: {0:?}")]
    Refused(Vec<FieldError>),
}

/// The address at which the app is on another site than the bridge.
pub(super) fn on_another_site(origin: &str) -> String {
    origin.replace("127.0.0.1", "localhost")
}

fn client(origin: &str) -> Result<ClientDraft, Vec<FieldError>> {
    let origin = on_another_site(origin);
    let sent = json!({
        "name": "Sample app", "kind": "public", "grants": ["authorization_code", "refresh_token"],
        "redirect_uris": [format!("{origin}/")], "note": "docs/sample-app, opened at localhost.",
    });
    let (_, draft) = ClientDraft::parse(sent.as_object().cloned().unwrap_or_default())?;
    Ok(draft)
}

/// Registers the app for its origin, which may be another one than in the last run. What an administrator changed otherwise
/// stays, and so does a deletion.
pub(super) async fn register(
    store: &Store,
    origin: &str,
    now: DateTime<Utc>,
) -> Result<(), RegistrationError> {
    let Some(id) = ClientId::parse(CLIENT_ID) else {
        return Ok(());
    };
    let wanted = client(origin).map_err(RegistrationError::Refused)?;
    let actor = Actor::cli("demo");
    let done = match store.client(&id).await? {
        None => store.create_client((&id, &wanted), None, &actor, now).await,
        Some(known) if known.draft.origins == wanted.origins => return Ok(()),
        Some(known) => {
            let draft = ClientDraft {
                redirect_uris: wanted.redirect_uris,
                origins: wanted.origins,
                ..known.draft
            };
            store
                .replace_client(&id, known.version, &draft, &actor, now)
                .await
        }
    };
    match done {
        Ok(_) | Err(ClientNotChanged::IdTaken) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Serves the app for the bridge at `bridge_url`.
pub(super) fn start(listener: TcpListener, bridge_url: &str) -> io::Result<Server> {
    let policy = format!(
        "default-src 'none'; script-src 'self' {bridge_url}; style-src 'self'; connect-src {bridge_url}; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    );
    let files =
        FILES.map(|(path, kind, content)| (path, kind, content.replace(EXAMPLE, bridge_url)));
    Server::start(listener, |_origin| {
        Ok(move |routes: &mut ServiceConfig| {
            for (path, kind, content) in files.clone() {
                let policy = policy.clone();
                let file = move || {
                    let answer = HttpResponse::Ok()
                        .content_type(kind)
                        .insert_header((header::CONTENT_SECURITY_POLICY, policy.clone()))
                        .insert_header((header::CACHE_CONTROL, "no-store"))
                        .body(content.clone());
                    async { answer }
                };
                routes.route(path, web::get().to(file));
            }
        })
    })
}
