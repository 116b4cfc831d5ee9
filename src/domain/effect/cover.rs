//! Which rows cover what of which other rows.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, TimeDelta, Utc};

use super::RowName;
use crate::domain::groups::{GroupGlob, GroupMatch};
use crate::domain::lifetime::TTL_MIN_SECONDS;
use crate::domain::mapping::MappingDraft;
use crate::domain::names::is_room_char;
use crate::domain::pairs::Pairs;
use crate::domain::pattern_index::{PatternIndex, PatternSearch};
use crate::domain::rooms::{GrantRoom, RoomPattern, RoomRule, RoomTemplate};

/// The moments from now on at which a row is held.
#[derive(Debug, Clone, Copy)]
pub(super) struct Window {
    first: DateTime<Utc>,
    /// The last one; none: for good.
    last: Option<DateTime<Utc>>,
}

impl Window {
    /// None where there is no such moment.
    fn of(draft: &MappingDraft, now: DateTime<Utc>) -> Option<Self> {
        let first = draft.valid_from().map_or(now, |from| from.max(now));
        let last = draft.valid_until().map(last_moment);
        let is_held = draft.enabled() && last.is_none_or(|last| first <= last);
        is_held.then_some(Self { first, last })
    }

    fn includes(self, other: Self) -> bool {
        let ends_later = match (self.last, other.last) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(last), Some(other)) => last >= other,
        };
        self.first <= other.first && ends_later
    }
}

/// The last moment at which a row that ends at `until` is held: a minute of it is left.
pub(super) fn last_moment(until: DateTime<Utc>) -> DateTime<Utc> {
    until - TimeDelta::seconds(i64::from(TTL_MIN_SECONDS))
}

/// A row that grants something, now or later.
#[derive(Debug)]
pub(super) struct Granting<'a> {
    pub(super) name: RowName,
    pub(super) draft: &'a MappingDraft,
    pub(super) pairs: Pairs,
    window: Window,
    /// None is *any*. Without templates that can never be filled.
    pub(super) rooms: Vec<Option<&'a RoomRule>>,
}

impl<'a> Granting<'a> {
    /// None where it grants nothing from now on.
    pub(super) fn of(name: RowName, draft: &'a MappingDraft, now: DateTime<Utc>) -> Option<Self> {
        let window = Window::of(draft, now)?;
        let rooms = match draft.rooms().named() {
            None => vec![None],
            Some(named) => {
                let captures = captures_of(draft.group(), draft.group());
                let is_filled = |rule: &&RoomRule| match rule {
                    RoomRule::Fixed(_) => true,
                    RoomRule::Template(template) => template.with_captures(&captures).is_some(),
                };
                named.iter().filter(is_filled).map(Some).collect()
            }
        };
        Some(Self {
            name,
            draft,
            pairs: Pairs::of(draft.roles(), draft.transports()),
            window,
            rooms,
        })
    }

    /// Whether some atom of the other could be covered, as far as pairs and windows say.
    fn may_cover(&self, other: &Self) -> bool {
        self.pairs.meets(other.pairs) && self.window.includes(other.window)
    }
}

/// What the stars of `outer` stand for in every group that `inner` matches, written as rooms of
/// a mapping for `inner` are: `{1}` is what the first star of `inner` stands for.
///
/// None in a place where it is nothing that a room could hold, or not the same for every
/// group: where `outer` has a star behind one of several lengths, the first place of the piece
/// between them may lie within either.
fn captures_of(outer: &GroupMatch, inner: &GroupMatch) -> Vec<Option<String>> {
    let (GroupMatch::Glob(glob), Some(text)) = (outer, inner.group()) else {
        return Vec::new();
    };
    let stars = match inner {
        GroupMatch::Glob(inner) => star_texts(inner),
        GroupMatch::Exact(_) | GroupMatch::Everyone => Vec::new(),
    };
    if outer == inner {
        return stars;
    }
    let found = glob.captures(text).unwrap_or_default();
    let last = found.len().saturating_sub(1);
    let is_glob = !stars.is_empty();
    let mut stars = stars.into_iter();
    let mut is_fixed = true;
    let captures = found.into_iter().enumerate().map(|(at, capture)| {
        let mut written = Some(String::new());
        for c in capture.chars() {
            let word = match c {
                '*' if is_glob => stars.next().map(Option::unwrap_or_default),
                c => is_room_char(c).then(|| c.to_string()),
            };
            written = written.zip(word).map(|(text, word)| text + &word);
        }
        let moves = is_glob && capture.contains('*');
        let is_sure = is_fixed && (at == last || !moves);
        is_fixed &= !moves;
        written.filter(|text| is_sure && !text.is_empty())
    });
    captures.collect()
}

