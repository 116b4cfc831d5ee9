//! Room patterns: `class-*`.

use std::fmt;

use crate::domain::names::{ROOM_MAX, RoomName, is_room_char};

/// A form of room names in which each `*` stands for one or more room
/// characters. It never lists rooms; it serves when a room is named.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RoomPattern(String);

impl RoomPattern {
    /// Refuses a text without a star, one of stars alone (*any* is said with a
    /// lone `*`, on purpose), one that is too long, and foreign characters.
    pub fn parse(text: &str) -> Option<Self> {
        let fits = text.len() <= ROOM_MAX
            && text.contains('*')
            && text.chars().any(|c| c != '*')
            && text.chars().all(|c| c == '*' || is_room_char(c));
        fits.then(|| Self(text.to_owned()))
    }

    /// The pattern as it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether `room` has this form.
    ///
    /// Every piece between two stars is taken at its first place, at least one
    /// character after the piece before it: that leaves most for the rest, so
    /// no choice is ever undone, however many stars there are.
    pub fn matches(&self, room: &RoomName) -> bool {
        let mut pieces = self.0.split('*');
        let first = pieces.next().unwrap_or_default();
        let last = pieces.next_back().unwrap_or_default();
        let Some(mut rest) = room.as_str().strip_prefix(first) else {
            return false;
        };
        for piece in pieces {
            let found = rest
                .get(1..)
                .and_then(|after| after.split_once(piece))
                .map(|(_, after)| after);
            let Some(after) = found else {
                return false;
            };
            rest = after;
        }
        rest.len() > last.len() && rest.ends_with(last)
    }
}

impl fmt::Display for RoomPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn matches(pattern: &str, room: &str) -> bool {
        RoomPattern::parse(pattern)
            .unwrap()
            .matches(&RoomName::parse(room).unwrap())
    }

    #[test]
    fn a_star_stands_for_one_or_more_characters() {
        assert!(matches("class-*", "class-1"));
        assert!(matches("class-*", "class-1b"));
        assert!(!matches("class-*", "class-"));
        assert!(!matches("class-*", "Class-1"));
        assert!(matches("*-a-*", "x-a-a-y"));
        assert!(!matches("a**", "ab"));
        assert!(matches("a**", "abc"));
    }

    #[test]
    fn stars_alone_no_star_and_foreign_characters_are_no_pattern() {
        for text in ["*", "**", "", "room", "a*,b", "a*/b", "a *", "{sub}*", "é*"] {
            assert_eq!(RoomPattern::parse(text), None, "{text:?}");
        }
        assert!(RoomPattern::parse(&format!("*{}", "a".repeat(127))).is_some());
        assert!(RoomPattern::parse(&format!("*{}", "a".repeat(128))).is_none());
    }

    /// The definition, read aloud: slow and obviously right.
    fn twin(pattern: &[u8], room: &[u8]) -> bool {
        match pattern.split_first() {
            None => room.is_empty(),
            Some((b'*', rest)) => (1..=room.len()).any(|n| twin(rest, &room[n..])),
            Some((c, rest)) => room.first() == Some(c) && twin(rest, &room[1..]),
        }
    }

    proptest! {
        #[test]
        fn matching_agrees_with_the_definition(pattern in "[ab*]{1,7}", room in "[ab]{1,7}") {
            prop_assume!(RoomPattern::parse(&pattern).is_some());
            prop_assert_eq!(matches(&pattern, &room), twin(pattern.as_bytes(), room.as_bytes()));
        }
    }
}
