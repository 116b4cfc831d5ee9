//! Why a person holds what they hold: each mapping that has to do with them, and what it gives.
//!
//! What a row gives is judged by [`Mappings::judge`], and so by the functions of an exchange; here it
//! is put into words. Rows that would match but for the writing of a group are pointed out.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::{DateTime, Utc};
use serde::{Serialize, Serializer};

use super::allows::listed;
use super::grant::Grant;
use super::groups::{GroupGlob, GroupMatch};
use super::identity::{GroupsFrom, Identity};
use super::lifetime::TTL_MIN_SECONDS;
use super::mapping::{MappingDraft, MappingId, Withheld};
use super::near::{looks_like_id, near_key, near_miss, near_miss_of_glob};
use super::pattern_index::PatternIndex;
use super::resolve::{Judged, Mappings};
use super::time::{self, utc};

/// Most groups that one sentence names.
const GROUPS_SAID: usize = 3;

/// The answer to "why?".
#[derive(Debug, Serialize)]
pub struct Explanation {
    /// The number of the table's last change.
    pub mapping_version: i64,
    /// The time that it is about.
    #[serde(serialize_with = "time::serialize")]
    pub at: DateTime<Utc>,
    /// About whom.
    pub identity: ExplainedIdentity,
    /// Where the groups were read; none: not known.
    pub groups_from: Option<GroupsFrom>,
    /// The mappings that have to do with the person, by number.
    pub rows: Vec<ExplainedRow>,
    /// What they hold then.
    pub entitlement: Vec<Grant>,
    /// What an exchange would answer.
    pub decision: Decision,
    /// What Red5 would allow with the token.
    pub red5: Vec<String>,
}

/// About whom something is explained.
#[derive(Debug, Serialize)]
pub struct ExplainedIdentity {
    /// The provider's issuer identifier.
    pub issuer: String,
    /// `sub`
    pub subject: Option<String>,
    /// By `OIDC_USERNAME_CLAIM`.
    pub username: Option<String>,
    /// By `OIDC_NAME_CLAIM`.
    pub name: Option<String>,
    /// By `OIDC_GROUPS_CLAIM`, sorted.
    pub groups: Vec<String>,
}

/// What an exchange would answer.
#[derive(Debug, Serialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Decision {
    /// A token.
    Issued {
        /// The lists as words.
        scope: String,
        /// What it would carry.
        roles: Vec<String>,
        /// Likewise.
        transports: Vec<String>,
        /// Likewise.
        rooms: Vec<String>,
        /// Whole seconds.
        expires_in: i64,
        /// What made them fewer.
        ttl_limited_by: Option<&'static str>,
        /// Grants of which something is not in the scope.
        left_out: Vec<Grant>,
    },
    /// None.
    Refused {
        /// As `POST /api/token` answers.
        code: &'static str,
        /// The names that are refused.
        refused: Vec<String>,
        /// Sentences.
        because: String,
        /// The grants that come closest.
        nearest: Vec<Grant>,
    },
}

/// A mapping that has to do with a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ExplainedRow {
    /// The row.
    pub id: MappingId,
    /// What became of it.
    pub verdict: RowVerdict,
    /// A sentence that names the values, without a capital letter and a full stop.
    pub because: String,
    /// What it gives, one for each group that gives something else.
    pub grants: Vec<Grant>,
    /// Rooms of templates that could not be made for the person.
    pub rooms_left_out: Vec<RoomLeftOut>,
}

/// What became of a mapping.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RowVerdict {
    /// It gives what it says.
    Applies,
    /// It is switched off.
    Disabled,
    /// Its window has ended.
    Over,
    /// Its window has not begun.
    NotYet,
    /// Less than a minute of its window is left.
    EndsTooSoon,
    /// None of its rooms could be made.
    NoRoomLeft,
    /// Its group is written in another way than the provider's.
    NearMiss,
}

