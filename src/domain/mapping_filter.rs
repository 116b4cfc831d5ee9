//! Which mappings a list has, and in which order.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::sync::Arc;

use chrono::{DateTime, NaiveDate, Utc};

use super::groups::GroupMatch;
use super::mapping::{Mapping, MappingDraft, MappingId, Withheld};
use super::members::FieldError;
use super::names::{GROUP_MAX, GroupName, ROOM_RULE, Role, RoomName, Transport};
use super::rooms::RoomRule;
use super::set::AnyOr;

/// Most days of `unused_days`: ten years.
const UNUSED_DAYS_MAX: u32 = 3660;

/// Each condition that is given must hold. All but the state look at what the row says, whatever its
/// state.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MappingFilter {
    /// A text within the group, a room or the note, in lower case.
    text: Option<String>,
    /// Rows that match a member of this group.
    group: Option<GroupMatch>,
    /// Rows that cover this room. A template covers none: its rooms are made for each person.
    room: Option<RoomName>,
    role: Option<Role>,
    transport: Option<Transport>,
    state: Option<MappingState>,
    /// Rows that were not used for so many days, those that never were since they were written first.
    unused_days: Option<u32>,
    order: MappingOrder,
}

/// Whether a mapping counts at a moment, as far as a list tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MappingState {
    /// It is on and within its window.
    Active,
    /// It is switched off.
    Disabled,
    /// Its window has not begun.
    NotYet,
    /// Its window has ended.
    Over,
}

