//! People who have been seen, as rows. A row is written with the session ([`super::sign_in`],
//! [`super::refresh_lease`]) and stays after it for `BRIDGE_SEEN_DAYS`.
//!
//! The groups of a person who is signed in are those of all their live sessions together; of
//! another, those of the row.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use serde_json::json;

use super::audit::Change;
use super::error::StoreError;
use super::locks;
use super::pool::Store;
use super::transaction::Transaction;
use crate::domain::groups::GroupMatch;
use crate::domain::identity::{Actor, Groups, Identity, PersonKey};
use crate::domain::list::{ListPage, PageRange};
use crate::domain::person::{PersonId, SeenGroup, SeenPerson};
use crate::domain::session::DEVICE_IDLE;

/// Maximum number of groups for which the query uses the index.
const FEW_GROUPS: usize = 32;

/// Whom a question is about: those who are signed in, and those who were seen lately.
#[derive(Debug, Clone, Copy)]
pub struct Considered {
    /// A live session ends after this.
    pub now: DateTime<Utc>,
    /// And was used after this.
    pub idle_since: DateTime<Utc>,
    /// Others were seen after this; `now`: none of them.
    pub seen_since: DateTime<Utc>,
}

/// Which people a list shows.
#[derive(Debug, Clone, Copy, Default)]
pub struct PeopleSearch<'a> {
    /// In their user name, name or subject this stands, in any case.
    pub text: Option<&'a str>,
    /// They are in this group.
    pub group: Option<&'a str>,
}

/// How many people a question is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PeopleCount {
    /// All of them.
    pub considered: i64,
    /// Those of them who are signed in.
    pub signed_in: i64,
}

/// What a change set touches of the people who are considered.
#[derive(Debug)]
pub struct PeopleConcerned {
    /// How many people are considered.
    pub count: PeopleCount,
    /// The people to whom a row of the change set applies, by user name and subject.
    pub people: Vec<SeenPerson>,
    /// The groups of all who are considered, where the change set names a group that none of them is in;
    /// otherwise those that it names.
    pub groups: BTreeSet<String>,
}

/// The people as a change set that is not committed yet reads them.
pub struct PeopleReader<'t>(pub(super) &'t mut Transaction);

