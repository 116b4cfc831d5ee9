//! Rows of OAuth clients and their secrets. A trigger increments the change counter and sends the notice, and
//! triggers write the audit rows.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::audit::act_as;
use super::error::StoreError;
use super::pool::Store;
use super::transaction::Transaction;
use crate::domain::client::{Client, ClientDraft, ClientId, ClientKind, GrantType, RedirectUri};
use crate::domain::grant::{Ask, Scope};
use crate::domain::identity::Actor;
use crate::domain::list::{ListPage, PageRange};

/// Most secrets of one client: the one in use and the next.
pub const SECRETS_MAX: i64 = 2;

/// SHA-256 of a client secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SecretDigest([u8; 32]);

impl SecretDigest {
    /// The hash of a secret as it was sent.
    pub fn of(secret: &str) -> Self {
        Self(Sha256::digest(secret).into())
    }
}

/// A client and its secrets, as requests look them up.
#[derive(Debug)]
pub struct RegisteredClient {
    /// The client.
    pub client: Client,
    secrets: Vec<SecretDigest>,
}

impl RegisteredClient {
    /// Whether this is one of its secrets; all are compared in constant time.
    pub fn has_secret(&self, secret: &str) -> bool {
        let sent = SecretDigest::of(secret);
        let equal = self.secrets.iter().map(|own| own.0.ct_eq(&sent.0));
        equal
            .fold(subtle::Choice::from(0), |any, one| any | one)
            .into()
    }
}

/// All clients, switched off or not.
#[derive(Debug, Default)]
pub struct RegisteredClients(BTreeMap<ClientId, Arc<RegisteredClient>>);

impl RegisteredClients {
    /// The client of this id, unless it is switched off.
    pub fn enabled(&self, id: &ClientId) -> Option<&Arc<RegisteredClient>> {
        self.0.get(id).filter(|found| found.client.draft.enabled)
    }

    /// Whether an enabled client has this origin.
    pub fn have_origin(&self, origin: &str) -> bool {
        let mut clients = self.0.values().map(|found| &found.client);
        clients.any(|client| client.draft.enabled && client.has_origin(origin))
    }
}

/// A secret in a list; the secret itself is not kept.
#[derive(Debug)]
pub struct ClientSecret {
    /// Names it.
    pub id: String,
    /// When it was made.
    pub created_at: DateTime<Utc>,
}

/// What people gave a client.
#[derive(Debug, Clone, Copy)]
pub struct ClientHoldings {
    /// People who have consented to it.
    pub consents: i64,
    /// Families of refresh tokens.
    pub refresh_tokens: i64,
}

