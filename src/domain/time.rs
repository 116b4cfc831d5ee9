//! Times in JSON: parsed as RFC 3339, written in one format.

use chrono::{DateTime, Datelike, SecondsFormat, Utc};
use serde::Serializer;

/// The error message for a text that [`moment`] refuses.
pub const MOMENT: &str = "must be a time in UTC such as 2026-11-24T15:04:05Z";

/// Parses RFC 3339, within the range of years that the database supports.
pub fn moment(text: &str) -> Option<DateTime<Utc>> {
    let moment = DateTime::parse_from_rfc3339(text).ok()?.to_utc();
    (1970..=9999).contains(&moment.year()).then_some(moment)
}

/// The only time format in answers: `2026-11-24T15:04:05Z` (RFC 3339), in whole seconds.
pub fn utc(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// [`utc`] for `#[serde(serialize_with)]`.
pub fn serialize<S: Serializer>(time: &DateTime<Utc>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&utc(*time))
}

/// [`utc`] for an optional time.
pub fn serialize_option<S: Serializer>(
    time: &Option<DateTime<Utc>>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match time {
        Some(time) => serialize(time, serializer),
        None => serializer.serialize_none(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_written_in_whole_seconds_of_utc() {
        for (read, written) in [
            ("2026-11-24T15:04:05Z", "2026-11-24T15:04:05Z"),
            ("2026-11-24T16:04:05.999999+01:00", "2026-11-24T15:04:05Z"),
            ("1970-01-01T00:00:00.000001Z", "1970-01-01T00:00:00Z"),
        ] {
            assert_eq!(moment(read).map(utc).as_deref(), Some(written));
        }
        assert_eq!(moment("1969-12-31T23:59:59Z"), None);
        assert_eq!(moment("2026-11-24"), None);
    }
}
