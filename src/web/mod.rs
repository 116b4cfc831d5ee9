//! HTTP and HTML.
//!
//! [`routes`] is the table of all paths. A handler takes the values that [`extract`] has proven,
//! and returns an answer or a refusal ([`error`]). The layers around all handlers use the same
//! table.

pub(crate) mod admin;
mod api_docs;
mod assets;
mod auth;
mod body;
mod client_ip;
mod connections;
mod cookies;
mod copy_lines;
mod cors;
mod csrf;
mod error;
mod extract;
mod form;
#[cfg(any(test, feature = "fuzz"))]
#[path = "../../fuzz/helpers/web.rs"]
pub(crate) mod fuzzing;
mod health;
mod layers;
mod metrics;
mod oauth;
mod own_sessions;
mod page;
mod panics;
mod portal;
mod qr;
mod query;
mod rate_limit;
mod request_id;
mod round_trip;
mod route;
mod routes;
mod security_headers;
mod site;
mod to_provider;
mod token;
mod user_agent;
mod views;

pub use client_ip::TrustedProxies;
pub use connections::{Connections, most_connections, note as note_requests};
pub use cors::add as add_cors;
pub use error::render as render_refusals;
pub use health::{FailingTasks, Stopping};
pub use layers::record as record_answers;
pub use panics::catch as catch_panics;
pub use rate_limit::{RateLimits, count as count_requests};
pub use request_id::number as number_requests;
pub use round_trip::Red5Networks;
pub use routes::{
    configure, configure_ops, configure_red5, labels as route_labels, note as note_route,
};
pub use security_headers::add as add_headers;
pub use site::Site;
pub use token::Red5Server;
