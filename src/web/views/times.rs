//! Times and durations, for people and for forms.

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, SecondsFormat, Utc};

use crate::domain::time;

pub(super) use crate::domain::time::utc as instant;

/// What a form says of a text that [`typed`] refuses.
pub(in crate::web) const TYPED: &str =
    "write a date, or a date and a time: 2026-12-01, or 2026-12-01 10:00; it is read as UTC";

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

    /// `2026-11-24`
    pub(super) fn day(&self) -> &str {
        self.instant.split('T').next().unwrap_or_default()
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

/// A time as people type it, in RFC 3339: a date is its first moment, and without a zone it is UTC.
pub(in crate::web) fn typed(text: &str) -> Option<String> {
    let text = text.trim();
    let written = |at: DateTime<Utc>| at.to_rfc3339_opts(SecondsFormat::AutoSi, true);
    if let Some(at) = time::moment(text) {
        return Some(written(at));
    }
    let with_zone = DateTime::parse_from_str(text, "%Y-%m-%d %H:%M%z");
    if let Ok(at) = with_zone.or_else(|_| DateTime::parse_from_str(text, "%Y-%m-%dT%H:%M%z")) {
        return time::moment(&written(at.to_utc())).map(written);
    }
    let of_utc = text.strip_suffix("UTC").or(text.strip_suffix('Z'));
    let text = of_utc.map_or(text, str::trim_end);
    let formats = [
        "%Y-%m-%d %H:%M",
        "%Y-%m-%dT%H:%M",
        "%Y-%m-%d %H:%M:%S",
        "%Y-%m-%dT%H:%M:%S",
    ];
    let time = |format| NaiveDateTime::parse_from_str(text, format).ok();
    let date = || NaiveDate::parse_from_str(text, "%Y-%m-%d").ok();
    let first = || Some(date()?.and_time(NaiveTime::MIN));
    let at = formats.into_iter().find_map(time).or_else(first)?;
    time::moment(&written(at.and_utc())).map(written)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_typed_with_or_without_time_of_day_seconds_and_zone() {
        for text in [
            "2026-12-01T10:00:00Z",
            "2026-12-01 10:00:00Z",
            "2026-12-01 10:00",
            " 2026-12-01T10:00 ",
            "2026-12-01 10:00:00",
            "2026-12-01 10:00 UTC",
            "2026-12-01 10:00Z",
            "2026-12-01 11:00+01:00",
            "2026-12-01T05:00-05:00",
        ] {
            assert_eq!(
                typed(text).as_deref(),
                Some("2026-12-01T10:00:00Z"),
                "{text}"
            );
        }
        for text in ["2026-12-01", "2026-12-01 UTC", "2026-12-01 00:00"] {
            assert_eq!(
                typed(text).as_deref(),
                Some("2026-12-01T00:00:00Z"),
                "{text}"
            );
        }
    }

    #[test]
    fn a_time_that_could_be_two_or_none_is_refused() {
        for text in [
            "",
            "tomorrow",
            "2026-13-01",
            "2026-02-29",
            "2026-12-01 25:00",
            "2026-12-01 10",
            "01/12/2026",
            "12/01/2026 10:00",
            "1.12.2026",
            "2026-12-01 10:00 CET",
            "2026-12-01 10:00 PM",
            "26-12-01",
            "1969-12-31",
            "12026-12-01",
            "1800000000",
            "UTC",
        ] {
            assert_eq!(typed(text), None, "{text}");
        }
    }

    #[test]
    fn what_a_form_shows_is_read_as_the_same_moment() {
        for at in ["2026-11-24T15:04:05Z", "2026-11-24T15:04:00Z"] {
            assert_eq!(
                typed(&reading_time(at.parse().unwrap())).as_deref(),
                Some(at)
            );
        }
    }

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
