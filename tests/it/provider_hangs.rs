//! AV-4: a provider that hangs costs a few sign-ins its timeout and the others nothing;
//! sessions do not notice.

use std::time::Duration;

use red5_bridge::oidc::Pace;
use serde_json::json;

use crate::bridge::{Answer, Browser, TestBridge, path_of};
use crate::database::new_database;
use crate::eventually::eventually;
use crate::provider::{self, Endpoint, Provider};

/// Short for people, long enough for a slow machine to see a rest in it.
const PACE: Pace = Pace {
    connect_timeout: Duration::from_secs(3),
    request_timeout: Duration::from_millis(400),
    begin_timeout: Duration::from_secs(5),
    keys_refetch_interval: Duration::from_secs(30),
    keys_max_age: Duration::from_hours(1),
    retry_interval: Duration::from_millis(50),
    failure_kept: Duration::from_millis(50),
    rediscover_interval: Duration::from_hours(1),
    rest_first: Duration::from_secs(6),
    rest_max: Duration::from_secs(6),
};

async fn bridge() -> TestBridge {
    let bridge = TestBridge::start_at(&new_database().await, &[], PACE, Provider::start_with).await;
    bridge.map_lobby().await;
    for person in ["vic", "ann", "bob", "cat", "dan"] {
        bridge.provider.person(person).groups(["viewers"]);
    }
    bridge
}

/// A browser on its way back from the provider's page.
struct Returning {
    browser: Browser,
    callback: String,
}

impl Returning {
    async fn new(bridge: &TestBridge, person: &str) -> Self {
        let mut browser = bridge.browser();
        let begun = browser.get("/auth/login").await;
        let back = bridge.provider.approve(&begun.location(), person).await;
        Self {
            browser,
            callback: path_of(&back),
        }
    }

    async fn finish(&mut self) -> Answer {
        self.browser.get(&self.callback).await
    }
}

async fn hangs_at(endpoint: Endpoint, only_userinfo: bool) {
    let bridge = bridge().await;
    if only_userinfo {
        for person in ["ann", "bob", "cat", "dan", "vic"] {
            bridge.provider.person(person).without("groups");
        }
    }
    let vic = bridge.signed_in("vic").await;
    let mut people = Vec::new();
    for person in ["ann", "bob", "cat", "dan"] {
        people.push(Returning::new(&bridge, person).await);
    }
    let before = bridge.provider.hits(endpoint);
    bridge
        .provider
        .always(endpoint, provider::Answer::late(Duration::from_mins(1)));

    let mut dan = people.pop().unwrap();
    for mut person in people {
        assert_eq!(person.finish().await.status, 502);
    }
    let spared = dan.finish().await;

    assert_eq!(spared.status, 503);
    assert_eq!(spared.header("content-type"), "text/html; charset=utf-8");
    assert!(spared.body.contains("provider_busy"), "{}", spared.body);
    assert_eq!(bridge.provider.hits(endpoint) - before, 3, "{endpoint:?}");
    if !only_userinfo {
        assert_eq!(vic.token(json!({})).await.status, 200);
    }
    assert_eq!(vic.peek("/api/session").await.status, 200);
    assert_eq!(vic.peek("/readyz").await.status, 200);

    bridge.provider.behave(endpoint);
    eventually("it recovers by itself", async || {
        Returning::new(&bridge, "ann").await.finish().await.status == 303
    })
    .await;
}

#[tokio::test]
async fn av_4_a_token_endpoint_that_hangs_is_soon_not_asked_and_exchanges_go_on() {
    hangs_at(Endpoint::Token, false).await;
}

#[tokio::test]
async fn av_4_userinfo_that_hangs_is_soon_not_asked_and_exchanges_go_on() {
    hangs_at(Endpoint::Userinfo, true).await;
}

/// What it says is no outage, however often it says it.
#[tokio::test]
async fn av_4_a_provider_that_says_no_is_asked_every_time() {
    let bridge = bridge().await;
    let mut people = Vec::new();
    for person in ["ann", "bob", "cat", "dan", "vic"] {
        people.push(Returning::new(&bridge, person).await);
    }
    let refusal = provider::Answer::json(400, &json!({"error": "invalid_grant"}));
    let before = bridge.provider.hits(Endpoint::Token);
    bridge.provider.always(Endpoint::Token, refusal);
    for mut person in people {
        assert_eq!(person.finish().await.status, 502);
    }
    assert_eq!(bridge.provider.hits(Endpoint::Token) - before, 5);
}

/// Nothing is known yet, and the documents hang: the first wait, the others do not.
#[tokio::test]
async fn av_4_documents_that_hang_at_the_start_make_a_few_people_wait_and_no_more() {
    let hanging = |clock| {
        let provider = Provider::start_with(clock);
        let late = provider::Answer::late(Duration::from_mins(1));
        provider.always(Endpoint::Discovery, late);
        provider
    };
    let pace = Pace {
        // The reading in the background hangs for longer than it takes to sign in five times.
        request_timeout: Duration::from_secs(5),
        begin_timeout: Duration::from_millis(300),
        failure_kept: Duration::ZERO,
        ..PACE
    };
    let ops = [("BRIDGE_OPS_LISTEN", "127.0.0.1:0")];
    let bridge = TestBridge::start_at(&new_database().await, &ops, pace, hanging).await;
    let mut ann = bridge.browser();
    for _ in 0..5 {
        let answer = ann.get("/auth/login").await;
        assert_eq!(answer.status, 503);
        assert!(answer.body.contains("cannot be reached"), "{}", answer.body);
    }
    let ops = Browser::new(bridge.ops_address.as_ref().unwrap());
    let numbers = ops.peek("/metrics").await.body;
    let spared = r#"red5_bridge_provider_calls_spared_total{endpoint="discovery"} 2"#;
    assert!(numbers.contains(spared), "{numbers}");
    bridge.provider.behave(Endpoint::Discovery);
    eventually("it recovers by itself", async || {
        ann.get("/auth/login").await.status == 303
    })
    .await;
}
