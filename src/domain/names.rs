//! The closed words of Red5, and the names of groups and rooms.

use std::fmt;

/// What a token's bearer may attempt (Red5: claims specification, `roles`).
/// The order is that of the written words, so that sorted lists are sorted bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// `red5-publisher`
    Publisher,
    /// `red5-subscriber`
    Subscriber,
}

impl Role {
    /// Both, in order.
    pub const ALL: [Self; 2] = [Self::Publisher, Self::Subscriber];

    /// The word on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Publisher => "red5-publisher",
            Self::Subscriber => "red5-subscriber",
        }
    }

    /// Reads the word exactly: Red5 compares roles case-sensitively.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == word)
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A protocol that `red5-transport` can name. Declared in the order of the
/// written words.
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
    /// All four, in order.
    pub const ALL: [Self; 4] = [Self::Rtmp, Self::Rtsp, Self::Whep, Self::Whip];

    /// The word as it is stored, shown and sent: upper case.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Rtmp => "RTMP",
            Self::Rtsp => "RTSP",
            Self::Whep => "WHEP",
            Self::Whip => "WHIP",
        }
    }

    /// Reads the word in any case, as Red5 does.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|transport| transport.as_str().eq_ignore_ascii_case(word))
    }

    /// Whether this protocol has an operation for `role` at all: WHIP can only
    /// publish and WHEP can only subscribe.
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

/// Longest room name in characters (all of them ASCII, hence bytes).
pub const ROOM_MAX: usize = 128;

/// What a room name says to somebody whose room was refused.
pub const ROOM_RULE: &str =
    "a room is 1 to 128 characters out of A-Z a-z 0-9 . _ ~ @ - and is not \".\" or \"..\"";

/// Whether `c` may stand in a room name. A comma would make two rooms of one
/// (Red5 splits the claim at commas), a slash another path; both are outside.
pub const fn is_room_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '~' | '@' | '-')
}

/// The exact, case-sensitive name of one scope beneath the Red5 application:
/// for `live/room1/stream1` it is `room1`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RoomName(String);

impl RoomName {
    /// Refuses what is not a room name; nothing is trimmed or replaced.
    pub fn parse(name: &str) -> Option<Self> {
        let fits = (1..=ROOM_MAX).contains(&name.len())
            && name.chars().all(is_room_char)
            && name != "."
            && name != "..";
        fits.then(|| Self(name.to_owned()))
    }

    /// The name itself.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RoomName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Longest group name in bytes that a mapping may hold.
pub const GROUP_MAX: usize = 512;

/// A group of the identity provider, compared exactly: case, slash, white
/// space and Unicode form count.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GroupName(String);

impl GroupName {
    /// Refuses the empty name, one over [`GROUP_MAX`] bytes and control characters.
    pub fn parse(name: &str) -> Option<Self> {
        let fits = (1..=GROUP_MAX).contains(&name.len()) && !name.chars().any(char::is_control);
        fits.then(|| Self(name.to_owned()))
    }

    /// The name itself.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for GroupName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
