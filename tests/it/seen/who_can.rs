//! `/api/admin/who-can`.

use super::*;

/// The subjects of those who can, each with the mappings that let them.
async fn who_can(root: &Browser, query: &str) -> Vec<(String, Vec<i64>)> {
    let found = read(root, &format!("/api/admin/who-can?{query}")).await;
    let items = found["items"].as_array().unwrap().iter();
    let row = |item: &Value| {
        let rows = item["rows"].as_array().unwrap().iter();
        let subject = item["person"]["subject"].as_str().unwrap().to_owned();
        (subject, rows.map(|row| row.as_i64().unwrap()).collect())
    };
    let found_rows: Vec<_> = items.map(row).collect();
    assert!(found["total"].as_u64().unwrap() >= found_rows.len() as u64);
    found_rows
}

fn subjects(found: &[(String, Vec<i64>)]) -> Vec<&str> {
    found.iter().map(|(subject, _)| subject.as_str()).collect()
}

const PUBLISH: &str = "role=red5-publisher&room=studio";

fn number(row: &Value) -> i64 {
    row["id"].as_i64().unwrap()
}

#[tokio::test]
async fn one_single_grant_lets_a_person_and_each_row_that_does_is_named() {
    let bridge = TestBridge::start().await;
    let root = bridge.admin().await;
    let whip = bridge
        .map("crew", &["red5-publisher"], &["WHIP"], &["studio"])
        .await;
    let any = bridge
        .map("lead", &["red5-publisher"], &["*"], &["*"])
        .await;
    // Each of them alone is not enough.
    bridge
        .map("split", &["red5-publisher"], &["*"], &["lobby"])
        .await;
    bridge
        .map("split", &["red5-subscriber"], &["*"], &["studio"])
        .await;
    signed_in_with(&bridge, "ann", ["crew"]).await;
    signed_in_with(&bridge, "bob", ["crew", "lead"]).await;
    signed_in_with(&bridge, "eve", ["split"]).await;
    let (whip, any) = (number(&whip), number(&any));

    let can = who_can(&root, PUBLISH).await;
    assert_eq!(
        can,
        [
            ("ann".to_owned(), vec![whip]),
            ("bob".to_owned(), vec![whip, any])
        ]
    );
    let over_rtmp = who_can(&root, &format!("{PUBLISH}&transport=rtmp")).await;
    assert_eq!(over_rtmp, [("bob".to_owned(), vec![any])]);
    // WHEP can only be watched, whatever a row says.
    assert_eq!(
        who_can(&root, &format!("{PUBLISH}&transport=WHEP")).await,
        []
    );
    let watch = who_can(&root, "role=red5-subscriber&room=studio").await;
    assert_eq!(subjects(&watch), ["eve"]);
    assert_eq!(who_can(&root, "role=red5-subscriber&room=other").await, []);
    // The exchange says the same.
    let ann = bridge.signed_in("ann").await;
    let wish = json!({"roles": ["red5-publisher"], "transports": ["WHIP"], "rooms": ["studio"]});
    assert_eq!(ann.token(wish).await.status, 200);
}

#[tokio::test]
async fn templates_globs_and_everyone_are_filled_in_for_each_person() {
    let bridge = TestBridge::start().await;
    let root = bridge.admin().await;
    for (group, kind, room) in [
        ("show-*", "glob", "{1}"),
        ("", "everyone", "home-{username}"),
    ] {
        let row = json!({
            "group": group, "match": kind, "roles": ["red5-publisher"], "transports": ["*"],
            "rooms": [room],
        });
        bridge.add(&row).await;
    }
    for (name, group) in [
        ("ann", "show-studio"),
        ("bob", "show-other"),
        ("eve", "xshow-studio"),
    ] {
        bridge
            .provider
            .person(name)
            .claim("preferred_username", name);
        signed_in_with(&bridge, name, [group]).await;
    }
    assert_eq!(subjects(&who_can(&root, PUBLISH).await), ["ann"]);
    let home = who_can(&root, "role=red5-publisher&room=home-bob").await;
    assert_eq!(subjects(&home), ["bob"]);
}

#[tokio::test]
async fn a_group_with_characters_of_a_pattern_is_matched_by_its_glob_alone() {
    let bridge = TestBridge::start().await;
    let root = bridge.admin().await;
    let row = json!({
        "group": r"50%_\*", "match": "glob", "roles": ["red5-publisher"], "transports": ["*"],
        "rooms": ["studio"],
    });
    bridge.add(&row).await;
    for (name, group) in [("ann", r"50%_\x"), ("bob", "500_x"), ("eve", r"50%y\x")] {
        signed_in_with(&bridge, name, [group]).await;
    }
    assert_eq!(subjects(&who_can(&root, PUBLISH).await), ["ann"]);
}

#[tokio::test]
async fn blocked_people_are_not_listed_and_those_who_left_only_when_asked_for() {
    let bridge = TestBridge::start().await;
    let root = bridge.admin().await;
    bridge
        .map("crew", &["red5-publisher"], &["*"], &["studio"])
        .await;
    for name in ["ann", "bob", "eve"] {
        signed_in_with(&bridge, name, ["crew"]).await;
    }
    end(&bridge, &root, "bob").await;
    block(&bridge, &root, "eve").await;

    assert_eq!(subjects(&who_can(&root, PUBLISH).await), ["ann"]);
    assert_eq!(
        subjects(&who_can(&root, &format!("{PUBLISH}&seen=false")).await),
        ["ann"]
    );
    let seen = format!("{PUBLISH}&seen=true");
    assert_eq!(subjects(&who_can(&root, &seen).await), ["ann", "bob"]);
    let second = who_can(&root, &format!("{seen}&limit=1&offset=1")).await;
    assert_eq!(subjects(&second), ["bob"]);
    let page = read(&root, &format!("/api/admin/who-can?{seen}&limit=1")).await;
    assert_eq!(page["total"], 2);
    // A block by hand leaves the session, and keeps the person out all the same.
    sqlx::query(
        "INSERT INTO blocked (issuer, subject, until, reason, created_at, created_by)
         VALUES ($1, 'ann', NULL, 'by hand', now(), 'dba')",
    )
    .bind(bridge.provider.issuer())
    .execute(&bridge.db)
    .await
    .unwrap();
    assert_eq!(subjects(&who_can(&root, &seen).await), ["bob"]);
}

#[tokio::test]
async fn it_is_judged_now_by_the_groups_of_all_sessions_together() {
    let bridge = TestBridge::start().await;
    let until = chrono::DateTime::from_timestamp(bridge.now() + 600, 0).unwrap();
    let row = json!({
        "group": "day", "match": "exact", "roles": ["red5-publisher"], "transports": ["*"],
        "rooms": ["studio"], "valid_until": until.to_rfc3339(),
    });
    bridge.add(&row).await;
    let root = bridge.admin().await;
    signed_in_with(&bridge, "ann", ["day"]).await;
    signed_in_with(&bridge, "ann", ["night"]).await;
    assert_eq!(subjects(&who_can(&root, PUBLISH).await), ["ann"]);
    bridge.clock.advance(TimeDelta::seconds(545));
    assert_eq!(who_can(&root, PUBLISH).await, []);
}
