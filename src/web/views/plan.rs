//! What changes of many rows would make of the tables: the panel of the pages that ask before it is done.

use super::effect::EffectWords;
use super::shown::Shown;
use super::words;
use crate::domain::undo::{LeftAlone, RowKey};
use crate::flow::effect::FailingTest;
use crate::flow::mappings::{ChangeOutcome, PlanVersion};
use crate::flow::plan::{PlanCounts, PlanLine, counts, lines};

/// Most rows that are told.
const LINES_TOLD: usize = 500;

/// The context of `parts/plan.html`.
#[derive(Debug, Clone)]
pub struct PlanWords {
    pub(super) lines: Vec<LineWords>,
    /// How many rows there are besides.
    pub(super) more: Option<String>,
    pub(super) counts: PlanCounts,
    /// None where nothing changes.
    pub(super) effect: Option<EffectWords>,
    /// The tables that it is for.
    pub(super) version: PlanVersion,
}

/// What becomes of one row.
#[derive(Debug, Clone)]
pub(super) struct LineWords {
    pub(super) mark: char,
    /// The mark in words.
    pub(super) verb: &'static str,
    pub(super) text: Shown,
    pub(super) detail: Option<Shown>,
}

impl PlanWords {
    /// In words.
    pub fn of(outcome: ChangeOutcome) -> Self {
        let told: Vec<_> = lines(&outcome)
            .take(LINES_TOLD)
            .map(LineWords::of)
            .collect();
        let more = outcome.changes.len().saturating_sub(told.len());
        let is_empty = outcome.changes.is_empty();
        Self {
            lines: told,
            more: (more > 0).then(|| words::number(more)),
            counts: counts(&outcome),
            version: outcome.plan_version(),
            effect: (!is_empty).then(|| EffectWords::of(outcome.effect)),
        }
    }
}

impl LineWords {
    fn of(line: PlanLine) -> Self {
        Self {
            mark: line.mark,
            verb: match line.mark {
                '+' => "Add",
                '-' => "Remove",
                _ => "Change",
            },
            text: Shown(line.text),
            detail: line.detail.map(Shown),
        }
    }
}

/// Why changes of many rows were not made.
#[derive(Debug, Clone)]
pub enum PlanRefused {
    /// The form is from a page of an earlier session (403).
    SessionChanged,
    /// The mappings were changed after the plan was made (412).
    Stale,
    /// These mapping tests would fail (409).
    TestsFailed(Vec<FailingTest>),
    /// A row would say the same as another one (409).
    Duplicate,
}

/// A row that is not made as it was, and why.
#[derive(Debug, Clone)]
pub struct LeftWords {
    /// `Mapping 7`
    pub(super) row: String,
    pub(super) why: String,
    /// The address of the row, below the base path, where it is there.
    pub(super) href: Option<String>,
}

impl LeftWords {
    /// In words.
    pub fn of((row, why): (RowKey, LeftAlone)) -> Self {
        let (kind, path, id) = match row {
            RowKey::Mapping(id) => ("mapping", "mappings", id),
            RowKey::Test(id) => ("test", "tests", id),
        };
        let address = |id| Some(format!("/admin/{path}/{id}"));
        let (why, href) = match why {
            LeftAlone::ChangedSince => ("was changed again since".to_owned(), address(id)),
            LeftAlone::RemovedSince => ("was removed since".to_owned(), None),
            LeftAlone::Twin(twin) => (
                format!("would be like {kind} {twin}, which is there now"),
                address(twin),
            ),
            LeftAlone::Unreadable => (
                "cannot be made as it was: the current rules refuse it".to_owned(),
                None,
            ),
        };
        Self {
            row: words::sentence(&format!("{kind} {id}")),
            why,
            href,
        }
    }
}
