use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::domain::identity::Groups;

fn now() -> DateTime<Utc> {
    at(0)
}

/// Seconds after now.
fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_795_000_000 + seconds, 0).unwrap()
}

/// A row that lets a group subscribe over anything.
fn row(id: i64, group_match: &str, group: &str, rooms: &[&str]) -> Written {
    let sent = json!({
        "group": group, "match": group_match, "roles": ["red5-subscriber"], "transports": ["*"],
        "rooms": rooms
    });
    Written { id, sent }
}

#[derive(Debug, Clone)]
struct Written {
    id: i64,
    sent: Value,
}

impl Written {
    fn with(mut self, field: &str, value: impl Into<Value>) -> Self {
        self.sent[field] = value.into();
        self
    }

    fn stored(self) -> Mapping {
        let sent = serde_json::from_value(self.sent).unwrap();
        Mapping {
            id: MappingId(self.id),
            draft: MappingDraft::parse(sent).unwrap(),
            version: 1,
            created_at: now(),
            created_by: "test".to_owned(),
            updated_at: now(),
            updated_by: "test".to_owned(),
            last_used_at: None,
        }
    }
}

fn compiled(rows: impl IntoIterator<Item = Written>) -> Mappings {
    Mappings::compile(rows.into_iter().map(Written::stored))
}

fn member(groups: &[&str]) -> Identity {
    Identity {
        issuer: "https://idp.example".to_owned(),
        subject: "s-1".to_owned(),
        username: Some("ann".to_owned()),
        name: None,
        groups: Groups::Listed(groups.iter().map(|&group| group.to_owned()).collect()),
    }
}

/// (row, group, rooms) of what is held.
fn held(entitlement: &Entitlement) -> Vec<(i64, Option<&str>, Vec<String>)> {
    let held = entitlement.held().iter();
    held.map(|held| {
        let rooms = held.grant.rooms.to_strings();
        (held.mapping.0, held.group.as_deref(), rooms)
    })
    .collect()
}

fn rooms(words: &[&str]) -> Vec<String> {
    words.iter().map(|&word| word.to_owned()).collect()
}

#[test]
fn a_mapping_counts_for_its_exact_group_for_every_group_of_its_form_and_for_everyone() {
    let mappings = compiled([
        row(1, "exact", "studio", &["studio"]),
        row(2, "glob", "team-*", &["team"]),
        row(3, "everyone", "", &["lobby"]),
        row(4, "exact", "team-*", &["literal"]),
    ]);
    assert_eq!(
        held(&mappings.resolve(&member(&["studio", "team-a", "team-b"]), now())),
        [
            (1, Some("studio"), rooms(&["studio"])),
            (2, Some("team-a"), rooms(&["team"])),
            (3, None, rooms(&["lobby"])),
        ]
    );
    // AD-6: case, slash, white space and Unicode form count.
    for other in ["Studio", "/studio", "studio ", "studi\u{f6}", "xteam-a"] {
        let entitlement = mappings.resolve(&member(&[other]), now());
        assert_eq!(
            held(&entitlement),
            [(3, None, rooms(&["lobby"]))],
            "{other:?}"
        );
    }
    let literal = mappings.resolve(&member(&["team-*"]), now());
    assert_eq!(
        literal.held().len(),
        3,
        "a group that is spelt like the glob"
    );
}

#[test]
fn under_overage_only_mappings_for_everyone_count() {
    let mappings = compiled([
        row(1, "glob", "*", &["a"]),
        row(2, "everyone", "", &["lobby"]),
    ]);
    let mut identity = member(&[]);
    identity.groups = Groups::Overage;
    assert_eq!(
        held(&mappings.resolve(&identity, now())),
        [(2, None, rooms(&["lobby"]))]
    );
}

#[test]
fn the_whole_rectangle_of_a_row_is_held_as_it_is() {
    let mappings = compiled([row(1, "everyone", "", &["a", "b-*"])
        .with("roles", ["red5-publisher", "red5-subscriber"].as_slice())
        .with("transports", ["WHIP", "WHEP"].as_slice())]);
    let entitlement = mappings.resolve(&member(&[]), now());
    let grant = &entitlement.held()[0].grant;
    assert_eq!(grant.roles.len(), 2);
    assert_eq!(grant.transports.to_strings(), ["WHEP", "WHIP"]);
    assert_eq!(grant.rooms.to_strings(), ["a", "b-*"]);
    let any = compiled([row(1, "everyone", "", &["*"])]);
    let any = any.resolve(&member(&[]), now());
    assert!(any.held()[0].grant.rooms.is_any());
    assert!(any.held()[0].grant.transports.is_any());
}

