//! The audit log as administrators read it: page by page, narrowed, and as files; and the table of an
//! earlier time.

use serde_json::{Value, json};

use crate::bridge::{Browser, TestBridge};
use crate::problem::{problem, wrong_fields};

const AUDIT: &str = "/api/admin/audit";
const LIST: &str = "/api/admin/mappings";

async fn listed(admin: &Browser, query: &str) -> Vec<Value> {
    let answer = admin.peek(&format!("{AUDIT}{query}")).await;
    assert_eq!(answer.status, 200, "{query}: {}", answer.body);
    answer.json()["items"].as_array().unwrap().clone()
}

fn ids(items: &[Value]) -> Vec<i64> {
    let ids = items.iter().map(|item| item["id"].as_i64().unwrap());
    ids.collect()
}

fn actions(items: &[Value]) -> Vec<&str> {
    let actions = items.iter().map(|item| item["action"].as_str().unwrap());
    actions.collect()
}

fn encoded(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

fn watch(group: &str, room: &str) -> Value {
    json!({"group": group, "match": "exact", "roles": ["red5-subscriber"], "transports": ["WHEP"], "rooms": [room]})
}

/// A mapping that was created, replaced and deleted, a test that was created, and a block.
async fn lived(bridge: &TestBridge, admin: &Browser) -> Value {
    let row = bridge.add(&watch("viewers", "lobby")).await;
    let changes = json!({"changes": [{"op": "replace", "id": row["id"], "version": 1, "mapping": watch("viewers", "hall")}]});
    let path = format!("{LIST}/changes");
    assert_eq!(admin.api("POST", &path, &changes).await.status, 200);
    let changes = json!({"changes": [{"op": "delete", "id": row["id"], "version": 2}]});
    assert_eq!(admin.api("POST", &path, &changes).await.status, 200);
    let test = json!({"name": "nothing", "given": {}, "cannot": [{"role": "red5-publisher", "room": "*"}]});
    assert_eq!(
        admin.api("POST", "/api/admin/tests", &test).await.status,
        201
    );
    let block =
        json!({"issuer": bridge.provider.issuer(), "subject": "other", "reason": "100% a_b \"x\""});
    assert_eq!(
        admin.api("POST", "/api/admin/blocks", &block).await.status,
        201
    );
    row
}

#[tokio::test]
async fn ad_9_the_audit_log_is_listed_newest_first_with_states_as_the_api_shows_them() {
    let bridge = TestBridge::start().await;
    let admin = bridge.admin().await;
    let row = lived(&bridge, &admin).await;
    let items = listed(&admin, "").await;
    assert_eq!(
        actions(&items),
        [
            "person.blocked",
            "test.created",
            "mapping.deleted",
            "mapping.replaced",
            "mapping.created"
        ]
    );
    let created = &items[4];
    assert_eq!(
        (&created["before"], &created["after"]),
        (&Value::Null, &row)
    );
    assert_eq!(created["object"], row["id"].to_string());
    assert_eq!(
        created["actor"],
        json!({"label": "root", "subject": "root"})
    );
    assert!(created["change_set"].is_i64() && created["request_id"].is_string());
    assert_eq!(created["client_ip"], "127.0.0.1");
    assert_eq!(items[3]["before"], row);
    assert_eq!(items[3]["after"]["rooms"], json!(["hall"]));
    assert_eq!(
        (&items[2]["after"], &items[2]["before"]["version"]),
        (&Value::Null, &json!(2))
    );
    assert_eq!(items[1]["after"]["cannot"][0]["transport"], Value::Null);
    assert_eq!(items[0]["change_set"], Value::Null);
}

#[tokio::test]
async fn a_long_log_is_read_page_by_page() {
    let bridge = TestBridge::start().await;
    let admin = bridge.admin().await;
    lived(&bridge, &admin).await;
    let all = ids(&listed(&admin, "").await);
    let mut seen = Vec::new();
    let mut query = "?limit=2".to_owned();
    loop {
        let page = admin.peek(&format!("{AUDIT}{query}")).await.json();
        seen.extend(ids(page["items"].as_array().unwrap()));
        let Some(before) = page["next_before"].as_i64() else {
            break;
        };
        assert_eq!(Some(&before), seen.last());
        query = format!("?limit=2&before={before}");
    }
    assert_eq!(seen, all);
    // A page that is just full is the last one.
    let page = admin.peek(&format!("{AUDIT}?limit=5")).await.json();
    assert_eq!(page["next_before"], Value::Null);
}

#[tokio::test]
async fn each_filter_narrows_the_log_and_takes_texts_literally() {
    let bridge = TestBridge::start().await;
    let admin = bridge.admin().await;
    let row = lived(&bridge, &admin).await;
    let of_mapping = format!("?mapping={}", row["id"]);
    for (query, wanted) in [
        (of_mapping.as_str(), 3),
        ("?mapping=4711", 0),
        ("?action=mapping.replaced", 1),
        ("?action=mapping.%25", 0),
        ("?actor=root", 5),
        ("?actor=ROOT", 0),
        ("?q=HALL", 2),
        ("?q=nothing&action=test.created", 1),
        ("?from=2999-01-01", 0),
        ("?until=2999-01-01T00:00:00%2B02:00", 5),
        ("?until=2000-01-01T00:00:00Z", 0),
    ] {
        assert_eq!(listed(&admin, query).await.len(), wanted, "{query}");
    }
    for (text, wanted) in [
        ("100%", 1),
        ("a_b", 1),
        ("axb", 0),
        ("a%b", 0),
        ("v*s", 0),
        ("' OR 1=1 --", 0),
        ("\\", 1),
    ] {
        let query = format!("?q={}", encoded(text));
        assert_eq!(listed(&admin, &query).await.len(), wanted, "{text}");
    }
    let at = listed(&admin, &of_mapping).await[0]["at"].clone();
    let since = format!("?from={}", at.as_str().unwrap());
    assert!(
        !listed(&admin, &since).await.is_empty(),
        "from is inclusive"
    );
}

#[tokio::test]
async fn ad_5_every_wrong_parameter_of_the_log_is_named() {
    let bridge = TestBridge::start().await;
    let admin = bridge.admin().await;
    for (query, fields) in [
        ("?limit=0&before=x", vec!["limit", "before"]),
        ("?limit=501", vec!["limit"]),
        ("?mapping=seven", vec!["mapping"]),
        ("?from=yesterday&until=2026-13-01", vec!["from", "until"]),
        ("?q=a&q=b", vec!["q"]),
        ("?action=%00", vec!["action"]),
        ("?format=xml", vec!["format"]),
        ("?offset=1&page=2", vec!["offset", "page"]),
    ] {
        let answer = admin.peek(&format!("{AUDIT}{query}")).await;
        assert_eq!(wrong_fields(&answer), fields, "{query}");
    }
}

#[tokio::test]
async fn the_whole_log_is_a_file_of_json_lines_or_csv() {
    let bridge = TestBridge::start().await;
    let admin = bridge.admin().await;
    lived(&bridge, &admin).await;
    // More than one read from the database has, and a cell that would be a formula.
    sqlx::query(
        "INSERT INTO audit_log (at, actor_issuer, actor_subject, actor_label, action, object)
         SELECT now(), 'sql', '=1+1', '@x', 'person.end', 'a,\"b' FROM generate_series(1, 2500)",
    )
    .execute(&bridge.db)
    .await
    .unwrap();
    let lines = admin.peek(&format!("{AUDIT}?format=jsonl")).await;
    assert_eq!(
        (lines.status, lines.header("content-type")),
        (200, "application/x-ndjson")
    );
    let lines: Vec<Value> = lines
        .body
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines.len(), 2505);
    assert!(lines.is_sorted_by(|one, other| one["id"].as_i64() > other["id"].as_i64()));
    assert_eq!(lines[0]["action"], "person.ended");
    assert_eq!(lines[2500..], listed(&admin, "?actor=root").await);

    let csv = admin.peek(&format!("{AUDIT}?format=csv")).await;
    assert_eq!((csv.status, csv.header("content-type")), (200, "text/csv"));
    assert_eq!(csv.body.matches("\r\n").count(), 2506);
    let begin = "id,at,actor_label,actor_subject,action,object,change_set,before,after,request_id,client_ip\r\n";
    assert!(csv.body.starts_with(begin), "{}", &csv.body[..200]);
    assert!(
        csv.body
            .contains(",'@x,'=1+1,person.ended,\"a,\"\"b\",,,,,\r\n")
    );
    let one = admin
        .peek(&format!("{AUDIT}?format=csv&action=test.created"))
        .await;
    assert_eq!(one.body.matches("\r\n").count(), 2);
}

