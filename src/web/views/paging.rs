//! What every list that has pages says of them.

use crate::domain::list::PageRange;

/// Where a list stands, and where its pages are.
#[derive(Debug, Clone)]
pub struct Paging {
    /// Address of the list without `offset`: `/admin/sessions?person=ann&limit=50`.
    pub list: String,
    /// Rows on this page.
    pub shown: usize,
    /// Number of all rows.
    pub total: i64,
    /// Which rows these are.
    pub range: PageRange,
}

impl Paging {
    fn page(&self, offset: i64) -> String {
        format!("{}&offset={offset}", self.list)
    }

    pub(super) fn previous(&self) -> Option<String> {
        (self.range.offset > 0).then(|| self.page((self.range.offset - self.range.limit).max(0)))
    }

    pub(super) fn next(&self) -> Option<String> {
        let next = self.range.offset + self.range.limit;
        (next < self.total).then(|| self.page(next))
    }

    pub(super) fn first(&self) -> i64 {
        self.range.offset + 1
    }

    pub(super) fn last(&self) -> i64 {
        self.range.offset + i64::try_from(self.shown).unwrap_or(i64::MAX)
    }
}
