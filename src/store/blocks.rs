//! Blocks as rows. Each change is one transaction with its audit row (AD-9); a
//! trigger raises the change counter and sends the notice.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::audit::{self, Actor, Change};
use super::ending::{self, Ended};
use super::transaction::Transaction;
use super::{Store, StoreError, fence};
use crate::domain::block::{Block, BlockDraft, Blocks, PersonKey};
use crate::domain::time::utc;

/// One page of the table.
#[derive(Debug)]
pub struct BlockPage {
    /// The rows, the newest first.
    pub items: Vec<Block>,
    /// How many there are in all.
    pub total: i64,
}

/// A user is blocked.
#[derive(Debug)]
pub struct Blocked {
    /// As it is written.
    pub block: Block,
    /// Whether they were blocked before; then this is in that one's place.
    pub replaced: bool,
    /// How many sessions of theirs it ended.
    pub ended: usize,
}

impl Store {
    /// One page.
    pub async fn list_blocks(&self, limit: i64, offset: i64) -> Result<BlockPage, StoreError> {
        self.with(async |transaction| {
            let rows = sqlx::query!(
                r#"SELECT issuer, subject, username, name, until, reason, created_at, created_by
                   FROM blocked ORDER BY created_at DESC, issuer, subject LIMIT $1 OFFSET $2"#,
                limit,
                offset,
            )
            .fetch_all(&mut *transaction)
            .await?;
            let total = sqlx::query_scalar!(r#"SELECT count(*) AS "total!" FROM blocked"#)
                .fetch_one(transaction)
                .await?;
            let items = rows.into_iter().map(|row| Block {
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
            Ok(BlockPage {
                items: items.collect(),
                total,
            })
        })
        .await
    }

    /// The block of a person, whether it still counts or not.
    pub async fn find_block(&self, person: &PersonKey) -> Result<Option<Block>, StoreError> {
        self.with(async |transaction| Ok(find(transaction, person).await?))
            .await
    }

    /// Blocks a person and ends all that they have; with what was ended.
    pub(super) async fn insert_block(
        &self,
        draft: &BlockDraft,
        actor: &Actor,
        now: DateTime<Utc>,
    ) -> Result<(Blocked, Vec<Ended>), StoreError> {
        let person = draft.person();
        self.with(async |transaction| {
            fence::person(transaction, &person.issuer, &person.subject).await?;
            let before = find(transaction, person).await?;
            // First the sessions, then what raises the change counter: a statement that ends one
            // session takes its row and the counter's in this order too.
            let called = sqlx::query!(
                "SELECT username, name FROM sessions WHERE issuer = $1 AND subject = $2
                 ORDER BY created_at DESC LIMIT 1",
                person.issuer,
                person.subject,
            )
            .fetch_optional(&mut *transaction)
            .await?;
            let (username, name) = called.map_or((None, None), |row| (row.username, row.name));
            let ended = ending::delete_of_person(transaction, person).await?;
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
                username,
                name,
            )
            .execute(&mut *transaction)
            .await?;
            // As it is kept: the database has microseconds.
            let block = find(transaction, person).await?;
            let block = block.ok_or(sqlx::Error::RowNotFound)?;
            let mut after = as_json(&block);
            after["sessions_ended"] = ended.iter().map(|ended| ended.id.to_string()).collect();
            let change = Change {
                at: now,
                actor,
                action: "person.block",
                object: ending::object(person),
                before: before.as_ref().map(as_json),
                after: Some(after),
            };
            audit::record(transaction, change).await?;
            let done = Blocked {
                block,
                replaced: before.is_some(),
                ended: ended.len(),
            };
            Ok((done, ended))
        })
        .await
    }

    /// Lets a person in again; false: they were not blocked.
    pub async fn delete_block(
        &self,
        person: &PersonKey,
        actor: &Actor,
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        self.with(async |transaction| {
            fence::person(transaction, &person.issuer, &person.subject).await?;
            let Some(before) = find(transaction, person).await? else {
                return Ok(false);
            };
            sqlx::query!(
                "DELETE FROM blocked WHERE issuer = $1 AND subject = $2",
                person.issuer,
                person.subject,
            )
            .execute(&mut *transaction)
            .await?;
            let change = Change {
                at: now,
                actor,
                action: "person.unblock",
                object: ending::object(person),
                before: Some(as_json(&before)),
                after: None,
            };
            audit::record(transaction, change).await?;
            Ok(true)
        })
        .await
    }
}

/// All of them, as an exchange asks for them.
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

/// Whether the person may not come in. Asked with the person's fence held.
pub(super) async fn blocks(
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
    let row = sqlx::query!(
        "SELECT username, name, until, reason, created_at, created_by FROM blocked
         WHERE issuer = $1 AND subject = $2",
        person.issuer,
        person.subject,
    )
    .fetch_optional(transaction)
    .await?;
    Ok(row.map(|row| Block {
        person: person.clone(),
        username: row.username,
        name: row.name,
        until: row.until,
        reason: row.reason,
        created_at: row.created_at,
        created_by: row.created_by,
    }))
}

/// For the audit log, which is never changed: no names.
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
