//! Explains refusals in sentences, with what is granted instead.
//!
//! There are three cases: nothing is granted in the room; only one role or other protocols are
//! granted there; or each name is granted, but no single mapping has them together.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use super::Entitlement;
use super::coverage::Coverage;
use super::search::{asked, words};
use crate::domain::allows::listed;
use crate::domain::grant::{Ask, EVERY_TRANSPORT, Grant};
use crate::domain::names::{Role, RoomName, Transport};
use crate::domain::pairs::Pairs;
use crate::domain::rooms::GrantRoom;
use crate::domain::set::AnyOr;

/// Maximum number of rooms in a sentence, both of the requested and of the granted ones. A request
/// may name thousands.
const ROOMS_SAID: usize = 3;

/// Maximum number of names in a sentence about names that are not granted together.
const NAMES_SAID: usize = 8;

/// Maximum number of nearest grants.
const NEAREST: usize = 4;

/// The explanation of a refusal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WhyNot {
    shortfalls: Vec<Shortfall>,
    /// What is granted in other rooms: "publish in stage".
    elsewhere: Option<String>,
    /// The held grants nearest to the request, nearest first.
    pub nearest: Vec<Grant>,
}

/// The reader of the explanation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ToldTo {
    /// The person whose request it is.
    ThePerson,
    /// An administrator.
    Administrator,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Shortfall {
    /// Publishing over WHEP, or watching over WHIP.
    Impossible,
    /// Nothing is granted in this room.
    Nothing { room: String },
    /// No grant covers any room.
    NoGrantOfAny,
    /// Only this is granted there, or anywhere.
    Only { place: Option<String>, may: String },
    /// Each of these is granted, but not together.
    NotTogether { names: Vec<String> },
}

impl WhyNot {
    /// The explanation as sentences.
    pub fn said(&self, to: ToldTo) -> String {
        let (they, at_start) = match to {
            ToldTo::ThePerson => ("you", "You"),
            ToldTo::Administrator => ("the person", "The person"),
        };
        let mut said: Vec<String> = self
            .shortfalls
            .iter()
            .map(|shortfall| match shortfall {
                Shortfall::Impossible => "WHIP only publishes, and WHEP only watches.".to_owned(),
                Shortfall::Nothing { room } => format!("Nothing is granted to {they} in {room}."),
                Shortfall::NoGrantOfAny => {
                    format!("No mapping grants {they} any room and streams without a room.")
                }
                Shortfall::Only {
                    place: Some(place),
                    may,
                } => format!("In {place} {they} may only {may}."),
                Shortfall::Only { place: None, may } => format!("{at_start} may only {may}."),
                Shortfall::NotTogether { names } => format!(
                    "Each of {} is granted to {they}, but never by one mapping together.",
                    listed(names, "and")
                ),
            })
            .collect();
        said.extend(
            self.elsewhere
                .iter()
                .map(|may| format!("{at_start} may {may}.")),
        );
        said.join(" ")
    }
}

/// Explains the refusal of `ask`.
pub(super) fn why_not(entitlement: &Entitlement, ask: &Ask) -> WhyNot {
    let coverage = Coverage::of(entitlement, ask);
    let words = words(&coverage, ask);
    let unmet_alone = words.iter().any(|word| !word.granted);
    let mut shortfalls = Vec::new();
    if !unmet_alone {
        let mut names: Vec<String> = words.into_iter().map(|word| word.text).collect();
        names.sort();
        names.dedup();
        let more = names.len().saturating_sub(NAMES_SAID);
        names.truncate(NAMES_SAID);
        if more > 0 {
            names.push(format!("{more} more"));
        }
        shortfalls.push(Shortfall::NotTogether { names });
    }
    let wanted = Wanted::of(ask);
    if wanted.is_impossible(ask) {
        shortfalls = vec![Shortfall::Impossible];
    } else {
        shortfalls.extend(wanted.by_room(&coverage, ask, unmet_alone));
    }
    WhyNot {
        shortfalls,
        elsewhere: unmet_alone
            .then(|| wanted.elsewhere(entitlement, &coverage, ask))
            .flatten(),
        nearest: nearest(entitlement, ask),
    }
}

