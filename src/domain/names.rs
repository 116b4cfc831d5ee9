//! Red5's fixed words, and the names of groups and rooms.

use std::fmt;

/// What the bearer of a token may do (Red5: claims specification, `roles`). Declared in the order
/// of the words, so that sorted lists are in byte order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// `red5-publisher`
    Publisher,
    /// `red5-subscriber`
    Subscriber,
}

impl Role {
    /// Both roles, in order.
    pub const ALL: [Self; 2] = [Self::Publisher, Self::Subscriber];

    /// The value in a token.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Publisher => "red5-publisher",
            Self::Subscriber => "red5-subscriber",
        }
    }

    /// Parses the exact word: Red5 compares roles case-sensitively.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == word)
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A protocol in `red5-transport`. Declared in the order of the words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Transport {
    /// `RTMP`: publishes and subscribes
    Rtmp,
    /// `RTSP`: publishes and subscribes
    Rtsp,
    /// `WHEP`: subscribes only
    Whep,
    /// `WHIP`: publishes only
    Whip,
}

impl Transport {
    /// All transports, in order.
    pub const ALL: [Self; 4] = [Self::Rtmp, Self::Rtsp, Self::Whep, Self::Whip];

    /// The word as stored, shown and sent: upper case.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Rtmp => "RTMP",
            Self::Rtsp => "RTSP",
            Self::Whep => "WHEP",
            Self::Whip => "WHIP",
        }
    }

    /// Parses the word in any case, as Red5 does.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|transport| transport.as_str().eq_ignore_ascii_case(word))
    }

    /// Whether the protocol supports `role`: WHIP only publishes, WHEP only subscribes.
    pub const fn can_serve(self, role: Role) -> bool {
        !matches!(
            (role, self),
            (Role::Publisher, Self::Whep) | (Role::Subscriber, Self::Whip)
        )
    }
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Longest room name in characters; all are ASCII, so also in bytes.
pub const ROOM_MAX: usize = 128;

/// Explanation for a refused room name.
pub const ROOM_RULE: &str =
    "a room is 1 to 128 characters out of A-Z a-z 0-9 . _ ~ @ - and is not \".\" or \"..\"";

/// Explanation for a refused stream name.
pub const STREAM_RULE: &str =
    "a stream name is 1 to 128 characters out of A-Z a-z 0-9 . _ ~ @ - and is not \".\" or \"..\"";

/// Whether `c` is allowed in a room name. A comma would make two rooms of one, because Red5 splits
/// the claim at commas; a slash would make another path.
pub const fn is_room_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '~' | '@' | '-')
}

/// Exact, case-sensitive name of one scope below the Red5 application: `room1` in
/// `live/room1/stream1`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RoomName(String);

impl RoomName {
    /// Parses a room name; nothing is trimmed or replaced.
    pub fn parse(name: &str) -> Option<Self> {
        let fits = (1..=ROOM_MAX).contains(&name.len())
            && name.chars().all(is_room_char)
            && name != "."
            && name != "..";
        fits.then(|| Self(name.to_owned()))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RoomName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Longest group name in a mapping, in bytes.
pub const GROUP_MAX: usize = 512;

/// A group of the identity provider, compared exactly: case, slashes, white space and Unicode form
/// matter.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GroupName(String);

impl GroupName {
    /// Parses a group name: not empty, at most [`GROUP_MAX`] bytes, no control characters.
    pub fn parse(name: &str) -> Option<Self> {
        let fits = (1..=GROUP_MAX).contains(&name.len()) && !name.chars().any(char::is_control);
        fits.then(|| Self(name.to_owned()))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for GroupName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_are_read_exactly() {
        assert_eq!(Role::parse("red5-publisher"), Some(Role::Publisher));
        assert_eq!(Role::parse("red5-subscriber"), Some(Role::Subscriber));
        for other in [
            "",
            "Red5-Publisher",
            "publisher",
            "red5-publisher ",
            "*",
            "red5-admin",
        ] {
            assert_eq!(Role::parse(other), None, "{other:?}");
        }
        assert_eq!(Role::Publisher.to_string(), "red5-publisher");
    }

    #[test]
    fn transports_are_read_in_any_case_and_shown_in_upper_case() {
        for (word, transport) in [
            ("rtmp", Transport::Rtmp),
            ("Rtsp", Transport::Rtsp),
            ("WHIP", Transport::Whip),
            ("wHeP", Transport::Whep),
        ] {
            assert_eq!(Transport::parse(word), Some(transport));
            assert_eq!(transport.to_string(), word.to_ascii_uppercase());
        }
        for other in ["", "SRT", "RTMPS", " WHIP", "*", "whıp"] {
            assert_eq!(Transport::parse(other), None, "{other:?}");
        }
    }

    #[test]
    fn whip_only_publishes_whep_only_subscribes_and_the_others_do_both() {
        let serve = |role| Transport::ALL.map(|transport| transport.can_serve(role));
        assert_eq!(serve(Role::Publisher), [true, true, false, true]);
        assert_eq!(serve(Role::Subscriber), [true, true, true, false]);
    }

    #[test]
    fn the_order_of_the_words_is_that_of_their_bytes() {
        assert!(Role::ALL.is_sorted_by_key(|role| role.as_str()));
        assert!(Role::ALL.is_sorted());
        assert!(Transport::ALL.is_sorted_by_key(|transport| transport.as_str()));
        assert!(Transport::ALL.is_sorted());
    }

    #[test]
    fn r5_6_a_room_has_the_characters_of_the_alphabet_and_no_others() {
        let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._~@-";
        for c in '\0'..='\u{2fff}' {
            assert_eq!(
                RoomName::parse(&format!("x{c}")).is_some(),
                alphabet.contains(c),
                "{c:?}"
            );
        }
    }

    #[test]
    fn r5_6_a_room_has_1_to_128_characters_and_is_not_a_dot_segment() {
        assert_eq!(RoomName::parse(""), None);
        assert!(RoomName::parse("r").is_some());
        assert!(RoomName::parse(&"r".repeat(128)).is_some());
        assert_eq!(RoomName::parse(&"r".repeat(129)), None);
        assert_eq!(RoomName::parse("."), None);
        assert_eq!(RoomName::parse(".."), None);
        let shown = RoomName::parse("...").map(|room| room.to_string());
        assert_eq!(shown.as_deref(), Some("..."));
    }

    #[test]
    fn a_group_is_any_text_without_control_characters_up_to_512_bytes() {
        for good in [
            "a",
            "/Staff",
            " a ",
            "a,b",
            "é",
            "CN=Staff,OU=x",
            &"g".repeat(512),
        ] {
            let shown = GroupName::parse(good).map(|group| group.to_string());
            assert_eq!(shown.as_deref(), Some(good));
        }
        for bad in [
            "",
            "a\nb",
            "\0",
            "a\u{7f}",
            "\u{85}",
            &"g".repeat(513),
            &"é".repeat(257),
        ] {
            assert_eq!(GroupName::parse(bad), None, "{bad:?}");
        }
    }
}
