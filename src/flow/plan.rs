//! What a file would change, in words.

use crate::domain::allows::allows_lists;
use crate::domain::change_set::{Edit, TableChange};
use crate::domain::effect::EffectEntry;
use crate::domain::groups::GroupMatch;
use crate::domain::mapping::MappingDraft;
use crate::domain::mapping_test::MappingTestDraft;
use crate::domain::tables::MappingTables;
use crate::domain::time::utc;
use crate::flow::effect::{Effect, FailingTest};
use crate::visible::visible;

/// What leads from the tables of the database to those of a file.
pub(super) struct Plan {
    /// The tables of the database.
    pub(super) tables: MappingTables,
    /// The number of the last change to the mappings.
    pub(super) version: i64,
    pub(super) changes: Vec<TableChange>,
    /// What they do.
    pub(super) effect: Effect,
}

impl Plan {
    /// The changes, what they do, and how many there are, line by line.
    pub(super) fn words(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for change in &self.changes {
            match change {
                TableChange::Mapping(edit) => lines.extend(self.of_mapping(edit)),
                TableChange::Test(edit) => lines.extend(self.of_test(edit)),
            }
        }
        if !self.changes.is_empty() {
            lines.extend(self.what_they_do());
        }
        lines.extend(self.effect.tests_failing.iter().flat_map(failing));
        lines.push(self.counts());
        lines
            .iter()
            .map(|line| visible(line).into_owned())
            .collect()
    }

    fn of_mapping(&self, edit: &Edit<MappingDraft>) -> Vec<String> {
        let before = edit.target().and_then(|(id, _)| self.tables.mapping(id));
        let before = before.map(|row| mapping(&row.draft));
        match (before, edit.draft().map(mapping)) {
            (Some(before), None) => vec![format!("- {before}")],
            (Some(before), Some(after)) if before == after => {
                vec![format!("~ {after}"), "    with another note".to_owned()]
            }
            (Some(before), Some(after)) => {
                vec![format!("~ {after}"), format!("    was {before}")]
            }
            (None, after) => after
                .map(|after| format!("+ {after}"))
                .into_iter()
                .collect(),
        }
    }

    fn of_test(&self, edit: &Edit<MappingTestDraft>) -> Option<String> {
        let before = edit.target().and_then(|(id, _)| self.tables.test(id));
        let before = before.map(|row| &row.draft);
        let mark = match edit {
            Edit::Create(_) => '+',
            Edit::Replace { .. } => '~',
            Edit::Delete { .. } => '-',
        };
        let test = edit.draft().or(before)?;
        Some(format!("{mark} test {:?}: {}", test.name(), test.given()))
    }

    fn what_they_do(&self) -> Vec<String> {
        let table = &self.effect.table;
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
        for warning in &self.effect.warnings {
            let change = warning.change.and_then(|place| self.changes.get(place));
            let draft = match change {
                Some(TableChange::Mapping(edit)) => edit.draft(),
                Some(TableChange::Test(_)) | None => None,
            };
            let whose = draft.map_or_else(String::new, |draft| who(draft.group()) + ": ");
            lines.push(format!("warning: {whose}{}", warning.text));
        }
        lines
    }

    fn counts(&self) -> String {
        let (mut add, mut change, mut remove) = (0, 0, 0);
        for planned in &self.changes {
            match planned {
                TableChange::Mapping(Edit::Create(_)) | TableChange::Test(Edit::Create(_)) => {
                    add += 1;
                }
                TableChange::Mapping(Edit::Replace { .. })
                | TableChange::Test(Edit::Replace { .. }) => change += 1,
                TableChange::Mapping(Edit::Delete { .. })
                | TableChange::Test(Edit::Delete { .. }) => remove += 1,
            }
        }
        let version = self.version;
        format!("{add} to add, {change} to change, {remove} to remove; mapping version {version}")
    }
}

/// What is not as a mapping test states, a line each.
pub(super) fn failing(test: &FailingTest) -> impl Iterator<Item = String> {
    let because = test.because.iter();
    because.map(|because| failed(&test.name, because))
}

/// One thing that is not as a mapping test states.
pub(super) fn failed(name: &str, because: &str) -> String {
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
