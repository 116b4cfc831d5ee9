//! Where time comes from.
//!
//! `domain` takes time as an argument; only the edges ask a [`Clock`], so that
//! tests can move it. `chrono::Utc::now` is banned everywhere else (`clippy.toml`).

use chrono::{DateTime, TimeDelta, Utc};

/// Tells the time.
pub trait Clock: Send + Sync {
    /// Now, in UTC.
    fn now(&self) -> DateTime<Utc>;
}

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that asks the machine"
    )]
    fn now(&self) -> DateTime<Utc> {
        Utc::now()
    }
}

/// What a clock shows, as far as a round trip tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClockReading {
    /// Not before.
    pub earliest: DateTime<Utc>,
    /// Not after.
    pub latest: DateTime<Utc>,
}

impl ClockReading {
    /// By how much this clock is ahead of the other at least (negative: behind);
    /// zero where both may show the same.
    pub fn ahead_of(self, other: Self) -> TimeDelta {
        if self.earliest > other.latest {
            self.earliest - other.latest
        } else if self.latest < other.earliest {
            self.latest - other.earliest
        } else {
            TimeDelta::zero()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_differ_only_beyond_what_the_round_trip_leaves_open() {
        let window = |from: i64, to: i64| ClockReading {
            earliest: DateTime::from_timestamp(from, 0).unwrap(),
            latest: DateTime::from_timestamp(to, 0).unwrap(),
        };
        for (ours, theirs, ahead) in [
            ((10, 12), (11, 11), 0),
            ((10, 12), (12, 13), 0),
            ((10, 12), (15, 15), 3),
            ((10, 12), (4, 5), -5),
        ] {
            let theirs = window(theirs.0, theirs.1);
            let found = theirs.ahead_of(window(ours.0, ours.1));
            assert_eq!(found, TimeDelta::seconds(ahead));
        }
    }
}
