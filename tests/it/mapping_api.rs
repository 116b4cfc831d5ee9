//! The table of mappings for programs: one life of a row, its versions, twins
//! and pages.

mod edits;

use red5_bridge::domain::mapping::Mapping;
use serde_json::{Value, json};

use crate::bridge::TestBridge;
use crate::problem::{problem, wrong_fields};

const LIST: &str = "/api/admin/mappings";

fn viewers() -> Value {
    json!({"group": "viewers", "match": "exact", "roles": ["red5-subscriber"],
           "transports": ["WHEP"], "rooms": ["lobby"]})
}

fn with(mut mapping: Value, member: &str, value: Value) -> Value {
    mapping[member] = value;
    mapping
}

async fn audit(bridge: &TestBridge) -> Vec<(String, String, Option<Value>, Option<Value>)> {
    let rows: Vec<(String, String, Option<Value>, Option<Value>)> =
        sqlx::query_as("SELECT action, object, before, after FROM audit_log ORDER BY id")
            .fetch_all(&bridge.db)
            .await
            .unwrap();
    rows.into_iter()
        .map(|(action, object, before, after)| {
            (action, object, before.map(as_api), after.map(as_api))
        })
        .collect()
}

/// A row of the audit log as the API shows a mapping.
fn as_api(row: Value) -> Value {
    json!(Mapping::from_row(serde_json::from_value(row).unwrap()).unwrap())
}

#[tokio::test]
async fn a_row_is_added_read_replaced_and_deleted() {
    let bridge = TestBridge::start().await;
    let admin = bridge.admin().await;

    let added = admin.api("POST", LIST, &viewers()).await;
    assert_eq!(added.status, 201);
    let first = added.json();
    let one = format!("{LIST}/{}", first["id"]);
    assert_eq!(
        added.header("location"),
        format!("https://bridge.example{one}")
    );
    assert_eq!(added.header("etag"), "\"1\"");
    let (at, by) = (&first["created_at"], &first["created_by"]);
    let wanted = json!({
        "id": first["id"], "group": "viewers", "match": "exact", "roles": ["red5-subscriber"],
        "transports": ["WHEP"], "rooms": ["lobby"], "max_ttl_seconds": null, "valid_from": null,
        "valid_until": null, "enabled": true, "note": "", "version": 1,
        "created_at": at, "created_by": "root", "updated_at": at, "updated_by": by,
        "last_used_at": null,
    });
    assert_eq!(first, wanted);

    let read = admin.peek(&one).await;
    assert_eq!(
        (read.status, read.header("etag"), read.json()),
        (200, "\"1\"", first.clone())
    );

    // What was read may be sent back, the read-only members unchanged.
    let wider = json!({"group": "show-*", "match": "glob", "roles": ["red5-subscriber", "red5-publisher"],
        "transports": ["whip", "WHEP"], "rooms": ["show-{1}", "lobby", "lobby"], "max_ttl_seconds": 600,
        "valid_from": "2026-11-24T16:00:00+01:00", "valid_until": "2036-11-24T15:00:00Z", "enabled": false,
        "note": "until the <b>gala</b>", "id": first["id"], "version": 1, "created_at": at, "created_by": by,
        "updated_at": at, "updated_by": by});
    let replaced = admin
        .api_with("PUT", &one, &[("if-match", "\"1\"")], &wider)
        .await;
    assert_eq!(
        (replaced.status, replaced.header("etag")),
        (200, "\"2\""),
        "{}",
        replaced.body
    );
    let second = replaced.json();
    for (member, value) in [
        ("roles", json!(["red5-publisher", "red5-subscriber"])),
        ("transports", json!(["WHEP", "WHIP"])),
        ("rooms", json!(["lobby", "show-{1}"])),
        ("max_ttl_seconds", json!(600)),
        ("valid_from", json!("2026-11-24T15:00:00Z")),
        ("valid_until", json!("2036-11-24T15:00:00Z")),
        ("enabled", json!(false)),
        ("note", json!("until the <b>gala</b>")),
        ("version", json!(2)),
        ("created_at", at.clone()),
    ] {
        assert_eq!(second[member], value, "{member}");
    }

    let gone = admin
        .api_with("DELETE", &one, &[("if-match", "\"2\"")], &json!({}))
        .await;
    assert_eq!((gone.status, gone.body.as_str()), (204, ""));
    problem(&admin.peek(&one).await, 404, "not_found", &[]);

    // AD-9: each change with before and after.
    let (created, replaced, deleted) = (
        Some(first.clone()),
        Some(second.clone()),
        first["id"].to_string(),
    );
    assert_eq!(
        audit(&bridge).await,
        [
            (
                "mapping.created".to_owned(),
                deleted.clone(),
                None,
                created.clone()
            ),
            (
                "mapping.replaced".to_owned(),
                deleted.clone(),
                created,
                replaced.clone()
            ),
            ("mapping.deleted".to_owned(), deleted, replaced, None),
        ]
    );
    // An id is never used again.
    let next = admin.api("POST", LIST, &viewers()).await.json();
    assert!(next["id"].as_i64() > first["id"].as_i64());
}

