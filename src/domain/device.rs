//! Devices that cannot open a browser (RFC 8628): the code that a person types, and how often a device may ask.

use std::fmt;

use chrono::{DateTime, TimeDelta, Utc};

/// Longest name of a device in characters.
pub const DEVICE_NAME_MAX: usize = 64;

/// Consonants without look-alikes: no word comes of them (RFC 8628 §6.1).
const LETTERS: &[u8; 20] = b"BCDFGHJKLMNPQRSTVWXZ";

/// Number of letters: 20^8 codes, of which a person or a network may try ten in an hour.
const LENGTH: usize = 8;

/// By how much a device that asked too soon must wait longer, for good (RFC 8628 §3.5).
const SLOWER_BY_SECONDS: i32 = 5;

/// What a person types to name the request of a device; eight letters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserCode(String);

impl UserCode {
    /// Reads what a person typed: in any case, with blanks and dashes anywhere.
    pub fn parse(text: &str) -> Option<Self> {
        let typed = text.chars().filter(|c| !c.is_whitespace() && *c != '-');
        let letters: String = typed.map(|c| c.to_ascii_uppercase()).collect();
        let good =
            letters.len() == LENGTH && letters.bytes().all(|letter| LETTERS.contains(&letter));
        good.then_some(Self(letters))
    }

    /// A code out of random bytes, each letter as likely as the others; `None` if too few bytes fit.
    pub fn of_bytes(bytes: &[u8]) -> Option<Self> {
        let count = LETTERS.len();
        let fitting = bytes.iter().map(|byte| usize::from(*byte));
        let fitting = fitting.filter(|byte| *byte < 256 - 256 % count);
        let letters: String = fitting
            .take(LENGTH)
            .map(|byte| char::from(LETTERS[byte % count]))
            .collect();
        (letters.len() == LENGTH).then_some(Self(letters))
    }

    /// The eight letters.
    pub fn letters(&self) -> &str {
        &self.0
    }
}

/// As people read it: `WDJB-MJHT`.
impl fmt::Display for UserCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (first, second) = self.0.split_at(LENGTH / 2);
        write!(f, "{first}-{second}")
    }
}

/// How often a device may ask whether it was approved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PollPace {
    /// Shortest time between two polls.
    pub interval_seconds: i32,
    /// The last poll.
    pub polled_at: Option<DateTime<Utc>>,
}

impl PollPace {
    /// Notes a poll. False: it came too soon, and the interval is longer from now on.
    pub fn poll(&mut self, now: DateTime<Utc>) -> bool {
        let interval = TimeDelta::seconds(self.interval_seconds.into());
        let in_time = self.polled_at.is_none_or(|last| now - last >= interval);
        if !in_time {
            self.interval_seconds = self.interval_seconds.saturating_add(SLOWER_BY_SECONDS);
        }
        self.polled_at = Some(now);
        in_time
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_code_is_read_in_any_case_with_blanks_and_without_its_dash() {
        let code = UserCode::parse("WDJB-MJHT").unwrap();
        for typed in [
            "wdjb-mjht",
            "wdjbmjht",
            " WDJB MJHT ",
            "w d j b-m j h t",
            "WDJB--MJHT",
        ] {
            assert_eq!(UserCode::parse(typed), Some(code.clone()), "{typed}");
        }
        assert_eq!(code.to_string(), "WDJB-MJHT");
        for other in [
            "",
            "WDJB-MJH",
            "WDJB-MJHTT",
            "WDJA-MJHT",
            "WDJ1-MJHT",
            "WDJB_MJHT",
            "ＷDJB-MJHT",
        ] {
            assert_eq!(UserCode::parse(other), None, "{other}");
        }
    }

    #[test]
    fn each_letter_of_a_random_code_is_as_likely_as_the_others() {
        let mut counts = [0; 256];
        for byte in 0..=u8::MAX {
            if let Some(code) = UserCode::of_bytes(&[byte; LENGTH]) {
                assert_eq!(UserCode::parse(code.letters()), Some(code.clone()));
                counts[usize::from(code.letters().as_bytes()[0])] += 1;
            }
        }
        for letter in LETTERS {
            assert_eq!(counts[usize::from(*letter)], 12);
        }
        assert_eq!(UserCode::of_bytes(&[7; LENGTH - 1]), None);
    }

    #[test]
    fn each_poll_that_comes_too_soon_makes_the_interval_longer_for_good() {
        let start = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let at = |seconds| start + TimeDelta::seconds(seconds);
        let mut pace = PollPace {
            interval_seconds: 5,
            polled_at: None,
        };
        assert!(pace.poll(at(0)));
        assert!(pace.poll(at(5)));
        assert!(!pace.poll(at(9)));
        assert!(!pace.poll(at(18)), "ten seconds from the last poll");
        assert!(pace.poll(at(33)), "and fifteen from that");
        assert_eq!(pace.interval_seconds, 15);
    }
}