/// Why a person was not forgotten.
#[derive(Debug, thiserror::Error)]
pub enum NotForgotten {
    /// There is no row with this id (any more).
    #[error("no person with this id has been seen")]
    NotFound,
    /// The person has a live session.
    #[error("the person is signed in: end their sessions first")]
    SignedIn,
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<sqlx::Error> for NotForgotten {
    fn from(error: sqlx::Error) -> Self {
        Self::Store(error.into())
    }
}

/// A person, or one of several live sessions of a person.
struct Row {
    id: PersonId,
    issuer: String,
    subject: String,
    username: Option<String>,
    name: Option<String>,
    groups: Vec<String>,
    groups_overage: bool,
    last_seen_at: DateTime<Utc>,
    blocked: bool,
    session_seen_at: Option<DateTime<Utc>>,
    session_groups: Option<Vec<String>>,
    session_overage: Option<bool>,
}

/// The people of the common table `chosen (issuer, subject)`, one row for each live session;
/// `$1` and `$2` are the moments of [`Considered`]. The collation is that of the table of blocks.
macro_rules! rows_of {
    ($chosen:literal $(, $argument:expr)*) => {
        sqlx::query_as!(
            Row,
            $chosen + r#"
            SELECT p.public_id AS "id!", p.issuer, p.subject, p.username, p.name, p.groups,
                   p.groups_overage, p.last_seen_at,
                   EXISTS (SELECT FROM blocked
                           WHERE blocked.issuer = p.issuer COLLATE "C"
                             AND blocked.subject = p.subject COLLATE "C"
                             AND (until IS NULL OR $1 < until)) AS "blocked!",
                   s.last_seen_at AS "session_seen_at?", s.groups AS "session_groups?",
                   s.groups_overage AS "session_overage?"
            FROM chosen JOIN people AS p USING (issuer, subject)
                 LEFT JOIN sessions AS s ON s.issuer = p.issuer AND s.subject = p.subject
                                        AND s.ends_at > $1
                                        AND (s.kind <> 'browser' OR s.last_seen_at > $2)
            ORDER BY lower(p.username), p.subject, p.issuer"#
            $(, $argument)*
        )
    };
}

impl Store {
    /// One page of the people who are considered, by user name and subject.
    pub async fn list_people(
        &self,
        considered: Considered,
        search: PeopleSearch<'_>,
        range: PageRange,
    ) -> Result<ListPage<SeenPerson>, StoreError> {
        self.at_one_moment(async |moment| {
            // `strpos` and not `LIKE`: there is nothing in a text to be escaped.
            let page = sqlx::query!(
                r#"WITH live AS (
                       SELECT issuer, subject, bool_or($5 = ANY (groups)) AS in_group
                       FROM sessions WHERE ends_at > $1 AND (kind <> 'browser' OR last_seen_at > $2)
                       GROUP BY issuer, subject
                   ), found AS MATERIALIZED (
                       SELECT public_id, username, p.subject, p.issuer
                       FROM people AS p LEFT JOIN live USING (issuer, subject)
                       WHERE (p.last_seen_at > $3 OR live.issuer IS NOT NULL)
                         AND ($4::text IS NULL
                              OR strpos(lower(concat_ws(E'\n', p.subject, username, name)), lower($4)) > 0)
                         AND ($5::text IS NULL
                              OR CASE WHEN live.issuer IS NULL THEN $5 = ANY (groups) ELSE in_group END)
                   )
                   SELECT (SELECT count(*) FROM found) AS "total!",
                          ARRAY(SELECT public_id FROM found
                                ORDER BY lower(username), subject, issuer LIMIT $6 OFFSET $7) AS "ids!""#,
                considered.now,
                considered.idle_since,
                considered.seen_since,
                search.text,
                search.group,
                range.limit,
                range.offset,
            )
            .fetch_one(&mut *moment)
            .await?;
            let items = people_of(moment, considered, &page.ids).await?;
            Ok(ListPage {
                items,
                total: page.total,
            })
        })
        .await
    }

    /// One person, if they are considered.
    pub async fn find_person(
        &self,
        considered: Considered,
        id: &PersonId,
    ) -> Result<Option<SeenPerson>, StoreError> {
        self.at_one_moment(async |moment| {
            let found = people_of(moment, considered, &[id.to_string()]).await?;
            Ok(found.into_iter().find(|person| is_in(person, considered)))
        })
        .await
    }

    /// The same by what the provider calls the person.
    pub async fn find_person_by_key(
        &self,
        considered: Considered,
        person: &PersonKey,
    ) -> Result<Option<SeenPerson>, StoreError> {
        self.at_one_moment(async |moment| {
            let ids = sqlx::query_scalar!(
                "SELECT public_id FROM people WHERE issuer = $1 AND subject = $2",
                person.issuer,
                person.subject,
            )
            .fetch_all(&mut *moment)
            .await?;
            let found = people_of(moment, considered, &ids).await?;
            Ok(found.into_iter().find(|person| is_in(person, considered)))
        })
        .await
    }

