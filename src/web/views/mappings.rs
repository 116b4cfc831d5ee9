//! The list of mappings, and the page that asks before one is deleted.

use askama::Template;
use chrono::{DateTime, Utc};

use super::effect::EffectWords;
use super::frame::Frame;
use super::paging::Paging;
use super::shown::Shown;
use super::times::{self, Moment};
use super::words;
use crate::domain::mapping::{Mapping, MappingId};
use crate::domain::set::NonEmpty;

/// GET `/admin/mappings`.
///
/// Forms of a row: POST `/admin/mappings/{id}/switch` with `enabled` (`true`
/// or `false`: what it is to become), `version`, `list` and `form_token`.
#[derive(Debug, Clone, Template)]
#[template(path = "mappings.html")]
pub struct MappingList {
    /// The bar.
    pub frame: Frame,
    /// The page.
    pub rows: Vec<MappingRow>,
    /// Where it stands.
    pub paging: Paging,
    /// Version of the whole table.
    pub mapping_version: i64,
    /// What the list is narrowed to.
    pub typed: TypedMappingFilter,
    /// The same place, for the pages that lead back to it.
    pub place: ListPlace,
    /// What the page before this one was about.
    pub told: Option<Return>,
}

impl MappingList {
    /// Whether the page before this one was about this row.
    fn is_told(&self, row: &MappingRow) -> bool {
        self.told
            .is_some_and(|told| told.of == Which::One(row.mapping.id))
    }

    /// What was done to this row.
    fn mark(&self, row: &MappingRow) -> Option<&'static str> {
        let done = self.told.filter(|_| self.is_told(row))?.done?;
        Some(done.mark)
    }

    /// The row that the page before this one was about, where it should be here and is not.
    fn elsewhere(&self) -> Option<MappingId> {
        let told = self.told?;
        match told.of {
            Which::One(id)
                if told.done?.has_row && !self.rows.iter().any(|row| self.is_told(row)) =>
            {
                Some(id)
            }
            _ => None,
        }
    }
}

/// What a list says after another page led back to it (`?done=added&id=12`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Return {
    /// What the page was about.
    pub of: Which,
    /// What it did; none: nothing.
    pub done: Option<Done>,
    /// The change set that would have to be undone, where it is known.
    pub undo: Option<i64>,
}

/// Mappings that a page was about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// This one.
    One(MappingId),
    /// So many; at least two.
    Several(i64),
}

impl Return {
    fn is_good(&self) -> bool {
        self.done.is_some_and(|done| done.is_good)
    }

    fn sentence(&self) -> Option<String> {
        let done = self.done?;
        match self.of {
            Which::One(id) => Some(format!("Mapping {id} {}", done.sentence_end)),
            Which::Several(count) => Some(format!("{count} mappings {}", done.of_several?)),
        }
    }
}

/// A place in the list of mappings, to which other pages lead back: the filters, the order and the page.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ListPlace(pub(super) String);

impl ListPlace {
    /// From the query of the list, rebuilt from parsed parameters; empty: the first page without filters.
    pub fn of(query: String) -> Self {
        Self(query)
    }

    /// The address of the list below the base path, after something was done. A row that is there is marked and in view.
    pub fn after(&self, told: &Return) -> String {
        let mut query = url::form_urlencoded::Serializer::new(self.0.clone());
        if let Some(done) = told.done {
            query.append_pair("done", done.word);
        }
        let (name, number) = match told.of {
            Which::One(id) => ("id", id.0),
            Which::Several(count) => ("count", count),
        };
        query.append_pair(name, &number.to_string());
        if let Some(undo) = told.undo {
            query.append_pair("undo", &undo.to_string());
        }
        let fragment = match told.of {
            Which::One(id) if told.done.is_none_or(|done| done.has_row) => {
                format!("#mapping-{id}")
            }
            _ => String::new(),
        };
        format!("/admin/mappings?{}{fragment}", query.finish())
    }

    /// The same where nothing was done.
    pub(super) fn at(&self, id: MappingId) -> String {
        self.after(&Return {
            of: Which::One(id),
            done: None,
            undo: None,
        })
    }

