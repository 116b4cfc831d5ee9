//! R5-12: a list is in the token whole, or there is no token.

use serde_json::json;

use super::{WATCH, issued};
use crate::bridge::TestBridge;
use crate::eventually::eventually;
use crate::red5::server::parts;

fn rooms(many: usize) -> Vec<String> {
    (1000..1000 + many).map(|i| format!("room-{i}")).collect()
}

#[tokio::test]
async fn r5_12_more_rooms_than_4096_bytes_hold_are_refused_until_one_is_named() {
    let bridge = TestBridge::start().await;
    let all = rooms(400);
    let words: Vec<&str> = all.iter().map(String::as_str).collect();
    bridge.map("viewers", WATCH, &["WHEP"], &words).await;
    bridge.provider.person("vic").groups(["viewers"]);
    let vic = bridge.signed_in("vic").await;

    let refused = vic.token(json!({})).await;
    assert_eq!(
        (refused.status, refused.code().as_str()),
        (400, "too_many_rooms")
    );
    assert!(refused.body.contains("name a room"), "{}", refused.body);
    let named = vic.token(json!({"rooms": ["room-1007"]})).await;
    assert_eq!(named.json()["rooms"], json!(["room-1007"]));
}

#[tokio::test]
async fn r5_12_up_to_the_limit_every_room_is_there_and_beyond_it_there_is_no_token() {
    let bridge = TestBridge::start_with(&[("RED5_TOKEN_MAX_BYTES", "512")]).await;
    bridge.map("viewers", WATCH, &["WHEP"], &["room-*"]).await;
    bridge.provider.person("vic").groups(["viewers"]);
    let vic = bridge.signed_in("vic").await;
    let mut longest = 0;
    let mut refusals = 0;
    for many in 1..40 {
        let answer = vic.token(json!({"rooms": rooms(many)})).await;
        if answer.status == 200 {
            assert_eq!(refusals, 0, "a shorter list was refused");
            let token = answer.json()["access_token"].as_str().unwrap().to_owned();
            longest = token.len();
            assert!(longest <= 512, "{longest}");
            assert_eq!(parts(&token).1["red5-room"], rooms(many).join(","));
        } else {
            assert_eq!(
                (answer.status, answer.code().as_str()),
                (400, "too_many_rooms")
            );
            refusals += 1;
        }
    }
    assert!(longest > 490 && refusals > 0, "{longest}, {refusals}");
}

#[tokio::test]
async fn r5_12_ten_thousand_rooms_are_refused_and_each_of_them_can_be_had() {
    let bridge = TestBridge::start().await;
    bridge.provider.person("vic").groups(["viewers"]);
    let vic = bridge.signed_in("vic").await;
    sqlx::query(
        "INSERT INTO mappings (match, group_name, roles, transports, rooms,
                               created_at, created_by, updated_at, updated_by)
         SELECT 'exact', 'viewers', '{red5-subscriber}', '{WHEP}',
                (SELECT array_agg(format('hall-%s-%s', hall, 1000 + room) ORDER BY 1)
                 FROM generate_series(1, 500) AS room),
                now(), 'hand', now(), 'hand'
         FROM generate_series(10, 29) AS hall",
    )
    .execute(&bridge.db)
    .await
    .unwrap();
    let refused = eventually("the rows count", async || {
        let answer = vic.token(json!({})).await;
        (answer.code() != "no_grant").then_some(answer)
    })
    .await;
    assert_eq!(
        (refused.status, refused.code().as_str()),
        (400, "too_many_rooms")
    );
    let token = issued(&vic, json!({"rooms": ["hall-29-1500"]})).await;
    assert_eq!(parts(&token).1["red5-room"], "hall-29-1500");
}
