//! What happens while Postgres is unavailable, and the age of the data in memory.
//!
//! Exchanges continue from memory. When [`super::snapshot`] has not been confirmed for
//! `BRIDGE_MAX_STALENESS_SECONDS`, exchanges (`web/error.rs`) and `/readyz` (`web/health.rs`) answer
//! 503. Requests that need a row answer 503 at once.
//!
//! Two clocks are read. The monotonic clock cannot be set, but stops while the machine sleeps or a
//! virtual machine is paused. The wall clock is correct after that, but can be set. The greater of
//! the two ages counts. So a machine that wakes up does not serve old data. A wall clock that is
//! set forward causes some refusals until the next check, which is the safe direction.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

/// One moment on both clocks.
#[derive(Debug, Clone, Copy)]
pub(super) struct TwoClocks {
    steady: Instant,
    wall: SystemTime,
}

impl TwoClocks {
    #[expect(
        clippy::disallowed_methods,
        reason = "no date is taken from it: it only shows whether time went on while the steady clock stood"
    )]
    pub fn now() -> Self {
        Self {
            steady: Instant::now(),
            wall: SystemTime::now(),
        }
    }
}

/// The sending time of the last successful check, and the last time the data was found to be old.
/// In microseconds after `started`; 0 on the monotonic clock means never.
#[derive(Debug)]
pub(super) struct Freshness {
    started: TwoClocks,
    agreed: AtomicU64,
    /// `agreed` on the wall clock, where it may be before the start. Only one task writes both
    /// values; a reader that sees one new and one old value gets the greater age.
    agreed_wall: AtomicI64,
    invalidated: AtomicU64,
}

impl Freshness {
    pub fn new(now: TwoClocks) -> Self {
        Self {
            started: now,
            agreed: AtomicU64::new(0),
            agreed_wall: AtomicI64::new(0),
            invalidated: AtomicU64::new(0),
        }
    }

    /// A check that was sent at `sent` confirmed the data in memory.
    pub fn agreed(&self, sent: TwoClocks) {
        let steady = self.micros(sent);
        if self.agreed.fetch_max(steady, Ordering::SeqCst) <= steady {
            self.agreed_wall
                .store(self.wall_micros(sent), Ordering::SeqCst);
        }
    }

    /// The data in memory is known to be old: only a check that is sent after `now` confirms it
    /// again.
    pub fn invalidate(&self, now: TwoClocks) {
        self.invalidated
            .fetch_max(self.micros(now), Ordering::SeqCst);
    }

    /// Upper bound of the data's age at `now`; `None` if unknown.
    pub fn age(&self, now: TwoClocks) -> Option<Duration> {
        let agreed = self.agreed.load(Ordering::SeqCst);
        let known = agreed > self.invalidated.load(Ordering::SeqCst);
        let then = self.started.steady + Duration::from_micros(agreed);
        let steady = now.steady.saturating_duration_since(then);
        let wall = self.wall_micros(now) - self.agreed_wall.load(Ordering::SeqCst);
        let wall = Duration::from_micros(u64::try_from(wall).unwrap_or(0));
        known.then(|| steady.max(wall))
    }

    /// Rounded down, so that data may seem older than it is, never younger.
    fn micros(&self, at: TwoClocks) -> u64 {
        let since = at.steady.saturating_duration_since(self.started.steady);
        u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
    }

    fn wall_micros(&self, at: TwoClocks) -> i64 {
        let micros = |time: Duration| i64::try_from(time.as_micros()).unwrap_or(i64::MAX / 2);
        match at.wall.duration_since(self.started.wall) {
            Ok(since) => micros(since),
            Err(before) => -micros(before.duration()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl TwoClocks {
        /// Both clocks go on.
        fn plus(self, seconds: u64) -> Self {
            let by = Duration::from_secs(seconds);
            Self {
                steady: self.steady + by,
                wall: self.wall + by,
            }
        }

        /// The machine sleeps: one of them stands still.
        fn asleep(self, seconds: u64) -> Self {
            Self {
                wall: self.wall + Duration::from_secs(seconds),
                ..self
            }
        }

        /// The wall clock is set back.
        fn set_back(self, seconds: u64) -> Self {
            Self {
                wall: self.wall - Duration::from_secs(seconds),
                ..self
            }
        }
    }

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn it_is_as_old_as_the_last_question_that_agreed() {
        let start = TwoClocks::now();
        let freshness = Freshness::new(start);
        assert_eq!(freshness.age(start.plus(1)), None);
        freshness.agreed(start.plus(2));
        freshness.agreed(start.plus(1));
        assert_eq!(freshness.age(start.plus(5)), Some(seconds(3)));
    }

    #[test]
    fn after_an_invalidation_only_a_later_question_counts() {
        let start = TwoClocks::now();
        let freshness = Freshness::new(start);
        freshness.agreed(start.plus(1));
        freshness.invalidate(start.plus(3));
        freshness.agreed(start.plus(2));
        assert_eq!(freshness.age(start.plus(4)), None);
        freshness.agreed(start.plus(4));
        assert_eq!(freshness.age(start.plus(5)), Some(seconds(1)));
    }

    #[test]
    fn av_5_what_was_true_before_the_machine_slept_is_as_old_as_its_sleep() {
        let start = TwoClocks::now();
        let freshness = Freshness::new(start);
        freshness.agreed(start.plus(1));
        let awake = start.plus(2).asleep(3600);
        assert_eq!(freshness.age(awake), Some(seconds(3601)));
        // A question that was on its way when it fell asleep shows nothing new.
        freshness.agreed(start.plus(2));
        assert_eq!(freshness.age(awake), Some(seconds(3600)));
        freshness.agreed(awake);
        assert_eq!(freshness.age(awake.plus(1)), Some(seconds(1)));
    }

    #[test]
    fn av_5_a_clock_that_is_set_back_makes_nothing_younger() {
        let start = TwoClocks::now();
        let freshness = Freshness::new(start);
        freshness.agreed(start.plus(10));
        assert_eq!(
            freshness.age(start.plus(17).set_back(3600)),
            Some(seconds(7))
        );
        freshness.agreed(start.plus(18).set_back(3600));
        assert_eq!(
            freshness.age(start.plus(19).set_back(3600)),
            Some(seconds(1))
        );
        assert_eq!(
            freshness.age(start.plus(30).set_back(3600)),
            Some(seconds(12))
        );
    }
}
