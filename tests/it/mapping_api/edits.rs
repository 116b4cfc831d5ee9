//! Edits: whose counts, what is written down of them, and how soon they decide.

use serde_json::{Value, json};

use super::{LIST, audit, viewers, with};
use crate::bridge::{Browser, TestBridge};
use crate::eventually::eventually;
use crate::problem::problem;

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
        "UPDATE audit_log SET actor_label = 'other'",
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
    eventually("the new mapping counts there", async || {
        there.token(json!({})).await.status == 200
    })
    .await;

    let (admin, one) = (bridge.admin().await, format!("{LIST}/{}", row["id"]));
    let moved = with(viewers(), "rooms", json!(["other"]));
    admin
        .api_with("PUT", &one, &[("if-match", "\"1\"")], &moved)
        .await;
    assert_eq!(vic.token(json!({})).await.json()["rooms"], json!(["other"]));
    eventually("the edit counts there", async || {
        there.token(json!({})).await.json()["rooms"] == json!(["other"])
    })
    .await;

    admin
        .api_with("DELETE", &one, &[("if-match", "\"2\"")], &json!({}))
        .await;
    problem(&vic.token(json!({})).await, 403, "no_grant", &[]);
    eventually("the end of the mapping counts there", async || {
        there.token(json!({})).await.status == 403
    })
    .await;
}

#[tokio::test]
async fn a_window_with_parts_of_a_second_is_shown_in_whole_ones_and_stays_when_it_is_sent_back() {
    let bridge = TestBridge::start().await;
    let admin = bridge.admin().await;
    let sent = with(viewers(), "valid_from", json!("2026-11-24T15:00:00.25Z"));
    let sent = with(sent, "valid_until", json!("2036-11-24T16:00:00.000001Z"));
    let mut row = bridge.add(&sent).await;
    assert_eq!(row["valid_from"], "2026-11-24T15:00:00Z");
    assert_eq!(row["valid_until"], "2036-11-24T16:00:00Z");

    let one = format!("{LIST}/{}", row["id"]);
    row["note"] = json!("another note");
    let tag = [("if-match", "\"1\"")];
    let answer = admin.api_with("PUT", &one, &tag, &row).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let window =
        "SELECT to_char(valid_from, 'SS.US') || ' ' || to_char(valid_until, 'SS.US') FROM mappings";
    let stored: String = sqlx::query_scalar(window)
        .fetch_one(&bridge.db)
        .await
        .unwrap();
    assert_eq!(stored, "00.250000 00.000001");

    let mut row = answer.json();
    row["valid_until"] = json!("2036-11-24T16:00:01Z");
    let tag = [("if-match", "\"2\"")];
    let answer = admin.api_with("PUT", &one, &tag, &row).await;
    assert_eq!(answer.json()["valid_until"], "2036-11-24T16:00:01Z");
    let stored: String = sqlx::query_scalar(window)
        .fetch_one(&bridge.db)
        .await
        .unwrap();
    assert_eq!(stored, "00.250000 01.000000");
}
