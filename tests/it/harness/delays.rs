//! How long a change on one instance takes to decide the other's next exchange. `make
//! delays` measures 1,000 of each; the test sees to it that each counts at all.

use std::time::Duration;

use serde_json::json;
use tokio::time::Instant;

use super::stops::{self, Stop};
use super::{House, mapping, number_of};

#[expect(clippy::disallowed_methods, reason = "how many `make delays` wants")]
fn wanted() -> u64 {
    let number = std::env::var("DELAYS").ok();
    number.map_or(10, |number| number.parse().unwrap())
}

#[expect(clippy::print_stdout, reason = "the figures that `make delays` is for")]
fn tell(what: &str, mut delays: Vec<Duration>) {
    delays.sort_unstable();
    let median = delays[delays.len() / 2];
    let worst = delays.last().unwrap();
    println!(
        "{what}: {} times, median {median:.1?}, worst {worst:.1?}",
        delays.len()
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn se_7_an_edit_on_one_instance_decides_the_others_next_exchange() {
    let house = House::start().await;
    let admin = house.admin().await.at(&house.bridges[0].address);
    let mut version = house.map(&admin).await["version"].to_string();
    house.provider.person("ann").groups(["viewers"]);
    let ann = house.signed_in("ann").await.at(&house.bridges[1].address);
    let mut delays = Vec::new();
    for number in 1..=wanted() {
        let tag = format!("\"{version}\"");
        let edited = admin
            .api_with(
                "PUT",
                "/api/admin/mappings/1",
                &[("if-match", &tag)],
                &mapping(number),
            )
            .await;
        let acknowledged = Instant::now();
        version = edited.json()["version"].to_string();
        while number_of(&ann.token(json!({})).await.json()) != number {}
        delays.push(acknowledged.elapsed());
    }
    tell("an edit", delays);
}

/// Ann signs in and is stopped by way of the first instance, again and again: until the
/// second one refuses her.
async fn until_refused(what: &str, stop: Stop) {
    let house = House::start().await;
    let admin = house.admin().await.at(&house.bridges[0].address);
    house.map(&admin).await;
    let mut delays = Vec::new();
    for number in 0..wanted() {
        let [here, there] = stops::signed_in(&house, number).await;
        stop.stop(&house, &admin, here).await;
        let acknowledged = Instant::now();
        let mut status = 200;
        while status == 200 {
            status = there.token(json!({})).await.status;
        }
        delays.push(acknowledged.elapsed());
        assert!(matches!(status, 401 | 403), "{status}");
        stop.lift(&house, &admin).await;
    }
    tell(what, delays);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn se_4_a_sign_out_on_one_instance_decides_the_others_next_exchange() {
    until_refused("a sign-out", Stop::SignOut).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn se_5_a_termination_on_one_instance_decides_the_others_next_exchange() {
    until_refused("a termination", Stop::Termination).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn se_5_a_block_on_one_instance_decides_the_others_next_exchange() {
    until_refused("a block", Stop::Block).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bc_5_a_logout_token_on_one_instance_decides_the_others_next_exchange() {
    until_refused("a logout token", Stop::LogoutToken).await;
}
