//! One row of the table: a group → one grant.
//!
//! [`input`] is what was typed, [`draft`] what is left when every field
//! was found good, [`compile`] the whole table made ready for lookups, [`memo`]
//! what a lookup found. The
//! three little languages of a row have a file each: [`group`] (globs),
//! [`pattern`] and [`template`] (rooms).

pub mod compile;
pub mod draft;
pub mod group;
pub mod input;
pub mod memo;
pub mod pattern;
pub mod record;
pub mod template;

use chrono::{DateTime, Utc};

pub use compile::Mappings;
pub use draft::{MappingDraft, Window};
pub use group::{GroupGlob, GroupMatch};
pub use input::{FieldError, MappingInput};
pub use memo::MatchMemo;
pub use pattern::RoomPattern;
pub use record::MappingRecord;
pub use template::{RoomRule, RoomTemplate};

/// The number of a row; never used again after the row is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MappingId(pub i64);

impl std::fmt::Display for MappingId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// A stored row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mapping {
    /// Its number.
    pub id: MappingId,
    /// What an administrator decided.
    pub draft: MappingDraft,
    /// Raised by each edit; `ETag` and `If-Match` carry it.
    pub version: i64,
    /// When it was first written.
    pub created_at: DateTime<Utc>,
    /// By whom.
    pub created_by: String,
    /// When it was last written.
    pub updated_at: DateTime<Utc>,
    /// By whom.
    pub updated_by: String,
}
