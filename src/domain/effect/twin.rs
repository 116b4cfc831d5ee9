//! The effect again, by brute force: the tables before and afterwards are asked for every identity of a
//! small universe, at each of a few moments, for every room. Slow and obvious.
//!
//! The universe has a group, a user name and a room for each form that a row can have, and others
//! that no row names: what is covered there is covered everywhere.

use std::collections::BTreeSet;

use chrono::TimeDelta;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use serde_json::{Value, json};

use super::*;
use crate::domain::entitlement::Entitlement;
use crate::domain::grant::Grant;
use crate::domain::identity::{Groups, Identity};
use crate::domain::names::RoomName;
use crate::domain::resolve::Mappings;

const GROUPS: [&str; 9] = ["a", "ab", "b", "z", "az", "zb", "azb", "aab", "z-y-x"];
const GROUP_PAIRS: [[&str; 2]; 3] = [["a", "b"], ["ab", "z"], ["az", "zb"]];
const USERNAMES: [Option<&str>; 3] = [None, Some("u"), Some("r1")];
/// Beside the rooms that are granted by name, and streams without a room.
const ROOMS: [&str; 7] = ["q", "rz", "z1", "rz1", "r11", "rzz", "qq"];
/// Half minutes from now.
const MOMENTS: [i64; 9] = [0, 1, 2, 3, 4, 5, 6, 7, 1000];

const EXACT: [&str; 3] = ["a", "ab", "z-y-x"];
/// Of globs with one star it is always known what another one captures.
const GLOBS: [&str; 4] = ["*", "a*", "*b", "a*b"];
const MANY_STARS: [&str; 5] = ["*-*", "z*-*", "**", "*a*", "*-y-*"];
const ROOM_RULES: [&str; 10] = [
    "r",
    "b",
    "r*",
    "*1",
    "r*1",
    "r**",
    "{username}",
    "{sub}",
    "r{username}",
    "z",
];
const CAPTURING: [&str; 4] = ["{1}", "r{1}", "a{1}", "{1}{username}"];

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_795_000_000, 0).unwrap()
}

fn at(half_minutes: i64) -> DateTime<Utc> {
    now() + TimeDelta::seconds(30 * half_minutes)
}

fn draft(sent: Value) -> MappingDraft {
    MappingDraft::parse(serde_json::from_value(sent).unwrap()).unwrap()
}

fn stored(id: usize, draft: MappingDraft) -> Mapping {
    Mapping {
        id: MappingId(i64::try_from(id).unwrap()),
        draft,
        version: 1,
        created_at: now(),
        created_by: "test".to_owned(),
        updated_at: now(),
        updated_by: "test".to_owned(),
        last_used_at: None,
    }
}

fn identities() -> Vec<Identity> {
    let none = std::iter::once(Vec::new());
    let one = GROUPS.map(|group| vec![group]);
    let two = GROUP_PAIRS.map(Vec::from);
    let sets: Vec<Vec<&str>> = none.chain(one).chain(two).collect();
    let identity = |groups: &[&str], username: Option<&str>| Identity {
        issuer: "https://idp.example".to_owned(),
        subject: "s".to_owned(),
        username: username.map(str::to_owned),
        name: None,
        groups: Groups::Listed(groups.iter().map(|&group| group.to_owned()).collect()),
    };
    let all = sets.iter();
    all.flat_map(|groups| USERNAMES.map(|username| identity(groups, username)))
        .collect()
}

/// What of the pairs is granted in a room; none is a stream without one.
fn pairs_in<'g>(grants: impl Iterator<Item = &'g Grant>, room: Option<&RoomName>) -> Pairs {
    grants
        .filter(|grant| grant.has_room(room))
        .fold(Pairs::default(), |all, grant| {
            all.with(Pairs::of_grant(grant))
        })
}

fn pairs_of(entitlement: &Entitlement, room: Option<&RoomName>) -> Pairs {
    pairs_in(entitlement.held().iter().map(|held| &*held.grant), room)
}

/// The rooms of the universe with those that are held by name.
fn rooms_of(held: &[&Entitlement]) -> BTreeSet<Option<RoomName>> {
    let named = held.iter().flat_map(|held| held.held());
    let named = named.filter_map(|held| held.grant.rooms.named()).flatten();
    let named = named.map(ToString::to_string).collect::<Vec<_>>();
    let all = ROOMS.iter().map(|&room| room.to_owned()).chain(named);
    let rooms = all.filter_map(|room| RoomName::parse(&room)).map(Some);
    rooms.chain([None]).collect()
}

/// The pairs that must change where an entry has these lists. *Any* is how another transport is
/// written; the four may stay.
fn telling(roles: &NonEmpty<Role>, transports: &AnyOr<Transport>) -> Pairs {
    if transports.is_any() {
        let roles: Vec<Role> = roles.iter().copied().collect();
        return Pairs::among(&roles, &[None]);
    }
    Pairs::of(roles, transports)
}

