//! The body as a whole: unknown members, everything wrong at once, no object.

use serde_json::json;

use super::{LIST, good};
use crate::bridge::{ORIGIN, TestBridge};
use crate::problem::wrong_fields;

#[tokio::test]
async fn ad_5_unknown_members_are_refused_and_so_are_those_of_the_server() {
    let bridge = TestBridge::start().await;
    let admin = bridge.admin().await;
    for member in [
        "id",
        "version",
        "created_at",
        "created_by",
        "updated_at",
        "updated_by",
        "Group",
        "room",
        "group_name",
        "admin",
        "",
        "__proto__",
    ] {
        let mut mapping = good();
        mapping[member] = json!(1);
        let answer = admin.api("POST", LIST, &mapping).await;
        assert_eq!(wrong_fields(&answer), [member]);
    }
    assert_eq!(bridge.count("mappings").await, 0);
    // A PUT takes the server's members back, does not read those that each edit changes,
    // and refuses others that are not as they were read.
    let row = bridge.add(&good()).await;
    let mut mapping = good();
    mapping["created_by"] = json!("another");
    mapping["version"] = json!(99);
    mapping["updated_by"] = json!("another");
    let one = format!("{LIST}/{}", row["id"]);
    let refused = admin
        .api_with("PUT", &one, &[("if-match", "\"1\"")], &mapping)
        .await;
    assert_eq!(wrong_fields(&refused), ["version", "created_by"]);
    mapping["created_by"] = json!("root");
    mapping["version"] = json!(1);
    let written = admin
        .api_with("PUT", &one, &[("if-match", "\"1\"")], &mapping)
        .await
        .json();
    assert_eq!(
        (&written["created_by"], &written["version"]),
        (&json!("root"), &json!(2))
    );
    mapping["room"] = json!("x");
    let answer = admin
        .api_with("PUT", &one, &[("if-match", "\"2\"")], &mapping)
        .await;
    assert_eq!(wrong_fields(&answer), ["room"]);
}

#[tokio::test]
async fn every_wrong_field_is_named_at_once() {
    let bridge = TestBridge::start().await;
    let admin = bridge.admin().await;
    let mapping = json!({"match": "exact", "roles": [], "transports": ["X"], "rooms": ["a b"], "max_ttl_seconds": 1,
        "valid_from": "x", "enabled": "x", "note": 1, "other": 1});
    let mut fields = wrong_fields(&admin.api("POST", LIST, &mapping).await);
    fields.sort_unstable();
    let wanted = [
        "enabled",
        "group",
        "max_ttl_seconds",
        "note",
        "other",
        "roles",
        "rooms[0]",
        "transports[0]",
        "valid_from",
    ];
    assert_eq!(fields, wanted);
    let mut fields = wrong_fields(&admin.api("POST", LIST, &json!({})).await);
    fields.sort_unstable();
    assert_eq!(fields, ["match", "roles", "rooms", "transports"]);
}

#[tokio::test]
async fn a_body_that_is_no_object_is_refused_whole() {
    let bridge = TestBridge::start().await;
    let admin = bridge.admin().await;
    let headers = [
        ("content-type", "application/json"),
        ("x-red5-bridge", "1"),
        ("origin", ORIGIN),
    ];
    let deep = "[".repeat(100_000);
    for body in [
        "null",
        "[]",
        "\"x\"",
        "1",
        "{",
        "{\"match\":}",
        "\u{feff}{}",
        "{} {}",
        "nul",
        &deep,
    ] {
        let answer = admin.send("POST", LIST, &headers, body).await;
        assert_eq!(wrong_fields(&answer), [""], "{body:.20}");
    }
}

#[tokio::test]
async fn ad_7_what_looks_like_sql_is_only_text() {
    let bridge = TestBridge::start().await;
    for group in [
        "'; DROP TABLE mappings; --",
        "%",
        "_",
        "\\",
        "$1",
        "\" OR 1=1",
        "{a,b}",
        "NULL",
        "\u{202e}",
        "\u{1f3ac}",
    ] {
        let mut mapping = good();
        mapping["group"] = json!(group);
        mapping["note"] = json!(group);
        let row = bridge.add(&mapping).await;
        assert_eq!(
            (&row["group"], &row["note"]),
            (&json!(group), &json!(group))
        );
    }
    // `%` is no wildcard: a user in a group of another name is granted nothing.
    bridge.provider.person("vic").groups(["anything"]);
    assert_eq!(
        bridge.signed_in("vic").await.token(json!({})).await.status,
        403
    );
}