    /// All people who are considered and whom a mapping with one of these groups is for, by user
    /// name and subject.
    pub async fn people_in<'g>(
        &self,
        considered: Considered,
        groups: impl IntoIterator<Item = &'g GroupMatch>,
    ) -> Result<Vec<SeenPerson>, StoreError> {
        self.at_one_moment(async |moment| people_in(moment, considered, groups).await)
            .await
    }

    /// The groups of the people who are considered, those with the most people first; `text`: in
    /// whose name it stands, in any case.
    pub async fn seen_groups(
        &self,
        considered: Considered,
        text: Option<&str>,
        limit: i64,
    ) -> Result<Vec<SeenGroup>, StoreError> {
        self.with(async |transaction| seen_groups(transaction, considered, text, limit).await)
            .await
    }

    /// Removes a person who is not signed in and has no device.
    pub async fn forget_person(
        &self,
        id: &PersonId,
        (now, idle_since): (DateTime<Utc>, DateTime<Utc>),
        actor: &Actor,
    ) -> Result<(), NotForgotten> {
        self.audited(actor, now, "person.forgotten", async |transaction| {
            let key = sqlx::query_as!(
                PersonKey,
                "SELECT issuer, subject FROM people WHERE public_id = $1",
                id.as_str(),
            );
            let key = key.fetch_optional(&mut *transaction).await?;
            let key = key.ok_or(NotForgotten::NotFound)?;
            // No sign-in of theirs goes on beside this.
            locks::lock_person(transaction, &key.issuer, &key.subject).await?;
            let is_signed_in = sqlx::query_scalar!(
                r#"SELECT EXISTS (SELECT FROM sessions
                                  WHERE issuer = $1 AND subject = $2
                                    AND ends_at > $3
                                    AND last_seen_at > CASE kind WHEN 'browser' THEN $4::timestamptz ELSE $5::timestamptz END) AS "is!""#,
                key.issuer,
                key.subject,
                now,
                idle_since,
                now - DEVICE_IDLE,
            );
            if is_signed_in.fetch_one(&mut *transaction).await? {
                return Err(NotForgotten::SignedIn);
            }
            let removed = sqlx::query!("DELETE FROM people WHERE public_id = $1", id.as_str());
            if removed.execute(transaction).await?.rows_affected() == 0 {
                return Err(NotForgotten::NotFound);
            }
            // The id alone: the audit log is never changed, and the person is to be forgotten.
            let change = Change {
                object: id.to_string(),
                before: Some(json!({ "id": id.to_string() })),
                after: None,
            };
            Ok(((), Some(change)))
        })
        .await
    }
}

/// Whether the person is signed in or was seen lately.
fn is_in(person: &SeenPerson, considered: Considered) -> bool {
    person.signed_in || person.last_seen_at > considered.seen_since
}

/// The people with these ids, by user name and subject.
async fn people_of(
    transaction: &mut Transaction,
    considered: Considered,
    ids: &[String],
) -> Result<Vec<SeenPerson>, sqlx::Error> {
    let rows = rows_of!(
        "WITH chosen AS (SELECT issuer, subject FROM people WHERE public_id = ANY ($3))",
        considered.now,
        considered.idle_since,
        ids
    );
    Ok(folded(rows.fetch_all(transaction).await?))
}

/// See [`Store::people_in`].
async fn people_in<'g>(
    transaction: &mut Transaction,
    considered: Considered,
    groups: impl IntoIterator<Item = &'g GroupMatch>,
) -> Result<Vec<SeenPerson>, StoreError> {
    let (mut exact, mut globs, mut everyone) = (Vec::new(), Vec::new(), false);
    for group in groups {
        match group {
            GroupMatch::Exact(name) => exact.push(name.as_str().to_owned()),
            GroupMatch::Glob(glob) => globs.push(like(glob.as_str())),
            GroupMatch::Everyone => everyone = true,
        }
    }
    // An index finds the people of a few groups; `&&` compares many groups pair by pair, and
    // `= ANY` looks them up.
    let many = if exact.len() > FEW_GROUPS {
        std::mem::take(&mut exact)
    } else {
        Vec::new()
    };
    // A superset: a session may have ended whose groups the row still has.
    let rows = rows_of!(
        r#"WITH chosen AS MATERIALIZED (
               SELECT issuer, subject FROM people WHERE groups && $4::text[] AND last_seen_at > $3
               UNION
               SELECT issuer, subject FROM people
               WHERE last_seen_at > $3 AND ($6 OR $8 AND EXISTS (
                   SELECT FROM unnest(groups) AS in_group
                   WHERE in_group = ANY ($7::text[]) OR in_group LIKE ANY ($5::text[])))
               UNION
               SELECT issuer, subject FROM sessions
               WHERE ends_at > $1 AND (kind <> 'browser' OR last_seen_at > $2)
                 AND ($6 OR groups && $4 OR $8 AND EXISTS (
                     SELECT FROM unnest(groups) AS in_group
                     WHERE in_group = ANY ($7) OR in_group LIKE ANY ($5)))
           )"#,
        considered.now,
        considered.idle_since,
        considered.seen_since,
        &exact,
        &globs,
        everyone,
        &many,
        !(many.is_empty() && globs.is_empty())
    );
    Ok(folded(rows.fetch_all(transaction).await?))
}

