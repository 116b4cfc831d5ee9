//! People who have been seen, one of them, and who can do something.

use askama::Template;
use chrono::{DateTime, Utc};

use super::frame::Frame;
use super::paging::Paging;
use super::people::{BlockRow, PersonWords, SessionRow};
use super::shown::Shown;
use super::times;
use super::words::{self, GrantWords};
use crate::domain::identity::Groups;
use crate::domain::mapping::MappingId;
use crate::domain::members::FieldError;
use crate::domain::names::{Role, Transport};
use crate::domain::person::SeenPerson;
use crate::domain::session::SessionHash;
use crate::flow::seen::PersonDetails;

/// Above this many groups a list is folded.
const GROUPS_AT_A_GLANCE: usize = 3;

/// A person in a list.
#[derive(Debug, Clone)]
pub struct PersonRow {
    /// The person.
    pub person: SeenPerson,
}

impl PersonRow {
    /// Of a person.
    pub fn of(person: SeenPerson) -> Self {
        Self { person }
    }

    fn who(&self) -> PersonWords {
        PersonWords::of_seen(&self.person)
    }

    fn groups(&self) -> Vec<Shown> {
        let groups = self.person.identity.groups.to_vec();
        groups.into_iter().map(Shown).collect()
    }

    fn first_groups(&self) -> Vec<Shown> {
        let mut groups = self.groups();
        groups.truncate(GROUPS_AT_A_GLANCE);
        groups
    }

    fn more_groups(&self) -> usize {
        self.groups().len().saturating_sub(GROUPS_AT_A_GLANCE)
    }

    fn is_overage(&self) -> bool {
        self.person.identity.groups == Groups::Overage
    }
}

/// GET `/admin/people`, whose form is a search of the same address.
#[derive(Debug, Clone, Template)]
#[template(path = "people.html")]
pub struct PeopleList {
    /// The bar.
    pub frame: Frame,
    /// The page.
    pub rows: Vec<PersonRow>,
    /// Where it stands.
    pub paging: Paging,
    /// What is looked for; empty: nothing.
    pub text: String,
    /// Whose members alone are shown; empty: all.
    pub group: String,
}

/// A grant that a person holds, with the mapping that gives it.
#[derive(Debug, Clone)]
pub struct HeldWords {
    /// In words.
    pub grant: GrantWords,
    /// The row.
    pub mapping: MappingId,
    /// The group that it matches; none: everyone.
    pub group: Option<Shown>,
}

/// GET `/admin/people/{id}`. Its form: POST to `/admin/sessions/end` with `issuer` and `subject`.
#[derive(Debug, Clone, Template)]
#[template(path = "person.html")]
pub struct PersonPage {
    /// The bar.
    pub frame: Frame,
    /// The person.
    pub row: PersonRow,
    /// What is granted now.
    pub held: Vec<HeldWords>,
    /// Live, the newest first.
    pub sessions: Vec<SessionRow>,
    /// The person's block.
    pub block: Option<BlockRow>,
}

impl PersonPage {
    /// Of all that is known; `own` is the session that requests the page.
    pub fn of(
        frame: Frame,
        found: PersonDetails,
        own: Option<SessionHash>,
        now: DateTime<Utc>,
    ) -> Self {
        let held = found.entitlement.held().iter().map(|held| HeldWords {
            grant: GrantWords::of(&held.grant),
            mapping: held.mapping,
            group: held.group.clone().map(Shown),
        });
        Self {
            frame,
            held: held.collect(),
            row: PersonRow::of(found.person),
            sessions: SessionRow::list(found.sessions, own),
            block: found.block.map(|block| BlockRow::of(block, now)),
        }
    }

    /// `group=…` of the list of its members.
    fn group_query(group: &Shown) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query.append_pair("group", &group.0).finish()
    }
}

/// What was typed into the form.
#[derive(Debug, Clone, Default)]
pub struct TypedDeed {
    /// `role`
    pub role: String,
    /// `room`
    pub room: String,
    /// `transport`; empty: any one.
    pub transport: String,
    /// `seen`
    pub seen: bool,
}

impl TypedDeed {
    /// `role=…&room=…`, as the form sends it.
    pub fn query(&self) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query
            .append_pair("role", &self.role)
            .append_pair("room", &self.room)
            .append_pair("transport", &self.transport);
        if self.seen {
            query.append_pair("seen", "true");
        }
        query.finish()
    }
}

/// A person who can, and the mappings that let them.
#[derive(Debug, Clone)]
pub struct WhoCanRow {
    /// The person.
    pub row: PersonRow,
    /// At least one.
    pub mappings: Vec<MappingId>,
}

impl WhoCanRow {
    /// Of a person.
    pub fn of((person, mappings): (SeenPerson, Vec<MappingId>)) -> Self {
        Self {
            row: PersonRow::of(person),
            mappings,
        }
    }
}

/// GET `/admin/who-can`, whose form is a search of the same address.
#[derive(Debug, Clone, Template)]
#[template(path = "who_can.html")]
pub struct WhoCanPage {
    /// The bar.
    pub frame: Frame,
    /// What was typed.
    pub typed: TypedDeed,
    /// What is wrong with it.
    pub errors: Vec<FieldError>,
    /// The page of the answer, and where it stands; none: nothing was asked.
    pub answer: Option<(Vec<WhoCanRow>, Paging)>,
}

impl WhoCanPage {
    fn error(&self, field: &str) -> Option<&str> {
        let of_field = |error: &&FieldError| error.field == field;
        let found = self.errors.iter().find(of_field);
        found.map(|error| error.reason.as_str())
    }

    /// `publish in studio-1 over WHIP`, without the room.
    fn verb(&self) -> String {
        words::role_word(&self.typed.role).to_lowercase()
    }

    /// The protocol that has no operation for the role.
    fn impossible(&self) -> Option<Transport> {
        let role = Role::parse(&self.typed.role)?;
        let transport = Transport::parse(&self.typed.transport)?;
        (!transport.can_serve(role)).then_some(transport)
    }
}
