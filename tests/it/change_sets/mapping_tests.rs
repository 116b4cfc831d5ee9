//! Mapping tests: what must stay true, whichever door a change comes through.

use super::*;

const TESTS: &str = "/api/admin/tests";

/// Viewers watch in the lobby and publish nowhere.
fn never_publish() -> Value {
    json!({"name": "Viewers never publish", "given": {"groups": ["viewers"]},
           "can": [{"role": "red5-subscriber", "room": "lobby"}],
           "cannot": [{"role": "red5-publisher", "room": "*"}], "note": "asked for by legal"})
}

async fn add_test(bridge: &TestBridge, test: &Value) -> Value {
    let answer = bridge.admin().await.api("POST", TESTS, test).await;
    assert_eq!(answer.status, 201, "{}", answer.body);
    answer.json()
}

#[tokio::test]
async fn a_test_is_added_read_replaced_and_deleted() {
    let bridge = TestBridge::start().await;
    bridge.add(&watch("viewers", "lobby")).await;
    let admin = bridge.admin().await;
    let added = admin.api("POST", TESTS, &never_publish()).await;
    assert_eq!((added.status, added.header("etag")), (201, "\"1\""));
    let test = added.json();
    let one = format!("{TESTS}/{}", test["id"]);
    assert_eq!(
        added.header("location"),
        format!("https://bridge.example{one}")
    );
    assert_eq!(
        test["given"],
        json!({"groups": ["viewers"], "username": null, "subject": null})
    );
    assert_eq!(
        test["cannot"],
        json!([{"role": "red5-publisher", "room": "*", "transport": null}])
    );
    assert_eq!(admin.peek(&one).await.json(), test);
    assert_eq!(
        admin.peek(TESTS).await.json(),
        json!({"items": [test], "total": 1})
    );

    let mut renamed = test.clone();
    renamed["name"] = json!("Viewers only watch");
    let stale = admin
        .api_with("PUT", &one, &[("if-match", "\"7\"")], &renamed)
        .await;
    problem(&stale, 412, "stale", &["current"]);
    let unguarded = admin.api("PUT", &one, &renamed).await;
    problem(&unguarded, 428, "precondition_required", &[]);
    let replaced = admin
        .api_with("PUT", &one, &[("if-match", "\"1\"")], &renamed)
        .await;
    assert_eq!(
        (replaced.status, replaced.header("etag")),
        (200, "\"2\""),
        "{}",
        replaced.body
    );
    let twin = admin
        .api(
            "POST",
            TESTS,
            &renamed_only(&never_publish(), "Viewers only watch"),
        )
        .await;
    problem(&twin, 409, "duplicate", &[]);
    let gone = admin
        .api_with("DELETE", &one, &[("if-match", "\"2\"")], &json!({}))
        .await;
    assert_eq!(gone.status, 204);
    problem(&admin.peek(&one).await, 404, "not_found", &[]);
    let actions: Vec<String> =
        sqlx::query_scalar("SELECT action FROM audit_log WHERE action LIKE 'test.%' ORDER BY id")
            .fetch_all(&bridge.db)
            .await
            .unwrap();
    assert_eq!(actions, ["test.created", "test.replaced", "test.deleted"]);
}

fn renamed_only(test: &Value, name: &str) -> Value {
    let mut test = test.clone();
    test["name"] = json!(name);
    test
}

#[tokio::test]
async fn a_failing_test_refuses_a_change_through_every_door() {
    let bridge = TestBridge::start().await;
    let row = bridge.add(&watch("viewers", "lobby")).await;
    let test = add_test(&bridge, &never_publish()).await;
    let mut admin = bridge.admin().await;
    let one = format!("{LIST}/{}", row["id"]);
    let is_refused = |answer: &crate::bridge::Answer, because: &str| {
        let told = problem(answer, 409, "test_failed", &["failing"]);
        let failing = &told["failing"][0];
        assert_eq!(
            (&failing["id"], &failing["name"]),
            (&test["id"], &test["name"])
        );
        assert!(
            failing["because"][0].as_str().unwrap().contains(because),
            "{failing}"
        );
    };
    let version = [("if-match", "\"1\"")];
    // The API, a row at a time.
    is_refused(
        &admin.api("POST", LIST, &publish("viewers", "stage")).await,
        "stage",
    );
    is_refused(
        &admin
            .api_with("PUT", &one, &version, &publish("viewers", "lobby"))
            .await,
        "lobby",
    );
    is_refused(
        &admin.api_with("DELETE", &one, &version, &json!({})).await,
        "lobby",
    );
    // A change set.
    is_refused(&change(&bridge, &[delete(&row)]).await, "lobby");
    // Pages.
    let fields = [
        ("match", "exact"),
        ("group", "viewers"),
        ("roles", "red5-publisher"),
        ("transports_are", "any"),
        ("rooms", "stage"),
        ("enabled", "true"),
    ];
    let page = admin
        .submit("/admin/mappings/new", "/admin/mappings", &fields)
        .await;
    assert_eq!(page.status, 409);
    assert!(page.body.contains("Viewers never publish"), "{}", page.body);
    assert_eq!(bridge.count("mappings").await, 1);
    // What was there before the test stays, and a dry run tells.
    let outcome = try_out(&bridge, &[create(publish("viewers", "stage"))]).await;
    assert_eq!(outcome["tests_failing"][0]["id"], test["id"]);
}

#[tokio::test]
async fn a_test_that_failed_before_refuses_nothing_and_is_listed() {
    let bridge = TestBridge::start().await;
    let row = bridge.add(&watch("viewers", "lobby")).await;
    let test = add_test(&bridge, &never_publish()).await;
    // By SQL no test is run.
    sqlx::query("UPDATE mappings SET enabled = false")
        .execute(&bridge.db)
        .await
        .unwrap();
    let answer = change(&bridge, &[create(watch("crew", "hall"))]).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(answer.json()["tests_failing"][0]["id"], test["id"]);
    // A change set may change the test with the table.
    let mut stricter = never_publish();
    stricter["can"] = json!([]);
    let row = json!({"id": row["id"], "version": 2});
    let set = [
        delete(&row),
        json!({"op": "replace_test", "id": test["id"], "version": 1, "test": stricter}),
    ];
    let answer = change(&bridge, &set).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(answer.json()["tests_failing"], json!([]));
}

#[tokio::test]
async fn a_new_test_that_fails_is_refused_and_named_by_its_change() {
    let bridge = TestBridge::start().await;
    let created = json!({"op": "create_test", "test": never_publish()});
    let answer = change(&bridge, &[create(publish("viewers", "stage")), created]).await;
    let told = problem(&answer, 409, "test_failed", &["failing"]);
    assert_eq!(
        (&told["failing"][0]["id"], &told["failing"][0]["change"]),
        (&Value::Null, &json!(1))
    );
    assert_eq!(
        bridge.count("mappings").await + bridge.count("mapping_tests").await,
        0
    );
}
