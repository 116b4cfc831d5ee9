//! The page by which the mappings and their tests are taken out as a file, and put in from one.

use askama::Template;

use super::frame::Frame;
use super::plan::{PlanRefused, PlanWords};
use super::shown::Shown;

/// Most errors of a file that are told.
const ERRORS_TOLD: usize = 50;

/// GET `/admin/files`, and the answers to its form: POST to the same address with `file` or `text`, and
/// `form_token`. The plan has a form of its own: POST to `/admin/files/apply` with `content`,
/// `plan_version` and `form_token`.
#[derive(Debug, Clone, Template)]
#[template(path = "files.html")]
pub struct FilesPage {
    /// The bar.
    pub frame: Frame,
    /// What was pasted.
    pub text: String,
    /// What is wrong with the file, each with its place.
    pub errors: Vec<String>,
    /// Why nothing was done.
    pub not_done: Option<PlanRefused>,
    /// What the file would change, and the file.
    pub plan: Option<(PlanWords, String)>,
}

impl FilesPage {
    fn told(&self) -> impl Iterator<Item = Shown> {
        self.errors.iter().take(ERRORS_TOLD).cloned().map(Shown)
    }

    fn untold(&self) -> usize {
        self.errors.len().saturating_sub(ERRORS_TOLD)
    }
}
