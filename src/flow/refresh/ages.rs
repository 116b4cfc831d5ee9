//! Age limits of groups, and their consequences.

use chrono::{DateTime, TimeDelta, Utc};

use crate::store::refresh_lease::Refusals;
use crate::store::sessions::StoredSession;

/// The configured ages.
#[derive(Debug, Clone, Copy)]
pub struct Ages {
    /// `BRIDGE_GROUPS_MAX_AGE_SECONDS`. From 1 to 1.5 times this age on (drawn for each session)
    /// a refresh runs in the background; beyond twice this age the request waits for it.
    pub groups_max: TimeDelta,
    /// `BRIDGE_UNREFRESHED_MAX_MINUTES`: the greatest age of groups that cannot be refreshed.
    pub unrefreshed_max: TimeDelta,
}

/// A refused refresh token ends its session only after this many refusals, spread over at least
/// this time, and once the groups are older than `unrefreshed_max`.
const REFUSALS: i32 = 3;
const REFUSED_FOR: TimeDelta = TimeDelta::minutes(1);

/// Allowed difference between the clocks of two instances.
const CLOCKS_DIFFER: TimeDelta = TimeDelta::minutes(1);

/// Judgement of the age of a session's groups.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// Fresh; nothing to do.
    Young,
    /// Still usable; a refresh should run in the background.
    Aging,
    /// Not usable before a refresh.
    Old,
    /// Not usable, and cannot be refreshed: the session is over.
    Over,
}

impl Ages {
    /// Limits for a session whose refresh token is refused.
    pub(super) fn refusals(&self) -> Refusals {
        Refusals {
            times: REFUSALS,
            over: REFUSED_FOR,
            groups_age: self.unrefreshed_max,
        }
    }

    pub(super) fn judge(&self, session: &StoredSession, now: DateTime<Utc>) -> Standing {
        let age = now - session.groups_read_at;
        // The time is in the future: a clock was set back, or another instance's clock is ahead.
        // The age is unknown.
        let unknown = age < -CLOCKS_DIFFER;
        if unknown || age > self.groups_max * 2 {
            Standing::Old
        } else if age > self.groups_max + self.jitter(session) {
            Standing::Aging
        } else {
            Standing::Young
        }
    }

    /// The same without a refresh token, or with one that no key opens.
    pub(super) fn judge_unrefreshable(
        &self,
        session: &StoredSession,
        now: DateTime<Utc>,
    ) -> Standing {
        if now < session.groups_read_at + self.unrefreshed_max {
            Standing::Young
        } else {
            Standing::Over
        }
    }

    /// Up to half the age, different for each session and each reading, so that people who signed
    /// in in the same minute, before a show, do not cause calls in the same second.
    fn jitter(&self, session: &StoredSession) -> TimeDelta {
        let drawn = u16::from_be_bytes([session.hash[0], session.hash[1]]);
        let reading = u16::try_from(session.identity_version.unsigned_abs() % 8).unwrap_or(0);
        let share = i64::from(drawn.wrapping_add(reading * 8191));
        let half = self.groups_max.num_milliseconds() / 2;
        TimeDelta::milliseconds(half * share / i64::from(u16::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::identity::{Groups, Identity};
    use crate::domain::session::SessionKind;

    const AGES: Ages = Ages {
        groups_max: TimeDelta::seconds(300),
        unrefreshed_max: TimeDelta::minutes(60),
    };

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000 + seconds, 0).unwrap()
    }

    fn session(hash: u8, refreshable: bool) -> StoredSession {
        StoredSession {
            hash: [hash; 32],
            kind: SessionKind::Browser,
            identity: Identity {
                issuer: "https://id.example".to_owned(),
                subject: "ann".to_owned(),
                username: None,
                name: None,
                groups: Groups::none(),
            },
            groups_read_at: at(0),
            created_at: at(0),
            last_seen_at: at(0),
            ends_at: at(100_000),
            provider_sid: None,
            provider_issued_at: None,
            begun_at: None,
            nonce_hash: None,
            refreshable,
            identity_version: 1,
        }
    }

    #[test]
    fn groups_serve_up_to_the_age_are_asked_for_up_to_twice_and_then_serve_nobody() {
        let earliest = session(0, true);
        for (age, standing) in [
            (-61, Standing::Old),
            (-60, Standing::Young),
            (0, Standing::Young),
            (300, Standing::Young),
            (451, Standing::Aging),
            (600, Standing::Aging),
            (601, Standing::Old),
            (90_000, Standing::Old),
        ] {
            assert_eq!(AGES.judge(&earliest, at(age)), standing, "{age} s");
        }
    }

    #[test]
    fn sessions_that_began_together_do_not_all_ask_at_once_but_all_before_twice_the_age() {
        let asking = |age| {
            let sessions = (0..=255).map(|hash| session(hash, true));
            sessions
                .filter(|session| AGES.judge(session, at(age)) == Standing::Aging)
                .count()
        };
        assert_eq!(asking(300), 0);
        let halfway = asking(375);
        assert!((64..192).contains(&halfway), "{halfway}");
        assert_eq!(asking(451), 256);
    }

    #[test]
    fn the_second_reading_of_a_session_is_at_another_moment() {
        let first = session(0x40, true);
        let second = StoredSession {
            identity_version: 2,
            ..first.clone()
        };
        assert_ne!(AGES.jitter(&first), AGES.jitter(&second));
    }

    #[test]
    fn se_6_what_cannot_be_asked_for_serves_the_unrefreshed_time_and_is_over() {
        let session = session(0, false);
        assert_eq!(
            AGES.judge_unrefreshable(&session, at(3599)),
            Standing::Young
        );
        assert_eq!(AGES.judge_unrefreshable(&session, at(3600)), Standing::Over);
    }
}