#[test]
fn a_grant_without_templates_is_shared_and_held_once_whatever_the_number_of_groups() {
    let mappings = compiled([
        row(1, "glob", "team-*", &["a", "b-*"]),
        row(2, "glob", "team-*", &["*"]),
        row(3, "glob", "team-*", &["{1}", "a"]),
    ]);
    let teams = member(&["team-x", "team-y"]);
    let (one, other) = (
        mappings.resolve(&teams, now()),
        mappings.resolve(&teams, now()),
    );
    let shared: Vec<(i64, bool)> = std::iter::zip(one.held(), other.held())
        .map(|(one, other)| (one.mapping.0, Arc::ptr_eq(&one.grant, &other.grant)))
        .collect();
    assert_eq!(shared, [(1, true), (2, true), (3, false), (3, false)]);
}

#[test]
fn templates_are_filled_from_the_person_and_from_what_the_stars_matched() {
    let mappings = compiled([
        row(1, "glob", "show-*-*", &["{2}.{1}", "u-{username}", "fixed"]),
        row(2, "everyone", "", &["{sub}"]),
    ]);
    assert_eq!(
        held(&mappings.resolve(&member(&["show-7-x-y"]), now())),
        [
            (1, Some("show-7-x-y"), rooms(&["fixed", "u-ann", "x-y.7"])),
            (2, None, rooms(&["s-1"])),
        ]
    );
}

#[test]
fn r5_6_a_room_that_cannot_be_made_falls_away_with_its_reason() {
    let mappings = compiled([row(1, "glob", "show-*", &["show-{1}", "lobby"])]);
    let entitlement = mappings.resolve(&member(&["show-a,vip", "show-b"]), now());
    assert_eq!(
        held(&entitlement),
        [
            (1, Some("show-a,vip"), rooms(&["lobby"])),
            (1, Some("show-b"), rooms(&["lobby", "show-b"])),
        ]
    );
    let dropped = &entitlement.dropped()[0];
    assert_eq!(entitlement.dropped().len(), 1);
    assert_eq!(
        (dropped.mapping, dropped.group.as_deref()),
        (MappingId(1), Some("show-a,vip"))
    );
    assert_eq!(dropped.rule, "show-{1}");
    assert_eq!(
        dropped.reason,
        "{1} is \"a,vip\", which has characters that a room name cannot have"
    );
}

#[test]
fn r5_5_a_grant_left_without_rooms_is_no_grant_and_above_all_not_any() {
    let mappings = compiled([row(1, "everyone", "", &["{username}", "x-{username}"])]);
    let mut identity = member(&[]);
    identity.username = None;
    let entitlement = mappings.resolve(&identity, now());
    assert!(entitlement.is_empty());
    let rules: Vec<&str> = entitlement
        .dropped()
        .iter()
        .map(|room| room.rule.as_str())
        .collect();
    assert_eq!(rules, ["x-{username}", "{username}"]);
    assert!(!mappings.resolve(&member(&[]), now()).is_empty());
}

