//! `red5-bridge people forget`, and what stays of a person.

use std::process::{Command, Output};

use super::*;
use crate::bridge::Answer;

/// Runs the command beside the bridge.
fn forget(bridge: &TestBridge, id: &str) -> Output {
    let database = crate::database::as_served(&bridge.database_url);
    Command::new(env!("CARGO_BIN_EXE_red5-bridge"))
        .args(["people", "forget", id])
        .env_clear()
        .env("DATABASE_URL", database)
        .env("USER", "operator")
        .current_dir(std::env::temp_dir())
        .output()
        .unwrap()
}

fn complaint(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(output.stdout.is_empty(), "{output:?}");
    String::from_utf8(output.stderr.clone()).unwrap()
}

async fn by_id(root: &Browser, id: &str) -> Answer {
    root.peek(&format!("{PEOPLE}/{id}")).await
}

#[tokio::test]
async fn a_person_who_is_not_signed_in_is_forgotten_and_the_audit_log_has_the_id_alone() {
    let bridge = TestBridge::start().await;
    let root = bridge.admin().await;
    bridge.provider.person("s-vic").claim("name", "Vic Viewer");
    bridge.signed_in("s-vic").await;
    let id = id_of(&person(&root, "vic").await).to_owned();

    let told = complaint(&forget(&bridge, &id));
    assert!(told.contains("is signed in"), "{told}");
    assert_eq!(by_id(&root, &id).await.status, 200);

    end(&bridge, &root, "s-vic").await;
    let done = forget(&bridge, &id);
    assert_eq!(done.status.code(), Some(0), "{done:?}");
    assert_eq!(by_id(&root, &id).await.status, 404);
    assert_eq!(listed(&root, "q=vic").await, [""; 0]);
    let (actor, object, before, after): (String, String, Option<Value>, Option<Value>) =
        sqlx::query_as(
            "SELECT actor_label, object, before, after FROM audit_log WHERE action = 'person.forgotten'",
        )
        .fetch_one(&bridge.db)
        .await
        .unwrap();
    assert_eq!((actor.as_str(), &object), ("cli:operator", &id));
    assert_eq!((before, after), (Some(json!({ "id": id })), None));

    let told = complaint(&forget(&bridge, &id));
    assert!(told.contains("no person"), "{told}");
    assert_eq!(bridge.count("people").await, 1);
    // Another sign-in makes the person known again, and not as the one who was forgotten.
    bridge.signed_in("s-vic").await;
    assert_ne!(id_of(&person(&root, "vic").await), id);
}

#[tokio::test]
async fn what_names_no_person_is_not_forgotten_and_ends_with_1() {
    let bridge = TestBridge::start().await;
    for id in ["x", "p_1", &format!("p_{}", "0".repeat(32))] {
        let told = complaint(&forget(&bridge, id));
        assert!(told.contains("no person"), "{told}");
    }
    assert_eq!(bridge.count("audit_log").await, 0);
}

#[tokio::test]
async fn a_session_that_rests_too_long_does_not_keep_its_user_from_being_forgotten() {
    let bridge = TestBridge::start().await;
    let root = bridge.admin().await;
    signed_in_with(&bridge, "vic", ["viewers"]).await;
    let id = id_of(&person(&root, "vic").await).to_owned();
    sqlx::query("UPDATE sessions SET last_seen_at = last_seen_at - interval '61 minutes' WHERE subject = 'vic'")
        .execute(&bridge.db)
        .await
        .unwrap();
    assert_eq!(forget(&bridge, &id).status.code(), Some(0));
}
