//! The words and the rules of the product, and nothing else.
//!
//! Everything here is pure: no I/O, no async, no clock (time comes in as an
//! argument), no HTTP, SQL or JWT library. What a token may carry is decided
//! here alone, so that every door of the bridge gives the same answer.
//!
//! Read in this order: [`names`] (the closed words), [`set`] (lists that are
//! never empty), [`rooms`] and [`groups`], [`grant`] (one rectangle), [`mapping`] (a row of the
//! table), [`resolve`] (which grants an identity holds), [`entitlement`] (which scope a token
//! may have), [`effect`] (what an edit changes), [`mapping_test`] (what must stay true),
//! [`lifetime`] (how long), [`claims`] (how it is written down for Red5).

pub mod allows;
pub mod block;
pub mod change_set;
pub mod claims;
pub mod client;
pub mod device;
pub mod effect;
pub mod entitlement;
pub mod explain;
pub mod given;
pub mod grant;
pub mod groups;
pub mod identity;
pub mod lifetime;
pub mod list;
pub mod mapping;
pub mod mapping_file;
pub mod mapping_filter;
pub mod mapping_test;
pub mod mapping_use;
pub mod members;
pub mod names;
pub mod near;
mod pairs;
mod pattern_index;
pub mod person;
pub mod resolve;
pub mod rooms;
pub mod round_trip;
pub mod session;
pub mod set;
pub mod tables;
pub mod time;
pub mod token_family;
pub mod undo;
pub mod wish;
