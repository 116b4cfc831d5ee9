//! Ending sessions. Each end is one transaction, with its audit row if an administrator decided
//! it. Then the sessions leave the memory of this instance, before the caller gets its answer; a
//! trigger notifies the other instances.
//!
//! | who may end a session | which | where the right is checked |
//! |---|---|---|
//! | its user | this browser's, one of the own, or all of them | the cookie: `flow/sign_out.rs`, `flow/people.rs` |
//! | an administrator | one, all of a person, those of a block | the `Admin` of `web/page.rs` and `web/guard.rs` |
//! | the provider, by a logout token | those that it names | the signature: `flow/back_channel.rs` |
//! | the provider, by refusing a refresh | that session | `flow/refresh` |

use std::fmt;

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::audit::{self, Actor, Change};
use super::blocks::Blocked;
use super::live::LiveSessions;
use super::logouts::Logout;
use super::sessions::SessionHash;
use super::transaction::Transaction;
use super::{Store, StoreError, fence};
use crate::domain::block::{BlockDraft, PersonKey};
use crate::domain::time::utc;

/// What people call a session: a random UUID that has nothing of the cookie.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionId(String);

impl SessionId {
    /// As it is written here, and in no other way.
    pub fn parse(text: &str) -> Option<Self> {
        let fits = text.len() == 36
            && text.bytes().enumerate().all(|(at, byte)| match at {
                8 | 13 | 18 | 23 => byte == b'-',
                _ => matches!(byte, b'0'..=b'9' | b'a'..=b'f'),
            });
        fits.then(|| Self(text.to_owned()))
    }

