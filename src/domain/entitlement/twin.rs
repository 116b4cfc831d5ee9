//! The rule again, by brute force: every scope of a small universe is tried
//! against the definition, and the search has to agree. Slow and obvious.

use std::cmp::Ordering;
use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use proptest::prelude::*;
use proptest::sample::subsequence;

use super::*;
use crate::domain::mapping::RoomPattern;
use crate::domain::names::RoomName;
use crate::domain::set::NonEmpty;

/// What a triple's room can be: one that grants name, others of the pattern's
/// form or of none, and no room at all.
const ROOMS: [Option<&str>; 6] = [
    Some("a"),
    Some("b"),
    Some("class-1"),
    Some("class-2"),
    Some("zzz"),
    None,
];
const LISTABLE: [&str; 3] = ["a", "b", "class-1"];
const PATTERN: &str = "class-*";
const TRANSPORTS: [Option<Transport>; 5] = [
    Some(Transport::Rtmp),
    Some(Transport::Rtsp),
    Some(Transport::Whip),
    Some(Transport::Whep),
    None,
];

type Triple = (Role, Option<Transport>, Option<&'static str>);

fn possible(role: Role, transport: Option<Transport>) -> bool {
    (role, transport) != (Role::Publisher, Some(Transport::Whep))
        && (role, transport) != (Role::Subscriber, Some(Transport::Whip))
}

fn triples() -> Vec<Triple> {
    let mut all = Vec::new();
    for role in Role::ALL {
        for transport in TRANSPORTS {
            for room in ROOMS {
                if possible(role, transport) {
                    all.push((role, transport, room));
                }
            }
        }
    }
    all
}

fn has<T: Ord>(list: &AnyOr<T>, member: Option<&T>) -> bool {
    match list {
        AnyOr::Any => true,
        AnyOr::Only(members) => member.is_some_and(|member| members.contains(member)),
    }
}

fn grant_has(grant: &Grant, (role, transport, room): Triple) -> bool {
    let in_room = match &grant.rooms {
        AnyOr::Any => true,
        AnyOr::Only(rooms) => rooms.iter().any(|granted| match granted {
            GrantRoom::Exact(name) => Some(name.as_str()) == room,
            GrantRoom::Pattern(_) => room.is_some_and(|room| room.starts_with("class-")),
        }),
    };
    in_room && grant.roles.contains(&role) && has(&grant.transports, transport.as_ref())
}

fn scope_has(scope: &Scope, (role, transport, room): Triple) -> bool {
    let room = room.map(name);
    scope.roles.contains(&role)
        && has(&scope.transports, transport.as_ref())
        && has(&scope.rooms, room.as_ref())
}

fn sound(held: &[HeldGrant], scope: &Scope) -> bool {
    triples()
        .into_iter()
        .filter(|triple| scope_has(scope, *triple))
        .all(|triple| held.iter().any(|held| grant_has(&held.grant, triple)))
}

fn useless(scope: &Scope) -> bool {
    let inside: Vec<Triple> = triples()
        .into_iter()
        .filter(|triple| scope_has(scope, *triple))
        .collect();
    let role_idle = scope
        .roles
        .iter()
        .any(|role| inside.iter().all(|triple| triple.0 != *role));
    let transport_idle = scope.transports.named().is_some_and(|named| {
        named
            .iter()
            .any(|transport| inside.iter().all(|triple| triple.1 != Some(*transport)))
    });
    role_idle || transport_idle
}

fn powerset<T: Ord + Clone>(members: &[T]) -> Vec<NonEmpty<T>> {
    members
        .iter()
        .fold(vec![Vec::new()], |sets: Vec<Vec<T>>, member| {
            let with = sets.iter().cloned().map(|mut set| {
                set.push(member.clone());
                set
            });
            sets.iter()
                .cloned()
                .chain(with.collect::<Vec<_>>())
                .collect()
        })
        .into_iter()
        .filter_map(NonEmpty::new)
        .collect()
}

fn or_any<T: Ord + Clone>(members: &[T]) -> Vec<AnyOr<T>> {
    let listed = powerset(members).into_iter().map(AnyOr::Only);
    listed.chain([AnyOr::Any]).collect()
}

/// Every scope that could be written for this request.
fn candidates(held: &[HeldGrant], ask: &Ask) -> Vec<Scope> {
    let exact: BTreeSet<RoomName> = held
        .iter()
        .filter_map(|held| held.grant.rooms.named())
        .flatten()
        .filter_map(|room| match room {
            GrantRoom::Exact(name) => Some(name.clone()),
            GrantRoom::Pattern(_) => None,
        })
        .collect();
    let all_roles = powerset(&Role::ALL);
    let all_transports = or_any(&Transport::ALL);
    let all_rooms = or_any(&exact.into_iter().collect::<Vec<_>>());
    let roles = ask.roles.clone().map_or(all_roles, |named| vec![named]);
    let transports = ask
        .transports
        .clone()
        .map_or(all_transports, |named| vec![named]);
    let rooms = ask.rooms.clone().map_or(all_rooms, |named| vec![named]);
    let mut all = Vec::new();
    for roles in &roles {
        for transports in &transports {
            for rooms in &rooms {
                all.push(Scope {
                    roles: roles.clone(),
                    transports: transports.clone(),
                    rooms: rooms.clone(),
                });
            }
        }
    }
    all
}

/// `Less` is better.
fn order(one: &Scope, other: &Scope) -> Ordering {
    fn breadth<T: Ord>(list: &AnyOr<T>) -> usize {
        list.named().map_or(usize::MAX, NonEmpty::len)
    }
    fn words(scope: &Scope) -> [Vec<String>; 3] {
        [
            scope.roles.iter().map(ToString::to_string).collect(),
            scope.rooms.to_strings(),
            scope.transports.to_strings(),
        ]
    }
    let wider = other.roles.len().cmp(&one.roles.len());
    let wider = wider.then(breadth(&other.rooms).cmp(&breadth(&one.rooms)));
    let wider = wider.then(breadth(&other.transports).cmp(&breadth(&one.transports)));
    wider.then_with(|| words(one).cmp(&words(other)))
}

fn expected(held: &[HeldGrant], ask: &Ask) -> Result<Scope, Refusal> {
    if held.is_empty() {
        return Err(Refusal::NoGrant);
    }
    let good = candidates(held, ask)
        .into_iter()
        .filter(|scope| sound(held, scope) && !useless(scope));
    good.min_by(order)
        .ok_or_else(|| expected_refusal(held, ask))
}

fn expected_refusal(held: &[HeldGrant], ask: &Ask) -> Refusal {
    let role_ok = |role: Role| ask.roles.as_ref().is_none_or(|named| named.contains(&role));
    let transport_ok = |transport: Option<Transport>| match &ask.transports {
        None => true,
        Some(AnyOr::Any) => transport.is_none(),
        Some(AnyOr::Only(named)) => transport.is_some_and(|t| named.contains(&t)),
    };
    let room_ok = |room: Option<&str>| match &ask.rooms {
        None => true,
        Some(AnyOr::Any) => room.is_none(),
        Some(AnyOr::Only(named)) => room.is_some_and(|room| named.contains(&name(room))),
    };
    let granted: Vec<Triple> = triples()
        .into_iter()
        .filter(|triple| held.iter().any(|held| grant_has(&held.grant, *triple)))
        .collect();
    let mut all = BTreeSet::new();
    let mut alone = BTreeSet::new();
    let mut word = |text: String, good: bool| {
        if !good {
            alone.insert(text.clone());
        }
        all.insert(text);
    };
    for role in ask.roles.iter().flatten() {
        let good = granted
            .iter()
            .any(|t| t.0 == *role && transport_ok(t.1) && room_ok(t.2));
        word(role.to_string(), good);
    }
    for text in ask.transports.iter().flat_map(AnyOr::to_strings) {
        let wanted = Transport::parse(&text);
        let good = granted
            .iter()
            .any(|t| t.1 == wanted && role_ok(t.0) && room_ok(t.2));
        word(text, good);
    }
    for text in ask.rooms.iter().flat_map(AnyOr::to_strings) {
        let wanted = (text != "*").then_some(text.as_str());
        let good = granted
            .iter()
            .any(|t| t.2 == wanted && role_ok(t.0) && transport_ok(t.1));
        word(text, good);
    }
    let has_pattern = held
        .iter()
        .any(|held| held.grant.rooms.to_strings().contains(&PATTERN.to_owned()));
    if !alone.is_empty() {
        Refusal::NotGranted {
            refused: alone.into_iter().collect(),
        }
    } else if ask.rooms.is_none() && has_pattern {
        Refusal::RoomRequired {
            patterns: vec![PATTERN.to_owned()],
        }
    } else {
        Refusal::NotGranted {
            refused: all.into_iter().collect(),
        }
    }
}

fn name(text: &str) -> RoomName {
    RoomName::parse(text).unwrap()
}

fn nonempty<T: Ord + Clone + std::fmt::Debug + 'static>(
    members: Vec<T>,
) -> impl Strategy<Value = NonEmpty<T>> {
    let most = members.len();
    subsequence(members, 1..=most).prop_map(|chosen| NonEmpty::new(chosen).unwrap())
}