/// The captures of a glob as its templates have them; none for a star that another
/// one follows: it is as short as can be, so it is always empty.
fn star_texts(glob: &GroupGlob) -> Vec<Option<String>> {
    let behind = glob.as_str().split('*').skip(1);
    let last = glob.stars();
    let stars = (1..).zip(behind);
    stars
        .map(|(number, piece)| {
            (number == last || !piece.is_empty()).then(|| format!("{{{number}}}"))
        })
        .collect()
}

/// The rows of one side, by their groups.
pub(super) struct RowIndex<'a, 'r> {
    groups: Vec<GroupRows<'a, 'r>>,
    exact: HashMap<&'a str, usize>,
    globs: PatternIndex<(&'a GroupGlob, usize)>,
    everyone: Option<usize>,
}

struct GroupRows<'a, 'r> {
    group: &'a GroupMatch,
    rows: Vec<&'r Granting<'a>>,
}

impl<'a, 'r> RowIndex<'a, 'r> {
    /// `lookups` is how many rows are to be looked up in it.
    pub(super) fn new(rows: impl IntoIterator<Item = &'r Granting<'a>>, lookups: usize) -> Self {
        let mut groups: Vec<GroupRows> = Vec::new();
        let mut exact = HashMap::new();
        let mut globs = HashMap::new();
        let mut everyone = None;
        for row in rows {
            let next = groups.len();
            let group = row.draft.group();
            let at = match group {
                GroupMatch::Exact(name) => *exact.entry(name.as_str()).or_insert(next),
                GroupMatch::Glob(glob) => *globs.entry(glob).or_insert(next),
                GroupMatch::Everyone => *everyone.get_or_insert(next),
            };
            if at == next {
                let rows = Vec::new();
                groups.push(GroupRows { group, rows });
            }
            groups[at].rows.push(row);
        }
        let globs = globs.into_iter().collect();
        Self {
            groups,
            exact,
            globs: PatternIndex::new(globs, |(glob, _)| glob.as_str(), lookups),
            everyone,
        }
    }