    /// The address of the list below the base path.
    pub(super) fn list(&self) -> String {
        match self.0.as_str() {
            "" => "/admin/mappings".to_owned(),
            query => format!("/admin/mappings?{query}"),
        }
    }

    /// `before` with the parameter `list=…`, for links that leave the list; empty if the place is its beginning.
    pub(super) fn link(&self, before: &str) -> String {
        if self.0.is_empty() {
            return String::new();
        }
        let mut query =
            url::form_urlencoded::Serializer::for_suffix(before.to_owned(), before.len());
        query.append_pair("list", &self.0);
        query.finish()
    }
}

/// What a list is narrowed to and how it is sorted; empty: not at all, and by id.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TypedMappingFilter {
    q: String,
    group: String,
    room: String,
    role: String,
    transport: String,
    state: String,
    unused_days: String,
    sort: String,
}

impl From<[String; 8]> for TypedMappingFilter {
    /// In the order of [`MappingFilter::NAMES`](crate::domain::mapping_filter::MappingFilter::NAMES).
    fn from([q, group, room, role, transport, state, unused_days, sort]: [String; 8]) -> Self {
        Self {
            q,
            group,
            room,
            role,
            transport,
            state,
            unused_days,
            sort,
        }
    }
}

impl TypedMappingFilter {
    /// Whether more is chosen than a text to look for.
    fn is_more_than_text(&self) -> bool {
        let q = self.q.clone();
        *self
            != Self {
                q,
                ..Self::default()
            }
    }

    /// Whether rows may be left out.
    fn is_narrowed(&self) -> bool {
        let sort = self.sort.clone();
        *self
            != Self {
                sort,
                ..Self::default()
            }
    }
}

/// The roles to narrow a list to: the value, and in words.
const ROLES: [(&str, &str); 3] = [
    ("", "Publish or watch"),
    ("red5-publisher", "Publish"),
    ("red5-subscriber", "Watch"),
];

/// The protocols to narrow a list to.
const TRANSPORTS: [(&str, &str); 5] = [
    ("", "Any protocol"),
    ("RTMP", "RTMP"),
    ("RTSP", "RTSP"),
    ("WHEP", "WHEP"),
    ("WHIP", "WHIP"),
];

/// The states to narrow a list to.
const STATES: [(&str, &str); 5] = [
    ("", "On or off"),
    ("active", "On"),
    ("disabled", "Off"),
    ("not_yet", "On, not begun"),
    ("over", "On, ended"),
];

/// The orders of a list.
const ORDERS: [(&str, &str); 6] = [
    ("", "By number"),
    ("-id", "By number, newest first"),
    ("group", "By group"),
    ("-group", "By group, backwards"),
    ("-updated_at", "Last changed first"),
    ("updated_at", "Last changed last"),
];

/// What was done to a mapping. Its word travels in the address of the list
/// (`?done=added&id=12`) and decides nothing but a sentence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Done {
    /// `added`
    pub word: &'static str,
    /// Whether what was asked for was done.
    is_good: bool,
    /// Whether the row is there afterwards.
    has_row: bool,
    /// Beside the row.
    mark: &'static str,
    /// After "Mapping 12".
    sentence_end: &'static str,
    /// After "3 mappings", where it is done to several.
    of_several: Option<&'static str>,
}

