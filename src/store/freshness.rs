//! Since when what is in memory is known to be true.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// The moment at which the last question that agreed was sent, and the last
/// moment at which somebody knew better. Both are microseconds after `started`;
/// 0 is never.
#[derive(Debug)]
pub(super) struct Freshness {
    started: Instant,
    agreed: AtomicU64,
    doubted: AtomicU64,
}

impl Freshness {
    pub fn new(now: Instant) -> Self {
        Self {
            started: now,
            agreed: AtomicU64::new(0),
            doubted: AtomicU64::new(0),
        }
    }

    /// A question sent at `sent` was answered, and what is in memory agreed.
    pub fn agreed(&self, sent: Instant) {
        self.agreed.fetch_max(self.micros(sent), Ordering::SeqCst);
    }

    /// What is in memory is known to be old: only the answer to a question sent
    /// after `now` makes it fresh again.
    pub fn doubt(&self, now: Instant) {
        self.doubted.fetch_max(self.micros(now), Ordering::SeqCst);
    }

    /// How old it may be at `now`; none: nobody knows.
    pub fn age(&self, now: Instant) -> Option<Duration> {
        let agreed = self.agreed.load(Ordering::SeqCst);
        let known = agreed > self.doubted.load(Ordering::SeqCst);
        let then = self.started + Duration::from_micros(agreed);
        known.then(|| now.saturating_duration_since(then))
    }

    /// Rounded down: what is fresh may seem older than it is, never younger.
    fn micros(&self, at: Instant) -> u64 {
        let since = at.saturating_duration_since(self.started);
        u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_as_old_as_the_last_question_that_agreed() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let freshness = Freshness::new(start);
        assert_eq!(freshness.age(at(1)), None);
        freshness.agreed(at(2));
        freshness.agreed(at(1));
        assert_eq!(freshness.age(at(5)), Some(Duration::from_secs(3)));
    }

    #[test]
    fn after_a_doubt_only_a_later_question_counts() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let freshness = Freshness::new(start);
        freshness.agreed(at(1));
        freshness.doubt(at(3));
        freshness.agreed(at(2));
        assert_eq!(freshness.age(at(4)), None);
        freshness.agreed(at(4));
        assert_eq!(freshness.age(at(5)), Some(Duration::from_secs(1)));
    }
}
