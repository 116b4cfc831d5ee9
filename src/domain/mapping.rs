//! One row of the table: a group → one grant. Everything that is known about its fields is here.
//!
//! A mapping has four forms: the members that were sent, as JSON or by the form of the page; the
//! [`MappingDraft`] that they are when every field is good; the row of the table; and the
//! [`Mapping`] that a row is. [`MappingDraft::parse`] is the one door: form, API and the rows of
//! the database come through it, so there is one set of rules (AD-5).

use chrono::{DateTime, NaiveDate, SubsecRound, TimeDelta, Utc};
use serde::Serialize;
use serde_json::{Map, Value};

use super::groups::{GLOB_STARS_MAX, GroupGlob, GroupMatch};
use super::lifetime::TTL_MIN_SECONDS;
use super::members::{FieldError, Members};
use super::names::{GROUP_MAX, GroupName, Role, Transport};
use super::rooms::RoomRule;
use super::set::{AnyOr, NonEmpty};
use super::time;

/// Most rooms of one mapping, duplicates counted. A token that lists them all must stay short
/// enough for a URL, and a row short enough to be read.
pub const ROOMS_MAX: usize = 500;

/// Most words of `roles` and of `transports`, duplicates counted: there are
/// two and four to choose from, and each wrong word costs an error.
const WORDS_MAX: usize = 16;

/// Longest note in characters.
pub const NOTE_MAX: usize = 1000;

/// Longest `max_ttl_seconds`: a year. Longer is a mistake of units.
pub const MAX_TTL_SECONDS_MAX: u32 = 31_536_000;

/// A field as forms have it.
#[derive(Debug)]
pub struct Field {
    /// The member of JSON, and the field of the form.
    pub name: &'static str,
    /// What pages call it.
    pub label: &'static str,
    /// How a form holds it.
    pub kind: FieldKind,
    /// The control of the form that takes the focus.
    pub control: &'static str,
}

/// How a form holds a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldKind {
    /// A text, as it was typed.
    Text,
    /// A whole number; may be empty.
    Number,
    /// A time; may be empty.
    Time,
    /// `true`, or not sent.
    Switch,
    /// Each word by itself; any where `NAME_are` is `any`.
    Words,
    /// One to a line; any where `NAME_are` is `any`.
    Lines,
}

/// The fields, in the order of the form.
pub const FIELDS: [Field; 10] = {
    use FieldKind::{Lines, Number, Switch, Text, Time, Words};
    [
        field("match", "Applies to", Text, "match-exact"),
        field("group", "Group", Text, "group"),
        field("roles", "May", Words, "roles-red5-publisher"),
        field("transports", "Protocols", Words, "transports-listed"),
        field("rooms", "Rooms", Lines, "rooms"),
        field(
            "max_ttl_seconds",
            "Longest token",
            Number,
            "max_ttl_seconds",
        ),
        field("valid_from", "Valid from", Time, "valid_from"),
        field("valid_until", "Valid until", Time, "valid_until"),
        field("enabled", "Enabled", Switch, "enabled"),
        field("note", "Note", Text, "note"),
    ]
};

const fn field(
    name: &'static str,
    label: &'static str,
    kind: FieldKind,
    control: &'static str,
) -> Field {
    Field {
        name,
        label,
        kind,
        control,
    }
}

/// Passes the columns of the fields to the macro `$with`: a statement of the store that is
/// checked when it is compiled is made of literals.
macro_rules! with_mapping_columns {
    ($with:ident $(, $argument:expr)*) => {
        $with!(
            "match, group_name, roles, transports, rooms, max_ttl_seconds, valid_from, valid_until, enabled, note"
            $(, $argument)*
        )
    };
}
pub(crate) use with_mapping_columns;

/// What an administrator decided; in JSON the members of a mapping, in their order.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub struct MappingDraft {
    #[serde(flatten)]
    group: GroupMatch,
    roles: NonEmpty<Role>,
    transports: AnyOr<Transport>,
    rooms: AnyOr<RoomRule>,
    max_ttl_seconds: Option<u32>,
    #[serde(serialize_with = "time::serialize_option")]
    valid_from: Option<DateTime<Utc>>,
    #[serde(serialize_with = "time::serialize_option")]
    valid_until: Option<DateTime<Utc>>,
    enabled: bool,
    note: String,
}

/// Group, roles, transports and rooms.
type Says<'a> = (
    &'a GroupMatch,
    &'a NonEmpty<Role>,
    &'a AnyOr<Transport>,
    &'a AnyOr<RoomRule>,
);

