//! The tests of the running whole, in one program.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking, also in the functions that tests share"
)]

mod abandoned;
mod access;
mod administrators;
mod api_document;
mod app_document;
mod apps;
mod back_channel;
mod bodies;
mod bridge;
mod callback;
mod callback_answers;
mod canaries;
mod change_sets;
mod check;
mod client_address;
mod commands;
mod configuration;
mod csrf;
mod database;
mod database_tls;
mod database_way;
mod dead_ends;
mod demo;
mod dependencies;
mod eventually;
mod exchange;
mod explain;
mod file_pages;
mod groups;
mod harness;
mod headers;
mod history;
mod hostile_provider;
mod id_tokens;
mod imports;
mod issuance;
mod logging;
mod mapping_api;
mod mapping_files;
mod mapping_input;
mod mapping_lists;
mod mapping_pages;
mod methods;
mod metrics;
mod oauth;
mod odd_cookies;
mod oidc;
mod order;
mod origin;
mod people;
mod pooler;
mod portal;
mod private_postgres;
mod problem;
mod process;
mod provider;
mod provider_hangs;
mod public_url;
mod rate_limits;
mod raw;
mod readers;
mod red5;
mod refresh;
mod restore_pages;
mod return_to;
mod role;
mod schemathesis;
mod second_tries;
mod seen;
mod session_changed;
mod sessions;
mod sign_in;
mod sign_out;
mod slow;
mod smuggling;
mod somebody_else;
mod stopping;
mod store;
mod test_pages;
mod token_request;
