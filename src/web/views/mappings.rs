//! The list of mappings, and the page that asks before one is deleted.

use askama::Template;

use super::frame::Frame;
use super::mapping_row::{GroupRule, MappingRow};

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
    /// The rows from `offset` on, at most `limit`.
    pub rows: Vec<MappingRow>,
    /// Number of all rows.
    pub total: i64,
    /// Rows to a page.
    pub limit: i64,
    /// Rows before this page.
    pub offset: i64,
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
}

impl Change {
    const ALL: [Self; 5] = [
        Self::Added,
        Self::Saved,
        Self::SwitchedOn,
        Self::SwitchedOff,
        Self::Deleted,
    ];

    /// The word in the address.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Saved => "saved",
            Self::SwitchedOn => "on",
            Self::SwitchedOff => "off",
            Self::Deleted => "deleted",
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
        }
    }
}

impl MappingList {
    fn page_href(&self, offset: i64) -> String {
        format!(
            "{}/admin/mappings?limit={}&offset={offset}",
            self.frame.base, self.limit
        )
    }

    fn previous(&self) -> Option<String> {
        (self.offset > 0).then(|| self.page_href((self.offset - self.limit).max(0)))
    }

    fn next(&self) -> Option<String> {
        let next = self.offset + self.limit;
        (next < self.total).then(|| self.page_href(next))
    }

    fn first_row(&self) -> i64 {
        self.offset + 1
    }

    fn last_row(&self) -> i64 {
        self.offset + i64::try_from(self.rows.len()).unwrap_or(i64::MAX)
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