impl Done {
    /// A new row.
    pub const ADDED: Self = Self {
        word: "added",
        is_good: true,
        has_row: true,
        mark: "added",
        sentence_end: "was added. The next token follows it.",
        of_several: None,
    };
    /// An edit.
    pub const SAVED: Self = Self {
        word: "saved",
        mark: "saved",
        sentence_end: "was saved. The next token follows it.",
        ..Self::ADDED
    };
    /// The switch of the list.
    pub const ON: Self = Self {
        word: "on",
        mark: "switched on",
        sentence_end: "is on. The next token follows it.",
        of_several: Some("are on. The next token follows them."),
        ..Self::ADDED
    };
    /// The switch of the list.
    pub const OFF: Self = Self {
        word: "off",
        mark: "switched off",
        sentence_end: "is off. No new token comes from it.",
        of_several: Some("are off. No new token comes from them."),
        ..Self::ADDED
    };
    /// The row is gone.
    pub const DELETED: Self = Self {
        word: "deleted",
        has_row: false,
        sentence_end: "was deleted. No new token comes from it.",
        of_several: Some("were deleted. No new token comes from them."),
        ..Self::ADDED
    };
    /// The row is another one than the list showed.
    pub const CHANGED: Self = Self {
        word: "changed",
        is_good: false,
        has_row: true,
        mark: "changed meanwhile",
        sentence_end: "was changed meanwhile, so it was not switched. The list shows it as it is now.",
        of_several: None,
    };
    /// The row was deleted before.
    pub const GONE: Self = Self {
        word: "gone",
        has_row: false,
        sentence_end: "is not there any more: it was deleted. Nothing else was changed.",
        ..Self::CHANGED
    };
    /// What was requested begins with a button of the list.
    pub const NOTHING: Self = Self {
        word: "nothing",
        mark: "not changed",
        sentence_end: "was not changed. Use its button here.",
        ..Self::CHANGED
    };

    const ALL: [Self; 8] = [
        Self::ADDED,
        Self::SAVED,
        Self::ON,
        Self::OFF,
        Self::DELETED,
        Self::CHANGED,
        Self::GONE,
        Self::NOTHING,
    ];

    /// Reads the word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|done| done.word == word)
    }
}

/// GET `/admin/mappings/{id}/delete`, whose form is a POST to the same address
/// with `version`, `list` and `form_token`; and its answer when the mapping has changed meanwhile
/// (412) or a mapping test would fail (409).
#[derive(Debug, Clone, Template)]
#[template(path = "mapping_delete.html")]
pub struct MappingDelete {
    /// The bar.
    pub frame: Frame,
    /// The mapping as it is now.
    pub row: MappingRow,
    /// What deleting it would do.
    pub effect: EffectWords,
    /// Where in the list it was opened.
    pub place: ListPlace,
    /// Why it was not deleted, where that was asked for.
    pub not_done: Option<NotDone>,
}

/// Why nothing was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotDone {
    /// The form had an older version of the row.
    ChangedMeanwhile,
    /// A mapping test would fail.
    TestFails,
}

/// GET `/admin/mappings/selected` with `do`, `row` (`7.12`, number and version) and `list`, whose form is a POST to
/// the same address with the same and `form_token`; and its answer when a mapping has changed meanwhile (412), a
/// mapping test would fail (409), or there is nothing to do (400).
#[derive(Debug, Clone, Template)]
#[template(path = "mappings_selected.html")]
pub struct SelectedMappings {
    /// The bar.
    pub frame: Frame,
    /// Where in the list they were selected.
    pub place: ListPlace,
    /// What is to become of them.
    pub change: BulkChange,
    /// The mappings that would be changed, as they are now.
    pub rows: Vec<MappingRow>,
    /// Mappings that are so already.
    pub already: Vec<MappingId>,
    /// Mappings that are not as the list showed them.
    pub changed: Vec<MappingId>,
    /// Mappings that are not there any more.
    pub gone: Vec<MappingId>,
    /// What it would do; none where there is nothing to do.
    pub effect: Option<EffectWords>,
    /// Why it was not done, where that was asked for.
    pub not_done: Option<NotDone>,
}

impl SelectedMappings {
    /// `mapping 7`, `mappings 7 and 9`
    fn named(ids: &[MappingId]) -> String {
        let all: Vec<String> = ids.iter().map(ToString::to_string).collect();
        match all.split_last() {
            Some((last, [])) => format!("mapping {last}"),
            Some((last, others)) => format!("mappings {} and {last}", others.join(", ")),
            None => String::new(),
        }
    }

    /// `1 mapping`, `3 mappings`
    fn counted(&self) -> String {
        match self.rows.len() {
            1 => "1 mapping".to_owned(),
            many => format!("{many} mappings"),
        }
    }
}

/// What is to become of several mappings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BulkChange {
    /// `off`
    SwitchOff,
    /// `on`
    SwitchOn,
    /// `delete`
    Delete,
}

impl BulkChange {
    /// All of them, in the order of the list.
    pub const ALL: [Self; 3] = [Self::SwitchOff, Self::SwitchOn, Self::Delete];

