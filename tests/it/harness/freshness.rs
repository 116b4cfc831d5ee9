//! An edit on one instance, a user stopped there, and the other's next tokens while its
//! listening connection is not what it should be (SE-7): none is older than the bound.

use std::time::Duration;

use sqlx::{Connection, PgConnection};
use tokio::time::{Instant, sleep};

use super::stops::{self, Stop};
use super::{BOUND, House, mapping, number_of};
use crate::bridge::Browser;
use crate::eventually::eventually;

/// Edits on the first instance under a fault of the second, again and again.
async fn no_token_is_older(fault: impl AsyncFn(&House), mend: impl AsyncFn(&House)) {
    let house = House::start().await;
    let admin = house.admin().await.at(&house.bridges[0].address);
    let mut version = house.map(&admin).await["version"].to_string();
    house.provider.person("ann").groups(["viewers"]);
    let ann = house.signed_in("ann").await.at(&house.bridges[1].address);
    let path = "/api/admin/mappings/1";
    for number in 1..=3 {
        eventually("tokens", async || token(&ann).await.is_some()).await;
        fault(&house).await;
        let tag = format!("\"{version}\"");
        let edited = admin
            .api_with("PUT", path, &[("if-match", &tag)], &mapping(number))
            .await;
        assert_eq!(edited.status, 200, "{}", edited.body);
        version = edited.json()["version"].to_string();
        let known = Instant::now();
        while known.elapsed() < BOUND * 3 {
            let asked = Instant::now();
            if let Some(shown) = token(&ann).await {
                assert!(
                    shown == number || asked < known + BOUND,
                    "room-{shown} was served {:?} after edit {number}",
                    asked - known
                );
                if shown == number {
                    break;
                }
            }
            sleep(Duration::from_millis(5)).await;
        }
        mend(&house).await;
        eventually("the new one is served", async || {
            token(&ann).await == Some(number)
        })
        .await;
    }
}

async fn token(ann: &Browser) -> Option<u64> {
    let answer = ann.token(serde_json::json!({})).await;
    match answer.status {
        200 => Some(number_of(&answer.json())),
        503 => None,
        other => panic!("{other}: {}", answer.body),
    }
}

/// Ann is stopped by way of the first instance under a fault of the second, in every way.
async fn no_user_is_served_longer(fault: impl AsyncFn(&House), mend: impl AsyncFn(&House)) {
    let house = House::start().await;
    let admin = house.admin().await.at(&house.bridges[0].address);
    house.map(&admin).await;
    for (stop, sid) in Stop::ALL.into_iter().zip(0..) {
        let [here, there] = stops::signed_in(&house, sid).await;
        fault(&house).await;
        stop.stop(&house, &admin, here).await;
        let known = Instant::now();
        let mut refused = false;
        while !refused && known.elapsed() < BOUND * 3 {
            let asked = Instant::now();
            match there.token(serde_json::json!({})).await.status {
                200 => assert!(
                    asked < known + BOUND,
                    "a token {:?} after {stop:?}",
                    asked - known
                ),
                401 | 403 => refused = true,
                status => assert_eq!(status, 503),
            }
            sleep(Duration::from_millis(5)).await;
        }
        mend(&house).await;
        eventually("she is refused", async || {
            matches!(there.token(serde_json::json!({})).await.status, 401 | 403)
        })
        .await;
        stop.lift(&house, &admin).await;
    }
}

async fn silence(house: &House) {
    house.ways[1].silence();
}

async fn resume(house: &House) {
    house.ways[1].resume();
}

async fn swallow(house: &House) {
    house.ways[1].swallow(100);
}

async fn swallow_no_more(house: &House) {
    house.ways[1].swallow(0);
}

async fn terminate(house: &House) {
    let mut hand = PgConnection::connect(&house.postgres.url()).await.unwrap();
    sqlx::query(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
         WHERE application_name = 'red5-bridge' AND query LIKE '%change_counter%'",
    )
    .execute(&mut hand)
    .await
    .unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn se_7_with_the_listening_connection_frozen_no_token_is_older_than_the_bound() {
    no_token_is_older(silence, resume).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn se_7_with_notices_swallowed_no_token_is_older_than_the_bound() {
    no_token_is_older(swallow, swallow_no_more).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn se_7_with_the_listening_connection_terminated_no_token_is_older_than_the_bound() {
    no_token_is_older(terminate, async |_| ()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn se_7_with_the_listening_connection_frozen_no_stopped_user_is_served_beyond_the_bound() {
    no_user_is_served_longer(silence, resume).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn se_7_with_notices_swallowed_no_stopped_user_is_served_beyond_the_bound() {
    no_user_is_served_longer(swallow, swallow_no_more).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn se_7_with_the_listening_connection_terminated_no_stopped_user_is_served_beyond_the_bound()
{
    no_user_is_served_longer(terminate, async |_| ()).await;
}

/// What the server says of itself is replaced by a function of the same name.
async fn in_recovery(house: &House, recovery: bool) {
    let mut hand = PgConnection::connect(&house.postgres.url()).await.unwrap();
    let sql = format!(
        "CREATE OR REPLACE FUNCTION public.pg_is_in_recovery() RETURNS boolean LANGUAGE sql AS 'SELECT {recovery}';
         ALTER DATABASE postgres SET search_path = public, pg_catalog;"
    );
    sqlx::raw_sql(sqlx::AssertSqlSafe(sql))
        .execute(&mut hand)
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn se_7_of_a_server_in_recovery_no_token_is_older_than_the_bound() {
    let house = House::start().await;
    let admin = house.admin().await;
    house.map(&admin).await;
    house.provider.person("ann").groups(["viewers"]);
    let ann = house.signed_in("ann").await;
    in_recovery(&house, true).await;
    // Connections made from now on, and those there are, ask the function.
    for way in &house.ways {
        way.cut();
    }
    let began = Instant::now();
    eventually("there are no tokens", async || token(&ann).await.is_none()).await;
    // The bound passes.
    sleep(BOUND.saturating_sub(began.elapsed())).await;
    for _ in 0..20 {
        assert_eq!(token(&ann).await, None);
    }
    in_recovery(&house, false).await;
    eventually("there are tokens again", async || {
        token(&ann).await == Some(0)
    })
    .await;
}
