//! Every field of a mapping, given wrongly: 400 by field, and nothing written.

mod whole;

use serde_json::{Value, json};

use crate::bridge::TestBridge;
use crate::problem::wrong_fields;

const LIST: &str = "/api/admin/mappings";

fn good() -> Value {
    json!({"group": "viewers", "match": "exact", "roles": ["red5-subscriber"],
           "transports": ["WHEP"], "rooms": ["lobby"]})
}

/// Sends each, as a new row and instead of one that is there, and demands that
/// exactly these fields are named and nothing is written.
async fn all_refused(cases: &[(&str, Value, &[&str])]) {
    let bridge = TestBridge::start().await;
    let row = bridge.add(&good()).await;
    let admin = bridge.admin().await;
    let one = format!("{LIST}/{}", row["id"]);
    for (member, value, fields) in cases {
        let mut mapping = good();
        // A change that the wrong field must keep from being written.
        mapping["note"] = json!("changed");
        mapping[member] = value.clone();
        let answer = admin.api("POST", LIST, &mapping).await;
        assert_eq!(answer.status, 400, "{member}: {value} {}", answer.body);
        assert_eq!(wrong_fields(&answer), *fields, "{member}: {value}");
        let answer = admin
            .api_with("PUT", &one, &[("if-match", "\"1\"")], &mapping)
            .await;
        assert_eq!(wrong_fields(&answer), *fields, "PUT {member}: {value}");
    }
    assert_eq!(bridge.count("mappings").await, 1);
    assert_eq!(bridge.count("audit_log").await, 1);
    assert_eq!(admin.peek(&one).await.json(), row);
}

#[tokio::test]
async fn ad_5_a_group_and_its_match_fit_together() {
    let long = "x".repeat(513);
    all_refused(&[
        ("group", json!(null), &["group"]),
        ("group", json!(""), &["group"]),
        ("group", json!(7), &["group"]),
        ("group", json!(true), &["group"]),
        ("group", json!(["viewers"]), &["group"]),
        ("group", json!({"name": "viewers"}), &["group"]),
        ("group", json!("a\u{0}b"), &["group"]),
        ("group", json!("a\nb"), &["group"]),
        ("group", json!("a\u{7f}"), &["group"]),
        ("group", json!("a\u{85}"), &["group"]),
        ("group", json!(long), &["group"]),
        ("match", json!(null), &["match"]),
        ("match", json!(""), &["match"]),
        ("match", json!("Exact"), &["match"]),
        ("match", json!("regex"), &["match"]),
        ("match", json!(1), &["match"]),
        ("match", json!(["exact"]), &["match"]),
        ("match", json!("everyone"), &["group"]),
        ("match", json!("glob"), &["group"]),
    ])
    .await;
}

#[tokio::test]
async fn ad_5_roles_are_of_the_closed_list() {
    all_refused(&[
        ("roles", json!(null), &["roles"]),
        ("roles", json!([]), &["roles"]),
        ("roles", json!("red5-subscriber"), &["roles"]),
        ("roles", json!({}), &["roles"]),
        ("roles", json!([null]), &["roles[0]"]),
        ("roles", json!([1]), &["roles[0]"]),
        ("roles", json!(["*"]), &["roles[0]"]),
        ("roles", json!(["red5-subscriber", "*"]), &["roles[1]"]),
        ("roles", json!(["Red5-Subscriber"]), &["roles[0]"]),
        ("roles", json!([" red5-subscriber"]), &["roles[0]"]),
        (
            "roles",
            json!(["red5-subscriber,red5-publisher"]),
            &["roles[0]"],
        ),
        ("roles", json!(["red5-subscriber\u{0}"]), &["roles[0]"]),
        (
            "roles",
            json!(["admin", "red5-subscriber", ""]),
            &["roles[0]", "roles[2]"],
        ),
        // A publisher can do nothing over WHEP, and WHIP serves no subscriber.
        ("roles", json!(["red5-publisher"]), &["roles", "transports"]),
        ("transports", json!(["WHIP"]), &["roles", "transports"]),
        ("transports", json!(["WHEP", "WHIP"]), &["transports"]),
    ])
    .await;
}

#[tokio::test]
async fn ad_5_transports_are_of_the_closed_list_or_any_alone() {
    all_refused(&[
        ("transports", json!(null), &["transports"]),
        ("transports", json!([]), &["transports"]),
        ("transports", json!("WHEP"), &["transports"]),
        ("transports", json!("*"), &["transports"]),
        ("transports", json!([null]), &["transports[0]"]),
        ("transports", json!([["WHEP"]]), &["transports[0]"]),
        ("transports", json!(["WHEP", "*"]), &["transports[1]"]),
        ("transports", json!(["*", "WHEP"]), &["transports[0]"]),
        ("transports", json!(["WEBRTC"]), &["transports[0]"]),
        ("transports", json!(["WHEP "]), &["transports[0]"]),
        ("transports", json!(["RTMP,WHEP"]), &["transports[0]"]),
        ("transports", json!(["WHEP\n"]), &["transports[0]"]),
        ("transports", json!([""]), &["transports[0]"]),
    ])
    .await;
}