proptest! {
    /// The definition: every row against every group, one by one; of those with the same
    /// grant, the first.
    #[test]
    fn resolving_agrees_with_trying_every_row_on_every_group(
        forms in prop::collection::vec("[ab*]{0,6}", 0..12),
        groups in prop::collection::btree_set("[ab]{0,7}", 0..6),
        seed in any::<u64>(),
    ) {
        let kind = |form: &str| match form {
            "" => "everyone",
            _ if form.contains('*') => "glob",
            _ => "exact",
        };
        let mut rows: Vec<Written> = (0..).zip(&forms)
            .map(|(id, form)| {
                let rooms: &[&str] = if form.ends_with('*') { &["r-{1}", "a"] } else { &["a"] };
                row(id, kind(form), form, rooms)
            })
            .collect();
        let mut expected = Vec::new();
        for row in rows.clone().into_iter().map(Written::stored) {
            match row.draft.group() {
                GroupMatch::Everyone => expected.push((row.id.0, None)),
                GroupMatch::Exact(name) => expected.extend(groups.iter()
                    .filter(|group| *group == name.as_str())
                    .map(|group| (row.id.0, Some(group.as_str())))),
                GroupMatch::Glob(glob) => {
                    let all = if glob.as_str().ends_with('*') { usize::MAX } else { 1 };
                    expected.extend(groups.iter()
                        .filter(|group| glob.captures(group).is_some())
                        .map(|group| (row.id.0, Some(group.as_str())))
                        .take(all));
                }
            }
        }
        let names: Vec<&str> = groups.iter().map(String::as_str).collect();
        let places = rows.len().max(1) as u64;
        rows.rotate_left(usize::try_from(seed % places).unwrap());
        let entitlement = compiled(rows).resolve(&member(&names), now());
        let found: Vec<(i64, Option<&str>)> = held(&entitlement).into_iter()
            .map(|(id, group, _)| (id, group))
            .collect();
        prop_assert_eq!(found, expected);
    }
}

// --- when a row counts, and until when ---

#[test]
fn a_row_that_is_switched_off_gives_nothing() {
    let mappings = compiled([row(1, "everyone", "", &["a"]).with("enabled", false)]);
    assert!(mappings.resolve(&member(&[]), now()).is_empty());
    assert_eq!((mappings.len(), mappings.is_empty()), (1, false));
    assert_eq!((compiled([]).len(), compiled([]).is_empty()), (0, true));
}

#[test]
fn a_window_begins_with_its_first_moment_and_ends_a_minute_early() {
    let counts = |from: Option<i64>, until: Option<i64>| {
        let mappings = compiled([row(1, "everyone", "", &["a"])
            .with("valid_from", json!(from.map(at)))
            .with("valid_until", json!(until.map(at)))]);
        !mappings.resolve(&member(&[]), now()).is_empty()
    };
    assert!(counts(Some(0), None));
    assert!(!counts(Some(1), None));
    assert!(counts(Some(-1), Some(60)));
    assert!(!counts(None, Some(59)));
    assert!(!counts(None, Some(0)));
    assert!(!counts(Some(-9), Some(-1)));
    // A window that has not begun grants nothing, however much of it is left.
    assert!(!counts(Some(3600), Some(7200)));
}

#[test]
fn a_bound_is_the_earlier_of_the_windows_end_and_the_longest_life() {
    let bound = |until: Option<i64>, seconds: Option<i64>| {
        let mappings = compiled([row(1, "everyone", "", &["a"])
            .with("valid_until", json!(until.map(at)))
            .with("max_ttl_seconds", json!(seconds))]);
        mappings.resolve(&member(&[]), now()).held()[0].bound
    };
    assert_eq!(bound(None, None), None);
    assert_eq!(bound(Some(100), None), Some(at(100)));
    assert_eq!(bound(None, Some(90)), Some(at(90)));
    assert_eq!(bound(Some(100), Some(90)), Some(at(90)));
    assert_eq!(bound(Some(100), Some(110)), Some(at(100)));
}

// --- what is remembered ---

/// Mappings for all groups, as many as are asked for.
fn table(rows: i64, valid_until: Option<DateTime<Utc>>) -> Arc<Mappings> {
    let rows = (0..rows).map(|id| {
        row(id, "glob", "*", &[&format!("room-{id}"), "{1}"])
            .with("valid_until", json!(valid_until))
    });
    Arc::new(compiled(rows))
}

fn remembered(memo: &MatchMemo) -> Option<Arc<Remembered>> {
    memo.0.load_full()
}

#[test]
fn what_was_matched_is_matched_again_for_another_table_alone() {
    let (memo, ann) = (MatchMemo::default(), member(&["a", "b"]));
    let (one, other) = (table(1, None), table(1, None));
    let mut seen: Vec<Arc<Remembered>> = Vec::new();
    for (mappings, again) in [(&one, false), (&one, true), (&other, false), (&other, true)] {
        let held = memo.resolve(mappings, &ann, at(0));
        assert_eq!(held.grants(), mappings.resolve(&ann, at(0)).grants());
        let now = remembered(&memo).unwrap();
        let last = seen.last();
        assert_eq!(last.is_some_and(|last| Arc::ptr_eq(last, &now)), again);
        seen.push(now);
    }
}

