//! Tables are made once, by the instance that comes first, and only with the right to.

use red5_bridge::store::StoreError;
use sqlx::{Connection as _, Executor as _, PgConnection};

use super::*;
use crate::database::empty_database;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn instances_that_start_together_migrate_once() {
    let url = empty_database().await;
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
    let refused = Store::new(&database.url).unwrap().migrate().await;
    assert!(
        matches!(refused, Err(StoreError::Migration(_))),
        "{refused:?}"
    );

    // A newer version's migration that stopped half-way.
    let database = Database::new().await;
    database.by_hand(&newer("", false)).await.unwrap();
    let refused = Store::new(&database.url).unwrap().migrate().await;
    assert!(
        matches!(refused, Err(StoreError::Migration(_))),
        "{refused:?}"
    );
}

/// What a newer version leaves behind.
fn newer(change: &str, success: bool) -> String {
    format!(
        "{change};
         INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
         VALUES (9999, '', {success}, '', 0)"
    )
}

#[tokio::test]
async fn what_a_newer_version_added_to_the_tables_is_borne() {
    let database = Database::new().await;
    let added = "ALTER TABLE mappings ADD newer text NOT NULL DEFAULT '';
                 ALTER TABLE sessions ADD newer text;
                 CREATE TABLE newer (id bigint)";
    database.by_hand(&newer(added, true)).await.unwrap();
    let owner = Store::new(&database.url).unwrap();
    for store in [owner, database.store()] {
        store.migrate().await.unwrap();
    }
    let store = database.store();
    let id = create(&store, "team", "a").await.id;
    one_row::replace(&store, id, 1, &draft("team", "b"), &ann(), at(1))
        .await
        .unwrap();
    let live = SessionCache::new(store.clone(), IDLE);
    start(&live, session(1)).await;
    live.find(&hash(1), at(1)).await.unwrap();
}

/// What of an earlier release's queries does not fit the tables: a name that is gone, or a
/// column that must be filled and that the release does not know.
async fn misfits(db: &mut PgConnection) -> Vec<String> {
    let mut found = Vec::new();
    for query in include_str!("queries_of_migration_13.sql").split_terminator("\n;\n") {
        let prepare = format!("PREPARE one AS {query}; DEALLOCATE one");
        if let Err(error) = db.execute(AssertSqlSafe(prepare)).await {
            found.push(format!("{error}: {query}"));
        }
        let Some((_, insert)) = query.split_once("INSERT INTO ") else {
            continue;
        };
        let (table, rest) = insert.split_once(" (").unwrap();
        let (columns, _) = rest.split_once(')').unwrap();
        let columns: Vec<&str> = columns.split(',').map(str::trim).collect();
        let unknown: Result<Vec<String>, _> = sqlx::query_scalar(
            "SELECT attrelid::regclass || '.' || attname FROM pg_attribute
             WHERE attrelid = $1::text::regclass AND attnum > 0 AND attnotnull AND NOT attisdropped
               AND NOT atthasdef AND attidentity = '' AND attname <> ALL ($2)",
        )
        .bind(table)
        .bind(columns)
        .fetch_all(&mut *db)
        .await;
        found.extend(unknown.unwrap_or_default());
    }
    found
}

#[tokio::test]
async fn the_queries_of_an_earlier_release_fit_the_tables_of_today() {
    let database = Database::new().await;
    let mut db = PgConnection::connect(&database.url).await.unwrap();
    assert_eq!(misfits(&mut db).await, [""; 0]);
    // And it would be noticed.
    for change in [
        "ALTER TABLE sessions RENAME provider_sid TO sid",
        "ALTER TABLE mappings ADD must text NOT NULL",
        "ALTER TABLE blocked DROP reason",
        "ALTER FUNCTION mapping_digest RENAME TO digest_of_mapping",
    ] {
        let mut change_alone = db.begin().await.unwrap();
        change_alone.execute(change).await.unwrap();
        assert_ne!(misfits(&mut change_alone).await, [""; 0], "{change}");
        change_alone.rollback().await.unwrap();
    }
}

#[tokio::test]
async fn what_is_missing_is_applied_beside_what_a_newer_version_added() {
    let database = Database::new().await;
    database
        .by_hand(&newer(
            "DELETE FROM _sqlx_migrations WHERE version = 16;
             ALTER TABLE sessions DROP nonce_hash, DROP refresh_refusals, DROP refresh_refused_since",
            true,
        ))
        .await
        .unwrap();
    let refused = database.store().migrate().await.unwrap_err();
    assert!(matches!(refused, StoreError::NotMigrated), "{refused:?}");
    // Its owner applies what is missing, and then it serves.
    let owner = Store::new(&database.url).unwrap();
    owner.migrate().await.unwrap();
    let applied = "SELECT count(*) FROM _sqlx_migrations WHERE version IN (16, 9999) AND success";
    assert_eq!(database.number(applied).await, 2);
    database.store().migrate().await.unwrap();
}

