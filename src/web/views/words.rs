//! What a user may do, in words: "Publish and watch in `studio-1` over RTMP".
//!
//! The sentence says what is possible and no more: WHIP can only publish and
//! WHEP can only watch, so a grant of both roles over both reads "Publish over
//! WHIP and watch over WHEP, in …". Names of rooms stay apart from the words,
//! for the template to set them off; the macros `grant` and `rooms` of
//! `parts/words.html` put the two together.

use std::fmt;

use crate::domain::effect::EffectEntry;
use crate::domain::grant::{Grant, Scope};
use crate::domain::names::{Role, Transport};
use crate::domain::rooms::{GrantRoom, RoomRule};
use crate::domain::set::{AnyOr, NonEmpty};

/// Above this many rooms the sentence says how many, and lists them folded up.
const ROOMS_IN_A_SENTENCE: usize = 8;

/// A grant or a scope in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GrantWords {
    /// One entry, or two where the roles have different protocols.
    pub does: Vec<Doing>,
    pub rooms: RoomWords,
}

/// What is done, over what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Doing {
    /// `Publish`, `Watch`, `Publish and watch`; a second one begins small.
    pub verb: &'static str,
    /// `RTMP or WHIP`, `any protocol`.
    pub over: String,
}

/// The rooms of a sentence.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RoomWords {
    /// Any room, and streams without one.
    pub any: bool,
    pub exact: Vec<String>,
    /// Patterns (`class-*`), as they are.
    pub patterns: Vec<String>,
}

/// One room of a sentence, with the words that lead to it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct RoomPart<'a> {
    pub before: &'static str,
    pub name: &'a str,
}

impl GrantWords {
    /// Of a grant as it is held.
    pub fn of(grant: &Grant) -> Self {
        let rooms = match &grant.rooms {
            AnyOr::Any => RoomWords::any(),
            AnyOr::Only(rooms) => {
                let mut words = RoomWords::default();
                for room in rooms {
                    match room {
                        GrantRoom::Exact(name) => words.exact.push(name.to_string()),
                        GrantRoom::Pattern(_) => words.patterns.push(room.to_string()),
                    }
                }
                words
            }
        };
        Self {
            does: doing(&grant.roles, &grant.transports),
            rooms,
        }
    }

    /// Of a part of a mapping; templates stand as they are.
    pub(super) fn of_entry(entry: &EffectEntry) -> Self {
        let rooms = match &entry.rooms {
            AnyOr::Any => RoomWords::any(),
            AnyOr::Only(rooms) => {
                let mut words = RoomWords::default();
                for room in rooms {
                    match room {
                        RoomRule::Fixed(GrantRoom::Pattern(_)) => {
                            words.patterns.push(room.to_string());
                        }
                        _ => words.exact.push(room.to_string()),
                    }
                }
                words
            }
        };
        Self {
            does: doing(&entry.roles, &entry.transports),
            rooms,
        }
    }

    /// Of the scope of a token.
    pub fn of_scope(scope: &Scope) -> Self {
        let rooms = match &scope.rooms {
            AnyOr::Any => RoomWords::any(),
            AnyOr::Only(rooms) => RoomWords {
                exact: rooms.iter().map(ToString::to_string).collect(),
                ..RoomWords::default()
            },
        };
        Self {
            does: doing(&scope.roles, &scope.transports),
            rooms,
        }
    }
}

impl GrantWords {
    /// What is done, when the protocols may follow the rooms in the sentence.
    pub(super) fn plain(&self) -> Option<&Doing> {
        match self.does.as_slice() {
            [one] if !self.rooms.any && self.rooms.folded().is_none() => Some(one),
            _ => None,
        }
    }
}

impl RoomWords {
    fn any() -> Self {
        Self {
            any: true,
            ..Self::default()
        }
    }

    fn count(&self) -> usize {
        self.exact.len() + self.patterns.len()
    }

    /// How many there are, when they are too many for a sentence.
    pub(super) fn folded(&self) -> Option<usize> {
        (!self.any && self.count() > ROOMS_IN_A_SENTENCE).then(|| self.count())
    }

    /// The rooms in a row: names first, then patterns, with commas and an "and".
    pub(super) fn parts(&self) -> Vec<RoomPart<'_>> {
        let last = self.count().saturating_sub(1);
        let names = self.exact.iter().map(|name| (false, name));
        let patterns = self.patterns.iter().map(|name| (true, name));
        names
            .chain(patterns)
            .enumerate()
            .map(|(at, (is_pattern, name))| RoomPart {
                before: match (is_pattern, at) {
                    (false, 0) => "",
                    (false, at) if at == last => " and ",
                    (false, _) => ", ",
                    (true, 0) => "any room of the form ",
                    (true, at) if at == last => " and any room of the form ",
                    (true, _) => ", any room of the form ",
                },
                name,
            })
            .collect()
    }
}

