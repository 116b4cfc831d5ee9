//! What changes would make of the tables, in words: additions, changes and removals, what they do, and
//! how many there are.

use super::effect::FailingTest;
use super::mappings::ChangeOutcome;
use crate::domain::allows::allows_lists;
use crate::domain::change_set::{Edit, TableChange};
use crate::domain::effect::EffectEntry;
use crate::domain::groups::GroupMatch;
use crate::domain::mapping::MappingDraft;
use crate::domain::mapping_test::MappingTestDraft;
use crate::domain::time::utc;
use crate::visible::visible;

/// What becomes of one row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanLine {
    /// `+`, `~` or `-`.
    pub mark: char,
    /// The row as it becomes, or as it was where it is removed.
    pub text: String,
    /// Of a row that changes: how it was.
    pub detail: Option<String>,
}

/// How many rows change.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PlanCounts {
    /// New ones.
    pub add: usize,
    /// Other content.
    pub change: usize,
    /// Gone ones.
    pub remove: usize,
}

/// The plan as lines of text for a terminal; invisible characters are escaped.
pub fn words(plan: &ChangeOutcome) -> Vec<String> {
    let mut words = Vec::new();
    for line in lines(plan) {
        words.push(format!("{} {}", line.mark, line.text));
        words.extend(line.detail.map(|detail| format!("    {detail}")));
    }
    if !plan.changes.is_empty() {
        words.extend(what_they_do(plan));
    }
    words.extend(plan.effect.tests_failing.iter().flat_map(failing));
    let PlanCounts {
        add,
        change,
        remove,
    } = counts(plan);
    let version = plan.effect.mapping_version;
    words.push(format!(
        "{add} to add, {change} to change, {remove} to remove; mapping version {version}"
    ));
    words
        .iter()
        .map(|line| visible(line).into_owned())
        .collect()
}

/// What becomes of each row, in the order of the changes.
pub fn lines(plan: &ChangeOutcome) -> impl Iterator<Item = PlanLine> {
    plan.changes.iter().filter_map(|change| match change {
        TableChange::Mapping(edit) => of_mapping(plan, edit),
        TableChange::Test(edit) => of_test(plan, edit),
    })
}

fn of_mapping(plan: &ChangeOutcome, edit: &Edit<MappingDraft>) -> Option<PlanLine> {
    let before = edit.target().and_then(|(id, _)| plan.before.mapping(id));
    let before = before.map(|row| mapping(&row.draft));
    let line = |mark, text, detail| PlanLine { mark, text, detail };
    Some(match (before, edit.draft().map(mapping)) {
        (Some(before), None) => line('-', before, None),
        (Some(before), Some(after)) => {
            let detail = if before == after {
                "with another note".to_owned()
            } else {
                format!("was {before}")
            };
            line('~', after, Some(detail))
        }
        (None, after) => line('+', after?, None),
    })
}

fn of_test(plan: &ChangeOutcome, edit: &Edit<MappingTestDraft>) -> Option<PlanLine> {
    let before = edit.target().and_then(|(id, _)| plan.before.test(id));
    let before = before.map(|row| &row.draft);
    let mark = match edit {
        Edit::Create(_) => '+',
        Edit::Replace { .. } => '~',
        Edit::Delete { .. } => '-',
    };
    let test = edit.draft().or(before)?;
    Some(PlanLine {
        mark,
        text: format!("test {:?}: {}", test.name(), test.given()),
        detail: None,
    })
}

fn what_they_do(plan: &ChangeOutcome) -> Vec<String> {
    let table = &plan.effect.table;
    let mut lines = Vec::new();
    if table.gains.is_empty() {
        lines.push("This grants nothing new to anyone.".to_owned());
    } else {
        lines.push("This grants:".to_owned());
        lines.extend(table.gains.iter().map(entry));
    }
    if !table.losses.is_empty() {
        lines.push("This takes away:".to_owned());
        lines.extend(table.losses.iter().map(entry));
    }
    for warning in &plan.effect.warnings {
        let change = warning.change.and_then(|place| plan.changes.get(place));
        let draft = match change {
            Some(TableChange::Mapping(edit)) => edit.draft(),
            Some(TableChange::Test(_)) | None => None,
        };
        let whose = draft.map_or_else(String::new, |draft| who(draft.group()) + ": ");
        lines.push(format!("warning: {whose}{}", warning.text));
    }
    lines
}

/// How many rows change.
pub fn counts(plan: &ChangeOutcome) -> PlanCounts {
    let mut counts = PlanCounts::default();
    for planned in &plan.changes {
        let count = match planned {
            TableChange::Mapping(Edit::Create(_)) | TableChange::Test(Edit::Create(_)) => {
                &mut counts.add
            }
            TableChange::Mapping(Edit::Replace { .. })
            | TableChange::Test(Edit::Replace { .. }) => &mut counts.change,
            TableChange::Mapping(Edit::Delete { .. }) | TableChange::Test(Edit::Delete { .. }) => {
                &mut counts.remove
            }
        };
        *count += 1;
    }
    counts
}

/// What is not as a mapping test states, a line each.
pub fn failing(test: &FailingTest) -> impl Iterator<Item = String> {
    let because = test.because.iter();
    because.map(|because| failed(&test.name, because))
}

/// One thing that is not as a mapping test states.
pub fn failed(name: &str, because: &str) -> String {
    visible(&format!("failing test {name:?}: {because}")).into_owned()
}

fn who(group: &GroupMatch) -> String {
    match group {
        GroupMatch::Exact(name) => format!("group {:?}", name.as_str()),
        GroupMatch::Glob(glob) => format!("groups {:?}", glob.as_str()),
        GroupMatch::Everyone => "everyone".to_owned(),
    }
}

fn mapping(draft: &MappingDraft) -> String {
    let mut words = allows_lists(draft.roles(), draft.transports(), draft.rooms());
    words.extend(draft.valid_from().map(|from| format!("from {}", utc(from))));
    words.extend(
        draft
            .valid_until()
            .map(|until| format!("until {}", utc(until))),
    );
    let longest = draft.max_ttl_seconds();
    words.extend(longest.map(|longest| format!("tokens of at most {longest} seconds")));
    if !draft.enabled() {
        words.push("switched off".to_owned());
    }
    format!("{}: {}", who(draft.group()), words.join("; "))
}

fn entry(entry: &EffectEntry) -> String {
    let mut words = allows_lists(&entry.roles, &entry.transports, &entry.rooms);
    words.extend(entry.from.map(|from| format!("from {}", utc(from))));
    words.extend(entry.until.map(|until| format!("until {}", utc(until))));
    format!("    {}: {}", who(&entry.who), words.join("; "))
}
