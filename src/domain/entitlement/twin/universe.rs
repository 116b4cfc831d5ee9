//! The universe, and the definition read aloud over all of it.

use std::cmp::Ordering;
use std::collections::BTreeSet;

use super::super::{HeldGrant, ScopeRefusal};
use super::name;
use crate::domain::grant::{Ask, Grant, Scope};
use crate::domain::names::{Role, RoomName, Transport};
use crate::domain::rooms::GrantRoom;
use crate::domain::set::{AnyOr, NonEmpty};

/// What a triple's room can be: one that grants name, others of the pattern's
/// form or of none, and no room at all.
const ROOMS: [Option<&str>; 6] = [
    Some("a"),
    Some("b"),
    Some("class-1"),
    Some("class-2"),
    Some("c-1"),
    None,
];
pub(super) const LISTABLE: [&str; 3] = ["a", "b", "class-1"];
/// Two forms that share a room; `c-1` has both ends of the second, and too
/// little between them.
pub(super) const PATTERNS: [&str; 2] = ["*-1", "c*-*"];
const TRANSPORTS: [Option<Transport>; 5] = [
    Some(Transport::Rtmp),
    Some(Transport::Rtsp),
    Some(Transport::Whip),
    Some(Transport::Whep),
    None,
];

pub(super) type Triple = (Role, Option<Transport>, Option<&'static str>);

fn possible(role: Role, transport: Option<Transport>) -> bool {
    (role, transport) != (Role::Publisher, Some(Transport::Whep))
        && (role, transport) != (Role::Subscriber, Some(Transport::Whip))
}

pub(super) fn triples() -> Vec<Triple> {
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

pub(super) fn grant_has(grant: &Grant, (role, transport, room): Triple) -> bool {
    let in_room = match &grant.rooms {
        AnyOr::Any => true,
        AnyOr::Only(rooms) => rooms.iter().any(|granted| match granted {
            GrantRoom::Exact(name) => Some(name.as_str()) == room,
            GrantRoom::Pattern(form) => room.is_some_and(|room| match form.as_str() {
                "*-1" => room.ends_with("-1"),
                _ => ["class-1", "class-2"].contains(&room),
            }),
        }),
    };
    in_room && grant.roles.contains(&role) && has(&grant.transports, transport.as_ref())
}

pub(super) fn scope_has(scope: &Scope, (role, transport, room): Triple) -> bool {
    let room = room.map(name);
    scope.roles.contains(&role)
        && has(&scope.transports, transport.as_ref())
        && has(&scope.rooms, room.as_ref())
}

pub(super) fn sound(held: &[HeldGrant], scope: &Scope) -> bool {
    triples()
        .into_iter()
        .filter(|triple| scope_has(scope, *triple))
        .all(|triple| held.iter().any(|held| grant_has(&held.grant, triple)))
}

pub(super) fn useless(scope: &Scope) -> bool {
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

pub(super) fn expected(held: &[HeldGrant], ask: &Ask) -> Result<Scope, ScopeRefusal> {
    if held.is_empty() {
        return Err(ScopeRefusal::NoGrant);
    }
    let good = candidates(held, ask)
        .into_iter()
        .filter(|scope| sound(held, scope) && !useless(scope));
    good.min_by(order)
        .ok_or_else(|| expected_refusal(held, ask))
}

fn expected_refusal(held: &[HeldGrant], ask: &Ask) -> ScopeRefusal {
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
    let patterns = patterns_of(held);
    if !alone.is_empty() {
        ScopeRefusal::NotGranted {
            refused: alone.into_iter().collect(),
        }
    } else if ask.rooms.is_none() && !patterns.is_empty() {
        ScopeRefusal::RoomRequired { patterns }
    } else {
        ScopeRefusal::NotGranted {
            refused: all.into_iter().collect(),
        }
    }
}

fn patterns_of(held: &[HeldGrant]) -> Vec<String> {
    let granted: Vec<String> = held
        .iter()
        .flat_map(|held| held.grant.rooms.to_strings())
        .collect();
    let forms = PATTERNS.map(str::to_owned).into_iter();
    forms.filter(|form| granted.contains(form)).collect()
}
