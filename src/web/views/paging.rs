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

    /// The number of this page, from 1.
    pub(super) fn number(&self) -> i64 {
        self.range.offset / self.range.limit + 1
    }

    /// How many pages there are.
    pub(super) fn pages(&self) -> i64 {
        (self.total + self.range.limit - 1) / self.range.limit
    }

    /// Address of the last page that has rows.
    pub(super) fn last_page(&self) -> String {
        self.page((self.pages() - 1).max(0) * self.range.limit)
    }

    /// Path of the list, for the form that goes to a page.
    pub(super) fn path(&self) -> &str {
        self.list.split('?').next().unwrap_or_default()
    }

    /// Fields of the form that goes to a page, beside the page.
    pub(super) fn fields(&self) -> Vec<(String, String)> {
        let query = self.list.split_once('?').map_or("", |(_, query)| query);
        let fields = url::form_urlencoded::parse(query.as_bytes());
        fields.into_owned().collect()
    }

    pub(super) fn first(&self) -> i64 {
        self.range.offset + 1
    }

    pub(super) fn last(&self) -> i64 {
        self.range.offset + i64::try_from(self.shown).unwrap_or(i64::MAX)
    }
}
