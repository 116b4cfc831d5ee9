//! What goes wrong between the table and the memory: lost connections and
//! notices, silence, a restored database, a standby. Nothing older than the
//! bound is ever served.

use red5_bridge::store::StoreError;

use super::*;
use crate::database_way::Proxy;
use crate::eventually::eventually;

/// So short that a test can wait for it.
const BOUND: Duration = Duration::from_millis(900);

/// Ends every connection of a bridge, as an administrator of the server would.
async fn cut_all(database: &Database) -> i64 {
    database
        .number(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
             WHERE datname = current_database() AND application_name = 'red5-bridge'",
        )
        .await
}

#[tokio::test]
async fn a_lost_connection_loads_everything_again() {
    let database = Database::new().await;
    let a = Instance::start(&database, NOTICES_ALONE).await;
    start(&a.live, session(1)).await;
    assert!(a.live.find(&hash(1), at(1)).await.unwrap().is_some());
    assert!(cut_all(&database).await >= 1);
    // No connection listens to these.
    create(&database.store(), "team", "a").await;
    database.by_hand("DELETE FROM sessions").await.unwrap();
    a.until("the table was loaded again", |now| may_watch(now, "team"))
        .await;
    assert!(a.live.find(&hash(1), at(1)).await.unwrap().is_none());
    // And it listens again.
    create(&database.store(), "crew", "a").await;
    a.until("the next notice", |now| may_watch(now, "crew"))
        .await;
}

#[tokio::test]
async fn a_notice_that_was_lost_is_missed_at_the_next_one() {
    let database = Database::new().await;
    let proxy = Proxy::start(&database.serving).await;
    let a = Instance::start_with(proxy.store(), database.store(), NOTICES_ALONE).await;
    start(&a.live, session(1)).await;
    proxy.swallow(1);
    database.by_hand("DELETE FROM sessions").await.unwrap();
    create(&database.store(), "team", "a").await;
    a.until("the next notice", |now| may_watch(now, "team"))
        .await;
    assert!(a.live.find(&hash(1), at(1)).await.unwrap().is_none());
}

#[tokio::test]
async fn without_any_notice_the_bound_holds() {
    let database = Database::new().await;
    let proxy = Proxy::start(&database.serving).await;
    let a = Instance::start_with(proxy.store(), database.store(), BOUND).await;
    start(&a.live, session(1)).await;
    for n in 0..5 {
        proxy.swallow(u32::MAX);
        let group = format!("team-{n}");
        create(&database.store(), &group, "a").await;
        never_beyond_the_bound("the edit counts", async || {
            let now = a.snapshots.current().ok()?;
            Some(may_watch(&now, &group))
        })
        .await;
    }
    database.by_hand("DELETE FROM sessions").await.unwrap();
    never_beyond_the_bound("the session is over", async || {
        let found = a.live.find(&hash(1), at(1)).await.ok()?;
        Some(found.is_none())
    })
    .await;
}

/// Waits until the answer is the one of now. Until then there may be none, and from the bound
/// on no old one: that holds however slow the machine is.
async fn never_beyond_the_bound(what: &str, mut look: impl AsyncFnMut() -> Option<bool>) {
    let changed = Instant::now();
    eventually(what, async || {
        let asked = changed.elapsed();
        let answer = look().await;
        assert!(
            answer != Some(false) || asked <= BOUND,
            "an answer older than the bound: {asked:?}"
        );
        answer == Some(true)
    })
    .await;
}

#[tokio::test]
async fn av_5_a_connection_that_falls_silent_is_stale_in_time_and_replaced() {
    let database = Database::new().await;
    let proxy = Proxy::start(&database.serving).await;
    let a = Instance::start_with(proxy.store(), database.store(), BOUND).await;
    proxy.silence();
    create(&database.store(), "team", "a").await;
    never_beyond_the_bound("it listens on another connection", async || {
        let now = a.snapshots.current().ok()?;
        Some(may_watch(&now, "team"))
    })
    .await;
}

#[tokio::test]
async fn a_stream_of_notices_does_not_keep_the_question_from_being_asked() {
    let database = Database::new().await;
    let a = Instance::start(&database, BOUND).await;
    let other = SessionCache::new(database.store(), IDLE);
    let (mut number, mut questions, mut last) = (0, 0, Duration::ZERO);
    eventually("the question is asked again and again", async || {
        start(&other, session(number)).await;
        end(&other, number).await;
        number += 1;
        // The age goes down with a question alone.
        let age = a.snapshots.age().unwrap_or(Duration::MAX);
        questions += u32::from(age < last);
        last = age;
        questions == 5
    })
    .await;
}

#[tokio::test]
async fn a_restored_database_is_followed_although_its_numbers_are_lower() {
    let database = Database::new().await;
    let a = Instance::start(&database, BOUND).await;
    for n in 0..10 {
        create(&a.store, &format!("team-{n}"), "a").await;
    }
    a.until("it was added", |now| may_watch(now, "team-9"))
        .await;
    // What `pg_restore --disable-triggers` does to the two tables.
    database
        .by_hand(
            "BEGIN;
             ALTER TABLE mappings DISABLE TRIGGER mappings_changed;
             DELETE FROM mappings;
             UPDATE change_counter SET value = 2, mappings = 2;
             ALTER TABLE mappings ENABLE ALWAYS TRIGGER mappings_changed;
             COMMIT",
        )
        .await
        .unwrap();
    a.until("it is as restored", |now| {
        now.mapping_version == 2 && !may_watch(now, "team-9")
    })
    .await;
    create(&a.store, "crew", "a").await;
    a.until("it hears of changes", |now| may_watch(now, "crew"))
        .await;
}

