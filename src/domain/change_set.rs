//! Changes of the table that are made together or not at all.

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::mapping::MappingDraft;
use super::mapping_test::MappingTestDraft;
use super::members::{FieldError, Members};

/// Most changes that one request names.
pub const CHANGES_MAX: usize = 10_000;

/// What is to become of one row, whose content is a `D`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Edit<D> {
    /// A new row.
    Create(D),
    /// The whole row is replaced, if it still has this version.
    Replace {
        /// The row.
        id: i64,
        /// As it was read.
        version: i64,
        /// What it becomes.
        draft: D,
    },
    /// The row is removed, if it still has this version.
    Delete {
        /// The row.
        id: i64,
        /// As it was read.
        version: i64,
    },
}

/// A change of a mapping, or of a mapping test.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TableChange {
    /// Of a mapping.
    Mapping(Edit<MappingDraft>),
    /// Of a mapping test.
    Test(Edit<MappingTestDraft>),
}

impl<D> Edit<D> {
    /// The row and the version that it must have; none for a new row.
    pub fn target(&self) -> Option<(i64, i64)> {
        match self {
            Self::Create(_) => None,
            Self::Replace { id, version, .. } | Self::Delete { id, version } => {
                Some((*id, *version))
            }
        }
    }

    /// What the row becomes; none where it is removed.
    pub fn draft(&self) -> Option<&D> {
        match self {
            Self::Create(draft) | Self::Replace { draft, .. } => Some(draft),
            Self::Delete { .. } => None,
        }
    }
}

/// What a client asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangeSet {
    /// In the order of the request.
    pub changes: Vec<TableChange>,
    /// The version that the table must still have; none: any.
    pub if_mapping_version: Option<i64>,
    /// Whether everything is done up to the commit, and nothing is written.
    pub dry_run: bool,
}

impl ChangeSet {
    /// Judges the members of a request and reports all that is wrong at once. A field of a change is
    /// named from the request on: `changes[3].mapping.rooms[0]`.
    ///
    /// # Errors
    /// Each invalid field, and each row that is named twice.
    pub fn parse(sent: Map<String, Value>) -> Result<Self, Vec<FieldError>> {
        Members::judge(sent, |members| {
            let dry_run = members.flag("dry_run").unwrap_or(false);
            let if_mapping_version = members.number("if_mapping_version");
            let mut changes = Vec::new();
            let mut rows: HashMap<(bool, i64), usize> = HashMap::new();
            let sent = members.objects("changes", CHANGES_MAX)?;
            if sent.is_empty() {
                members.refuse("changes", "must have at least one change");
            }
            for (i, sent) in sent.into_iter().enumerate() {
                let path = format!("changes[{i}]");
                let Some(change) = members.within(&path, sent, read) else {
                    continue;
                };
                if let Some(row) = named(&change)
                    && let Some(first) = rows.insert(row, i)
                {
                    let reason = format!("is named by changes[{first}] already");
                    members.refuse(format!("{path}.id"), reason);
                }
                changes.push(change);
            }
            Some(Self {
                changes,
                if_mapping_version,
                dry_run,
            })
        })
    }
}

/// Whether the row is a test, and its number.
fn named(change: &TableChange) -> Option<(bool, i64)> {
    match change {
        TableChange::Mapping(change) => change.target().map(|(id, _)| (false, id)),
        TableChange::Test(change) => change.target().map(|(id, _)| (true, id)),
    }
}

fn read(members: &mut Members) -> Option<TableChange> {
    let op = members.text("op").unwrap_or_default();
    match op.as_str() {
        "create" | "replace" | "delete" => {
            row(members, &op, "mapping", MappingDraft::parse_edit).map(TableChange::Mapping)
        }
        "create_test" | "replace_test" | "delete_test" => {
            let op = op.trim_end_matches("_test");
            row(members, op, "test", MappingTestDraft::parse_edit).map(TableChange::Test)
        }
        _ => {
            let reason = "choose create, replace, delete, create_test, replace_test or delete_test";
            members.refuse("op", reason);
            None
        }
    }
}

/// The change of one row. A row that is sent as it was read has its read-only members, which
/// `parse` leaves alone.
fn row<D>(
    members: &mut Members,
    op: &str,
    field: &str,
    parse: fn(Map<String, Value>) -> Result<D, Vec<FieldError>>,
) -> Option<Edit<D>> {
    let target = |members: &mut Members| {
        let id = members.required_number("id");
        id.zip(members.required_number("version"))
    };
    let draft = |members: &mut Members| {
        let sent = members.object(field)?;
        let parsed = parse(sent);
        parsed.map_err(|errors| members.take(field, errors)).ok()
    };
    match op {
        "create" => draft(members).map(Edit::Create),
        "delete" => {
            let (id, version) = target(members)?;
            Some(Edit::Delete { id, version })
        }
        _ => {
            let (target, draft) = (target(members), draft(members));
            let (id, version) = target?;
            Some(Edit::Replace {
                id,
                version,
                draft: draft?,
            })
        }
    }
}