/// What each role can do over these transports, said once where both can do the same.
fn doing(roles: &NonEmpty<Role>, transports: &AnyOr<Transport>) -> Vec<Doing> {
    let mut each: Vec<(Role, String)> = roles
        .iter()
        .filter_map(|role| over(*role, transports).map(|over| (*role, over)))
        .collect();
    match each.as_slice() {
        [(_, publish), (_, watch)] if publish == watch => vec![Doing {
            verb: "Publish and watch",
            over: each.swap_remove(0).1,
        }],
        _ => each
            .into_iter()
            .enumerate()
            .map(|(at, (role, over))| Doing {
                verb: match (role, at) {
                    (Role::Publisher, _) => "Publish",
                    (Role::Subscriber, 0) => "Watch",
                    (Role::Subscriber, _) => "watch",
                },
                over,
            })
            .collect(),
    }
}

/// `None` where none of the transports has an operation for the role.
fn over(role: Role, transports: &AnyOr<Transport>) -> Option<String> {
    let AnyOr::Only(transports) = transports else {
        return Some("any protocol".to_owned());
    };
    let serving: Vec<&str> = transports
        .iter()
        .filter(|transport| transport.can_serve(role))
        .map(|transport| transport.as_str())
        .collect();
    let (last, others) = serving.split_last()?;
    if others.is_empty() {
        Some((*last).to_owned())
    } else {
        Some(format!("{} or {last}", others.join(", ")))
    }
}

/// What a role allows, as one word of a form or a table.
pub(super) fn role_word(role: &str) -> &str {
    match Role::parse(role) {
        Some(Role::Publisher) => "Publish",
        Some(Role::Subscriber) => "Watch",
        None => role,
    }
}

/// A number with commas: `5,050`.
pub(super) fn number(number: impl Copy + fmt::Display) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A reason as a sentence of its own. Reasons begin small, to follow a colon.
pub(super) fn sentence(reason: &str) -> String {
    let mut chars = reason.chars();
    chars.next().map_or_else(String::new, |first| {
        format!("{}{}", first.to_ascii_uppercase(), chars.as_str())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::names::RoomName;

    fn words(roles: &[Role], transports: &[Transport]) -> String {
        let transports = NonEmpty::new(transports.iter().copied()).map_or(AnyOr::Any, AnyOr::Only);
        let roles = NonEmpty::new(roles.iter().copied()).unwrap();
        doing(&roles, &transports)
            .iter()
            .map(|doing| format!("{} over {}", doing.verb, doing.over))
            .collect::<Vec<_>>()
            .join(" and ")
    }

    #[test]
    fn roles_that_have_the_same_protocols_share_the_sentence() {
        use Role::{Publisher, Subscriber};
        use Transport::{Rtmp, Rtsp};
        assert_eq!(words(&[Publisher], &[Rtmp]), "Publish over RTMP");
        assert_eq!(
            words(&[Subscriber, Publisher], &[Rtsp, Rtmp]),
            "Publish and watch over RTMP or RTSP"
        );
        assert_eq!(
            words(&[Publisher, Subscriber], &[]),
            "Publish and watch over any protocol"
        );
    }

    #[test]
    fn the_words_never_claim_watching_over_whip_or_publishing_over_whep() {
        use Role::{Publisher, Subscriber};
        use Transport::{Rtmp, Whep, Whip};
        assert_eq!(
            words(&[Publisher, Subscriber], &[Whip, Whep]),
            "Publish over WHIP and watch over WHEP"
        );
        assert_eq!(
            words(&[Publisher, Subscriber], &[Rtmp, Whip]),
            "Publish over RTMP or WHIP and watch over RTMP"
        );
        assert_eq!(words(&[Subscriber], &[Whip, Whep]), "Watch over WHEP");
        assert_eq!(words(&[Publisher, Subscriber], &[Whep]), "Watch over WHEP");
    }

    #[test]
    fn rooms_are_named_in_a_row_and_patterns_explained() {
        let words = RoomWords {
            exact: vec!["lobby".to_owned(), "studio-1".to_owned()],
            patterns: vec!["class-*".to_owned()],
            any: false,
        };
        let row: String = words
            .parts()
            .iter()
            .flat_map(|part| [part.before, part.name])
            .collect();
        assert_eq!(row, "lobby, studio-1 and any room of the form class-*");
    }

    #[test]
    fn the_scope_of_a_token_reads_like_a_grant() {
        let scope = Scope {
            roles: NonEmpty::one(Role::Subscriber),
            transports: AnyOr::Only(NonEmpty::one(Transport::Whep)),
            rooms: AnyOr::Only(NonEmpty::one(RoomName::parse("studio-1").unwrap())),
        };
        let words = GrantWords::of_scope(&scope);
        assert_eq!(words.rooms.exact, ["studio-1"]);
        assert_eq!(words.does[0].verb, "Watch");
        assert!(!words.rooms.any);
    }

    #[test]
    fn thousands_are_set_apart() {
        for (plain, words) in [
            (0, "0"),
            (999, "999"),
            (5050, "5,050"),
            (1_234_567, "1,234,567"),
        ] {
            assert_eq!(number(plain), words);
        }
    }

    #[test]
    fn nine_rooms_are_folded_and_eight_are_not() {
        let rooms = |count: usize| RoomWords {
            exact: (0..count).map(|n| n.to_string()).collect(),
            ..RoomWords::default()
        };
        assert_eq!(rooms(8).folded(), None);
        assert_eq!(rooms(9).folded(), Some(9));
    }
}
