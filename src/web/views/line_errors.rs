//! The errors of a form whose lists have one entry per line. Each error names its line; the first line is 1.

use super::shown::Shown;
use crate::domain::members::FieldError;
use crate::web::form::Form;

/// A field of such a form: its control, the member of JSON, and its label.
pub(super) type LineField = (&'static str, &'static str, &'static str);

/// A problem as the page tells it.
#[derive(Debug)]
pub(super) struct LineError {
    /// Id of the control to which the list of all errors links.
    pub control: &'static str,
    pub label: &'static str,
    /// Number of the line.
    pub line: Option<usize>,
    pub reason: String,
    /// Content of the line.
    pub entry: Option<Shown>,
}

impl LineError {
    /// Finds field and line of an error. An error that is about none of these fields is shown at the first. `reason` is in the
    /// words of the form.
    pub fn of(error: &FieldError, fields: &[LineField], form: &Form, reason: String) -> Self {
        let field = place(error, fields).and_then(|place| fields.get(place));
        let (control, _, label) = field.or(fields.first()).copied().unwrap_or_default();
        let at = entry(error);
        Self {
            control,
            label,
            line: at.and_then(|at| line_number(form, control, at)),
            entry: at.and_then(|at| {
                let lines = lines(form, control);
                lines.get(at).map(|line| Shown((*line).to_owned()))
            }),
            reason,
        }
    }
}

/// Sorts errors by the order of their fields in the form.
pub(super) fn sort(errors: &mut [FieldError], fields: &[LineField]) {
    errors.sort_by_key(|error| (place(error, fields), entry(error)));
}

/// The lines that are not blank; `can[1]` of an error is the second of these.
pub(super) fn lines<'a>(form: &'a Form, name: &'a str) -> Vec<&'a str> {
    let lines = form.all(name).flat_map(str::lines);
    lines.filter(|line| !line.trim().is_empty()).collect()
}

/// The number of the line, from 1, that has the entry of this index.
fn line_number(form: &Form, name: &str, at: usize) -> Option<usize> {
    let lines = form.all(name).flat_map(str::lines).enumerate();
    let mut filled = lines.filter(|(_, line)| !line.trim().is_empty());
    filled.nth(at).map(|(number, _)| number + 1)
}

/// Which of the fields an error is about.
fn place(error: &FieldError, fields: &[LineField]) -> Option<usize> {
    fields.iter().position(|(_, member, _)| {
        let rest = error.field.strip_prefix(member);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['[', '.']))
    })
}

/// Which entry of a list an error is about: `can[1].room` is about the second.
fn entry(error: &FieldError) -> Option<usize> {
    let (_, index) = error.field.split_once('[')?;
    let (index, _) = index.split_once(']')?;
    index.parse().ok()
}
