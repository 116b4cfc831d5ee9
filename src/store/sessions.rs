//! Sessions as rows: loading, listing and ending them. The cookie's value never comes here, only
//! its SHA-256. New rows are written in [`super::sign_in`].
//!
//! Each end is one transaction, with its audit row if an administrator or the person decided it.
//! Then the sessions leave the memory of this instance ([`super::session_cache`]), before the
//! caller gets its answer; a trigger notifies the other instances.
//! `flow/sessions.rs` says who may end which.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::audit::{Change, audit_object};
use super::error::StoreError;
use super::locks;
use super::pool::Store;
use super::transaction::Transaction;
use crate::domain::identity::{Actor, Groups, Identity, PersonKey};
use crate::domain::list::{ListPage, PageRange};
use crate::domain::session::{SessionHash, SessionId, SessionSummary, Whose};
use crate::domain::time::utc;

/// The row of a session, but for what only the provider needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredSession {
    /// The key.
    pub hash: SessionHash,
    /// Whose it is.
    pub identity: Identity,
    /// When the provider was last asked for the groups.
    pub groups_read_at: DateTime<Utc>,
    /// When the person signed in.
    pub created_at: DateTime<Utc>,
    /// When it was last used, as of the last flush.
    pub last_seen_at: DateTime<Utc>,
    /// The absolute end.
    pub ends_at: DateTime<Utc>,
    /// The provider's session id.
    pub provider_sid: Option<String>,
    /// When the person signed in by the provider's clock (`iat`).
    pub provider_issued_at: Option<DateTime<Utc>>,
    /// When the attempt of its sign-in began, by the bridge's clock; none in rows of
    /// before that was written.
    pub begun_at: Option<DateTime<Utc>>,
    /// SHA-256 of the nonce of its sign-in; none likewise.
    pub nonce_hash: Option<[u8; 32]>,
    /// Whether the groups can be asked for again.
    pub refreshable: bool,
    /// Rises with every change of the identity; a trigger raises it.
    pub identity_version: i64,
}

/// What a session's row holds for the provider, sealed. It is read when it is used
/// and takes no room in memory.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SealedTokens {
    /// A hint for signing out at the provider.
    pub id_token: Option<Vec<u8>>,
    /// For asking for the groups again.
    pub refresh_token: Option<Vec<u8>>,
}

/// Which sessions to end, and who decided it.
#[derive(Debug, Clone, Copy)]
pub enum SessionsToEnd<'a> {
    /// That of a cookie, by the browser that has it: no audit row.
    OfCookie(&'a SessionHash),
    /// The one with this public id; where a person is given, only if it is theirs.
    One {
        /// Its public id.
        id: &'a SessionId,
        /// Whose it must be.
        of: Option<&'a PersonKey>,
        /// For the audit log.
        actor: &'a Actor,
    },
    /// All of a person.
    All {
        /// Whose they are.
        person: &'a PersonKey,
        /// For the audit log.
        actor: &'a Actor,
    },
}

/// A session that has just ended, and what its row held.
#[derive(Debug)]
pub struct EndedSession {
    /// Its public id.
    pub id: SessionId,
    /// Its key.
    pub hash: SessionHash,
    issuer: String,
    subject: String,
    pub(super) username: Option<String>,
    pub(super) name: Option<String>,
    pub(super) created_at: DateTime<Utc>,
    ends_at: DateTime<Utc>,
    /// A hint for signing out at the provider.
    pub sealed_id_token: Option<Vec<u8>>,
    /// To be revoked at the provider. None while the person has another session:
    /// the provider may revoke with it what it granted to that one (RFC 7009 §2.1).
    pub sealed_refresh_token: Option<Vec<u8>>,
}

impl EndedSession {
    /// Whose it was.
    pub fn person(&self) -> PersonKey {
        PersonKey::new(&self.issuer, &self.subject)
    }

    /// For the audit log: whose it was and since when. No part of it is a credential.
    fn as_json(&self) -> Value {
        json!({
            "id": self.id.to_string(),
            "issuer": self.issuer,
            "subject": self.subject,
            "signed_in_at": utc(self.created_at),
            "ends_at": utc(self.ends_at),
        })
    }
}