impl MappingState {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Active, Self::Disabled, Self::NotYet, Self::Over];

    /// The word in addresses.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Disabled => "disabled",
            Self::NotYet => "not_yet",
            Self::Over => "over",
        }
    }

    fn at(draft: &MappingDraft, now: DateTime<Utc>) -> Self {
        match draft.withheld_at(now) {
            Some(Withheld::Disabled) => Self::Disabled,
            Some(Withheld::NotYet) => Self::NotYet,
            Some(Withheld::Over) => Self::Over,
            Some(Withheld::EndsTooSoon | Withheld::NoRoomLeft) | None => Self::Active,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum OrderKey {
    #[default]
    Id,
    /// By bytes, everyone first.
    Group,
    UpdatedAt,
}

/// Rows that are equal by the key follow each other by id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct MappingOrder {
    key: OrderKey,
    is_descending: bool,
}

impl MappingOrder {
    fn parse(word: &str) -> Option<Self> {
        let descending = word.strip_prefix('-');
        let key = match descending.unwrap_or(word) {
            "id" => OrderKey::Id,
            "group" => OrderKey::Group,
            "updated_at" => OrderKey::UpdatedAt,
            _ => return None,
        };
        Some(Self {
            key,
            is_descending: descending.is_some(),
        })
    }

    fn compare(self, one: &Mapping, other: &Mapping) -> Ordering {
        let by_key = match self.key {
            OrderKey::Id => one.id.cmp(&other.id),
            OrderKey::Group => one.draft.group().group().cmp(&other.draft.group().group()),
            OrderKey::UpdatedAt => one.updated_at.cmp(&other.updated_at),
        };
        let by_key = if self.is_descending {
            by_key.reverse()
        } else {
            by_key
        };
        by_key.then(one.id.cmp(&other.id))
    }
}

impl MappingFilter {
    /// The parameters, in the order of [`Self::parse`].
    pub const NAMES: [&'static str; 8] = [
        "q",
        "group",
        "room",
        "role",
        "transport",
        "state",
        "unused_days",
        "sort",
    ];

    /// Reads the parameters; an empty one narrows nothing.
    ///
    /// # Errors
    /// Each parameter that is wrong.
    pub fn parse(
        [text, group, room, role, transport, state, unused_days, sort]: [&str; 8],
    ) -> Result<Self, Vec<FieldError>> {
        let mut errors = Vec::new();
        let text = Some(text.to_lowercase()).filter(|text| !text.is_empty());
        let group = read(&mut errors, "group", group, GroupName::parse, || {
            format!("a group is at most {GROUP_MAX} bytes, without control characters")
        });
        let room = read(&mut errors, "room", room, RoomName::parse, || {
            ROOM_RULE.to_owned()
        });
        let role = read(&mut errors, "role", role, Role::parse, || {
            "a role is red5-publisher or red5-subscriber, written exactly so".to_owned()
        });
        let transport = read(
            &mut errors,
            "transport",
            transport,
            Transport::parse,
            || "a transport is RTMP, RTSP, WHIP or WHEP".to_owned(),
        );
        let by_word = |word: &str| {
            let mut all = MappingState::ALL.into_iter();
            all.find(|state| state.word() == word)
        };
        let state = read(&mut errors, "state", state, by_word, || {
            "must be active, disabled, not_yet or over".to_owned()
        });
        let days = |days: &str| {
            let days = days.parse().ok();
            days.filter(|days| (1..=UNUSED_DAYS_MAX).contains(days))
        };
        let unused_days = read(&mut errors, "unused_days", unused_days, days, || {
            format!("must be one whole number from 1 to {UNUSED_DAYS_MAX}")
        });
        let order = read(&mut errors, "sort", sort, MappingOrder::parse, || {
            "must be id, group or updated_at, or one of them with - before it".to_owned()
        });
        if !errors.is_empty() {
            return Err(errors);
        }
        Ok(Self {
            text,
            group: group.map(GroupMatch::Exact),
            room,
            role,
            transport,
            state,
            unused_days,
            order: order.unwrap_or_default(),
        })
    }

    /// Whether it filters by last use. Last uses are known only for the current table.
    pub fn asks_for_use(&self) -> bool {
        self.unused_days.is_some()
    }

    /// Its rows as of `now`, in its order.
    ///
    /// `uses` has the last day of those that were used, where the filter asks for it.
    pub fn select(
        &self,
        mut rows: Vec<Arc<Mapping>>,
        uses: &HashMap<MappingId, NaiveDate>,
        now: DateTime<Utc>,
    ) -> Vec<Arc<Mapping>> {
        rows.retain(|row| {
            self.has(&row.draft, now) && self.is_unused(row, uses.get(&row.id).copied(), now)
        });
        rows.sort_unstable_by(|one, other| self.order.compare(one, other));
        rows
    }

    fn is_unused(&self, row: &Mapping, used: Option<NaiveDate>, now: DateTime<Utc>) -> bool {
        let last = used.unwrap_or(row.created_at.date_naive());
        let days = now.date_naive().signed_duration_since(last).num_days();
        self.unused_days
            .is_none_or(|least| i64::from(least) <= days)
    }

    fn has(&self, draft: &MappingDraft, now: DateTime<Utc>) -> bool {
        let has_text = |text: &String| {
            let within = |place: &str| place.to_lowercase().contains(text);
            draft.group().group().is_some_and(within)
                || within(draft.note())
                || match draft.rooms() {
                    AnyOr::Any => within("*"),
                    AnyOr::Only(rooms) => rooms.iter().any(|room| within(room.as_str())),
                }
        };
        let covers = |room: &RoomName| match draft.rooms() {
            AnyOr::Any => true,
            AnyOr::Only(rooms) => rooms.iter().any(|rule| match rule {
                RoomRule::Fixed(fixed) => fixed.covers(room),
                RoomRule::Template(_) => false,
            }),
        };
        let serves = |transport: &Transport| draft.transports().covers(Some(transport));
        self.text.as_ref().is_none_or(has_text)
            && (self.group.as_ref()).is_none_or(|group| draft.group().includes(group))
            && self.room.as_ref().is_none_or(covers)
            && (self.role.as_ref()).is_none_or(|role| draft.roles().contains(role))
            && self.transport.as_ref().is_none_or(serves)
            && (self.state).is_none_or(|state| MappingState::at(draft, now) == state)
    }
}

/// One parameter; none where it is empty or wrong.
fn read<T>(
    errors: &mut Vec<FieldError>,
    name: &str,
    text: &str,
    parse: impl FnOnce(&str) -> Option<T>,
    reason: impl FnOnce() -> String,
) -> Option<T> {
    if text.is_empty() {
        return None;
    }
    let read = parse(text);
    if read.is_none() {
        errors.push(FieldError::new(name, reason()));
    }
    read
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn now() -> DateTime<Utc> {
        "2026-11-24T12:00:00Z".parse().unwrap()
    }

    fn row(id: i64, members: &Value) -> Mapping {
        let mut sent = json!({
            "group": "crew", "match": "exact", "roles": ["red5-publisher", "red5-subscriber"],
            "transports": ["RTMP"], "rooms": ["lobby"]
        });
        for (name, value) in members.as_object().unwrap() {
            sent[name] = value.clone();
        }
        Mapping {
            id: MappingId(id),
            draft: MappingDraft::parse(serde_json::from_value(sent).unwrap()).unwrap(),
            version: 1,
            created_at: now(),
            created_by: "ann".to_owned(),
            updated_at: now() - chrono::TimeDelta::minutes(id % 3),
            updated_by: "ann".to_owned(),
            last_used_at: None,
        }
    }

    fn table() -> Vec<Mapping> {
        [
            json!({"group": "show-*", "match": "glob", "rooms": ["show-{1}"], "note": "100% of Ä_b"}),
            json!({"group": "", "match": "everyone", "rooms": ["*"], "transports": ["*"]}),
            json!({"group": "Crew", "rooms": ["stage-*"], "roles": ["red5-subscriber"], "transports": ["WHEP"]}),
            json!({"enabled": false}),
            json!({"rooms": ["a"], "valid_from": "2026-12-01T00:00:00Z"}),
            json!({"rooms": ["b"], "valid_until": "2026-11-24T12:00:00Z"}),
            json!({"rooms": ["c"], "valid_until": "2026-11-24T12:00:30Z"}),
        ]
        .iter()
        .zip(1..)
        .map(|(members, id)| row(id, members))
        .collect()
    }

    fn found(filters: &[(&str, &str)]) -> Vec<i64> {
        let value = |name| {
            let mut named = filters.iter().filter(|(filter, _)| *filter == name);
            named.next().map_or("", |(_, text)| *text)
        };
        let filter = MappingFilter::parse(MappingFilter::NAMES.map(value)).unwrap();
        let rows = table().into_iter().map(Arc::new).collect();
        let rows = filter.select(rows, &HashMap::new(), now());
        rows.into_iter().map(|row| row.id.0).collect()
    }

    #[test]
    fn each_filter_keeps_the_rows_that_it_names() {
        for (name, text, wanted) in [
            ("q", "", vec![1, 2, 3, 4, 5, 6, 7]),
            ("q", "CREW", vec![3, 4, 5, 6, 7]),
            ("q", "ä_B", vec![1]),
            ("q", "%", vec![1]),
            ("q", "100_", vec![]),
            ("q", "*", vec![1, 2, 3]),
            ("q", "show-{", vec![1]),
            ("group", "crew", vec![2, 4, 5, 6, 7]),
            ("group", "show-7", vec![1, 2]),
            ("group", "Show-7", vec![2]),
            ("room", "stage-1", vec![2, 3]),
            ("room", "stage-", vec![2]),
            ("room", "show-7", vec![2]),
            ("room", "lobby", vec![2, 4]),
            ("role", "red5-publisher", vec![1, 2, 4, 5, 6, 7]),
            ("transport", "whep", vec![2, 3]),
            ("transport", "WHIP", vec![2]),
            ("state", "active", vec![1, 2, 3, 7]),
            ("state", "disabled", vec![4]),
            ("state", "not_yet", vec![5]),
            ("state", "over", vec![6]),
        ] {
            assert_eq!(found(&[(name, text)]), wanted, "{name}={text}");
        }
        assert_eq!(found(&[("group", "crew"), ("state", "disabled")]), [4]);
    }

    #[test]
    fn days_without_use_count_from_the_last_use_or_from_when_the_row_was_written_first() {
        let mut rows = table();
        rows.truncate(3);
        let day = |day: &str| day.parse().unwrap();
        let uses = HashMap::from([
            (MappingId(1), day("2026-11-14")),
            (MappingId(2), day("2026-11-24")),
        ]);
        rows[1].created_at = now() - chrono::TimeDelta::days(400);
        rows[2].created_at = now() - chrono::TimeDelta::days(11);
        let unused = |days: &str| {
            let value = |name| if name == "unused_days" { days } else { "" };
            let filter = MappingFilter::parse(MappingFilter::NAMES.map(value)).unwrap();
            let rows = rows.iter().cloned().map(Arc::new).collect();
            let rows = filter.select(rows, &uses, now());
            rows.into_iter().map(|row| row.id.0).collect::<Vec<_>>()
        };
        assert_eq!(unused("10"), [1, 3]);
        assert_eq!(unused("11"), [3]);
        assert_eq!(unused("12"), [0; 0]);
        for wrong in ["0", "-1", "3661", "1.5", "x"] {
            let value = |name| if name == "unused_days" { wrong } else { "" };
            let errors = MappingFilter::parse(MappingFilter::NAMES.map(value)).unwrap_err();
            assert_eq!(errors[0].field, "unused_days", "{wrong}");
        }
    }

    #[test]
    fn rows_are_ordered_by_the_key_and_then_by_id() {
        for (sort, wanted) in [
            ("id", vec![1, 2, 3, 4, 5, 6, 7]),
            ("-id", vec![7, 6, 5, 4, 3, 2, 1]),
            ("group", vec![2, 3, 4, 5, 6, 7, 1]),
            ("-group", vec![1, 4, 5, 6, 7, 3, 2]),
            ("updated_at", vec![2, 5, 1, 4, 7, 3, 6]),
            ("-updated_at", vec![3, 6, 1, 4, 7, 2, 5]),
        ] {
            assert_eq!(found(&[("sort", sort)]), wanted, "{sort}");
        }
    }

    #[test]
    fn every_parameter_that_is_wrong_is_named() {
        let wrong = MappingFilter::parse(["", "a\u{7}", "a,b", "red5", "UDP", "on", "0", "name"]);
        let fields: Vec<String> = wrong.unwrap_err().into_iter().map(|it| it.field).collect();
        assert_eq!(
            fields,
            [
                "group",
                "room",
                "role",
                "transport",
                "state",
                "unused_days",
                "sort"
            ]
        );
    }
}
