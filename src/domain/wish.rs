//! What a request for a token asks for.

use super::grant::Ask;
use super::lifetime::TTL_MIN_SECONDS;
use super::members::{FieldError, Members};
use super::names::{ROOM_RULE, Role, RoomName, Transport};
use super::set::{AnyOr, NonEmpty};

/// A request, whichever door it came through.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wish {
    /// What it names.
    pub ask: Ask,
    /// `ttl_seconds`
    pub ttl_seconds: Option<u32>,
}

impl Wish {
    /// Reads its members; every wrong field is named at once.
    ///
    /// # Errors
    /// Each invalid field, and each member that no request has.
    pub fn parse(mut members: Members) -> Result<Self, Vec<FieldError>> {
        let wish = Self::read(&mut members);
        let errors = members.finish();
        if errors.is_empty() {
            Ok(wish)
        } else {
            Err(errors)
        }
    }

    /// The same of an object within another one; `members` has the errors. A list that is absent
    /// names nothing, and none may be empty: it must not come to mean "any".
    pub fn read(members: &mut Members) -> Self {
        members.refuse_null("ttl_seconds");
        let ask = Ask::read(members);
        let ttl_seconds = members.number("ttl_seconds").map(|seconds| {
            // More than fits is more than any server allows; it is shortened like the rest.
            let seconds = u32::try_from(seconds).unwrap_or(if seconds < 0 { 0 } else { u32::MAX });
            if seconds < TTL_MIN_SECONDS {
                members.refuse("ttl_seconds", "must be 60 or more");
            }
            seconds
        });
        Self { ask, ttl_seconds }
    }
}

impl Ask {
    /// The lists of an object. One that is absent names nothing.
    pub fn read(members: &mut Members) -> Self {
        let roles = members.words("roles").and_then(|words| {
            let reason = "a role is red5-publisher or red5-subscriber, exactly so";
            let read = |word: &str| Role::parse(word).ok_or_else(|| reason.to_owned());
            members.list("roles", &words, read)
        });
        let rooms = members.words("rooms").and_then(|words| {
            let read = |word: &str| RoomName::parse(word).ok_or_else(|| ROOM_RULE.to_owned());
            members.list_or_any("rooms", &words, read)
        });
        let transports = members.words("transports").and_then(|words| {
            let reason = "a transport is RTMP, RTSP, WHIP or WHEP; for any write * alone";
            let read = |word: &str| Transport::parse(word).ok_or_else(|| reason.to_owned());
            members.list_or_any("transports", &words, read)
        });
        Self {
            roles,
            transports,
            rooms,
        }
    }

    /// The words of a `scope` parameter (RFC 6749 §3.3): roles as they are, `room:NAME`, `transport:NAME`, and
    /// `room:*` or `transport:*` alone for any.
    ///
    /// # Errors
    /// The first word that is not one of these, or that comes together with a star; with the remedy.
    pub fn of_words(text: &str) -> Result<Self, String> {
        let (mut roles, mut transports, mut rooms) = (Vec::new(), Vec::new(), Vec::new());
        for word in text.split(' ').filter(|word| !word.is_empty()) {
            let none = || format!("{word:?} is no word of a scope: it has {SCOPE_WORDS}");
            if let Some(name) = word.strip_prefix("room:") {
                rooms.push(name_or_star(name, RoomName::parse).ok_or_else(none)?);
            } else if let Some(name) = word.strip_prefix("transport:") {
                transports.push(name_or_star(name, Transport::parse).ok_or_else(none)?);
            } else {
                roles.push(Role::parse(word).ok_or_else(none)?);
            }
        }
        Ok(Self {
            roles: NonEmpty::new(roles),
            transports: list_of("transport:*", &transports)?,
            rooms: list_of("room:*", &rooms)?,
        })
    }

    /// The same as words of a scope, sorted; empty if nothing is named.
    pub fn words(&self) -> String {
        let roles = self.roles.iter().flat_map(NonEmpty::to_strings);
        let rooms = self.rooms.iter().flat_map(AnyOr::to_strings);
        let transports = self.transports.iter().flat_map(AnyOr::to_strings);
        let words: Vec<String> = roles
            .chain(rooms.map(|name| format!("room:{name}")))
            .chain(transports.map(|name| format!("transport:{name}")))
            .collect();
        words.join(" ")
    }

