//! Administration: for each noun its pages and its JSON API, over one flow.

pub mod mappings;
pub mod paging;
pub mod people_api;
pub mod people_pages;
