//! The whole table, made ready to be asked many times a second.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};

use super::draft::{MappingDraft, TTL_MIN_SECONDS, Window};
use super::group::{GroupGlob, GroupMatch};
use super::template::{RoomRule, RoomTemplate};
use super::{Mapping, MappingId};
use crate::domain::entitlement::{DroppedRoom, Entitlement, HeldGrant};
use crate::domain::forms::Forms;
use crate::domain::grant::{Grant, GrantRoom};
use crate::domain::identity::Identity;
use crate::domain::set::{AnyOr, NonEmpty};

/// All mappings that are switched on; the places of those for exact groups by hash, of those
/// for globs and for everyone apart.
#[derive(Debug)]
pub struct Mappings {
    rows: Vec<Row>,
    exact: HashMap<String, Vec<usize>>,
    globs: Forms<GlobRows>,
    everyone: Vec<usize>,
    len: usize,
}

/// The rows of one glob, those that give every group the same or the others.
#[derive(Debug)]
struct GlobRows {
    number: usize,
    glob: GroupGlob,
    are_alike: bool,
    rows: Vec<usize>,
}

/// What is left of a mapping once its group is known.
#[derive(Debug)]
struct Row {
    id: MappingId,
    draft: MappingDraft,
    rooms: Rooms,
}

#[derive(Debug)]
enum Rooms {
    /// Alike for everybody, and so is the grant.
    Alike(Arc<Grant>),
    /// Some are made for the person or the group.
    Made {
        fixed: Vec<GrantRoom>,
        templates: Vec<RoomTemplate>,
    },
}

impl Row {
    fn new(id: MappingId, draft: MappingDraft) -> Self {
        let rooms = rooms(&draft);
        Self { id, draft, rooms }
    }

    /// Whether it gives every group the same.
    fn is_alike(&self) -> bool {
        matches!(self.rooms, Rooms::Alike(_))
    }
}

impl Default for Mappings {
    fn default() -> Self {
        Self::compile([])
    }
}

impl Mappings {
    /// Takes the rows in any order.
    pub fn compile(mappings: impl IntoIterator<Item = Mapping>) -> Self {
        let mut rows = Vec::new();
        let mut exact: HashMap<_, Vec<_>> = HashMap::new();
        let mut globs: BTreeMap<_, Vec<_>> = BTreeMap::new();
        let mut everyone = Vec::new();
        let mut len = 0;
        for Mapping { id, draft, .. } in mappings {
            len += 1;
            if !draft.enabled() {
                continue;
            }
            let number = rows.len();
            let row = Row::new(id, draft);
            match row.draft.group() {
                GroupMatch::Exact(group) => {
                    let same_group = exact.entry(group.as_str().to_owned()).or_default();
                    same_group.push(number);
                }
                GroupMatch::Glob(glob) => {
                    let same_glob = globs.entry((glob.clone(), row.is_alike())).or_default();
                    same_glob.push(number);
                }
                GroupMatch::Everyone => everyone.push(number),
            }
            rows.push(row);
        }
        let globs: Vec<GlobRows> = (0..)
            .zip(globs)
            .map(|(number, ((glob, are_alike), rows))| GlobRows {
                number,
                glob,
                are_alike,
                rows,
            })
            .collect();
        Self {
            globs: Forms::new(globs, |glob| glob.glob.as_str(), usize::MAX),
            rows,
            exact,
            everyone,
            len,
        }
    }

    /// How many rows the table has, those switched off included.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether the table has no row, and hence grants nothing.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// All the grants that `identity` holds at `now`: one entry per mapping and matched group,
    /// or one per mapping where its grant is the same for each group.
    pub fn resolve(&self, identity: &Identity, now: DateTime<Utc>) -> Entitlement {
        self.held(&self.matches(identity), identity, now)
    }

    /// What of the table is for `identity`, whatever the time: the work that grows with the
    /// number of groups.
    pub(super) fn matches(&self, identity: &Identity) -> Matches {
        let everyone = self.everyone.iter();
        let mut found: Vec<Match> = everyone.map(|row| Match::new(*row, None)).collect();
        let mut finder = self.globs.finder();
        // One group is enough for rows that give every group the same.
        let mut settled = vec![false; self.globs.len()];
        for group in identity.groups.listed() {
            let exact = self.exact.get(group).into_iter().flatten();
            found.extend(exact.map(|row| Match::new(*row, Some(group))));
            for glob in finder.candidates(group, |glob| !settled[glob.number]) {
                if glob.glob.captures(group).is_some() {
                    settled[glob.number] = glob.are_alike;
                    found.extend(glob.rows.iter().map(|row| Match::new(*row, Some(group))));
                }
            }
        }
        Matches(found)
    }

