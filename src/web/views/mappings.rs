//! The list of mappings, and the page that asks before one is deleted.

use askama::Template;

use super::frame::Frame;
use super::mapping_row::{GroupRule, MappingRow};
use super::paging::Paging;

/// GET `/admin/mappings`.
///
/// Forms of a row: POST `/admin/mappings/{id}/switch` with `enabled` (`true`
/// or `false`: what it is to become), `version`, `limit`, `offset` and
/// `form_token`.
#[derive(Debug, Clone, Template)]
#[template(path = "mappings.html")]
pub struct MappingList {
    /// The bar.
    pub frame: Frame,
    /// The page.
    pub rows: Vec<MappingRow>,
    /// Where it stands.
    pub paging: Paging,
    /// Version of the whole table.
    pub mapping_version: i64,
    /// What the page before this one did.
    pub done: Option<Done>,
}

/// What was done to a mapping; the word travels in the address of the list
/// (`?done=added&id=12`) and decides nothing but a sentence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Done {
    /// What.
    pub what: Change,
    /// To which.
    pub id: i64,
}

/// What can be done to a mapping.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// `added`
    Added,
    /// `saved`
    Saved,
    /// `on`
    SwitchedOn,
    /// `off`
    SwitchedOff,
    /// `deleted`
    Deleted,
    /// `changed`: since the list was read, so it was not switched.
    ChangedMeanwhile,
    /// `gone`: deleted before, so nothing was done.
    Gone,
    /// `nothing`: what was asked for begins with a button of the list.
    Nothing,
}

impl Change {
    const ALL: [Self; 8] = [
        Self::Added,
        Self::Saved,
        Self::SwitchedOn,
        Self::SwitchedOff,
        Self::Deleted,
        Self::ChangedMeanwhile,
        Self::Gone,
        Self::Nothing,
    ];

    /// The word in the address.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Saved => "saved",
            Self::SwitchedOn => "on",
            Self::SwitchedOff => "off",
            Self::Deleted => "deleted",
            Self::ChangedMeanwhile => "changed",
            Self::Gone => "gone",
            Self::Nothing => "nothing",
        }
    }

    /// Reads the word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|change| change.as_str() == word)
    }

    const fn sentence_end(self) -> &'static str {
        match self {
            Self::Added => "was added. The next token follows it.",
            Self::Saved => "was saved. The next token follows it.",
            Self::SwitchedOn => "is on. The next token follows it.",
            Self::SwitchedOff => "is off. No new token comes from it.",
            Self::Deleted => "was deleted. No new token comes from it.",
            Self::ChangedMeanwhile => {
                "was changed meanwhile, so it was not switched. The list shows it as it is now."
            }
            Self::Gone => "is not there any more: it was deleted. Nothing else was changed.",
            Self::Nothing => "was not changed. Use its button here.",
        }
    }

    /// Whether what was asked for was done.
    const fn is_done(self) -> bool {
        !matches!(self, Self::ChangedMeanwhile | Self::Gone | Self::Nothing)
    }
}

/// GET `/admin/mappings/{id}/delete`, whose form is a POST to the same address
/// with `version` and `form_token`; and its answer (412) when the mapping has
/// changed meanwhile.
#[derive(Debug, Clone, Template)]
#[template(path = "mapping_delete.html")]
pub struct MappingDelete {
    /// The bar.
    pub frame: Frame,
    /// The mapping as it is now.
    pub row: MappingRow,
    /// The mapping that was to be deleted was an older one than this.
    pub changed_meanwhile: bool,
}