/// Calls `each` for every identity, moment and room with what each table grants there.
fn everywhere<const N: usize>(tables: [&[MappingDraft]; N], mut each: impl FnMut([Pairs; N])) {
    let tables = tables.map(|rows| {
        let rows = rows.iter().cloned().enumerate();
        Mappings::compile(rows.map(|(id, draft)| stored(id, draft)))
    });
    for identity in identities() {
        for moment in MOMENTS {
            let held = tables
                .each_ref()
                .map(|table| table.resolve(&identity, at(moment)));
            for room in rooms_of(&held.each_ref().map(|held| held)) {
                each(held.each_ref().map(|held| pairs_of(held, room.as_ref())));
            }
        }
    }
}

/// The entries as rows of a table.
fn as_rows(entries: &[EffectEntry]) -> Vec<MappingDraft> {
    let row = |entry: &EffectEntry| {
        draft(json!({
            "group": entry.who.group(), "match": entry.who.word(), "roles": entry.roles,
            "transports": entry.transports, "rooms": entry.rooms,
            "valid_from": entry.from, "valid_until": entry.until
        }))
    };
    entries.iter().map(row).collect()
}

/// Rows with one room each that grant the same.
fn split(rows: &[MappingDraft]) -> Vec<MappingDraft> {
    let one = |row: &MappingDraft, room: String| {
        let mut sent = row.to_row().unwrap();
        let group = sent.remove("group_name").unwrap();
        sent.insert("group".to_owned(), group);
        sent.insert("rooms".to_owned(), json!([room]));
        draft(Value::Object(sent))
    };
    let rows = rows.iter();
    rows.flat_map(|row| {
        row.rooms()
            .to_strings()
            .into_iter()
            .map(|room| one(row, room))
    })
    .collect()
}

#[derive(Debug, Clone)]
struct Edit {
    rest: Vec<MappingDraft>,
    changes: Vec<(Option<MappingDraft>, Option<MappingDraft>)>,
}

impl Edit {
    fn sides(&self) -> (Vec<MappingDraft>, Vec<MappingDraft>) {
        let side = |changed: Vec<&MappingDraft>| {
            let rows = self.rest.iter().chain(changed);
            rows.cloned().collect()
        };
        let changes = self.changes.iter();
        let before = changes.clone().filter_map(|(before, _)| before.as_ref());
        let after = changes.filter_map(|(_, after)| after.as_ref());
        (side(before.collect()), side(after.collect()))
    }

    fn with<T>(&self, ask: impl FnOnce(ChangedTable<'_>) -> T) -> T {
        let rest = self.rest.iter().cloned().enumerate();
        let mut table: Vec<Mapping> = rest.map(|(id, row)| stored(id, row)).collect();
        let pairs = self.changes.iter().enumerate();
        let before: Vec<Option<Mapping>> = pairs
            .map(|(at, (before, _))| Some(stored(100 + at, before.clone()?)))
            .collect();
        table.extend(before.iter().flatten().cloned());
        let changes: Vec<RowChange> = before
            .iter()
            .zip(&self.changes)
            .map(|(before, (_, after))| RowChange {
                before: before.as_ref(),
                after: after.as_ref(),
            })
            .collect();
        ask(ChangedTable::new(&table, &changes, now()))
    }
}

fn words(all: &'static [&'static str], most: usize) -> impl Strategy<Value = Vec<&'static str>> {
    subsequence(all, 1..=most)
}

fn row(globs: Vec<&'static str>) -> impl Strategy<Value = MappingDraft> {
    let group = prop_oneof![
        1 => Just(("everyone", "")),
        2 => select(&EXACT[..]).prop_map(|group| ("exact", group)),
        3 => select(globs).prop_map(|glob| ("glob", glob)),
    ];
    let rooms = prop_oneof![
        1 => Just(vec!["*"]),
        4 => words(&ROOM_RULES, 2),
        2 => words(&CAPTURING, 2),
    ];
    let transports = prop_oneof![
        1 => Just(vec!["*"]),
        2 => words(&["RTMP", "WHIP"], 2),
    ];
    let window = (prop::option::of(-1_i64..3), prop::option::of(1_i64..5));
    let roles = words(&["red5-publisher", "red5-subscriber"], 2);
    (group, rooms, transports, window, roles, prop::bool::weighted(0.9)).prop_filter_map(
        "refused",
        |((kind, group), rooms, transports, (from, until), roles, enabled)| {
            let sent = json!({
                "group": group, "match": kind, "roles": roles, "transports": transports, "rooms": rooms,
                "valid_from": from.map(|from| at(2 * from)), "valid_until": until.map(|until| at(2 * until)),
                "enabled": enabled
            });
            MappingDraft::parse(serde_json::from_value(sent).unwrap()).ok()
        },
    )
}

