//! What a change of the mappings does, in words: the panel of the pages that ask before it is made.

use super::shown::Shown;
use super::times::Moment;
use super::words::GrantWords;
use crate::domain::effect::{EffectEntry, EffectKind};
use crate::domain::groups::GroupMatch;
use crate::domain::mapping::MappingId;
use crate::flow::effect::Effect;

/// The context of `parts/effect.html`.
#[derive(Debug, Clone)]
pub struct EffectWords {
    kind: EffectKind,
    pub(super) gains: Vec<EntryWords>,
    pub(super) losses: Vec<EntryWords>,
    /// Each with the other mapping that it is about.
    pub(super) warnings: Vec<(Shown, Option<MappingId>)>,
    /// The name of each test that fails afterwards, and why.
    pub(super) tests_failing: Vec<(Shown, Vec<Shown>)>,
}

/// A gain or a loss.
#[derive(Debug, Clone)]
pub(super) struct EntryWords {
    /// Before the group.
    pub(super) kind: &'static str,
    /// None for everyone.
    pub(super) group: Option<Shown>,
    pub(super) grant: GrantWords,
    pub(super) from: Option<Moment>,
    pub(super) until: Option<Moment>,
}

impl EffectWords {
    /// In words.
    pub fn of(effect: Effect) -> Self {
        let entries = |entries: &[EffectEntry]| entries.iter().map(EntryWords::of).collect();
        let warnings = effect.warnings.into_iter();
        let tests = effect.tests_failing.into_iter();
        Self {
            kind: effect.table.kind,
            gains: entries(&effect.table.gains),
            losses: entries(&effect.table.losses),
            warnings: warnings
                .map(|warning| (Shown(warning.text), warning.mapping))
                .collect(),
            tests_failing: tests
                .map(|test| {
                    let because = test.because.into_iter().map(Shown);
                    (Shown(test.name), because.collect())
                })
                .collect(),
        }
    }

    pub(super) fn grants_nothing_new(&self) -> bool {
        matches!(self.kind, EffectKind::None | EffectKind::Narrows)
    }

    pub(super) fn summary(&self) -> &'static str {
        match self.kind {
            EffectKind::None => "This grants nothing new to anyone. It takes nothing away either.",
            EffectKind::Narrows => "This grants nothing new to anyone. It takes something away.",
            EffectKind::Widens => "This grants something new. It takes nothing away.",
            EffectKind::Both => "This grants something new, and takes something away.",
        }
    }
}

impl EntryWords {
    fn of(entry: &EffectEntry) -> Self {
        Self {
            kind: match entry.who {
                GroupMatch::Exact(_) => "Group",
                GroupMatch::Glob(_) => "Groups of the form",
                GroupMatch::Everyone => "Everyone who is signed in",
            },
            group: entry.who.group().map(|group| Shown(group.to_owned())),
            grant: GrantWords::of_entry(entry),
            from: entry.from.map(Moment::of),
            until: entry.until.map(Moment::of),
        }
    }
}
