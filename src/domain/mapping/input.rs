//! A mapping as it was typed: form, API and import fill the same struct.

use chrono::{DateTime, Utc};

/// Typed only as far as JSON's types go; nothing in it has been judged.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MappingInput {
    /// `group`; none for everyone.
    pub group: Option<String>,
    /// `match`: `exact`, `glob` or `everyone`.
    pub group_match: String,
    /// `roles`
    pub roles: Vec<String>,
    /// `transports`, or `*` alone.
    pub transports: Vec<String>,
    /// `rooms`, or `*` alone.
    pub rooms: Vec<String>,
    /// `max_ttl_seconds`
    pub max_ttl_seconds: Option<i64>,
    /// `valid_from`
    pub valid_from: Option<DateTime<Utc>>,
    /// `valid_until`
    pub valid_until: Option<DateTime<Utc>>,
    /// `enabled`
    pub enabled: bool,
    /// `note`
    pub note: String,
}

/// What is wrong with one field, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
#[error("{field}: {reason}")]
pub struct FieldError {
    /// The field as the API names it: `group`, `rooms[2]`.
    pub field: String,
    /// A sentence for the person who typed it.
    pub reason: String,
}

impl FieldError {
    /// An error of `field`.
    pub fn new(field: impl Into<String>, reason: impl Into<String>) -> Self {
        Self {
            field: field.into(),
            reason: reason.into(),
        }
    }
}
