//! Who changed what. Rows are only ever added (a trigger sees to it).

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::error::StoreError;
use super::pool::Store;
use super::transaction::Transaction;
use crate::domain::identity::Actor;
use crate::domain::identity::PersonKey;

/// One change.
#[derive(Debug, Clone, PartialEq)]
pub struct AuditEntry {
    /// Its number.
    pub id: i64,
    /// When.
    pub at: DateTime<Utc>,
    /// The actor's issuer; `cli` or `sql` for one that is no person.
    pub actor_issuer: String,
    /// The actor's subject.
    pub actor_subject: String,
    /// What people know them by.
    pub actor_label: String,
    /// What was done: `mapping.created`, `mapping.replaced`, `session.ended` …
    pub action: String,
    /// The number of the thing changed.
    pub object: String,
    /// The number that changes of mappings and tests have which were made together.
    pub change_set: Option<i64>,
    /// The thing before; none when it was made.
    pub before: Option<Value>,
    /// The thing after; none when it is gone.
    pub after: Option<Value>,
    /// The address the request came from.
    pub client_ip: Option<String>,
    /// The request's id, as in the log.
    pub request_id: Option<String>,
}

/// Which changes; each that is given must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AuditFilter {
    /// A text within the object, the actor's label, or what was there before or after; case is ignored.
    pub text: Option<String>,
    /// The action.
    pub action: Option<String>,
    /// The actor's label or subject.
    pub actor: Option<String>,
    /// The mapping.
    pub mapping: Option<i64>,
    /// The person who was changed.
    pub person: Option<PersonKey>,
    /// Not before this moment.
    pub from: Option<DateTime<Utc>>,
    /// Before this moment.
    pub until: Option<DateTime<Utc>>,
    /// Older than the change of this number.
    pub before: Option<i64>,
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

    /// The newest changes first, at most `limit`.
    pub async fn audit_log(
        &self,
        filter: &AuditFilter,
        limit: i64,
    ) -> Result<Vec<AuditEntry>, StoreError> {
        // `strpos`, as for people: there is nothing in a text to be escaped.
        let person = filter.person.as_ref();
        self.with(async |transaction| {
            let entries = sqlx::query_as!(
                AuditEntry,
                r#"SELECT id, at, actor_issuer, actor_subject, actor_label, audit_action(action) AS "action!",
                          object, change_set, before, after, client_ip, request_id
                   FROM audit_log
                   WHERE ($2::text IS NULL
                          OR strpos(lower(concat_ws(E'\n', object, actor_label, before::text, after::text)),
                                    lower($2)) > 0)
                     AND ($3::text IS NULL OR audit_action(action) = $3)
                     AND ($4::text IS NULL OR $4 IN (actor_label, actor_subject))
                     AND ($5::bigint IS NULL OR (object = $5::text AND action LIKE 'mapping.%'))
                     AND ($6::text IS NULL OR object = $6
                          OR (before ->> 'issuer' = $7 AND before ->> 'subject' = $8))
                     AND ($9::timestamptz IS NULL OR at >= $9)
                     AND ($10::timestamptz IS NULL OR at < $10)
                     AND ($11::bigint IS NULL OR id < $11)
                   ORDER BY id DESC LIMIT $1"#,
                limit,
                filter.text,
                filter.action,
                filter.actor,
                filter.mapping,
                person.map(audit_object),
                person.map(|person| person.issuer.as_str()),
                person.map(|person| person.subject.as_str()),
                filter.from,
                filter.until,
                filter.before,
            )
            .fetch_all(transaction)
            .await?;
            Ok(entries)
        })
        .await
    }
}

/// Tells the triggers that write the audit rows who makes the changes of this transaction. The
/// number of the change set.
pub(super) async fn act_as(
    transaction: &mut Transaction,
    actor: &Actor,
    now: DateTime<Utc>,
) -> Result<i64, StoreError> {
    let setting = json!({
        "issuer": actor.issuer,
        "subject": actor.subject,
        "label": actor.label,
        "client_ip": actor.client_ip,
        "request_id": actor.request_id,
        "at": now,
    });
    let number = sqlx::query!(
        r#"SELECT number AS "number!",
                  set_config('bridge.actor', ($1::jsonb || jsonb_build_object('change_set', number))::text, true)
           FROM nextval('change_sets') AS number"#,
        setting,
    )
    .fetch_one(transaction)
    .await?;
    Ok(number.number)
}

/// The name of a person in the audit log.
pub(super) fn audit_object(person: &PersonKey) -> String {
    format!("{} {}", person.issuer, person.subject)
}
