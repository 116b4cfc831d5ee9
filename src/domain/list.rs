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