#[tokio::test]
async fn a_forged_notice_changes_nothing() {
    let database = Database::new().await;
    let a = Instance::start(&database, BOUND).await;
    create(&a.store, "team", "a").await;
    for odd in [
        "",
        "mappings",
        "mappings 999999999",
        "mappings 1",
        "sessions -5",
        "sessions 3 zz",
        "blocks 7",
        "mappings 99999999999999999999999",
    ] {
        database
            .by_hand(format!("NOTIFY bridge_changes, '{odd}'"))
            .await
            .unwrap();
    }
    create(&database.store(), "crew", "a").await;
    a.until("the true notice", |now| may_watch(now, "crew"))
        .await;
    a.until_asked().await;
    assert!(may_watch(&a.snapshots.current().unwrap(), "team"));
}

#[tokio::test]
async fn after_an_invalidation_what_was_loaded_before_is_not_served() {
    let database = Database::new().await;
    let a = Instance::start(&database, BOUND).await;
    a.snapshots.invalidate();
    assert!(a.snapshots.current().is_err());
    assert_eq!(a.snapshots.age(), None);
    a.until("the next question agreed", |_| true).await;
}

#[tokio::test]
async fn av_5_nothing_is_served_before_the_first_load_and_after_the_bound() {
    let database = Database::new().await;
    let store = database.store();
    let live = Arc::new(SessionCache::new(store.clone(), IDLE));
    let snapshots = SnapshotKeeper::new(store.clone(), live, BOUND);
    assert!(snapshots.current().is_err());
    // Loaded, but not yet known since when it is true.
    snapshots.reload().await.unwrap();
    assert!(snapshots.current().is_err());

    let a = Instance::start(&database, BOUND).await;
    a.running.abort();
    a.until_stale("the bound passes").await;
}

// --- standby ---

/// Puts a function in the place of one of the server's own.
async fn pretend(database: &Database, function: &str) {
    let path = database.url.split('?').next().unwrap();
    let name = path.rsplit('/').next().unwrap();
    database
        .by_hand(format!(
            "CREATE OR REPLACE FUNCTION public.{function};
             ALTER DATABASE {name} SET search_path = public, pg_catalog"
        ))
        .await
        .unwrap();
}

/// Makes the server say of itself that it is in recovery, or not.
async fn set_standby(database: &Database, standby: bool) {
    let says = format!("RETURNS boolean LANGUAGE sql AS 'SELECT {standby}'");
    pretend(database, &format!("pg_is_in_recovery() {says}")).await;
}

#[tokio::test]
async fn a_server_in_recovery_is_not_believed() {
    let database = Database::new().await;
    set_standby(&database, false).await;
    let a = Instance::start(&database, BOUND).await;
    start(&a.live, session(1)).await;
    set_standby(&database, true).await;
    a.until_stale("the server is not believed").await;
    // Nor by a connection that is made now.
    let refused = database.store().tables(None).await;
    assert!(
        matches!(refused, Err(StoreError::Unavailable(_))),
        "{refused:?}"
    );
    set_standby(&database, false).await;
    a.until("it takes writes again", |_| true).await;
}

// --- another server ---

/// Of no connection.
const NEVER: &str = "false";

/// Of all but the one that listens.
const THE_OTHERS: &str = "NOT EXISTS (SELECT FROM pg_listening_channels())";

/// Of whatever reads or writes sessions.
const SESSIONS: &str = "current_query() LIKE '%sessions%'";

/// Makes the server say that it is another one where this is so.
async fn set_elsewhere(database: &Database, when: &str) {
    let says = format!(
        "RETURNS timestamptz LANGUAGE sql AS $$
             SELECT pg_catalog.pg_postmaster_start_time()
                 - CASE WHEN {when} THEN interval '1 day' ELSE interval '0' END
         $$"
    );
    pretend(database, &format!("pg_postmaster_start_time() {says}")).await;
}

/// AV-5: as after a failover, when old connections lead to the old primary.
#[tokio::test]
async fn av_5_what_another_server_says_than_the_one_that_is_listened_to_is_not_believed() {
    let database = Database::new().await;
    set_elsewhere(&database, NEVER).await;
    let a = Instance::start(&database, BOUND).await;
    set_elsewhere(&database, THE_OTHERS).await;
    create(&a.store, "team", "a").await;
    a.until_stale("the other server is not believed").await;
    set_elsewhere(&database, NEVER).await;
    a.until("both lead to the same server", |now| may_watch(now, "team"))
        .await;
}

/// As behind a pooler, where each transaction may lead to another server.
#[tokio::test]
async fn se_7_a_session_of_another_server_is_neither_believed_nor_kept() {
    let database = Database::new().await;
    set_elsewhere(&database, NEVER).await;
    let store = database.store();
    let a = Instance::start_with(store.clone(), store, NOTICES_ALONE).await;
    let other = SessionCache::new(database.store(), IDLE);
    start(&other, session(1)).await;
    set_elsewhere(&database, SESSIONS).await;
    start(&a.live, session(2)).await;
    for number in [1, 2] {
        let refused = a.live.find(&hash(number), at(1)).await;
        assert!(
            matches!(refused, Err(StoreError::Unavailable(_))),
            "{number}: {refused:?}"
        );
    }
    set_elsewhere(&database, NEVER).await;
    for number in [1, 2] {
        let found = a.live.find(&hash(number), at(1)).await.unwrap();
        assert!(found.is_some(), "{number}");
    }
}
