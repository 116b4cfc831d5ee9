//! The history of changes.

use serde_json::{Value, json};

use super::{END_TAG, Sample, TAG, TURNED, person, sample};
use crate::flow::history::AuditEntry;
use crate::web::views::{DoneSet, HistoryList, HistoryRow, TypedHistory};

fn entry(id: i64, action: &str, before: Option<Value>, after: Option<Value>) -> AuditEntry {
    AuditEntry {
        id,
        at: "2026-11-24T12:00:00Z".parse().unwrap(),
        actor_issuer: "https://login.example.com".to_owned(),
        actor_subject: "5a2e".to_owned(),
        actor_label: "ann".to_owned(),
        action: action.to_owned(),
        object: "7".to_owned(),
        change_set: Some(3),
        before,
        after,
        client_ip: Some("192.0.2.7".to_owned()),
        request_id: Some("r-1".to_owned()),
    }
}

fn list(entries: &[AuditEntry]) -> HistoryList {
    HistoryList {
        frame: person("Ann Lee", true),
        rows: entries.iter().map(HistoryRow::of).collect(),
        is_newest: true,
        older: None,
        typed: TypedHistory::default(),
        done: None,
    }
}

pub fn samples() -> Vec<Sample> {
    let row = |rooms: Value| json!({"id": 7, "group": "crew", "rooms": rooms, "note": ""});
    let ordinary = [
        entry(3, "mapping.deleted", Some(row(json!(["b"]))), None),
        entry(
            2,
            "mapping.replaced",
            Some(row(json!(["a"]))),
            Some(row(json!(["b"]))),
        ),
        entry(1, "mapping.created", None, Some(row(json!(["a"])))),
    ];
    let hostile = AuditEntry {
        actor_label: TAG.to_owned(),
        actor_subject: END_TAG.to_owned(),
        object: format!("{TURNED} {}", super::unbroken()),
        ..entry(
            4,
            "person.blocked",
            Some(json!({"reason": TAG, TAG: END_TAG})),
            Some(json!({"reason": format!("{END_TAG}{}", super::unbroken())})),
        )
    };
    let typed = TypedHistory {
        q: TAG.to_owned(),
        action: END_TAG.to_owned(),
        actor: TURNED.to_owned(),
        mapping: "7".to_owned(),
        person: TAG.to_owned(),
        from: "2026-11-24".to_owned(),
        until: TAG.to_owned(),
    };
    vec![
        sample("history", &list(&ordinary)),
        sample("history-empty", &list(&[])),
        sample(
            "history-done",
            &HistoryList {
                done: Some(DoneSet::Written(12)),
                ..list(&ordinary)
            },
        ),
        sample(
            "history-hostile",
            &HistoryList {
                is_newest: false,
                older: Some(4),
                typed,
                ..list(&[hostile])
            },
        ),
    ]
}