    /// This request, narrowed by what a later one names (RFC 6749 §6).
    ///
    /// # Errors
    /// If the later one names more.
    pub fn narrowed(&self, later: &Self) -> Result<Self, Wider> {
        fn within<T: Ord + Clone>(
            first: Option<&AnyOr<T>>,
            later: Option<&AnyOr<T>>,
        ) -> Result<Option<AnyOr<T>>, Wider> {
            match (first, later) {
                (first, None) => Ok(first.cloned()),
                (None | Some(AnyOr::Any), Some(later)) => Ok(Some(later.clone())),
                (Some(AnyOr::Only(_)), Some(AnyOr::Any)) => Err(Wider),
                (Some(AnyOr::Only(first)), Some(AnyOr::Only(named))) => {
                    if named.iter().all(|name| first.contains(name)) {
                        Ok(Some(AnyOr::Only(named.clone())))
                    } else {
                        Err(Wider)
                    }
                }
            }
        }
        let any_or = |roles: &Option<NonEmpty<Role>>| roles.clone().map(AnyOr::Only);
        let roles = within(any_or(&self.roles).as_ref(), any_or(&later.roles).as_ref())?;
        Ok(Self {
            roles: roles.and_then(|roles| roles.named().cloned()),
            transports: within(self.transports.as_ref(), later.transports.as_ref())?,
            rooms: within(self.rooms.as_ref(), later.rooms.as_ref())?,
        })
    }
}

/// A later request names more than the first one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wider;

/// What a scope is made of, in a sentence.
const SCOPE_WORDS: &str = "red5-publisher, red5-subscriber, room:NAME and transport:NAME, or room:* and transport:* for any";

/// A name, or the star; `None` if it is neither.
fn name_or_star<T: Ord>(text: &str, parse: impl Fn(&str) -> Option<T>) -> Option<AnyOr<T>> {
    if text == "*" {
        Some(AnyOr::Any)
    } else {
        parse(text).map(|name| AnyOr::Only(NonEmpty::one(name)))
    }
}

/// The words of one kind as a list; `None` without any.
fn list_of<T: Ord + Clone>(star: &str, words: &[AnyOr<T>]) -> Result<Option<AnyOr<T>>, String> {
    let is_any = words.iter().any(AnyOr::is_any);
    let names = words.iter().filter_map(AnyOr::named).flatten();
    match NonEmpty::new(names.cloned()) {
        None => Ok(is_any.then_some(AnyOr::Any)),
        Some(_) if is_any => Err(format!(
            "{star} means any and stands alone: remove it, or remove the others"
        )),
        Some(list) => Ok(Some(AnyOr::Only(list))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(words: &str) -> Ask {
        Ask::of_words(words).unwrap()
    }

    #[test]
    fn the_words_of_a_scope_are_read_and_written_sorted_and_folded() {
        for (sent, written) in [
            ("", ""),
            (
                "red5-subscriber  red5-publisher",
                "red5-publisher red5-subscriber",
            ),
            ("room:b room:a room:b", "room:a room:b"),
            ("transport:whip room:*", "room:* transport:WHIP"),
            ("transport:* transport:*", "transport:*"),
        ] {
            assert_eq!(ask(sent).words(), written, "{sent}");
            assert_eq!(ask(written), ask(sent));
        }
    }

    #[test]
    fn a_word_that_is_none_is_named_and_a_star_stands_alone() {
        for word in [
            "openid",
            "red5-admin",
            "room:",
            "room:a/b",
            "room:a,b",
            "transport:srt",
            "Red5-Publisher",
            "ROOM:a",
        ] {
            let error = Ask::of_words(&format!("red5-publisher {word}")).unwrap_err();
            assert!(error.contains(word), "{error}");
        }
        assert!(
            Ask::of_words("room:* room:a")
                .unwrap_err()
                .contains("room:*")
        );
    }

    #[test]
    fn tx_13_a_later_scope_may_narrow_the_first_and_never_widens_it() {
        for (first, later, narrowed) in [
            ("", "", Some("")),
            ("", "room:a", Some("room:a")),
            ("room:a room:b", "", Some("room:a room:b")),
            ("room:a room:b", "room:a", Some("room:a")),
            ("room:a", "room:b", None),
            ("room:a", "room:*", None),
            ("room:*", "room:a", Some("room:a")),
            ("red5-publisher", "red5-publisher red5-subscriber", None),
            (
                "red5-publisher room:a",
                "transport:WHIP",
                Some("red5-publisher room:a transport:WHIP"),
            ),
        ] {
            let outcome = ask(first).narrowed(&ask(later));
            assert_eq!(
                outcome.map(|ask| ask.words()).ok().as_deref(),
                narrowed,
                "{first} / {later}"
            );
        }
    }
}
