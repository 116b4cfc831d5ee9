//! Who changed what. Rows are only ever added (a trigger sees to it).

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::error::StoreError;
use super::pool::Store;
use super::transaction::Transaction;
use crate::domain::identity::Actor;

/// One change.
#[derive(Debug, Clone, PartialEq)]
pub struct AuditEntry {
    /// Its number.
    pub id: i64,
    /// When.
    pub at: DateTime<Utc>,
    /// The actor's issuer.
    pub actor_issuer: String,
    /// The actor's subject.
    pub actor_subject: String,
    /// What people know them by.
    pub actor_label: String,
    /// `mapping.create`, `mapping.replace`, `mapping.delete` …
    pub action: String,
    /// The number of the thing changed.
    pub object: String,
    /// The thing before; none when it was made.
    pub before: Option<Value>,
    /// The thing after; none when it is gone.
    pub after: Option<Value>,
    /// The address the request came from.
    pub client_ip: Option<String>,
    /// The request's id, as in the log.
    pub request_id: Option<String>,
}

/// What a change was, for its audit row.
pub(super) struct Change {
    pub object: String,
    pub before: Option<Value>,
    pub after: Option<Value>,
}

impl Store {
    /// Runs `work` and writes its audit row in the same transaction (AD-9). Without a change
    /// there is no row.
    pub(super) async fn audited<T, E>(
        &self,
        actor: &Actor,
        now: DateTime<Utc>,
        action: &'static str,
        work: impl AsyncFnOnce(&mut Transaction) -> Result<(T, Option<Change>), E>,
    ) -> Result<T, E>
    where
        E: From<StoreError> + From<sqlx::Error>,
    {
        self.with(async |transaction| {
            let (done, change) = work(transaction).await?;
            if let Some(change) = change {
                sqlx::query!(
                    "INSERT INTO audit_log (at, actor_issuer, actor_subject, actor_label, action, object,
                                            before, after, client_ip, request_id)
                     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
                    now,
                    actor.issuer,
                    actor.subject,
                    actor.label,
                    action,
                    change.object,
                    change.before,
                    change.after,
                    actor.client_ip,
                    actor.request_id,
                )
                .execute(transaction)
                .await?;
            }
            Ok(done)
        })
        .await
    }

    /// The newest changes first.
    pub async fn audit_log(&self, limit: i64, offset: i64) -> Result<Vec<AuditEntry>, StoreError> {
        self.with(async |transaction| {
            let entries = sqlx::query_as!(
                AuditEntry,
                "SELECT id, at, actor_issuer, actor_subject, actor_label, action, object,
                        before, after, client_ip, request_id
                 FROM audit_log ORDER BY id DESC LIMIT $1 OFFSET $2",
                limit,
                offset,
            )
            .fetch_all(transaction)
            .await?;
            Ok(entries)
        })
        .await
    }
}