    /// Reads the word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|change| change.word() == word)
    }

    fn word(self) -> &'static str {
        match self {
            Self::SwitchOff => "off",
            Self::SwitchOn => "on",
            Self::Delete => "delete",
        }
    }

    fn verb(self) -> &'static str {
        match self {
            Self::SwitchOff => "Switch off",
            Self::SwitchOn => "Switch on",
            Self::Delete => "Delete",
        }
    }

    /// What the list says afterwards.
    pub fn done(self) -> Done {
        match self {
            Self::SwitchOff => Done::OFF,
            Self::SwitchOn => Done::ON,
            Self::Delete => Done::DELETED,
        }
    }
}

/// A mapping as the list and the page that deletes it show it, at one time.
#[derive(Debug, Clone)]
pub struct MappingRow {
    mapping: Mapping,
    state: RowState,
}

/// Whether a mapping counts, and if not, why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct RowState {
    /// Whether the switch turns it off.
    enabled: bool,
    /// What the state is called.
    word: &'static str,
    /// The class of its mark in the style sheet.
    class: &'static str,
}

impl MappingRow {
    /// As it stands at `now`.
    pub fn of(mapping: Mapping, now: DateTime<Utc>) -> Self {
        let draft = &mapping.draft;
        let enabled = draft.enabled();
        let (word, class) = if !enabled {
            ("Off", "off")
        } else if draft.valid_from().is_some_and(|from| now < from) {
            ("On, not begun", "waiting")
        } else if draft.valid_until().is_some_and(|until| until <= now) {
            ("On, ended", "waiting")
        } else {
            ("On", "on")
        };
        Self {
            mapping,
            state: RowState {
                enabled,
                word,
                class,
            },
        }
    }

    /// Its number.
    pub fn id(&self) -> MappingId {
        self.mapping.id
    }

    /// `7.12`, as a selection names it.
    fn chosen(&self) -> String {
        format!("{}.{}", self.mapping.id, self.mapping.version)
    }

    fn group(&self) -> Option<Shown> {
        let group = self.mapping.draft.group().group();
        group.map(|group| Shown(group.to_owned()))
    }

    /// What a control of this row is about, for people who hear the page.
    fn about(&self) -> String {
        let group = self.mapping.draft.group().group().unwrap_or("everyone");
        format!("mapping {} for {group}", self.mapping.id)
    }

    /// `Publish and watch`
    fn roles(&self) -> String {
        let roles = self.mapping.draft.roles().iter();
        let words: Vec<&str> = roles.map(|role| words::role_word(role.as_str())).collect();
        words::sentence(&words.join(" and ").to_lowercase())
    }

    /// In upper case; empty for any.
    fn transports(&self) -> Vec<String> {
        let named = self.mapping.draft.transports().named();
        named.map_or_else(Vec::new, NonEmpty::to_strings)
    }

    /// Names, patterns and templates as they are, the first ones and the others; empty for any.
    fn rooms(&self, first: usize) -> (Vec<String>, Vec<String>) {
        let named = self.mapping.draft.rooms().named();
        let mut rooms = named.map_or_else(Vec::new, NonEmpty::to_strings);
        let others = rooms.split_off(first.min(rooms.len()));
        (rooms, others)
    }

    fn max_ttl(&self) -> Option<String> {
        let seconds = self.mapping.draft.max_ttl_seconds();
        seconds.map(|seconds| times::duration(seconds.into()))
    }

    fn from(&self) -> Option<Moment> {
        self.mapping.draft.valid_from().map(Moment::of)
    }

    fn until(&self) -> Option<Moment> {
        self.mapping.draft.valid_until().map(Moment::of)
    }

    fn is_limited(&self) -> bool {
        self.from().is_some() || self.until().is_some() || self.max_ttl().is_some()
    }

    fn note(&self) -> Shown {
        Shown(self.mapping.draft.note().to_owned())
    }

    fn updated_by(&self) -> Shown {
        Shown(self.mapping.updated_by.clone())
    }

    fn updated_at(&self) -> Moment {
        Moment::of(self.mapping.updated_at)
    }
}
