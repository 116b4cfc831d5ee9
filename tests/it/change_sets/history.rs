//! Earlier states of the table: what the audit log has of each change, and how it comes back.

use chrono::{DateTime, Utc};

use super::*;

const RESTORE: &str = "/api/admin/mappings/restore";

/// Actor, action, object, and the row before and after.
type Told = (String, String, String, Option<Value>, Option<Value>);

/// The database's clock, later than all that was written before, and earlier than what comes.
async fn moment(bridge: &TestBridge) -> String {
    let now: DateTime<Utc> = sqlx::query_scalar("SELECT clock_timestamp()")
        .fetch_one(&bridge.db)
        .await
        .unwrap();
    now.to_rfc3339()
}

/// The rows without what a restored row has anew.
async fn said(bridge: &TestBridge) -> Vec<Value> {
    let mut rows = bridge.admin().await.peek(LIST).await.json()["items"].clone();
    let rows = rows.as_array_mut().unwrap();
    for row in rows.iter_mut() {
        for member in [
            "id",
            "version",
            "created_at",
            "updated_at",
            "created_by",
            "updated_by",
        ] {
            row.as_object_mut().unwrap().remove(member);
        }
    }
    rows.sort_by_key(ToString::to_string);
    rows.clone()
}

#[tokio::test]
async fn ad_9_a_change_by_sql_is_audited_as_sql() {
    let bridge = TestBridge::start().await;
    let row = bridge.add(&watch("viewers", "lobby")).await;
    sqlx::query("UPDATE mappings SET enabled = false")
        .execute(&bridge.db)
        .await
        .unwrap();
    sqlx::query("TRUNCATE mappings")
        .execute(&bridge.db)
        .await
        .unwrap();
    let rows: Vec<Told> = sqlx::query_as(
        "SELECT actor_label, action, object, before, after FROM audit_log ORDER BY id",
    )
    .fetch_all(&bridge.db)
    .await
    .unwrap();
    let told: Vec<(&str, &str, &str)> = rows
        .iter()
        .map(|(label, action, object, ..)| (&**label, &**action, &**object))
        .collect();
    let id = &*row["id"].to_string();
    assert_eq!(
        told,
        [
            ("root", "mapping.created", id),
            ("sql", "mapping.replaced", id),
            ("sql", "mapping.deleted", id),
        ]
    );
    let enabled = |row: &Option<Value>| row.as_ref().map(|row| row["enabled"].clone());
    assert_eq!(enabled(&rows[1].3), Some(json!(true)));
    assert_eq!(enabled(&rows[1].4), Some(json!(false)));
    assert_eq!(
        (enabled(&rows[2].3), enabled(&rows[2].4)),
        (Some(json!(false)), None)
    );
}

#[tokio::test]
async fn the_table_of_an_earlier_time_comes_back() {
    let bridge = TestBridge::start().await;
    let first = bridge.add(&watch("viewers", "lobby")).await;
    bridge.add(&watch("crew", "lobby")).await;
    let then = (moment(&bridge).await, said(&bridge).await);
    let by_night = change(
        &bridge,
        &[delete(&first), create(publish("guests", "stage"))],
    )
    .await;
    assert_eq!(by_night.status, 200, "{}", by_night.body);
    sqlx::query("UPDATE mappings SET rooms = '{vault}' WHERE group_name = 'crew'")
        .execute(&bridge.db)
        .await
        .unwrap();
    let night = (moment(&bridge).await, said(&bridge).await);

    let admin = bridge.admin().await;
    let tried = admin
        .api("POST", RESTORE, &json!({"at": then.0, "dry_run": true}))
        .await;
    assert_eq!(
        (tried.status, &tried.json()["effect"]),
        (200, &json!("both")),
        "{}",
        tried.body
    );
    assert_eq!(said(&bridge).await, night.1);
    let restored = admin.api("POST", RESTORE, &json!({"at": then.0})).await;
    assert_eq!(restored.status, 200, "{}", restored.body);
    assert_eq!(said(&bridge).await, then.1);
    // Nothing is left to be done, and the way back is open too.
    let again = admin.api("POST", RESTORE, &json!({"at": then.0})).await;
    assert_eq!(again.json()["written"], json!([]), "{}", again.body);
    assert_eq!(
        admin
            .api("POST", RESTORE, &json!({"at": night.0}))
            .await
            .status,
        200
    );
    assert_eq!(said(&bridge).await, night.1);
}

#[tokio::test]
async fn one_mapping_comes_back_as_a_change_left_it() {
    let bridge = TestBridge::start().await;
    let row = bridge.add(&watch("viewers", "lobby")).await;
    let replaced = change(&bridge, &[replace(&row, publish("viewers", "stage"))]).await;
    let replaced = replaced.json()["written"][0].clone();
    let first: i64 = sqlx::query_scalar("SELECT min(id) FROM audit_log")
        .fetch_one(&bridge.db)
        .await
        .unwrap();
    let one = format!("{LIST}/{}/restore", row["id"]);
    let admin = bridge.admin().await;
    let back = admin.api("POST", &one, &json!({"audit_id": first})).await;
    assert_eq!(back.status, 200, "{}", back.body);
    assert_eq!(back.json()["written"][0]["rooms"], json!(["lobby"]));
    assert_eq!(back.json()["written"][0]["id"], row["id"]);
    // After it was removed it comes back under a new number, as it was before.
    let mut gone = replaced;
    gone["version"] = json!(3);
    assert_eq!(change(&bridge, &[delete(&gone)]).await.status, 200);
    let last: i64 = sqlx::query_scalar("SELECT max(id) FROM audit_log")
        .fetch_one(&bridge.db)
        .await
        .unwrap();
    let back = admin.api("POST", &one, &json!({"audit_id": last})).await;
    assert_eq!(back.status, 200, "{}", back.body);
    assert_eq!(back.json()["written"][0]["rooms"], json!(["lobby"]));
    assert_ne!(back.json()["written"][0]["id"], row["id"]);
    // A change of another thing is none of this mapping's.
    problem(
        &admin.api("POST", &one, &json!({"audit_id": 4711})).await,
        404,
        "not_found",
        &[],
    );
}

#[tokio::test]
async fn a_time_to_restore_is_given_and_not_in_the_future() {
    let bridge = TestBridge::start().await;
    let admin = bridge.admin().await;
    for (sent, field) in [
        (json!({}), "at"),
        (json!({"at": "2999-01-01T00:00:00Z"}), "at"),
        (json!({"at": "yesterday"}), "at"),
        (
            json!({"at": "2026-11-24T15:04:05Z", "if_mapping_version": "1"}),
            "if_mapping_version",
        ),
        (
            json!({"at": "2026-11-24T15:04:05Z", "force": true}),
            "force",
        ),
    ] {
        assert_eq!(
            wrong_fields(&admin.api("POST", RESTORE, &sent).await),
            [field],
            "{sent}"
        );
    }
}
