//! A whole bridge to try, and what the tests need of it: a private Postgres,
//! a small OpenID provider with a handful of people, mappings for their groups,
//! and a sample app that calls the bridge.
//!
//! Behind the feature `demo`, absent from a plain release build. Nothing here
//! is meant for production: whoever opens the provider's page signs in as
//! whomever they click.

pub mod mappings;
pub mod people;
pub mod place;
pub mod postgres;
pub mod provider;
mod random;
mod run;
mod sample_app;
mod server;

pub use run::{DemoError, Options, run};
