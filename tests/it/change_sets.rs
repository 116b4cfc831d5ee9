//! Change sets: all of the changes or none, tried or written, with what they change.

mod history;
mod mapping_tests;
mod people;

use serde_json::{Value, json};

use crate::bridge::TestBridge;
use crate::problem::{problem, wrong_fields};

const CHANGES: &str = "/api/admin/mappings/changes";
const LIST: &str = "/api/admin/mappings";

fn mapping(group: &str, role: &str, transport: &str, room: &str) -> Value {
    json!({"group": group, "match": "exact", "roles": [role], "transports": [transport], "rooms": [room]})
}

/// Those of `group` may watch in `room`.
fn watch(group: &str, room: &str) -> Value {
    mapping(group, "red5-subscriber", "WHEP", room)
}

/// Those of `group` may publish in `room`.
fn publish(group: &str, room: &str) -> Value {
    mapping(group, "red5-publisher", "WHIP", room)
}

fn create(mapping: Value) -> Value {
    let mut change = json!({"op": "create"});
    change["mapping"] = mapping;
    change
}

fn replace(row: &Value, mapping: Value) -> Value {
    let mut change = json!({"op": "replace", "id": row["id"], "version": row["version"]});
    change["mapping"] = mapping;
    change
}

fn delete(row: &Value) -> Value {
    json!({"op": "delete", "id": row["id"], "version": row["version"]})
}

async fn change(bridge: &TestBridge, changes: &[Value]) -> crate::bridge::Answer {
    let set = json!({ "changes": changes });
    bridge.admin().await.api("POST", CHANGES, &set).await
}

async fn try_out(bridge: &TestBridge, changes: &[Value]) -> Value {
    let set = json!({ "changes": changes, "dry_run": true });
    let answer = bridge.admin().await.api("POST", CHANGES, &set).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.json()
}

#[tokio::test]
async fn a_change_set_is_written_whole_and_answers_with_the_rows_and_the_effect() {
    let bridge = TestBridge::start().await;
    let kept = bridge.add(&watch("viewers", "lobby")).await;
    let gone = bridge.add(&watch("crew", "lobby")).await;
    let answer = change(
        &bridge,
        &[
            create(publish("crew", "studio-1")),
            delete(&gone),
            replace(&kept, watch("viewers", "atrium")),
        ],
    )
    .await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let outcome = answer.json();
    assert_eq!(outcome["effect"], "both");
    let entry = |group: &str, role: &str, transport: &str, room: &str| {
        json!({"who": {"group": group, "match": "exact"}, "roles": [role], "transports": [transport],
               "rooms": [room], "from": null, "until": null})
    };
    assert_eq!(
        outcome["gains"],
        json!([
            entry("crew", "red5-publisher", "WHIP", "studio-1"),
            entry("viewers", "red5-subscriber", "WHEP", "atrium"),
        ])
    );
    assert_eq!(
        outcome["losses"],
        json!([
            entry("crew", "red5-subscriber", "WHEP", "lobby"),
            entry("viewers", "red5-subscriber", "WHEP", "lobby"),
        ])
    );
    let written = outcome["written"].as_array().unwrap();
    assert_eq!(written.len(), 3);
    assert_eq!(written[0]["rooms"], json!(["studio-1"]));
    assert_eq!(written[1], Value::Null);
    assert_eq!(
        (&written[2]["id"], &written[2]["version"]),
        (&kept["id"], &json!(2))
    );
    let list = bridge.admin().await.peek(LIST).await.json();
    assert_eq!(list["total"], 2);
    assert_eq!(list["mapping_version"], outcome["mapping_version"]);
    // AD-9: one audit row for each change, with one number.
    let sets: Vec<(String, i64)> =
        sqlx::query_as("SELECT action, change_set FROM audit_log ORDER BY id DESC LIMIT 3")
            .fetch_all(&bridge.db)
            .await
            .unwrap();
    assert!(sets.iter().all(|(_, set)| *set == sets[0].1), "{sets:?}");
    let mut actions: Vec<&str> = sets.iter().map(|(action, _)| action.as_str()).collect();
    actions.sort_unstable();
    assert_eq!(
        actions,
        ["mapping.created", "mapping.deleted", "mapping.replaced"]
    );
}

#[tokio::test]
async fn a_dry_run_says_the_effect_and_writes_nothing() {
    let bridge = TestBridge::start().await;
    let row = bridge.add(&watch("viewers", "lobby")).await;
    let before = bridge.admin().await.peek(LIST).await.json();
    let audited = bridge.count("audit_log").await;

    let outcome = try_out(
        &bridge,
        &[create(publish("viewers", "lobby")), delete(&row)],
    )
    .await;
    assert_eq!(outcome["effect"], "both");
    assert_eq!(outcome.get("written"), None);
    assert_eq!(outcome["mapping_version"], before["mapping_version"]);

    assert_eq!(bridge.admin().await.peek(LIST).await.json(), before);
    assert_eq!(bridge.count("audit_log").await, audited);
}

#[tokio::test]
async fn an_edit_that_grants_nothing_new_says_so() {
    let bridge = TestBridge::start().await;
    let row = bridge.add(&watch("viewers", "lobby")).await;
    let mut off = watch("viewers", "lobby");
    off["enabled"] = json!(false);
    assert_eq!(
        try_out(&bridge, &[replace(&row, off)]).await["effect"],
        "narrows"
    );
    let mut noted = watch("viewers", "lobby");
    noted["note"] = json!("for the gala");
    assert_eq!(
        try_out(&bridge, &[replace(&row, noted)]).await["effect"],
        "none"
    );
}

