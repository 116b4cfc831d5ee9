//! The provider is away for a while, in real time, and people go on working (SE-6, SE-12).

use std::time::Duration;

use serde_json::json;
use tokio::time::{Instant, sleep, sleep_until};

use super::House;
use crate::eventually::eventually;
use crate::provider::{Answer, Endpoint};

/// Not what is tried here: on a loaded machine the bound of the other tests passes by itself.
const UNHURRIED: (&str, &str) = ("BRIDGE_MAX_STALENESS_SECONDS", "120");

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn se_12_with_an_age_of_ten_seconds_a_provider_may_be_away_for_as_long_and_no_session_ends() {
    let age = Duration::from_secs(10);
    let house = House::start_with(&[UNHURRIED, ("BRIDGE_GROUPS_MAX_AGE_SECONDS", "10")]).await;
    let admin = house.admin().await;
    house.map(&admin).await;
    house.provider.person("ann").groups(["viewers"]);
    // The groups are read between these two moments.
    let before = Instant::now();
    let ann = house.signed_in("ann").await;
    let signed_in = Instant::now();
    let exchange = async || ann.token(json!({})).await.status;

    house.provider.always(Endpoint::Token, Answer::status(503));
    loop {
        let asked = signed_in.elapsed();
        let status = exchange().await;
        if before.elapsed() >= 2 * age {
            break;
        }
        assert_eq!(status, 200, "{asked:?} after the sign-in");
        // An app asks now and then, while the groups grow old.
        sleep(Duration::from_millis(100)).await;
    }
    // It is asked once the age has passed, so that something was served after it.
    assert!(house.provider.refreshes() > 0, "the provider was not asked");
    sleep_until(signed_in + 2 * age).await;
    for _ in 0..10 {
        assert_eq!(exchange().await, 503);
    }
    house.provider.behave(Endpoint::Token);
    eventually("she is served again", async || exchange().await == 200).await;
    assert_eq!(ann.peek("/api/session").await.status, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn se_11_sixty_four_exchanges_over_two_processes_cause_one_refresh() {
    let house = House::start_with(&[UNHURRIED, ("BRIDGE_GROUPS_MAX_AGE_SECONDS", "1")]).await;
    let admin = house.admin().await;
    house.map(&admin).await;
    house.provider.person("ann").groups(["viewers"]);
    let ann = house.signed_in("ann").await;
    for repeat in 1..=10 {
        // The groups become older than twice their age.
        sleep(Duration::from_millis(2100)).await;
        let before = house.provider.refreshes();
        let began = Instant::now();
        let asked: Vec<_> = (0..64)
            .map(|_| {
                let ann = ann.clone();
                tokio::spawn(async move { ann.token(json!({})).await.status })
            })
            .collect();
        let mut statuses = Vec::new();
        for status in asked {
            statuses.push(status.await.unwrap());
        }
        assert_eq!(statuses, [200; 64], "repeat {repeat}");
        let refreshes = house.provider.refreshes() - before;
        // Another one is due after each second that they take.
        let due = 1 + usize::try_from(began.elapsed().as_secs()).unwrap();
        assert!((1..=due).contains(&refreshes), "{refreshes} of {due}");
    }
}
