//! What a change of the mappings does, in words: the panel of the pages that ask before it is made.

use super::shown::Shown;
use super::times::Moment;
use super::words::{self, GrantWords};
use crate::domain::effect::{EffectEntry, EffectKind};
use crate::domain::grant::Grant;
use crate::domain::groups::GroupMatch;
use crate::domain::mapping::MappingId;
use crate::domain::person::PersonId;
use crate::flow::effect::{Effect, PeopleEffect, PersonChange};

/// Most people who are named.
const PEOPLE_NAMED: usize = 20;

/// Most grants that a person is told to gain or to lose.
const GRANTS_NAMED: usize = 3;

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
    pub(super) people: PeopleWords,
}

/// Who can do something else afterwards.
#[derive(Debug, Clone)]
pub(super) struct PeopleWords {
    /// How many, of whom.
    pub(super) summary: String,
    /// The first of them.
    pub(super) named: Vec<PersonWord>,
    /// How many there are besides.
    pub(super) more: Option<String>,
}

/// A person who can do something else afterwards.
#[derive(Debug, Clone)]
pub(super) struct PersonWord {
    pub(super) id: PersonId,
    pub(super) called: Shown,
    pub(super) signed_in: bool,
    pub(super) gains: GrantsTold,
    pub(super) losses: GrantsTold,
}

/// What a person gains, or loses.
#[derive(Debug, Clone)]
pub(super) struct GrantsTold {
    /// The first ones.
    pub(super) told: Vec<GrantWords>,
    /// How many there are besides.
    pub(super) more: usize,
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
            people: PeopleWords::of(effect.people),
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

impl PeopleWords {
    fn of(people: PeopleEffect) -> Self {
        let changed = words::number(people.changed);
        let considered = words::number(people.considered);
        let signed_in = format!("{} signed in", words::number(people.signed_in));
        let summary = match (people.considered, people.changed) {
            (0, _) => "No person has been seen yet.".to_owned(),
            (1, 0) => {
                format!("The one person who was seen ({signed_in}) can do what they could before.")
            }
            (1, _) => {
                format!("The one person who was seen ({signed_in}) can do something else then.")
            }
            (_, 0) => format!(
                "Each of the {considered} people who were seen ({signed_in}) can do what they could before."
            ),
            _ => format!(
                "Of {considered} people who were seen ({signed_in}), {changed} can do something else then."
            ),
        };
        let named = people.items.into_iter().take(PEOPLE_NAMED);
        let named: Vec<_> = named.map(PersonWord::of).collect();
        let more = people.changed - named.len();
        Self {
            summary,
            named,
            more: (more > 0).then(|| words::number(more)),
        }
    }
}

impl PersonWord {
    fn of(change: PersonChange) -> Self {
        let called = change.username.or(change.name);
        let called = called.unwrap_or_else(|| "A person without a name".to_owned());
        Self {
            id: change.person,
            called: Shown(called),
            signed_in: change.signed_in,
            gains: GrantsTold::of(&change.effect.gains),
            losses: GrantsTold::of(&change.effect.losses),
        }
    }
}

impl GrantsTold {
    fn of(grants: &[Grant]) -> Self {
        let told = grants.iter().take(GRANTS_NAMED).map(GrantWords::of);
        Self {
            told: told.collect(),
            more: grants.len().saturating_sub(GRANTS_NAMED),
        }
    }
}
