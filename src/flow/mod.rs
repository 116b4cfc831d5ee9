//! One file per use case. The actor, the input and the time come in as values: no file here sees
//! a request, a cookie's name or a status.

pub mod admin;
pub mod attempt;
pub mod back_channel;
pub mod effect;
pub mod exchange;
pub mod explain;
pub mod health;
pub mod login;
pub mod mappings;
pub mod people;
pub mod refresh;
pub mod return_to;
pub mod seen;
pub mod sessions;
pub mod sign_out;
mod tokens;

// What of the store's own types a request is answered with; `web` names the store nowhere.
pub use crate::store::StoreError;
pub use crate::store::session_cache::LiveSession;
pub use crate::store::sessions::EndedSession;
