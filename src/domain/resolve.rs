//! Which grants an identity holds: the whole table of mappings, made ready to be asked many times
//! a second.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Weak};

use arc_swap::ArcSwapOption;
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};

use super::entitlement::{DroppedRoom, Entitlement, HeldGrant};
use super::grant::Grant;
use super::groups::{GroupGlob, GroupMatch};
use super::identity::Identity;
use super::mapping::{Mapping, MappingDraft, MappingId, Withheld};
use super::mapping_use::UseMark;
use super::names::{Role, RoomName};
use super::pattern_index::PatternIndex;
use super::rooms::{GrantRoom, RoomRule, RoomTemplate};
use super::set::{AnyOr, NonEmpty};

/// All mappings. An exchange looks at those that are switched on alone.
#[derive(Debug)]
pub struct Mappings {
    on: Rows,
    off: Rows,
}

/// Mappings; the places of those for exact groups by hash, of those for globs and for everyone
/// apart.
#[derive(Debug)]
struct Rows {
    compiled: Vec<Compiled>,
    exact: HashMap<String, Vec<usize>>,
    globs: PatternIndex<GlobRows>,
    everyone: Vec<usize>,
}

/// The rows of one glob, those that give every group the same or the others.
#[derive(Debug)]
struct GlobRows {
    number: usize,
    glob: GroupGlob,
    are_alike: bool,
    rows: Vec<usize>,
}

/// A mapping with its rooms made ready.
#[derive(Debug)]
struct Compiled {
    row: Arc<Mapping>,
    fixed: Vec<GrantRoom>,
    templates: Vec<RoomTemplate>,
    /// The grant, where it is the same for every person and group.
    alike: Option<Arc<Grant>>,
    used: UseMark,
}

impl Default for Mappings {
    fn default() -> Self {
        Self::compile(Vec::<Mapping>::new())
    }
}

impl Mappings {
    /// Takes the rows in any order.
    pub fn compile(mappings: impl IntoIterator<Item = impl Into<Arc<Mapping>>>) -> Self {
        Self::compile_after(None, mappings)
    }

    /// Like `compile`, but keeps the uses that were noted in the previous version of the table.
    pub fn compile_after(
        previous: Option<&Self>,
        mappings: impl IntoIterator<Item = impl Into<Arc<Mapping>>>,
    ) -> Self {
        let mut mappings: Vec<Arc<Mapping>> = mappings.into_iter().map(Into::into).collect();
        mappings.sort_by_key(|mapping| mapping.id);
        let known = |id| previous.and_then(|previous| previous.row(id));
        let rows = mappings.into_iter().map(|mapping| {
            let used = known(mapping.id).map(|row| row.used.clone());
            Compiled::new(mapping, used.unwrap_or_default())
        });
        let (on, off) = rows.partition(|row: &Compiled| row.row.draft.enabled());
        Self {
            on: Rows::of(on),
            off: Rows::of(off),
        }
    }

    fn row(&self, id: MappingId) -> Option<&Compiled> {
        self.on.row(id).or_else(|| self.off.row(id))
    }

    /// The rows, by number.
    pub fn rows(&self) -> Vec<Arc<Mapping>> {
        let rows = self.on.compiled.iter().chain(&self.off.compiled);
        let mut rows: Vec<Arc<Mapping>> = rows.map(|row| Arc::clone(&row.row)).collect();
        rows.sort_by_key(|row| row.id);
        rows
    }

    /// Notes that this mapping took part in the warrant of a token.
    pub fn note_use(&self, id: MappingId, now: DateTime<Utc>) {
        if let Some(row) = self.on.row(id) {
            row.used.note(now);
        }
    }

    /// The last day of each use that is not written yet.
    pub fn unwritten_uses(&self) -> Vec<(MappingId, NaiveDate, UseMark)> {
        let rows = self.on.compiled.iter().chain(&self.off.compiled);
        let uses =
            rows.filter_map(|row| Some((row.row.id, row.used.unwritten()?, row.used.clone())));
        uses.collect()
    }