fn or_star<T: Ord + Clone + std::fmt::Debug + 'static>(
    members: Vec<T>,
) -> impl Strategy<Value = AnyOr<T>> {
    prop_oneof![1 => Just(AnyOr::Any), 3 => nonempty(members).prop_map(AnyOr::Only)]
}

fn held() -> impl Strategy<Value = HeldGrant> {
    let rooms = LISTABLE.map(|room| GrantRoom::Exact(name(room)));
    let pattern = GrantRoom::Pattern(RoomPattern::parse(PATTERN).unwrap());
    let rooms = rooms.into_iter().chain([pattern]).collect();
    let bound = prop::option::of(0_i64..5).prop_map(|n| n.map(at));
    (
        nonempty(Role::ALL.to_vec()),
        or_star(Transport::ALL.to_vec()),
        or_star(rooms),
        bound,
        0_i64..4,
    )
        // A row whose role or transport could never serve cannot be written.
        .prop_filter("useless", |(roles, transports, ..)| {
            let scope = Scope {
                roles: roles.clone(),
                transports: transports.clone(),
                rooms: AnyOr::Any,
            };
            !useless(&scope)
        })
        .prop_map(|(roles, transports, rooms, bound, mapping)| HeldGrant {
            grant: Arc::new(Grant {
                roles,
                transports,
                rooms,
            }),
            bound,
            mapping: MappingId(mapping),
            group: None,
        })
}

