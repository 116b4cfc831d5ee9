mod time;

use proptest::prelude::*;

use super::*;
use crate::domain::identity::Groups;
use crate::domain::mapping::MappingInput;

fn now() -> DateTime<Utc> {
    at(0)
}

/// Seconds after now.
fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_795_000_000 + seconds, 0).unwrap()
}

/// A row that lets a group subscribe over anything.
fn row(id: i64, group_match: &str, group: &str, rooms: &[&str]) -> Written {
    Written {
        id,
        input: MappingInput {
            group: (!group.is_empty()).then(|| group.to_owned()),
            group_match: group_match.to_owned(),
            roles: vec!["red5-subscriber".to_owned()],
            transports: vec!["*".to_owned()],
            rooms: rooms.iter().map(|&room| room.to_owned()).collect(),
            enabled: true,
            ..MappingInput::default()
        },
    }
}

#[derive(Debug, Clone)]
struct Written {
    id: i64,
    input: MappingInput,
}

impl Written {
    fn with(mut self, change: impl FnOnce(&mut MappingInput)) -> Self {
        change(&mut self.input);
        self
    }

    fn stored(self) -> Mapping {
        Mapping {
            id: MappingId(self.id),
            draft: MappingDraft::parse(self.input).unwrap(),
            version: 1,
            created_at: now(),
            created_by: "test".to_owned(),
            updated_at: now(),
            updated_by: "test".to_owned(),
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
    let mappings = compiled([row(1, "everyone", "", &["a", "b-*"]).with(|input| {
        input.roles = vec!["red5-publisher".to_owned(), "red5-subscriber".to_owned()];
        input.transports = vec!["WHIP".to_owned(), "WHEP".to_owned()];
    })]);
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
        "{1} has characters that a room name cannot have"
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
