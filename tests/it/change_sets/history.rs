//! Earlier states of the table: what the audit log has of each change, and how it comes back.

use chrono::{DateTime, Utc};
use rand::rngs::StdRng;
use rand::seq::SliceRandom as _;
use rand::{Rng as _, SeedableRng as _};

use super::people::random_mapping;
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

/// The table in full, and its file, at this moment.
async fn whole(bridge: &TestBridge, at: Option<&str>) -> (Value, String) {
    let admin = bridge.admin().await;
    let at = at.map_or_else(String::new, |at| {
        let at: String = url::form_urlencoded::byte_serialize(at.as_bytes()).collect();
        format!("&at={at}")
    });
    let list = admin.peek(&format!("{LIST}?limit=500{at}")).await;
    assert_eq!(list.status, 200, "{}", list.body);
    let file = admin.peek("/admin/files/mappings.json").await.body;
    (list.json(), file)
}

/// Edits by the API, one by one and together, and by SQL.
async fn edit_somehow(bridge: &TestBridge, random: &mut StdRng) {
    let admin = bridge.admin().await;
    let (list, _) = whole(bridge, None).await;
    let mut rows = list["items"].as_array().unwrap().clone();
    rows.shuffle(random);
    let mut changes = vec![create(random_mapping(random))];
    for row in rows.iter().take(random.gen_range(0..3)) {
        changes.push(if random.gen_bool(0.4) {
            delete(row)
        } else {
            replace(row, random_mapping(random))
        });
    }
    let by_sql = match random.gen_range(0..6) {
        0 => Some("UPDATE mappings SET enabled = NOT enabled WHERE id % 2 = 0"),
        1 => Some("DELETE FROM mappings WHERE id % 3 = 0"),
        _ => None,
    };
    if let Some(sql) = by_sql {
        sqlx::query(sql).execute(&bridge.db).await.unwrap();
        return;
    }
    // A row that says the same as another one is refused, and nothing happens then.
    let set = json!({ "changes": changes });
    let answer = admin.api("POST", CHANGES, &set).await;
    assert!([200, 409].contains(&answer.status), "{}", answer.body);
}

#[tokio::test]
async fn each_moment_of_a_random_history_is_told_and_comes_back_as_it_was() {
    let seed: u64 = rand::random();
    let mut random = StdRng::seed_from_u64(seed);
    let bridge = TestBridge::start().await;
    let mut moments = Vec::new();
    for _ in 0..20 {
        edit_somehow(&bridge, &mut random).await;
        moments.push((moment(&bridge).await, whole(&bridge, None).await));
    }
    for (at, (list, _)) in &moments {
        let (then, _) = whole(&bridge, Some(at)).await;
        assert_eq!(then, *list, "seed {seed}: {at}");
    }
    moments.shuffle(&mut random);
    let admin = bridge.admin().await;
    for (at, (_, file)) in moments.iter().take(6) {
        let restored = admin.api("POST", RESTORE, &json!({ "at": at })).await;
        assert_eq!(restored.status, 200, "seed {seed}: {at}: {}", restored.body);
        assert_eq!(whole(&bridge, None).await.1, *file, "seed {seed}: {at}");
    }
}