/// The requested roles and transports.
struct Wanted {
    roles: Vec<Role>,
    transports: Vec<Option<Transport>>,
    pairs: Pairs,
}

impl Wanted {
    fn of(ask: &Ask) -> Self {
        let (roles, transports) = asked(ask);
        let pairs = Pairs::among(&roles, &transports);
        Self {
            roles,
            transports,
            pairs,
        }
    }

    /// Whether a requested role or transport has no possible pair with the others.
    fn is_impossible(&self, ask: &Ask) -> bool {
        let idle = Pairs::is_empty;
        let roles = ask.roles.iter().flatten();
        let mut roles = roles.map(|role| Pairs::among(&[*role], &self.transports));
        let named = ask.transports.is_some();
        let transports = self.transports.iter().filter(|_| named);
        let mut transports = transports.map(|transport| Pairs::among(&self.roles, &[*transport]));
        roles.any(idle) || transports.any(idle)
    }

    /// Whether the pairs granted in a room are enough for each requested name by itself.
    fn is_met(&self, here: Pairs, ask: &Ask) -> bool {
        let mut roles = ask.roles.iter().flatten();
        let mut transports = self.transports.iter().filter(|_| ask.transports.is_some());
        let both = ask.roles.is_some() && ask.transports.is_some();
        here.meets(self.pairs)
            && roles.all(|role| here.meets(Pairs::among(&[*role], &self.transports)))
            && transports.all(|transport| here.meets(Pairs::among(&self.roles, &[*transport])))
            && (!both || here.includes(self.pairs))
    }

    fn by_room(&self, coverage: &Coverage<'_>, ask: &Ask, unmet_alone: bool) -> Vec<Shortfall> {
        let only = |place: Option<&str>, here: Pairs| Shortfall::Only {
            place: place.map(str::to_owned),
            may: may(here),
        };
        let matters = |here: Pairs| !unmet_alone || !self.is_met(here, ask);
        match &ask.rooms {
            None if unmet_alone => vec![only(None, coverage.among(None))],
            None => Vec::new(),
            Some(AnyOr::Any) => match coverage.anywhere() {
                here if here.is_empty() => vec![Shortfall::NoGrantOfAny],
                here => vec![only(Some("any room"), here)],
            },
            Some(AnyOr::Only(named)) => named
                .iter()
                .map(|room| (room, coverage.in_room(room)))
                .filter(|(_, here)| matters(*here))
                .take(ROOMS_SAID)
                .map(|(room, here)| match here {
                    here if here.is_empty() => Shortfall::Nothing {
                        room: room.to_string(),
                    },
                    here => only(Some(room.as_str()), here),
                })
                .collect(),
        }
    }