/// Members of a mapping that may be sent back as they were read.
pub const READ_ONLY: [&str; 7] = [
    "id",
    "version",
    "created_at",
    "created_by",
    "updated_at",
    "updated_by",
    "last_used_at",
];

impl MappingDraft {
    /// As [`Self::parse`], of a mapping that was read and changed: its read-only members are left
    /// alone.
    ///
    /// # Errors
    /// Each invalid field, and each member that no mapping has.
    pub fn parse_edit(mut sent: Map<String, Value>) -> Result<Self, Vec<FieldError>> {
        sent.retain(|name, _| !READ_ONLY.contains(&name.as_str()));
        Self::parse(sent)
    }

    /// Judges every member and reports all that is wrong at once. A reason says what to do, not
    /// only what is wrong.
    ///
    /// # Errors
    /// Each invalid field, and each member that no mapping has.
    pub fn parse(sent: Map<String, Value>) -> Result<Self, Vec<FieldError>> {
        Members::judge(sent, Self::read)
    }

    /// `None` where a field without which there is no mapping is wrong; `members` has the errors.
    fn read(members: &mut Members) -> Option<Self> {
        let (group, captures) = group(members);
        let roles = list(members, "roles", "choose at least one role").and_then(|words| {
            members.list("roles", &words, |word| {
                Role::parse(word).ok_or_else(|| {
                    "a role is red5-publisher or red5-subscriber, written exactly so".to_owned()
                })
            })
        });
        let empty = "choose at least one transport, or * for any";
        let transports = list(members, "transports", empty).and_then(|words| {
            members.list_or_any("transports", &words, |word| {
                Transport::parse(word).ok_or_else(|| {
                    "a transport is RTMP, RTSP, WHIP or WHEP; for any write * alone".to_owned()
                })
            })
        });
        let empty = "write at least one room, or * for any";
        let rooms = list(members, "rooms", empty).and_then(|words| {
            members.list_or_any("rooms", &words, |word| RoomRule::parse(word, captures))
        });
        if let (Some(roles), Some(AnyOr::Only(transports))) = (&roles, &transports) {
            each_can_serve(roles, transports, members);
        }
        let max_ttl_seconds = max_ttl(members);
        let valid_from = storable(members, "valid_from");
        let valid_until = storable(members, "valid_until");
        if let (Some(from), Some(until)) = (valid_from, valid_until)
            && from >= until
        {
            members.refuse("valid_until", "must be later than valid_from");
        }
        let enabled = members.flag("enabled").unwrap_or(true);
        let note = note(members);
        Some(Self {
            group: group?,
            roles: roles?,
            transports: transports?,
            rooms: rooms?,
            max_ttl_seconds,
            valid_from,
            valid_until,
            enabled,
            note,
        })
    }

    /// The columns of its row. A row keeps the parts of a second that answers do not show.
    ///
    /// # Errors
    /// None that is known; the library's function may fail.
    pub fn to_row(&self) -> serde_json::Result<Map<String, Value>> {
        let mut row: Map<String, Value> = serde_json::from_value(serde_json::to_value(self)?)?;
        for (column, time) in [
            ("valid_from", self.valid_from),
            ("valid_until", self.valid_until),
        ] {
            row.insert(column.to_owned(), serde_json::to_value(time)?);
        }
        if let Some(group) = row.remove("group") {
            row.insert("group_name".to_owned(), group);
        }
        Ok(row)
    }

    /// The same with `enabled` set.
    #[must_use]
    pub fn with_enabled(mut self, enabled: bool) -> Self {
        self.enabled = enabled;
        self
    }

    /// The same, with the parts of a second that `stored` has: answers have whole seconds, and a
    /// limit of the window that is sent back as it was shown must not move.
    #[must_use]
    pub fn with_seconds_of(self, stored: &Self) -> Self {
        let kept = |sent, stored: Option<DateTime<Utc>>| {
            if sent == stored.map(|time| time.trunc_subsecs(0)) {
                stored
            } else {
                sent
            }
        };
        let valid_from = kept(self.valid_from, stored.valid_from);
        let valid_until = kept(self.valid_until, stored.valid_until);
        // With the part of a second that one limit keeps, the other may lie before it.
        let is_window = valid_from
            .zip(valid_until)
            .is_none_or(|(from, until)| from < until);
        if is_window {
            Self {
                valid_from,
                valid_until,
                ..self
            }
        } else {
            self
        }
    }