/// See [`Store::seen_groups`].
async fn seen_groups(
    transaction: &mut Transaction,
    considered: Considered,
    text: Option<&str>,
    limit: i64,
) -> Result<Vec<SeenGroup>, StoreError> {
    let groups = sqlx::query_as!(
        SeenGroup,
        r#"WITH live AS (
               SELECT issuer, subject, groups FROM sessions
               WHERE ends_at > $1 AND (kind <> 'browser' OR last_seen_at > $2)
           ), member AS (
               SELECT DISTINCT issuer, subject, in_group FROM live, unnest(groups) AS in_group
               UNION ALL
               SELECT issuer, subject, in_group FROM people AS p, unnest(groups) AS in_group
               WHERE last_seen_at > $3
                 AND NOT EXISTS (SELECT FROM live WHERE live.issuer = p.issuer
                                                    AND live.subject = p.subject)
           )
           SELECT in_group AS "group!", count(*) AS "people!" FROM member
           WHERE $4::text IS NULL OR strpos(lower(in_group), lower($4)) > 0
           GROUP BY in_group ORDER BY count(*) DESC, in_group LIMIT $5"#,
        considered.now,
        considered.idle_since,
        considered.seen_since,
        text,
        limit,
    )
    .fetch_all(transaction)
    .await?;
    Ok(groups)
}

impl PeopleReader<'_> {
    /// The people to whom rows for `groups` apply. `named` are the groups of the rows that are written.
    pub async fn concerned<'g>(
        &mut self,
        considered: Considered,
        groups: impl IntoIterator<Item = &'g GroupMatch>,
        named: &[&'g GroupMatch],
    ) -> Result<PeopleConcerned, StoreError> {
        let count = sqlx::query_as!(
            PeopleCount,
            r#"WITH live AS (
                   SELECT DISTINCT issuer, subject FROM sessions
                   WHERE ends_at > $1 AND (kind <> 'browser' OR last_seen_at > $2)
               )
               SELECT count(*) AS "considered!", count(live.issuer) AS "signed_in!"
               FROM people AS p LEFT JOIN live USING (issuer, subject)
               WHERE p.last_seen_at > $3 OR live.issuer IS NOT NULL"#,
            considered.now,
            considered.idle_since,
            considered.seen_since,
        );
        let count = count.fetch_one(&mut *self.0).await?;
        let people = people_in(self.0, considered, groups).await?;
        let listed = people
            .iter()
            .flat_map(|person| person.identity.groups.listed());
        let mut groups: BTreeSet<String> = listed.map(str::to_owned).collect();
        let is_seen = |named: &&GroupMatch| match named {
            GroupMatch::Exact(name) => groups.contains(name.as_str()),
            GroupMatch::Glob(glob) => groups.iter().any(|group| glob.captures(group).is_some()),
            GroupMatch::Everyone => true,
        };
        // Reading the groups of all people is slow; it is needed only if a group was not found above.
        if !named.iter().all(is_seen) {
            let all = seen_groups(self.0, considered, None, i64::MAX).await?;
            groups = all.into_iter().map(|seen| seen.group).collect();
        }
        Ok(PeopleConcerned {
            count,
            people,
            groups,
        })
    }
}

