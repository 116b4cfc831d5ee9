//! Session rows: loading, listing and ending. Only the SHA-256 of a cookie's value reaches the
//! database. [`super::sign_in`] writes new rows.
//!
//! A session ends in one transaction, with an audit row if an administrator or the person ended it.
//! Before the caller gets its answer, the session is removed from this instance's memory
//! ([`super::session_cache`]); a trigger notifies the other instances. `flow/sessions.rs` defines
//! who may end which session.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::audit::{Change, audit_object};
use super::error::StoreError;
use super::locks;
use super::pool::Store;
use super::transaction::Transaction;
use crate::domain::identity::{Actor, Groups, Identity, PersonKey};
use crate::domain::list::{ListPage, PageRange};
use crate::domain::session::{
    DEVICE_IDLE, SessionHash, SessionId, SessionKind, SessionSummary, Whose,
};
use crate::domain::time::utc;

/// A session's row, without the columns that only calls to the provider need.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredSession {
    /// The row's key.
    pub hash: SessionHash,
    /// What it belongs to.
    pub kind: SessionKind,
    /// Identity of the session's user.
    pub identity: Identity,
    /// Last time at which the provider returned the groups.
    pub groups_read_at: DateTime<Utc>,
    /// Time of the sign-in.
    pub created_at: DateTime<Utc>,
    /// Last use, as of the last flush.
    pub last_seen_at: DateTime<Utc>,
    /// The absolute end.
    pub ends_at: DateTime<Utc>,
    /// The provider's session id (`sid`).
    pub provider_sid: Option<String>,
    /// Time of the sign-in by the provider's clock (`iat`).
    pub provider_issued_at: Option<DateTime<Utc>>,
    /// Start of the sign-in attempt, by the bridge's clock; `None` in rows of older releases.
    pub begun_at: Option<DateTime<Utc>>,
    /// SHA-256 of the sign-in's nonce; `None` in rows of older releases.
    pub nonce_hash: Option<[u8; 32]>,
    /// Whether the session has a refresh token.
    pub refreshable: bool,
    /// A trigger increments it with every change of the identity.
    pub identity_version: i64,
}

/// Sealed tokens for the provider. They are loaded when needed, and not kept in memory.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SealedTokens {
    /// The ID token: hint for signing out at the provider.
    pub id_token: Option<Vec<u8>>,
    /// The refresh token.
    pub refresh_token: Option<Vec<u8>>,
}

/// Which sessions to end, and the actor for the audit log.
#[derive(Debug, Clone, Copy)]
pub enum SessionsToEnd<'a> {
    /// The session of a cookie, ended by its own browser; no audit row.
    OfCookie(&'a SessionHash),
    /// The session with this public id.
    One {
        /// Public id.
        id: &'a SessionId,
        /// If given, the session must belong to this person.
        of: Option<&'a PersonKey>,
        /// Actor for the audit log.
        actor: &'a Actor,
    },
    /// All sessions of a person.
    All {
        /// The person.
        person: &'a PersonKey,
        /// Actor for the audit log.
        actor: &'a Actor,
    },
}

/// A session that has just ended, with the tokens from its row.
#[derive(Debug)]
pub struct EndedSession {
    /// Public id.
    pub id: SessionId,
    /// The row's key.
    pub hash: SessionHash,
    issuer: String,
    subject: String,
    pub(super) username: Option<String>,
    pub(super) name: Option<String>,
    pub(super) created_at: DateTime<Utc>,
    pub(super) ends_at: DateTime<Utc>,
    /// The ID token: hint for signing out at the provider.
    pub sealed_id_token: Option<Vec<u8>>,
    /// Refresh token to revoke at the provider. `None` while the person has another session: the
    /// provider may revoke that session's grant with it (RFC 7009 §2.1).
    pub sealed_refresh_token: Option<Vec<u8>>,
}

impl EndedSession {
    /// The person whose session it was.
    pub fn person(&self) -> PersonKey {
        PersonKey::new(&self.issuer, &self.subject)
    }