fn edit(globs: &[&'static str]) -> impl Strategy<Value = Edit> {
    let row = row(globs.to_vec()).boxed();
    let change = (prop::option::of(row.clone()), prop::option::of(row.clone()));
    (
        prop::collection::vec(row, 0..4),
        prop::collection::vec(change, 1..3),
    )
        .prop_map(|(rest, changes)| Edit { rest, changes })
}

fn every_glob() -> Vec<&'static str> {
    [&GLOBS[..], &MANY_STARS[..]].concat()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, ..ProptestConfig::default() })]

    /// What is granted afterwards was granted before or is a gain, and the reverse: so `none` and
    /// `narrows` grant nothing new to any identity.
    #[test]
    fn no_gain_and_no_loss_is_missed(edit in edit(&every_glob())) {
        let (before, after) = edit.sides();
        let effect = edit.with(|table| table.effect());
        let (gains, losses) = (as_rows(&effect.gains), as_rows(&effect.losses));
        let mut missed = Pairs::default();
        everywhere([&before, &after, &gains, &losses], |[before, after, gains, losses]| {
            missed = missed
                .with(after.without(before).without(gains))
                .with(before.without(after).without(losses));
        });
        prop_assert!(missed.is_empty());
        let kind = match (gains.is_empty(), losses.is_empty()) {
            (true, true) => EffectKind::None,
            (true, false) => EffectKind::Narrows,
            (false, true) => EffectKind::Widens,
            (false, false) => EffectKind::Both,
        };
        prop_assert_eq!(effect.kind, kind);
    }

    /// Each pair and room of an entry changes, but where several cover it together.
    #[test]
    fn nothing_is_told_that_a_single_row_covers(edit in edit(&GLOBS)) {
        let (before, after) = edit.sides();
        let effect = edit.with(|table| table.effect());
        for (entries, others) in [(effect.gains, before), (effect.losses, after)] {
            for told in split(&as_rows(&entries)) {
                let pairs = telling(told.roles(), told.transports());
                for other in split(&others) {
                    // The pairs that the other row lacks somewhere.
                    let mut lacking = Pairs::default();
                    let one = std::slice::from_ref(&told);
                    everywhere([one, std::slice::from_ref(&other)], |[told, other]| {
                        lacking = lacking.with(told.without(other));
                    });
                    prop_assert!(lacking.includes(pairs), "{told:?} is within {other:?}");
                }
            }
        }
    }

    /// A row that is called useless grants nothing beside the other one.
    #[test]
    fn a_row_that_covers_another_grants_all_of_it(edit in edit(&every_glob())) {
        let (_, after) = edit.sides();
        let changed: Vec<Option<&MappingDraft>> = edit.changes.iter().map(|(_, after)| after.as_ref()).collect();
        let warnings = edit.with(|table| table.warnings(&BTreeSet::new()));
        for warning in warnings {
            let this = warning.change.and_then(|at| changed[at]).unwrap();
            let other = match (warning.mapping, warning.with_change) {
                (Some(MappingId(id)), _) => &after[usize::try_from(id).unwrap()],
                (None, Some(at)) => changed[at].unwrap(),
                (None, None) => continue,
            };
            let (inner, outer) = match warning.code {
                WarningCode::Covered => (this, other),
                _ => (other, this),
            };
            let mut lacking = Pairs::default();
            everywhere([std::slice::from_ref(inner), std::slice::from_ref(outer)], |[inner, outer]| {
                lacking = lacking.with(inner.without(outer));
            });
            prop_assert!(lacking.is_empty(), "{inner:?} is not within {outer:?}");
        }
    }

    #[test]
    fn what_changes_for_a_person_is_told_and_nothing_else(edit in edit(&every_glob()), who in 0..39_usize) {
        let identity = &identities()[who];
        let (before, after) = edit.sides();
        let held = |rows: &[MappingDraft]| {
            let rows = rows.iter().cloned().enumerate();
            Mappings::compile(rows.map(|(id, row)| stored(id, row))).resolve(identity, now())
        };
        let (before, after) = (held(&before), held(&after));
        let effect = between(&before, &after);
        let rooms = rooms_of(&[&before, &after]);
        for room in &rooms {
            let room = room.as_ref();
            let (was, is) = (pairs_of(&before, room), pairs_of(&after, room));
            let gained = pairs_in(effect.gains.iter(), room);
            let lost = pairs_in(effect.losses.iter(), room);
            prop_assert!(gained.includes(is.without(was)) && lost.includes(was.without(is)));
        }
        for (told, others) in [(&effect.gains, &before), (&effect.losses, &after)] {
            let others = others.grants();
            let single = |grant: &Grant| -> Vec<Grant> {
                let Some(rooms) = grant.rooms.named() else {
                    return vec![grant.clone()];
                };
                let one = |room: &crate::domain::rooms::GrantRoom| Grant {
                    rooms: AnyOr::Only(NonEmpty::one(room.clone())),
                    ..grant.clone()
                };
                rooms.iter().map(one).collect()
            };
            for told in told.iter().flat_map(single) {
                for other in others.iter().flat_map(single) {
                    let lacking = rooms.iter().fold(Pairs::default(), |all, room| {
                        let has = |grant| pairs_in(std::iter::once(grant), room.as_ref());
                        all.with(has(&told).without(has(&other)))
                    });
                    prop_assert!(lacking.includes(telling(&told.roles, &told.transports)));
                }
            }
        }
    }
}
