//! Why a request gets no scope.
//!
//! Words that nothing could make good are named first. Then, if no room was
//! named and rooms are granted by their form, the forms are: naming one may
//! help. Then everything that was named: each word is granted somewhere, but
//! no grant has them together.
//!
//! A request that names nothing is never refused for good if the user holds a grant: a grant
//! has a role and a transport that are possible together and at least one
//! room. If that is *any* or an exact room, the one role × the one transport ×
//! it is a sound scope; if all are patterns, a room is asked for.

use std::collections::BTreeSet;

use super::Entitlement;
use super::coverage::Coverage;
use super::pairs::Pairs;
use crate::domain::grant::{Ask, EVERY_TRANSPORT, GrantRoom};
use crate::domain::names::{Role, Transport};
use crate::domain::set::AnyOr;

/// Why a request gets no scope.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Nothing is held.
    #[error("no mapping grants anything")]
    NoGrant,
    /// These words of the request are not granted, or not together. Sorted,
    /// without duplicates; `*` is a named *any*.
    #[error("not granted: {}", refused.join(", "))]
    NotGranted {
        /// The words, roles, transports and rooms in one list.
        refused: Vec<String>,
    },
    /// A room has to be named, of one of these forms. Sorted.
    #[error("name a room, of the form {}", patterns.join(" or "))]
    RoomRequired {
        /// The patterns held.
        patterns: Vec<String>,
    },
}

pub(super) fn of(entitlement: &Entitlement, coverage: &Coverage<'_>, ask: &Ask) -> Refusal {
    let words = words(coverage, ask);
    let alone: BTreeSet<&String> = words
        .iter()
        .filter(|word| !word.granted)
        .map(|word| &word.text)
        .collect();
    if !alone.is_empty() {
        let refused = alone.into_iter().cloned().collect();
        return Refusal::NotGranted { refused };
    }
    if ask.rooms.is_none() {
        let patterns = patterns(entitlement);
        if !patterns.is_empty() {
            return Refusal::RoomRequired { patterns };
        }
    }
    let all: BTreeSet<String> = words.into_iter().map(|word| word.text).collect();
    Refusal::NotGranted {
        refused: all.into_iter().collect(),
    }
}

struct Word {
    text: String,
    /// Whether some single grant contains a possible triple with this word
    /// whose other members come from the other named lists.
    granted: bool,
}

fn words(coverage: &Coverage<'_>, ask: &Ask) -> Vec<Word> {
    let roles: Vec<Role> = match &ask.roles {
        None => Role::ALL.to_vec(),
        Some(named) => named.iter().copied().collect(),
    };
    // A named *any* is one word: another transport, or a stream without a room.
    let transports: Vec<Option<Transport>> = match &ask.transports {
        None => EVERY_TRANSPORT.to_vec(),
        Some(AnyOr::Any) => vec![None],
        Some(AnyOr::Only(named)) => named.iter().copied().map(Some).collect(),
    };
    let granted = coverage.among(ask.rooms.as_ref());
    let mut words = Vec::new();
    let mut word = |text: &str, granted| {
        let text = text.to_owned();
        words.push(Word { text, granted });
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
