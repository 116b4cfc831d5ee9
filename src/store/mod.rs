//! All SQL: mappings, blocks, sessions, single-use records, provider logouts and the audit log.
//!
//! A row leaves this module only as a valid typed value. [`snapshot`] keeps the mappings and blocks
//! in memory and [`session_cache`] the sessions in use, so that an exchange sends no query.
//! While Postgres is unavailable: [`freshness`].

pub mod audit;
pub mod blocks;
pub mod clients;
pub mod devices;
mod error;
mod freshness;
pub mod grants;
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
pub mod subjects;
pub mod survey;
mod sweep;
mod transaction;

pub use error::StoreError;
pub use migrate::Tables;
pub use pool::{PoolSize, Store};
pub use sign_in::{NotStarted, SessionFor};