    /// What no two mappings may have in common.
    pub fn says(&self) -> Says<'_> {
        (&self.group, &self.roles, &self.transports, &self.rooms)
    }

    /// Whose mapping it is.
    pub fn group(&self) -> &GroupMatch {
        &self.group
    }

    /// At least one.
    pub fn roles(&self) -> &NonEmpty<Role> {
        &self.roles
    }

    /// *Any*, or these.
    pub fn transports(&self) -> &AnyOr<Transport> {
        &self.transports
    }

    /// Templates are not yet filled in.
    pub fn rooms(&self) -> &AnyOr<RoomRule> {
        &self.rooms
    }

    /// Longest life of a token that rests on it, in seconds.
    pub fn max_ttl_seconds(&self) -> Option<u32> {
        self.max_ttl_seconds
    }

    /// The first moment at which it counts; none: since always.
    pub fn valid_from(&self) -> Option<DateTime<Utc>> {
        self.valid_from
    }

    /// The first moment at which it is over; none: for ever.
    pub fn valid_until(&self) -> Option<DateTime<Utc>> {
        self.valid_until
    }

    /// Whether it counts at all.
    pub fn enabled(&self) -> bool {
        self.enabled
    }

    /// What the administrator wrote beside it.
    pub fn note(&self) -> &str {
        &self.note
    }

    /// Why it gives nothing to anyone at `now`; none: it counts. Less than a minute of its window
    /// could not become a token that Red5 takes.
    pub fn withheld_at(&self, now: DateTime<Utc>) -> Option<Withheld> {
        let minute = TimeDelta::seconds(i64::from(TTL_MIN_SECONDS));
        let left = self.valid_until.map(|until| until - now);
        if !self.enabled {
            Some(Withheld::Disabled)
        } else if left.is_some_and(|left| left <= TimeDelta::zero()) {
            Some(Withheld::Over)
        } else if self.valid_from.is_some_and(|from| now < from) {
            Some(Withheld::NotYet)
        } else if left.is_some_and(|left| left < minute) {
            Some(Withheld::EndsTooSoon)
        } else {
            None
        }
    }
}

/// Why a mapping gives nothing to a person for whom it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Withheld {
    /// It is switched off.
    Disabled,
    /// Its window has ended.
    Over,
    /// Its window has not begun.
    NotYet,
    /// Less than a minute of its window is left.
    EndsTooSoon,
    /// None of its templates makes a room for this person, and it has no other room.
    NoRoomLeft,
}

/// The group, and how many captures a room may use. Where a glob is wrong, or it is unknown
/// whether there is one, any number passes.
fn group(members: &mut Members) -> (Option<GroupMatch>, usize) {
    let group = members.text("group").unwrap_or_default();
    let kind = members.text("match").unwrap_or_default();
    let read = match kind.as_str() {
        "everyone" if group.is_empty() => Ok(GroupMatch::Everyone),
        "everyone" => Err("a mapping for everyone has no group: leave it empty".to_owned()),
        "exact" | "glob" if group.is_empty() => {
            Err("write the group as the identity provider sends it".to_owned())
        }
        "exact" => GroupName::parse(&group)
            .map(GroupMatch::Exact)
            .ok_or_else(|| {
                format!("a group is at most {GROUP_MAX} bytes, without control characters")
            }),
        "glob" => GroupGlob::parse(&group)
            .map(GroupMatch::Glob)
            .ok_or_else(|| {
                format!(
                    "a glob has 1 to {GLOB_STARS_MAX} stars and at most {GROUP_MAX} bytes, without \
                     control characters; without a star choose exact"
                )
            }),
        _ => {
            members.refuse("match", "choose exact, glob or everyone");
            return (None, GLOB_STARS_MAX);
        }
    };
    let group = read.map_err(|reason| members.refuse("group", reason)).ok();
    let captures = match (&group, kind.as_str()) {
        (Some(group), _) => group.captures(),
        (None, "glob") => GLOB_STARS_MAX,
        (None, _) => 0,
    };
    (group, captures)
}

/// The words of a list within its bounds. A missing list is never "any": Red5 would read it so.
fn list(members: &mut Members, field: &'static str, empty: &'static str) -> Option<Vec<String>> {
    let most = if field == "rooms" {
        ROOMS_MAX
    } else {
        WORDS_MAX
    };
    match members.words(field) {
        None => members.refuse(field, empty),
        Some(words) if words.len() > most => {
            members.refuse(field, format!("at most {most} entries"));
        }
        Some(words) => return Some(words),
    }
    None
}

