use serde_json::json;

use super::*;
use crate::domain::mapping::{Mapping, MappingDraft, MappingId};

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_795_000_000, 0).unwrap()
}

fn object(value: Value) -> Map<String, Value> {
    serde_json::from_value(value).unwrap()
}

fn good() -> Value {
    json!({
        "name": "Viewers never publish",
        "given": {"groups": ["viewers"], "username": "vic", "subject": "s-1"},
        "can": [{"role": "red5-subscriber", "room": "lobby", "transport": null}],
        "cannot": [{"role": "red5-publisher", "room": "*", "transport": "WHIP"}],
        "note": "agreed in May"
    })
}

fn mapping(group: &str, roles: &[&str], rooms: &[&str]) -> Mapping {
    let kind = if group.contains('*') { "glob" } else { "exact" };
    let sent = json!({
        "group": group, "match": kind, "roles": roles, "transports": ["*"], "rooms": rooms
    });
    Mapping {
        id: MappingId(1),
        draft: MappingDraft::parse(object(sent)).unwrap(),
        version: 1,
        created_at: now(),
        created_by: "test".to_owned(),
        updated_at: now(),
        updated_by: "test".to_owned(),
        last_used_at: None,
    }
}

/// What fails of `can` and `cannot` for the groups of vic, who is `s-1`.
fn failing(groups: &[&str], can: Value, cannot: Value, table: &[Mapping]) -> Vec<String> {
    let mut sent = good();
    sent["given"]["groups"] = json!(groups);
    sent["given"]["username"] = Value::Null;
    sent["can"] = can;
    sent["cannot"] = cannot;
    let draft = MappingTestDraft::parse(object(sent)).unwrap();
    draft.check(&Mappings::compile(table.iter().cloned()), now())
}

#[test]
fn a_good_test_is_taken_as_it_is_and_its_members_keep_their_order() {
    let draft = MappingTestDraft::parse(object(good())).unwrap();
    let mut row = draft.to_row().unwrap();
    assert_eq!(Value::Object(row.clone()), good());
    row.insert("id".to_owned(), json!(3));
    row.insert("version".to_owned(), json!(2));
    row.insert("column_of_a_newer_version".to_owned(), json!(1));
    let test = MappingTest::from_row(row).unwrap();
    assert_eq!(test.draft, draft);
    assert_eq!(
        serde_json::to_string(&test).unwrap(),
        r#"{"id":3,"name":"Viewers never publish","given":{"groups":["viewers"],"username":"vic","subject":"s-1"},"can":[{"role":"red5-subscriber","room":"lobby","transport":null}],"cannot":[{"role":"red5-publisher","room":"*","transport":"WHIP"}],"note":"agreed in May","version":2}"#
    );
}

#[test]
fn what_is_left_out_is_absent() {
    let sent =
        json!({"name": "x", "given": {}, "cannot": [{"role": "red5-publisher", "room": "a"}]});
    let draft = MappingTestDraft::parse(object(sent)).unwrap();
    assert_eq!(
        Value::Object(draft.to_row().unwrap()),
        json!({
            "name": "x", "given": {"groups": [], "username": null, "subject": null}, "can": [],
            "cannot": [{"role": "red5-publisher", "room": "a", "transport": null}], "note": ""
        })
    );
    assert_eq!(draft.given().identity().groups.to_vec(), [""; 0]);
}

#[test]
fn everything_that_is_wrong_is_reported_at_once() {
    let sent = json!({
        "name": " ", "given": {"groups": ["a", "", "b\n"], "username": "", "subject": "é", "issuer": "x"},
        "can": [
            {"role": "publisher", "room": "a,b", "transport": "SRT"},
            {"role": "red5-subscriber", "room": "a", "transport": "WHIP"},
            {"role": "red5-subscriber", "room": "class-*", "ttl": 1},
        ],
        "cannot": [1, {}], "note": "\u{7}", "other": 1
    });
    let errors = MappingTestDraft::parse(object(sent)).unwrap_err();
    let fields: Vec<&str> = errors.iter().map(|error| error.field.as_str()).collect();
    assert_eq!(
        fields,
        [
            "name",
            "given.groups[1]",
            "given.groups[2]",
            "given.username",
            "given.subject",
            "given.issuer",
            "can[0].role",
            "can[0].room",
            "can[0].transport",
            "can[1].transport",
            "can[2].room",
            "can[2].ttl",
            "cannot[0]",
            "note",
            "other",
        ]
    );
}