    /// How many rows the table has, those switched off included.
    pub fn len(&self) -> usize {
        self.on.compiled.len() + self.off.compiled.len()
    }

    /// Whether the table has no row, and hence grants nothing.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All the grants that `identity` holds at `now`: one entry per mapping and matched group,
    /// or one per mapping where its grant is the same for each group.
    pub fn resolve(&self, identity: &Identity, now: DateTime<Utc>) -> Entitlement {
        self.on.held(&self.on.matches(identity), identity, now)
    }

    /// Every row that matches `identity`, those switched off included, with what it gives at `now`
    /// or why it gives nothing: by the functions of [`Mappings::resolve`].
    pub fn judge(&self, identity: &Identity, now: DateTime<Utc>) -> Vec<Judged<'_>> {
        let mut judged = Vec::new();
        for rows in [&self.on, &self.off] {
            for Match { row, group } in rows.matches(identity) {
                let row = &rows.compiled[row];
                let mut dropped = Vec::new();
                judged.push(Judged {
                    id: row.row.id,
                    draft: &row.row.draft,
                    given: row.give(identity, group.as_deref(), now, &mut dropped),
                    group,
                    dropped,
                });
            }
        }
        judged
    }

    /// The groups of the rows that may let their members do this now. A row with a template is
    /// among them whatever the room, because that depends on the person.
    pub fn groups_that_may(
        &self,
        role: Role,
        room: &RoomName,
        now: DateTime<Utc>,
    ) -> BTreeSet<&GroupMatch> {
        let may = |row: &&Compiled| {
            let draft = &row.row.draft;
            draft.roles().contains(&role)
                && draft.withheld_at(now).is_none()
                && (draft.rooms().is_any()
                    || !row.templates.is_empty()
                    || row.fixed.iter().any(|granted| granted.covers(room)))
        };
        let rows = self.on.compiled.iter().filter(may);
        rows.map(|row| row.row.draft.group()).collect()
    }

    /// How many rows name this group or have a glob that matches it, those switched off included.
    pub fn count_for(&self, group: &str) -> usize {
        self.on.count_for(group) + self.off.count_for(group)
    }

    /// The rows that are switched on.
    pub fn switched_on(&self) -> impl Iterator<Item = (MappingId, &MappingDraft)> {
        self.on
            .compiled
            .iter()
            .map(|row| (row.row.id, &row.row.draft))
    }
}

/// A row that matches an identity.
#[derive(Debug)]
pub struct Judged<'m> {
    /// The row.
    pub id: MappingId,
    /// What it says.
    pub draft: &'m MappingDraft,
    /// The group that it matched; none for everyone.
    pub group: Option<Box<str>>,
    /// Its grant, or why it gives none.
    pub given: Result<Arc<Grant>, Withheld>,
    /// The rooms that could not be made.
    pub dropped: Vec<DroppedRoom>,
}

impl Rows {
    /// Takes them by number.
    fn of(compiled: Vec<Compiled>) -> Self {
        let mut exact: HashMap<_, Vec<_>> = HashMap::new();
        let mut globs: BTreeMap<_, Vec<_>> = BTreeMap::new();
        let mut everyone = Vec::new();
        for (place, row) in compiled.iter().enumerate() {
            let same_group = match row.row.draft.group() {
                GroupMatch::Exact(group) => exact.entry(group.as_str().to_owned()).or_default(),
                GroupMatch::Glob(glob) => globs
                    .entry((glob.clone(), row.alike.is_some()))
                    .or_default(),
                GroupMatch::Everyone => &mut everyone,
            };
            same_group.push(place);
        }
        let globs = (0..).zip(globs);
        let globs = globs.map(|(number, ((glob, are_alike), rows))| GlobRows {
            number,
            glob,
            are_alike,
            rows,
        });
        Self {
            globs: PatternIndex::new(globs.collect(), |glob| glob.glob.as_str(), usize::MAX),
            compiled,
            exact,
            everyone,
        }
    }