#[tokio::test]
async fn ad_1_the_log_is_for_administrators_alone() {
    let bridge = TestBridge::start().await;
    let admin = bridge.admin().await;
    lived(&bridge, &admin).await;
    bridge.provider.person("vic").groups(["viewers"]);
    let vic = bridge.signed_in("vic").await;
    for query in ["", "?format=csv", "?format=jsonl", "?unknown=1"] {
        let path = format!("{AUDIT}{query}");
        problem(&vic.peek(&path).await, 403, "not_admin", &[]);
        assert_eq!(bridge.browser().peek(&path).await.status, 401);
    }
    assert_eq!(vic.peek("/admin/history").await.status, 403);
}

#[tokio::test]
async fn the_log_is_narrowed_to_a_person_by_their_public_id() {
    let bridge = TestBridge::start().await;
    let admin = bridge.admin().await;
    lived(&bridge, &admin).await;
    bridge.provider.person("vic").groups(["viewers"]);
    bridge.signed_in("vic").await;
    let people = admin.peek("/api/admin/people?q=vic").await.json();
    let id = people["items"][0]["id"].as_str().unwrap().to_owned();
    let one_session = admin.peek("/api/admin/sessions?person=vic").await.json();
    let session = one_session["items"][0]["id"].as_str().unwrap();
    let path = format!("/api/admin/sessions/{session}");
    assert_eq!(admin.api("DELETE", &path, &json!({})).await.status, 204);
    let block = json!({"issuer": bridge.provider.issuer(), "subject": "vic", "reason": "x"});
    let blocked = admin.api("POST", "/api/admin/blocks", &block).await;
    assert_eq!(blocked.status, 201);
    let items = listed(&admin, &format!("?person={id}")).await;
    assert_eq!(actions(&items), ["person.blocked", "session.ended"]);
    let unknown = format!("{AUDIT}?person=p_{}", "0".repeat(32));
    problem(&admin.peek(&unknown).await, 404, "not_found", &[]);
    let wrong = admin.peek(&format!("{AUDIT}?person=vic")).await;
    assert_eq!(wrong_fields(&wrong), ["person"]);
}

