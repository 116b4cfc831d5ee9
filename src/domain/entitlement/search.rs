//! The best sound scope for a request.
//!
//! Two roles and four transports make 3 × 16 candidates, each with the rooms
//! in which it is sound; all are tried. There are no heuristics to get wrong.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use super::pairs::Pairs;
use super::{Entitlement, Refusal};
use crate::domain::grant::{Ask, EVERY_TRANSPORT, Grant, GrantRoom, Scope, is_possible};
use crate::domain::mapping::RoomPattern;
use crate::domain::names::{Role, RoomName, Transport};
use crate::domain::set::{AnyOr, NonEmpty};

pub(super) fn best(entitlement: &Entitlement, ask: &Ask) -> Result<Scope, Refusal> {
    if entitlement.is_empty() {
        return Err(Refusal::NoGrant);
    }
    let coverage = Coverage::of(entitlement, ask);
    let mut best: Option<Scope> = None;
    for roles in candidate_roles(ask) {
        for transports in candidate_transports(ask) {
            if !Pairs::use_all(&roles, &transports) {
                continue;
            }
            let pairs = Pairs::of(&roles, &transports);
            let Some(rooms) = coverage.rooms(pairs, ask.rooms.as_ref()) else {
                continue;
            };
            let scope = Scope {
                roles: roles.clone(),
                transports,
                rooms,
            };
            if best.as_ref().is_none_or(|best| rank(&scope) < rank(best)) {
                best = Some(scope);
            }
        }
    }
    best.ok_or_else(|| refusal(entitlement, ask))
}

/// The better scope ranks lower: more roles; any room, else more rooms; any
/// transport, else more transports; then the first by the lists themselves.
fn rank(scope: &Scope) -> impl Ord + '_ {
    (
        Reverse(scope.roles.len()),
        width(&scope.rooms),
        width(&scope.transports),
        (&scope.roles, &scope.rooms, &scope.transports),
    )
}

fn width<T: Ord>(list: &AnyOr<T>) -> impl Ord + use<T> {
    let named = list.named().map(|members| Reverse(members.len()));
    (named.is_some(), named)
}

fn candidate_roles(ask: &Ask) -> Vec<NonEmpty<Role>> {
    ask.roles
        .as_ref()
        .map_or_else(|| subsets(&Role::ALL), |named| vec![named.clone()])
}

fn candidate_transports(ask: &Ask) -> Vec<AnyOr<Transport>> {
    ask.transports.as_ref().map_or_else(
        || {
            let listed = subsets(&Transport::ALL).into_iter().map(AnyOr::Only);
            listed.chain([AnyOr::Any]).collect()
        },
        |named| vec![named.clone()],
    )
}

/// Every non-empty subset.
fn subsets<T: Ord + Copy>(members: &[T]) -> Vec<NonEmpty<T>> {
    (1..1_usize << members.len())
        .filter_map(|chosen| {
            let taken = members.iter().enumerate();
            NonEmpty::new(taken.filter(|(i, _)| chosen >> i & 1 == 1).map(|(_, m)| *m))
        })
        .collect()
}

/// Which pairs are granted in which rooms.
struct Coverage {
    /// In every room and without one: what `*` grants give.
    anywhere: Pairs,
    /// In each room that the request names or that a grant names exactly.
    rooms: BTreeMap<RoomName, Pairs>,
}

impl Coverage {
    fn of(entitlement: &Entitlement, ask: &Ask) -> Self {
        let mut anywhere = Pairs::default();
        let mut rooms: BTreeMap<RoomName, Pairs> = BTreeMap::new();
        let mut patterns: BTreeMap<&RoomPattern, Pairs> = BTreeMap::new();
        if let Some(AnyOr::Only(named)) = &ask.rooms {
            rooms.extend(named.iter().map(|room| (room.clone(), Pairs::default())));
        }
        for held in entitlement.held() {
            let pairs = Pairs::of_grant(&held.grant);
            let AnyOr::Only(granted) = &held.grant.rooms else {
                anywhere = anywhere.with(pairs);
                continue;
            };
            for room in granted {
                let covered = match room {
                    GrantRoom::Exact(room) => rooms.entry(room.clone()).or_default(),
                    GrantRoom::Pattern(pattern) => patterns.entry(pattern).or_default(),
                };
                *covered = covered.with(pairs);
            }
        }
        for (room, covered) in &mut rooms {
            *covered = covered.with(anywhere);
            for (pattern, pairs) in &patterns {
                if pattern.matches(room) {
                    *covered = covered.with(*pairs);
                }
            }
        }
        Self { anywhere, rooms }
    }

