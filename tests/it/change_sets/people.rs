//! Whom a change set changes: those who are signed in, and those who were seen.

use std::collections::BTreeSet;

use rand::rngs::StdRng;
use rand::seq::SliceRandom as _;
use rand::{Rng as _, SeedableRng as _};

use super::*;

fn item<'a>(outcome: &'a Value, username: &str) -> Option<&'a Value> {
    let items = outcome["people"]["items"].as_array().unwrap();
    items.iter().find(|item| item["username"] == username)
}

#[tokio::test]
async fn those_who_gain_come_first_and_those_who_were_seen_count_too() {
    let bridge = TestBridge::start().await;
    let row = bridge.add(&watch("viewers", "lobby")).await;
    for (person, group) in [("vic", "viewers"), ("ann", "viewers"), ("cora", "crew")] {
        bridge
            .provider
            .person(person)
            .claim("preferred_username", person)
            .groups([group]);
        bridge.signed_in(person).await;
    }
    sqlx::query("DELETE FROM sessions WHERE subject = 'ann'")
        .execute(&bridge.db)
        .await
        .unwrap();
    let outcome = try_out(&bridge, &[delete(&row), create(publish("crew", "stage"))]).await;
    let people = &outcome["people"];
    // The administrator is one of them.
    assert_eq!(
        (
            &people["considered"],
            &people["signed_in"],
            &people["changed"],
            &people["more"]
        ),
        (&json!(4), &json!(3), &json!(3), &json!(0))
    );
    let named: Vec<&Value> = people["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| &item["username"])
        .collect();
    assert_eq!(named, ["cora", "ann", "vic"]);
    let cora = item(&outcome, "cora").unwrap();
    assert_eq!(
        cora["gains"],
        json!([{"roles": ["red5-publisher"], "transports": ["WHIP"], "rooms": ["stage"]}])
    );
    assert_eq!(cora["losses"], json!([]));
    let ann = item(&outcome, "ann").unwrap();
    assert_eq!(
        (&ann["signed_in"], &ann["gains"]),
        (&json!(false), &json!([]))
    );
    assert!(ann["person"].as_str().unwrap().starts_with("p_"));
}

#[tokio::test]
async fn what_cannot_be_told_of_people_is_not_written() {
    let bridge = TestBridge::start().await;
    bridge.add(&watch("viewers", "lobby")).await;
    let admin = bridge.admin().await;
    let mut lock = bridge.db.begin().await.unwrap();
    sqlx::raw_sql("LOCK TABLE people IN ACCESS EXCLUSIVE MODE")
        .execute(&mut *lock)
        .await
        .unwrap();
    let set = json!({ "changes": [create(publish("crew", "stage"))] });
    let answer = admin.api("POST", CHANGES, &set).await;
    assert_eq!(
        (answer.status, answer.code()),
        (503, "unavailable".to_owned())
    );
    lock.rollback().await.unwrap();
    assert_eq!(bridge.count("mappings").await, 1);
}

#[tokio::test]
async fn a_default_token_that_would_be_long_or_needs_a_room_is_warned_of() {
    let bridge = TestBridge::start().await;
    bridge.add(&watch("viewers", "lobby")).await;
    bridge.provider.person("vic").groups(["viewers"]);
    bridge.signed_in("vic").await;
    let codes = |outcome: &Value| -> Vec<String> {
        let warnings = outcome["warnings"].as_array().unwrap().iter();
        warnings
            .map(|warning| warning["code"].as_str().unwrap().to_owned())
            .collect()
    };
    let rooms: Vec<String> = (0..50).map(|n| format!("{n:0>30}")).collect();
    let mut many = watch("viewers", "lobby");
    many["rooms"] = json!(rooms);
    let outcome = try_out(&bridge, &[create(many)]).await;
    assert!(
        codes(&outcome).contains(&"long_token".to_owned()),
        "{outcome}"
    );

    let row = bridge.admin().await.peek(LIST).await.json()["items"][0].clone();
    let outcome = try_out(&bridge, &[replace(&row, watch("viewers", "class-*"))]).await;
    assert!(
        codes(&outcome).contains(&"no_default_room".to_owned()),
        "{outcome}"
    );
}

const ROLES: [&str; 2] = ["red5-publisher", "red5-subscriber"];
const TRANSPORTS: [&str; 5] = ["RTMP", "RTSP", "WHIP", "WHEP", "another"];

/// Every (role, transport, room) that these grants give, over a few rooms, one that no grant names,
/// and none.
fn triples(grants: &Value) -> BTreeSet<String> {
    let has = |list: &Value, name: &str| {
        list.as_array().unwrap().iter().any(|item| {
            let item = item.as_str().unwrap();
            item == "*"
                || item == name
                || item.strip_suffix('*').is_some_and(|prefix| {
                    !prefix.is_empty() && name.len() > prefix.len() && name.starts_with(prefix)
                })
        })
    };
    let mut all = BTreeSet::new();
    for grant in grants.as_array().unwrap() {
        for role in ROLES {
            for transport in TRANSPORTS {
                let idle = matches!(
                    (role, transport),
                    ("red5-publisher", "WHEP") | ("red5-subscriber", "WHIP")
                );
                if idle || !has(&grant["roles"], role) || !has(&grant["transports"], transport) {
                    continue;
                }
                for room in ["a", "b", "c-1", "c-2", "other", ""] {
                    if has(&grant["rooms"], room) {
                        all.insert(format!("{role} {transport} {room}"));
                    }
                }
            }
        }
    }
    all
}

pub(super) fn random_mapping(random: &mut StdRng) -> Value {
    let (kind, group) = *[
        ("exact", Some("g1")),
        ("exact", Some("g2")),
        ("exact", Some("g3")),
        ("glob", Some("g*")),
        ("everyone", None),
    ]
    .choose(random)
    .unwrap();
    let roles = *[&ROLES[..1], &ROLES[1..], &ROLES[..]]
        .choose(random)
        .unwrap();
    let transports = *[&["RTMP"][..], &["*"], &["RTMP", "RTSP"]]
        .choose(random)
        .unwrap();
    let rooms = *[&["a"][..], &["a", "b"], &["c-*"], &["*"], &["b", "c-1"]]
        .choose(random)
        .unwrap();
    json!({"match": kind, "group": group, "roles": roles, "transports": transports, "rooms": rooms,
           "enabled": random.gen_bool(0.9)})
}

#[tokio::test]
async fn what_a_dry_run_says_of_each_person_is_what_they_can_do_afterwards() {
    let seed: u64 = rand::random();
    let mut random = StdRng::seed_from_u64(seed);
    let bridge = TestBridge::start().await;
    let mut people = Vec::new();
    for n in 0..5 {
        let name = format!("p{n}");
        let groups: Vec<String> = ["g1", "g2", "g3", "other"]
            .into_iter()
            .filter(|_| random.gen_bool(0.5))
            .map(str::to_owned)
            .collect();
        bridge
            .provider
            .person(&name)
            .claim("preferred_username", name.as_str())
            .claim("groups", json!(groups));
        people.push((bridge.signed_in(&name).await, name));
    }
    let admin = bridge.admin().await;
    let mut compared = 0;
    for _ in 0..25 {
        let rows = admin.peek(&format!("{LIST}?limit=500")).await.json()["items"].clone();
        let mut rows = rows.as_array().unwrap().clone();
        rows.shuffle(&mut random);
        let mut changes = vec![create(random_mapping(&mut random))];
        for row in rows.into_iter().take(random.gen_range(0..3)) {
            changes.push(if random.gen_bool(0.5) {
                delete(&row)
            } else {
                replace(&row, random_mapping(&mut random))
            });
        }
        let set = json!({ "changes": changes, "dry_run": true });
        let tried = admin.api("POST", CHANGES, &set).await;
        if tried.status == 409 {
            continue;
        }
        let tried = tried.json();
        let held = async |browser: &crate::bridge::Browser| {
            triples(&browser.peek("/api/session").await.json()["entitlement"])
        };
        let mut before = Vec::new();
        for (browser, _) in &people {
            before.push(held(browser).await);
        }
        let written = admin
            .api("POST", CHANGES, &json!({ "changes": changes }))
            .await;
        assert_eq!(written.status, 200, "{}", written.body);
        for ((browser, name), before) in people.iter().zip(before) {
            let after = held(browser).await;
            let gains = after.difference(&before).count() > 0;
            let losses = before.difference(&after).count() > 0;
            let told = item(&tried, name);
            let tells = |side: &str| told.is_some_and(|told| told[side] != json!([]));
            assert_eq!(
                (tells("gains"), tells("losses")),
                (gains, losses),
                "seed {seed}: {name} {changes:?} {tried}"
            );
            // What no identity gains, no person does.
            let kind = tried["effect"].as_str().unwrap();
            assert!(
                !gains || ["widens", "both"].contains(&kind),
                "seed {seed}: {kind}"
            );
            assert!(
                !losses || ["narrows", "both"].contains(&kind),
                "seed {seed}: {kind}"
            );
            compared += 1;
        }
    }
    assert!(compared > 50, "{compared}");
}