#[tokio::test]
async fn the_page_tells_who_changed_what_with_before_and_after() {
    let bridge = TestBridge::start().await;
    let admin = bridge.admin().await;
    let row = lived(&bridge, &admin).await;
    let page = admin.peek("/admin/history").await;
    assert_eq!(page.status, 200);
    assert!(page.body.contains("mapping.replaced"));
    assert!(
        page.body
            .contains("<del><bdi class=\"name\">lobby</bdi></del>")
    );
    assert!(
        page.body
            .contains("<ins><bdi class=\"name\">hall</bdi></ins>")
    );
    let query = format!("q=&action=&actor=&mapping={}&from=&until=", row["id"]);
    let narrowed = admin.peek(&format!("/admin/history?{query}")).await;
    assert!(
        !narrowed.body.contains("<code>person.blocked</code>"),
        "{}",
        narrowed.body
    );
    assert!(narrowed.body.contains(&format!(
        "/api/admin/audit?mapping={}&#38;format=csv",
        row["id"]
    )));
    let few = admin.peek("/admin/history?limit=1&actor=root").await;
    assert!(
        few.body
            .contains("rel=\"next\" href=\"/admin/history?actor=root&#38;before=")
    );
    assert_eq!(admin.peek("/admin/history?from=soon").await.status, 400);
    // The list of mappings leads to the history of each.
    let kept = bridge.add(&watch("crew", "lobby")).await;
    let list = admin.peek("/admin/mappings").await;
    assert!(
        list.body
            .contains(&format!("/admin/history?mapping={}", kept["id"]))
    );
}

#[tokio::test]
async fn the_table_of_an_earlier_time_is_listed() {
    let bridge = TestBridge::start().await;
    let admin = bridge.admin().await;
    let first = bridge.add(&watch("viewers", "lobby")).await;
    let second = bridge.add(&watch("crew", "lobby")).await;
    let then: chrono::DateTime<chrono::Utc> = sqlx::query_scalar("SELECT clock_timestamp()")
        .fetch_one(&bridge.db)
        .await
        .unwrap();
    let then = encoded(&then.to_rfc3339());
    let version = admin.peek(LIST).await.json()["mapping_version"].clone();
    sqlx::query("DELETE FROM mappings")
        .execute(&bridge.db)
        .await
        .unwrap();
    let page = admin.peek(&format!("{LIST}?at={then}")).await.json();
    assert_eq!(
        page,
        json!({"items": [first, second], "total": 2, "mapping_version": version})
    );
    let page = admin
        .peek(&format!("{LIST}?at={then}&limit=1&offset=1"))
        .await
        .json();
    assert_eq!(
        (&page["items"], &page["total"]),
        (&json!([second]), &json!(2))
    );
    let before = admin.peek(&format!("{LIST}?at=2000-01-01")).await.json();
    assert_eq!(before["items"], json!([]));
    for (query, field) in [
        ("?at=2999-01-01T00:00:00Z", "at"),
        ("?at=yesterday", "at"),
        ("?person=ann", "person"),
    ] {
        let answer = admin.peek(&format!("{LIST}{query}")).await;
        assert_eq!(wrong_fields(&answer), [field], "{query}");
    }
}
