//! The sessions in use, in memory.

use super::*;
use crate::database_way::Proxy;

/// A session whose ends are counted apart from those of the sessions with small numbers.
const ANOTHER_SHARE: u32 = 1 << 16;

async fn find(instance: &Instance, number: u32, now: DateTime<Utc>) -> bool {
    instance
        .live
        .find(&hash(number), now)
        .await
        .unwrap()
        .is_some()
}

#[tokio::test]
async fn a_session_in_use_is_found_without_the_database() {
    let database = Database::new().await;
    let store = database.store();
    let live = SessionCache::new(store.clone(), IDLE);
    start(&live, session(1)).await;
    store.close().await;
    let found = live.find(&hash(1), at(5)).await.unwrap().unwrap();
    assert_eq!(found.session, session(1));
    assert_eq!(found.idle_ends_at(IDLE), at(5) + IDLE);
    assert!(live.find(&hash(2), at(5)).await.is_err());
}

#[tokio::test]
async fn se_3_a_session_ends_when_idle_and_at_its_absolute_end() {
    let database = Database::new().await;
    let a = Instance::start(&database, NOTICES_ALONE).await;
    start(&a.live, session(1)).await;
    let end = 12 * 3600;
    // Used every half an hour, it lives up to the absolute end and no longer.
    for now in (0..end).step_by(1800) {
        assert!(find(&a, 1, at(now)).await, "{now}");
    }
    assert!(find(&a, 1, at(end - 1)).await);
    assert!(!find(&a, 1, at(end)).await);

    start(&a.live, session(2)).await;
    assert!(find(&a, 2, at(3599)).await);
    a.live.flush().await.unwrap();
    assert!(!find(&a, 2, at(3599 + 3600)).await);
}

#[tokio::test]
async fn se_3_a_person_seen_by_another_instance_is_not_idle() {
    let database = Database::new().await;
    let a = Instance::start(&database, NOTICES_ALONE).await;
    let b = Instance::start(&database, NOTICES_ALONE).await;
    start(&a.live, session(1)).await;
    assert!(find(&b, 1, at(3000)).await);
    // Not written down yet: to the other instance the person is idle.
    assert!(!find(&a, 1, at(4000)).await);
    b.live.flush().await.unwrap();
    assert!(find(&a, 1, at(4000)).await);
}

#[tokio::test]
async fn se_4_a_session_that_ended_is_over_here_at_once_and_elsewhere_by_notice() {
    let database = Database::new().await;
    let a = Instance::start(&database, NOTICES_ALONE).await;
    let b = Instance::start(&database, NOTICES_ALONE).await;
    for number in [1, 2] {
        start(&a.live, session(number)).await;
        assert!(find(&b, number, at(1)).await);
    }
    assert!(end(&a.live, 1).await);
    assert!(!find(&a, 1, at(2)).await);
    b.hears(&database).await;
    assert!(!find(&b, 1, at(2)).await);
    assert!(find(&b, 2, at(2)).await);
    // Ending what is over is no error, and no news.
    assert!(!end(&b.live, 1).await);
}

#[tokio::test]
async fn se_4_the_instance_that_ends_a_session_waits_for_no_notice() {
    let database = Database::new().await;
    // Without a listening connection.
    let live = SessionCache::new(database.store(), IDLE);
    start(&live, session(1)).await;
    assert!(live.find(&hash(1), at(1)).await.unwrap().is_some());
    end(&live, 1).await;
    assert!(live.find(&hash(1), at(1)).await.unwrap().is_none());
}

#[tokio::test]
async fn se_4_every_end_by_hand_is_heard_of() {
    let database = Database::new().await;
    let a = Instance::start(&database, NOTICES_ALONE).await;
    for end in [
        "DELETE FROM sessions WHERE subject = 's-1'",
        "DELETE FROM sessions",
        "TRUNCATE sessions",
        "UPDATE sessions SET ends_at = created_at + interval '1 microsecond'",
        "UPDATE sessions SET subject = 'another'",
        "SET session_replication_role = replica; DELETE FROM sessions",
    ] {
        start(&a.live, session(1)).await;
        assert!(find(&a, 1, at(1)).await);
        database.by_hand(end).await.unwrap();
        a.hears(&database).await;
        let found = a.live.find(&hash(1), at(1)).await.unwrap();
        let still_ann = found.is_some_and(|live| live.session.identity.subject == "s-1");
        assert!(!still_ann, "{end}");
        database.by_hand("DELETE FROM sessions").await.unwrap();
        a.hears(&database).await;
    }
}

#[tokio::test]
async fn groups_that_are_changed_by_hand_are_read_again_at_once() {
    let database = Database::new().await;
    let a = Instance::start(&database, NOTICES_ALONE).await;
    start(&a.live, session(1)).await;
    for (groups, count) in [("{given}", 1), ("{}", 0)] {
        database
            .by_hand(format!("UPDATE sessions SET groups = '{groups}'"))
            .await
            .unwrap();
        a.hears(&database).await;
        let live = a.live.find(&hash(1), at(1)).await.unwrap().unwrap();
        let identity = &live.session.identity;
        assert_eq!(identity.groups.listed().count(), count, "{groups}");
    }
}

