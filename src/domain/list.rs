//! Lists that are read page by page.

/// Which rows of a list are asked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PageRange {
    /// At most so many.
    pub limit: i64,
    /// After so many.
    pub offset: i64,
}

impl PageRange {
    /// These of all the rows.
    pub fn of<T>(self, all: Vec<T>) -> Vec<T> {
        let count = |number| usize::try_from(number).unwrap_or_default();
        let rows = all.into_iter().skip(count(self.offset));
        rows.take(count(self.limit)).collect()
    }

    /// The first ones.
    pub const fn first(limit: i64) -> Self {
        Self { limit, offset: 0 }
    }
}

/// One page of a list.
#[derive(Debug)]
pub struct ListPage<T> {
    /// The rows that were asked for.
    pub items: Vec<T>,
    /// How many there are in all.
    pub total: i64,
}
