//! `/oauth2/*`: the endpoints for registered clients. [`request`] reads what clients send.

pub mod apps;
pub mod authorize;
pub mod device;
pub mod metadata;
pub mod request;
pub mod token;
