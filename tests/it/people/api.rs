//! `/api/admin/sessions` and `/api/admin/blocks`.

use super::*;
use crate::eventually::eventually;
use crate::problem::{problem, wrong_fields};

async fn listed(root: &Browser, query: &str) -> Vec<Value> {
    let answer = root.peek(&format!("{SESSIONS}{query}")).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.json()["items"].as_array().unwrap().clone()
}

fn subjects(items: &[Value]) -> Vec<&str> {
    items
        .iter()
        .map(|item| item["subject"].as_str().unwrap())
        .collect()
}

#[tokio::test]
async fn se_5_administrators_see_who_is_signed_in_and_nothing_that_opens_a_session() {
    let bridge = TestBridge::start().await;
    let root = bridge.admin().await;
    bridge
        .provider
        .person("s-ann")
        .claim("preferred_username", "ann")
        .claim("name", "Ann Lee");
    let ann = bridge.signed_in("s-ann").await;

    let answer = root.peek(SESSIONS).await;

    let page = answer.json();
    assert_eq!(page["total"], 2);
    let item = &page["items"][0];
    assert_eq!(item["subject"], "s-ann", "the latest first");
    assert_eq!(item["issuer"], bridge.provider.issuer());
    assert_eq!(
        (&item["username"], &item["name"]),
        (&json!("ann"), &json!("Ann Lee"))
    );
    let members: Vec<&String> = item.as_object().unwrap().keys().collect();
    assert_eq!(
        members,
        [
            "ends_at",
            "groups_read_at",
            "id",
            "issuer",
            "last_seen_at",
            "name",
            "signed_in_at",
            "subject",
            "username"
        ]
    );
    let (_, cookie) = ann.session().unwrap();
    let hash: String =
        sqlx::query_scalar("SELECT encode(id_hash, 'hex') FROM sessions WHERE subject = 's-ann'")
            .fetch_one(&bridge.db)
            .await
            .unwrap();
    assert!(!answer.body.contains(&cookie) && !answer.body.contains(&hash));
    let id = item["id"].as_str().unwrap().replace('-', "");
    assert!(!hash.contains(&id) && !hash.starts_with(&id[..8]));
}

#[tokio::test]
async fn se_5_one_session_is_ended_and_the_other_goes_on() {
    let bridge = TestBridge::start().await;
    let other = TestBridge::start_on(&bridge.database_url, &[]).await;
    let root = bridge.admin().await;
    bridge.provider.person("ann");
    let desk = bridge.signed_in("ann").await;
    let first = listed(&root, "?person=ann").await[0]["id"].clone();
    let phone = bridge.signed_in("ann").await;
    let mut there = other.browser();
    there.cookies = desk.cookies.clone();
    assert!(there.is_signed_in().await);

    let path = format!("{SESSIONS}/{}", first.as_str().unwrap());
    assert_eq!(root.api("DELETE", &path, &json!({})).await.status, 204);

    assert!(!desk.is_signed_in().await);
    assert!(phone.is_signed_in().await);
    eventually("the other instance hears of it", async || {
        !there.is_signed_in().await
    })
    .await;
    problem(
        &root.api("DELETE", &path, &json!({})).await,
        404,
        "not_found",
        &[],
    );
    let rows = audit(&bridge).await;
    assert_eq!(rows.len(), 1);
    assert_eq!(
        (rows[0].0.as_str(), &*rows[0].1),
        ("session.ended", first.as_str().unwrap())
    );
    let before = rows[0].2.as_ref().unwrap();
    assert_eq!(before["subject"], "ann");
    assert!(before.get("id_hash").is_none());
}

