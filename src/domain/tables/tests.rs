use std::collections::HashSet;

use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use serde_json::{Map, Value, json};

use super::*;
use crate::domain::mapping_file;

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_795_000_000, 0).unwrap()
}

fn object(value: Value) -> Map<String, Value> {
    serde_json::from_value(value).unwrap()
}

/// Few words, so that rows of two tables meet. Limits have parts of a second, as rows of the database do.
fn mapping() -> impl Strategy<Value = MappingDraft> {
    let group = select(vec![
        ("everyone", None),
        ("exact", Some("crew")),
        ("exact", Some("=crew,\"é\"")),
        ("glob", Some("team-*")),
    ]);
    let roles = subsequence(vec!["red5-publisher", "red5-subscriber"], 1..=2);
    let transports = prop_oneof![Just(vec!["*"]), Just(vec!["RTMP"])];
    let rooms = prop_oneof![
        Just(vec!["*"]),
        subsequence(vec!["lobby", "class-*", "u-{sub}"], 1..=2)
    ];
    let window = (
        prop::option::of(0_i64..2_000),
        prop::option::of(4_000_i64..6_000),
    );
    let rest = (
        prop::option::of(60..62),
        any::<bool>(),
        select(vec!["", "a\nb"]),
    );
    (group, roles, transports, rooms, window, rest).prop_map(
        |((kind, group), roles, transports, rooms, (from, until), (longest, enabled, note))| {
            let at = |milliseconds| now() + chrono::TimeDelta::milliseconds(milliseconds);
            let sent = json!({
                "group": group, "match": kind, "roles": roles, "transports": transports, "rooms": rooms,
                "max_ttl_seconds": longest, "valid_from": from.map(at), "valid_until": until.map(at),
                "enabled": enabled, "note": note
            });
            MappingDraft::parse(object(sent)).unwrap()
        },
    )
}

fn test() -> impl Strategy<Value = MappingTestDraft> {
    (0..4, 0..2).prop_map(|(name, group)| {
        let sent = json!({
            "name": format!("test {name}"), "given": {"groups": [format!("group {group}")]},
            "cannot": [{"role": "red5-publisher", "room": "*"}]
        });
        MappingTestDraft::parse(object(sent)).unwrap()
    })
}

/// Tables in which no two rows say the same, numbered from `first` on with gaps.
fn tables(first: i64) -> impl Strategy<Value = MappingTables> {
    let rows = prop::collection::vec(mapping(), 0..8);
    let tests = prop::collection::vec(test(), 0..4);
    (rows, tests).prop_map(move |(rows, tests)| {
        let mut said = HashSet::new();
        let mut named = HashSet::new();
        let rows = rows.iter().filter(|draft| said.insert(draft.says()));
        let tests = tests.iter().filter(|draft| named.insert(draft.name()));
        let wanted = WantedTables {
            mappings: Some(rows.cloned().map(new).collect()),
            tests: Some(tests.cloned().map(new).collect()),
        };
        let mut tables = wanted.alone(now());
        for row in &mut tables.mappings {
            let id = &mut Arc::make_mut(row).id.0;
            *id = first + 3 * *id;
        }
        for row in &mut tables.tests {
            row.id.0 = first + 3 * row.id.0;
        }
        tables
    })
}

fn new<D>(draft: D) -> WantedRow<D> {
    WantedRow { id: None, draft }
}

/// As a file of these tables wants them.
fn as_filed(tables: &MappingTables) -> WantedTables {
    let text = mapping_file::write(tables).unwrap();
    mapping_file::parse(serde_json::from_str(&text).unwrap()).unwrap()
}

/// One row after the other, as each edit says.
fn made(rows: &mut BTreeMap<i64, (i64, Value)>, edit: &Edit<impl serde::Serialize>) {
    if let Some((id, version)) = edit.target() {
        assert_eq!(rows.remove(&id).map(|(version, _)| version), Some(version));
    }
    if let Some(draft) = edit.draft() {
        let id = edit.target().map(|(id, _)| id);
        let id = id.unwrap_or_else(|| rows.last_key_value().map_or(1, |(id, _)| *id) + 1000);
        rows.insert(id, (1, json!(draft)));
    }
}

fn contents(rows: &BTreeMap<i64, (i64, Value)>) -> Vec<String> {
    let mut contents: Vec<_> = rows.values().map(|(_, row)| row.to_string()).collect();
    contents.sort_unstable();
    contents
}

fn by_number(tables: &MappingTables) -> [BTreeMap<i64, (i64, Value)>; 2] {
    let mappings = tables.mappings.iter();
    let tests = tables.tests.iter();
    [
        mappings
            .map(|row| (row.id.0, (row.version, json!(row.draft))))
            .collect(),
        tests
            .map(|row| (row.id.0, (row.version, json!(row.draft))))
            .collect(),
    ]
}

proptest! {
    #[test]
    fn a_file_of_the_tables_changes_nothing(tables in tables(0)) {
        prop_assert_eq!(tables.changes_to(&as_filed(&tables)), []);
        prop_assert_eq!(tables.changes_to(&tables.clone().wanted()), []);
    }

    #[test]
    fn a_file_of_what_a_file_makes_of_nothing_is_that_file(tables in tables(0)) {
        let again = as_filed(&tables).alone(now());
        prop_assert_eq!(
            mapping_file::write(&again).unwrap(),
            mapping_file::write(&tables).unwrap()
        );
    }

    #[test]
    fn the_changes_lead_where_they_should_and_leave_alone_what_is_there(
        before in tables(0), after in tables(1)
    ) {
        let wanted = as_filed(&after);
        let changes = before.changes_to(&wanted);
        let [mut mappings, mut tests] = by_number(&before);
        for change in &changes {
            match change {
                TableChange::Mapping(edit) => made(&mut mappings, edit),
                TableChange::Test(edit) => made(&mut tests, edit),
            }
        }
        let [wanted_mappings, wanted_tests] = by_number(&after);
        prop_assert_eq!(contents(&mappings), contents(&wanted_mappings));
        prop_assert_eq!(contents(&tests), contents(&wanted_tests));

        let named: HashSet<i64> = changes
            .iter()
            .filter_map(|change| match change {
                TableChange::Mapping(edit) => edit.target(),
                TableChange::Test(_) => None,
            })
            .map(|(id, _)| id)
            .collect();
        let there: Vec<Value> = after.mappings.iter().map(|row| json!(row.draft)).collect();
        for row in &before.mappings {
            let stays = there.contains(&json!(row.draft));
            prop_assert!(!(stays && named.contains(&row.id.0)), "{row:?}");
        }
        // No number is given up while another row gets a new one in the same group.
        for change in &changes {
            if let TableChange::Mapping(Edit::Create(draft)) = change {
                for other in &changes {
                    if let TableChange::Mapping(Edit::Delete { id, .. }) = other {
                        let gone = before.mapping(*id).unwrap();
                        prop_assert_ne!(gone.draft.group(), draft.group());
                    }
                }
            }
        }
    }

    #[test]
    fn a_list_that_is_not_wanted_is_left_alone(before in tables(0), after in tables(1)) {
        let WantedTables { mappings, tests } = as_filed(&after);
        let changes = before.changes_to(&WantedTables { mappings, tests: None });
        let is_mapping = |change: &TableChange| matches!(change, TableChange::Mapping(_));
        prop_assert!(changes.iter().all(is_mapping));
        let changes = before.changes_to(&WantedTables { mappings: None, tests });
        prop_assert!(!changes.iter().any(is_mapping));
    }
}
