//! What every list that has pages says of them.

/// Where a list stands, and where its pages are.
#[derive(Debug, Clone)]
pub struct Paging {
    /// Address of the list, up to where more of its query can follow:
    /// `/admin/sessions?person=ann&`.
    pub list: String,
    /// Rows on this page.
    pub shown: usize,
    /// Number of all rows.
    pub total: i64,
    /// Rows to a page.
    pub limit: i64,
    /// Rows before this page.
    pub offset: i64,
}

impl Paging {
    fn page(&self, offset: i64) -> String {
        format!("{}limit={}&offset={offset}", self.list, self.limit)
    }

    pub(super) fn previous(&self) -> Option<String> {
        (self.offset > 0).then(|| self.page((self.offset - self.limit).max(0)))
    }

    pub(super) fn next(&self) -> Option<String> {
        let next = self.offset + self.limit;
        (next < self.total).then(|| self.page(next))
    }

    pub(super) fn first(&self) -> i64 {
        self.offset + 1
    }

    pub(super) fn last(&self) -> i64 {
        self.offset + i64::try_from(self.shown).unwrap_or(i64::MAX)
    }
}
