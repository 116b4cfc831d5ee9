//! The list of mappings, searched and sorted, for programs and people.

use red5_bridge::clock::Clock as _;
use serde_json::{Value, json};

use crate::bridge::{Browser, TestBridge};
use crate::problem::{problem, wrong_fields};

const LIST: &str = "/api/admin/mappings";

fn mapping(group: &str, matched: &str, room: &str, note: &str) -> Value {
    json!({"group": group, "match": matched, "roles": ["red5-subscriber"], "transports": ["WHEP"],
           "rooms": [room], "note": note})
}

/// Ids 1 to 5.
async fn filled(bridge: &TestBridge) {
    for row in [
        mapping("viewers", "exact", "lobby", "100% of a_b"),
        mapping("view-*", "glob", "stage-*", "it's \"x\" \\ <b>"),
        mapping("", "everyone", "*", "axb"),
    ] {
        bridge.add(&row).await;
    }
    let mut off = mapping("Ärzte", "exact", "lobby", "");
    off["enabled"] = json!(false);
    bridge.add(&off).await;
    let mut publishes = mapping("crew", "exact", "{username}", "");
    publishes["roles"] = json!(["red5-publisher"]);
    publishes["transports"] = json!(["*"]);
    bridge.add(&publishes).await;
}

fn encoded(filters: &[(&str, &str)]) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(filters);
    query.finish()
}

async fn found(admin: &Browser, filters: &[(&str, &str)]) -> Vec<i64> {
    let answer = admin.peek(&format!("{LIST}?{}", encoded(filters))).await;
    assert_eq!(answer.status, 200, "{filters:?}: {}", answer.body);
    let page = answer.json();
    let items = page["items"].as_array().unwrap();
    assert_eq!(page["total"], items.len());
    assert!(page["mapping_version"].is_i64());
    items
        .iter()
        .map(|row| row["id"].as_i64().unwrap())
        .collect()
}

#[tokio::test]
async fn mappings_are_found_by_text_group_room_role_transport_and_state() {
    let bridge = TestBridge::start().await;
    filled(&bridge).await;
    let admin = bridge.admin().await;
    for (name, text, wanted) in [
        ("q", "VIEW", vec![1, 2]),
        ("q", "%", vec![1]),
        ("q", "_", vec![1]),
        ("q", "a_b", vec![1]),
        ("q", "*", vec![2, 3]),
        ("q", "'", vec![2]),
        ("q", "\"", vec![2]),
        ("q", "\\", vec![2]),
        ("q", "' OR 1=1 --", vec![]),
        ("q", "äRZTE", vec![4]),
        ("group", "view-7", vec![2, 3]),
        ("group", "viewers", vec![1, 3]),
        ("group", "%", vec![3]),
        ("room", "lobby", vec![1, 3, 4]),
        ("room", "stage-1", vec![2, 3]),
        ("role", "red5-publisher", vec![5]),
        ("transport", "whip", vec![5]),
        ("transport", "WHEP", vec![1, 2, 3, 4, 5]),
        ("state", "disabled", vec![4]),
        ("state", "active", vec![1, 2, 3, 5]),
        ("sort", "group", vec![3, 5, 2, 1, 4]),
        ("sort", "-id", vec![5, 4, 3, 2, 1]),
    ] {
        assert_eq!(
            found(&admin, &[(name, text)]).await,
            wanted,
            "{name}={text}"
        );
    }
    let both = [("room", "lobby"), ("state", "active"), ("q", "")];
    assert_eq!(found(&admin, &both).await, [1, 3]);
    let page = admin
        .peek(&format!("{LIST}?state=active&limit=1&offset=2"))
        .await
        .json();
    assert_eq!(
        (&page["total"], &page["items"][0]["id"]),
        (&json!(4), &json!(3))
    );
}

