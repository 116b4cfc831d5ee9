//! AV-5 at the store: what cannot be asked is "unavailable", in time, and what
//! comes back is used again.

use red5_bridge::domain::mapping::MappingId;
use red5_bridge::store::NotStarted;
use red5_bridge::store::StoreError;
use red5_bridge::store::mappings::NotChanged;
use tokio::net::TcpListener;

use super::*;
use crate::database::empty_database;
use crate::database_way::Proxy;
use crate::eventually::{eventually, in_time};

/// Waits until so many connections of the database wait for a lock.
async fn waits_for_a_lock(database: &Database, connections: i64) {
    let waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
    eventually("the lock is waited for", async || {
        database.number(waiting).await == connections
    })
    .await;
}

async fn is_unavailable(store: &Store) {
    let live = SessionCache::new(store.clone(), IDLE);
    let (said, actor) = (draft("team", "a"), ann());
    let (hash_1, hash_2) = ([1; 32], hash(2));
    let (no_tokens, no_origin) = (super::no_tokens(), super::no_origin());
    let all_at_once = async {
        tokio::join!(
            one_row::create(store, &said, &actor, at(0)),
            store.mapping(MappingId(1)),
            store.tables(None),
            store.spend_attempt(&hash_1, at(0)),
            live.start(session(1), &no_tokens, &no_origin, SessionFor::NEW_BROWSER),
            live.find(&hash_2, at(0)),
        )
    };
    let all_at_once = in_time("the database is given up", Box::pin(all_at_once));
    let (edit, read, list, spend, start, find) = all_at_once.await;
    assert!(matches!(read, Err(StoreError::Unavailable(_))), "{read:?}");
    assert!(
        matches!(edit, Err(NotChanged::Store(StoreError::Unavailable(_)))),
        "{edit:?}"
    );
    assert!(
        matches!(start, Err(NotStarted::Store(StoreError::Unavailable(_)))),
        "{start:?}"
    );
    for outcome in [list.map(drop), spend.map(drop), find.map(drop)] {
        assert!(
            matches!(outcome, Err(StoreError::Unavailable(_))),
            "{outcome:?}"
        );
    }
}

#[tokio::test]
async fn av_5_a_database_that_is_gone_is_unavailable_at_once() {
    // No server listens on a port that was just given back.
    let port = TcpListener::bind("127.0.0.1:0")
        .await
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let store = Store::new(&format!("postgres://unknown@127.0.0.1:{port}/none")).unwrap();
    is_unavailable(&store).await;
    assert!(store.tables(None).await.is_err());
    assert!(store.migrate().await.is_err());
}

#[tokio::test]
async fn av_5_a_database_that_does_not_answer_is_unavailable_at_once() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = silent.local_addr().unwrap();
    let store = Store::new(&format!(
        "postgres://unknown@{address}/none?sslmode=disable"
    ))
    .unwrap();
    is_unavailable(&store).await;
}

#[tokio::test]
async fn a_wrong_password_name_or_version_is_unavailable_not_a_bug() {
    let url = empty_database().await;
    let not_migrated = Store::new(&url).unwrap();
    is_unavailable(&not_migrated).await;
    not_migrated.migrate().await.unwrap();
    assert!(not_migrated.tables(None).await.is_ok());

    let gone = Store::new(&url).unwrap();
    let name = url.split('?').next().unwrap().rsplit('/').next().unwrap();
    let elsewhere = Store::new(&url.replace(name, "no_such_database")).unwrap();
    is_unavailable(&elsewhere).await;
    gone.close().await;
    is_unavailable(&gone).await;
}

#[tokio::test]
async fn connections_that_fall_silent_are_given_up_and_their_places_used_again() {
    let database = Database::new().await;
    let proxy = Proxy::start(&database.serving).await;
    let store = proxy.store();
    // Every connection of the pool is open and busy …
    let ask = |store: &Store| {
        let store = store.clone();
        tokio::spawn(async move { store.spend_attempt(&[1; 32], at(0)).await })
    };
    let mut lock = database.hand.begin().await.unwrap();
    sqlx::raw_sql("LOCK TABLE spent_attempts IN EXCLUSIVE MODE")
        .execute(&mut *lock)
        .await
        .unwrap();
    let busy: Vec<_> = (0..10).map(|_| ask(&store)).collect();
    waits_for_a_lock(&database, 10).await;
    // … when the network falls silent.
    proxy.silence();
    lock.rollback().await.unwrap();
    for asked in busy {
        let outcome = in_time("it is given up", asked).await.unwrap();
        assert!(
            matches!(outcome, Err(StoreError::Unavailable(_))),
            "{outcome:?}"
        );
    }
    // The old connections stay silent; new ones are made once the old ones are closed.
    eventually("the pool recovers", async || {
        store.tables(None).await.is_ok()
    })
    .await;
    let all_at_once: Vec<_> = (0..10).map(|_| ask(&store)).collect();
    for asked in all_at_once {
        asked.await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn a_request_that_goes_away_leaves_no_half_done_connection_behind() {
    let database = Database::new().await;
    let store = database.store();
    let id = create(&store, "team", "a").await.id;
    let mut lock = database.hand.begin().await.unwrap();
    sqlx::raw_sql("LOCK TABLE audit_log IN EXCLUSIVE MODE")
        .execute(&mut *lock)
        .await
        .unwrap();
    let (asking, said, actor) = (store.clone(), draft("team", "b"), ann());
    let edit =
        tokio::spawn(async move { one_row::replace(&asking, id, 1, &said, &actor, at(1)).await });
    // The row is written, the audit row waits, and the client closes the connection.
    waits_for_a_lock(&database, 1).await;
    edit.abort();
    assert!(edit.await.unwrap_err().is_cancelled());
    lock.rollback().await.unwrap();
    // Nothing of it stays: neither the change nor a lock.
    let done = one_row::replace(&store, id, 1, &draft("team", "c"), &ann(), at(2))
        .await
        .unwrap();
    assert_eq!((done.version, done.draft), (2, draft("team", "c")));
    assert_eq!(database.number("SELECT count(*) FROM audit_log").await, 2);
}

#[tokio::test]
async fn a_lock_that_is_held_by_hand_is_unavailable_in_time() {
    let database = Database::new().await;
    let store = database.store();
    let mut lock = database.hand.begin().await.unwrap();
    sqlx::raw_sql("UPDATE change_counter SET value = value")
        .execute(&mut *lock)
        .await
        .unwrap();
    let (said, actor) = (draft("team", "a"), ann());
    let refused = in_time(
        "it is given up",
        one_row::create(&store, &said, &actor, at(0)),
    )
    .await;
    assert!(
        matches!(refused, Err(NotChanged::Store(StoreError::Unavailable(_)))),
        "{refused:?}"
    );
    // Reading goes on.
    assert!(store.tables(None).await.unwrap().0.mappings.is_empty());
}
