//! The rule again, by brute force: every scope of a small universe is tried
//! against the definition, and the search has to agree. Slow and obvious.

mod arbitrary;
mod universe;

use std::collections::BTreeSet;

use proptest::prelude::*;

use arbitrary::{any_scope, ask, at, grants};
use universe::{PATTERNS, expected, grant_has, scope_has, sound, triples, useless};

use super::*;
use crate::domain::grant::{EVERY_TRANSPORT, is_possible};

fn name(text: &str) -> RoomName {
    RoomName::parse(text).unwrap()
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

    /// RR-2: what is true of one role of a scope is what a request for it would get.
    #[test]
    fn rr_2_a_role_of_a_scope_is_true_exactly_where_an_exchange_gives_it(
        held in grants(), scope in any_scope(), role in prop::sample::select(&Role::ALL[..])
    ) {
        let entitlement = Entitlement::new(held, vec![]);
        if let Some(part) = scope.of_role(role) {
            let ask = Ask {
                roles: Some(part.roles.clone()),
                transports: Some(part.transports.clone()),
                rooms: Some(part.rooms.clone()),
            };
            let given = entitlement.scope(&ask);
            prop_assert_eq!(entitlement.warrant(&part).is_ok(), given == Ok(part));
        }
    }

    #[test]
    fn rr_2_each_role_of_what_an_exchange_gives_is_true(held in grants(), ask in ask()) {
        let entitlement = Entitlement::new(held, vec![]);
        if let Ok(scope) = entitlement.scope(&ask) {
            for role in &scope.roles {
                let part = scope.of_role(*role);
                prop_assert!(part.is_some_and(|part| entitlement.warrant(&part).is_ok()));
            }
        }
    }

    /// One single grant contains the triple.
    #[test]
    fn what_a_grant_lets_agrees_with_the_definition(held in grants()) {
        let entitlement = Entitlement::new(held.clone(), vec![]);
        for room in ["a", "b", "class-1", "other"] {
            for role in Role::ALL {
                let over = |transports: &[Option<Transport>]| -> BTreeSet<MappingId> {
                    let lets = |held: &&HeldGrant| transports.iter().any(|transport| {
                        is_possible(role, *transport)
                            && grant_has(&held.grant, (role, *transport, Some(room)))
                    });
                    held.iter().filter(lets).map(|held| held.mapping).collect()
                };
                let found = |transport| entitlement.lets(role, transport, &name(room)).into_iter();
                for transport in Transport::ALL.map(Some) {
                    prop_assert!(found(transport).eq(over(&[transport])));
                }
                prop_assert!(found(None).eq(over(&EVERY_TRANSPORT)));
            }
        }
    }

    #[test]
    fn whoever_holds_a_grant_gets_a_scope_or_is_asked_for_a_room(held in grants()) {
        prop_assume!(!held.is_empty());
        let answer = Entitlement::new(held, vec![]).scope(&Ask::default());
        let answered = matches!(answer, Ok(_) | Err(ScopeRefusal::RoomRequired { .. }));
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
            let rooms = grant.rooms.to_strings();
            let pattern = PATTERNS.iter().any(|form| rooms.iter().any(|room| room == form));
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
        prop_assert_eq!(one.held(), other.held());
        if let Ok(scope) = one.scope(&ask) {
            prop_assert_eq!(one.warrant(&scope), other.warrant(&scope));
        }
    }
}
