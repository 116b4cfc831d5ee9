//! AD-9: every change and its audit row are one transaction, and stay.

use super::*;

async fn audited(database: &Database) -> Vec<(String, String, Option<Value>, Option<Value>)> {
    sqlx::query_as("SELECT action, object, before, after FROM audit_log ORDER BY id")
        .fetch_all(&database.hand)
        .await
        .unwrap()
}

#[tokio::test]
async fn ad_9_each_change_is_audited_with_before_and_after() {
    let database = Database::new().await;
    let store = database.store();
    let id = create(&store, "team", "a").await.id;
    one_row::replace(&store, id, 1, &draft("team", "b"), &ann(), at(1))
        .await
        .unwrap();
    one_row::delete(&store, id, 2, &ann(), at(2)).await.unwrap();

    let row = |room: &str, version: i64, updated: i64| {
        json!({
            "id": 1, "group_name": "team", "match": "exact", "roles": ["red5-subscriber"], "transports": ["WHEP"],
            "rooms": [room], "max_ttl_seconds": null, "valid_from": null, "valid_until": null, "enabled": true,
            "note": "", "version": version, "created_at": "2026-11-18T11:06:40+00:00", "created_by": "ann",
            "updated_at": format!("2026-11-18T11:06:4{updated}+00:00"), "updated_by": "ann",
        })
    };
    let entry = |action: &str, before, after| (action.to_owned(), "1".to_owned(), before, after);
    assert_eq!(
        audited(&database).await,
        [
            entry("mapping.created", None, Some(row("a", 1, 0))),
            entry(
                "mapping.replaced",
                Some(row("a", 1, 0)),
                Some(row("b", 2, 1))
            ),
            entry("mapping.deleted", Some(row("b", 2, 1)), None),
        ]
    );
    let newest = &store.audit_log(&AuditFilter::default(), 1).await.unwrap()[0];
    assert_eq!(
        (newest.action.as_str(), newest.at),
        ("mapping.deleted", at(2))
    );
    assert_eq!(
        (newest.actor_issuer.as_str(), newest.actor_subject.as_str()),
        ("https://login.example", "s-1")
    );
    assert_eq!(newest.client_ip.as_deref(), Some("192.0.2.7"));
    assert_eq!(newest.request_id.as_deref(), Some("r-1"));
    assert_eq!(
        store.audit_log(&AuditFilter::default(), 10).await.unwrap()[2].action,
        "mapping.created"
    );
}

#[tokio::test]
async fn ad_9_a_change_that_cannot_be_audited_does_not_happen() {
    let database = Database::new().await;
    let store = database.store();
    let id = create(&store, "team", "a").await.id;
    database
        .by_hand("ALTER TABLE audit_log ADD CONSTRAINT nothing_fits CHECK (false) NOT VALID")
        .await
        .unwrap();
    let version = database.number("SELECT mappings FROM change_counter").await;
    assert!(
        one_row::create(&store, &draft("team", "b"), &ann(), at(0))
            .await
            .is_err()
    );
    assert!(
        one_row::replace(&store, id, 1, &draft("team", "b"), &ann(), at(0))
            .await
            .is_err()
    );
    assert!(one_row::delete(&store, id, 1, &ann(), at(0)).await.is_err());
    let (tables, mapping_version) = store.tables(None).await.unwrap();
    assert_eq!(tables.mappings.len(), 1);
    assert_eq!(tables.mappings[0].draft, draft("team", "a"));
    assert_eq!(mapping_version, version);
}

#[tokio::test]
async fn ad_9_the_audit_log_is_append_only_for_every_role() {
    let database = Database::new().await;
    create(&database.store(), "team", "a").await;
    for attempt in [
        "UPDATE audit_log SET actor_label = 'bob'",
        "UPDATE audit_log SET actor_label = 'bob' WHERE false",
        "DELETE FROM audit_log",
        "TRUNCATE audit_log",
        "TRUNCATE mappings, audit_log",
        "INSERT INTO audit_log (id, at, actor_issuer, actor_subject, actor_label, action, object)
         OVERRIDING SYSTEM VALUE VALUES (1, now(), '', '', '', 'a.b', '')
         ON CONFLICT (id) DO UPDATE SET actor_label = 'bob'",
        // Ordinary triggers would rest.
        "SET session_replication_role = replica; DELETE FROM audit_log",
    ] {
        // The tests' role is the superuser; no role has more rights.
        let refused = database.by_hand(attempt).await.expect_err(attempt);
        assert!(
            refused.to_string().contains("audit_log is append-only"),
            "{refused}"
        );
    }
    let kept = database
        .number("SELECT count(*) FROM audit_log WHERE actor_label = 'ann'")
        .await;
    assert_eq!(kept, 1);
}
