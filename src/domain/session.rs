//! Sessions in lists and searches.

use std::fmt;

use chrono::{DateTime, TimeDelta, Utc};

use super::identity::PersonKey;

/// Key of a session's row. For a browser it is the SHA-256 of the cookie's value.
pub type SessionHash = [u8; 32];

/// Time without use after which the session of a device or a subject token ends.
pub const DEVICE_IDLE: TimeDelta = TimeDelta::days(30);

/// What a session belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::EnumString, strum::IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum SessionKind {
    /// A browser, which has its cookie.
    Browser,
    /// A device that a person approved (RFC 8628). No cookie leads to it.
    Device,
    /// A token of the provider that a client exchanged (RFC 8693); it ends with that token. No cookie leads to it.
    SubjectToken,
}

impl SessionKind {
    /// The time without use after which a session of this kind ends; `browser` is the configured time of browsers.
    pub const fn idle(self, browser: TimeDelta) -> TimeDelta {
        match self {
            Self::Browser => browser,
            Self::Device | Self::SubjectToken => DEVICE_IDLE,
        }
    }
}

/// Origin of a sign-in, for the person's own list of sessions. Never used for decisions.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SignInOrigin {
    /// Browser and system in words of the bridge, at most 64 characters.
    pub browser: Option<String>,
    /// Address of the client.
    pub address: Option<String>,
}

/// Public id of a session: a random UUID that is independent of the cookie.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionId(String);

impl SessionId {
    /// Parses exactly the form that this type writes.
    pub fn parse(text: &str) -> Option<Self> {
        let fits = text.len() == 36
            && text.bytes().enumerate().all(|(at, byte)| match at {
                8 | 13 | 18 | 23 => byte == b'-',
                _ => matches!(byte, b'0'..=b'9' | b'a'..=b'f'),
            });
        fits.then(|| Self(text.to_owned()))
    }

    /// The canonical text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// From a row.
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

/// A session in a list; contains no secret.
#[derive(Debug, Clone)]
pub struct SessionSummary {
    /// Public id.
    pub id: SessionId,
    /// The row's key; for comparing only, never to be shown.
    pub hash: SessionHash,
    /// Whether it is a device's and not a browser's.
    pub is_device: bool,
    /// The provider's issuer identifier.
    pub issuer: String,
    /// `sub`
    pub subject: String,
    /// The person's user name.
    pub username: Option<String>,
    /// The person's name.
    pub name: Option<String>,
    /// Time of the sign-in.
    pub created_at: DateTime<Utc>,
    /// Last use, as of the last flush.
    pub last_seen_at: DateTime<Utc>,
    /// The absolute end.
    pub ends_at: DateTime<Utc>,
    /// Last time at which the provider returned the groups.
    pub groups_read_at: DateTime<Utc>,
    /// Browser and system at the sign-in, in words of the bridge; or what a device calls itself.
    pub browser: Option<String>,
    /// Address of the client at the sign-in.
    pub address: Option<String>,
}

impl SessionSummary {
    /// The person whose session it is.
    pub fn person(&self) -> PersonKey {
        PersonKey::new(&self.issuer, &self.subject)
    }
}

/// Filter of a session list.
#[derive(Debug, Clone, Copy)]
pub enum Whose<'a> {
    /// All sessions.
    All,
    /// Sessions whose subject, user name or name contains this text, in any case.
    Named(&'a str),
    /// The sessions of one person.
    Person(&'a PersonKey),
}
