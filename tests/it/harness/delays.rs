//! How long a change on one instance takes to decide the other's next exchange. `make
//! delays` measures 1,000 of each; the test sees to it that each counts at all.

use std::time::Duration;

use serde_json::json;
use tokio::time::Instant;

use super::{House, mapping, number_of, until};
use crate::bridge::Browser;

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
/// second one refuses her. `mend` makes good what would keep her out.
async fn until_refused(
    what: &str,
    stop: impl AsyncFn(&House, &Browser, Browser),
    mend: impl AsyncFn(&House, &Browser),
) {
    let house = House::start().await;
    let admin = house.admin().await.at(&house.bridges[0].address);
    house.map(&admin).await;
    let ann = house.provider.person("ann");
    ann.groups(["viewers"]);
    let browser = Browser::without_keep_alive(&house.front);
    let mut delays = Vec::new();
    for number in 0..wanted() {
        ann.claim("sid", number.to_string());
        let mut here = browser.clone();
        assert!(house.sign_in(&mut here, "ann").await);
        let here = here.at(&house.bridges[0].address);
        let there = here.at(&house.bridges[1].address);
        until("she is served", async || {
            there.token(json!({})).await.status == 200
        })
        .await;
        stop(&house, &admin, here).await;
        let acknowledged = Instant::now();
        let mut status = 200;
        while status == 200 {
            status = there.token(json!({})).await.status;
        }
        delays.push(acknowledged.elapsed());
        assert!(matches!(status, 401 | 403), "{status}");
        mend(&house, &admin).await;
    }
    tell(what, delays);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn se_4_a_sign_out_on_one_instance_decides_the_others_next_exchange() {
    let sign_out = async |_: &House, _: &Browser, mut ann: Browser| {
        let left = ann.submit("/", "/auth/logout", &[]).await;
        assert_eq!(left.status, 303, "{}", left.body);
    };
    until_refused("a sign-out", sign_out, async |_, _| ()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn se_5_a_termination_on_one_instance_decides_the_others_next_exchange() {
    let end = async |_: &House, admin: &Browser, _: Browser| {
        let found = admin.peek("/api/admin/sessions?person=ann").await.json();
        let id = found["items"][0]["id"].as_str().unwrap().to_owned();
        let session = format!("/api/admin/sessions/{id}");
        let ended = admin.api("DELETE", &session, &json!({})).await;
        assert_eq!(ended.status, 204, "{}", ended.body);
    };
    until_refused("a termination", end, async |_, _| ()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn se_5_a_block_on_one_instance_decides_the_others_next_exchange() {
    let block = async |house: &House, admin: &Browser, _: Browser| {
        let issuer = house.provider.issuer();
        let block = json!({"issuer": issuer, "subject": "ann", "reason": "Now."});
        let blocked = admin.api("POST", "/api/admin/blocks", &block).await;
        assert_eq!(blocked.status, 201, "{}", blocked.body);
    };
    let lift = async |house: &House, admin: &Browser| {
        let person = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("issuer", house.provider.issuer())
            .append_pair("subject", "ann")
            .finish();
        let block = format!("/api/admin/blocks?{person}");
        let lifted = admin.api("DELETE", &block, &json!({})).await;
        assert_eq!(lifted.status, 204, "{}", lifted.body);
    };
    until_refused("a block", block, lift).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bc_5_a_logout_token_on_one_instance_decides_the_others_next_exchange() {
    let log_out = async |house: &House, _: &Browser, ann: Browser| {
        let sid = house.provider.person("ann").claimed("sid");
        let token = house.provider.logout_token(|token| token.claim("sid", sid));
        let kind = [("content-type", "application/x-www-form-urlencoded")];
        let body = format!("logout_token={token}");
        let sent = ann.send("POST", "/auth/backchannel-logout", &kind, &body);
        let answer = sent.await;
        assert_eq!(answer.status, 200, "{}", answer.body);
    };
    until_refused("a logout token", log_out, async |_, _| ()).await;
}