    fn row(&self, id: MappingId) -> Option<&Compiled> {
        let place = self.compiled.binary_search_by_key(&id, |row| row.row.id);
        place.ok().map(|place| &self.compiled[place])
    }

    fn count_for(&self, group: &str) -> usize {
        let exact = self.exact.get(group).map_or(0, Vec::len);
        let mut search = self.globs.search();
        let globs = search.candidates(group, |_| true).into_iter();
        let globs = globs.filter(|glob| glob.glob.captures(group).is_some());
        exact + globs.map(|glob| glob.rows.len()).sum::<usize>()
    }

    /// The rows for `identity`, whatever the time: the work that grows with the number of groups.
    fn matches(&self, identity: &Identity) -> Vec<Match> {
        let mut found = Vec::new();
        let mut add = |rows: &[usize], group: Option<&str>| {
            found.extend(rows.iter().map(|row| Match {
                row: *row,
                group: group.map(Box::from),
            }));
        };
        add(&self.everyone, None);
        let mut search = self.globs.search();
        // One group is enough for rows that give every group the same.
        let mut settled = vec![false; self.globs.len()];
        for group in identity.groups.listed() {
            if let Some(rows) = self.exact.get(group) {
                add(rows, Some(group));
            }
            for glob in search.candidates(group, |glob| !settled[glob.number]) {
                if glob.glob.captures(group).is_some() {
                    settled[glob.number] = glob.are_alike;
                    add(&glob.rows, Some(group));
                }
            }
        }
        found
    }

    /// What is held of that at `now`. The matches are those of this table and this identity.
    fn held(&self, matches: &[Match], identity: &Identity, now: DateTime<Utc>) -> Entitlement {
        let mut held = Vec::new();
        let mut dropped = Vec::new();
        for Match { row, group } in matches {
            let row = &self.compiled[*row];
            if let Ok(grant) = row.give(identity, group.as_deref(), now, &mut dropped) {
                held.push(HeldGrant {
                    grant,
                    bound: row.bound(now),
                    mapping: row.row.id,
                    group: group.as_deref().map(str::to_owned),
                });
            }
        }
        Entitlement::new(held, dropped)
    }
}

impl Compiled {
    fn new(row: Arc<Mapping>, used: UseMark) -> Self {
        let draft = &row.draft;
        let mut fixed = Vec::new();
        let mut templates = Vec::new();
        for rule in draft.rooms().named().into_iter().flatten() {
            match rule.clone() {
                RoomRule::Fixed(room) => fixed.push(room),
                RoomRule::Template(template) => templates.push(template),
            }
        }
        let alike = match NonEmpty::new(fixed.clone()) {
            _ if draft.rooms().is_any() => Some(AnyOr::Any),
            Some(rooms) if templates.is_empty() => Some(AnyOr::Only(rooms)),
            _ => None,
        };
        Self {
            fixed,
            templates,
            alike: alike.map(|rooms| Arc::new(grant(draft, rooms))),
            row,
            used,
        }
    }

    /// The grant at `now` for a person as a member of `group`, or why there is none: what an
    /// exchange goes by, and what is explained.
    fn give(
        &self,
        identity: &Identity,
        group: Option<&str>,
        now: DateTime<Utc>,
        dropped: &mut Vec<DroppedRoom>,
    ) -> Result<Arc<Grant>, Withheld> {
        match self.row.draft.withheld_at(now) {
            Some(withheld) => Err(withheld),
            None => self
                .grant(identity, group, dropped)
                .ok_or(Withheld::NoRoomLeft),
        }
    }

