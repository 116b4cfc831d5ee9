//! One file per story. Each is told who asks, what for and when; it never
//! sees a request, a cookie's name or a status.

pub mod attempt;
pub mod back_channel;
pub mod exchange;
pub mod login;
pub mod mappings;
pub mod people;
pub mod provider_error;
pub mod refresh;
pub mod return_to;
pub mod sessions;
pub mod sign_out;