    /// Content of the audit row: person and start of the session, no credentials.
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
    /// The session of a cookie, if it exists. An error if the connection leads to another server
    /// than the proven one.
    pub async fn session(&self, hash: &SessionHash) -> Result<Option<StoredSession>, StoreError> {
        let row = self
            .with(async |transaction| {
                let row = sqlx::query!(
                    r#"SELECT kind, issuer, subject, username, name, groups, groups_overage, groups_read_at,
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
        // A kind of a later release is none that this one may use.
        let row = row.and_then(|row| Some((row.kind.parse().ok()?, row)));
        Ok(row.map(|(kind, row)| StoredSession {
            hash: *hash,
            kind,
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

    /// Updates the last-seen times; never to an earlier time.
    pub(super) async fn touch_sessions(
        &self,
        seen: &[(SessionHash, DateTime<Utc>)],
    ) -> Result<(), StoreError> {
        let (hashes, times): (Vec<SessionHash>, Vec<DateTime<Utc>>) = seen.iter().copied().unzip();
        self.with(async |transaction| {
            // Rows are locked in key order, to avoid deadlocks between instances.
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

    /// One page of the live sessions of browsers and devices: they end after `now`, and those of browsers were last seen
    /// after `idle_since`.
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
            // `strpos` instead of `LIKE`, so that nothing needs escaping. The database's locale
            // decides upper and lower case.
            let total = sqlx::query_scalar!(
                r#"SELECT count(*) AS "total!" FROM sessions
                   WHERE kind <> 'subject_token' AND ends_at > $1
                     AND last_seen_at > CASE kind WHEN 'device' THEN $6::timestamptz ELSE $2::timestamptz END
                     AND ($3::text IS NULL
                          OR strpos(lower(concat_ws(E'\n', subject, username, name)), lower($3)) > 0)
                     AND ($4::text IS NULL OR issuer = $4) AND ($5::text IS NULL OR subject = $5)"#,
                now,
                idle_since,
                named,
                issuer,
                subject,
                now - DEVICE_IDLE,
            )
            .fetch_one(&mut *moment)
            .await?;
            let items = sqlx::query_as!(
                SessionSummary,
                r#"SELECT public_id::text AS "id!", id_hash AS "hash: SessionHash",
                          kind = 'device' AS "is_device!", issuer, subject, username, name,
                          created_at, last_seen_at, ends_at, groups_read_at,
                          browser, host(client_address) AS address
                   FROM sessions
                   WHERE kind <> 'subject_token' AND ends_at > $1
                     AND last_seen_at > CASE kind WHEN 'device' THEN $6::timestamptz ELSE $2::timestamptz END
                     AND ($3::text IS NULL
                          OR strpos(lower(concat_ws(E'\n', subject, username, name)), lower($3)) > 0)
                     AND ($4::text IS NULL OR issuer = $4) AND ($5::text IS NULL OR subject = $5)
                   ORDER BY created_at DESC, public_id LIMIT $7 OFFSET $8"#,
                now,
                idle_since,
                named,
                issuer,
                subject,
                now - DEVICE_IDLE,
                range.limit,
                range.offset,
            )
            .fetch_all(&mut *moment)
            .await?;
            Ok(ListPage { items, total })
        })
        .await
    }

    /// A session by its public id, also when it has expired.
    pub async fn find_session(&self, id: &SessionId) -> Result<Option<SessionSummary>, StoreError> {
        self.with(async |transaction| {
            let found = sqlx::query_as!(
                SessionSummary,
                r#"SELECT public_id::text AS "id!", id_hash AS "hash: SessionHash",
                          kind = 'device' AS "is_device!", issuer, subject, username, name,
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

    /// Ends the given sessions; those that are gone already are skipped.
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
                self.audited(actor, now, "session.ended", async |transaction| {
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
                self.audited(actor, now, "person.ended", async |transaction| {
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

/// Ends all sessions of a person. The rows are first locked in key order, because updates of
/// last-seen times lock several rows too.
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

/// Deletes these rows if they exist; a trigger notifies every instance. With more than one hash,
/// the caller must have locked the rows.
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
                           AND other.sealed_refresh_token IS NOT NULL
                           AND other.id_hash <> ALL ($1)
                     ) THEN sealed_refresh_token END AS sealed_refresh_token"#,
        hashes as _,
    )
    .fetch_all(transaction)
    .await
}