#[tokio::test]
async fn ad_5_what_is_wrong_is_named_by_change_and_nothing_is_written() {
    let bridge = TestBridge::start().await;
    let row = bridge.add(&watch("viewers", "lobby")).await;
    let mut wrong = watch("crew", "a,b");
    wrong["unknown"] = json!(1);
    let answer = change(
        &bridge,
        &[
            create(watch("crew", "studio-1")),
            create(wrong),
            json!({"op": "delete", "id": row["id"]}),
            json!({"op": "merge"}),
            delete(&row),
            replace(&row, watch("viewers", "atrium")),
        ],
    )
    .await;
    problem(&answer, 400, "invalid_request", &["errors"]);
    assert_eq!(
        wrong_fields(&answer),
        [
            "changes[1].mapping.rooms[0]",
            "changes[1].mapping.unknown",
            "changes[2].version",
            "changes[3].op",
            "changes[5].id",
        ]
    );
    for (changes, field) in [
        (json!([]), "changes"),
        (json!({}), "changes"),
        (json!(null), "changes"),
        (json!([1]), "changes[0]"),
    ] {
        let admin = bridge.admin().await;
        let answer = admin
            .api("POST", CHANGES, &json!({ "changes": changes }))
            .await;
        assert_eq!(wrong_fields(&answer), [field], "{}", answer.body);
    }
    assert_eq!(bridge.count("mappings").await, 1);
}

#[tokio::test]
async fn av_1_a_change_set_has_ten_thousand_changes_and_four_megabytes_at_most() {
    let bridge = TestBridge::start().await;
    let admin = bridge.admin().await;
    let change = json!({"op": "delete", "id": 1, "version": 1});
    let set = json!({ "changes": vec![change; 10_001] });
    let answer = admin.api("POST", CHANGES, &set).await;
    assert_eq!(wrong_fields(&answer), ["changes"]);
    let set = json!({ "changes": [create(watch("crew", &"a".repeat(4 * 1024 * 1024)))] });
    problem(
        &admin.api("POST", CHANGES, &set).await,
        413,
        "too_large",
        &[],
    );
}

#[tokio::test]
async fn ad_4_a_stale_change_set_names_what_is_stale_and_writes_nothing() {
    let bridge = TestBridge::start().await;
    let row = bridge.add(&watch("viewers", "lobby")).await;
    let other = bridge.add(&watch("crew", "lobby")).await;
    let version = bridge.admin().await.peek(LIST).await.json()["mapping_version"].clone();
    let answer = change(&bridge, &[replace(&row, watch("viewers", "atrium"))]).await;
    let now = answer.json()["written"][0].clone();

    let set = json!({ "changes": [delete(&other)], "if_mapping_version": version });
    let stale = bridge.admin().await.api("POST", CHANGES, &set).await;
    let told = problem(&stale, 412, "stale", &["current_version"]);
    assert_eq!(told["current_version"], answer.json()["mapping_version"]);

    let stale = change(&bridge, &[delete(&other), delete(&row)]).await;
    let told = problem(&stale, 412, "stale", &["change", "current"]);
    assert_eq!((&told["change"], &told["current"]), (&json!(1), &now));

    let unknown = json!({"op": "delete", "id": 4711, "version": 1});
    let stale = change(&bridge, &[delete(&other), unknown]).await;
    let told = problem(&stale, 412, "stale", &["change", "current"]);
    assert_eq!(
        (&told["change"], &told["current"]),
        (&json!(1), &Value::Null)
    );
    assert_eq!(bridge.count("mappings").await, 2);
}

#[tokio::test]
async fn duplicates_are_judged_on_the_table_afterwards() {
    let bridge = TestBridge::start().await;
    let one = bridge.add(&watch("viewers", "lobby")).await;
    let two = bridge.add(&watch("viewers", "atrium")).await;
    let twin = change(&bridge, &[create(watch("viewers", "lobby"))]).await;
    let told = problem(&twin, 409, "duplicate", &["change", "id"]);
    assert_eq!((&told["change"], &told["id"]), (&json!(0), &one["id"]));
    let twins = [create(watch("crew", "hall")), create(watch("crew", "hall"))];
    let told = problem(
        &change(&bridge, &twins).await,
        409,
        "duplicate",
        &["change", "with_change"],
    );
    assert_eq!(
        (&told["change"], &told["with_change"]),
        (&json!(1), &json!(0))
    );

    // A row that is removed is no twin, and two rows may change places.
    let again = change(&bridge, &[create(watch("viewers", "lobby")), delete(&one)]).await;
    assert_eq!(again.status, 200, "{}", again.body);
    let one = again.json()["written"][0].clone();
    let swapped = change(
        &bridge,
        &[
            replace(&one, watch("viewers", "atrium")),
            replace(&two, watch("viewers", "lobby")),
        ],
    )
    .await;
    assert_eq!(swapped.status, 200, "{}", swapped.body);
    assert_eq!(swapped.json()["effect"], "none");
}

#[tokio::test]
async fn a_change_set_counts_at_the_next_exchange_on_each_instance() {
    let bridge = TestBridge::start().await;
    bridge.provider.person("cora").groups(["crew"]);
    let crew = bridge.signed_in("cora").await;
    assert_eq!(crew.token(json!({})).await.status, 403);
    let answer = change(
        &bridge,
        &[
            create(publish("crew", "studio-1")),
            create(watch("crew", "hall")),
        ],
    )
    .await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(crew.token(json!({"rooms": ["studio-1"]})).await.status, 200);
}
