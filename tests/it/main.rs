//! The tests of the running whole, in one program.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking, also in the functions that tests share"
)]

mod bridge;
#[cfg(feature = "demo")]
mod demo;
mod exchange;
mod imports;
#[cfg(feature = "demo")]
mod private_postgres;
mod provider;
mod readers;
mod upstream;
