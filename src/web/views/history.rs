//! The history of changes.

use std::collections::BTreeSet;

use askama::Template;
use chrono::{SecondsFormat, TimeDelta};
use serde_json::Value;

use super::frame::Frame;
use super::shown::Shown;
use super::times::Moment;
use crate::flow::history::AuditEntry;

/// The actions, as the filter offers them.
const ACTIONS: [&str; 16] = [
    "mapping.created",
    "mapping.replaced",
    "mapping.deleted",
    "mapping.recorded",
    "test.created",
    "test.replaced",
    "test.deleted",
    "session.ended",
    "person.ended",
    "person.blocked",
    "person.unblocked",
    "client.created",
    "client.replaced",
    "client.deleted",
    "secret.created",
    "secret.deleted",
];

/// Members of a state that say nothing about what was changed.
const UNTOLD: [&str; 6] = [
    "id",
    "version",
    "created_at",
    "created_by",
    "updated_at",
    "updated_by",
];

/// GET `/admin/history`, whose search is a GET of the same address.
#[derive(Debug, Clone, Template)]
#[template(path = "history.html")]
pub struct HistoryList {
    pub frame: Frame,
    /// The newest first.
    pub rows: Vec<HistoryRow>,
    /// Whether the list begins with the newest change.
    pub is_newest: bool,
    /// Where there are older changes: the number of the last one here.
    pub older: Option<i64>,
    pub typed: TypedHistory,
    /// What the page before this one did.
    pub done: Option<DoneSet>,
}

/// What a change of many rows did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DoneSet {
    /// It was written as the change set of this number.
    Written(i64),
    /// There was nothing to change.
    Nothing,
}

/// What the list is narrowed to; empty: not at all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TypedHistory {
    pub q: String,
    pub action: String,
    pub actor: String,
    pub mapping: String,
    pub person: String,
    pub from: String,
    pub until: String,
}

/// One change.
#[derive(Debug, Clone)]
pub struct HistoryRow {
    id: i64,
    at: Moment,
    actor: Shown,
    actor_subject: Shown,
    action: String,
    object: Shown,
    /// Where the changed thing is a mapping.
    mapping: Option<i64>,
    change_set: Option<i64>,
    /// The moment before it, as the page that restores reads it.
    before: String,
    differences: Vec<MemberChange>,
}

/// A member that is not as it was.
#[derive(Debug, Clone, PartialEq, Eq)]
struct MemberChange {
    member: String,
    before: Option<Shown>,
    after: Option<Shown>,
}

impl HistoryRow {
    pub fn of(entry: &AuditEntry) -> Self {
        let is_mapping = entry.action.starts_with("mapping.");
        Self {
            id: entry.id,
            at: Moment::of(entry.at),
            actor: Shown(entry.actor_label.clone()),
            actor_subject: Shown(entry.actor_subject.clone()),
            action: entry.action.clone(),
            object: Shown(entry.object.clone()),
            mapping: entry.object.parse().ok().filter(|_| is_mapping),
            // An upgrade writes `mapping.recorded` for a mapping that already existed: there is nothing to undo.
            change_set: entry
                .change_set
                .filter(|_| entry.action != "mapping.recorded"),
            before: (entry.at - TimeDelta::microseconds(1))
                .to_rfc3339_opts(SecondsFormat::Micros, true),
            differences: differences(entry.before.as_ref(), entry.after.as_ref()),
        }
    }
}

fn differences(before: Option<&Value>, after: Option<&Value>) -> Vec<MemberChange> {
    let states = [before, after].map(|state| state.and_then(Value::as_object));
    let members = states.iter().flatten().flat_map(|state| state.keys());
    let members: BTreeSet<&String> = members.collect();
    let changed = members.into_iter().filter_map(|member| {
        let [before, after] = states.map(|state| state.and_then(|state| state.get(member)));
        let [before, after] = [before, after].map(|value| value.and_then(told));
        (before != after && !UNTOLD.contains(&member.as_str())).then(|| MemberChange {
            member: member.clone(),
            before,
            after,
        })
    });
    changed.collect()
}

/// A value in words; none for one that says nothing.
fn told(value: &Value) -> Option<Shown> {
    let text = match value {
        Value::Null => return None,
        Value::String(text) => text.clone(),
        Value::Array(items) => {
            let items = items.iter().filter_map(told).map(|item| item.0);
            items.collect::<Vec<_>>().join(", ")
        }
        other => other.to_string(),
    };
    Some(Shown(text)).filter(|shown| !shown.0.is_empty())
}

impl HistoryList {
    /// The query of the filters.
    fn query(&self) -> url::form_urlencoded::Serializer<'static, String> {
        let TypedHistory {
            q,
            action,
            actor,
            mapping,
            person,
            from,
            until,
        } = &self.typed;
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        let filters = [
            ("q", q),
            ("action", action),
            ("actor", actor),
            ("mapping", mapping),
            ("person", person),
            ("from", from),
            ("until", until),
        ];
        query.extend_pairs(filters.into_iter().filter(|(_, text)| !text.is_empty()));
        query
    }

    fn address(
        &self,
        path: &str,
        mut query: url::form_urlencoded::Serializer<'_, String>,
    ) -> String {
        let query = query.finish();
        let sign = if query.is_empty() { "" } else { "?" };
        format!("{}{path}{sign}{query}", self.frame.base)
    }

    fn newest_href(&self) -> Option<String> {
        (!self.is_newest).then(|| self.address("/admin/history", self.query()))
    }

    fn older_href(&self) -> Option<String> {
        self.older.map(|before| {
            let mut query = self.query();
            query.append_pair("before", &before.to_string());
            self.address("/admin/history", query)
        })
    }

    /// The whole log of the filters, as `csv` or `jsonl`.
    fn file_href(&self, format: &str) -> String {
        let mut query = self.query();
        query.append_pair("format", format);
        self.address("/api/admin/audit", query)
    }

    fn is_narrowed(&self) -> bool {
        self.typed != TypedHistory::default()
    }

    /// The actions to choose from; one that is asked for and unknown stays.
    fn actions(&self) -> Vec<&str> {
        let asked = self.typed.action.as_str();
        let unknown = Some(asked).filter(|asked| !asked.is_empty() && !ACTIONS.contains(asked));
        ACTIONS.into_iter().chain(unknown).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn told(before: &Value, after: &Value) -> Vec<(String, Option<String>, Option<String>)> {
        let told = differences(Some(before), Some(after)).into_iter();
        let text = |shown: Option<Shown>| shown.map(|shown| shown.0);
        told.map(|it| (it.member, text(it.before), text(it.after)))
            .collect()
    }

    #[test]
    fn only_what_is_not_as_it_was_is_told() {
        let before =
            json!({"id": 1, "version": 1, "rooms": ["a", "b"], "note": "", "enabled": true});
        let after = json!({"id": 1, "version": 2, "rooms": ["a"], "note": "x", "enabled": true});
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(
            told(&before, &after),
            [
                ("note".to_owned(), None, some("x")),
                ("rooms".to_owned(), some("a, b"), some("a")),
            ]
        );
        assert_eq!(
            told(&Value::Null, &before),
            [
                ("enabled".to_owned(), None, some("true")),
                ("rooms".to_owned(), None, some("a, b")),
            ]
        );
    }
}