    /// The earlier of the window's end and `max_ttl_seconds` from now.
    fn bound(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let until = self.row.draft.valid_until();
        let longest = self.row.draft.max_ttl_seconds();
        let longest = longest
            .and_then(|seconds| now.checked_add_signed(TimeDelta::seconds(i64::from(seconds))));
        until.into_iter().chain(longest).min()
    }

    /// The grant for a person as a member of `group`. None where every room fell away: that is
    /// no grant, and above all not "any".
    fn grant(
        &self,
        identity: &Identity,
        group: Option<&str>,
        dropped: &mut Vec<DroppedRoom>,
    ) -> Option<Arc<Grant>> {
        if let Some(grant) = &self.alike {
            return Some(Arc::clone(grant));
        }
        let captures = match (self.row.draft.group(), group) {
            (GroupMatch::Glob(glob), Some(group)) => glob.captures(group),
            _ => None,
        };
        let captures = captures.unwrap_or_default();
        let mut rooms = self.fixed.clone();
        for template in &self.templates {
            match template.fill(identity, &captures) {
                Ok(room) => rooms.push(GrantRoom::Exact(room)),
                Err(reason) => dropped.push(DroppedRoom {
                    mapping: self.row.id,
                    group: group.map(str::to_owned),
                    rule: template.as_str().to_owned(),
                    reason,
                }),
            }
        }
        let rooms = NonEmpty::new(rooms)?;
        Some(Arc::new(grant(&self.row.draft, AnyOr::Only(rooms))))
    }
}

fn grant(draft: &MappingDraft, rooms: AnyOr<GrantRoom>) -> Grant {
    Grant {
        roles: draft.roles().clone(),
        transports: draft.transports().clone(),
        rooms,
    }
}

/// A row for an identity, with the group that matched; none for everyone.
#[derive(Debug)]
struct Match {
    row: usize,
    group: Option<Box<str>>,
}

/// What a remembered match, or a group of a session, takes besides its text.
pub const GROUP_OVERHEAD: usize = 64;

/// What a few more matches than groups may take: of everyone, or of a second row.
pub const FEW_MATCHES: usize = 16 * GROUP_OVERHEAD;

/// Beside one identity: what of the table of mappings is for it, so that a person in thousands of
/// groups costs the matching once. Another table, which every
/// edit makes, is matched anew; times are judged at each call. Takes no lock that waits.
#[derive(Debug, Default)]
pub struct MatchMemo(ArcSwapOption<Remembered>);

#[derive(Debug)]
struct Remembered {
    /// Which table; it does not stay in memory for this.
    mappings: Weak<Mappings>,
    matches: Vec<Match>,
}

impl MatchMemo {
    /// As [`Mappings::resolve`]. The identity is the same at each call.
    pub fn resolve(
        &self,
        mappings: &Arc<Mappings>,
        identity: &Identity,
        now: DateTime<Utc>,
    ) -> Entitlement {
        let known = self.0.load();
        if let Some(known) = &*known
            && std::ptr::eq(known.mappings.as_ptr(), Arc::as_ptr(mappings))
        {
            return mappings.on.held(&known.matches, identity, now);
        }
        let matches = mappings.on.matches(identity);
        let entitlement = mappings.on.held(&matches, identity, now);
        // Little more memory than the groups themselves take, so that it can be counted before
        // (`store::session_cache`).
        let room = weight(identity.groups.listed().map(Some)) + FEW_MATCHES;
        if weight(matches.iter().map(|found| found.group.as_deref())) <= room {
            self.0.store(Some(Arc::new(Remembered {
                mappings: Arc::downgrade(mappings),
                matches,
            })));
        }
        entitlement
    }
}

/// Roughly how many bytes they take.
fn weight<'g>(groups: impl Iterator<Item = Option<&'g str>>) -> usize {
    groups
        .map(|group| group.map_or(0, str::len) + GROUP_OVERHEAD)
        .sum()
}

#[cfg(test)]
mod tests;
