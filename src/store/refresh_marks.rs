//! Records in memory, without locks, when this instance may refresh a session again.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU32, Ordering};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

/// Pause of a session after its first failed refresh, so that a provider that is down does not get
/// a call from every request.
const FAILED_REST_FIRST: TimeDelta = TimeDelta::seconds(1);

/// Longest pause after several consecutive failures.
const FAILED_REST_MAX: TimeDelta = TimeDelta::seconds(5);

/// Longest pause that a provider may ask for.
const PAUSE_MAX: TimeDelta = TimeDelta::minutes(5);

/// Times are milliseconds since the Unix epoch.
#[derive(Debug, Default)]
pub struct RefreshMarks {
    /// No background refresh starts before this time.
    again: AtomicI64,
    /// After failures, no refresh starts before this time.
    failed_until: AtomicI64,
    /// The provider asked not to refresh this session before this time.
    paused_until: AtomicI64,
    /// Number of consecutive failures.
    failures: AtomicU32,
    /// No configured key opens the refresh token; it is not tried again.
    unopenable: AtomicBool,
}

impl RefreshMarks {
    /// Whether the caller may start a background refresh now. If so, no other caller may during
    /// `rest`.
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

    /// Records a failed refresh: the pause grows with each consecutive failure, up to
    /// [`FAILED_REST_MAX`].
    pub fn failed(&self, now: DateTime<Utc>) {
        let before = self.failures.fetch_add(1, Ordering::SeqCst).min(8);
        let rest = (FAILED_REST_FIRST * 2_i32.pow(before)).min(FAILED_REST_MAX);
        let until = (now + rest).timestamp_millis();
        self.failed_until.store(until, Ordering::SeqCst);
    }

    /// Records a pause that the provider asked for.
    pub fn pause(&self, now: DateTime<Utc>, pause: Duration) {
        let pause = TimeDelta::from_std(pause).map_or(PAUSE_MAX, |pause| pause.min(PAUSE_MAX));
        let until = (now + pause).timestamp_millis();
        self.paused_until.store(until, Ordering::SeqCst);
    }

    /// Whether the pause after a failed refresh is still running.
    pub fn failed_lately(&self, now: DateTime<Utc>) -> bool {
        let ahead =
            |until: &AtomicI64, at_most| lies_ahead(until.load(Ordering::SeqCst), now, at_most);
        ahead(&self.failed_until, FAILED_REST_MAX) || ahead(&self.paused_until, PAUSE_MAX)
    }

    /// Records that no configured key opens the refresh token.
    pub fn mark_unopenable(&self) {
        self.unopenable.store(true, Ordering::SeqCst);
    }

    /// Whether this instance found that no configured key opens the refresh token.
    pub fn is_unopenable(&self) -> bool {
        self.unopenable.load(Ordering::SeqCst)
    }
}

/// Whether a time is in the future, but by at most `at_most`. A later time means that the clock was
/// set back since, so it is ignored.
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
