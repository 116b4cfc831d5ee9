use std::collections::BTreeSet;

use chrono::TimeDelta;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use serde_json::{Value, json};

use super::*;
use crate::domain::identity::Groups;
use crate::domain::mapping::Mapping;

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_795_000_000, 0).unwrap()
}

fn mapping(id: i64, fields: Value) -> Mapping {
    let mut sent = json!({
        "group": "crew", "match": "exact", "roles": ["red5-publisher"], "transports": ["*"],
        "rooms": ["studio-1"]
    });
    let Value::Object(fields) = fields else {
        panic!("{fields}");
    };
    for (name, value) in fields {
        sent[name] = value;
    }
    if sent["match"] == "everyone" {
        sent["group"] = Value::Null;
    }
    Mapping {
        id: MappingId(id),
        draft: MappingDraft::parse(serde_json::from_value(sent).unwrap()).unwrap(),
        version: 1,
        created_at: now(),
        created_by: "test".to_owned(),
        updated_at: now(),
        updated_by: "test".to_owned(),
        last_used_at: None,
    }
}

fn member(groups: &[&str]) -> Identity {
    Identity {
        issuer: "https://idp.example".to_owned(),
        subject: "s-1".to_owned(),
        username: Some("a b".to_owned()),
        name: None,
        groups: Groups::Listed(groups.iter().map(|&group| group.to_owned()).collect()),
    }
}

/// Verdict and reason of the one row that there is; none where it is not listed.
fn told(fields: Value, groups: &[&str]) -> Option<(RowVerdict, String)> {
    let mappings = Mappings::compile([mapping(1, fields)]);
    let mut rows = explain_rows(&mappings, &member(groups), now());
    assert!(rows.len() <= 1);
    rows.pop().map(|row| (row.verdict, row.because))
}

#[test]
fn each_verdict_has_a_sentence_that_names_the_values() {
    use RowVerdict::{Applies, Disabled, EndsTooSoon, NearMiss, NoRoomLeft, NotYet, Over};
    let at = |seconds| utc(now() + TimeDelta::seconds(seconds));
    let id = "0f8fad5b-d9cb-469f-a165-70867728950e";
    for (fields, groups, verdict, because) in [
        (
            json!({}),
            &["crew"][..],
            Applies,
            "group \"crew\" is matched exactly",
        ),
        (
            json!({"match": "glob", "group": "show-*"}),
            &["show-7"],
            Applies,
            "group \"show-7\" is of the form \"show-*\"",
        ),
        (
            json!({"match": "everyone"}),
            &[],
            Applies,
            "the mapping is for everyone who is signed in",
        ),
        (
            json!({"enabled": false, "valid_until": at(-5)}),
            &["crew"],
            Disabled,
            "group \"crew\" is matched exactly, and the mapping is switched off",
        ),
        (
            json!({"valid_until": at(0)}),
            &["crew"],
            Over,
            "group \"crew\" is matched exactly, and it was valid until 2026-11-18T11:06:40Z",
        ),
        (
            json!({"valid_from": at(1), "valid_until": at(30)}),
            &["crew"],
            NotYet,
            "group \"crew\" is matched exactly, and it is valid from 2026-11-18T11:06:41Z",
        ),
        (
            json!({"valid_until": at(59)}),
            &["crew"],
            EndsTooSoon,
            "group \"crew\" is matched exactly, and it is valid until 2026-11-18T11:07:39Z, which is less than 60 seconds away",
        ),
        (
            json!({"rooms": ["{username}"]}),
            &["crew"],
            NoRoomLeft,
            "group \"crew\" is matched exactly, and none of its rooms could be made: \"{username}\", because {username} is \"a b\", which has characters that a room name cannot have",
        ),
        (
            json!({"group": "Crew"}),
            &["crew"],
            NearMiss,
            "the group is \"Crew\" here and \"crew\" at the provider: they differ in upper and lower case",
        ),
        (
            json!({"group": "Zu\u{308}rich"}),
            &["Zürich"],
            NearMiss,
            "the group is \"Zu\\u{308}rich\" here and \"Zürich\" at the provider: they differ in the Unicode form",
        ),
        (
            json!({"match": "glob", "group": "Show-*"}),
            &["/show-7"],
            NearMiss,
            "the group is \"Show-*\" here and \"/show-7\" at the provider: they differ in upper and lower case and a slash at the beginning",
        ),
        (
            json!({}),
            &[id],
            NearMiss,
            "the group is \"crew\" here and \"0f8fad5b-d9cb-469f-a165-70867728950e\" at the provider: the provider seems to send ids, not names",
        ),
        (
            json!({"group": id}),
            &["crew"],
            NearMiss,
            "the group is \"0f8fad5b-d9cb-469f-a165-70867728950e\" here and \"crew\" at the provider: the mapping seems to have an id, not a name",
        ),
    ] {
        let found = told(fields.clone(), groups);
        assert_eq!(found, Some((verdict, because.to_owned())), "{fields}");
    }
}

