//! Administration: for each noun its pages and its JSON API, over one flow.

pub mod blocks;
pub mod changes;
pub mod client_pages;
pub mod clients;
pub mod explain;
pub mod files;
pub mod history;
pub mod mapping_selection;
pub mod mapping_tests;
pub mod mappings;
pub mod paging;
pub mod people;
pub mod restore;
mod row;
pub mod sessions;
pub mod test_pages;
pub mod who_can;
