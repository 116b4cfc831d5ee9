//! Anything that could be held, asked or written.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use proptest::prelude::*;
use proptest::sample::subsequence;

use super::super::HeldGrant;
use super::name;
use super::universe::{LISTABLE, PATTERNS, useless};
use crate::domain::grant::{Ask, Grant, Scope};
use crate::domain::mapping::MappingId;
use crate::domain::names::{Role, Transport};
use crate::domain::rooms::{GrantRoom, RoomPattern};
use crate::domain::set::{AnyOr, NonEmpty};

const NAMED: [&str; 5] = ["a", "b", "class-1", "class-2", "c-1"];

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
    let forms = PATTERNS.map(|form| GrantRoom::Pattern(RoomPattern::parse(form).unwrap()));
    let rooms = rooms.into_iter().chain(forms).collect();
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

pub(super) fn ask() -> impl Strategy<Value = Ask> {
    let rooms = NAMED.map(name).to_vec();
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

pub(super) fn any_scope() -> impl Strategy<Value = Scope> {
    let rooms = NAMED.map(name).to_vec();
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

pub(super) fn at(minutes: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_795_000_000 + minutes * 60, 0).unwrap()
}

pub(super) fn grants() -> impl Strategy<Value = Vec<HeldGrant>> {
    prop::collection::vec(held(), 0..5)
}
