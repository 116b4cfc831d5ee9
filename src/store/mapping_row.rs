//! A row of the mapping table, before and after it is judged.

use chrono::{DateTime, Utc};

use crate::domain::mapping::{Mapping, MappingDraft, MappingId, MappingInput};

/// A row of the table, unjudged.
pub(super) struct Row {
    pub(super) id: i64,
    pub(super) group_match: String,
    pub(super) group_name: Option<String>,
    pub(super) roles: Vec<String>,
    pub(super) transports: Vec<String>,
    pub(super) rooms: Vec<String>,
    pub(super) max_ttl_seconds: Option<i32>,
    pub(super) valid_from: Option<DateTime<Utc>>,
    pub(super) valid_until: Option<DateTime<Utc>>,
    pub(super) enabled: bool,
    pub(super) note: String,
    pub(super) version: i64,
    pub(super) created_at: DateTime<Utc>,
    pub(super) created_by: String,
    pub(super) updated_at: DateTime<Utc>,
    pub(super) updated_by: String,
}

impl Row {
    /// A row that the rules refuse (somebody got past the constraints) grants
    /// nothing: it is left out and said, never read in the widest way.
    pub(super) fn into_mapping(self) -> Option<Mapping> {
        let id = self.id;
        let input = MappingInput {
            group: self.group_name,
            group_match: self.group_match,
            roles: self.roles,
            transports: self.transports,
            rooms: self.rooms,
            max_ttl_seconds: self.max_ttl_seconds.map(i64::from),
            valid_from: self.valid_from,
            valid_until: self.valid_until,
            enabled: self.enabled,
            note: self.note,
        };
        let draft = MappingDraft::parse(input)
            .inspect_err(|errors| {
                tracing::error!(
                    mapping = id,
                    ?errors,
                    "a stored mapping is invalid and grants nothing"
                );
            })
            .ok()?;
        Some(Mapping {
            id: MappingId(id),
            draft,
            version: self.version,
            created_at: self.created_at,
            created_by: self.created_by,
            updated_at: self.updated_at,
            updated_by: self.updated_by,
        })
    }
}