#[tokio::test]
async fn ad_5_every_wrong_parameter_of_the_list_is_named() {
    let bridge = TestBridge::start().await;
    let admin = bridge.admin().await;
    for (query, fields) in [
        (
            "?limit=0&state=on&role=admin",
            vec!["limit", "role", "state"],
        ),
        (
            "?room=a,b&transport=UDP&sort=name",
            vec!["room", "transport", "sort"],
        ),
        ("?group=a%0Ab&q=%00", vec!["q", "group"]),
        ("?q=a&q=b", vec!["q"]),
        ("?unused_days=3.5&Q=x", vec!["unused_days", "Q"]),
    ] {
        let answer = admin.peek(&format!("{LIST}{query}")).await;
        assert_eq!(wrong_fields(&answer), fields, "{query}");
    }
    bridge.provider.person("vic").groups(["viewers"]);
    let vic = bridge.signed_in("vic").await;
    problem(
        &vic.peek(&format!("{LIST}?q=a")).await,
        403,
        "not_admin",
        &[],
    );
}

#[tokio::test]
async fn the_page_searches_by_its_address_and_keeps_the_filters_from_page_to_page() {
    let bridge = TestBridge::start().await;
    filled(&bridge).await;
    let admin = bridge.admin().await;
    let empty = "group=&room=&role=&transport=&sort=";
    let page = admin
        .peek(&format!("/admin/mappings?q=&state=active&{empty}&limit=2"))
        .await;
    assert_eq!(page.status, 200);
    assert!(page.body.contains("1 to 2 of 4 that fit"), "{}", page.body);
    assert!(page.body.contains("state=active&#38;limit=2&#38;offset=2"));
    assert!(page.body.contains("<option value=\"active\" selected>"));
    let none = admin.peek("/admin/mappings?q=%22%3E%3Cb%3E").await;
    assert!(none.body.contains("No mapping fits"));
    assert!(none.body.contains("value=\"&#34;&#62;&#60;b&#62;\""));
    assert_eq!(admin.peek("/admin/mappings?state=on").await.status, 400);
}

/// What is in memory is written at the latest when the program stops.
#[tokio::test]
async fn a_mapping_carries_the_day_on_which_it_last_let_a_token_through() {
    let bridge = TestBridge::start().await;
    for row in [
        mapping("viewers", "exact", "lobby", ""),
        mapping("viewers", "exact", "attic", ""),
        mapping("crew", "exact", "lobby", ""),
    ] {
        bridge.add(&row).await;
    }
    bridge.provider.person("vic").groups(["viewers"]);
    let vic = bridge.signed_in("vic").await;
    let before = bridge.admin().await.peek(LIST).await.json();
    assert_eq!(before["items"][0]["last_used_at"], Value::Null);

    assert_eq!(vic.token(json!({"rooms": ["lobby"]})).await.status, 200);
    assert_eq!(vic.token(json!({"rooms": ["stage"]})).await.status, 403);
    // The page looks for the entitlement, and gives no token.
    assert_eq!(vic.peek("/").await.status, 200);
    // An edit makes another table in memory, which knows the use.
    bridge.add(&mapping("others", "exact", "lobby", "")).await;
    let other = bridge.beside(&[]).await;
    let version = bridge.admin().await.peek(LIST).await.json()["mapping_version"].clone();
    bridge.stop().await;

    let admin = other.admin().await;
    let after = admin.peek(LIST).await.json();
    let days: Vec<&Value> = after["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| &row["last_used_at"])
        .collect();
    let today = other.clock.now().date_naive().to_string();
    assert_eq!(
        days,
        [&json!(today), &Value::Null, &Value::Null, &Value::Null]
    );
    // Use is no edit.
    assert_eq!(after["items"][0]["version"], 1);
    assert_eq!(after["mapping_version"], version);
    assert_eq!(found(&admin, &[("unused_days", "1")]).await, [0; 0]);
    let at = other
        .clock
        .now()
        .to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
    let both = format!("{LIST}?{}", encoded(&[("unused_days", "1"), ("at", &at)]));
    let refused = admin.peek(&both).await;
    assert_eq!(wrong_fields(&refused), ["unused_days"]);
}
