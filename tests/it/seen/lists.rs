//! `/api/admin/people`, `/api/admin/people/{id}` and `/api/admin/groups`.

use super::*;
use crate::problem::{problem, wrong_fields};
use crate::provider::Rotation;

#[tokio::test]
async fn ad_1_only_administrators_see_people() {
    let bridge = TestBridge::start().await;
    let root = bridge.admin().await;
    let vic = signed_in_with(&bridge, "vic", ["viewers"]).await;
    let known = person(&root, "vic").await;
    for path in [
        PEOPLE.to_owned(),
        format!("{PEOPLE}/{}", id_of(&known)),
        "/api/admin/groups".to_owned(),
        "/api/admin/who-can?role=red5-subscriber&room=lobby".to_owned(),
    ] {
        problem(&vic.peek(&path).await, 403, "not_admin", &[]);
        let stranger = bridge.browser().peek(&path).await;
        problem(&stranger, 401, "not_signed_in", &["login_url"]);
        assert_eq!(root.peek(&path).await.status, 200, "{path}");
    }
}

#[tokio::test]
async fn a_person_is_listed_with_names_groups_and_a_random_id() {
    let bridge = TestBridge::start().await;
    let root = bridge.admin().await;
    bridge
        .provider
        .person("s-vic")
        .groups(["viewers", "crew"])
        .claim("preferred_username", "vic")
        .claim("name", "Vic Viewer");
    bridge.signed_in("s-vic").await;

    let vic = person(&root, "vic").await;

    let members: Vec<&String> = vic.as_object().unwrap().keys().collect();
    assert_eq!(
        members,
        [
            "blocked",
            "groups",
            "id",
            "issuer",
            "last_seen_at",
            "name",
            "signed_in",
            "subject",
            "username"
        ]
    );
    assert_eq!(vic["issuer"], bridge.provider.issuer());
    assert_eq!(
        (&vic["subject"], &vic["username"]),
        (&json!("s-vic"), &json!("vic"))
    );
    assert_eq!(vic["name"], "Vic Viewer");
    assert_eq!(vic["groups"], json!(["crew", "viewers"]));
    assert_eq!(
        (&vic["signed_in"], &vic["blocked"]),
        (&json!(true), &json!(false))
    );
    let id = id_of(&vic);
    assert!(
        id.starts_with("p_") && id.len() == 34 && !id.contains("vic"),
        "{id}"
    );
    // Another database, another id: it is not derived.
    let other = TestBridge::start().await;
    let root = other.admin().await;
    other
        .provider
        .person("s-vic")
        .claim("preferred_username", "vic");
    other.signed_in("s-vic").await;
    assert_ne!(id_of(&person(&root, "vic").await), id);
}

#[tokio::test]
async fn ad_7_a_text_to_look_for_is_a_text_and_nothing_in_it_means_anything() {
    let bridge = TestBridge::start().await;
    let root = bridge.admin().await;
    bridge.provider.person("a_b").claim("name", "50% *Ann*");
    bridge
        .provider
        .person("axb")
        .claim("preferred_username", "É'); DROP");
    bridge.signed_in("a_b").await;
    bridge.signed_in("axb").await;
    for (text, wanted) in [
        ("a_b", &["a_b"][..]),
        ("A_B", &["a_b"]),
        ("50%25", &["a_b"]),
        ("%25", &["a_b"]),
        ("_", &["a_b"]),
        ("*", &["a_b"]),
        ("a*b", &[]),
        ("%C3%89%27", &["axb"]),
        ("%27%29%3B+DROP", &["axb"]),
        ("", &["axb", "a_b", "root"]),
    ] {
        let mut found = listed(&root, &format!("q={text}")).await;
        let mut wanted = wanted.to_vec();
        found.sort_unstable();
        wanted.sort_unstable();
        assert_eq!(found, wanted, "{text}");
    }
}

#[tokio::test]
async fn people_are_listed_by_user_name_and_subject_in_pages() {
    let bridge = TestBridge::start().await;
    let root = bridge.admin().await;
    for (subject, username) in [("s-3", "Ann"), ("s-1", "bob"), ("s-2", "bob")] {
        bridge
            .provider
            .person(subject)
            .claim("preferred_username", username);
        bridge.signed_in(subject).await;
    }
    let all = listed(&root, "q=s-").await;
    assert_eq!(all, ["s-3", "s-1", "s-2"]);
    assert_eq!(listed(&root, "q=s-&limit=1&offset=1").await, ["s-1"]);
    let behind = read(&root, &format!("{PEOPLE}?q=s-&offset=7")).await;
    assert_eq!(
        (&behind["total"], &behind["items"]),
        (&json!(3), &json!([]))
    );
}

