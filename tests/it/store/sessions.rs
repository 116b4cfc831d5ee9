//! The table of sessions, as people and programs at the database find it.

use red5_bridge::clock::{Clock, SystemClock};

use super::*;

async fn write(database: &Database, sessions: &[StoredSession]) {
    let live = SessionCache::new(database.store(), IDLE);
    for session in sessions {
        start(&live, session.clone()).await;
    }
}

async fn counter(database: &Database) -> i64 {
    database.number("SELECT value FROM change_counter").await
}

#[tokio::test]
async fn a_session_comes_back_as_it_was_written() {
    let database = Database::new().await;
    let overage = StoredSession {
        identity: Identity {
            groups: Groups::Overage,
            username: None,
            name: Some("Ann Lee".to_owned()),
            ..session(2).identity
        },
        provider_sid: None,
        ..session(2)
    };
    write(&database, &[session(1), overage.clone()]).await;
    let live = SessionCache::new(database.store(), IDLE);
    for wanted in [session(1), overage] {
        let found = live.find(&wanted.hash, at(0)).await.unwrap().unwrap();
        assert_eq!(found.session, wanted);
    }
    assert!(live.find(&hash(3), at(0)).await.unwrap().is_none());
}

#[tokio::test]
async fn rows_that_make_no_sense_are_refused() {
    let database = Database::new().await;
    write(&database, &[session(1)]).await;
    for (change, constraint) in [
        ("id_hash = '\\x01'", "sessions_id_hash"),
        ("groups_overage = true", "sessions_overage"),
        ("groups = '{a,NULL}'", "sessions_groups"),
        ("ends_at = created_at", "sessions_end"),
        ("ends_at = 'infinity'", "sessions_times"),
        ("last_seen_at = '-infinity'", "sessions_times"),
        (
            "groups_read_at = '294276-01-01 00:00:00+00'",
            "sessions_times",
        ),
    ] {
        let refused = database
            .by_hand(format!("UPDATE sessions SET {change}"))
            .await
            .expect_err(change);
        assert_eq!(
            refused.into_database_error().unwrap().constraint(),
            Some(constraint),
            "{change}"
        );
    }
    let twice = SessionCache::new(database.store(), IDLE)
        .start(
            session(1),
            &super::no_tokens(),
            &super::no_origin(),
            SessionFor::NEW_BROWSER,
        )
        .await;
    assert!(twice.is_err());
}

#[tokio::test]
async fn the_sweep_removes_what_is_over_without_a_notice() {
    let database = Database::new().await;
    let store = database.store();
    let busy = StoredSession {
        last_seen_at: at(3 * 3600),
        ..session(1)
    };
    let idle = session(2);
    let ended = StoredSession {
        ends_at: at(3600),
        last_seen_at: at(3 * 3600),
        ..session(3)
    };
    let many = (10..2510).map(|n| StoredSession {
        ends_at: at(60),
        ..session(n)
    });
    let all: Vec<_> = [busy, idle, ended].into_iter().chain(many).collect();
    write(&database, &all).await;
    let before = counter(&database).await;

    // Five minutes of grace on both.
    assert_eq!(store.sweep_sessions(at(60), at(0)).await.unwrap(), 0);
    assert_eq!(store.sweep_sessions(at(361), at(0)).await.unwrap(), 2500);
    assert_eq!(
        store.sweep_sessions(at(3 * 3600), at(300)).await.unwrap(),
        1
    );
    assert_eq!(
        store.sweep_sessions(at(3 * 3600), at(301)).await.unwrap(),
        1
    );
    let left = database
        .number("SELECT count(*) FROM sessions WHERE subject = 's-1'")
        .await;
    assert_eq!(
        (left, database.number("SELECT count(*) FROM sessions").await),
        (1, 1)
    );
    assert_eq!(counter(&database).await, before);
    // The silence ended with the sweep's transaction.
    database.by_hand("DELETE FROM sessions").await.unwrap();
    assert_eq!(counter(&database).await, before + 1);
}

#[tokio::test]
async fn an_instance_whose_clock_is_ahead_sweeps_no_session_in_use() {
    let database = Database::new().await;
    let now = SystemClock.now();
    let in_use = StoredSession {
        last_seen_at: now,
        ends_at: now + TimeDelta::hours(1),
        ..session(1)
    };
    write(&database, &[in_use]).await;
    let ahead = now + TimeDelta::days(100);
    let store = database.store();
    assert_eq!(store.sweep_sessions(ahead, now).await.unwrap(), 0);
    assert_eq!(
        store.sweep_sessions(now, now - IDLE).await.unwrap(),
        0,
        "nor does one that is right"
    );
}

#[tokio::test]
async fn one_instance_sweeps_at_a_time() {
    let database = Database::new().await;
    write(
        &database,
        &[StoredSession {
            ends_at: at(1),
            ..session(1)
        }],
    )
    .await;
    let mut another = database.hand.begin().await.unwrap();
    sqlx::query("SELECT pg_advisory_xact_lock(x'5245443553574550'::bigint)")
        .execute(&mut *another)
        .await
        .unwrap();
    assert_eq!(
        database
            .store()
            .sweep_sessions(at(9999), at(0))
            .await
            .unwrap(),
        0
    );
    another.rollback().await.unwrap();
    assert_eq!(
        database
            .store()
            .sweep_sessions(at(9999), at(0))
            .await
            .unwrap(),
        1
    );
}

#[tokio::test]
async fn what_ends_no_session_raises_no_number() {
    let database = Database::new().await;
    write(&database, &[session(1)]).await;
    let before = counter(&database).await;
    for quiet in [
        "UPDATE sessions SET last_seen_at = last_seen_at + interval '1 minute'",
        "UPDATE sessions SET groups = '{}', groups_read_at = now()",
        "UPDATE sessions SET ends_at = ends_at",
        "DELETE FROM sessions WHERE subject = 'unknown'",
    ] {
        database.by_hand(quiet).await.unwrap();
        assert_eq!(counter(&database).await, before, "{quiet}");
    }
}