/// Why a client was not changed. Nothing was written.
#[derive(Debug, thiserror::Error)]
pub enum ClientNotChanged {
    /// There is no such client, or no such secret of it.
    #[error("there is none")]
    NotFound,
    /// The id is in use, or was once.
    #[error("the id was given before")]
    IdTaken,
    /// Another edit came first; the client as it is now.
    #[error("the client was changed since")]
    Stale(Box<Client>),
    /// The kind of a client cannot change.
    #[error("the kind cannot change")]
    OtherKind,
    /// Public clients have no secrets.
    #[error("a public client has no secrets")]
    Public,
    /// There are [`SECRETS_MAX`] already.
    #[error("two secrets are valid already")]
    TwoSecrets,
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<sqlx::Error> for ClientNotChanged {
    fn from(error: sqlx::Error) -> Self {
        Self::Store(error.into())
    }
}

/// A row as `select_clients!` reads it.
struct ClientRow {
    id: String,
    name: String,
    kind: String,
    trusted: bool,
    grants: Vec<String>,
    redirect_uris: Vec<String>,
    origins: Vec<String>,
    max_roles: Option<Vec<String>>,
    max_transports: Option<Vec<String>>,
    max_rooms: Option<Vec<String>>,
    max_ttl_seconds: Option<i32>,
    enabled: bool,
    note: String,
    version: i64,
    created_at: DateTime<Utc>,
    created_by: String,
    updated_at: DateTime<Utc>,
    updated_by: String,
}

macro_rules! select_clients {
    ($rest:literal $(, $argument:expr)*) => {
        sqlx::query_as!(
            ClientRow,
            "SELECT id, name, kind, trusted, grants, redirect_uris, origins, max_roles, max_transports, max_rooms,
                    max_ttl_seconds, enabled, note, version, created_at, created_by, updated_at, updated_by
             FROM clients " + $rest
            $(, $argument)*
        )
    };
}

/// A row that a change by SQL has made unreadable is left out and reported: such a client gets nothing.
fn client(row: ClientRow) -> Option<Client> {
    let id = row.id.clone();
    let read = read(row);
    if read.is_none() {
        tracing::error!(
            event = "client_unreadable",
            client = id,
            "a row of clients cannot be read; the client gets no token"
        );
    }
    read
}

fn read(row: ClientRow) -> Option<Client> {
    let max = match (row.max_roles, row.max_transports, row.max_rooms) {
        (None, None, None) => None,
        (Some(roles), Some(transports), Some(rooms)) => {
            let rooms = rooms.iter().map(|room| format!("room:{room}"));
            let transports = transports.iter().map(|name| format!("transport:{name}"));
            let words: Vec<String> = roles.into_iter().chain(rooms).chain(transports).collect();
            let ask = Ask::of_words(&words.join(" ")).ok()?;
            Some(Scope {
                roles: ask.roles?,
                transports: ask.transports?,
                rooms: ask.rooms?,
            })
        }
        _ => return None,
    };
    let uris = row
        .redirect_uris
        .iter()
        .map(|uri| RedirectUri::parse(uri).ok());
    let grants = row
        .grants
        .iter()
        .map(|grant| grant.parse::<GrantType>().ok());
    Some(Client {
        id: ClientId::parse(&row.id)?,
        draft: ClientDraft {
            name: row.name,
            kind: row.kind.parse().ok()?,
            trusted: row.trusted,
            grants: grants.collect::<Option<_>>()?,
            redirect_uris: uris.collect::<Option<_>>()?,
            origins: row.origins,
            max,
            max_ttl_seconds: row.max_ttl_seconds.map(u32::try_from).transpose().ok()?,
            enabled: row.enabled,
            note: row.note,
        },
        version: row.version,
        created_at: row.created_at,
        created_by: row.created_by,
        updated_at: row.updated_at,
        updated_by: row.updated_by,
    })
}

/// The columns of a draft that are lists.
struct Lists {
    grants: Vec<String>,
    redirect_uris: Vec<String>,
    max: Option<(Vec<String>, Vec<String>, Vec<String>)>,
}

impl Lists {
    fn of(draft: &ClientDraft) -> Self {
        let uris = draft
            .redirect_uris
            .iter()
            .map(|uri| uri.as_str().to_owned());
        let max = draft.max.as_ref().map(|max| {
            (
                max.roles.to_strings(),
                max.transports.to_strings(),
                max.rooms.to_strings(),
            )
        });
        Self {
            grants: draft
                .grants
                .iter()
                .map(|grant| <&str>::from(grant).to_owned())
                .collect(),
            redirect_uris: uris.collect(),
            max,
        }
    }

    fn roles(&self) -> Option<&[String]> {
        self.max.as_ref().map(|(roles, _, _)| &roles[..])
    }

    fn transports(&self) -> Option<&[String]> {
        self.max.as_ref().map(|(_, transports, _)| &transports[..])
    }