/// A room of a template that could not be made.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct RoomLeftOut {
    /// As the row has it.
    pub room: String,
    /// Why not.
    pub because: String,
}

impl RowVerdict {
    /// The word in JSON.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Applies => "applies",
            Self::Disabled => "disabled",
            Self::Over => "over",
            Self::NotYet => "not_yet",
            Self::EndsTooSoon => "ends_too_soon",
            Self::NoRoomLeft => "no_room_left",
            Self::NearMiss => "near_miss",
        }
    }
}

impl Serialize for RowVerdict {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.word())
    }
}

impl From<Withheld> for RowVerdict {
    fn from(withheld: Withheld) -> Self {
        match withheld {
            Withheld::Disabled => Self::Disabled,
            Withheld::Over => Self::Over,
            Withheld::NotYet => Self::NotYet,
            Withheld::EndsTooSoon => Self::EndsTooSoon,
            Withheld::NoRoomLeft => Self::NoRoomLeft,
        }
    }
}

/// The rows that have to do with `identity` at `now`, by number: those that match, whatever they
/// give, and those that are on and nearly match.
pub fn explain_rows(
    mappings: &Mappings,
    identity: &Identity,
    now: DateTime<Utc>,
) -> Vec<ExplainedRow> {
    let mut by_row: BTreeMap<MappingId, Vec<Judged<'_>>> = BTreeMap::new();
    for judged in mappings.judge(identity, now) {
        by_row.entry(judged.id).or_default().push(judged);
    }
    let unmatched: Vec<(MappingId, &MappingDraft)> = mappings
        .switched_on()
        .filter(|(id, draft)| !by_row.contains_key(id) && draft.withheld_at(now).is_none())
        .collect();
    let near = near_misses(&unmatched, identity);
    let mut rows: Vec<ExplainedRow> = by_row
        .values()
        .filter_map(|matches| explain_row(matches))
        .collect();
    rows.extend(near);
    rows.sort_by_key(|row| row.id);
    rows
}

