//! What a token request asks for, from JSON or from the portal's form.

use crate::domain::grant::Ask;
use crate::domain::lifetime::TTL_MIN_SECONDS;
use crate::domain::members::{FieldError, Members, together};
use crate::domain::names::{ROOM_RULE, Role, RoomName, Transport};
use crate::domain::set::{AnyOr, NonEmpty};
use crate::flow::exchange::Wish;

/// Lists that were not named are `None`; named ones are not judged yet.
#[derive(Debug, Clone, Default)]
pub struct TokenRequest {
    /// `roles`
    pub roles: Option<Vec<String>>,
    /// `rooms`
    pub rooms: Option<Vec<String>>,
    /// `transports`
    pub transports: Option<Vec<String>>,
    /// `ttl_seconds`
    pub ttl_seconds: Option<i64>,
}

impl TokenRequest {
    /// From a JSON request; every wrong field is named at once.
    pub fn of_members(mut members: Members) -> Result<Wish, Vec<FieldError>> {
        members.refuse_null("ttl_seconds");
        let input = Self {
            roles: members.words("roles"),
            rooms: members.words("rooms"),
            transports: members.words("transports"),
            ttl_seconds: members.number("ttl_seconds"),
        };
        together(members.finish(), input.parse())
    }

    /// Judges every word; no list may be empty.
    pub fn parse(self) -> Result<Wish, Vec<FieldError>> {
        let mut errors = Vec::new();
        let roles = self.roles.and_then(|words| {
            let reason = "a role is red5-publisher or red5-subscriber, exactly so";
            list("roles", &words, &mut errors, reason, Role::parse)
        });
        let transports = self.transports.and_then(|words| {
            let reason = "a transport is RTMP, RTSP, WHIP or WHEP; for any write * alone";
            any_or("transports", &words, &mut errors, reason, Transport::parse)
        });
        let rooms = self
            .rooms
            .and_then(|words| any_or("rooms", &words, &mut errors, ROOM_RULE, RoomName::parse));
        let ttl_seconds = self.ttl_seconds.map(|seconds| {
            // More than fits is more than any server allows; it is shortened like the rest.
            let seconds = u32::try_from(seconds).unwrap_or(if seconds < 0 { 0 } else { u32::MAX });
            if seconds < TTL_MIN_SECONDS {
                errors.push(FieldError::new("ttl_seconds", "must be 60 or more"));
            }
            seconds
        });
        if errors.is_empty() {
            Ok(Wish {
                ask: Ask {
                    roles,
                    transports,
                    rooms,
                },
                ttl_seconds,
            })
        } else {
            Err(errors)
        }
    }
}

fn list<T: Ord>(
    field: &str,
    words: &[String],
    errors: &mut Vec<FieldError>,
    reason: &str,
    parse: impl Fn(&str) -> Option<T>,
) -> Option<NonEmpty<T>> {
    let mut members = Vec::new();
    for (i, word) in words.iter().enumerate() {
        match parse(word) {
            Some(member) => members.push(member),
            None => errors.push(FieldError::new(format!("{field}[{i}]"), reason)),
        }
    }
    if words.is_empty() {
        errors.push(FieldError::new(field, "must not be empty"));
    }
    NonEmpty::new(members)
}

fn any_or<T: Ord>(
    field: &str,
    words: &[String],
    errors: &mut Vec<FieldError>,
    reason: &str,
    parse: impl Fn(&str) -> Option<T>,
) -> Option<AnyOr<T>> {
    if !words.is_empty() && words.iter().all(|word| word == "*") {
        return Some(AnyOr::Any);
    }
    list(field, words, errors, reason, parse).map(AnyOr::Only)
}
