//! People who have been seen: finding one, what they are granted now, and who can do something.

use chrono::{DateTime, Utc};
use tokio::task::yield_now;

use super::admin::Admin;
use super::people::{People, PeopleError};
use crate::domain::block::Block;
use crate::domain::entitlement::Entitlement;
use crate::domain::identity::PersonKey;
use crate::domain::list::{ListPage, PageRange};
use crate::domain::mapping::MappingId;
use crate::domain::names::{Role, RoomName, Transport};
use crate::domain::person::{PersonId, SeenPerson};
use crate::domain::session::{SessionSummary, Whose};
use crate::store::StoreError;
use crate::store::people::Considered;

pub use crate::store::people::PeopleSearch;

/// Most sessions of a person that are shown.
const SESSIONS_MAX: i64 = 500;

/// Most groups in one answer.
const GROUPS_MAX: i64 = 1000;

/// So many people are judged before other requests of the worker have their turn.
const AT_ONCE: usize = 200;

/// All that is known of a person.
#[derive(Debug)]
pub struct PersonDetails {
    /// The person.
    pub person: SeenPerson,
    /// Their live sessions, the newest first.
    pub sessions: Vec<SessionSummary>,
    /// What the mappings grant them now, whether they are blocked or not.
    pub entitlement: Entitlement,
    /// Their block, whether it still counts or not.
    pub block: Option<Block>,
}

/// What a person may be able to do.
#[derive(Debug, Clone)]
pub struct Deed {
    /// As whom.
    pub role: Role,
    /// Where.
    pub room: RoomName,
    /// How; none: over at least one transport.
    pub transport: Option<Transport>,
}

/// A person who can do it, with the mappings that let them.
pub type Doer = (SeenPerson, Vec<MappingId>);

/// A group, as those have it who were seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupUse {
    /// As the provider sends it.
    pub group: String,
    /// How many people are in it.
    pub people: i64,
    /// How many mappings name it or have a glob that matches it, those switched off included.
    pub mappings: usize,
}

impl People {
    fn considered(&self, now: DateTime<Utc>) -> Considered {
        Considered {
            now,
            idle_since: now - self.sessions.idle(),
            seen_since: now - self.seen,
        }
    }

    /// One page of the people who are signed in or were seen lately.
    pub async fn list(
        &self,
        _: &Admin,
        search: PeopleSearch<'_>,
        range: PageRange,
    ) -> Result<ListPage<SeenPerson>, StoreError> {
        let considered = self.considered(self.clock.now());
        self.store.list_people(considered, search, range).await
    }

    /// One of them.
    pub async fn get(&self, admin: &Admin, id: &PersonId) -> Result<PersonDetails, PeopleError> {
        let now = self.clock.now();
        let person = self.store.find_person(self.considered(now), id).await?;
        let person = person.ok_or(PeopleError::NotFound)?;
        let key = key(&person);
        let sessions = self.sessions(admin, Whose::Person(&key), PageRange::first(SESSIONS_MAX));
        let sessions = sessions.await?.items;
        let block = self.store.find_block(&key).await?;
        let mappings = &self.snapshots.current()?.mappings;
        Ok(PersonDetails {
            entitlement: mappings.resolve(&person.identity, now),
            person,
            sessions,
            block,
        })
    }

    /// The same by what the provider calls the person.
    pub async fn person_by_key(
        &self,
        _: &Admin,
        person: &PersonKey,
    ) -> Result<Option<SeenPerson>, StoreError> {
        let considered = self.considered(self.clock.now());
        self.store.find_person_by_key(considered, person).await
    }

    /// By user name and subject, the people whom one single grant lets do it now: those who are signed in, and with `seen`
    /// those who were seen lately. Blocked people are not among them.
    pub async fn who_can(
        &self,
        _: &Admin,
        deed: &Deed,
        seen: bool,
        range: PageRange,
    ) -> Result<ListPage<Doer>, PeopleError> {
        let now = self.clock.now();
        let mappings = &self.snapshots.current()?.mappings;
        let mut considered = self.considered(now);
        if !seen {
            considered.seen_since = now;
        }
        let groups = mappings.groups_that_may(deed.role, &deed.room, now);
        let people = self.store.people_in(considered, groups).await?;
        let mut found = ListPage {
            items: Vec::new(),
            total: 0,
        };
        for (number, person) in people.into_iter().enumerate() {
            if number % AT_ONCE == 0 {
                yield_now().await;
            }
            if person.blocked {
                continue;
            }
            let entitlement = mappings.resolve(&person.identity, now);
            let rows = entitlement.lets(deed.role, deed.transport, &deed.room);
            if rows.is_empty() {
                continue;
            }
            if (range.offset..range.offset.saturating_add(range.limit)).contains(&found.total) {
                found.items.push((person, rows));
            }
            found.total += 1;
        }
        Ok(found)
    }

    /// The groups of the people who are signed in or were seen lately, those with the most people
    /// first; `text` stands in them, in any case. At most 1,000.
    pub async fn groups(
        &self,
        _: &Admin,
        text: Option<&str>,
    ) -> Result<Vec<GroupUse>, PeopleError> {
        let considered = self.considered(self.clock.now());
        let seen = self.store.seen_groups(considered, text, GROUPS_MAX).await?;
        let mappings = &self.snapshots.current()?.mappings;
        let groups = seen.into_iter().map(|seen| GroupUse {
            mappings: mappings.count_for(&seen.group),
            group: seen.group,
            people: seen.people,
        });
        Ok(groups.collect())
    }
}

fn key(person: &SeenPerson) -> PersonKey {
    PersonKey::new(&person.identity.issuer, &person.identity.subject)
}