    /// What is held of that at `now`. The matches are those of this table and this identity.
    pub(super) fn held(
        &self,
        matches: &Matches,
        identity: &Identity,
        now: DateTime<Utc>,
    ) -> Entitlement {
        let mut found = Found {
            identity,
            now,
            held: Vec::new(),
            dropped: Vec::new(),
        };
        for Match { row, group } in &matches.0 {
            found.hold(&self.rows[*row], group.as_deref());
        }
        Entitlement::new(found.held, found.dropped)
    }
}

/// The rows for an identity, each with the group that matched.
#[derive(Debug)]
pub(super) struct Matches(Vec<Match>);

#[derive(Debug)]
struct Match {
    row: usize,
    group: Option<Box<str>>,
}

impl Match {
    fn new(row: usize, group: Option<&str>) -> Self {
        let group = group.map(Box::from);
        Self { row, group }
    }
}

impl Matches {
    /// The group of each match; none for everyone.
    pub(super) fn groups(&self) -> impl Iterator<Item = Option<&str>> {
        self.0.iter().map(|found| found.group.as_deref())
    }
}

struct Found<'a> {
    identity: &'a Identity,
    now: DateTime<Utc>,
    held: Vec<HeldGrant>,
    dropped: Vec<DroppedRoom>,
}

impl Found<'_> {
    fn hold(&mut self, row: &Row, group: Option<&str>) {
        if !counts_at(row.draft.window(), self.now) {
            return;
        }
        let grant = match &row.rooms {
            Rooms::Alike(grant) => Arc::clone(grant),
            Rooms::Made { fixed, templates } => {
                let captures = match (row.draft.group(), group) {
                    (GroupMatch::Glob(glob), Some(group)) => glob.captures(group),
                    _ => None,
                };
                let captures = captures.unwrap_or_default();
                let mut rooms = fixed.clone();
                for template in templates {
                    match template.fill(self.identity, &captures) {
                        Ok(room) => rooms.push(GrantRoom::Exact(room)),
                        Err(reason) => self.dropped.push(DroppedRoom {
                            mapping: row.id,
                            group: group.map(str::to_owned),
                            rule: template.to_string(),
                            reason,
                        }),
                    }
                }
                match NonEmpty::new(rooms) {
                    Some(rooms) => Arc::new(grant(&row.draft, AnyOr::Only(rooms))),
                    // Every room fell away: no grant, and above all not "any".
                    None => return,
                }
            }
        };
        self.held.push(HeldGrant {
            grant,
            bound: bound(&row.draft, self.now),
            mapping: row.id,
            group: group.map(str::to_owned),
        });
    }
}

fn grant(draft: &MappingDraft, rooms: AnyOr<GrantRoom>) -> Grant {
    Grant {
        roles: draft.roles().clone(),
        transports: draft.transports().clone(),
        rooms,
    }
}

fn rooms(draft: &MappingDraft) -> Rooms {
    let AnyOr::Only(rules) = draft.rooms() else {
        return Rooms::Alike(Arc::new(grant(draft, AnyOr::Any)));
    };
    let mut fixed = Vec::new();
    let mut templates = Vec::new();
    for rule in rules {
        match rule.clone() {
            RoomRule::Exact(room) => fixed.push(GrantRoom::Exact(room)),
            RoomRule::Pattern(pattern) => fixed.push(GrantRoom::Pattern(pattern)),
            RoomRule::Template(template) => templates.push(template),
        }
    }
    match NonEmpty::new(fixed.clone()) {
        Some(rooms) if templates.is_empty() => {
            Rooms::Alike(Arc::new(grant(draft, AnyOr::Only(rooms))))
        }
        _ => Rooms::Made { fixed, templates },
    }
}

/// Inside its window, with a minute or more left of it: less could not become
/// a token that Red5 takes.
fn counts_at(window: Window, now: DateTime<Utc>) -> bool {
    let minute = TimeDelta::seconds(i64::from(TTL_MIN_SECONDS));
    window.from.is_none_or(|from| from <= now)
        && window
            .until
            .is_none_or(|until| until.signed_duration_since(now) >= minute)
}

/// The earlier of the window's end and `max_ttl_seconds` from now.
fn bound(draft: &MappingDraft, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let longest = draft
        .max_ttl_seconds()
        .and_then(|seconds| now.checked_add_signed(TimeDelta::seconds(i64::from(seconds))));
    match (draft.window().until, longest) {
        (Some(until), Some(longest)) => Some(until.min(longest)),
        (until, longest) => until.or(longest),
    }
}
