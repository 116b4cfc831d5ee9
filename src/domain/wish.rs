//! What a request for a token asks for.

use super::grant::Ask;
use super::lifetime::TTL_MIN_SECONDS;
use super::members::{FieldError, Members};
use super::names::{ROOM_RULE, Role, RoomName, Transport};

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
        let ttl_seconds = members.number("ttl_seconds").map(|seconds| {
            // More than fits is more than any server allows; it is shortened like the rest.
            let seconds = u32::try_from(seconds).unwrap_or(if seconds < 0 { 0 } else { u32::MAX });
            if seconds < TTL_MIN_SECONDS {
                members.refuse("ttl_seconds", "must be 60 or more");
            }
            seconds
        });
        let ask = Ask {
            roles,
            transports,
            rooms,
        };
        Self { ask, ttl_seconds }
    }
}