/// The people of rows that stand together for each.
fn folded(rows: Vec<Row>) -> Vec<SeenPerson> {
    let mut people: Vec<SeenPerson> = Vec::new();
    for row in rows {
        let of_session = row.session_seen_at.map(|seen| {
            let overage = row.session_overage.unwrap_or_default();
            (
                seen,
                groups_of(row.session_groups.unwrap_or_default(), overage),
            )
        });
        match (people.last_mut(), of_session) {
            (Some(person), Some((seen, groups))) if person.id == row.id => {
                person.last_seen_at = person.last_seen_at.max(seen);
                person.identity.groups.extend(groups);
            }
            (_, of_session) => {
                let signed_in = of_session.is_some();
                let (seen, groups) = of_session.unwrap_or_else(|| {
                    (row.last_seen_at, groups_of(row.groups, row.groups_overage))
                });
                people.push(SeenPerson {
                    id: row.id,
                    identity: Identity {
                        issuer: row.issuer,
                        subject: row.subject,
                        username: row.username,
                        name: row.name,
                        groups,
                    },
                    last_seen_at: row.last_seen_at.max(seen),
                    signed_in,
                    blocked: row.blocked,
                });
            }
        }
    }
    people
}

fn groups_of(groups: Vec<String>, overage: bool) -> Groups {
    if overage {
        Groups::Overage
    } else {
        Groups::Listed(groups.into_iter().collect())
    }
}

/// A glob of groups as a pattern of `LIKE`.
fn like(glob: &str) -> String {
    let mut pattern = String::with_capacity(glob.len());
    for c in glob.chars() {
        match c {
            '*' => pattern.push('%'),
            '%' | '_' | '\\' => pattern.extend(['\\', c]),
            c => pattern.push(c),
        }
    }
    pattern
}

/// Notes what a sign-in said of a person. The row is locked last in its transaction: one that
/// refreshes a session has locked the session's row before it.
pub(super) async fn note_sign_in(
    transaction: &mut Transaction,
    identity: &Identity,
    at: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    note(transaction, identity, at, false).await
}

/// The same of a refresh, which writes nothing where nothing is new.
pub(super) async fn note_refresh(
    transaction: &mut Transaction,
    identity: &Identity,
    at: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    note(transaction, identity, at, true).await
}

async fn note(
    transaction: &mut Transaction,
    identity: &Identity,
    at: DateTime<Utc>,
    if_changed: bool,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "INSERT INTO people (issuer, subject, username, name, groups, groups_overage, last_seen_at)
         SELECT $1, $2, $3, $4, $5, $6, $7
         WHERE NOT $8 OR NOT EXISTS (
             SELECT FROM people
             WHERE issuer = $1 AND subject = $2 AND groups = $5 AND groups_overage = $6
               AND username IS NOT DISTINCT FROM $3 AND name IS NOT DISTINCT FROM $4)
         ON CONFLICT (issuer, subject) DO UPDATE
         SET username = $3, name = $4, groups = $5, groups_overage = $6,
             last_seen_at = greatest(people.last_seen_at, $7)",
        identity.issuer,
        identity.subject,
        identity.username,
        identity.name,
        &identity.groups.to_vec(),
        identity.groups == Groups::Overage,
        at,
        if_changed,
    )
    .execute(transaction)
    .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::groups::GroupGlob;

    /// What `LIKE` does, by its definition in the manual of PostgreSQL (9.7.1).
    fn is_like(pattern: &str, text: &str) -> bool {
        let mut rest = pattern.chars();
        match rest.next() {
            None => text.is_empty(),
            Some('%') => text
                .char_indices()
                .map(|(at, _)| at)
                .chain([text.len()])
                .any(|at| is_like(rest.as_str(), &text[at..])),
            Some('_') => {
                let mut chars = text.chars();
                chars.next().is_some() && is_like(rest.as_str(), chars.as_str())
            }
            Some('\\') => rest.next().is_some_and(|c| {
                text.strip_prefix(c)
                    .is_some_and(|text| is_like(rest.as_str(), text))
            }),
            Some(c) => text
                .strip_prefix(c)
                .is_some_and(|text| is_like(rest.as_str(), text)),
        }
    }

    proptest! {
        #[test]
        fn like_finds_what_the_glob_matches(glob in r"[a%_\\*]{1,6}", group in r"[a%_\\]{0,6}") {
            if let Some(parsed) = GroupGlob::parse(&glob) {
                prop_assert_eq!(is_like(&like(&glob), &group), parsed.captures(&group).is_some());
            }
        }
    }
}
