//! Administration: for each noun its pages and its JSON API, over one flow.

pub mod blocks;
pub mod explain;
pub mod mappings;
pub mod paging;
pub mod sessions;