impl Store {
    /// The session of a cookie, if there is one; refused where another server says so than
    /// the proven one.
    pub async fn session(&self, hash: &SessionHash) -> Result<Option<StoredSession>, StoreError> {
        let row = self
            .with(async |transaction| {
                let row = sqlx::query!(
                    r#"SELECT issuer, subject, username, name, groups, groups_overage, groups_read_at,
                              created_at, last_seen_at, ends_at, provider_sid, provider_issued_at,
                              identity_version, begun_at, nonce_hash AS "nonce_hash: [u8; 32]",
                              sealed_refresh_token IS NOT NULL AS "refreshable!",
                              format('%s %s', extract(epoch FROM pg_postmaster_start_time()), current_database()) AS "server!"
                       FROM sessions WHERE id_hash = $1"#,
                    hash.as_slice(),
                )
                .fetch_optional(transaction)
                .await?;
                if let Some(row) = &row {
                    self.proven.require(&row.server)?;
                }
                Ok::<_, StoreError>(row)
            })
            .await?;
        Ok(row.map(|row| StoredSession {
            hash: *hash,
            identity: Identity {
                issuer: row.issuer,
                subject: row.subject,
                username: row.username,
                name: row.name,
                groups: if row.groups_overage {
                    Groups::Overage
                } else {
                    Groups::Listed(row.groups.into_iter().collect())
                },
            },
            groups_read_at: row.groups_read_at,
            created_at: row.created_at,
            last_seen_at: row.last_seen_at,
            ends_at: row.ends_at,
            provider_sid: row.provider_sid,
            provider_issued_at: row.provider_issued_at,
            begun_at: row.begun_at,
            nonce_hash: row.nonce_hash,
            refreshable: row.refreshable,
            identity_version: row.identity_version,
        }))
    }

    /// Notes when sessions were last used; never moves one back.
    pub(super) async fn touch_sessions(
        &self,
        seen: &[(SessionHash, DateTime<Utc>)],
    ) -> Result<(), StoreError> {
        let (hashes, times): (Vec<SessionHash>, Vec<DateTime<Utc>>) = seen.iter().copied().unzip();
        self.with(async |transaction| {
            // Locked in one order, or two instances would wait for each other.
            sqlx::query!(
                "WITH seen AS (
                     SELECT id_hash, max(at) AS at
                     FROM unnest($1::bytea[], $2::timestamptz[]) AS seen(id_hash, at)
                     GROUP BY id_hash
                 ), locked AS (
                     SELECT id_hash, at FROM sessions JOIN seen USING (id_hash)
                     WHERE last_seen_at < at ORDER BY id_hash FOR UPDATE OF sessions
                 )
                 UPDATE sessions SET last_seen_at = greatest(last_seen_at, locked.at)
                 FROM locked WHERE sessions.id_hash = locked.id_hash",
                &hashes as _,
                &times,
            )
            .execute(transaction)
            .await?;
            Ok(())
        })
        .await
    }

    /// One page of the sessions that are live: they end after `now`, and were seen after
    /// `idle_since`.
    pub async fn list_sessions(
        &self,
        whose: Whose<'_>,
        (now, idle_since): (DateTime<Utc>, DateTime<Utc>),
        range: PageRange,
    ) -> Result<ListPage<SessionSummary>, StoreError> {
        let (named, person) = match whose {
            Whose::All => (None, None),
            Whose::Named(text) => (Some(text), None),
            Whose::Person(person) => (None, Some(person)),
        };
        let issuer = person.map(|person| person.issuer.as_str());
        let subject = person.map(|person| person.subject.as_str());
        self.at_one_moment(async |moment| {
            // `strpos` and not `LIKE`: there is nothing in a text to be escaped. What
            // is one letter in two cases is the database's locale to say.
            let total = sqlx::query_scalar!(
                r#"SELECT count(*) AS "total!" FROM sessions
                   WHERE ends_at > $1 AND last_seen_at > $2
                     AND ($3::text IS NULL
                          OR strpos(lower(concat_ws(E'\n', subject, username, name)), lower($3)) > 0)
                     AND ($4::text IS NULL OR issuer = $4) AND ($5::text IS NULL OR subject = $5)"#,
                now,
                idle_since,
                named,
                issuer,
                subject,
            )
            .fetch_one(&mut *moment)
            .await?;
            let items = sqlx::query_as!(
                SessionSummary,
                r#"SELECT public_id::text AS "id!", id_hash AS "hash: SessionHash",
                          issuer, subject, username, name,
                          created_at, last_seen_at, ends_at, groups_read_at,
                          browser, host(client_address) AS address
                   FROM sessions
                   WHERE ends_at > $1 AND last_seen_at > $2
                     AND ($3::text IS NULL
                          OR strpos(lower(concat_ws(E'\n', subject, username, name)), lower($3)) > 0)
                     AND ($4::text IS NULL OR issuer = $4) AND ($5::text IS NULL OR subject = $5)
                   ORDER BY created_at DESC, public_id LIMIT $6 OFFSET $7"#,
                now,
                idle_since,
                named,
                issuer,
                subject,
                range.limit,
                range.offset,
            )
            .fetch_all(&mut *moment)
            .await?;
            Ok(ListPage { items, total })
        })
        .await
    }

    /// One session by its public id, live or not.
    pub async fn find_session(&self, id: &SessionId) -> Result<Option<SessionSummary>, StoreError> {
        self.with(async |transaction| {
            let found = sqlx::query_as!(
                SessionSummary,
                r#"SELECT public_id::text AS "id!", id_hash AS "hash: SessionHash",
                          issuer, subject, username, name,
                          created_at, last_seen_at, ends_at, groups_read_at,
                          browser, host(client_address) AS address
                   FROM sessions WHERE public_id = $1::text::uuid"#,
                id.as_str(),
            )
            .fetch_optional(transaction)
            .await?;
            Ok(found)
        })
        .await
    }

    /// Ends sessions, as many as are there.
    pub(super) async fn end_sessions(
        &self,
        which: SessionsToEnd<'_>,
        now: DateTime<Utc>,
    ) -> Result<Vec<EndedSession>, StoreError> {
        match which {
            SessionsToEnd::OfCookie(hash) => {
                self.with(async |transaction| Ok(end(transaction, &[*hash]).await?))
                    .await
            }
            SessionsToEnd::One { id, of, actor } => {
                self.audited(actor, now, "session.end", async |transaction| {
                    let hashes = sqlx::query_scalar!(
                        r#"SELECT id_hash AS "hash: SessionHash" FROM sessions
                           WHERE public_id = $1::text::uuid
                             AND ($2::text IS NULL OR issuer = $2) AND ($3::text IS NULL OR subject = $3)
                           FOR UPDATE"#,
                        id.as_str(),
                        of.map(|person| person.issuer.as_str()),
                        of.map(|person| person.subject.as_str()),
                    )
                    .fetch_all(&mut *transaction)
                    .await?;
                    let ended = end(transaction, &hashes).await?;
                    let change = ended.first().map(|session| Change {
                        object: session.id.to_string(),
                        before: Some(session.as_json()),
                        after: None,
                    });
                    Ok((ended, change))
                })
                .await
            }
            SessionsToEnd::All { person, actor } => {
                self.audited(actor, now, "person.end", async |transaction| {
                    locks::lock_person(transaction, &person.issuer, &person.subject).await?;
                    let ended = end_all_of(transaction, person).await?;
                    let sessions: Vec<Value> = ended.iter().map(EndedSession::as_json).collect();
                    let change = (!sessions.is_empty()).then(|| Change {
                        object: audit_object(person),
                        before: Some(json!({ "sessions": sessions })),
                        after: None,
                    });
                    Ok((ended, change))
                })
                .await
            }
        }
    }
}

