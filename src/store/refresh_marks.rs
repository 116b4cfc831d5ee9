//! What one instance remembers of refreshing a session in use, without a lock.

use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use chrono::{DateTime, TimeDelta, Utc};

/// Moments are milliseconds of the Unix epoch.
#[derive(Debug, Default)]
pub struct RefreshMarks {
    /// Before that nobody tries again beside the requests.
    again: AtomicI64,
    /// Before that nobody waits for another one.
    failed_until: AtomicI64,
    /// No key opens the refresh token: nobody tries again.
    sealed: AtomicBool,
}

impl RefreshMarks {
    /// Whether the caller is the one to refresh it now; nobody else is for `rest`.
    pub fn may_begin(&self, now: DateTime<Utc>, rest: TimeDelta) -> bool {
        let due = self.again.load(Ordering::SeqCst);
        let again = (now + rest).timestamp_millis();
        !lies_ahead(due, now, rest)
            && self
                .again
                .compare_exchange(due, again, Ordering::SeqCst, Ordering::SeqCst)
                .is_ok()
    }

    /// One failed: for `rest` nobody waits for another.
    pub fn failed(&self, now: DateTime<Utc>, rest: TimeDelta) {
        let until = (now + rest).timestamp_millis();
        self.failed_until.store(until, Ordering::SeqCst);
    }

    /// Whether one failed less than `rest` ago.
    pub fn failed_lately(&self, now: DateTime<Utc>, rest: TimeDelta) -> bool {
        lies_ahead(self.failed_until.load(Ordering::SeqCst), now, rest)
    }

    /// No key opens the refresh token.
    pub fn seal(&self) {
        self.sealed.store(true, Ordering::SeqCst);
    }

    /// Whether no key opens it, as far as this instance knows.
    pub fn is_sealed(&self) -> bool {
        self.sealed.load(Ordering::SeqCst)
    }
}

/// Whether a moment is still to come, and not so far away that only a clock that was set
/// back can have brought it there.
fn lies_ahead(millis: i64, now: DateTime<Utc>, at_most: TimeDelta) -> bool {
    let ahead = millis.saturating_sub(now.timestamp_millis());
    (1..=at_most.num_milliseconds()).contains(&ahead)
}