#[test]
fn rows_without_a_relation_and_near_misses_that_are_off_are_not_listed() {
    assert_eq!(told(json!({}), &["viewers"]), None);
    assert_eq!(told(json!({}), &[]), None);
    assert_eq!(
        told(json!({"group": "Crew", "enabled": false}), &["crew"]),
        None
    );
    let over = json!({"group": "Crew", "valid_until": utc(now())});
    assert_eq!(told(over, &["crew"]), None);
    // One of two groups is an id: names are sent as well.
    assert_eq!(
        told(json!({}), &["0f8fad5b-d9cb-469f-a165-70867728950e", "x"]),
        None
    );
}

#[test]
fn a_row_that_matches_through_several_groups_is_listed_once_with_each_grant() {
    let fields = json!({"match": "glob", "group": "show-*", "rooms": ["show-{1}", "{username}"]});
    let mappings = Mappings::compile([mapping(1, fields)]);
    let groups = ["show-1", "show-2", "show-3", "show-4"];
    let rows = explain_rows(&mappings, &member(&groups), now());
    assert_eq!(rows.len(), 1);
    assert_eq!(
        rows[0].because,
        "groups \"show-1\", \"show-2\", \"show-3\" and 1 more are of the form \"show-*\""
    );
    assert_eq!(rows[0].grants.len(), 4);
    let left_out: Vec<&str> = rows[0]
        .rooms_left_out
        .iter()
        .map(|out| out.room.as_str())
        .collect();
    assert_eq!(left_out, ["{username}"]);
}

fn any_mapping() -> impl Strategy<Value = Value> {
    let group = select(vec![
        json!({"match": "everyone"}),
        json!({"match": "exact", "group": "crew"}),
        json!({"match": "exact", "group": "Crew"}),
        json!({"match": "glob", "group": "*-crew"}),
        json!({"match": "glob", "group": "*"}),
    ]);
    let rooms = subsequence(vec!["a", "b", "x-*", "{username}", "{sub}"], 1..=5);
    let window = prop::option::of(-120_i64..120);
    (group, rooms, window, window_end(), any::<bool>()).prop_map(
        |(mut fields, rooms, from, until, enabled)| {
            fields["rooms"] = json!(rooms);
            fields["enabled"] = json!(enabled);
            let time = |seconds| utc(now() + TimeDelta::seconds(seconds));
            let until = until.filter(|until| from.is_none_or(|from| from < *until));
            fields["valid_from"] = json!(from.map(time));
            fields["valid_until"] = json!(until.map(time));
            fields
        },
    )
}

fn window_end() -> impl Strategy<Value = Option<i64>> {
    prop::option::of(-120_i64..240)
}

proptest! {
    #[test]
    fn what_is_explained_is_what_is_held(
        rows in prop::collection::vec(any_mapping(), 0..6),
        groups in subsequence(vec!["crew", "a-crew", "b-crew", "CREW"], 0..=4),
        username in prop::option::of(select(vec!["ann", "a b"])),
    ) {
        let rows = (1..).zip(rows).map(|(id, fields)| mapping(id, fields));
        let mappings = Mappings::compile(rows);
        let identity = Identity { username: username.map(str::to_owned), ..member(&groups) };
        let held = mappings.resolve(&identity, now());
        let explained = explain_rows(&mappings, &identity, now());
        let grants: BTreeSet<&Grant> = explained.iter().flat_map(|row| &row.grants).collect();
        prop_assert_eq!(grants.into_iter().cloned().collect::<Vec<_>>(), held.grants());
        for row in &explained {
            let holds = held.held().iter().any(|held| held.mapping == row.id);
            prop_assert_eq!(holds, row.verdict == RowVerdict::Applies);
            prop_assert_eq!(holds, !row.grants.is_empty());
        }
        for dropped in held.dropped() {
            let row = explained.iter().find(|row| row.id == dropped.mapping).unwrap();
            prop_assert!(row.rooms_left_out.iter().any(|out| out.because == dropped.reason));
        }
    }
}
