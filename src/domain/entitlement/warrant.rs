//! The check before signing: a scope against the definition, triple by triple.
//!
//! It shares with the search only the content of grants and the possible pairs. The [`Shortlist`]
//! selects the grants to check: a grant missing there could make a sound scope be refused, but
//! never let an unsound one pass.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, Utc};

use super::Entitlement;
use crate::domain::grant::{Grant, Scope, is_possible, members};
use crate::domain::names::{Role, RoomName, Transport};
use crate::domain::pattern_index::{PatternIndex, PatternSearch};
use crate::domain::rooms::{GrantRoom, RoomPattern};
use crate::domain::set::AnyOr;

/// Why a scope must not be signed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unwarranted {
    /// No grant contains this triple: the scope is not sound.
    #[error("no single grant contains ({role}, {}, {})", shown(transport.as_ref()), shown(room.as_ref()))]
    NotGranted {
        /// A role of the scope.
        role: Role,
        /// A transport of the scope; `None` means one other than the four.
        transport: Option<Transport>,
        /// A room of the scope; `None` means a stream without a room.
        room: Option<RoomName>,
    },
    /// A role or transport without a possible pair.
    #[error("{word} takes part in nothing possible")]
    Idle {
        /// The role or the transport.
        word: &'static str,
    },
}

fn shown<T: ToString>(member: Option<&T>) -> String {
    member.map_or_else(|| "other".to_owned(), ToString::to_string)
}

/// When a grant ends; `None` if it has no end.
type Bound = Option<DateTime<Utc>>;

pub(super) fn of(entitlement: &Entitlement, scope: &Scope) -> Result<Bound, Unwarranted> {
    refuse_idle(scope)?;
    let grants = latest_of_alike(entitlement);
    let rooms: Vec<Option<&RoomName>> = match &scope.rooms {
        // Only a `*` grant covers streams without a room, and it covers every room.
        AnyOr::Any => vec![None],
        AnyOr::Only(named) => named.iter().map(Some).collect(),
    };
    let shortlist = Shortlist::of(&grants, rooms.len());
    let mut patterns = shortlist.patterns.search();
    let pairs = possible_pairs(scope);
    let everywhere: Vec<Option<Bound>> = pairs
        .iter()
        .map(|pair| latest_containing(&shortlist.everywhere, *pair))
        .collect();
    let mut earliest = None;
    for room in rooms {
        let here = shortlist.naming(room, &mut patterns);
        for (pair, everywhere) in pairs.iter().zip(&everywhere) {
            let latest = match (*everywhere, latest_containing(&here, *pair)) {
                (Some(one), Some(other)) => later(one, other),
                (one, other) => one.or(other).ok_or_else(|| Unwarranted::NotGranted {
                    role: pair.0,
                    transport: pair.1,
                    room: room.cloned(),
                })?,
            };
            earliest = earlier(earliest, latest);
        }
    }
    Ok(earliest)
}

type RoleTransport = (Role, Option<Transport>);

fn possible_pairs(scope: &Scope) -> Vec<RoleTransport> {
    let transports = members(&scope.transports);
    let pairs = scope
        .roles
        .iter()
        .flat_map(|role| transports.iter().map(|transport| (*role, *transport)));
    pairs
        .filter(|(role, transport)| is_possible(*role, *transport))
        .collect()
}

/// Without this check, a scope without possible pairs would have no triple to check.
fn refuse_idle(scope: &Scope) -> Result<(), Unwarranted> {
    let pairs = possible_pairs(scope);
    let idle_role = scope
        .roles
        .iter()
        .find(|role| !pairs.iter().any(|(used, _)| used == *role))
        .map(|role| role.as_str());
    let mut named = scope.transports.named().into_iter().flatten();
    let idle_transport = named
        .find(|transport| !pairs.iter().any(|(_, used)| *used == Some(**transport)))
        .map(|transport| transport.as_str());
    match idle_role.or(idle_transport) {
        Some(word) => Err(Unwarranted::Idle { word }),
        None => Ok(()),
    }
}

/// One glob may match hundreds of groups of one person: equal grants are checked once.
fn latest_of_alike(entitlement: &Entitlement) -> BTreeMap<&Grant, Bound> {
    let mut latest = BTreeMap::new();
    for held in entitlement.held() {
        latest
            .entry(&*held.grant)
            .and_modify(|bound| *bound = later(*bound, held.bound))
            .or_insert(held.bound);
    }
    latest
}

type Bounded<'a> = (&'a Grant, Bound);

struct Shortlist<'a> {
    everywhere: Vec<Bounded<'a>>,
    exact: HashMap<&'a RoomName, Vec<Bounded<'a>>>,
    patterns: PatternIndex<(&'a RoomPattern, Bounded<'a>)>,
}

impl<'a> Shortlist<'a> {
    fn of(grants: &BTreeMap<&'a Grant, Bound>, asked: usize) -> Self {
        let mut everywhere = Vec::new();
        let mut exact: HashMap<_, Vec<_>> = HashMap::new();
        let mut patterns = Vec::new();
        for (grant, bound) in grants {
            let bounded = (*grant, *bound);
            let AnyOr::Only(rooms) = &grant.rooms else {
                everywhere.push(bounded);
                continue;
            };
            for room in rooms {
                match room {
                    GrantRoom::Exact(room) => exact.entry(room).or_default().push(bounded),
                    GrantRoom::Pattern(pattern) => patterns.push((pattern, bounded)),
                }
            }
        }
        Self {
            everywhere,
            exact,
            patterns: PatternIndex::new(patterns, |(pattern, _)| pattern.as_str(), asked),
        }
    }

    /// The grants that name this room; those with any room are kept separately.
    fn naming(
        &self,
        room: Option<&RoomName>,
        patterns: &mut PatternSearch<'_, (&'a RoomPattern, Bounded<'a>)>,
    ) -> Vec<Bounded<'a>> {
        let Some(name) = room else {
            return Vec::new();
        };
        let exact = self.exact.get(name).into_iter().flatten();
        let patterns = patterns.candidates(name.as_str(), |_| true);
        let named = exact.chain(patterns.into_iter().map(|(_, bounded)| bounded));
        named
            .filter(|(grant, _)| grant.has_room(room))
            .copied()
            .collect()
    }
}

/// The latest end of the grants that contain the pair; `None` if no grant does.
fn latest_containing(grants: &[Bounded<'_>], (role, transport): RoleTransport) -> Option<Bound> {
    grants
        .iter()
        .filter(|(grant, _)| {
            grant.roles.contains(&role) && grant.transports.covers(transport.as_ref())
        })
        .map(|(_, bound)| *bound)
        .reduce(later)
}

/// The later of two ends; `None` is later than any.
fn later(one: Bound, other: Bound) -> Bound {
    Some(one?.max(other?))
}

/// The earlier of two ends; `None` is later than any.
fn earlier(one: Bound, other: Bound) -> Bound {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}