#[tokio::test]
async fn the_members_of_a_group_are_found_by_exactly_its_name() {
    let bridge = TestBridge::start().await;
    let root = bridge.admin().await;
    signed_in_with(&bridge, "ann", ["crew"]).await;
    signed_in_with(&bridge, "bob", ["Crew"]).await;
    signed_in_with(&bridge, "eve", ["crew", "c*"]).await;
    assert_eq!(listed(&root, "group=crew").await, ["ann", "eve"]);
    assert_eq!(listed(&root, "group=c*").await, ["eve"]);
    assert_eq!(listed(&root, "group=crew&q=an").await, ["ann"]);
    assert_eq!(listed(&root, "group=cre").await, [""; 0]);
}

#[tokio::test]
async fn the_groups_of_several_sessions_count_together_and_those_of_an_ended_one_no_more() {
    let bridge = TestBridge::start().await;
    let root = bridge.admin().await;
    let mut first = signed_in_with(&bridge, "ann", ["day", "crew"]).await;
    let second = signed_in_with(&bridge, "ann", ["night", "crew"]).await;
    let ann = person(&root, "ann").await;
    assert_eq!(ann["groups"], json!(["crew", "day", "night"]));
    assert_eq!(listed(&root, "group=day").await, ["ann"]);
    let details = read(&root, &format!("{PEOPLE}/{}", id_of(&ann))).await;
    assert_eq!(details["sessions"].as_array().unwrap().len(), 2);
    assert_eq!(details["groups"], ann["groups"]);

    first.submit("/sessions", "/auth/logout", &[]).await;
    assert_eq!(
        person(&root, "ann").await["groups"],
        json!(["crew", "night"])
    );
    assert_eq!(listed(&root, "group=day").await, [""; 0]);

    // Without a session, what was said last.
    drop(second);
    end(&bridge, &root, "ann").await;
    let ann = person(&root, "ann").await;
    assert_eq!(ann["signed_in"], false);
    assert_eq!(ann["groups"], json!(["crew", "night"]));
    assert_eq!(listed(&root, "group=night").await, ["ann"]);
}

#[tokio::test]
async fn a_refresh_that_changes_the_groups_is_seen() {
    let bridge = TestBridge::start_with(&[("BRIDGE_GROUPS_MAX_AGE_SECONDS", "60")]).await;
    bridge.provider.give_refresh_tokens(Rotation::Each);
    let ann = signed_in_with(&bridge, "ann", ["day"]).await;
    bridge
        .provider
        .person("ann")
        .groups(["night"])
        .claim("name", "Ann Lee");
    bridge.clock.advance(TimeDelta::seconds(121));
    assert_eq!(ann.peek("/api/session").await.status, 200);
    let root = bridge.admin().await;
    end(&bridge, &root, "ann").await;
    let ann = person(&root, "ann").await;
    assert_eq!(
        (&ann["name"], &ann["groups"]),
        (&json!("Ann Lee"), &json!(["night"]))
    );
}

#[tokio::test]
async fn one_person_has_sessions_grants_and_block() {
    let bridge = TestBridge::start().await;
    bridge.map_lobby().await;
    let root = bridge.admin().await;
    signed_in_with(&bridge, "vic", ["viewers"]).await;
    let path = format!("{PEOPLE}/{}", id_of(&person(&root, "vic").await));

    let vic = read(&root, &path).await;

    assert_eq!(vic["sessions"][0]["subject"], "vic");
    assert_eq!(
        vic["entitlement"],
        json!([{"roles": ["red5-subscriber"], "transports": ["WHEP"], "rooms": ["lobby"]}])
    );
    assert_eq!(vic["block"], Value::Null);

    block(&bridge, &root, "vic").await;
    let vic = read(&root, &path).await;
    assert_eq!(
        (&vic["signed_in"], &vic["blocked"]),
        (&json!(false), &json!(true))
    );
    assert_eq!(vic["sessions"], json!([]));
    assert_eq!(vic["block"]["reason"], "Left the company.");
    assert_eq!(vic["entitlement"].as_array().unwrap().len(), 1);
    assert_eq!(person(&root, "vic").await["blocked"], true);
}

