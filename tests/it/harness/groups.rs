//! The provider is away for a while, in real time, and people go on working (SE-6, SE-12).

use std::time::Duration;

use serde_json::json;
use tokio::time::{Instant, sleep, sleep_until};

use super::{House, until};
use crate::provider::{Answer, Endpoint};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn se_12_with_an_age_of_ten_seconds_a_provider_may_be_away_for_as_long_and_signs_nobody_out()
{
    let house = House::start_with(&[("BRIDGE_GROUPS_MAX_AGE_SECONDS", "10")]).await;
    let admin = house.admin().await;
    house.map(&admin).await;
    house.provider.person("ann").groups(["viewers"]);
    let ann = house.signed_in("ann").await;
    let signed_in = Instant::now();
    let exchange = async || ann.token(json!({})).await.status;

    house.provider.always(Endpoint::Token, Answer::status(503));
    while signed_in.elapsed() < Duration::from_secs(15) {
        assert_eq!(exchange().await, 200, "after {:?}", signed_in.elapsed());
        sleep(Duration::from_millis(100)).await;
    }
    sleep_until(signed_in + Duration::from_secs(21)).await;
    for _ in 0..10 {
        assert_eq!(exchange().await, 503);
    }
    house.provider.behave(Endpoint::Token);
    until("she is served again", async || exchange().await == 200).await;
    assert_eq!(ann.peek("/api/session").await.status, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn se_11_sixty_four_exchanges_over_two_processes_cause_one_refresh() {
    let house = House::start_with(&[("BRIDGE_GROUPS_MAX_AGE_SECONDS", "1")]).await;
    let admin = house.admin().await;
    house.map(&admin).await;
    house.provider.person("ann").groups(["viewers"]);
    let ann = house.signed_in("ann").await;
    for repeat in 1..=10 {
        sleep(Duration::from_millis(2100)).await;
        let before = house.provider.refreshes();
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
        // On a slow machine the last of them may be due again.
        let refreshes = house.provider.refreshes() - before;
        assert!((1..=2).contains(&refreshes), "{refreshes}");
    }
}
