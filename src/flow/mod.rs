//! One file per use case. Actor, input and time are arguments; requests, cookie names and HTTP
//! statuses are unknown here.

pub mod admin;
pub mod attempt;
pub mod back_channel;
pub mod effect;
pub mod exchange;
pub mod explain;
pub mod health;
pub mod history;
pub mod login;
pub mod mapping_files;
pub mod mappings;
pub mod oauth;
pub mod people;
pub mod plan;
pub mod refresh;
pub mod return_to;
pub mod round_trip;
pub mod seen;
pub mod sessions;
pub mod sign_out;
mod tokens;

// The store's error type, for answers. `web` must not import `store`.
pub use crate::store::StoreError;
pub use crate::store::session_cache::LiveSession;
pub use crate::store::sessions::EndedSession;
