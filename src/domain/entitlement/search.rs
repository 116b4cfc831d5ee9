//! The best sound scope for a request.
//!
//! Two roles and four transports make 3 × 16 candidates, each with the rooms
//! in which it is sound; all are tried. There are no heuristics to get wrong.

use std::cmp::Reverse;
use std::sync::LazyLock;

use super::coverage::Coverage;
use super::pairs::Pairs;
use super::{Entitlement, Refusal, refusal};
use crate::domain::grant::{Ask, Scope};
use crate::domain::names::{Role, RoomName, Transport};
use crate::domain::set::{AnyOr, NonEmpty};

/// A list of roles and a list of transports, of which nothing is idle.
struct Candidate {
    roles: NonEmpty<Role>,
    transports: AnyOr<Transport>,
    pairs: Pairs,
}

/// Every list of roles with every list of transports. Whatever a request
/// names is among them, or has something idle and is refused.
static CANDIDATES: LazyLock<Vec<Candidate>> = LazyLock::new(|| {
    let mut all = Vec::new();
    for roles in subsets(&Role::ALL) {
        let listed = subsets(&Transport::ALL).into_iter().map(AnyOr::Only);
        for transports in listed.chain([AnyOr::Any]) {
            if Pairs::use_all(&roles, &transports) {
                all.push(Candidate {
                    roles: roles.clone(),
                    pairs: Pairs::of(&roles, &transports),
                    transports,
                });
            }
        }
    }
    all
});

/// Every non-empty subset.
fn subsets<T: Ord + Copy>(members: &[T]) -> Vec<NonEmpty<T>> {
    (1..1_usize << members.len())
        .filter_map(|chosen| {
            let taken = members.iter().enumerate();
            NonEmpty::new(taken.filter(|(i, _)| chosen >> i & 1 == 1).map(|(_, m)| *m))
        })
        .collect()
}

pub(super) fn best(entitlement: &Entitlement, ask: &Ask) -> Result<Scope, Refusal> {
    if entitlement.is_empty() {
        return Err(Refusal::NoGrant);
    }
    let coverage = Coverage::of(entitlement, ask);
    CANDIDATES
        .iter()
        .filter(|candidate| is_as_named(candidate, ask))
        .filter_map(|candidate| Some((candidate, rooms(&coverage, candidate.pairs, ask)?)))
        .min_by(|one, other| rank(one).cmp(&rank(other)))
        .map(|(candidate, rooms)| Scope {
            roles: candidate.roles.clone(),
            transports: candidate.transports.clone(),
            rooms: owned(rooms),
        })
        .ok_or_else(|| refusal::of(entitlement, &coverage, ask))
}

fn is_as_named(candidate: &Candidate, ask: &Ask) -> bool {
    ask.roles
        .as_ref()
        .is_none_or(|named| *named == candidate.roles)
        && ask
            .transports
            .as_ref()
            .is_none_or(|named| *named == candidate.transports)
}

/// The rooms of a scope with these pairs: those named, if it is sound in all
/// of them; else any, else all in which it is sound.
fn rooms<'a>(coverage: &Coverage<'a>, pairs: Pairs, ask: &'a Ask) -> Option<AnyOr<&'a RoomName>> {
    let anywhere = coverage.anywhere().includes(pairs);
    let sound = || coverage.rooms().filter(|(_, here)| here.includes(pairs));
    let listed = || NonEmpty::new(sound().map(|(room, _)| room)).map(AnyOr::Only);
    match &ask.rooms {
        Some(AnyOr::Any) => anywhere.then_some(AnyOr::Any),
        Some(AnyOr::Only(named)) if sound().count() < named.len() => None,
        None if anywhere => Some(AnyOr::Any),
        Some(AnyOr::Only(_)) | None => listed(),
    }
}

/// The better scope ranks lower: more roles; any room, else more rooms; any
/// transport, else more transports; then the first by the lists themselves.
fn rank<'a>((candidate, rooms): &'a (&Candidate, AnyOr<&RoomName>)) -> impl Ord + 'a {
    (
        Reverse(candidate.roles.len()),
        width(rooms),
        width(&candidate.transports),
        (&candidate.roles, rooms, &candidate.transports),
    )
}

fn width<T: Ord>(list: &AnyOr<T>) -> impl Ord + use<T> {
    let named = list.named().map(|members| Reverse(members.len()));
    (named.is_some(), named)
}

fn owned(rooms: AnyOr<&RoomName>) -> AnyOr<RoomName> {
    match rooms {
        AnyOr::Any => AnyOr::Any,
        AnyOr::Only(rooms) => AnyOr::Only(rooms.map(Clone::clone)),
    }
}
