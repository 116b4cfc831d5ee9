//! What an administrator should look at before a change is saved.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::cover::{Granting, RowIndex, each_cover, last_moment};
use super::{ChangedTable, RowName};
use crate::domain::groups::GroupMatch;
use crate::domain::mapping::{MappingDraft, MappingId};
use crate::domain::near::{near_key, near_miss};
use crate::domain::pattern_index::PatternIndex;
use crate::domain::rooms::RoomRule;
use crate::domain::time;

/// Most warnings of one change that it makes another row useless.
const COVERS_MAX: usize = 20;

/// What a warning is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum WarningCode {
    /// Any room or any transport appears that the row did not have.
    OpensAny,
    /// Another row that is on grants the same or more.
    Covered,
    /// The row makes another one useless.
    Covers,
    /// No person that was seen has the group.
    GroupNeverSeen,
    /// An exact group with a star.
    LooksLikeGlob,
    /// A group was seen that people would read as the same.
    NearGroup,
    /// A room follows a name that people may be able to change.
    UsernameRoom,
    /// The row grants nothing any more.
    AlreadyOver,
    /// The default token of a person would be long.
    LongToken,
    /// A person who got a token without naming a room gets none.
    NoDefaultRoom,
}

/// A warning; it refuses nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Warning {
    /// What it is about.
    pub code: WarningCode,
    /// The place of the change in the change set, from 0; none where it is about all of them.
    pub change: Option<usize>,
    /// The other row, where there is one that no change names.
    pub mapping: Option<MappingId>,
    /// The place of the other change, where there is one.
    pub with_change: Option<usize>,
    /// A sentence for the administrator.
    pub text: String,
}

impl Warning {
    fn new(code: WarningCode, change: usize, text: impl Into<String>) -> Self {
        Self {
            code,
            change: Some(change),
            mapping: None,
            with_change: None,
            text: text.into(),
        }
    }

    /// Of all changes together.
    pub fn of_all(code: WarningCode, text: String) -> Self {
        Self {
            change: None,
            ..Self::new(code, 0, text)
        }
    }

    /// `text` follows what the other row is called.
    fn of_rows(code: WarningCode, change: usize, other: RowName, text: &str) -> Self {
        let (mapping, with_change, called) = match other {
            RowName::Stored(id) => (Some(id), None, format!("Mapping {id}")),
            RowName::Changed(at) => (None, Some(at), "Another change of this set".to_owned()),
        };
        Self {
            mapping,
            with_change,
            ..Self::new(code, change, format!("{called} {text}"))
        }
    }
}

impl ChangedTable<'_> {
    /// What to look at in rows that are created or replaced, sorted by change and code. `seen` are the
    /// groups that people were seen with.
    ///
    /// Of several rows that cover a changed one the first is told, and of those that it covers
    /// at most 20.
    pub fn warnings(&self, seen: &BTreeSet<String>) -> Vec<Warning> {
        let mut warnings = Vec::new();
        for (at, change) in self.changes.iter().enumerate() {
            if let Some(after) = change.after {
                let before = change.before.map(|row| &row.draft);
                let found = of_row(before, after, self.now).into_iter();
                warnings.extend(found.map(|(code, text)| Warning::new(code, at, text)));
            }
        }
        warnings.extend(self.of_groups(seen));
        warnings.extend(self.of_other_rows());
        // Sorting keeps the order of several with one code.
        warnings.sort_by_key(|warning| (warning.change, warning.code));
        warnings
    }

    fn of_groups(&self, seen: &BTreeSet<String>) -> Vec<Warning> {
        let unseen: Vec<(usize, &GroupMatch)> = self
            .changes
            .iter()
            .enumerate()
            .filter_map(|(at, change)| Some((at, change.after?.group())))
            .filter(|(_, group)| !matches!(group, GroupMatch::Exact(name) if seen.contains(name.as_str())))
            .collect();
        let globs = unseen.iter().filter_map(|(at, group)| match group {
            GroupMatch::Glob(glob) => Some((*at, glob)),
            GroupMatch::Exact(_) | GroupMatch::Everyone => None,
        });
        let index = PatternIndex::new(globs.collect(), |(_, glob)| glob.as_str(), seen.len());
        let mut search = index.search();
        let mut matched = HashSet::new();
        for group in seen {
            for (at, glob) in search.candidates(group, |(at, _)| !matched.contains(at)) {
                if glob.captures(group).is_some() {
                    matched.insert(*at);
                }
            }
        }
        let is_exact = |(_, group): &(usize, &GroupMatch)| matches!(group, GroupMatch::Exact(_));
        let keys: HashMap<String, &str> = if unseen.iter().any(is_exact) {
            seen.iter()
                .map(|group| (near_key(group), group.as_str()))
                .collect()
        } else {
            HashMap::new()
        };
        let warning = |(at, group): (usize, &GroupMatch)| {
            let (code, text) = match group {
                GroupMatch::Everyone => return None,
                GroupMatch::Glob(_) if matched.contains(&at) => return None,
                GroupMatch::Glob(glob) => (
                    WarningCode::GroupNeverSeen,
                    format!("No group that was seen has the form \"{}\".", glob.as_str()),
                ),
                GroupMatch::Exact(name) => {
                    let near = keys.get(&near_key(name.as_str()));
                    let near = near.and_then(|seen| Some((seen, near_miss(name.as_str(), seen)?)));
                    match near {
                        Some((seen, difference)) => (
                            WarningCode::NearGroup,
                            format!(
                                "The group is \"{name}\" here and \"{seen}\" at the provider: \
                                 they differ in {difference}."
                            ),
                        ),
                        None => (
                            WarningCode::GroupNeverSeen,
                            format!("The group \"{name}\" was not seen with any person."),
                        ),
                    }
                }
            };
            Some(Warning::new(code, at, text))
        };
        unseen.into_iter().filter_map(warning).collect()
    }

    fn of_other_rows(&self) -> Vec<Warning> {
        let new: Vec<&Granting> = self.new.iter().collect();
        let all: Vec<&Granting> = self.rest.iter().chain(&self.new).collect();
        let mut warnings = Vec::new();
        let covered = covered_rows(&new, &all);
        let by_row: BTreeMap<RowName, RowName> = covered.iter().rev().copied().collect();
        for (row, by) in by_row {
            if let RowName::Changed(at) = row {
                let text = "grants the same or more.";
                warnings.push(Warning::of_rows(WarningCode::Covered, at, by, text));
            }
        }
        let mut told: HashMap<usize, usize> = HashMap::new();
        for (row, by) in covered_rows(&all, &new) {
            // Of two rows that grant the same, one is enough to be told of.
            if let RowName::Changed(at) = by
                && !covered.contains(&(by, row))
            {
                let told = told.entry(at).or_default();
                *told += 1;
                if *told <= COVERS_MAX {
                    let text = "grants nothing that this one does not grant.";
                    warnings.push(Warning::of_rows(WarningCode::Covers, at, row, text));
                }
            }
        }
        warnings
    }
}

