//! The page that shows what an earlier state would change, and asks before it is restored.

use askama::Template;

use super::frame::Frame;
use super::plan::{LeftWords, PlanRefused, PlanWords};
use super::shown::Shown;
use super::words;
use crate::domain::members::FieldError;

/// GET `/admin/mappings/restore`, and the answers with 400, 404, 409 and 412. Its form: POST to the same
/// address with what was asked for, `plan_version` and `form_token`.
#[derive(Debug, Clone, Template)]
#[template(path = "restore.html")]
pub struct RestorePage {
    /// The bar.
    pub frame: Frame,
    /// What is asked for.
    pub typed: TypedRestore,
    /// What is wrong with it.
    pub errors: Vec<FieldError>,
    /// There is no such change set or change.
    pub unknown: bool,
    /// Why nothing was done.
    pub not_done: Option<PlanRefused>,
    /// What would be done.
    pub plan: Option<PlanWords>,
    /// Rows that would stay as they are, although they are not as they were.
    pub left_alone: Vec<LeftWords>,
}

/// Which earlier state, as it was sent; what is empty is not asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TypedRestore {
    /// As the tables stood at this time.
    pub at: String,
    /// As they were without this change set.
    pub change_set: String,
    /// This mapping,
    pub mapping: String,
    /// as this change left it.
    pub audit: String,
}

impl RestorePage {
    fn fields(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let TypedRestore {
            at,
            change_set,
            mapping,
            audit,
        } = &self.typed;
        let fields = [
            ("at", at),
            ("change_set", change_set),
            ("mapping", mapping),
            ("audit", audit),
        ];
        let fields = fields.into_iter();
        fields
            .map(|(name, text)| (name, text.as_str()))
            .filter(|(_, text)| !text.is_empty())
    }

    fn is_wrong(&self, field: &str) -> bool {
        self.errors.iter().any(|error| error.field == field)
    }

    /// Whether the form that asks for a time is of use here.
    fn asks_for_a_time(&self) -> bool {
        !self.errors.is_empty() || self.fields().all(|(name, _)| name == "at")
    }
}
