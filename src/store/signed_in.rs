//! Who is signed in, as administrators and the people themselves see it.

use chrono::{DateTime, Utc};

use super::ending::SessionId;
use super::sessions::SessionHash;
use super::{Store, StoreError};
use crate::domain::block::PersonKey;

/// A session as it is shown: nothing of it opens anything.
#[derive(Debug, Clone)]
pub struct SignedIn {
    /// What it is called.
    pub id: SessionId,
    /// What it is known by; for comparing, never to be shown.
    pub hash: SessionHash,
    /// Whose it is.
    pub person: PersonKey,
    /// What the provider called them.
    pub username: Option<String>,
    /// Likewise.
    pub name: Option<String>,
    /// When they signed in.
    pub created_at: DateTime<Utc>,
    /// When they last asked for something, as of the last flush.
    pub last_seen_at: DateTime<Utc>,
    /// The absolute end.
    pub ends_at: DateTime<Utc>,
    /// When the provider was last asked for their groups.
    pub groups_read_at: DateTime<Utc>,
    /// Browser and system of the sign-in, in words of ours.
    pub browser: Option<String>,
    /// The client's address at the sign-in.
    pub address: Option<String>,
}

/// Whose sessions.
#[derive(Debug, Clone, Copy)]
pub enum Whose<'a> {
    /// All.
    Everybody,
    /// Those in whose subject, user name or name this stands, in any case.
    Named(&'a str),
    /// One person's.
    Person(&'a PersonKey),
}

/// What counts as live.
#[derive(Debug, Clone, Copy)]
pub struct LiveBounds {
    /// Whatever ends later.
    pub now: DateTime<Utc>,
    /// And was seen later.
    pub idle_since: DateTime<Utc>,
}

/// One page.
#[derive(Debug)]
pub struct SignedInPage {
    /// The newest first.
    pub items: Vec<SignedIn>,
    /// How many there are in all.
    pub total: i64,
}

struct Row {
    id: String,
    id_hash: Vec<u8>,
    issuer: String,
    subject: String,
    username: Option<String>,
    name: Option<String>,
    created_at: DateTime<Utc>,
    last_seen_at: DateTime<Utc>,
    ends_at: DateTime<Utc>,
    groups_read_at: DateTime<Utc>,
    browser: Option<String>,
    address: Option<String>,
}

impl Row {
    /// `None` for what the table does not hold: a constraint has the hash's length.
    fn into_signed_in(self) -> Option<SignedIn> {
        Some(SignedIn {
            id: SessionId::of_row(self.id),
            hash: self.id_hash.try_into().ok()?,
            person: PersonKey {
                issuer: self.issuer,
                subject: self.subject,
            },
            username: self.username,
            name: self.name,
            created_at: self.created_at,
            last_seen_at: self.last_seen_at,
            ends_at: self.ends_at,
            groups_read_at: self.groups_read_at,
            browser: self.browser,
            address: self.address,
        })
    }
}

impl Store {
    /// One page of those who are signed in.
    pub async fn list_signed_in(
        &self,
        whose: Whose<'_>,
        bounds: LiveBounds,
        limit: i64,
        offset: i64,
    ) -> Result<SignedInPage, StoreError> {
        let (named, person) = match whose {
            Whose::Everybody => (None, None),
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
                bounds.now,
                bounds.idle_since,
                named,
                issuer,
                subject,
            )
            .fetch_one(&mut *moment)
            .await?;
            let rows = sqlx::query_as!(
                Row,
                r#"SELECT public_id::text AS "id!", id_hash, issuer, subject, username, name,
                          created_at, last_seen_at, ends_at, groups_read_at,
                          browser, host(client_address) AS address
                   FROM sessions
                   WHERE ends_at > $1 AND last_seen_at > $2
                     AND ($3::text IS NULL
                          OR strpos(lower(concat_ws(E'\n', subject, username, name)), lower($3)) > 0)
                     AND ($4::text IS NULL OR issuer = $4) AND ($5::text IS NULL OR subject = $5)
                   ORDER BY created_at DESC, public_id LIMIT $6 OFFSET $7"#,
                bounds.now,
                bounds.idle_since,
                named,
                issuer,
                subject,
                limit,
                offset,
            )
            .fetch_all(&mut *moment)
            .await?;
            Ok(SignedInPage {
                items: rows.into_iter().filter_map(Row::into_signed_in).collect(),
                total,
            })
        })
        .await
    }

    /// One session by its name, live or not.
    pub async fn signed_in(&self, id: &SessionId) -> Result<Option<SignedIn>, StoreError> {
        self.with(async |transaction| {
            let row = sqlx::query_as!(
                Row,
                r#"SELECT public_id::text AS "id!", id_hash, issuer, subject, username, name,
                          created_at, last_seen_at, ends_at, groups_read_at,
                          browser, host(client_address) AS address
                   FROM sessions WHERE public_id = $1::text::uuid"#,
                id.as_str(),
            )
            .fetch_optional(transaction)
            .await?;
            Ok(row.and_then(Row::into_signed_in))
        })
        .await
    }
}
