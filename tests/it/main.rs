//! The tests of the running whole, in one program.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking, also in the functions that tests share"
)]

mod bridge;
mod callback;
mod callback_answers;
#[cfg(feature = "demo")]
mod demo;
mod exchange;
mod groups;
mod id_tokens;
mod imports;
mod odd_cookies;
mod issuance;
#[cfg(feature = "demo")]
mod private_postgres;
mod provider;
mod public_url;
mod readers;
mod return_to;
mod sessions;
mod sign_in;
mod sign_out;
mod red5;
mod upstream;