#[tokio::test]
async fn ad_5_r5_6_rooms_are_room_names_or_any_alone() {
    let long = "x".repeat(129);
    let many: Vec<String> = (0..501).map(|n| format!("room-{n}")).collect();
    let mut cases: Vec<(&str, Value, &[&str])> = vec![
        ("rooms", json!(null), &["rooms"]),
        ("rooms", json!([]), &["rooms"]),
        ("rooms", json!("lobby"), &["rooms"]),
        ("rooms", json!([null]), &["rooms[0]"]),
        ("rooms", json!([{"name": "lobby"}]), &["rooms[0]"]),
        ("rooms", json!(["lobby", "*"]), &["rooms[1]"]),
        ("rooms", json!(["*", "lobby"]), &["rooms[0]"]),
        ("rooms", json!(["lobby", "**"]), &["rooms[1]"]),
        ("rooms", json!(many), &["rooms"]),
        (
            "rooms",
            json!(["a,b", "lobby", "c d"]),
            &["rooms[0]", "rooms[2]"],
        ),
    ];
    for room in [
        "",
        ".",
        "..",
        "a,b",
        "a b",
        " a",
        "a\t",
        "a\n",
        "a\u{0}",
        "a/b",
        "a\\b",
        "a%2Fb",
        "caf\u{e9}",
        "a\u{200b}",
        "a'b",
        "a\"b",
        "<b>",
        "a;b",
        "a:b",
        "{",
        "{}",
        "{user}",
        "{username",
        "username}",
        "{1}",
        "{username}-*",
        "{0}",
        "{9}",
        "{USERNAME}",
        &long,
    ] {
        cases.push(("rooms", json!([room]), &["rooms[0]"]));
    }
    all_refused(&cases).await;
}

#[tokio::test]
async fn ad_5_limits_and_the_rest_have_their_types_and_bounds() {
    let long = "x".repeat(1001);
    all_refused(&[
        ("max_ttl_seconds", json!(59), &["max_ttl_seconds"]),
        ("max_ttl_seconds", json!(0), &["max_ttl_seconds"]),
        ("max_ttl_seconds", json!(-60), &["max_ttl_seconds"]),
        ("max_ttl_seconds", json!(31_536_001), &["max_ttl_seconds"]),
        (
            "max_ttl_seconds",
            json!(4_294_967_356_u64),
            &["max_ttl_seconds"],
        ),
        ("max_ttl_seconds", json!(u64::MAX), &["max_ttl_seconds"]),
        ("max_ttl_seconds", json!(60.5), &["max_ttl_seconds"]),
        ("max_ttl_seconds", json!(1e300), &["max_ttl_seconds"]),
        ("max_ttl_seconds", json!("600"), &["max_ttl_seconds"]),
        ("max_ttl_seconds", json!([600]), &["max_ttl_seconds"]),
        ("valid_from", json!(1_790_000_000), &["valid_from"]),
        ("valid_from", json!(""), &["valid_from"]),
        ("valid_from", json!("2026-11-24"), &["valid_from"]),
        ("valid_from", json!("2026-11-24T15:04:05"), &["valid_from"]),
        ("valid_from", json!("2026-13-24T15:04:05Z"), &["valid_from"]),
        ("valid_from", json!("0001-01-01T00:00:00Z"), &["valid_from"]),
        ("valid_until", json!("infinity"), &["valid_until"]),
        (
            "valid_until",
            json!("+12026-11-24T15:04:05Z"),
            &["valid_until"],
        ),
        (
            "valid_until",
            json!("2026-11-24T15:04:05Z\u{0}"),
            &["valid_until"],
        ),
        ("valid_until", json!(false), &["valid_until"]),
        ("enabled", json!(null), &["enabled"]),
        ("enabled", json!("true"), &["enabled"]),
        ("enabled", json!(1), &["enabled"]),
        ("note", json!(null), &["note"]),
        ("note", json!(5), &["note"]),
        ("note", json!(["x"]), &["note"]),
        ("note", json!("a\u{0}"), &["note"]),
        ("note", json!("a\u{1b}[2J"), &["note"]),
        ("note", json!(long), &["note"]),
    ])
    .await;
}

#[tokio::test]
async fn a_window_that_is_over_before_it_begins_is_refused() {
    let bridge = TestBridge::start().await;
    let admin = bridge.admin().await;
    for until in ["2026-11-24T15:00:00Z", "2026-11-24T14:59:59Z"] {
        let mut mapping = good();
        mapping["valid_from"] = json!("2026-11-24T15:00:00Z");
        mapping["valid_until"] = json!(until);
        assert_eq!(
            wrong_fields(&admin.api("POST", LIST, &mapping).await),
            ["valid_until"]
        );
    }
}
