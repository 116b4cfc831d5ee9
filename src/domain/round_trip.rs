//! Red5's question whether a token still counts, as far as its text goes.
//!
//! A question names a stream by its bare name, so a room cannot be read from it ([`RoomCheck`]).

use serde_json::Value;

use super::names::{Role, RoomName};
use super::set::AnyOr;

/// How a token that is restricted to rooms is answered (`RED5_ROUND_TRIP_ROOM`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RoomCheck {
    /// It is refused.
    Refuse,
    /// Its rooms are not looked at.
    Ignore,
    /// The room is what stands before the first `_` of the stream's name.
    Prefix,
}

impl RoomCheck {
    /// Whether a token with these rooms is good for this stream, as far as rooms go.
    pub fn passes(self, rooms: &AnyOr<RoomName>, stream: Option<&str>) -> bool {
        let AnyOr::Only(named) = rooms else {
            return true;
        };
        match self {
            Self::Refuse => false,
            Self::Ignore => true,
            Self::Prefix => {
                // Of a room `a_b` the prefix would be `a`, which is another room.
                let is_ambiguous = named.iter().any(|room| room.as_str().contains('_'));
                let prefix = stream.and_then(|stream| stream.split_once('_'));
                let room = prefix.and_then(|(room, _)| RoomName::parse(room));
                !is_ambiguous && room.is_some_and(|room| named.contains(&room))
            }
        }
    }
}

/// The members of a question that matter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Red5Question {
    /// What the client gave to Red5 as its token.
    pub token: String,
    /// What the client wants to do.
    pub role: Role,
    /// The bare name of the stream.
    pub stream: Option<String>,
}

impl Red5Question {
    /// Reads `token`, `type` and `streamID`; other members are not looked at. `None` if `token` or
    /// `type` is missing or is something else.
    pub fn parse(members: &serde_json::Map<String, Value>) -> Option<Self> {
        let text = |name: &str| members.get(name).and_then(Value::as_str);
        Some(Self {
            token: text("token")?.to_owned(),
            role: match text("type")? {
                "publisher" => Role::Publisher,
                "subscriber" => Role::Subscriber,
                _ => return None,
            },
            stream: text("streamID").map(str::to_owned),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::set::NonEmpty;

    fn rooms(names: &[&str]) -> AnyOr<RoomName> {
        let names = names.iter().map(|name| RoomName::parse(name).unwrap());
        AnyOr::Only(NonEmpty::new(names).unwrap())
    }

    #[test]
    fn rr_2_a_room_is_refused_ignored_or_read_from_the_streams_name() {
        use RoomCheck::{Ignore, Prefix, Refuse};
        let one = rooms(&["studio-1", "b"]);
        for stream in [None, Some("studio-1_cam"), Some("cam")] {
            assert!(!Refuse.passes(&one, stream), "{stream:?}");
            assert!(Ignore.passes(&one, stream), "{stream:?}");
        }
        for (stream, passes) in [
            (Some("studio-1_cam"), true),
            (Some("b_c_d"), true),
            (Some("studio-1_"), true),
            (Some("studio-1"), false),
            (Some("studio-10_cam"), false),
            (Some("Studio-1_cam"), false),
            (Some("c_b_d"), false),
            (Some("_studio-1"), false),
            (Some(" studio-1_cam"), false),
            (Some("live/studio-1_cam"), false),
            (Some(""), false),
            (None, false),
        ] {
            assert_eq!(Prefix.passes(&one, stream), passes, "{stream:?}");
        }
        // A name with `_` could be read as another room, so no stream is good for it.
        let odd = rooms(&["a_b", "a"]);
        for stream in [Some("a_b_cam"), Some("a_cam"), Some("a_b")] {
            assert!(!Prefix.passes(&odd, stream), "{stream:?}");
        }
        for check in [Refuse, Ignore, Prefix] {
            assert!(check.passes(&AnyOr::Any, None));
        }
    }

    #[test]
    fn rr_2_a_question_needs_a_token_and_one_of_two_words() {
        let read = |json: Value| match json {
            Value::Object(members) => Red5Question::parse(&members),
            _ => None,
        };
        let whole = serde_json::json!({
            "username": "jwt", "password": 1, "token": "t", "type": "subscriber", "streamID": "s",
            "more": null,
        });
        let question = read(whole.clone()).unwrap();
        assert_eq!((&*question.token, question.role), ("t", Role::Subscriber));
        assert_eq!(question.stream.as_deref(), Some("s"));
        for (name, value) in [
            ("token", Value::Null),
            ("token", 1.into()),
            ("type", Value::Null),
            ("type", "red5-publisher".into()),
            ("type", "Publisher".into()),
            ("type", "".into()),
        ] {
            let mut other = whole.clone();
            other[name] = value.clone();
            assert_eq!(read(other), None, "{name} {value}");
        }
    }
}