    /// As the database writes it.
    pub(super) fn of_row(text: String) -> Self {
        Self(text)
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A session that is over.
#[derive(Debug)]
pub struct Ended {
    /// What it was called.
    pub id: SessionId,
    /// What it was known by.
    pub hash: SessionHash,
    /// Whose it was.
    pub person: PersonKey,
    /// A hint for signing out at the provider.
    pub sealed_id_token: Option<Vec<u8>>,
    /// To be revoked at the provider; none while the person has another session
    /// ([`EndedSession`](super::sessions::EndedSession)).
    pub sealed_refresh_token: Option<Vec<u8>>,
    created_at: DateTime<Utc>,
    ends_at: DateTime<Utc>,
}

impl LiveSessions {
    /// Ends the session of this name, if it is there and, where that is said, of
    /// this person.
    pub async fn end_named(
        &self,
        id: &SessionId,
        of: Option<&PersonKey>,
        actor: &Actor,
        now: DateTime<Utc>,
    ) -> Result<Option<Ended>, StoreError> {
        let ended = self.store().end_named(id, of, actor, now).await?;
        self.forget(ended.as_slice());
        Ok(ended)
    }

    /// Ends all that a person has.
    pub async fn end_person(
        &self,
        person: &PersonKey,
        actor: &Actor,
        now: DateTime<Utc>,
    ) -> Result<Vec<Ended>, StoreError> {
        let ended = self.store().end_person(person, actor, now).await?;
        self.forget(&ended);
        Ok(ended)
    }

    /// Blocks a person, and ends all that they have.
    pub async fn block(
        &self,
        draft: &BlockDraft,
        actor: &Actor,
        now: DateTime<Utc>,
    ) -> Result<(Blocked, Vec<Ended>), StoreError> {
        let (done, ended) = self.store().insert_block(draft, actor, now).await?;
        self.forget(&ended);
        Ok((done, ended))
    }

    /// Ends what the provider says is over; none: it said so before. What it granted it
    /// takes back by itself (OpenID Connect Back-Channel Logout 1.0 §2.7). `kept`: the logout
    /// waited here before.
    pub async fn log_out(&self, logout: &Logout, kept: bool) -> Result<Option<usize>, StoreError> {
        let ended = self.store().log_out(logout, kept).await?;
        for hash in ended.iter().flatten() {
            self.ended(hash);
        }
        Ok(ended.map(|ended| ended.len()))
    }

    fn forget(&self, ended: &[Ended]) {
        for ended in ended {
            self.ended(&ended.hash);
        }
    }
}

impl Store {
    async fn end_named(
        &self,
        id: &SessionId,
        of: Option<&PersonKey>,
        actor: &Actor,
        now: DateTime<Utc>,
    ) -> Result<Option<Ended>, StoreError> {
        self.with(async |transaction| {
            let row = sqlx::query_as!(
                Row,
                r#"DELETE FROM sessions
                   WHERE public_id = $1::text::uuid
                     AND ($2::text IS NULL OR issuer = $2) AND ($3::text IS NULL OR subject = $3)
                   RETURNING public_id::text AS "id!", id_hash, issuer, subject, sealed_id_token,
                             CASE WHEN NOT EXISTS (
                                 SELECT FROM sessions AS other
                                 WHERE other.issuer = sessions.issuer
                                   AND other.subject = sessions.subject
                                   AND other.id_hash <> sessions.id_hash
                             ) THEN sealed_refresh_token END AS sealed_refresh_token,
                             created_at, ends_at"#,
                id.as_str(),
                of.map(|person| person.issuer.as_str()),
                of.map(|person| person.subject.as_str()),
            )
            .fetch_optional(&mut *transaction)
            .await?;
            let Some(ended) = row.and_then(Row::into_ended) else {
                return Ok(None);
            };
            let change = Change {
                at: now,
                actor,
                action: "session.end",
                object: ended.id.to_string(),
                before: Some(as_json(&ended)),
                after: None,
            };
            audit::record(transaction, change).await?;
            Ok(Some(ended))
        })
        .await
    }

    async fn end_person(
        &self,
        person: &PersonKey,
        actor: &Actor,
        now: DateTime<Utc>,
    ) -> Result<Vec<Ended>, StoreError> {
        self.with(async |transaction| {
            fence::person(transaction, &person.issuer, &person.subject).await?;
            let ended = delete_of_person(transaction, person).await?;
            if ended.is_empty() {
                return Ok(ended);
            }
            let sessions: Vec<Value> = ended.iter().map(as_json).collect();
            let change = Change {
                at: now,
                actor,
                action: "person.end",
                object: object(person),
                before: Some(json!({ "sessions": sessions })),
                after: None,
            };
            audit::record(transaction, change).await?;
            Ok(ended)
        })
        .await
    }
}

/// What the audit log calls a person.
pub(super) fn object(person: &PersonKey) -> String {
    format!("{} {}", person.issuer, person.subject)
}

/// Deletes what a person has, in one order, because last-seen times lock several
/// rows as well.
pub(super) async fn delete_of_person(
    transaction: &mut Transaction,
    person: &PersonKey,
) -> Result<Vec<Ended>, sqlx::Error> {
    let rows = sqlx::query_as!(
        Row,
        r#"WITH theirs AS (
               SELECT id_hash FROM sessions WHERE issuer = $1 AND subject = $2
               ORDER BY id_hash FOR UPDATE
           )
           DELETE FROM sessions USING theirs WHERE sessions.id_hash = theirs.id_hash
           RETURNING public_id::text AS "id!", sessions.id_hash, issuer, subject, sealed_id_token,
                     sealed_refresh_token, created_at, ends_at"#,
        person.issuer,
        person.subject,
    )
    .fetch_all(transaction)
    .await?;
    Ok(rows.into_iter().filter_map(Row::into_ended).collect())
}

/// A deleted row.
struct Row {
    id: String,
    id_hash: Vec<u8>,
    issuer: String,
    subject: String,
    sealed_id_token: Option<Vec<u8>>,
    sealed_refresh_token: Option<Vec<u8>>,
    created_at: DateTime<Utc>,
    ends_at: DateTime<Utc>,
}

impl Row {
    /// `None` for what the table does not hold: a constraint has the hash's length.
    fn into_ended(self) -> Option<Ended> {
        Some(Ended {
            id: SessionId::of_row(self.id),
            hash: self.id_hash.try_into().ok()?,
            person: PersonKey {
                issuer: self.issuer,
                subject: self.subject,
            },
            sealed_id_token: self.sealed_id_token,
            sealed_refresh_token: self.sealed_refresh_token,
            created_at: self.created_at,
            ends_at: self.ends_at,
        })
    }
}

/// For the audit log: whose it was and since when. No part of it is a credential.
fn as_json(ended: &Ended) -> Value {
    json!({
        "id": ended.id.to_string(),
        "issuer": ended.person.issuer,
        "subject": ended.person.subject,
        "signed_in_at": utc(ended.created_at),
        "ends_at": utc(ended.ends_at),
    })
}