#[test]
fn a_table_that_is_gone_is_never_taken_for_one_at_its_place() {
    let (memo, ann) = (MatchMemo::default(), member(&["a", "b"]));
    for rows in [2, 1, 0, 1, 2] {
        let mappings = table(rows, None);
        let held = memo.resolve(&mappings, &ann, at(0));
        assert_eq!(held.held().len(), 2 * usize::try_from(rows).unwrap());
    }
}

#[test]
fn times_are_judged_on_what_is_remembered() {
    let (memo, ann) = (MatchMemo::default(), member(&["a"]));
    let mappings = table(1, Some(at(100)));
    assert!(!memo.resolve(&mappings, &ann, at(40)).is_empty());
    assert!(memo.resolve(&mappings, &ann, at(41)).is_empty());
    assert!(!memo.resolve(&mappings, &ann, at(0)).is_empty());
}

#[test]
fn what_takes_more_memory_than_the_groups_is_not_remembered() {
    let (memo, ann) = (MatchMemo::default(), member(&["a", "b"]));
    let held = memo.resolve(&table(20, None), &ann, at(0));
    assert_eq!(held.held().len(), 40);
    assert!(remembered(&memo).is_none());
    memo.resolve(&table(2, None), &ann, at(0));
    assert!(remembered(&memo).is_some());
}

/// Some rows, each with a group out of few, over few rooms.
fn some_rows() -> impl Strategy<Value = Vec<Written>> {
    let group = prop_oneof![
        Just(("exact", "a")),
        Just(("exact", "b")),
        Just(("glob", "a*")),
        Just(("glob", "*")),
        Just(("everyone", "")),
    ];
    let rooms = prop_oneof![
        Just("lobby"),
        Just("studio"),
        Just("stu*"),
        Just("{username}"),
        Just("*"),
    ];
    let parts = (group, rooms, any::<bool>(), any::<bool>());
    prop::collection::vec(parts, 0..6).prop_map(|rows| {
        let rows = (1..).zip(rows);
        let rows = rows.map(|(id, ((kind, group), room, enabled, publishes))| {
            let role = if publishes {
                "red5-publisher"
            } else {
                "red5-subscriber"
            };
            row(id, kind, group, &[room])
                .with("enabled", enabled)
                .with("roles", json!([role]))
        });
        rows.collect()
    })
}

proptest! {
    /// Who can do something is looked for among the members of these groups alone.
    #[test]
    fn who_can_is_a_member_of_a_group_that_may(
        rows in some_rows(), groups in prop::sample::subsequence(vec!["a", "ab", "b"], 0..=3),
    ) {
        let (mappings, identity) = (compiled(rows), member(&groups));
        for room in ["lobby", "studio", "ann", "other"].map(|name| RoomName::parse(name).unwrap()) {
            for role in Role::ALL {
                let may = mappings.groups_that_may(role, &room, now());
                let is_member = may.into_iter().any(|group| match group {
                    GroupMatch::Exact(name) => groups.contains(&name.as_str()),
                    GroupMatch::Glob(glob) => groups.iter().any(|group| glob.captures(group).is_some()),
                    GroupMatch::Everyone => true,
                });
                let can = !mappings.resolve(&identity, now()).lets(role, None, &room).is_empty();
                prop_assert!(is_member || !can);
            }
        }
    }

    #[test]
    fn a_group_is_counted_for_each_row_that_names_or_matches_it_switched_on_or_off(rows in some_rows()) {
        let mappings = compiled(rows.clone());
        for group in ["a", "ab", "b", "c"] {
            let drafts = rows.iter().map(|row| row.clone().stored().draft);
            let counted = drafts.filter(|draft| match draft.group() {
                GroupMatch::Exact(name) => name.as_str() == group,
                GroupMatch::Glob(glob) => glob.captures(group).is_some(),
                GroupMatch::Everyone => false,
            });
            prop_assert_eq!(mappings.count_for(group), counted.count());
        }
    }
}
