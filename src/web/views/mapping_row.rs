//! One mapping in words, as the list and the page that deletes it show it.

use chrono::{DateTime, Utc};

use super::shown::Shown;
use super::times::Moment;
use super::{times, words};
use crate::domain::mapping::Mapping;

/// A row of the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MappingRow {
    /// `id`
    pub id: i64,
    /// `version`, sent back with each change.
    pub version: i64,
    /// Whom it is for.
    pub group: GroupRule,
    /// `Publish and watch`
    pub roles: String,
    /// In upper case; empty for any.
    pub transports: Vec<String>,
    /// Names, patterns and templates as they are; empty for any.
    pub rooms: Vec<String>,
    /// `1 hour`, where the lifetime is limited.
    pub max_ttl: Option<String>,
    /// `valid_from`
    pub from: Option<Moment>,
    /// `valid_until`
    pub until: Option<Moment>,
    /// Whether it counts now.
    pub state: RowState,
    /// What the administrator noted; may be empty.
    pub note: Shown,
    /// Who changed it last.
    pub updated_by: Shown,
    /// When.
    pub updated_at: Moment,
}

/// Whom a mapping is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GroupRule {
    /// Members of this group.
    Exact(Shown),
    /// Members of a group that fits.
    Glob(Shown),
    /// Everyone who is signed in.
    Everyone,
}

/// Whether a mapping counts, and if not, why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RowState {
    /// Enabled, and within its window.
    On,
    /// Not enabled.
    Off,
    /// Enabled, and its window has not begun.
    Later,
    /// Enabled, and its window has ended.
    Over,
}

impl RowState {
    /// What the state is called.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::On => "On",
            Self::Off => "Off",
            Self::Later => "On, not begun",
            Self::Over => "On, ended",
        }
    }

    /// The class of its mark in the style sheet.
    pub(super) const fn class(self) -> &'static str {
        match self {
            Self::On => "on",
            Self::Off => "off",
            Self::Later | Self::Over => "waiting",
        }
    }

    /// Whether the switch turns it off.
    pub(super) const fn enabled(self) -> bool {
        !matches!(self, Self::Off)
    }
}

impl MappingRow {
    /// Of a mapping, as it stands at `now`.
    pub fn of(mapping: &Mapping, now: DateTime<Utc>) -> Self {
        let input = mapping.draft.to_input();
        let group = Shown(input.group.unwrap_or_default());
        let any_means_no_list = |list: Vec<String>| match list.as_slice() {
            [only] if only == "*" => Vec::new(),
            _ => list,
        };
        Self {
            id: mapping.id.0,
            version: mapping.version,
            group: match input.group_match.as_str() {
                "everyone" => GroupRule::Everyone,
                "glob" => GroupRule::Glob(group),
                _ => GroupRule::Exact(group),
            },
            roles: role_words(&input.roles),
            transports: any_means_no_list(input.transports),
            rooms: any_means_no_list(input.rooms),
            max_ttl: input
                .max_ttl_seconds
                .and_then(|seconds| u64::try_from(seconds).ok())
                .map(times::duration),
            from: input.valid_from.map(Moment::of),
            until: input.valid_until.map(Moment::of),
            state: match (input.enabled, input.valid_from, input.valid_until) {
                (false, _, _) => RowState::Off,
                (true, Some(from), _) if now < from => RowState::Later,
                (true, _, Some(until)) if until <= now => RowState::Over,
                _ => RowState::On,
            },
            note: Shown(input.note),
            updated_by: Shown(mapping.updated_by.clone()),
            updated_at: Moment::of(mapping.updated_at),
        }
    }

    /// What a control of this row is about, for people who hear the page.
    pub(super) fn about(&self) -> String {
        match &self.group {
            GroupRule::Exact(group) | GroupRule::Glob(group) => {
                format!("mapping {} for {}", self.id, group.0)
            }
            GroupRule::Everyone => format!("mapping {} for everyone", self.id),
        }
    }
}

/// `Publish`, `Watch`, `Publish and watch`.
pub(super) fn role_words(roles: &[String]) -> String {
    let words: Vec<&str> = roles.iter().map(|role| words::role_word(role)).collect();
    match words.as_slice() {
        ["Publish", "Watch"] | ["Watch", "Publish"] => "Publish and watch".to_owned(),
        words => words.join(", "),
    }
}
