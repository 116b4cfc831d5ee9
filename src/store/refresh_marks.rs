//! When one instance may refresh a session again, without a lock.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU32, Ordering};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

/// How long a session is not refreshed after the first failure: a provider that is down must not
/// be asked by every request.
const FAILED_REST_FIRST: TimeDelta = TimeDelta::seconds(1);

/// The same after several failures in a row.
const FAILED_REST_MAX: TimeDelta = TimeDelta::seconds(5);

/// The longest that a provider's request to wait is honoured for.
const PAUSE_MAX: TimeDelta = TimeDelta::minutes(5);

/// Moments are milliseconds of the Unix epoch.
#[derive(Debug, Default)]
pub struct RefreshMarks {
    /// No background refresh begins before that.
    again: AtomicI64,
    /// After failures, no refresh begins before that.
    failed_until: AtomicI64,
    /// The same where the provider asked to wait; for this session alone.
    paused_until: AtomicI64,
    /// How many failed in a row.
    failures: AtomicU32,
    /// No key opens the refresh token: it is not tried again.
    unopenable: AtomicBool,
}

impl RefreshMarks {
    /// Whether the caller may begin a background refresh now; for `rest` no other caller may.
    pub fn may_begin(&self, now: DateTime<Utc>, rest: TimeDelta) -> bool {
        let due = self.again.load(Ordering::SeqCst);
        let again = (now + rest).timestamp_millis();
        !lies_ahead(due, now, rest)
            && !self.failed_lately(now)
            && self
                .again
                .compare_exchange(due, again, Ordering::SeqCst, Ordering::SeqCst)
                .is_ok()
    }

    /// A refresh failed: the next try waits, longer after each failure in a row, up to
    /// [`FAILED_REST_MAX`].
    pub fn failed(&self, now: DateTime<Utc>) {
        let before = self.failures.fetch_add(1, Ordering::SeqCst).min(8);
        let rest = (FAILED_REST_FIRST * 2_i32.pow(before)).min(FAILED_REST_MAX);
        let until = (now + rest).timestamp_millis();
        self.failed_until.store(until, Ordering::SeqCst);
    }

    /// The provider asked to wait for so long.
    pub fn pause(&self, now: DateTime<Utc>, pause: Duration) {
        let pause = TimeDelta::from_std(pause).map_or(PAUSE_MAX, |pause| pause.min(PAUSE_MAX));
        let until = (now + pause).timestamp_millis();
        self.paused_until.store(until, Ordering::SeqCst);
    }

    /// Whether a refresh failed and the rest after it is not over.
    pub fn failed_lately(&self, now: DateTime<Utc>) -> bool {
        let ahead =
            |until: &AtomicI64, at_most| lies_ahead(until.load(Ordering::SeqCst), now, at_most);
        ahead(&self.failed_until, FAILED_REST_MAX) || ahead(&self.paused_until, PAUSE_MAX)
    }

    /// No key opens the refresh token.
    pub fn mark_unopenable(&self) {
        self.unopenable.store(true, Ordering::SeqCst);
    }

    /// Whether no key opens it, as far as this instance knows.
    pub fn is_unopenable(&self) -> bool {
        self.unopenable.load(Ordering::SeqCst)
    }
}

/// Whether a moment is in the future, but at most `at_most`: farther away, the clock was set back
/// since, and the moment says nothing.
fn lies_ahead(millis: i64, now: DateTime<Utc>, at_most: TimeDelta) -> bool {
    let ahead = millis.saturating_sub(now.timestamp_millis());
    (1..=at_most.num_milliseconds()).contains(&ahead)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_whose_refreshes_fail_rests_longer_each_time_up_to_five_seconds() {
        let marks = RefreshMarks::default();
        let mut now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        for rest in [1, 2, 4, 5, 5, 5] {
            marks.failed(now);
            let end = now + TimeDelta::seconds(rest);
            assert!(marks.failed_lately(end - TimeDelta::milliseconds(1)));
            assert!(!marks.may_begin(end - TimeDelta::milliseconds(1), TimeDelta::zero()));
            assert!(!marks.failed_lately(end), "{rest}");
            now = end;
        }
    }
    #[test]
    fn a_provider_that_asks_to_wait_is_left_alone_for_as_long_and_five_minutes_at_most() {
        let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        for (asked, rest) in [(2, 2), (60, 60), (3600, 300)] {
            let marks = RefreshMarks::default();
            marks.pause(now, Duration::from_secs(asked));
            let end = now + TimeDelta::seconds(rest);
            assert!(marks.failed_lately(end - TimeDelta::milliseconds(1)));
            assert!(!marks.failed_lately(end), "{asked}");
        }
    }
}
