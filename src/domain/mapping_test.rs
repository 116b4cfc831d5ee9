//! What must stay true of the table: what a given identity can do, and what it cannot.

use std::collections::BTreeSet;
use std::fmt;

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};
use serde_json::{Map, Value};

use super::entitlement::{Entitlement, HeldGrant};
use super::given::GivenIdentity;
use super::mapping::{self, READ_ONLY};
use super::members::{FieldError, Members};
use super::names::{ROOM_RULE, Role, RoomName, Transport};
use super::resolve::Mappings;
use super::set::AnyOr;

/// Longest name in characters.
pub const TEST_NAME_MAX: usize = 100;

/// Most expectations of `can` and of `cannot`.
pub const EXPECTATIONS_MAX: usize = 100;

/// Most groups that a sentence names.
const GROUPS_TOLD: usize = 3;

/// What an administrator states; in JSON the members of a test, in their order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MappingTestDraft {
    name: String,
    given: GivenIdentity,
    can: Vec<Expectation>,
    cannot: Vec<Expectation>,
    note: String,
}

/// One thing that the identity can do or cannot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expectation {
    /// What is attempted.
    pub role: Role,
    /// Where; none is `*`: a grant of any room in `can`, no room whatever in `cannot`.
    pub room: Option<RoomName>,
    /// Over what; none: over at least one in `can`, over none in `cannot`.
    pub transport: Option<Transport>,
}

impl Serialize for Expectation {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut members = serializer.serialize_map(Some(3))?;
        members.serialize_entry("role", self.role.as_str())?;
        let room = self.room.as_ref().map_or("*", RoomName::as_str);
        members.serialize_entry("room", room)?;
        members.serialize_entry("transport", &self.transport.map(Transport::as_str))?;
        members.end()
    }
}

impl Expectation {
    fn read(members: &mut Members) -> Option<Self> {
        let role = members.text("role").unwrap_or_default();
        let role = Role::parse(&role);
        if role.is_none() {
            let reason = "a role is red5-publisher or red5-subscriber, written exactly so";
            members.refuse("role", reason);
        }
        let room = members.text("room").unwrap_or_default();
        let room = match room.as_str() {
            "*" => Some(None),
            name => RoomName::parse(name).map(Some),
        };
        if room.is_none() {
            members.refuse("room", format!("{ROOM_RULE}; for any write *"));
        }
        let word = members.text("transport");
        let transport = word.as_deref().map(Transport::parse);
        if transport == Some(None) {
            let reason = "a transport is RTMP, RTSP, WHIP or WHEP; leave it out otherwise";
            members.refuse("transport", reason);
        }
        let transport = transport.flatten();
        if let (Some(role), Some(transport)) = (role, transport)
            && !transport.can_serve(role)
        {
            let reason = format!("{transport} can never serve {role}: no mapping changes that");
            members.refuse("transport", reason);
        }
        Some(Self {
            role: role?,
            room: room?,
            transport,
        })
    }

    /// Whether it holds as one of `can`.
    fn is_granted(&self, entitlement: &Entitlement) -> bool {
        match &self.room {
            Some(room) => !entitlement.lets(self.role, self.transport, room).is_empty(),
            None => self
                .serving(entitlement)
                .any(|held| held.grant.rooms.is_any()),
        }
    }

    /// Where it fails as one of `cannot`; none where it holds.
    fn granted_in(&self, entitlement: &Entitlement) -> Option<String> {
        let Some(room) = &self.room else {
            let serving = self.serving(entitlement);
            let rooms: BTreeSet<_> = serving.map(|held| &held.grant.rooms).collect();
            return match rooms.first()? {
                AnyOr::Any => Some("any room".to_owned()),
                AnyOr::Only(rooms) => rooms.iter().next().map(ToString::to_string),
            };
        };
        self.is_granted(entitlement).then(|| room.to_string())
    }

    /// The grants that let the role be used over the transport, in some room.
    fn serving<'e>(&self, entitlement: &'e Entitlement) -> impl Iterator<Item = &'e HeldGrant> {
        let Self {
            role, transport, ..
        } = *self;
        let held = entitlement.held().iter();
        held.filter(move |held| held.grant.serves(role, transport))
    }

    fn verb(&self) -> &'static str {
        match self.role {
            Role::Publisher => "publish",
            Role::Subscriber => "watch",
        }
    }

    fn over(&self) -> String {
        let over = self.transport.map(|transport| format!(" over {transport}"));
        over.unwrap_or_default()
    }
}

impl MappingTestDraft {
    /// As [`Self::parse`], of a test that was read and changed: its read-only members are left alone.
    ///
    /// # Errors
    /// Each invalid field, and each member that no test has.
    pub fn parse_edit(mut sent: Map<String, Value>) -> Result<Self, Vec<FieldError>> {
        sent.retain(|name, _| !READ_ONLY.contains(&name.as_str()));
        Self::parse(sent)
    }

    /// Judges every member and reports all that is wrong at once.
    ///
    /// # Errors
    /// Each invalid field, and each member that no test has.
    pub fn parse(sent: Map<String, Value>) -> Result<Self, Vec<FieldError>> {
        Members::judge(sent, Self::read)
    }

