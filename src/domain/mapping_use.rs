//! On which day a mapping last took part in the warrant of a token. Noted during an exchange,
//! so it takes no lock and no allocation; written later, in batches.

use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};

use chrono::{DateTime, Datelike, NaiveDate, Utc};

/// The days of one mapping, shared by all versions of the table that are in memory.
#[derive(Debug, Clone, Default)]
pub struct UseMark(Arc<Days>);

/// Numbers of days; 0 is before every use.
#[derive(Debug, Default)]
struct Days {
    used: AtomicI32,
    written: AtomicI32,
}

impl UseMark {
    /// Notes a use. Most uses find the day noted, and write nothing.
    pub fn note(&self, now: DateTime<Utc>) {
        let day = now.date_naive().num_days_from_ce();
        if self.0.used.load(Ordering::Relaxed) != day {
            self.0.used.store(day, Ordering::Relaxed);
        }
    }

    /// The day of the last use, if it is still to be written.
    pub fn unwritten(&self) -> Option<NaiveDate> {
        let used = self.0.used.load(Ordering::Relaxed);
        let is_new = used != self.0.written.load(Ordering::Relaxed);
        NaiveDate::from_num_days_from_ce_opt(used).filter(|_| is_new)
    }

    /// `day` is in the database.
    pub fn is_written(&self, day: NaiveDate) {
        self.0
            .written
            .store(day.num_days_from_ce(), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::{TimeDelta, TimeZone};

    #[test]
    fn a_day_is_written_once_and_a_use_of_the_next_day_again() {
        let noon = Utc.with_ymd_and_hms(2026, 11, 29, 12, 0, 0).unwrap();
        let (day, mark) = (noon.date_naive(), UseMark::default());
        assert_eq!(mark.unwritten(), None);
        mark.note(noon);
        assert_eq!(mark.unwritten(), Some(day));
        mark.is_written(day);
        mark.note(noon + TimeDelta::hours(11));
        assert_eq!(mark.unwritten(), None);
        mark.note(noon + TimeDelta::hours(12));
        assert_eq!(mark.unwritten(), day.succ_opt());
    }

    #[test]
    fn a_use_between_reading_the_day_and_writing_it_is_not_lost() {
        let noon = Utc.with_ymd_and_hms(2026, 11, 29, 12, 0, 0).unwrap();
        let mark = UseMark::default();
        mark.note(noon);
        let day = mark.unwritten().unwrap();
        mark.note(noon + TimeDelta::days(1));
        mark.is_written(day);
        assert_eq!(mark.unwritten(), day.succ_opt());
    }
}
