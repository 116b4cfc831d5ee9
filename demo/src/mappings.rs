//! The mappings that the demo begins with: one of each kind, for the groups of
//! its people, and for some that none of them is in.

use std::convert::Infallible;

use chrono::{DateTime, Utc};
use serde_json::json;
use thiserror::Error;

use red5_bridge::domain::change_set::{Edit, TableChange};
use red5_bridge::domain::identity::Actor;
use red5_bridge::domain::mapping::MappingDraft;
use red5_bridge::domain::members::FieldError;
use red5_bridge::store::audit::AuditFilter;
use red5_bridge::store::mappings::{ChangeContext, NotChanged, unjudged, untold};
use red5_bridge::store::{Store, StoreError};

/// One row, as an administrator would type it.
struct DemoMapping {
    group: Option<&'static str>,
    group_match: &'static str,
    roles: &'static [&'static str],
    transports: &'static [&'static str],
    rooms: &'static [&'static str],
    max_ttl_seconds: Option<i64>,
    enabled: bool,
    note: &'static str,
}

const PUBLISHER: &str = "red5-publisher";
const SUBSCRIBER: &str = "red5-subscriber";

const MAPPINGS: [DemoMapping; 7] = [
    DemoMapping {
        group: Some("producers"),
        group_match: "exact",
        roles: &[PUBLISHER, SUBSCRIBER],
        transports: &["RTMP", "WHEP", "WHIP"],
        rooms: &["studio-1", "studio-2"],
        max_ttl_seconds: None,
        enabled: true,
        note: "Producers run the studios.",
    },
    DemoMapping {
        group: Some("producers"),
        group_match: "exact",
        roles: &[SUBSCRIBER],
        transports: &["WHEP"],
        rooms: &["class-*"],
        max_ttl_seconds: None,
        enabled: true,
        note: "A pattern: producers look into every class.",
    },
    DemoMapping {
        group: Some("viewers"),
        group_match: "exact",
        roles: &[SUBSCRIBER],
        transports: &["WHEP"],
        rooms: &["lobby", "studio-1"],
        max_ttl_seconds: None,
        enabled: true,
        note: "Viewers watch in the browser.",
    },
    DemoMapping {
        group: Some("stage-crew"),
        group_match: "exact",
        roles: &[PUBLISHER],
        transports: &["WHIP"],
        rooms: &["stage"],
        max_ttl_seconds: None,
        enabled: true,
        note: "Together with the next row: two grants that must never become one.",
    },
    DemoMapping {
        group: Some("backstage"),
        group_match: "exact",
        roles: &[SUBSCRIBER],
        transports: &["WHEP"],
        rooms: &["green-room"],
        max_ttl_seconds: Some(120),
        enabled: true,
        note: "Tokens for the green room last two minutes at most.",
    },
    DemoMapping {
        group: Some("show-*"),
        group_match: "glob",
        roles: &[PUBLISHER],
        transports: &["*"],
        rooms: &["show-{1}"],
        max_ttl_seconds: None,
        enabled: true,
        note: "A template: the group show-friday publishes in the room show-friday.",
    },
    DemoMapping {
        group: None,
        group_match: "everyone",
        roles: &[SUBSCRIBER],
        transports: &["WHEP"],
        rooms: &["lobby"],
        max_ttl_seconds: None,
        enabled: false,
        note: "Switched off: switch it on, and Noor may watch in the lobby.",
    },
];

/// Why the demo has no mappings.
#[derive(Debug, Error)]
pub enum SeedError {
    /// The database does not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A row was not taken.
    #[error(transparent)]
    Row(#[from] NotChanged<Infallible>),
    /// A row is not a mapping.
    #[error("a mapping of the demo is refused: {0}")]
    Refused(FieldError),
}

impl DemoMapping {
    fn draft(&self) -> Result<MappingDraft, Vec<FieldError>> {
        let sent = json!({
            "group": self.group, "match": self.group_match, "roles": self.roles,
            "transports": self.transports, "rooms": self.rooms,
            "max_ttl_seconds": self.max_ttl_seconds, "enabled": self.enabled, "note": self.note,
        });
        let members = sent.as_object().cloned();
        MappingDraft::parse(members.unwrap_or_default())
    }
}

/// Writes the mappings into a database that never had any. After the first
/// change there is an audit row, and nothing is written again: not even after all
/// mappings were deleted.
///
/// # Errors
/// When the database does not take them.
pub async fn seed(store: &Store, now: DateTime<Utc>) -> Result<(), SeedError> {
    if !store
        .audit_log(&AuditFilter::default(), 1)
        .await?
        .is_empty()
    {
        return Ok(());
    }
    let mut changes = Vec::new();
    for mapping in &MAPPINGS {
        let draft = mapping.draft().map_err(|errors| {
            // A draft that is refused has at least one error.
            let first = errors.into_iter().next();
            SeedError::Refused(first.unwrap_or(FieldError {
                field: String::new(),
                reason: mapping.note.to_owned(),
            }))
        })?;
        changes.push(TableChange::Mapping(Edit::Create(draft)));
    }
    let actor = Actor::cli("demo");
    let attempt = ChangeContext::new(&actor, now);
    store.change(attempt, |_| changes, untold, unjudged).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::people::PEOPLE;
    use super::*;

    #[test]
    fn every_mapping_of_the_demo_is_one() {
        for mapping in &MAPPINGS {
            assert_eq!(mapping.draft().err(), None, "{}", mapping.note);
        }
    }

    #[test]
    fn everybody_but_the_last_is_in_a_mapped_group() {
        let mapped = |group: &&str| {
            MAPPINGS
                .iter()
                .any(|mapping| mapping.enabled && mapping.group == Some(*group))
        };
        let granted = PEOPLE.map(|person| person.groups.iter().any(mapped));
        assert_eq!(granted, [true, true, true, false]);
    }
}
