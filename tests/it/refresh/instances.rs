//! Several instances, one refresh.

use super::{AGE, age, exchange, lease, with_ann};
use crate::bridge::TestBridge;
use crate::eventually::eventually;

const VARIABLES: [(&str, &str); 1] = [("BRIDGE_GROUPS_MAX_AGE_SECONDS", "60")];

#[tokio::test]
async fn se_11_sixty_four_exchanges_over_two_instances_cause_one_refresh_and_get_64_tokens() {
    let (bridge, ann) = with_ann().await;
    let second = bridge.beside(&VARIABLES).await;
    for repeat in 1..=10 {
        age(&bridge, 2 * AGE + 1);
        let asked: Vec<_> = (0..64)
            .map(|number| {
                let address = [&bridge.address, &second.address][number % 2];
                let ann = ann.at(address);
                tokio::spawn(async move { exchange(&ann).await.status })
            })
            .collect();
        for status in asked {
            assert_eq!(status.await.unwrap(), 200, "repeat {repeat}");
        }
        assert_eq!(bridge.provider.refreshes(), repeat);
    }
}

#[tokio::test]
async fn se_6_what_one_instance_read_the_others_serve_as_soon_as_they_hear_of_it() {
    let (bridge, ann) = with_ann().await;
    let second = bridge.beside(&VARIABLES).await;
    let there = ann.at(&second.address);
    assert_eq!(exchange(&there).await.status, 200);
    bridge.provider.person("ann").groups([]);
    age(&bridge, 2 * AGE - 2);
    assert_eq!(exchange(&ann).await.status, 200);
    eventually("the groups of now", async || {
        exchange(&ann).await.status == 403
    })
    .await;
    eventually("them there too", async || {
        exchange(&there).await.status == 403
    })
    .await;
    assert_eq!(bridge.provider.refreshes(), 1);
}

#[tokio::test]
async fn groups_that_are_removed_in_the_database_are_gone_in_every_memory() {
    let (bridge, ann) = with_ann().await;
    let second = bridge.beside(&VARIABLES).await;
    let there = ann.at(&second.address);
    for browser in [&ann, &there] {
        assert_eq!(exchange(browser).await.status, 200);
    }
    take_groups(&bridge).await;
    for browser in [&ann, &there] {
        eventually("no groups", async || exchange(browser).await.status == 403).await;
    }
}

async fn take_groups(bridge: &TestBridge) {
    sqlx::query("UPDATE sessions SET groups = '{}' WHERE subject = 'ann'")
        .execute(&bridge.db)
        .await
        .unwrap();
}

/// Counts the statements that update sessions: to ask for a lease is one, also in vain.
async fn count_updates_of_sessions(bridge: &TestBridge) {
    sqlx::raw_sql(
        "CREATE SEQUENCE updates_of_sessions;
         CREATE FUNCTION count_update() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
             AS 'BEGIN PERFORM nextval(''updates_of_sessions''); RETURN NULL; END';
         CREATE TRIGGER counted AFTER UPDATE ON sessions EXECUTE FUNCTION count_update()",
    )
    .execute(&bridge.db)
    .await
    .unwrap();
}

/// More than may be refreshed at once.
const WAITING: usize = 33;

#[tokio::test]
async fn sessions_that_wait_for_another_instances_lease_do_not_hold_up_other_sessions() {
    let (bridge, _) = with_ann().await;
    let mut waiting = Vec::new();
    for _ in 0..WAITING {
        let ann = bridge.signed_in("ann").await;
        waiting.push(async move { exchange(&ann).await.status });
    }
    bridge.provider.person("bob").groups(["viewers"]);
    let bob = bridge.signed_in("bob").await;
    lease(&bridge, "1 hour").await;
    count_updates_of_sessions(&bridge).await;
    age(&bridge, 2 * AGE + 1);
    let waiting: Vec<_> = waiting.into_iter().map(tokio::spawn).collect();
    eventually("each has asked for its lease, and again", async || {
        let asked: i64 = sqlx::query_scalar("SELECT last_value FROM updates_of_sessions")
            .fetch_one(&bridge.db)
            .await
            .unwrap();
        asked > i64::try_from(3 * WAITING).unwrap()
    })
    .await;
    assert_eq!(exchange(&bob).await.status, 200);
    assert_eq!(bridge.provider.refreshes(), 1);
    for ann in waiting {
        ann.abort();
    }
}