#[test]
fn names_lists_and_groups_have_bounds_and_a_test_states_something() {
    let fields = |change: &dyn Fn(&mut Value)| {
        let mut sent = good();
        change(&mut sent);
        let errors = MappingTestDraft::parse(object(sent)).err();
        let fields = errors.into_iter().flatten().map(|error| error.field);
        fields.collect::<Vec<_>>()
    };
    let one = || json!({"role": "red5-publisher", "room": "a"});
    assert_eq!(
        fields(&|sent| sent["name"] = "é".repeat(100).into()),
        [""; 0]
    );
    assert_eq!(
        fields(&|sent| sent["name"] = "é".repeat(101).into()),
        ["name"]
    );
    assert_eq!(
        fields(&|sent| sent["can"] = vec![one(); 100].into()),
        [""; 0]
    );
    assert_eq!(
        fields(&|sent| sent["can"] = vec![one(); 101].into()),
        ["can"]
    );
    let groups = |most: usize| json!(vec!["a"; most]);
    assert_eq!(
        fields(&|sent| sent["given"]["groups"] = groups(1000)),
        [""; 0]
    );
    assert_eq!(
        fields(&|sent| sent["given"]["groups"] = groups(1001)),
        ["given.groups"]
    );
    assert_eq!(
        fields(&|sent| {
            sent["can"] = json!([]);
            sent["cannot"] = json!([]);
        }),
        ["can"]
    );
    assert_eq!(fields(&|sent| sent["given"] = Value::Null), ["given"]);
    assert_eq!(fields(&|sent| sent["note"] = Value::Null), ["note"]);
}

#[test]
fn what_can_be_done_no_more_and_what_can_be_done_now_is_told_in_words() {
    let table = [
        mapping("viewers", &["red5-subscriber"], &["lobby", "class-*"]),
        mapping("crew-*", &["red5-publisher"], &["{1}", "{sub}"]),
        mapping("chiefs", &["red5-publisher"], &["*"]),
    ];
    let publish = |room: &str| json!([{"role": "red5-publisher", "room": room}]);
    let watch = |room: &str| json!([{"role": "red5-subscriber", "room": room}]);
    let none = || json!([]);
    let can = |groups: &[&str], what: Value| failing(groups, what, none(), &table);
    let cannot = |groups: &[&str], what: Value| failing(groups, none(), what, &table);

    assert_eq!(can(&["viewers"], watch("class-7")), [""; 0]);
    assert_eq!(
        can(&["viewers"], watch("hall")),
        ["group viewers cannot watch in hall"]
    );
    assert_eq!(
        cannot(&["viewers"], watch("class-7")),
        ["group viewers can now watch in class-7"]
    );
    // Of a pattern, a room of a template and any room.
    assert_eq!(cannot(&["viewers"], publish("*")), [""; 0]);
    assert_eq!(
        cannot(&["viewers"], watch("*")),
        ["group viewers can now watch in class-*"]
    );
    assert_eq!(
        cannot(&["crew-7"], publish("*")),
        ["group crew-7 can now publish in 7"]
    );
    assert_eq!(
        cannot(&["chiefs"], publish("*")),
        ["group chiefs can now publish in any room"]
    );
    assert_eq!(can(&["chiefs"], publish("*")), [""; 0]);
    assert_eq!(
        can(&["crew-7"], publish("*")),
        ["no grant of any room lets group crew-7 publish"]
    );
    assert_eq!(
        can(&[], publish("lobby")),
        ["a person in no group cannot publish in lobby"]
    );
    assert_eq!(
        can(&["a", "b", "c", "d"], publish("lobby")),
        ["groups a, b, c and 1 more cannot publish in lobby"]
    );
}

#[test]
fn a_transport_that_is_named_is_the_only_one_that_counts() {
    let mut draft = mapping("crew", &["red5-publisher"], &["lobby"]);
    let sent = json!({
        "group": "crew", "match": "exact", "roles": ["red5-publisher"], "transports": ["RTMP"],
        "rooms": ["lobby"]
    });
    draft.draft = MappingDraft::parse(object(sent)).unwrap();
    let over = |transport: &str, room: &str| json!([{"role": "red5-publisher", "room": room, "transport": transport}]);
    let table = [draft];
    let none = || json!([]);
    assert_eq!(
        failing(&["crew"], over("rtmp", "lobby"), none(), &table),
        [""; 0]
    );
    assert_eq!(
        failing(
            &["crew"],
            over("WHIP", "lobby"),
            over("RTMP", "lobby"),
            &table
        ),
        [
            "group crew cannot publish in lobby over WHIP",
            "group crew can now publish in lobby over RTMP"
        ]
    );
    assert_eq!(
        failing(&["crew"], none(), over("WHIP", "*"), &table),
        [""; 0]
    );
    assert_eq!(
        failing(&["crew"], none(), over("RTMP", "*"), &table),
        ["group crew can now publish in lobby over RTMP"]
    );
}
