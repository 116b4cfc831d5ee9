//! HTTP and HTML.

pub mod views;