    /// What of the request is granted in other rooms. A grant of any room is not another room.
    fn elsewhere(
        &self,
        entitlement: &Entitlement,
        coverage: &Coverage<'_>,
        ask: &Ask,
    ) -> Option<String> {
        let AnyOr::Only(_) = ask.rooms.as_ref()? else {
            return None;
        };
        let mut granted = Pairs::default();
        let mut rooms: BTreeSet<&GrantRoom> = BTreeSet::new();
        for held in entitlement.held() {
            let pairs = Pairs::of_grant(&held.grant).common(self.pairs);
            let others = held.grant.rooms.named().into_iter().flatten();
            let others = others.filter(|room| match room {
                GrantRoom::Exact(room) => {
                    !named(ask, room) || self.is_met(coverage.in_room(room), ask)
                }
                GrantRoom::Pattern(_) => true,
            });
            if pairs.is_empty() {
                continue;
            }
            let before = rooms.len();
            rooms.extend(others.take(ROOMS_SAID));
            if rooms.len() > before {
                granted = granted.with(pairs);
            }
        }
        if rooms.is_empty() {
            return None;
        }
        let verbs = self.roles.iter().filter(|role| {
            let pairs = Pairs::among(&[**role], &self.transports);
            granted.meets(pairs)
        });
        let verbs: Vec<&str> = verbs.map(|role| verb(*role)).collect();
        let over = self.transports.iter().flatten().filter(|transport| {
            let pairs = Pairs::among(&self.roles, &[Some(**transport)]);
            granted.meets(pairs)
        });
        let over: Vec<&str> = over.map(|transport| transport.as_str()).collect();
        let over = match ask.transports {
            Some(_) if !over.is_empty() => format!(" over {}", listed(&over, "or")),
            _ => String::new(),
        };
        let more = rooms.len() > ROOMS_SAID;
        let rooms = rooms.into_iter().take(ROOMS_SAID).map(|room| match room {
            GrantRoom::Exact(room) => room.to_string(),
            GrantRoom::Pattern(_) => format!("rooms of the form {room}"),
        });
        let mut rooms: Vec<String> = rooms.collect();
        if more {
            rooms.push("more rooms".to_owned());
        }
        let verbs = listed(&verbs, "and");
        Some(format!("{verbs}{over} in {}", listed(&rooms, "and")))
    }
}

fn named(ask: &Ask, room: &RoomName) -> bool {
    matches!(&ask.rooms, Some(AnyOr::Only(named)) if named.contains(room))
}

fn verb(role: Role) -> &'static str {
    match role {
        Role::Publisher => "publish",
        Role::Subscriber => "watch",
    }
}

/// `watch (WHEP)`, `publish (any protocol) and watch (RTMP, WHEP)`.
fn may(here: Pairs) -> String {
    let over = |role: Role| {
        let granted =
            |transport: &Option<Transport>| here.meets(Pairs::among(&[role], &[*transport]));
        if granted(&None) {
            return Some("any protocol".to_owned());
        }
        let over = EVERY_TRANSPORT.into_iter().filter(granted).flatten();
        let over: Vec<&str> = over.map(Transport::as_str).collect();
        (!over.is_empty()).then(|| over.join(", "))
    };
    let roles = Role::ALL.into_iter();
    let roles = roles.filter_map(|role| Some(format!("{} ({})", verb(role), over(role)?)));
    listed(&roles.collect::<Vec<_>>(), "and")
}

/// The grants that match the most of the three lists.
fn nearest(entitlement: &Entitlement, ask: &Ask) -> Vec<Grant> {
    let misses = |grant: &Grant| {
        let roles = ask.roles.iter().flatten();
        let roles = roles.filter(|role| !grant.roles.contains(role)).count();
        let transports = match &ask.transports {
            None => 0,
            Some(AnyOr::Any) => usize::from(!grant.transports.covers(None)),
            Some(AnyOr::Only(named)) => {
                let named = named.iter();
                named
                    .filter(|word| !grant.transports.covers(Some(word)))
                    .count()
            }
        };
        let rooms = match &ask.rooms {
            None => 0,
            Some(AnyOr::Any) => usize::from(!grant.has_room(None)),
            Some(AnyOr::Only(named)) => {
                let named = named.iter().take(ROOMS_SAID);
                named.filter(|room| !grant.has_room(Some(room))).count()
            }
        };
        let missed = [roles, transports, rooms];
        let whole = missed.iter().filter(|missed| **missed == 0).count();
        (Reverse(whole), missed.iter().sum::<usize>())
    };
    let mut grants: Vec<_> = entitlement
        .grants()
        .into_iter()
        .map(|grant| (misses(&grant), grant))
        .collect();
    grants.sort();
    let best = grants.first().map(|((whole, _), _)| *whole);
    let closest = grants
        .into_iter()
        .filter(|((whole, _), _)| Some(*whole) == best);
    closest.take(NEAREST).map(|(_, grant)| grant).collect()
}