    fn rooms(&self) -> Option<&[String]> {
        self.max.as_ref().map(|(_, _, rooms)| &rooms[..])
    }
}

/// All clients, for the snapshot.
pub(super) async fn all(transaction: &mut Transaction) -> Result<RegisteredClients, sqlx::Error> {
    let rows = select_clients!("ORDER BY id")
        .fetch_all(&mut *transaction)
        .await?;
    let secrets =
        sqlx::query!(r#"SELECT client_id, digest AS "digest: [u8; 32]" FROM client_secrets"#)
            .fetch_all(transaction)
            .await?;
    let mut of_client: BTreeMap<String, Vec<SecretDigest>> = BTreeMap::new();
    for secret in secrets {
        let digests = of_client.entry(secret.client_id).or_default();
        digests.push(SecretDigest(secret.digest));
    }
    let clients = rows.into_iter().filter_map(client).map(|client| {
        let secrets = of_client.remove(client.id.as_str()).unwrap_or_default();
        (
            client.id.clone(),
            Arc::new(RegisteredClient { client, secrets }),
        )
    });
    Ok(RegisteredClients(clients.collect()))
}

async fn find(transaction: &mut Transaction, id: &ClientId) -> Result<Option<Client>, sqlx::Error> {
    let row = select_clients!("WHERE id = $1", id.as_str())
        .fetch_optional(transaction)
        .await?;
    Ok(row.and_then(client))
}

/// The client, which no other transaction changes until this one ends.
async fn lock(transaction: &mut Transaction, id: &ClientId) -> Result<Client, ClientNotChanged> {
    let row = select_clients!("WHERE id = $1 FOR UPDATE", id.as_str())
        .fetch_optional(transaction)
        .await?;
    row.and_then(client).ok_or(ClientNotChanged::NotFound)
}

/// The client, locked, if it has this version.
async fn current(
    transaction: &mut Transaction,
    id: &ClientId,
    version: i64,
) -> Result<Client, ClientNotChanged> {
    let client = lock(transaction, id).await?;
    if client.version == version {
        Ok(client)
    } else {
        Err(ClientNotChanged::Stale(Box::new(client)))
    }
}

/// Ends the codes, refresh tokens, consents, devices and other sessions of a client. Before the client's own row is written,
/// which locks the change counter: a transaction that ends a session locks its row first, and the counter after it.
async fn end_what_it_was_given(
    transaction: &mut Transaction,
    id: &ClientId,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "WITH codes AS (DELETE FROM authorization_codes WHERE client_id = $1),
              devices AS (DELETE FROM device_codes WHERE client_id = $1),
              families AS (DELETE FROM token_families WHERE client_id = $1),
              sessions AS (DELETE FROM sessions WHERE id_hash IN
                  (SELECT id_hash FROM sessions WHERE client_id = $1 ORDER BY id_hash FOR UPDATE))
         DELETE FROM consents WHERE client_id = $1",
        id.as_str(),
    )
    .execute(transaction)
    .await?;
    Ok(())
}

async fn add_secret(
    transaction: &mut Transaction,
    id: &ClientId,
    digest: SecretDigest,
    now: DateTime<Utc>,
) -> Result<String, sqlx::Error> {
    sqlx::query_scalar!(
        r#"INSERT INTO client_secrets (client_id, digest, created_at) VALUES ($1, $2, $3) RETURNING id::text AS "id!""#,
        id.as_str(),
        digest.0.as_slice(),
        now,
    )
    .fetch_one(transaction)
    .await
}

impl Store {
    /// One page by id; `text`: within id or name, in any case.
    pub async fn list_clients(
        &self,
        text: &str,
        range: PageRange,
    ) -> Result<ListPage<Client>, StoreError> {
        self.with(async |transaction| {
            let rows = select_clients!(
                "WHERE strpos(lower(id || ' ' || name), lower($1)) > 0 ORDER BY id LIMIT $2 OFFSET $3",
                text,
                range.limit,
                range.offset
            )
            .fetch_all(&mut *transaction)
            .await?;
            let total = sqlx::query_scalar!(
                r#"SELECT count(*) AS "total!" FROM clients WHERE strpos(lower(id || ' ' || name), lower($1)) > 0"#,
                text,
            )
            .fetch_one(transaction)
            .await?;
            let items = rows.into_iter().filter_map(client).collect();
            Ok(ListPage { items, total })
        })
        .await
    }

    /// One client.
    pub async fn client(&self, id: &ClientId) -> Result<Option<Client>, StoreError> {
        self.with(async |transaction| Ok(find(transaction, id).await?))
            .await
    }