/// (publisher, WHEP) and (subscriber, WHIP) can do nothing: a mapping with them
/// expects something that Red5 will not give.
fn each_can_serve(roles: &NonEmpty<Role>, transports: &NonEmpty<Transport>, members: &mut Members) {
    const WHY: &str = "WHIP only publishes, WHEP only subscribes";
    for role in roles {
        if !transports
            .iter()
            .any(|transport| transport.can_serve(*role))
        {
            let reason = format!(
                "{role} can do nothing over these transports ({WHY}): add a transport or remove the role"
            );
            members.refuse("roles", reason);
        }
    }
    for transport in transports {
        if !roles.iter().any(|role| transport.can_serve(*role)) {
            let reason = format!(
                "{transport} serves none of these roles ({WHY}): add a role or remove the transport"
            );
            members.refuse("transports", reason);
        }
    }
}

fn max_ttl(members: &mut Members) -> Option<u32> {
    let fits = |seconds: &u32| (TTL_MIN_SECONDS..=MAX_TTL_SECONDS_MAX).contains(seconds);
    let seconds = members.number("max_ttl_seconds")?;
    let read = u32::try_from(seconds).ok().filter(fits);
    if read.is_none() {
        let reason = format!(
            "a whole number of seconds from {TTL_MIN_SECONDS} to {MAX_TTL_SECONDS_MAX}, or nothing"
        );
        members.refuse("max_ttl_seconds", reason);
    }
    read
}

/// Postgres keeps microseconds and has no leap second: what is read back must be what was
/// written.
fn storable(members: &mut Members, field: &str) -> Option<DateTime<Utc>> {
    let time = members.moment(field)?;
    let nanoseconds = time.timestamp_subsec_nanos();
    if nanoseconds.is_multiple_of(1000) && nanoseconds < 1_000_000_000 {
        return Some(time);
    }
    let reason = "a time from 1970 to 9999, with at most six digits behind the second";
    members.refuse(field, reason);
    None
}

/// Line breaks become LF: a form sends CR LF, and a note that was not touched
/// must not look changed.
pub(super) fn note(members: &mut Members) -> String {
    members.refuse_null("note");
    let note = members.text("note").unwrap_or_default();
    let note = note.replace("\r\n", "\n").replace('\r', "\n");
    let control = |c: char| c.is_control() && !matches!(c, '\n' | '\t');
    if note.chars().count() > NOTE_MAX || note.chars().any(control) {
        let reason =
            format!("at most {NOTE_MAX} characters; line breaks, but no other control characters");
        members.refuse("note", reason);
    }
    note
}

/// The number of a row; never used again after the row is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct MappingId(pub i64);

impl std::fmt::Display for MappingId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// A stored row; serialized as the API, the audit log and exports have it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Mapping {
    /// Its number.
    pub id: MappingId,
    /// What an administrator decided.
    #[serde(flatten)]
    pub draft: MappingDraft,
    /// Raised by each edit; `ETag` and `If-Match` carry it.
    pub version: i64,
    /// When it was first written.
    #[serde(serialize_with = "time::serialize")]
    pub created_at: DateTime<Utc>,
    /// By whom.
    pub created_by: String,
    /// When it was last written.
    #[serde(serialize_with = "time::serialize")]
    pub updated_at: DateTime<Utc>,
    /// By whom.
    pub updated_by: String,
    /// The last day, in UTC, on which it took part in the warrant of a token, as far as instances have
    /// written it. It is not in the row: the store adds it where a row is shown as it is now.
    pub last_used_at: Option<NaiveDate>,
}

impl Mapping {
    /// From the columns of a row; columns of a newer version of the program are left alone.
    ///
    /// # Errors
    /// Each field that the rules refuse.
    pub fn from_row(mut row: Map<String, Value>) -> Result<Self, Vec<FieldError>> {
        if let Some(group) = row.remove("group_name") {
            row.insert("group".to_owned(), group);
        }
        let mut members = Members::new(row);
        let draft = MappingDraft::read(&mut members);
        let mapping = Self::read(draft, &mut members);
        mapping
            .filter(|_| members.errors.is_empty())
            .ok_or(members.errors)
    }

    fn read(draft: Option<MappingDraft>, members: &mut Members) -> Option<Self> {
        Some(Self {
            id: MappingId(members.number("id")?),
            draft: draft?,
            version: members.number("version")?,
            created_at: members.moment("created_at")?,
            created_by: members.text("created_by")?,
            updated_at: members.moment("updated_at")?,
            updated_by: members.text("updated_by")?,
            last_used_at: None,
        })
    }
}

#[cfg(test)]
mod tests;