#[tokio::test]
async fn ad_8_what_names_no_person_is_not_found() {
    let bridge = TestBridge::start().await;
    let root = bridge.admin().await;
    let known = person(&root, "root").await;
    let id = id_of(&known);
    for wrong in [
        "1",
        "p_",
        "%00",
        &id[2..],
        &id.to_uppercase(),
        &format!("p_{}", "0".repeat(32)),
    ] {
        let answer = root.peek(&format!("{PEOPLE}/{wrong}")).await;
        problem(&answer, 404, "not_found", &[]);
    }
}

#[tokio::test]
async fn ad_5_every_wrong_and_every_unknown_parameter_is_named_at_once() {
    let bridge = TestBridge::start().await;
    let root = bridge.admin().await;
    let id = id_of(&person(&root, "root").await).to_owned();
    for (path, fields) in [
        (
            "/people?q=%00&group=&limit=0&offset=-1",
            &["q", "group", "limit", "offset"][..],
        ),
        ("/people?limit=501&person=x", &["limit", "person"]),
        ("/people?q=a&q=b", &["q"]),
        (&format!("/people/{id}?q=x"), &["q"]),
        ("/groups?limit=5&q=x", &["limit"]),
        ("/who-can", &["role", "room"]),
        (
            "/who-can?role=publisher&room=a/b&transport=SRT&seen=yes&limit=x&at=now",
            &["role", "room", "transport", "seen", "limit", "at"],
        ),
        (
            "/who-can?role=red5-publisher&room=a&transport=",
            &["transport"],
        ),
        ("/who-can?role=red5-publisher&room=a&room=b", &["room"]),
    ] {
        let answer = root.peek(&format!("/api/admin{path}")).await;
        assert_eq!(wrong_fields(&answer), fields, "{path}");
    }
}

#[tokio::test]
async fn groups_are_listed_with_their_people_and_the_mappings_that_name_or_match_them() {
    let bridge = TestBridge::start().await;
    let root = bridge.admin().await;
    bridge
        .map("crew", &["red5-publisher"], &["*"], &["a"])
        .await;
    for (group, kind) in [("c*", "glob"), ("", "everyone")] {
        let row = json!({
            "group": group, "match": kind, "roles": ["red5-subscriber"], "transports": ["*"],
            "rooms": ["b"],
        });
        bridge.add(&row).await;
    }
    signed_in_with(&bridge, "ann", ["crew", "cooks"]).await;
    signed_in_with(&bridge, "ann", ["crew"]).await;
    signed_in_with(&bridge, "bob", ["crew", "night"]).await;
    end(&bridge, &root, "bob").await;

    let found = read(&root, "/api/admin/groups").await;

    assert_eq!(
        found["items"],
        json!([
            {"group": "crew", "people": 2, "mappings": 2},
            {"group": "cooks", "people": 1, "mappings": 1},
            {"group": "night", "people": 1, "mappings": 0},
            {"group": crate::bridge::ADMIN_GROUP, "people": 1, "mappings": 0},
        ])
    );
    let some = read(&root, "/api/admin/groups?q=C").await;
    let some: Vec<&Value> = some["items"].as_array().unwrap().iter().collect();
    assert_eq!((some.len(), &some[0]["group"]), (2, &json!("crew")));
}

#[tokio::test]
async fn a_person_is_known_for_as_many_days_as_configured() {
    for (days, known_after_two) in [("0", false), ("1", false), ("2", false), ("3", true)] {
        let bridge = TestBridge::start_with(&[("BRIDGE_SEEN_DAYS", days)]).await;
        let root = bridge.admin().await;
        signed_in_with(&bridge, "ann", ["crew"]).await;
        let id = id_of(&person(&root, "ann").await).to_owned();
        end(&bridge, &root, "ann").await;
        let now = listed(&root, "q=ann").await.len();
        assert_eq!(now, usize::from(days != "0"), "{days}");

        bridge
            .clock
            .advance(TimeDelta::days(2) + TimeDelta::seconds(1));
        let root = bridge.admin().await;
        let found = listed(&root, "q=ann").await;
        assert_eq!(found.len(), usize::from(known_after_two), "{days}");
        let one = root.peek(&format!("{PEOPLE}/{id}")).await.status;
        assert_eq!(one, if known_after_two { 200 } else { 404 }, "{days}");
        let groups = read(&root, "/api/admin/groups?q=crew").await;
        assert_eq!(groups["items"].as_array().unwrap().len(), found.len());
    }
}