#[tokio::test]
async fn sc_4_a_role_that_cannot_change_tables_suffices_once_they_are_there() {
    let database = Database::new().await;
    let store = database.store();
    store.migrate().await.unwrap();
    let id = create(&store, "team", "a").await.id;
    one_row::replace(&store, id, 1, &draft("team", "b"), &ann(), at(1))
        .await
        .unwrap();
    one_row::delete(&store, id, 2, &ann(), at(2)).await.unwrap();
    assert_eq!(
        store
            .audit_log(&AuditFilter::default(), 9)
            .await
            .unwrap()
            .len(),
        3
    );
    let live = SessionCache::new(store.clone(), IDLE);
    start(&live, session(1)).await;
    live.find(&hash(1), at(1)).await.unwrap();
    live.flush().await.unwrap();
    assert!(end(&live, 1).await);
    store.spend_attempt(&[1; 32], at(0)).await.unwrap();
    store.sweep_attempts(at(9999)).await.unwrap();
    store.sweep_sessions(at(9999), at(0)).await.unwrap();
    store.sweep_sign_outs(at(9999)).await.unwrap();
    store.sweep_logouts(at(9999)).await.unwrap();
}

#[tokio::test]
async fn sc_4_the_role_that_serves_can_neither_change_tables_nor_what_was_written_down() {
    let database = Database::new().await;
    create(&database.store(), "team", "a").await;
    let mut serving = sqlx::PgConnection::connect(&database.serving)
        .await
        .unwrap();
    for forbidden in [
        "CREATE TABLE t ()",
        "CREATE TEMPORARY TABLE t ()",
        "CREATE SCHEMA s",
        "CREATE FUNCTION f() RETURNS integer LANGUAGE sql RETURN 1",
        "DROP TABLE mappings",
        "ALTER TABLE sessions ADD x integer",
        "ALTER TABLE audit_log DISABLE TRIGGER ALL",
        "ALTER TABLE mappings DISABLE TRIGGER ALL",
        "SET session_replication_role = replica",
        "UPDATE audit_log SET actor_label = 'other'",
        "DELETE FROM audit_log",
        "TRUNCATE audit_log",
        "TRUNCATE mappings",
        "DELETE FROM change_counter",
        "INSERT INTO change_counter (value, mappings) VALUES (1, 1)",
        "UPDATE _sqlx_migrations SET success = true",
        "UPDATE spent_attempts SET expires_at = now()",
        "CREATE ROLE other",
        "COPY mappings TO PROGRAM 'cat'",
    ] {
        let refused = sqlx::raw_sql(forbidden).execute(&mut serving).await;
        let error = refused.expect_err(forbidden);
        let code = error
            .as_database_error()
            .and_then(sqlx::error::DatabaseError::code);
        // insufficient_privilege, in a word of the server and not of our trigger.
        assert_eq!(code.as_deref(), Some("42501"), "{forbidden}: {error}");
        assert!(!error.to_string().contains("append-only"), "{forbidden}");
    }
}

#[tokio::test]
async fn sc_4_the_role_that_serves_says_what_to_run_when_migrations_are_pending() {
    let database = Database::new().await;
    database
        .by_hand(
            "DELETE FROM _sqlx_migrations
             WHERE version = (SELECT max(version) FROM _sqlx_migrations)",
        )
        .await
        .unwrap();
    let refused = database.store().migrate().await.unwrap_err();
    assert!(matches!(refused, StoreError::NotMigrated), "{refused:?}");
    assert!(refused.to_string().contains("red5-bridge migrate"));
}

#[tokio::test]
async fn the_sweep_removes_the_last_uses_of_mappings_that_are_gone() {
    let database = Database::new().await;
    let store = database.store();
    let kept = create(&store, "crew", "lobby").await;
    database
        .by_hand("INSERT INTO mapping_uses VALUES (99, '2026-11-29'), ((SELECT id FROM mappings), '2026-11-29')")
        .await
        .unwrap();
    assert_eq!(store.sweep_mapping_uses().await.unwrap(), 1);
    let left = database.number("SELECT mapping FROM mapping_uses").await;
    assert_eq!(left, kept.id.0);
}

#[tokio::test]
async fn one_instance_sweeps_at_a_time_and_the_other_does_nothing() {
    let database = Database::new().await;
    let store = database.store();
    database
        .by_hand(
            "INSERT INTO spent_attempts SELECT sha256(int4send(n)), 'epoch' FROM generate_series(1, 2500) n;
             INSERT INTO sign_outs SELECT sha256(int4send(n)), '\\x00', 'epoch' FROM generate_series(1, 2500) n;
             INSERT INTO logouts SELECT sha256(int4send(n)), 'i', 's', NULL, 'epoch', 'epoch' FROM generate_series(1, 2500) n",
        )
        .await
        .unwrap();
    let mut other = database.hand.begin().await.unwrap();
    // The program's own number.
    sqlx::raw_sql("SELECT pg_advisory_xact_lock(x'5245443553574550'::bigint)")
        .execute(&mut *other)
        .await
        .unwrap();
    assert_eq!(store.sweep_attempts(at(0)).await.unwrap(), 0);
    assert_eq!(store.sweep_sign_outs(at(0)).await.unwrap(), 0);
    assert_eq!(store.sweep_logouts(at(0)).await.unwrap(), 0);
    other.rollback().await.unwrap();
    assert_eq!(store.sweep_attempts(at(0)).await.unwrap(), 2500);
    assert_eq!(store.sweep_sign_outs(at(0)).await.unwrap(), 2500);
    assert_eq!(store.sweep_logouts(at(0)).await.unwrap(), 2500);
}
