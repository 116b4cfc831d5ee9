//! Searches for the best sound scope of a request.
//!
//! Two roles and four transports give 3 × 16 candidates, each with the rooms in which it is sound.
//! All are tried; there are no heuristics.
//!
//! A refusal first names the words that are not granted in any combination. Otherwise, if the
//! request names no room and rooms are granted by patterns, it names the patterns, because naming a
//! room may help. Otherwise it names all requested words: each is granted somewhere, but no grant
//! has them together.
//!
//! A request that names nothing is never refused for good if the user holds a grant. A grant has a
//! possible pair of role and transport, and at least one room. If the room is *any* or exact, that
//! role × that transport × that room is a sound scope; if all rooms are patterns, the request must
//! name a room.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::sync::LazyLock;

use super::Entitlement;
use super::coverage::Coverage;
use crate::domain::grant::{Ask, EVERY_TRANSPORT, Scope};
use crate::domain::names::{Role, RoomName, Transport};
use crate::domain::pairs::Pairs;
use crate::domain::rooms::GrantRoom;
use crate::domain::set::{AnyOr, NonEmpty};

/// Why there is no scope for a request.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ScopeRefusal {
    /// The identity holds no grant.
    #[error("no mapping grants anything")]
    NoGrant,
    /// These requested words are not granted, or not together. Sorted, without duplicates; `*`
    /// stands for a requested *any*.
    #[error("not granted: {}", refused.join(", "))]
    NotGranted {
        /// Roles, transports and rooms in one list.
        refused: Vec<String>,
    },
    /// The request must name a room of one of these forms.
    #[error("name a room, of the form {}", patterns.join(" or "))]
    RoomRequired {
        /// The granted patterns, sorted.
        patterns: Vec<String>,
    },
}

/// A list of roles and a list of transports in which each member is part of a possible pair.
struct Candidate {
    roles: NonEmpty<Role>,
    transports: AnyOr<Transport>,
    pairs: Pairs,
}

/// All combinations of non-empty lists. A requested combination is among them, or it has a member
/// without a possible pair and is refused.
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

/// Every non-empty subset of `members`.
fn subsets<T: Ord + Copy>(members: &[T]) -> Vec<NonEmpty<T>> {
    (1..1_usize << members.len())
        .filter_map(|chosen| {
            let taken = members.iter().enumerate();
            NonEmpty::new(taken.filter(|(i, _)| chosen >> i & 1 == 1).map(|(_, m)| *m))
        })
        .collect()
}

pub(super) fn best(entitlement: &Entitlement, ask: &Ask) -> Result<Scope, ScopeRefusal> {
    if entitlement.is_empty() {
        return Err(ScopeRefusal::NoGrant);
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
        .ok_or_else(|| refusal(entitlement, &coverage, ask))
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

/// The rooms of a scope with these pairs: the requested rooms if it is sound in all of them; else
/// any; else all rooms in which it is sound.
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

/// Sort key; the better scope ranks lower: more roles; any room, else more rooms; any transport,
/// else more transports; then the order of the lists.
fn rank<'a>((candidate, rooms): &'a (&Candidate, AnyOr<&RoomName>)) -> impl Ord + 'a {
    (
        Reverse(candidate.roles.len()),
        width(rooms),
        width(&candidate.transports),
        (&candidate.roles, rooms, &candidate.transports),
    )
}

/// `None`, for *any*, ranks lowest.
fn width<T: Ord>(list: &AnyOr<T>) -> Option<Reverse<usize>> {
    list.named().map(|members| Reverse(members.len()))
}

fn owned(rooms: AnyOr<&RoomName>) -> AnyOr<RoomName> {
    match rooms {
        AnyOr::Any => AnyOr::Any,
        AnyOr::Only(rooms) => AnyOr::Only(rooms.map(Clone::clone)),
    }
}

fn refusal(entitlement: &Entitlement, coverage: &Coverage<'_>, ask: &Ask) -> ScopeRefusal {
    let words = words(coverage, ask);
    let alone: BTreeSet<&String> = words
        .iter()
        .filter(|word| !word.granted)
        .map(|word| &word.text)
        .collect();
    if !alone.is_empty() {
        let refused = alone.into_iter().cloned().collect();
        return ScopeRefusal::NotGranted { refused };
    }
    if ask.rooms.is_none() {
        let patterns = patterns(entitlement);
        if !patterns.is_empty() {
            return ScopeRefusal::RoomRequired { patterns };
        }
    }
    let all: BTreeSet<String> = words.into_iter().map(|word| word.text).collect();
    ScopeRefusal::NotGranted {
        refused: all.into_iter().collect(),
    }
}

pub(super) struct NamedWord {
    pub(super) text: String,
    /// Whether a single grant contains a possible triple with this word and with members of the
    /// other requested lists.
    pub(super) granted: bool,
}

/// The roles and transports that a request allows; a list that is not requested allows all.
pub(super) fn asked(ask: &Ask) -> (Vec<Role>, Vec<Option<Transport>>) {
    let roles: Vec<Role> = match &ask.roles {
        None => Role::ALL.to_vec(),
        Some(named) => named.iter().copied().collect(),
    };
    // A requested *any* also means an unknown transport, or a stream without a room.
    let transports: Vec<Option<Transport>> = match &ask.transports {
        None => EVERY_TRANSPORT.to_vec(),
        Some(AnyOr::Any) => vec![None],
        Some(AnyOr::Only(named)) => named.iter().copied().map(Some).collect(),
    };
    (roles, transports)
}

pub(super) fn words(coverage: &Coverage<'_>, ask: &Ask) -> Vec<NamedWord> {
    let (roles, transports) = asked(ask);
    let granted = coverage.among(ask.rooms.as_ref());
    let mut words = Vec::new();
    let mut word = |text: &str, granted| {
        let text = text.to_owned();
        words.push(NamedWord { text, granted });
    };
    for role in ask.roles.iter().flatten() {
        let wanted = Pairs::among(&[*role], &transports);
        word(role.as_str(), granted.meets(wanted));
    }
    if ask.transports.is_some() {
        for transport in &transports {
            let wanted = Pairs::among(&roles, &[*transport]);
            let text = transport.map_or("*", Transport::as_str);
            word(text, granted.meets(wanted));
        }
    }
    let wanted = Pairs::among(&roles, &transports);
    match &ask.rooms {
        None => {}
        Some(AnyOr::Any) => word("*", granted.meets(wanted)),
        Some(AnyOr::Only(named)) => {
            for room in named {
                word(room.as_str(), coverage.in_room(room).meets(wanted));
            }
        }
    }
    words
}

fn patterns(entitlement: &Entitlement) -> Vec<String> {
    let rooms = entitlement
        .held()
        .iter()
        .filter_map(|held| held.grant.rooms.named())
        .flatten();
    let patterns: BTreeSet<String> = rooms
        .filter(|room| matches!(room, GrantRoom::Pattern(_)))
        .map(ToString::to_string)
        .collect();
    patterns.into_iter().collect()
}