    /// Registers a client, a confidential one with its first secret.
    pub async fn create_client(
        &self,
        (id, draft): (&ClientId, &ClientDraft),
        secret: Option<SecretDigest>,
        actor: &Actor,
        now: DateTime<Utc>,
    ) -> Result<Client, ClientNotChanged> {
        let lists = Lists::of(draft);
        let max_ttl = draft.max_ttl_seconds.map(u32::cast_signed);
        self.with(async |transaction| {
            act_as(transaction, actor, now).await?;
            let added = sqlx::query!(
                "INSERT INTO clients (id, name, kind, trusted, grants, redirect_uris, origins, max_roles, max_transports,
                                      max_rooms, max_ttl_seconds, enabled, note, created_at, created_by, updated_at, updated_by)
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $14, $15)",
                id.as_str(),
                draft.name,
                <&str>::from(draft.kind),
                draft.trusted,
                &lists.grants,
                &lists.redirect_uris,
                &draft.origins,
                lists.roles(),
                lists.transports(),
                lists.rooms(),
                max_ttl,
                draft.enabled,
                draft.note,
                now,
                actor.label,
            )
            .execute(&mut *transaction)
            .await;
            match added {
                Err(sqlx::Error::Database(refusal)) if refusal.is_unique_violation() => {
                    return Err(ClientNotChanged::IdTaken);
                }
                other => other?,
            };
            if let Some(secret) = secret {
                add_secret(transaction, id, secret, now).await?;
            }
            find(transaction, id).await?.ok_or(ClientNotChanged::NotFound)
        })
        .await
    }

    /// Replaces a client of this version. If it is switched off, its refresh tokens, codes, consents and the sessions of its
    /// devices end.
    pub async fn replace_client(
        &self,
        id: &ClientId,
        version: i64,
        draft: &ClientDraft,
        actor: &Actor,
        now: DateTime<Utc>,
    ) -> Result<Client, ClientNotChanged> {
        let lists = Lists::of(draft);
        let max_ttl = draft.max_ttl_seconds.map(u32::cast_signed);
        self.with(async |transaction| {
            act_as(transaction, actor, now).await?;
            let before = current(transaction, id, version).await?;
            if before.draft.kind != draft.kind {
                return Err(ClientNotChanged::OtherKind);
            }
            if !draft.enabled {
                end_what_it_was_given(transaction, id).await?;
            }
            sqlx::query!(
                "UPDATE clients SET name = $2, trusted = $3, grants = $4, redirect_uris = $5, origins = $6, max_roles = $7,
                                    max_transports = $8, max_rooms = $9, max_ttl_seconds = $10, enabled = $11, note = $12,
                                    updated_at = $13, updated_by = $14
                 WHERE id = $1",
                id.as_str(),
                draft.name,
                draft.trusted,
                &lists.grants,
                &lists.redirect_uris,
                &draft.origins,
                lists.roles(),
                lists.transports(),
                lists.rooms(),
                max_ttl,
                draft.enabled,
                draft.note,
                now,
                actor.label,
            )
            .execute(&mut *transaction)
            .await?;
            find(transaction, id).await?.ok_or(ClientNotChanged::NotFound)
        })
        .await
    }

    /// Deletes a client of this version, with all that it was given.
    pub async fn delete_client(
        &self,
        id: &ClientId,
        version: i64,
        actor: &Actor,
        now: DateTime<Utc>,
    ) -> Result<(), ClientNotChanged> {
        self.with(async |transaction| {
            act_as(transaction, actor, now).await?;
            current(transaction, id, version).await?;
            end_what_it_was_given(transaction, id).await?;
            sqlx::query!("DELETE FROM clients WHERE id = $1", id.as_str())
                .execute(transaction)
                .await?;
            Ok(())
        })
        .await
    }

    /// What people gave a client; nothing if there is no such client.
    pub async fn client_holdings(&self, id: &ClientId) -> Result<ClientHoldings, StoreError> {
        self.with(async |transaction| {
            let holdings = sqlx::query_as!(
                ClientHoldings,
                r#"SELECT (SELECT count(*) FROM consents WHERE client_id = $1) AS "consents!",
                          (SELECT count(*) FROM token_families WHERE client_id = $1) AS "refresh_tokens!""#,
                id.as_str(),
            )
            .fetch_one(transaction)
            .await?;
            Ok(holdings)
        })
        .await
    }

    /// The secrets of a client, oldest first.
    pub async fn client_secrets(
        &self,
        id: &ClientId,
    ) -> Result<Vec<ClientSecret>, ClientNotChanged> {
        self.with(async |transaction| {
            find(transaction, id).await?.ok_or(ClientNotChanged::NotFound)?;
            let rows = sqlx::query!(
                r#"SELECT id::text AS "id!", created_at FROM client_secrets WHERE client_id = $1 ORDER BY created_at, id"#,
                id.as_str(),
            )
            .fetch_all(transaction)
            .await?;
            let secrets = rows.into_iter().map(|row| ClientSecret {
                id: row.id,
                created_at: row.created_at,
            });
            Ok(secrets.collect())
        })
        .await
    }

    /// Adds a secret; its id.
    pub async fn add_client_secret(
        &self,
        id: &ClientId,
        secret: SecretDigest,
        actor: &Actor,
        now: DateTime<Utc>,
    ) -> Result<String, ClientNotChanged> {
        self.with(async |transaction| {
            act_as(transaction, actor, now).await?;
            // Locked, so that two requests do not add a third one together.
            let client = lock(transaction, id).await?;
            if client.draft.kind == ClientKind::Public {
                return Err(ClientNotChanged::Public);
            }
            let valid = sqlx::query_scalar!(
                r#"SELECT count(*) AS "count!" FROM client_secrets WHERE client_id = $1"#,
                id.as_str(),
            )
            .fetch_one(&mut *transaction)
            .await?;
            if valid >= SECRETS_MAX {
                return Err(ClientNotChanged::TwoSecrets);
            }
            Ok(add_secret(transaction, id, secret, now).await?)
        })
        .await
    }

    /// Ends a secret.
    pub async fn delete_client_secret(
        &self,
        id: &ClientId,
        secret: &str,
        actor: &Actor,
        now: DateTime<Utc>,
    ) -> Result<(), ClientNotChanged> {
        self.with(async |transaction| {
            act_as(transaction, actor, now).await?;
            let ended = sqlx::query!(
                "DELETE FROM client_secrets WHERE client_id = $1 AND id::text = $2",
                id.as_str(),
                secret,
            )
            .execute(transaction)
            .await?;
            if ended.rows_affected() == 1 {
                Ok(())
            } else {
                Err(ClientNotChanged::NotFound)
            }
        })
        .await
    }
}
