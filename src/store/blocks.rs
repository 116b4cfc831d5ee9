//! Rows of blocks. Each change is one transaction with its audit row (AD-9); a trigger increments
//! the change counter and sends the notice.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::audit::{Change, audit_object};
use super::error::StoreError;
use super::locks;
use super::pool::Store;
use super::sessions::{EndedSession, end_all_of};
use super::transaction::Transaction;
use crate::domain::block::{Block, BlockDraft, Blocks};
use crate::domain::identity::{Actor, PersonKey};
use crate::domain::list::{ListPage, PageRange};
use crate::domain::time::utc;

/// Result of blocking a user.
#[derive(Debug)]
pub struct Blocked {
    /// The block as stored.
    pub block: Block,
    /// Whether it replaced an earlier block.
    pub replaced: bool,
    /// The sessions ended with it.
    pub ended: Vec<EndedSession>,
}

impl Store {
    /// One page, newest first.
    pub async fn list_blocks(&self, range: PageRange) -> Result<ListPage<Block>, StoreError> {
        self.with(async |transaction| {
            let items = select(transaction, None, range).await?;
            let total = sqlx::query_scalar!(r#"SELECT count(*) AS "total!" FROM blocked"#)
                .fetch_one(transaction)
                .await?;
            Ok(ListPage { items, total })
        })
        .await
    }

    /// The block of a person, also when it has expired.
    pub async fn find_block(&self, person: &PersonKey) -> Result<Option<Block>, StoreError> {
        self.with(async |transaction| Ok(find(transaction, person).await?))
            .await
    }

    /// Blocks a person and ends all their sessions.
    pub(super) async fn insert_block(
        &self,
        draft: &BlockDraft,
        actor: &Actor,
        now: DateTime<Utc>,
    ) -> Result<Blocked, StoreError> {
        let person = draft.person();
        self.audited(actor, now, "person.blocked", async |transaction| {
            locks::lock_person(transaction, &person.issuer, &person.subject).await?;
            let before = find(transaction, person).await?;
            // First the sessions, then the row that increments the change counter. A statement that
            // ends one session locks in this order too; the opposite order could deadlock.
            let ended = end_all_of(transaction, person).await?;
            let newest = ended.iter().max_by_key(|session| session.created_at);
            sqlx::query!(
                "INSERT INTO blocked (issuer, subject, until, reason, created_at, created_by, username, name)
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
                 ON CONFLICT (issuer, subject) DO UPDATE
                 SET until = $3, reason = $4, created_at = $5, created_by = $6,
                     username = coalesce($7, blocked.username), name = coalesce($8, blocked.name)",
                person.issuer,
                person.subject,
                draft.until(),
                draft.reason(),
                now,
                actor.label,
                newest.and_then(|session| session.username.as_deref()),
                newest.and_then(|session| session.name.as_deref()),
            )
            .execute(&mut *transaction)
            .await?;
            // Read back, because the database rounds times to microseconds.
            let block = find(transaction, person).await?;
            let block = block.ok_or(sqlx::Error::RowNotFound)?;
            let mut after = as_json(&block);
            after["sessions_ended"] = ended.iter().map(|ended| ended.id.to_string()).collect();
            let change = Change {
                object: audit_object(person),
                before: before.as_ref().map(as_json),
                after: Some(after),
            };
            let blocked = Blocked {
                block,
                replaced: before.is_some(),
                ended,
            };
            Ok((blocked, Some(change)))
        })
        .await
    }

    /// Lifts a block; false if there was none.
    pub async fn delete_block(
        &self,
        person: &PersonKey,
        actor: &Actor,
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        self.audited(actor, now, "person.unblocked", async |transaction| {
            locks::lock_person(transaction, &person.issuer, &person.subject).await?;
            let Some(before) = find(transaction, person).await? else {
                return Ok((false, None));
            };
            sqlx::query!(
                "DELETE FROM blocked WHERE issuer = $1 AND subject = $2",
                person.issuer,
                person.subject,
            )
            .execute(&mut *transaction)
            .await?;
            let change = Change {
                object: audit_object(person),
                before: Some(as_json(&before)),
                after: None,
            };
            Ok((true, Some(change)))
        })
        .await
    }
}

/// All blocks, in the form in which exchanges look them up.
pub(super) async fn all(transaction: &mut Transaction) -> Result<Blocks, sqlx::Error> {
    let rows = sqlx::query!("SELECT issuer, subject, until FROM blocked")
        .fetch_all(transaction)
        .await?;
    let blocks = rows.into_iter().map(|row| {
        let (issuer, subject) = (row.issuer, row.subject);
        (PersonKey { issuer, subject }, row.until)
    });
    Ok(blocks.collect())
}

/// Whether the person is blocked. The caller must hold the person's lock.
pub(super) async fn is_blocked(
    transaction: &mut Transaction,
    issuer: &str,
    subject: &str,
    now: DateTime<Utc>,
) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM blocked
                          WHERE issuer = $1 AND subject = $2 AND (until IS NULL OR $3 < until)) AS "is!""#,
        issuer,
        subject,
        now,
    )
    .fetch_one(transaction)
    .await
}

async fn find(
    transaction: &mut Transaction,
    person: &PersonKey,
) -> Result<Option<Block>, sqlx::Error> {
    Ok(select(transaction, Some(person), PageRange::first(1))
        .await?
        .pop())
}

/// The block of one person, or all blocks.
async fn select(
    transaction: &mut Transaction,
    person: Option<&PersonKey>,
    range: PageRange,
) -> Result<Vec<Block>, sqlx::Error> {
    let rows = sqlx::query!(
        "SELECT issuer, subject, username, name, until, reason, created_at, created_by FROM blocked
         WHERE ($1::text IS NULL OR issuer = $1) AND ($2::text IS NULL OR subject = $2)
         ORDER BY created_at DESC, issuer, subject LIMIT $3 OFFSET $4",
        person.map(|person| person.issuer.as_str()),
        person.map(|person| person.subject.as_str()),
        range.limit,
        range.offset,
    )
    .fetch_all(transaction)
    .await?;
    let blocks = rows.into_iter().map(|row| Block {
        person: PersonKey {
            issuer: row.issuer,
            subject: row.subject,
        },
        username: row.username,
        name: row.name,
        until: row.until,
        reason: row.reason,
        created_at: row.created_at,
        created_by: row.created_by,
    });
    Ok(blocks.collect())
}

/// Content of the audit row. No names: audit rows are never changed or deleted.
fn as_json(block: &Block) -> Value {
    json!({
        "issuer": block.person.issuer,
        "subject": block.person.subject,
        "until": block.until.map(utc),
        "reason": block.reason,
        "created_at": utc(block.created_at),
        "created_by": block.created_by,
    })
}
