//! Administration: for each noun its pages and its JSON API, over one flow.

pub mod mapping_api;
pub mod mapping_fields;
pub mod mapping_pages;
pub mod paging;
pub mod people_api;
pub mod people_pages;
