//! The table of mappings for programs: one life of a row, two editors, and
//! what is written down of it.

use std::time::Duration;

use serde_json::{Value, json};

use crate::bridge::{Browser, TestBridge};
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
    sqlx::query_as("SELECT action, object, before, after FROM audit_log ORDER BY id")
        .fetch_all(&bridge.db)
        .await
        .unwrap()
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
                "mapping.create".to_owned(),
                deleted.clone(),
                None,
                created.clone()
            ),
            (
                "mapping.replace".to_owned(),
                deleted.clone(),
                created,
                replaced.clone()
            ),
            ("mapping.delete".to_owned(), deleted, replaced, None),
        ]
    );
    // An id is never used again.
    let next = admin.api("POST", LIST, &viewers()).await.json();
    assert!(next["id"].as_i64() > first["id"].as_i64());
}

#[tokio::test]
async fn ad_9_the_audit_row_says_who_and_from_where() {
    let bridge = TestBridge::start().await;
    bridge
        .provider
        .person("root")
        .claim("preferred_username", "Root <root>");
    bridge.admin().await.api("POST", LIST, &viewers()).await;
    let row: (String, String, String, Option<String>, Option<String>) = sqlx::query_as(
        "SELECT actor_issuer, actor_subject, actor_label, client_ip, request_id FROM audit_log",
    )
    .fetch_one(&bridge.db)
    .await
    .unwrap();
    assert_eq!(row.0, bridge.provider.issuer());
    assert_eq!((row.1.as_str(), row.2.as_str()), ("root", "Root <root>"));
    assert_eq!(row.3.as_deref(), Some("127.0.0.1"));
    assert_eq!(row.4.unwrap().len(), 16);
}

#[tokio::test]
async fn ad_9_without_its_audit_row_nothing_is_changed() {
    let bridge = TestBridge::start().await;
    let row = bridge.add(&viewers()).await;
    let admin = bridge.admin().await;
    let one = format!("{LIST}/{}", row["id"]);
    sqlx::query("ALTER TABLE audit_log ADD CONSTRAINT broken CHECK (false) NOT VALID")
        .execute(&bridge.db)
        .await
        .unwrap();
    let tag = [("if-match", "\"1\"")];
    let off = with(viewers(), "enabled", json!(false));
    let other = with(viewers(), "rooms", json!(["other"]));
    problem(&admin.api("POST", LIST, &other).await, 500, "internal", &[]);
    problem(
        &admin.api_with("PUT", &one, &tag, &off).await,
        500,
        "internal",
        &[],
    );
    problem(
        &admin.api_with("DELETE", &one, &tag, &json!({})).await,
        500,
        "internal",
        &[],
    );
    assert_eq!(bridge.count("mappings").await, 1);
    assert_eq!(admin.peek(&one).await.json(), row);
}

#[tokio::test]
async fn ad_9_the_audit_log_only_grows() {
    let bridge = TestBridge::start().await;
    bridge.add(&viewers()).await;
    for statement in [
        "UPDATE audit_log SET actor_label = 'nobody'",
        "DELETE FROM audit_log",
        "TRUNCATE audit_log",
    ] {
        let refused = sqlx::query(statement)
            .execute(&bridge.db)
            .await
            .unwrap_err();
        assert!(refused.to_string().contains("append-only"), "{statement}");
    }
    assert_eq!(bridge.count("audit_log").await, 1);
}

#[tokio::test]
async fn ad_4_of_two_editors_the_second_learns_how_it_is_now() {
    let bridge = TestBridge::start().await;
    let row = bridge.add(&viewers()).await;
    let one = format!("{LIST}/{}", row["id"]);
    let (ann, bob) = (bridge.admin().await, bridge.admin().await);
    let tag = ann.peek(&one).await.header("etag").to_owned();
    let put = async |who: &Browser, rooms: Value| {
        who.api_with(
            "PUT",
            &one,
            &[("if-match", &tag)],
            &with(viewers(), "rooms", rooms),
        )
        .await
    };

    let now = put(&ann, json!(["ann"])).await.json();
    let late = put(&bob, json!(["bob"])).await;
    assert_eq!(problem(&late, 412, "stale", &["current"])["current"], now);
    let late = bob
        .api_with("DELETE", &one, &[("if-match", &tag)], &json!({}))
        .await;
    assert_eq!(problem(&late, 412, "stale", &["current"])["current"], now);
    assert_eq!(bob.peek(&one).await.json(), now);
    assert_eq!(audit(&bridge).await.len(), 2);
}

#[tokio::test]
async fn ad_4_of_many_edits_at_once_exactly_one_is_written() {
    let bridge = TestBridge::start().await;
    let row = bridge.add(&viewers()).await;
    let one = format!("{LIST}/{}", row["id"]);
    let admin = bridge.admin().await;
    let edits: Vec<_> = (0..8)
        .map(|n| {
            let (admin, one) = (admin.clone(), one.clone());
            let edit = with(viewers(), "rooms", json!([format!("room-{n}")]));
            tokio::spawn(async move {
                admin
                    .api_with("PUT", &one, &[("if-match", "\"1\"")], &edit)
                    .await
                    .status
            })
        })
        .collect();
    let mut statuses = Vec::new();
    for edit in edits {
        statuses.push(edit.await.unwrap());
    }
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 412, 412, 412, 412, 412, 412, 412]);
    assert_eq!(audit(&bridge).await.len(), 2);
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

#[tokio::test]
async fn se_7_an_edit_decides_the_next_token_of_a_session_that_was_there_before() {
    let bridge = TestBridge::start().await;
    let second = TestBridge::start_on(&bridge.database_url, &[]).await;
    bridge.provider.person("vic").groups(["viewers"]);
    let vic = bridge.signed_in("vic").await;
    let mut there = second.browser();
    there.cookies = vic.cookies.clone();
    problem(&vic.token(json!({})).await, 403, "no_grant", &[]);
    problem(&there.token(json!({})).await, 403, "no_grant", &[]);

    let row = bridge.add(&viewers()).await;
    assert_eq!(vic.token(json!({})).await.json()["rooms"], json!(["lobby"]));
    until(async || there.token(json!({})).await.status == 200).await;

    let (admin, one) = (bridge.admin().await, format!("{LIST}/{}", row["id"]));
    let moved = with(viewers(), "rooms", json!(["other"]));
    admin
        .api_with("PUT", &one, &[("if-match", "\"1\"")], &moved)
        .await;
    assert_eq!(vic.token(json!({})).await.json()["rooms"], json!(["other"]));
    until(async || there.token(json!({})).await.json()["rooms"] == json!(["other"])).await;

    admin
        .api_with("DELETE", &one, &[("if-match", "\"2\"")], &json!({}))
        .await;
    problem(&vic.token(json!({})).await, 403, "no_grant", &[]);
    until(async || there.token(json!({})).await.status == 403).await;
}

/// Waits for another instance to hear of it: moments, not the stated worst case.
async fn until(heard: impl AsyncFn() -> bool) {
    for _ in 0..100 {
        if heard().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("the other instance did not hear of it within two seconds");
}
