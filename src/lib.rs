//! An identity bridge for Red5 Pro.
//!
//! People sign in with their company's OpenID Connect provider; administrators
//! say in a table what each group may do on the streaming server; a session is
//! then exchanged for a short-lived HS256 token that Red5 Pro accepts.
//! `ARCHITECTURE.md` has the parts and the main flows.

pub mod app;

pub mod cli;
pub mod clock;
pub mod config;
pub mod csv;
pub mod domain;
pub mod fingerprint;
pub mod flow;
#[cfg(any(test, feature = "fuzz"))]
#[path = "../fuzz/helpers/mod.rs"]
pub mod fuzzing;
pub mod json;
pub mod logging;
mod loopback;
pub mod metrics;
pub mod oidc;
pub mod random;
pub mod seal;
pub mod signer;
pub mod store;
pub mod tls;
pub mod visible;
pub mod web;
