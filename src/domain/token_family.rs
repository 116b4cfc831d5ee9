//! Rotation of refresh tokens (RFC 9700 §4.14.2): each use replaces the token by the next of its family.
//!
//! An answer may be lost on its way, and two tabs may refresh at once. So a token that was replaced a moment ago gives the
//! same successor again. Used later, it was copied: the family ends.

use chrono::{DateTime, TimeDelta, Utc};

/// How long after its replacement a token still gives its successor.
pub const REUSE_GRACE: TimeDelta = TimeDelta::seconds(10);

/// Most replacements that are remembered. A client that loses answers does not make more in ten seconds.
const REMEMBERED_MAX: usize = 32;

/// Which tokens of a family have been replaced, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rotation {
    /// Number of the newest token.
    pub generation: u32,
    /// When the tokens before it were replaced, the last one last.
    pub replaced_at: Vec<DateTime<Utc>>,
}

/// What a token of a family gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presented {
    /// The newest one: it is replaced by the next.
    Newest,
    /// It was replaced a moment ago: its successor, as before.
    JustReplaced,
    /// It was replaced before that.
    Reused,
    /// The family never had it: the database was set back to an earlier state.
    Unknown,
}

impl Rotation {
    /// Judges the token of this number.
    pub fn judge(&self, presented: u32, now: DateTime<Utc>) -> Presented {
        let Some(behind) = self.generation.checked_sub(presented) else {
            return Presented::Unknown;
        };
        if behind == 0 {
            return Presented::Newest;
        }
        let from_the_end = usize::try_from(behind).unwrap_or(usize::MAX);
        let at = self.replaced_at.len().checked_sub(from_the_end);
        let replaced = at.and_then(|at| self.replaced_at.get(at));
        if replaced.is_some_and(|replaced| now - *replaced <= REUSE_GRACE) {
            Presented::JustReplaced
        } else {
            Presented::Reused
        }
    }

    /// Replaces the newest token.
    pub fn advance(&mut self, now: DateTime<Utc>) {
        self.generation += 1;
        self.replaced_at.retain(|at| now - *at <= REUSE_GRACE);
        self.replaced_at.push(now);
        let surplus = self.replaced_at.len().saturating_sub(REMEMBERED_MAX);
        self.replaced_at.drain(..surplus);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(millis: i64) -> DateTime<Utc> {
        DateTime::from_timestamp_millis(1_795_000_000_000 + millis).unwrap()
    }

    #[test]
    fn a_token_gives_its_successor_for_ten_seconds_also_when_that_was_used_meanwhile() {
        let mut family = Rotation {
            generation: 0,
            replaced_at: Vec::new(),
        };
        assert_eq!(family.judge(0, at(0)), Presented::Newest);
        family.advance(at(0));
        family.advance(at(6_000));
        assert_eq!(family.judge(0, at(10_000)), Presented::JustReplaced);
        assert_eq!(family.judge(0, at(10_001)), Presented::Reused);
        assert_eq!(family.judge(1, at(10_001)), Presented::JustReplaced);
        assert_eq!(family.judge(2, at(10_001)), Presented::Newest);
        assert_eq!(family.judge(3, at(10_001)), Presented::Unknown);
    }

    proptest! {
        /// The twin remembers every replacement.
        #[test]
        fn a_rotation_judges_as_one_that_forgets_nothing(
            steps in prop::collection::vec((0_i64..8_000, 0_u32..4), 1..25)
        ) {
            let mut family = Rotation { generation: 0, replaced_at: Vec::new() };
            let (mut all, mut now): (Vec<i64>, i64) = (Vec::new(), 0);
            for (pause, behind) in steps {
                now += pause;
                let newest = u32::try_from(all.len()).unwrap();
                let presented = newest.saturating_sub(behind);
                let expected = match all.get(presented as usize) {
                    None => Presented::Newest,
                    Some(replaced) if now - replaced <= 10_000 => Presented::JustReplaced,
                    Some(_) => Presented::Reused,
                };
                prop_assert_eq!(family.judge(presented, at(now)), expected);
                if expected == Presented::Newest {
                    family.advance(at(now));
                    all.push(now);
                }
            }
        }
    }
}