#[tokio::test]
async fn se_5_all_sessions_of_a_person_are_ended_at_once() {
    let bridge = TestBridge::start().await;
    let root = bridge.admin().await;
    bridge.provider.person("ann");
    bridge.provider.person("bob");
    let (one, two) = (bridge.signed_in("ann").await, bridge.signed_in("ann").await);
    let bob = bridge.signed_in("bob").await;
    let path = of(SESSIONS, &bridge, "ann");

    let answer = root.api("DELETE", &path, &json!({})).await;

    assert_eq!(answer.json(), json!({ "ended": 2 }));
    assert!(!one.is_signed_in().await && !two.is_signed_in().await);
    assert!(bob.is_signed_in().await && root.is_signed_in().await);
    let again = root.api("DELETE", &path, &json!({})).await;
    assert_eq!(again.json(), json!({ "ended": 0 }));
    let rows = audit(&bridge).await;
    assert_eq!(rows.len(), 1, "nothing was done the second time");
    assert_eq!(rows[0].0, "person.ended");
    assert_eq!(
        rows[0].2.as_ref().unwrap()["sessions"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
    // They may sign in again; only a block keeps them out.
    assert!(bridge.signed_in("ann").await.is_signed_in().await);
}

#[tokio::test]
async fn only_live_sessions_are_listed() {
    let bridge = TestBridge::start().await;
    let root = bridge.admin().await;
    for (name, change) in [
        ("over", "ends_at = created_at + interval '1 microsecond'"),
        (
            "idle",
            "last_seen_at = last_seen_at - interval '61 minutes'",
        ),
        ("live", "name = 'Live'"),
    ] {
        bridge.provider.person(name);
        bridge.signed_in(name).await;
        let change = format!("UPDATE sessions SET {change} WHERE subject = '{name}'");
        sqlx::query(sqlx::AssertSqlSafe(change))
            .execute(&bridge.db)
            .await
            .unwrap();
    }
    assert_eq!(subjects(&listed(&root, "").await), ["live", "root"]);
}

#[tokio::test]
async fn ad_7_a_filter_is_a_text_and_nothing_in_it_means_anything() {
    let bridge = TestBridge::start().await;
    let root = bridge.admin().await;
    bridge.provider.person("a_b").claim("name", "50% Ann");
    bridge
        .provider
        .person("axb")
        .claim("preferred_username", "É'); DROP");
    bridge.signed_in("a_b").await;
    bridge.signed_in("axb").await;
    for (filter, wanted) in [
        ("a_b", vec!["a_b"]),
        ("A_B", vec!["a_b"]),
        ("50%25", vec!["a_b"]),
        ("%25", vec!["a_b"]),
        ("_", vec!["a_b"]),
        ("%C3%89%27", vec!["axb"]),
        ("%27%29%3B+DROP", vec!["axb"]),
        ("unknown", vec![]),
        ("", vec!["axb", "a_b", "root"]),
    ] {
        let items = listed(&root, &format!("?person={filter}")).await;
        assert_eq!(subjects(&items), wanted, "{filter}");
    }
    let long = "x".repeat(256);
    for wrong in [
        "?person=%00",
        "?person=a%0Ab",
        "?person=a&person=b",
        &format!("?person={long}"),
    ] {
        let answer = root.peek(&format!("{SESSIONS}{wrong}")).await;
        assert_eq!(wrong_fields(&answer), ["person"], "{wrong}");
    }
}

#[tokio::test]
async fn lists_are_paged() {
    let bridge = TestBridge::start().await;
    let root = bridge.admin().await;
    for name in ["a", "b", "c"] {
        bridge.provider.person(name);
        bridge.signed_in(name).await;
        assert_eq!(
            block(&bridge, &root, &format!("blocked-{name}"))
                .await
                .status,
            201
        );
    }
    assert_eq!(
        subjects(&listed(&root, "?limit=2&offset=1").await),
        ["b", "a"]
    );
    let page = root
        .peek(&format!("{BLOCKS}?limit=2&offset=1"))
        .await
        .json();
    assert_eq!(page["total"], 3);
    let items = page["items"].as_array().unwrap();
    assert_eq!(subjects(items), ["blocked-b", "blocked-a"]);
    for path in [SESSIONS, BLOCKS] {
        let answer = root.peek(&format!("{path}?limit=0&offset=-1")).await;
        assert_eq!(wrong_fields(&answer), ["limit", "offset"]);
    }
}

#[tokio::test]
async fn ad_8_what_names_no_session_is_not_found() {
    let bridge = TestBridge::start().await;
    let root = bridge.admin().await;
    let id = listed(&root, "").await[0]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    for wrong in [
        "1",
        "x",
        "%00",
        "..",
        &id.to_uppercase(),
        &id.replace('-', ""),
        &format!("{{{id}}}"),
        "00000000-0000-0000-0000-000000000000",
    ] {
        let answer = root
            .api("DELETE", &format!("{SESSIONS}/{wrong}"), &json!({}))
            .await;
        // An id of digits alone is the same in upper case.
        assert!(
            wrong != id && answer.status == 404,
            "{wrong}: {}",
            answer.body
        );
    }
    assert!(root.is_signed_in().await);
}

#[tokio::test]
async fn ad_5_every_wrong_field_of_a_block_is_named_at_once() {
    let bridge = TestBridge::start().await;
    let root = bridge.admin().await;
    let issuer = bridge.provider.issuer();
    for (block, fields) in [
        (json!({}), vec!["issuer", "subject", "reason"]),
        (
            json!({"issuer": 1, "subject": "é", "until": "soon", "reason": null, "id": 7}),
            vec!["issuer", "until", "id", "subject", "reason"],
        ),
        (
            json!({"issuer": issuer, "subject": "ann", "reason": "x", "until": "2020-01-01T00:00:00Z"}),
            vec!["until"],
        ),
        (
            json!({"issuer": issuer, "subject": "ann", "reason": "a\u{0}b"}),
            vec!["reason"],
        ),
        (
            json!({"issuer": issuer, "subject": "ann", "reason": "x", "created_by": "root"}),
            vec!["created_by"],
        ),
    ] {
        let answer = root.api("POST", BLOCKS, &block).await;
        let mut found = wrong_fields(&answer);
        let mut wanted = fields.clone();
        found.sort_unstable();
        wanted.sort_unstable();
        assert_eq!(found, wanted, "{block}");
    }
    for path in [SESSIONS, BLOCKS] {
        let answer = root.api("DELETE", path, &json!({})).await;
        assert_eq!(wrong_fields(&answer), ["issuer", "subject"]);
        let twice = format!("{}&subject=bob", of(path, &bridge, "ann"));
        let answer = root.api("DELETE", &twice, &json!({})).await;
        assert_eq!(wrong_fields(&answer), ["subject"]);
    }
    assert_eq!(bridge.count("blocked").await, 0);
}

#[tokio::test]
async fn a_block_that_is_not_there_cannot_be_lifted() {
    let bridge = TestBridge::start().await;
    let root = bridge.admin().await;
    let path = of(BLOCKS, &bridge, "ann");
    problem(
        &root.api("DELETE", &path, &json!({})).await,
        404,
        "not_found",
        &[],
    );
    assert!(audit(&bridge).await.is_empty());
}

#[tokio::test]
async fn a_block_is_shown_as_it_is_and_says_when_it_counts_no_more() {
    let bridge = TestBridge::start().await;
    let root = bridge.admin().await;
    let now = chrono::DateTime::from_timestamp(bridge.now() + 60, 0).unwrap();
    let draft = json!({
        "issuer": bridge.provider.issuer(), "subject": "ann", "reason": "a\r\nb",
        "until": now.to_rfc3339(),
    });
    let written = root.api("POST", BLOCKS, &draft).await.json();
    assert_eq!(written["reason"], "a\nb");
    assert_eq!(
        (&written["counts"], &written["created_by"]),
        (&json!(true), &json!("root"))
    );
    assert_eq!(root.peek(BLOCKS).await.json()["items"], json!([written]));
    bridge.clock.advance(chrono::TimeDelta::seconds(61));
    assert_eq!(root.peek(BLOCKS).await.json()["items"][0]["counts"], false);
}
