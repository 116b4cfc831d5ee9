//! Lifetime of a token.
//!
//! Red5 refuses a token whose `exp` is further ahead of *its* clock than `jwtTtlMinutes`; it does
//! not shorten it (Red5: claims specification, `exp`). So `exp` stays below that limit by a margin
//! for clock differences.

use chrono::{DateTime, Utc};

/// Shortest lifetime that Red5 accepts, in seconds (Red5: claims specification, `exp`).
pub const TTL_MIN_SECONDS: u32 = 60;

/// The limits of a token's lifetime.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// `ttl_seconds` of the request.
    pub asked_seconds: Option<u32>,
    /// `RED5_TOKEN_TTL_SECONDS`: the lifetime for a request without `ttl_seconds`.
    pub default_seconds: u32,
    /// The server's `jwtTtlMinutes` minus the clock skew, in seconds.
    pub server_seconds: u32,
    /// The bound of the scope's grants (from [`super::entitlement::Entitlement::warrant`]).
    pub mapping: Option<DateTime<Utc>>,
    /// End of the session or subject token.
    pub subject: SubjectEnd,
    /// `max_ttl_seconds` of the client, if a client asks for the token.
    pub client_seconds: Option<u32>,
}

/// End of the session or subject token on which the exchange is based.
#[derive(Debug, Clone, Copy)]
pub enum SubjectEnd {
    /// The session's absolute end.
    Session(DateTime<Utc>),
    /// `exp` of the subject token (RFC 8693).
    SubjectToken(DateTime<Utc>),
}

/// The limit that shortened a lifetime.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LimitedBy {
    /// The streaming server's limit.
    Server,
    /// A mapping's `max_ttl_seconds` or `valid_until`.
    Mapping,
    /// The session's absolute end.
    Session,
    /// The subject token's end.
    SubjectToken,
    /// The client's `max_ttl_seconds`.
    Client,
}

impl LimitedBy {
    /// The value of `ttl_limited_by`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Server => "server",
            Self::Mapping => "mapping",
            Self::Session => "session",
            Self::SubjectToken => "subject_token",
            Self::Client => "client",
        }
    }

    const fn reason(self) -> &'static str {
        match self {
            Self::Server => {
                ", and the streaming server takes none that long: tell your administrator"
            }
            Self::Mapping => ", and what was granted to you ends before that",
            Self::Session | Self::SubjectToken => {
                ", and your sign-in ends before that: sign out and in again"
            }
            Self::Client => ", and the app may have none that long: tell your administrator",
        }
    }
}

/// A token's end, in whole seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lifetime {
    /// `exp`.
    pub expires_at: DateTime<Utc>,
    /// The limit that shortened the lifetime, if any.
    pub limited_by: Option<LimitedBy>,
}

/// The remaining lifetime is below Red5's minimum of one minute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a token is good for at least {TTL_MIN_SECONDS} seconds{}", .limited_by.map_or("", LimitedBy::reason))]
pub struct TooShort {
    /// The limit that set the end; `None` if the request or the configuration did.
    pub limited_by: Option<LimitedBy>,
}

/// The earliest of all ends. If two are equal, the first of mapping, server, session or subject
/// token, and client is reported.
pub fn lifetime(now: DateTime<Utc>, limits: &Limits) -> Result<Lifetime, TooShort> {
    let now = now.timestamp();
    let wanted = limits.asked_seconds.unwrap_or(limits.default_seconds);
    let mut end = now.saturating_add(i64::from(wanted));
    let mut limited_by = None;
    let (subject_end, subject_word) = match limits.subject {
        SubjectEnd::Session(end) => (end, LimitedBy::Session),
        SubjectEnd::SubjectToken(end) => (end, LimitedBy::SubjectToken),
    };
    let server = now.saturating_add(i64::from(limits.server_seconds));
    let client = limits.client_seconds;
    let client = client.map(|seconds| now.saturating_add(i64::from(seconds)));
    let others = [
        (
            limits.mapping.map(|bound| bound.timestamp()),
            LimitedBy::Mapping,
        ),
        (Some(server), LimitedBy::Server),
        (Some(subject_end.timestamp()), subject_word),
        (client, LimitedBy::Client),
    ];
    for (other, word) in others {
        if let Some(other) = other
            && other < end
        {
            end = other;
            limited_by = Some(word);
        }
    }
    let expires_at = DateTime::from_timestamp(end, 0).ok_or(TooShort { limited_by })?;
    if end.saturating_sub(now) < i64::from(TTL_MIN_SECONDS) {
        return Err(TooShort { limited_by });
    }
    Ok(Lifetime {
        expires_at,
        limited_by,
    })
}

impl Lifetime {
    /// Whole seconds from `now` to the end.
    pub fn seconds_from(&self, now: DateTime<Utc>) -> i64 {
        self.expires_at.timestamp() - now.timestamp()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeDelta;

    const NOW: i64 = 1_795_000_000;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(NOW + seconds, 0).unwrap()
    }

    fn limits() -> Limits {
        Limits {
            asked_seconds: None,
            default_seconds: 300,
            server_seconds: 3570,
            mapping: None,
            subject: SubjectEnd::Session(at(36_000)),
            client_seconds: None,
        }
    }

    fn seconds(limits: &Limits) -> Result<(i64, Option<LimitedBy>), Option<LimitedBy>> {
        lifetime(at(0), limits)
            .map(|life| (life.seconds_from(at(0)), life.limited_by))
            .map_err(|short| short.limited_by)
    }

