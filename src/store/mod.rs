//! All SQL: mappings, blocks, sessions, what may be used once, logouts, the audit log.
//!
//! A row leaves as a typed value or not at all. [`snapshot`] keeps the mappings and the blocks in
//! memory, [`session_cache`] the sessions in use, so that an exchange asks the database nothing.
//!
//! When Postgres is gone, exchanges go on from memory until [`snapshot`] has not proven for
//! `BRIDGE_MAX_STALENESS_SECONDS` that it is fresh; then they are 503 (`web/error.rs`), as is
//! `/readyz` (`web/health.rs`). What needs a row is 503 at once.

pub mod audit;
pub mod blocks;
mod error;
mod freshness;
mod locks;
pub mod logouts;
pub mod mappings;
mod migrate;
mod notify;
pub mod people;
mod pool;
pub mod refresh_lease;
mod refresh_marks;
mod server;
pub mod session_cache;
pub mod sessions;
mod sign_in;
pub mod single_use;
pub mod snapshot;
pub mod survey;
mod sweep;
mod transaction;

pub use error::StoreError;
pub use migrate::Tables;
pub use pool::{PoolSize, Store};
pub use sign_in::NotStarted;