#[tokio::test]
async fn a_notice_can_tell_of_more_ends_than_it_can_name() {
    let database = Database::new().await;
    let a = Instance::start(&database, NOTICES_ALONE).await;
    for number in 0..300 {
        start(&a.live, session(number)).await;
    }
    // 100 are named, in 6.5 kB; more than 123 would not fit into 8.
    for (subjects, left) in [("s-%00", 298), ("s-2__", 199), ("%", 0)] {
        let delete = format!("DELETE FROM sessions WHERE subject LIKE '{subjects}'");
        database.by_hand(delete).await.unwrap();
        a.hears(&database).await;
        let mut found = 0;
        for number in 0..300 {
            found += u32::from(find(&a, number, at(1)).await);
        }
        assert_eq!(found, left, "{subjects}");
    }
}

#[tokio::test]
async fn se_4_a_load_that_races_with_the_end_does_not_bring_the_session_back() {
    let database = Database::new().await;
    let proxy = Proxy::start(&database.serving).await;
    let a = Instance::start_with(database.store(), proxy.store(), NOTICES_ALONE).await;
    let other = SessionCache::new(database.store(), IDLE);
    start(&other, session(1)).await;

    // The row is read, and on the way the answer waits …
    let live = Arc::clone(&a.live);
    proxy.hold("https://login.example");
    let loading = tokio::spawn(async move { live.find(&hash(1), at(1)).await });
    proxy.until_holding().await;
    // … while the session ends, and this instance hears of it …
    end(&other, 1).await;
    a.hears(&database).await;
    // … and then the answer arrives.
    proxy.resume();
    loading.await.unwrap().unwrap();
    assert!(!find(&a, 1, at(2)).await);
}

#[tokio::test]
async fn what_is_loaded_while_others_sign_out_stays_in_memory() {
    let database = Database::new().await;
    let proxy = Proxy::start(&database.serving).await;
    let a = Instance::start_with(database.store(), proxy.store(), NOTICES_ALONE).await;
    let other = SessionCache::new(database.store(), IDLE);
    for number in [1, ANOTHER_SHARE] {
        start(&other, session(number)).await;
    }
    let live = Arc::clone(&a.live);
    proxy.hold("https://login.example");
    let loading = tokio::spawn(async move { live.find(&hash(1), at(1)).await });
    proxy.until_holding().await;
    end(&other, ANOTHER_SHARE).await;
    a.hears(&database).await;
    proxy.resume();
    loading.await.unwrap().unwrap();
    a.store.close().await;
    assert!(find(&a, 1, at(2)).await);
}

#[tokio::test]
async fn se_4_a_sign_in_that_races_with_the_end_does_not_bring_the_session_back() {
    let database = Database::new().await;
    let proxy = Proxy::start(&database.serving).await;
    let a = Instance::start_with(database.store(), proxy.store(), NOTICES_ALONE).await;
    let live = Arc::clone(&a.live);
    proxy.hold("COMMIT");
    let starting = tokio::spawn(async move {
        live.start(
            session(1),
            &super::no_tokens(),
            &super::no_origin(),
            SessionFor::NEW_BROWSER,
        )
        .await
    });
    proxy.until_holding().await;
    assert_eq!(database.by_hand("DELETE FROM sessions").await.unwrap(), 1);
    a.hears(&database).await;
    proxy.resume();
    starting.await.unwrap().unwrap();
    assert!(!find(&a, 1, at(1)).await);
}

#[tokio::test]
async fn last_seen_times_are_written_in_batches_and_never_go_back() {
    let database = Database::new().await;
    let a = Instance::start(&database, NOTICES_ALONE).await;
    let b = Instance::start(&database, NOTICES_ALONE).await;
    for number in 0..2100 {
        start(&a.live, session(number)).await;
        assert!(find(&a, number, at(100)).await);
    }
    a.live.flush().await.unwrap();
    let written = |seconds| {
        format!(
            "SELECT count(*) FROM sessions WHERE last_seen_at = '{}'",
            at(seconds).to_rfc3339()
        )
    };
    assert_eq!(database.number(written(100)).await, 2100);

    assert!(find(&b, 1, at(300)).await);
    assert!(find(&a, 1, at(200)).await);
    b.live.flush().await.unwrap();
    a.live.flush().await.unwrap();
    assert_eq!(database.number(written(300)).await, 1);
}

#[tokio::test]
async fn a_flush_that_failed_is_made_up_for() {
    let database = Database::new().await;
    let a = Instance::start(&database, NOTICES_ALONE).await;
    start(&a.live, session(1)).await;
    assert!(find(&a, 1, at(100)).await);
    database
        .by_hand("ALTER TABLE sessions RENAME TO away")
        .await
        .unwrap();
    assert!(a.live.flush().await.is_err());
    assert!(find(&a, 1, at(200)).await);
    database
        .by_hand("ALTER TABLE away RENAME TO sessions")
        .await
        .unwrap();
    a.live.flush().await.unwrap();
    let written = format!(
        "SELECT count(*) FROM sessions WHERE last_seen_at = '{}'",
        at(200).to_rfc3339()
    );
    assert_eq!(database.number(written).await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn instances_that_flush_the_same_sessions_do_not_block_each_other() {
    let database = Database::new().await;
    let a = Instance::start(&database, NOTICES_ALONE).await;
    let b = Instance::start(&database, NOTICES_ALONE).await;
    for number in 0..200 {
        start(&a.live, session(number)).await;
    }
    for round in 1..20 {
        for number in 0..200 {
            assert!(find(&a, number, at(round)).await);
            assert!(find(&b, 199 - number, at(round)).await);
        }
        let (one, other) = tokio::join!(a.live.flush(), b.live.flush());
        one.and(other).unwrap();
    }
}
