//! Ten thousand questions, each over a connection of its own.

use serde_json::json;

use super::{ann, counted, post, question, start_with, token};
use crate::bridge::{Browser, TestBridge};

/// How often the database was asked so far.
async fn asked(bridge: &TestBridge) -> u64 {
    let ops = Browser::new(bridge.ops_address.as_ref().unwrap());
    let numbers = ops.peek("/metrics").await.body;
    let name = "red5_bridge_database_wait_seconds_count ";
    let line = numbers.lines().find_map(|line| line.strip_prefix(name));
    line.unwrap().parse().unwrap()
}

#[tokio::test]
async fn ten_thousand_questions_are_answered_from_memory() {
    const AT_ONCE: usize = 8;
    const EACH: usize = 1250;
    let bridge = start_with(&[
        ("BRIDGE_OPS_LISTEN", "127.0.0.1:0"),
        ("BRIDGE_RED5_LISTEN", "127.0.0.1:0"),
        // Limits do not apply.
        ("BRIDGE_RATE_LIMITS", "on"),
    ])
    .await;
    let good = token(&ann(&bridge).await, json!({"ttl_seconds": 3000})).await;
    let body = question(&good, "publisher", "cam");
    let red5 = bridge.red5_address.clone().unwrap();
    let before = asked(&bridge).await;
    let askers: Vec<_> = (0..AT_ONCE)
        .map(|_| {
            let (red5, body) = (red5.clone(), body.clone());
            tokio::spawn(async move {
                let mut yes = 0;
                for _ in 0..EACH {
                    let (_, said) = post(&red5, "/validateCredentials", "", &body).await;
                    yes += usize::from(said == "{\"result\":true}");
                }
                yes
            })
        })
        .collect();
    let mut yes = 0;
    for asker in askers {
        yes += asker.await.unwrap();
    }
    assert_eq!(yes, 10_000);
    assert_eq!(counted(&bridge, "allowed").await, 10_000);
    // The list of her sessions is read at first; the rest is the bridge's own housekeeping.
    let during = asked(&bridge).await - before;
    assert!(during < 200, "{during}");
}