    /// The rooms of a scope with these pairs: those named, if it is sound in
    /// all of them; else any, else all in which it is sound.
    fn rooms(&self, pairs: Pairs, named: Option<&AnyOr<RoomName>>) -> Option<AnyOr<RoomName>> {
        let sound_anywhere = self.anywhere.includes(pairs);
        let sound_in = |room: &RoomName| {
            self.rooms
                .get(room)
                .is_some_and(|covered| covered.includes(pairs))
        };
        match named {
            Some(AnyOr::Any) => sound_anywhere.then_some(AnyOr::Any),
            Some(AnyOr::Only(rooms)) => rooms
                .iter()
                .all(sound_in)
                .then(|| AnyOr::Only(rooms.clone())),
            None if sound_anywhere => Some(AnyOr::Any),
            None => {
                let sound = self.rooms.keys().filter(|room| sound_in(room)).cloned();
                NonEmpty::new(sound).map(AnyOr::Only)
            }
        }
    }
}

/// Why there is no scope. A word that nothing could make good is named first;
/// then, if only the room is missing, the forms it may have; then everything
/// that was named, because it is the combination that nobody granted.
fn refusal(entitlement: &Entitlement, ask: &Ask) -> Refusal {
    let named = Named::of(ask);
    let grants: Vec<&Grant> = entitlement.held().iter().map(|held| &held.grant).collect();
    let alone = named.words(|word| !grants.iter().any(|grant| named.serves(grant, word)));
    if !alone.is_empty() {
        return Refusal::NotGranted { refused: alone };
    }
    if ask.rooms.is_none() {
        let patterns = patterns(&grants);
        if !patterns.is_empty() {
            return Refusal::RoomRequired { patterns };
        }
    }
    Refusal::NotGranted {
        refused: named.words(|_| true),
    }
}

fn patterns(grants: &[&Grant]) -> Vec<String> {
    let rooms = grants
        .iter()
        .filter_map(|grant| grant.rooms.named())
        .flatten();
    let patterns: BTreeSet<String> = rooms
        .filter(|room| matches!(room, GrantRoom::Pattern(_)))
        .map(ToString::to_string)
        .collect();
    patterns.into_iter().collect()
}

#[derive(Clone, Copy)]
enum Word<'a> {
    Role(Role),
    /// `None` is a named `*`: another transport.
    Transport(Option<Transport>),
    /// `None` is a named `*`: a stream without a room.
    Room(Option<&'a RoomName>),
}

/// The members of the named lists; a list that was not named is empty here.
struct Named<'a> {
    roles: Vec<Role>,
    transports: Vec<Option<Transport>>,
    rooms: Vec<Option<&'a RoomName>>,
}

impl<'a> Named<'a> {
    fn of(ask: &'a Ask) -> Self {
        Self {
            roles: ask.roles.iter().flatten().copied().collect(),
            transports: match &ask.transports {
                None => Vec::new(),
                Some(AnyOr::Any) => vec![None],
                Some(AnyOr::Only(named)) => named.iter().copied().map(Some).collect(),
            },
            rooms: match &ask.rooms {
                None => Vec::new(),
                Some(AnyOr::Any) => vec![None],
                Some(AnyOr::Only(named)) => named.iter().map(Some).collect(),
            },
        }
    }

    /// The words that fulfil the condition, sorted and without duplicates.
    fn words(&self, wanted: impl Fn(Word<'a>) -> bool) -> Vec<String> {
        let roles = self
            .roles
            .iter()
            .map(|role| (Word::Role(*role), role.to_string()));
        let transports = self.transports.iter().map(|transport| {
            let text = transport.map_or("*", Transport::as_str);
            (Word::Transport(*transport), text.to_owned())
        });
        let rooms = self.rooms.iter().map(|room| {
            let text = room.map_or("*", RoomName::as_str);
            (Word::Room(*room), text.to_owned())
        });
        let all = roles.chain(transports).chain(rooms);
        let words: BTreeSet<String> = all
            .filter(|(word, _)| wanted(*word))
            .map(|(_, text)| text)
            .collect();
        words.into_iter().collect()
    }

    /// Whether this one grant contains a possible triple with `word` whose
    /// other members come from the other named lists (an unnamed list: anything).
    fn serves(&self, grant: &Grant, word: Word<'_>) -> bool {
        let roles = match word {
            Word::Role(role) => vec![role],
            _ if self.roles.is_empty() => Role::ALL.to_vec(),
            _ => self.roles.clone(),
        };
        let transports = match word {
            Word::Transport(transport) => vec![transport],
            _ if self.transports.is_empty() => EVERY_TRANSPORT.to_vec(),
            _ => self.transports.clone(),
        };
        let room = match word {
            Word::Room(room) => grant.has_room(room),
            // A grant always has some room.
            _ => self.rooms.is_empty() || self.rooms.iter().any(|room| grant.has_room(*room)),
        };
        room && roles.iter().any(|role| {
            grant.roles.contains(role)
                && transports.iter().any(|transport| {
                    grant.has_transport(*transport) && is_possible(*role, *transport)
                })
        })
    }
}
