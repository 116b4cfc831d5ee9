//! A whole bridge to try, and what the tests need of it: a private Postgres,
//! a small OpenID provider with a handful of people, mappings for their groups,
//! and a sample app that calls the bridge.
//!
//! A crate of its own, so that nothing of it is in the bridge. It is not meant for
//! production: every visitor of the provider's page signs in as the person that they click.

pub mod folder;
pub mod mappings;
pub mod people;
pub mod postgres;
pub mod provider;
mod run;
mod sample_app;
mod server;

pub use run::{DemoError, Options, run};