/// Each of `rows` with each other row of `by` that grants the same or more.
fn covered_rows(rows: &[&Granting], by: &[&Granting]) -> BTreeSet<(RowName, RowName)> {
    let index = RowIndex::new(by.iter().copied(), rows.len());
    // How many rooms of a row another one covers, and the last of them.
    let mut rooms: HashMap<(usize, RowName), (usize, Option<usize>)> = HashMap::new();
    each_cover(rows, &index, |found| {
        let row = rows[found.row];
        if found.by.name != row.name && found.by.pairs.includes(row.pairs) {
            let (count, last) = rooms.entry((found.row, found.by.name)).or_default();
            if *last != Some(found.room) {
                *count += 1;
                *last = Some(found.room);
            }
        }
    });
    let whole = rooms
        .into_iter()
        .filter(|((row, _), (count, _))| *count == rows[*row].rooms.len());
    whole.map(|((row, by), _)| (rows[row].name, by)).collect()
}

/// What a row says of itself.
fn of_row(
    before: Option<&MappingDraft>,
    after: &MappingDraft,
    now: DateTime<Utc>,
) -> Vec<(WarningCode, String)> {
    let mut found = Vec::new();
    let had = |is_any: fn(&MappingDraft) -> bool| before.is_some_and(is_any);
    let opens_rooms = after.rooms().is_any() && !had(|row| row.rooms().is_any());
    let opens_transports = after.transports().is_any() && !had(|row| row.transports().is_any());
    let opens = match (opens_rooms, opens_transports) {
        (true, true) => {
            Some("The row grants any room and any transport, also streams without a room.")
        }
        (true, false) => Some("The row grants any room, also streams without a room."),
        (false, true) => Some("The row grants any transport, also protocols beyond the four."),
        (false, false) => None,
    };
    found.extend(opens.map(|text| (WarningCode::OpensAny, text.to_owned())));
    if let GroupMatch::Exact(name) = after.group()
        && name.as_str().contains('*')
    {
        let text = format!(
            "The group \"{name}\" is compared exactly; for every group of this form choose glob."
        );
        found.push((WarningCode::LooksLikeGlob, text));
    }
    let named = after.rooms().named().into_iter().flatten();
    let mut of_user_name = named.filter_map(|room| match room {
        RoomRule::Template(template) if template.has_username() => Some(template.as_str()),
        RoomRule::Template(_) | RoomRule::Fixed(_) => None,
    });
    if let Some(room) = of_user_name.next() {
        let text = format!(
            "The room \"{room}\" follows the user name, which people may be able to change; \
             {{sub}} stays the same."
        );
        found.push((WarningCode::UsernameRoom, text));
    }
    if let Some(until) = after.valid_until()
        && last_moment(until) < now
    {
        let until = time::utc(until);
        let text = format!("The row is valid until {until}: it grants nothing any more.");
        found.push((WarningCode::AlreadyOver, text));
    }
    found
}