    fn read(members: &mut Members) -> Option<Self> {
        let name = members.text("name").unwrap_or_default();
        let fits = (1..=TEST_NAME_MAX).contains(&name.chars().count());
        if !fits || name.trim().is_empty() || name.chars().any(char::is_control) {
            let reason =
                format!("a name is 1 to {TEST_NAME_MAX} characters, without control characters");
            members.refuse("name", reason);
        }
        let given = members.object("given");
        let given = given.and_then(|given| members.within("given", given, GivenIdentity::read));
        let can = expectations(members, "can");
        let cannot = expectations(members, "cannot");
        let is_empty = |list: &Option<Vec<_>>| list.as_ref().is_some_and(Vec::is_empty);
        if is_empty(&can) && is_empty(&cannot) {
            members.refuse("can", "state at least one thing, here or in cannot");
        }
        let note = mapping::note(members);
        Some(Self {
            name,
            given: given?,
            can: can?,
            cannot: cannot?,
            note,
        })
    }

    /// What it is called; not unique.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whose grants it is about.
    pub fn given(&self) -> &GivenIdentity {
        &self.given
    }

    /// What the identity can do.
    pub fn can(&self) -> &[Expectation] {
        &self.can
    }

    /// What the identity cannot do.
    pub fn cannot(&self) -> &[Expectation] {
        &self.cannot
    }

    /// What the administrator wrote beside it.
    pub fn note(&self) -> &str {
        &self.note
    }

    /// The columns of its row.
    ///
    /// # Errors
    /// None that is known; the library's function may fail.
    pub fn to_row(&self) -> serde_json::Result<Map<String, Value>> {
        serde_json::from_value(serde_json::to_value(self)?)
    }

    /// A sentence for each expectation that `mappings` do not meet at `now`; none: it passes.
    pub fn check(&self, mappings: &Mappings, now: DateTime<Utc>) -> Vec<String> {
        let entitlement = mappings.resolve(&self.given.identity(), now);
        let subject = &self.given;
        let can = self.can.iter().filter(|can| !can.is_granted(&entitlement));
        let can = can.map(|can| {
            let (verb, over) = (can.verb(), can.over());
            match &can.room {
                Some(room) => format!("{subject} cannot {verb} in {room}{over}"),
                None => format!("no grant of any room lets {subject} {verb}{over}"),
            }
        });
        let cannot = self.cannot.iter().filter_map(|cannot| {
            let room = cannot.granted_in(&entitlement)?;
            let (verb, over) = (cannot.verb(), cannot.over());
            Some(format!("{subject} can now {verb} in {room}{over}"))
        });
        can.chain(cannot).collect()
    }
}

/// The list of a field; a missing one is empty.
fn expectations(members: &mut Members, field: &str) -> Option<Vec<Expectation>> {
    if !members.has(field) {
        return Some(Vec::new());
    }
    let objects = members.objects(field, EXPECTATIONS_MAX)?;
    let read: Vec<Option<Expectation>> = (0..)
        .zip(objects)
        .map(|(i, object)| members.within(&format!("{field}[{i}]"), object, Expectation::read))
        .collect();
    read.into_iter().collect()
}

impl fmt::Display for GivenIdentity {
    /// As the subject of a sentence: `group viewers`, `groups a, b and 3 more as ann`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let told: Vec<&str> = self.groups().take(GROUPS_TOLD).collect();
        match (self.groups().len(), told.as_slice()) {
            (0, _) => f.write_str("a person in no group")?,
            (1, _) => write!(f, "group {}", told.concat())?,
            (groups, [told @ .., last]) if groups <= GROUPS_TOLD => {
                write!(f, "groups {} and {last}", told.join(", "))?;
            }
            (groups, _) => {
                let more = groups - GROUPS_TOLD;
                write!(f, "groups {} and {more} more", told.join(", "))?;
            }
        }
        self.username()
            .map_or(Ok(()), |name| write!(f, " as {name}"))
    }
}

/// The number of a test; never used again after the test is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct MappingTestId(pub i64);

impl fmt::Display for MappingTestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A stored test; serialized as the API and the audit log have it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MappingTest {
    /// Its number.
    pub id: MappingTestId,
    /// What an administrator states.
    #[serde(flatten)]
    pub draft: MappingTestDraft,
    /// Raised by each edit.
    pub version: i64,
}

impl MappingTest {
    /// From the columns of a row; columns of a newer version of the program are left alone.
    ///
    /// # Errors
    /// Each field that the rules refuse.
    pub fn from_row(row: Map<String, Value>) -> Result<Self, Vec<FieldError>> {
        let mut members = Members::new(row);
        let draft = MappingTestDraft::read(&mut members);
        let id = members.required_number("id").map(MappingTestId);
        let version = members.required_number("version");
        match (draft, id, version) {
            (Some(draft), Some(id), Some(version)) if members.errors.is_empty() => {
                Ok(Self { id, draft, version })
            }
            _ => Err(members.errors),
        }
    }
}

#[cfg(test)]
mod tests;
