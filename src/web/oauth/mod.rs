//! `/oauth2/*`, `/device` and `/apps`: the endpoints of registered clients, and the pages for their people. [`request`] reads
//! what clients send.

pub mod apps;
pub mod authorize;
pub mod device;
pub mod metadata;
pub mod request;
pub mod token;