    /// Which of `rows` each group includes.
    fn included(&self, rows: &[&Granting<'_>]) -> BTreeMap<usize, Vec<usize>> {
        let mut included: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        let mut globs = self.globs.search();
        for (at, row) in rows.iter().enumerate() {
            let group = row.draft.group();
            let mut add = |outer: usize| included.entry(outer).or_default().push(at);
            if let Some(everyone) = self.everyone {
                add(everyone);
            }
            let Some(text) = group.group() else {
                continue;
            };
            if let GroupMatch::Exact(_) = group
                && let Some(same) = self.exact.get(text)
            {
                add(*same);
            }
            for (_, outer) in globs.candidates(text, |_| true) {
                if self.groups[*outer].group.includes(group) {
                    add(*outer);
                }
            }
        }
        included
    }
}

/// A room of a row that another row covers, as far as group, window and room say.
pub(super) struct Covered<'a, 'r> {
    /// The place of the row.
    pub(super) row: usize,
    /// The place of the room within it.
    pub(super) room: usize,
    /// The row that covers it, over its own pairs.
    pub(super) by: &'r Granting<'a>,
}

/// Calls `found` for each room of each of `rows` with each row of `by` that covers it; a row may
/// be found for one room more than once.
pub(super) fn each_cover<'a, 'r>(
    rows: &[&Granting<'_>],
    by: &RowIndex<'a, 'r>,
    mut found: impl FnMut(Covered<'a, 'r>),
) {
    for (outer, inner) in by.included(rows) {
        let outer = &by.groups[outer];
        let rooms = outer.rows.iter().flat_map(|row| {
            let rooms = row.rooms.iter().copied();
            rooms.map(move |room| (room.map(RoomForm::of), *row))
        });
        let lookups = inner.iter().map(|at| rows[*at].rooms.len()).sum();
        let index = RoomIndex::new(rooms, lookups);
        let mut search = index.search();
        for at in inner {
            let row = rows[at];
            let templates = index.templates_for(outer.group, row.draft.group());
            for (room, rule) in row.rooms.iter().enumerate() {
                let mut add = |by: &'r Granting<'a>| {
                    if by.may_cover(row) {
                        found(Covered { row: at, room, by });
                    }
                };
                search.each_cover(rule.map(RoomForm::of), &mut add);
                let filled = rule.and_then(|rule| templates.get(rule.as_str()));
                filled.into_iter().flatten().copied().for_each(&mut add);
            }
        }
    }
}

/// A room of a row or of a grant; where there is none, it is *any*.
#[derive(Debug, Clone, Copy)]
pub(super) enum RoomForm<'a> {
    Fixed(&'a GrantRoom),
    Template(&'a RoomTemplate),
}

impl<'a> RoomForm<'a> {
    fn of(rule: &'a RoomRule) -> Self {
        match rule {
            RoomRule::Fixed(room) => Self::Fixed(room),
            RoomRule::Template(template) => Self::Template(template),
        }
    }
}

/// Rooms, each with what holds it.
pub(super) struct RoomIndex<'a, H> {
    any: Vec<H>,
    /// By the text of a name, or of a template whose room is the same in each group.
    texts: HashMap<&'a str, Vec<H>>,
    patterns: PatternIndex<(&'a RoomPattern, Vec<H>)>,
    /// Those with captures.
    templates: Vec<(&'a RoomTemplate, H)>,
}

impl<'a, H: Copy> RoomIndex<'a, H> {
    /// `lookups` is how many rooms are to be looked up.
    pub(super) fn new(
        rooms: impl IntoIterator<Item = (Option<RoomForm<'a>>, H)>,
        lookups: usize,
    ) -> Self {
        let mut any = Vec::new();
        let mut texts: HashMap<&str, Vec<H>> = HashMap::new();
        let mut patterns: HashMap<&RoomPattern, Vec<H>> = HashMap::new();
        let mut templates = Vec::new();
        for (room, holder) in rooms {
            match room {
                None => any.push(holder),
                Some(RoomForm::Fixed(GrantRoom::Exact(name))) => {
                    texts.entry(name.as_str()).or_default().push(holder);
                }
                Some(RoomForm::Fixed(GrantRoom::Pattern(pattern))) => {
                    patterns.entry(pattern).or_default().push(holder);
                }
                Some(RoomForm::Template(template)) if template.has_capture() => {
                    templates.push((template, holder));
                }
                Some(RoomForm::Template(template)) => {
                    texts.entry(template.as_str()).or_default().push(holder);
                }
            }
        }
        let patterns = patterns.into_iter().collect();
        Self {
            any,
            texts,
            patterns: PatternIndex::new(patterns, |(pattern, _)| pattern.as_str(), lookups),
            templates,
        }
    }

    /// The templates with captures of a row for `outer`, as a row for `inner` would write the same rooms.
    fn templates_for(&self, outer: &GroupMatch, inner: &GroupMatch) -> HashMap<String, Vec<H>> {
        let mut written: HashMap<String, Vec<H>> = HashMap::new();
        if self.templates.is_empty() {
            return written;
        }
        let captures = captures_of(outer, inner);
        for (template, holder) in &self.templates {
            if let Some(text) = template.with_captures(&captures) {
                written.entry(text).or_default().push(*holder);
            }
        }
        written
    }

    pub(super) fn search(&self) -> RoomSearch<'_, 'a, H> {
        RoomSearch {
            index: self,
            patterns: self.patterns.search(),
        }
    }
}

/// Looks up one room after the other.
pub(super) struct RoomSearch<'i, 'a, H> {
    index: &'i RoomIndex<'a, H>,
    patterns: PatternSearch<'i, (&'a RoomPattern, Vec<H>)>,
}

impl<H: Copy> RoomSearch<'_, '_, H> {
    /// Calls `found` with what holds at least this room, templates with captures aside.
    pub(super) fn each_cover(&mut self, room: Option<RoomForm>, mut found: impl FnMut(H)) {
        let RoomIndex { any, texts, .. } = self.index;
        any.iter().copied().for_each(&mut found);
        let (text, form) = match room {
            None => return,
            Some(RoomForm::Fixed(room)) => (room.as_str(), Cow::Borrowed(room.as_str())),
            Some(RoomForm::Template(template)) => (template.as_str(), template.form().into()),
        };
        let same = texts.get(text).into_iter().flatten();
        same.copied().for_each(&mut found);
        for (pattern, holders) in self.patterns.candidates(&form, |_| true) {
            if pattern.includes(&form) {
                holders.iter().copied().for_each(&mut found);
            }
        }
    }
}
