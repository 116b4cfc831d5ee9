//! Times and durations, for people and for forms.

use chrono::{DateTime, Utc};

pub(super) use crate::domain::time::utc as instant;

/// `1 hour 5 minutes`, `4 minutes 10 seconds`: the two largest units, as the
/// countdown of `bridge.js` writes them.
pub(in crate::web) fn duration(seconds: u64) -> String {
    let (hours, minutes, rest) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    let parts: Vec<String> = [(hours, "hour"), (minutes, "minute"), (rest, "second")]
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .take(2)
        .map(|(count, unit)| format!("{count} {unit}{}", if count == 1 { "" } else { "s" }))
        .collect();
    if parts.is_empty() {
        "0 seconds".to_owned()
    } else {
        parts.join(" ")
    }
}

/// A time, for machines and for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moment {
    /// `2026-11-24T15:04:05Z`
    pub instant: String,
    /// `2026-11-24 15:04:05 UTC`
    pub words: String,
}

impl Moment {
    pub fn of(at: DateTime<Utc>) -> Self {
        Self {
            instant: instant(at),
            words: reading_time(at),
        }
    }
}

/// For templates, which pass references.
pub(super) fn moment(at: &DateTime<Utc>) -> Moment {
    Moment::of(*at)
}

/// For reading: `2026-11-24 15:04 UTC`, with seconds where there are any.
pub(super) fn reading_time(at: DateTime<Utc>) -> String {
    let whole_minute = at.timestamp() % 60 == 0;
    let format = if whole_minute {
        "%Y-%m-%d %H:%M UTC"
    } else {
        "%Y-%m-%d %H:%M:%S UTC"
    };
    at.format(format).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_told_in_their_two_largest_units() {
        for (seconds, words) in [
            (0, "0 seconds"),
            (1, "1 second"),
            (60, "1 minute"),
            (119, "1 minute 59 seconds"),
            (3600, "1 hour"),
            (3661, "1 hour 1 minute"),
            (3605, "1 hour 5 seconds"),
            (90_000, "25 hours"),
        ] {
            assert_eq!(duration(seconds), words);
        }
    }

    #[test]
    fn times_are_utc_and_say_so() {
        let at: DateTime<Utc> = "2026-11-24T15:04:05Z".parse().unwrap();
        assert_eq!(instant(at), "2026-11-24T15:04:05Z");
        assert_eq!(reading_time(at), "2026-11-24 15:04:05 UTC");
        let at: DateTime<Utc> = "2026-11-24T15:04:00Z".parse().unwrap();
        assert_eq!(reading_time(at), "2026-11-24 15:04 UTC");
    }
}
