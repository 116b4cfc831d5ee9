//! A stored mapping as JSON: in the API, in the audit log, in exports.

use chrono::{DateTime, SecondsFormat, Utc};
use serde::Serialize;

use super::Mapping;

/// The members of product JSON, in their order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MappingRecord {
    id: i64,
    group: Option<String>,
    #[serde(rename = "match")]
    group_match: String,
    roles: Vec<String>,
    transports: Vec<String>,
    rooms: Vec<String>,
    max_ttl_seconds: Option<i64>,
    valid_from: Option<String>,
    valid_until: Option<String>,
    enabled: bool,
    note: String,
    version: i64,
    created_at: String,
    created_by: String,
    updated_at: String,
    updated_by: String,
}

impl From<&Mapping> for MappingRecord {
    fn from(mapping: &Mapping) -> Self {
        let decided = mapping.draft.to_input();
        Self {
            id: mapping.id.0,
            group: decided.group,
            group_match: decided.group_match,
            roles: decided.roles,
            transports: decided.transports,
            rooms: decided.rooms,
            max_ttl_seconds: decided.max_ttl_seconds,
            valid_from: decided.valid_from.map(utc),
            valid_until: decided.valid_until.map(utc),
            enabled: decided.enabled,
            note: decided.note,
            version: mapping.version,
            created_at: utc(mapping.created_at),
            created_by: mapping.created_by.clone(),
            updated_at: utc(mapping.updated_at),
            updated_by: mapping.updated_by.clone(),
        }
    }
}

/// RFC 3339 in UTC, `2026-11-24T15:04:05Z`; parts of a second only where there are any.
pub fn utc(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}