fn ask() -> impl Strategy<Value = Ask> {
    let rooms = ["a", "b", "class-1", "class-2", "zzz"].map(name).to_vec();
    (
        prop::option::of(nonempty(Role::ALL.to_vec())),
        prop::option::of(or_star(Transport::ALL.to_vec())),
        prop::option::of(or_star(rooms)),
    )
        .prop_map(|(roles, transports, rooms)| Ask {
            roles,
            transports,
            rooms,
        })
}

fn any_scope() -> impl Strategy<Value = Scope> {
    let rooms = ["a", "b", "class-1", "class-2", "zzz"].map(name).to_vec();
    (
        nonempty(Role::ALL.to_vec()),
        or_star(Transport::ALL.to_vec()),
        or_star(rooms),
    )
        .prop_map(|(roles, transports, rooms)| Scope {
            roles,
            transports,
            rooms,
        })
}

fn at(minutes: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_795_000_000 + minutes * 60, 0).unwrap()
}

fn grants() -> impl Strategy<Value = Vec<HeldGrant>> {
    prop::collection::vec(held(), 0..5)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, ..ProptestConfig::default() })]

    /// R5-7, R5-8: sound, exactly what was named, nothing useless, the best by
    /// the stated order, and every refusal named right.
    #[test]
    fn the_search_agrees_with_trying_everything(held in grants(), ask in ask()) {
        let found = Entitlement::new(held.clone(), vec![]).scope(&ask);
        prop_assert_eq!(found, expected(&held, &ask));
    }

    #[test]
    fn what_is_given_is_warranted_and_as_named(held in grants(), ask in ask()) {
        let entitlement = Entitlement::new(held, vec![]);
        if let Ok(scope) = entitlement.scope(&ask) {
            prop_assert!(entitlement.warrant(&scope).is_ok());
            prop_assert!(ask.roles.is_none_or(|named| named == scope.roles));
            prop_assert!(ask.transports.is_none_or(|named| named == scope.transports));
            prop_assert!(ask.rooms.is_none_or(|named| named == scope.rooms));
        }
    }

    #[test]
    fn whoever_holds_a_grant_gets_a_scope_or_is_asked_for_a_room(held in grants()) {
        prop_assume!(!held.is_empty());
        let answer = Entitlement::new(held, vec![]).scope(&Ask::default());
        let answered = matches!(answer, Ok(_) | Err(Refusal::RoomRequired { .. }));
        prop_assert!(answered);
    }

    /// The check before signing refuses exactly the unsound scopes, and its
    /// bound is the earliest of the latest.
    #[test]
    fn the_warrant_agrees_with_the_definition(held in grants(), scope in any_scope()) {
        let warrant = Entitlement::new(held.clone(), vec![]).warrant(&scope);
        prop_assert_eq!(warrant.is_ok(), sound(&held, &scope) && !useless(&scope));
        if let Ok(bound) = warrant {
            // Never is later than every moment of the universe.
            let never = at(1000);
            let earliest = triples().into_iter()
                .filter(|triple| scope_has(&scope, *triple))
                .filter_map(|triple| held.iter()
                    .filter(|held| grant_has(&held.grant, triple))
                    .map(|held| held.bound.unwrap_or(never))
                    .max())
                .min();
            prop_assert_eq!(bound.unwrap_or(never), earliest.unwrap_or(never));
        }
    }

    #[test]
    fn left_out_is_what_the_scope_does_not_hold_in_full(held in grants(), scope in any_scope()) {
        let entitlement = Entitlement::new(held.clone(), vec![]);
        // `class-3` stands for the rooms of a pattern that no scope here lists.
        let full = |grant: &Grant| {
            let listed = triples().into_iter()
                .filter(|triple| grant_has(grant, *triple))
                .all(|triple| scope_has(&scope, triple));
            let pattern = grant.rooms.to_strings().contains(&PATTERN.to_owned());
            listed && (scope.rooms.is_any() || !pattern)
        };
        let expected: BTreeSet<Grant> = held.into_iter()
            .map(|held| Grant::clone(&held.grant))
            .filter(|grant| !full(grant))
            .collect();
        prop_assert_eq!(entitlement.left_out(&scope), expected.into_iter().collect::<Vec<_>>());
    }

    #[test]
    fn the_order_of_grants_changes_nothing((held, shuffled) in grants()
        .prop_flat_map(|held| (Just(held.clone()), Just(held).prop_shuffle())), ask in ask())
    {
        let one = Entitlement::new(held, vec![]);
        let other = Entitlement::new(shuffled, vec![]);
        prop_assert_eq!(one.scope(&ask), other.scope(&ask));
        prop_assert_eq!(one.grants(), other.grants());
        if let Ok(scope) = one.scope(&ask) {
            prop_assert_eq!(one.warrant(&scope), other.warrant(&scope));
        }
    }
}
