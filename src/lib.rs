//! An identity bridge for Red5 Pro.
//!
//! People sign in with their company's OpenID Connect provider; administrators
//! say in a table what each group may do on the streaming server; a session is
//! then exchanged for a short-lived HS256 token that Red5 Pro accepts.
//! `ARCHITECTURE.md` has the parts and the main flows.

pub mod app;
mod certificates;
pub mod check;
pub mod cli;
pub mod clock;
pub mod config;
#[cfg(feature = "demo")]
pub mod demo;
pub mod domain;
pub mod fingerprint;
pub mod flow;
#[cfg(any(test, feature = "fuzz"))]
pub mod fuzzing;
pub mod healthcheck;
pub mod inspect;
pub mod logging;
mod loopback;
pub mod metrics;
pub mod once;
pub mod random;
pub mod red5_config;
pub mod seal;
pub mod signer;
pub mod store;
pub mod tls;
pub mod upstream;
pub mod visible;
pub mod web;