    #[test]
    fn without_a_wish_the_default_counts() {
        assert_eq!(seconds(&limits()), Ok((300, None)));
    }

    #[test]
    fn a_wish_may_exceed_the_default_but_not_the_server() {
        let asked = |seconds| Limits {
            asked_seconds: Some(seconds),
            ..limits()
        };
        assert_eq!(seconds(&asked(3570)), Ok((3570, None)));
        assert_eq!(seconds(&asked(3571)), Ok((3570, Some(LimitedBy::Server))));
        assert_eq!(
            seconds(&asked(u32::MAX)),
            Ok((3570, Some(LimitedBy::Server)))
        );
        assert_eq!(seconds(&asked(60)), Ok((60, None)));
    }

    #[test]
    fn the_earliest_end_counts_and_is_named() {
        let mapping = Limits {
            mapping: Some(at(120)),
            ..limits()
        };
        assert_eq!(seconds(&mapping), Ok((120, Some(LimitedBy::Mapping))));
        let session = Limits {
            subject: SubjectEnd::Session(at(90)),
            ..mapping
        };
        assert_eq!(seconds(&session), Ok((90, Some(LimitedBy::Session))));
        let token = Limits {
            subject: SubjectEnd::SubjectToken(at(80)),
            ..mapping
        };
        assert_eq!(seconds(&token), Ok((80, Some(LimitedBy::SubjectToken))));
    }

    #[test]
    fn of_two_equal_ends_the_first_word_is_named_and_an_end_at_the_wish_limits_nothing() {
        let both = Limits {
            mapping: Some(at(120)),
            subject: SubjectEnd::Session(at(120)),
            ..limits()
        };
        assert_eq!(seconds(&both), Ok((120, Some(LimitedBy::Mapping))));
        let exact = Limits {
            mapping: Some(at(300)),
            ..limits()
        };
        assert_eq!(seconds(&exact), Ok((300, None)));
    }

    #[test]
    fn a_client_shortens_the_life_of_its_tokens_and_is_named_last() {
        let limits = Limits {
            client_seconds: Some(120),
            ..limits()
        };
        assert_eq!(seconds(&limits), Ok((120, Some(LimitedBy::Client))));
        let both = Limits {
            server_seconds: 120,
            ..limits
        };
        assert_eq!(seconds(&both), Ok((120, Some(LimitedBy::Server))));
        let mapped = Limits {
            mapping: Some(at(120)),
            ..both
        };
        assert_eq!(seconds(&mapped), Ok((120, Some(LimitedBy::Mapping))));
    }

    #[test]
    fn r5_2_less_than_a_minute_is_refused_with_what_set_it() {
        let left = |seconds| Limits {
            mapping: Some(at(seconds)),
            ..limits()
        };
        assert_eq!(seconds(&left(60)), Ok((60, Some(LimitedBy::Mapping))));
        assert_eq!(seconds(&left(59)), Err(Some(LimitedBy::Mapping)));
        assert_eq!(seconds(&left(-5)), Err(Some(LimitedBy::Mapping)));
        let short = Limits {
            default_seconds: 59,
            ..limits()
        };
        assert_eq!(seconds(&short), Err(None));
    }

    #[test]
    fn parts_of_a_second_never_lengthen_a_life() {
        let now = at(0) + TimeDelta::milliseconds(900);
        let bound = Limits {
            mapping: Some(at(100) + TimeDelta::milliseconds(999)),
            ..limits()
        };
        assert_eq!(lifetime(now, &bound).unwrap().expires_at, at(100));
        assert_eq!(lifetime(now, &limits()).unwrap().expires_at, at(300));
    }

    #[test]
    fn a_bound_that_was_a_minute_away_stays_so_in_whole_seconds() {
        for (now_ms, bound_ms) in [(0, 60_000), (1, 60_001), (999, 60_999), (500, 60_999)] {
            let now = at(0) + TimeDelta::milliseconds(now_ms);
            let limits = Limits {
                mapping: Some(at(0) + TimeDelta::milliseconds(bound_ms)),
                ..limits()
            };
            assert_eq!(lifetime(now, &limits).unwrap().seconds_from(now), 60);
        }
    }

    #[test]
    fn r5_2_the_ends_of_time_overflow_nothing() {
        let endless = Limits {
            asked_seconds: Some(u32::MAX),
            default_seconds: u32::MAX,
            server_seconds: u32::MAX,
            mapping: Some(DateTime::<Utc>::MAX_UTC),
            subject: SubjectEnd::Session(DateTime::<Utc>::MAX_UTC),
            client_seconds: None,
        };
        assert_eq!(seconds(&endless), Ok((i64::from(u32::MAX), None)));
        // No such moment can be written: refused, not wrapped round.
        assert!(lifetime(DateTime::<Utc>::MAX_UTC, &endless).is_err());
        let over = Limits {
            mapping: Some(DateTime::<Utc>::MIN_UTC),
            ..endless
        };
        assert_eq!(seconds(&over), Err(Some(LimitedBy::Mapping)));
    }

    #[test]
    fn the_words_are_those_of_the_answer() {
        let words = [
            LimitedBy::Server,
            LimitedBy::Mapping,
            LimitedBy::Session,
            LimitedBy::SubjectToken,
            LimitedBy::Client,
        ]
        .map(LimitedBy::as_str);
        let told = ["server", "mapping", "session", "subject_token", "client"];
        assert_eq!(words, told);
    }
}
