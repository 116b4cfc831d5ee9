//! People who have been seen: those who are signed in, and those who were lately.

use std::fmt;

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::identity::Identity;

/// The public id of a person: random, so that it says nothing of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PersonId(String);

impl PersonId {
    /// `p_` and 32 hexadecimal digits in lower case.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix("p_")?;
        let fits = digits.len() == 32
            && digits
                .bytes()
                .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        fits.then(|| Self(text.to_owned()))
    }

    /// As it is written here.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// As a row has it.
impl From<String> for PersonId {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl fmt::Display for PersonId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A person who has been seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeenPerson {
    /// The public id.
    pub id: PersonId,
    /// With the groups of all live sessions together; without one, the groups seen last.
    pub identity: Identity,
    /// The last use of a live session as of the last flush, or the last sign-in.
    pub last_seen_at: DateTime<Utc>,
    /// Whether the person has a live session.
    pub signed_in: bool,
    /// Whether a block of the person is in force.
    pub blocked: bool,
}

/// A group that a person who was seen is in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeenGroup {
    /// As the provider sends it.
    pub group: String,
    /// How many people are in it.
    pub people: i64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_written_in_one_way() {
        let id = format!("p_{}", "0af9".repeat(8));
        assert_eq!(PersonId::parse(&id).unwrap().as_str(), id);
        for wrong in [
            "",
            "p_",
            &id[2..],
            &id[..33],
            &format!("{id}0"),
            &id.to_uppercase(),
            &id.replace('f', "g"),
            &id.replace("p_", "P_"),
        ] {
            assert_eq!(PersonId::parse(wrong), None, "{wrong}");
        }
    }
}
