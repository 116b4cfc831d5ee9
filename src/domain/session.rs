//! Sessions as they are named, listed and looked for.

use std::fmt;

use chrono::{DateTime, Utc};

use super::identity::PersonKey;

/// SHA-256 of the cookie's value: the key of a session's row.
pub type SessionHash = [u8; 32];

/// From where a sign-in came, for the person's own list of sessions. It decides nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SignInOrigin {
    /// Browser and system in words of ours, at most 64 characters.
    pub browser: Option<String>,
    /// The client's address.
    pub address: Option<String>,
}

/// The public id of a session: a random UUID that has nothing of the cookie.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionId(String);

impl SessionId {
    /// As it is written here, and in no other way.
    pub fn parse(text: &str) -> Option<Self> {
        let fits = text.len() == 36
            && text.bytes().enumerate().all(|(at, byte)| match at {
                8 | 13 | 18 | 23 => byte == b'-',
                _ => matches!(byte, b'0'..=b'9' | b'a'..=b'f'),
            });
        fits.then(|| Self(text.to_owned()))
    }

    /// As it is written here.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// As a row has it.
impl From<String> for SessionId {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A session as it is listed: nothing of it opens anything.
#[derive(Debug, Clone)]
pub struct SessionSummary {
    /// Its public id.
    pub id: SessionId,
    /// Its key; for comparing, never to be shown.
    pub hash: SessionHash,
    /// The provider's issuer identifier.
    pub issuer: String,
    /// `sub`
    pub subject: String,
    /// The person's user name.
    pub username: Option<String>,
    /// The person's name.
    pub name: Option<String>,
    /// When the person signed in.
    pub created_at: DateTime<Utc>,
    /// When it was last used, as of the last flush.
    pub last_seen_at: DateTime<Utc>,
    /// The absolute end.
    pub ends_at: DateTime<Utc>,
    /// When the provider was last asked for the groups.
    pub groups_read_at: DateTime<Utc>,
    /// Browser and system of the sign-in, in words of ours.
    pub browser: Option<String>,
    /// The client's address at the sign-in.
    pub address: Option<String>,
}

impl SessionSummary {
    /// Whose it is.
    pub fn person(&self) -> PersonKey {
        PersonKey::new(&self.issuer, &self.subject)
    }
}

/// Whose sessions.
#[derive(Debug, Clone, Copy)]
pub enum Whose<'a> {
    /// All.
    All,
    /// Those in whose subject, user name or name this stands, in any case.
    Named(&'a str),
    /// One person's.
    Person(&'a PersonKey),
}