/// One row, as it matches through one group or more.
fn explain_row(matches: &[Judged<'_>]) -> Option<ExplainedRow> {
    let Judged { id, draft, .. } = *matches.first()?;
    let groups: Vec<&str> = matches
        .iter()
        .filter_map(|found| found.group.as_deref())
        .collect();
    let mut because = matched(draft.group(), &groups);
    let given = |found: &Judged<'_>| found.given.as_ref().err().copied();
    let withheld = matches
        .iter()
        .map(given)
        .min_by_key(Option::is_some)
        .flatten();
    let left_out: BTreeSet<RoomLeftOut> = matches
        .iter()
        .flat_map(|found| &found.dropped)
        .map(|dropped| RoomLeftOut {
            room: dropped.rule.clone(),
            because: dropped.reason.clone(),
        })
        .collect();
    if let Some(withheld) = withheld {
        because.push_str(", and ");
        because.push_str(&withheld_because(draft, withheld, left_out.first()));
    }
    let grants: BTreeSet<&Grant> = matches
        .iter()
        .filter_map(|found| found.given.as_deref().ok())
        .collect();
    Some(ExplainedRow {
        id,
        verdict: withheld.map_or(RowVerdict::Applies, RowVerdict::from),
        because,
        grants: grants.into_iter().cloned().collect(),
        rooms_left_out: left_out.into_iter().collect(),
    })
}

/// How the row matched.
fn matched(group: &GroupMatch, groups: &[&str]) -> String {
    let many = groups.len() > 1;
    let mut said: Vec<String> = groups
        .iter()
        .take(GROUPS_SAID)
        .map(|group| format!("{group:?}"))
        .collect();
    if groups.len() > GROUPS_SAID {
        said.push(format!("{} more", groups.len() - GROUPS_SAID));
    }
    let said = listed(&said, "and");
    match group {
        GroupMatch::Everyone => "the mapping is for everyone who is signed in".to_owned(),
        GroupMatch::Exact(_) => format!("group {said} is matched exactly"),
        GroupMatch::Glob(glob) if many => {
            format!("groups {said} are of the form {:?}", glob.as_str())
        }
        GroupMatch::Glob(glob) => format!("group {said} is of the form {:?}", glob.as_str()),
    }
}

fn withheld_because(
    draft: &MappingDraft,
    withheld: Withheld,
    left_out: Option<&RoomLeftOut>,
) -> String {
    let shown = |time: Option<DateTime<Utc>>| time.map_or_else(String::new, utc);
    match withheld {
        Withheld::Disabled => "the mapping is switched off".to_owned(),
        Withheld::Over => format!("it was valid until {}", shown(draft.valid_until())),
        Withheld::NotYet => format!("it is valid from {}", shown(draft.valid_from())),
        Withheld::EndsTooSoon => format!(
            "it is valid until {}, which is less than {TTL_MIN_SECONDS} seconds away",
            shown(draft.valid_until())
        ),
        Withheld::NoRoomLeft => {
            let mut because = "none of its rooms could be made".to_owned();
            if let Some(RoomLeftOut { room, because: why }) = left_out {
                because = format!("{because}: {room:?}, because {why}");
            }
            because
        }
    }
}

/// Those of `rows` that would match a group of the identity if it were written as the other is.
fn near_misses<'m>(
    rows: &'m [(MappingId, &'m MappingDraft)],
    identity: &Identity,
) -> Vec<ExplainedRow> {
    let groups: Vec<&str> = identity.groups.listed().collect();
    let by_key: HashMap<String, &str> = groups
        .iter()
        .map(|group| (near_key(group), *group))
        .collect();
    let mut found: BTreeMap<MappingId, String> = BTreeMap::new();
    let mut globs: Vec<(MappingId, &GroupGlob, String)> = Vec::new();
    for (id, draft) in rows {
        match draft.group() {
            GroupMatch::Everyone => {}
            GroupMatch::Glob(glob) => globs.push((*id, glob, near_key(glob.as_str()))),
            GroupMatch::Exact(ours) => {
                let ours = ours.as_str();
                if let Some(theirs) = by_key.get(&near_key(ours))
                    && let Some(differ) = near_miss(ours, theirs)
                {
                    found.insert(*id, near(ours, theirs, &format!("they differ in {differ}")));
                }
            }
        }
    }
    let globs = PatternIndex::new(globs, |(_, _, key)| key, groups.len());
    let mut search = globs.search();
    for theirs in &groups {
        for (id, glob, _) in
            search.candidates(&near_key(theirs), |(id, ..)| !found.contains_key(id))
        {
            if let Some(differ) = near_miss_of_glob(glob, theirs) {
                let differ = format!("they differ in {differ}");
                found.insert(*id, near(glob.as_str(), theirs, &differ));
            }
        }
    }
    let ids = groups.iter().filter(|group| looks_like_id(group)).count();
    for (id, draft) in rows {
        let (Some(ours), Some(theirs)) = (draft.group().group(), groups.first()) else {
            continue;
        };
        let differ = match (looks_like_id(ours), ids) {
            (false, ids) if ids == groups.len() => "the provider seems to send ids, not names",
            (true, 0) => "the mapping seems to have an id, not a name",
            _ => continue,
        };
        found
            .entry(*id)
            .or_insert_with(|| near(ours, theirs, differ));
    }
    let row = |(id, because)| ExplainedRow {
        id,
        verdict: RowVerdict::NearMiss,
        because,
        grants: Vec::new(),
        rooms_left_out: Vec::new(),
    };
    found.into_iter().map(row).collect()
}

fn near(ours: &str, theirs: &str, differ: &str) -> String {
    format!("the group is {ours:?} here and {theirs:?} at the provider: {differ}")
}

#[cfg(test)]
mod tests;
