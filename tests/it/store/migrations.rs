//! Tables are made once, by whoever comes first, and by nobody without the right.

use red5_bridge::store::StoreError;
use sqlx::Connection as _;

use super::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn instances_that_start_together_migrate_once() {
    let url = new_database().await;
    let starting: Vec<_> = (0..5)
        .map(|_| {
            let store = Store::new(&url).unwrap();
            tokio::spawn(async move { store.migrate().await })
        })
        .collect();
    for started in starting {
        started.await.unwrap().unwrap();
    }
    Store::new(&url).unwrap().migrate().await.unwrap();
}

#[tokio::test]
async fn tables_of_another_version_are_refused() {
    let database = Database::new().await;
    database
        .by_hand("UPDATE _sqlx_migrations SET checksum = '\\x00' WHERE version = 2")
        .await
        .unwrap();
    let refused = database.store().migrate().await;
    assert!(
        matches!(refused, Err(StoreError::Migration(_))),
        "{refused:?}"
    );

    let database = Database::new().await;
    let newer = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) VALUES (9999, '', true, '', 0)";
    database.by_hand(newer).await.unwrap();
    let refused = database.store().migrate().await;
    assert!(
        matches!(refused, Err(StoreError::Migration(_))),
        "{refused:?}"
    );
}

#[tokio::test]
async fn sc_4_a_role_that_cannot_change_tables_suffices_once_they_are_there() {
    let database = Database::new().await;
    let role = format!("app_{:016x}", rand::random::<u64>());
    database
        .by_hand(format!(
            "CREATE ROLE {role} LOGIN;
             REVOKE CREATE ON SCHEMA public FROM PUBLIC;
             GRANT SELECT, INSERT, UPDATE, DELETE ON mappings, blocked, sessions, spent_attempts, logouts
                 TO {role};
             GRANT SELECT, UPDATE ON change_counter TO {role};
             GRANT SELECT, INSERT ON audit_log TO {role};
             GRANT SELECT ON _sqlx_migrations TO {role}"
        ))
        .await
        .unwrap();
    let mut url = url::Url::parse(&database.url).unwrap();
    url.set_username(&role).unwrap();
    let store = Store::new(url.as_str()).unwrap();
    store.migrate().await.unwrap();
    let id = create(&store, "team", "a").await.id;
    store
        .replace_mapping(id, 1, &draft("team", "b"), &ann(), at(1))
        .await
        .unwrap();
    store.delete_mapping(id, 2, &ann(), at(2)).await.unwrap();
    assert_eq!(store.audit_log(9, 0).await.unwrap().len(), 3);
    let live = LiveSessions::new(store.clone(), IDLE);
    live.start(session(1), None).await.unwrap();
    live.find(&hash(1), at(1)).await.unwrap();
    live.flush().await.unwrap();
    assert!(live.end(&hash(1)).await.unwrap().is_some());
    store.spend_attempt(&[1; 32], at(0)).await.unwrap();
    store.sweep_attempts(at(9999)).await.unwrap();
    store.sweep_sessions(at(9999), at(0)).await.unwrap();

    let mut by_hand = sqlx::PgConnection::connect(url.as_str()).await.unwrap();
    for forbidden in [
        "CREATE TABLE t ()",
        "ALTER TABLE audit_log DISABLE TRIGGER ALL",
        "DELETE FROM audit_log",
        "DROP TABLE mappings",
    ] {
        assert!(
            sqlx::raw_sql(forbidden)
                .execute(&mut by_hand)
                .await
                .is_err(),
            "{forbidden}"
        );
    }
    database
        .by_hand(format!("DROP OWNED BY {role}; DROP ROLE {role}"))
        .await
        .unwrap();
}
