//! The mappings in memory, kept up with the table by notices.

use super::*;
use crate::database_way::Proxy;

#[tokio::test]
async fn an_edit_on_one_instance_reaches_the_other_by_notice() {
    let database = Database::new().await;
    let a = Instance::start(&database, NOTICES_ALONE).await;
    let b = Instance::start(&database, NOTICES_ALONE).await;
    let mapping = create(&a.store, "team", "a").await;
    let told = b.until("it was added", |now| may_watch(now, "team")).await;
    assert_eq!(
        told.mapping_version,
        database.number("SELECT mappings FROM change_counter").await
    );

    one_row::replace(&a.store, mapping.id, 1, &draft("crew", "a"), &ann(), at(1))
        .await
        .unwrap();
    b.until("it was replaced", |now| {
        may_watch(now, "crew") && !may_watch(now, "team")
    })
    .await;
    one_row::delete(&a.store, mapping.id, 2, &ann(), at(2))
        .await
        .unwrap();
    b.until("it was deleted", |now| !may_watch(now, "crew"))
        .await;
}

#[tokio::test]
async fn a_change_by_hand_counts_too() {
    let database = Database::new().await;
    let a = Instance::start(&database, NOTICES_ALONE).await;
    create(&a.store, "team", "a").await;
    a.until("it was added", |now| may_watch(now, "team")).await;
    database
        .by_hand("UPDATE mappings SET enabled = false")
        .await
        .unwrap();
    a.until("it was switched off", |now| !may_watch(now, "team"))
        .await;
    database
        .by_hand("SET session_replication_role = replica; UPDATE mappings SET enabled = true")
        .await
        .unwrap();
    a.until("it was switched on", |now| may_watch(now, "team"))
        .await;
    database.by_hand("TRUNCATE mappings").await.unwrap();
    a.until("the table is empty", |now| !may_watch(now, "team"))
        .await;
}

#[tokio::test]
async fn a_change_that_is_rolled_back_is_no_news() {
    let database = Database::new().await;
    let before = database.number("SELECT value FROM change_counter").await;
    let mut change = database.hand.begin().await.unwrap();
    sqlx::raw_sql("DELETE FROM mappings")
        .execute(&mut *change)
        .await
        .unwrap();
    change.rollback().await.unwrap();
    assert_eq!(
        database.number("SELECT value FROM change_counter").await,
        before
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn numbers_are_in_the_order_of_commits_without_gaps() {
    let database = Database::new().await;
    let mut listener = sqlx::postgres::PgListener::connect_with(&database.hand)
        .await
        .unwrap();
    listener.listen("bridge_changes").await.unwrap();
    let first = database.number("SELECT value FROM change_counter").await;
    let live = Arc::new(SessionCache::new(database.store(), IDLE));
    let edits: Vec<_> = (0..60)
        .map(|n| {
            let (store, live) = (database.store(), Arc::clone(&live));
            tokio::spawn(async move {
                if n % 3 == 0 {
                    start(&live, session(n)).await;
                    end(&live, n).await;
                } else {
                    create(&store, "team", &format!("room-{n}")).await;
                }
            })
        })
        .collect();
    for edit in edits {
        edit.await.unwrap();
    }
    for expected in first + 1..=first + 60 {
        let notice = listener.recv().await.unwrap();
        let number = notice.payload().split(' ').nth(1).unwrap();
        assert_eq!(number, expected.to_string());
    }
}

#[tokio::test]
async fn se_7_the_instance_that_took_the_edit_knows_before_it_answers() {
    let database = Database::new().await;
    let proxy = Proxy::start(&database.serving).await;
    let a = Instance::start_with(proxy.store(), database.store(), NOTICES_ALONE).await;
    proxy.swallow(u32::MAX);
    for n in 0..20 {
        let group = format!("team-{n}");
        create(&a.store, &group, "a").await;
        a.snapshots.reload().await.unwrap();
        assert!(may_watch(&a.snapshots.current().unwrap(), &group));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_older_load_never_replaces_a_newer_one() {
    let database = Database::new().await;
    let a = Arc::new(Instance::start(&database, NOTICES_ALONE).await);
    let seen = Arc::clone(&a);
    let sampler = tokio::spawn(async move {
        let mut newest = 0;
        loop {
            let now = seen.snapshots.current().unwrap().mapping_version;
            assert!(now >= newest, "{now} after {newest}");
            newest = now;
            tokio::task::yield_now().await;
        }
    });
    let edits: Vec<_> = (0..40)
        .map(|n| {
            let a = Arc::clone(&a);
            tokio::spawn(async move {
                let group = format!("team-{n}");
                create(&a.store, &group, "a").await;
                a.snapshots.reload().await.unwrap();
                assert!(may_watch(&a.snapshots.current().unwrap(), &group));
            })
        })
        .collect();
    for edit in edits {
        edit.await.unwrap();
    }
    sampler.abort();
    assert!(sampler.await.unwrap_err().is_cancelled());
}
