//! Blocks: an administrator denies a user access, although the provider would let the user sign in.

use std::collections::HashMap;

use chrono::{DateTime, Utc};

use super::identity::PersonKey;
use super::members::FieldError;

/// Longest reason in characters.
pub const REASON_MAX: usize = 1000;

/// A block as an administrator requests it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlockDraft {
    person: PersonKey,
    until: Option<DateTime<Utc>>,
    reason: String,
}

impl BlockDraft {
    /// Reads every field.
    ///
    /// # Errors
    /// One error per invalid field: an impossible user, an end in the past, no reason.
    pub fn parse(
        issuer: &str,
        subject: &str,
        until: Option<DateTime<Utc>>,
        reason: &str,
        now: DateTime<Utc>,
    ) -> Result<Self, Vec<FieldError>> {
        let person = PersonKey::parse(issuer, subject);
        let mut errors = Vec::new();
        if until.is_some_and(|until| until <= now) {
            errors.push(FieldError::new("until", "must be later than now"));
        }
        // Forms send CR LF.
        let reason = reason.replace("\r\n", "\n").replace('\r', "\n");
        let control = |c: char| c.is_control() && !matches!(c, '\n' | '\t');
        let length = reason.chars().count();
        if !(1..=REASON_MAX).contains(&length) || reason.chars().any(control) {
            let text = format!(
                "1 to {REASON_MAX} characters; line breaks, but no other control characters"
            );
            errors.push(FieldError::new("reason", text));
        }
        match person {
            Ok(person) if errors.is_empty() => Ok(Self {
                person,
                until,
                reason,
            }),
            Ok(_) => Err(errors),
            Err(mut first) => {
                first.extend(errors);
                Err(first)
            }
        }
    }

    /// The blocked user.
    pub fn person(&self) -> &PersonKey {
        &self.person
    }

    /// The end of the block (exclusive); `None` if it has no end.
    pub fn until(&self) -> Option<DateTime<Utc>> {
        self.until
    }

    /// The administrator's reason.
    pub fn reason(&self) -> &str {
        &self.reason
    }
}

/// A block as a row has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// The blocked user.
    pub person: PersonKey,
    /// User name in the last session that the block ended.
    pub username: Option<String>,
    /// Name in the last session that the block ended.
    pub name: Option<String>,
    /// The end of the block (exclusive); `None` if it has no end.
    pub until: Option<DateTime<Utc>>,
    /// The administrator's reason.
    pub reason: String,
    /// Time of the block.
    pub created_at: DateTime<Utc>,
    /// Name of the administrator.
    pub created_by: String,
}

impl Block {
    /// Whether the block is in force at `now`.
    pub fn counts(&self, now: DateTime<Utc>) -> bool {
        counts(self.until, now)
    }
}

fn counts(until: Option<DateTime<Utc>>, now: DateTime<Utc>) -> bool {
    until.is_none_or(|until| now < until)
}

/// All blocks by issuer and subject, for lookups by every exchange.
#[derive(Debug, Default)]
pub struct Blocks(HashMap<String, HashMap<String, Option<DateTime<Utc>>>>);

impl Blocks {
    /// Whether this user is blocked at `now`.
    pub fn include(&self, issuer: &str, subject: &str, now: DateTime<Utc>) -> bool {
        let of_issuer = self.0.get(issuer);
        let until = of_issuer.and_then(|people| people.get(subject));
        until.is_some_and(|until| counts(*until, now))
    }
}

impl FromIterator<(PersonKey, Option<DateTime<Utc>>)> for Blocks {
    fn from_iter<T: IntoIterator<Item = (PersonKey, Option<DateTime<Utc>>)>>(rows: T) -> Self {
        let mut blocks = Self::default();
        for (person, until) in rows {
            let people = blocks.0.entry(person.issuer).or_default();
            people.insert(person.subject, until);
        }
        blocks
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000 + seconds, 0).unwrap()
    }

    fn person(issuer: &str, subject: &str) -> PersonKey {
        PersonKey::parse(issuer, subject).unwrap()
    }

    #[test]
    fn a_block_counts_until_its_end_and_one_without_an_end_for_good() {
        let blocks: Blocks = [
            (person("https://a", "ann"), Some(at(60))),
            (person("https://a", "bob"), None),
        ]
        .into_iter()
        .collect();
        assert!(blocks.include("https://a", "ann", at(59)));
        assert!(!blocks.include("https://a", "ann", at(60)));
        assert!(blocks.include("https://a", "bob", at(1_000_000_000)));
    }

    #[test]
    fn it_counts_for_this_very_person_and_nobody_alike() {
        let blocks: Blocks = [(person("https://a", "ann"), None)].into_iter().collect();
        for (issuer, subject) in [
            ("https://a", "Ann"),
            ("https://a", "ann "),
            ("https://a/", "ann"),
            ("https://b", "ann"),
            ("ann", "https://a"),
        ] {
            assert!(
                !blocks.include(issuer, subject, at(0)),
                "{issuer} {subject}"
            );
        }
    }

    #[test]
    fn every_wrong_field_is_named_at_once() {
        let errors = BlockDraft::parse("", "é", Some(at(0)), "", at(0)).unwrap_err();
        let fields: Vec<&str> = errors.iter().map(|error| error.field.as_str()).collect();
        assert_eq!(fields, ["issuer", "subject", "until", "reason"]);
        let long = "x".repeat(REASON_MAX + 1);
        for reason in [long.as_str(), "a\u{0}b", "\u{1b}[2J"] {
            assert!(BlockDraft::parse("https://a", "ann", None, reason, at(0)).is_err());
        }
        let draft = BlockDraft::parse("https://a", "ann", Some(at(1)), "left\r\nus", at(0));
        assert_eq!(draft.unwrap().reason(), "left\nus");
    }
}
