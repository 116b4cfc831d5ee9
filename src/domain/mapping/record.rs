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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::mapping::{MappingDraft, MappingId, MappingInput};

    fn stored(input: MappingInput) -> Mapping {
        let written = DateTime::from_timestamp(1_795_000_000, 0).unwrap();
        Mapping {
            id: MappingId(7),
            draft: MappingDraft::parse(input).unwrap(),
            version: 3,
            created_at: written,
            created_by: "ann".to_owned(),
            updated_at: written + chrono::TimeDelta::milliseconds(1500),
            updated_by: "bob".to_owned(),
        }
    }

    #[test]
    fn a_row_is_written_in_the_words_and_the_order_of_the_api() {
        let input = MappingInput {
            group: Some("show-*".to_owned()),
            group_match: "glob".to_owned(),
            roles: vec!["red5-publisher".to_owned()],
            transports: vec!["whip".to_owned(), "RTMP".to_owned()],
            rooms: vec!["show-{1}".to_owned(), "lobby".to_owned()],
            max_ttl_seconds: Some(120),
            valid_from: DateTime::from_timestamp(0, 0),
            valid_until: None,
            enabled: true,
            note: "a\nb".to_owned(),
        };
        let json = serde_json::to_string(&MappingRecord::from(&stored(input))).unwrap();
        assert_eq!(
            json,
            concat!(
                r#"{"id":7,"group":"show-*","match":"glob","roles":["red5-publisher"],"#,
                r#""transports":["RTMP","WHIP"],"rooms":["lobby","show-{1}"],"#,
                r#""max_ttl_seconds":120,"valid_from":"1970-01-01T00:00:00Z","#,
                r#""valid_until":null,"enabled":true,"note":"a\nb","version":3,"#,
                r#""created_at":"2026-11-18T11:06:40Z","created_by":"ann","#,
                r#""updated_at":"2026-11-18T11:06:41.500Z","updated_by":"bob"}"#
            )
        );
    }

    #[test]
    fn everyone_has_a_null_group_and_any_is_a_star() {
        let input = MappingInput {
            group_match: "everyone".to_owned(),
            roles: vec!["red5-subscriber".to_owned()],
            transports: vec!["*".to_owned()],
            rooms: vec!["*".to_owned()],
            ..MappingInput::default()
        };
        let json = serde_json::to_string(&MappingRecord::from(&stored(input))).unwrap();
        assert!(
            json.starts_with(concat!(
                r#"{"id":7,"group":null,"match":"everyone","roles":["red5-subscriber"],"#,
                r#""transports":["*"],"rooms":["*"],"max_ttl_seconds":null,"#
            )),
            "{json}"
        );
        assert_eq!(MappingId(7).to_string(), "7");
    }
}