/// Ends all sessions of a person. The rows are locked in the order of their keys first, because
/// last-seen times lock several rows as well.
pub(super) async fn end_all_of(
    transaction: &mut Transaction,
    person: &PersonKey,
) -> Result<Vec<EndedSession>, sqlx::Error> {
    let hashes = sqlx::query_scalar!(
        r#"SELECT id_hash AS "hash: SessionHash" FROM sessions WHERE issuer = $1 AND subject = $2
           ORDER BY id_hash FOR UPDATE"#,
        person.issuer,
        person.subject,
    )
    .fetch_all(&mut *transaction)
    .await?;
    end(transaction, &hashes).await
}

/// Deletes these rows, as many as are there; a trigger notifies every instance. More than one
/// must be locked before.
pub(super) async fn end(
    transaction: &mut Transaction,
    hashes: &[SessionHash],
) -> Result<Vec<EndedSession>, sqlx::Error> {
    sqlx::query_as!(
        EndedSession,
        r#"DELETE FROM sessions WHERE id_hash = ANY ($1)
           RETURNING public_id::text AS "id!", id_hash AS "hash: SessionHash",
                     issuer, subject, username, name, created_at, ends_at, sealed_id_token,
                     CASE WHEN NOT EXISTS (
                         SELECT FROM sessions AS other
                         WHERE other.issuer = sessions.issuer AND other.subject = sessions.subject
                           AND other.id_hash <> ALL ($1)
                     ) THEN sealed_refresh_token END AS sealed_refresh_token"#,
        hashes as _,
    )
    .fetch_all(transaction)
    .await
}
