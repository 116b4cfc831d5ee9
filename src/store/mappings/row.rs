//! A row of the table, unjudged, and how it becomes a mapping.

use chrono::{DateTime, Utc};

use crate::domain::mapping::{Mapping, MappingDraft, MappingId, MappingInput};

/// As the columns are.
pub(super) struct Row {
    pub id: i64,
    pub group_match: String,
    pub group_name: Option<String>,
    pub roles: Vec<String>,
    pub transports: Vec<String>,
    pub rooms: Vec<String>,
    pub max_ttl_seconds: Option<i32>,
    pub valid_from: Option<DateTime<Utc>>,
    pub valid_until: Option<DateTime<Utc>>,
    pub enabled: bool,
    pub note: String,
    pub version: i64,
    pub created_at: DateTime<Utc>,
    pub created_by: String,
    pub updated_at: DateTime<Utc>,
    pub updated_by: String,
}

/// Rows of the table; what follows `FROM mappings`, and its arguments.
macro_rules! select_mappings {
    ($which:literal $(, $argument:expr)*) => {
        sqlx::query_as!(
            crate::store::mappings::row::Row,
            "SELECT id, match AS group_match, group_name, roles, transports, rooms, max_ttl_seconds,
                    valid_from, valid_until, enabled, note, version,
                    created_at, created_by, updated_at, updated_by
             FROM mappings " + $which
            $(, $argument)*
        )
    };
}
pub(super) use select_mappings;

impl Row {
    /// A row that the rules refuse (one that got past the constraints) grants
    /// nothing: it is left out and said, never read in the widest way.
    pub fn into_mapping(self) -> Option<Mapping> {
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
                    event = "mapping_invalid",
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