#[tokio::test]
async fn an_edit_names_the_version_that_was_read() {
    let bridge = TestBridge::start().await;
    let row = bridge.add(&viewers()).await;
    let one = format!("{LIST}/{}", row["id"]);
    let admin = bridge.admin().await;
    let edit = with(viewers(), "note", json!("x"));

    for method in ["PUT", "DELETE"] {
        let body = if method == "PUT" { &edit } else { &json!({}) };
        let sent: [&[(&str, &str)]; 4] = [
            &[],
            &[("if-match", "*")],
            &[("if-match", " * ")],
            &[("if-match", "\"1\""), ("if-match", "\"1\"")],
        ];
        for headers in sent {
            let answer = admin.api_with(method, &one, headers, body).await;
            problem(&answer, 428, "precondition_required", &[]);
        }
        for tag in [
            "1",
            "W/\"1\"",
            "\"1\", \"2\"",
            "\"+1\"",
            "\"01\"",
            "\"x\"",
            "\"\"",
            "\"1",
            "'1'",
            "",
        ] {
            let answer = admin
                .api_with(method, &one, &[("if-match", tag)], body)
                .await;
            assert_eq!(wrong_fields(&answer), ["If-Match"], "{tag}");
        }
        for tag in ["\"0\"", "\"2\"", "\"-1\"", "\"9223372036854775807\""] {
            let answer = admin
                .api_with(method, &one, &[("if-match", tag)], body)
                .await;
            problem(&answer, 412, "stale", &["current"]);
        }
    }
    assert_eq!(admin.peek(&one).await.json(), row);
    assert_eq!(audit(&bridge).await.len(), 1);
}

#[tokio::test]
async fn ad_6_the_same_row_twice_is_a_duplicate_and_the_nearly_same_is_not() {
    let bridge = TestBridge::start().await;
    let admin = bridge.admin().await;
    bridge.add(&viewers()).await;
    let again = with(
        with(viewers(), "note", json!("again")),
        "transports",
        json!(["whep", "WHEP"]),
    );
    problem(
        &admin.api("POST", LIST, &again).await,
        409,
        "duplicate",
        &[],
    );
    for near in [
        "Viewers",
        "VIEWERS",
        "viewers ",
        " viewers",
        "/viewers",
        "r\u{e9}gie",
        "re\u{301}gie",
        "viewers\u{200b}",
    ] {
        let row = bridge.add(&with(viewers(), "group", json!(near))).await;
        assert_eq!(row["group"], near);
    }
    let other = bridge
        .add(&with(viewers(), "rooms", json!(["other"])))
        .await;
    let one = format!("{LIST}/{}", other["id"]);
    let answer = admin
        .api_with("PUT", &one, &[("if-match", "\"1\"")], &viewers())
        .await;
    problem(&answer, 409, "duplicate", &[]);
    assert_eq!(admin.peek(&one).await.json(), other);
    // Refused changes leave no audit row.
    assert_eq!(audit(&bridge).await.len(), 10);
}

#[tokio::test]
async fn ad_8_what_is_no_row_is_not_found() {
    let bridge = TestBridge::start().await;
    bridge.add(&viewers()).await;
    let admin = bridge.admin().await;
    for id in [
        "0",
        "-1",
        "+1",
        "999999",
        "9223372036854775807",
        "9223372036854775808",
        "1.0",
        "0x1",
        "a",
        "%00",
        "%ff",
        "1%20",
        "1;",
        "'",
        "1%2f",
    ] {
        let one = format!("{LIST}/{id}");
        problem(&admin.peek(&one).await, 404, "not_found", &[]);
        for (method, body) in [("PUT", viewers()), ("DELETE", json!({}))] {
            let answer = admin
                .api_with(method, &one, &[("if-match", "\"1\"")], &body)
                .await;
            problem(&answer, 404, "not_found", &[]);
        }
    }
    assert_eq!(bridge.count("mappings").await, 1);
}

#[tokio::test]
async fn ad_7_a_list_has_pages_within_bounds() {
    let bridge = TestBridge::start().await;
    let admin = bridge.admin().await;
    for n in 0..3 {
        bridge
            .add(&with(viewers(), "rooms", json!([format!("room-{n}")])))
            .await;
    }
    let all = admin.peek(LIST).await.json();
    assert_eq!(
        (
            all["total"].as_i64(),
            all["items"].as_array().unwrap().len()
        ),
        (Some(3), 3)
    );
    assert!(all["mapping_version"].as_i64().unwrap() >= 3);
    assert_eq!(all.as_object().unwrap().len(), 3);
    let page = admin.peek(&format!("{LIST}?limit=1&offset=1")).await.json();
    assert_eq!(
        (&page["items"], &page["total"]),
        (&json!([all["items"][1]]), &json!(3))
    );
    let behind = admin
        .peek(&format!("{LIST}?limit=500&offset=2147483647"))
        .await
        .json();
    assert_eq!(behind["items"], json!([]));
    for (query, field) in [
        ("limit=0", "limit"),
        ("limit=501", "limit"),
        ("limit=-1", "limit"),
        ("limit=1000000000", "limit"),
        ("limit=1e9", "limit"),
        ("limit=", "limit"),
        ("limit=5&limit=5", "limit"),
        ("limit=%00", "limit"),
        ("limit=1;DROP TABLE mappings", "limit"),
        ("offset=-1", "offset"),
        ("offset=2147483648", "offset"),
        ("offset=99999999999999999999", "offset"),
        ("offset='", "offset"),
    ] {
        assert_eq!(
            wrong_fields(&admin.peek(&format!("{LIST}?{query}")).await),
            [field],
            "{query}"
        );
    }
}
