//! Administration: for each noun its pages and its JSON API, over one flow.

pub mod blocks;
pub mod changes;
pub mod explain;
pub mod history;
pub mod mapping_selection;
pub mod mapping_tests;
pub mod mappings;
pub mod paging;
pub mod people;
mod row;
pub mod sessions;
pub mod who_can;
