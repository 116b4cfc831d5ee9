//! The second listener, for metrics and health checks (`BRIDGE_OPS_LISTEN`).

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use actix_web::dev::{Server, ServerHandle};
use actix_web::middleware::from_fn;
use actix_web::{App, HttpServer};

use super::parts::SharedParts;
use super::{DISCONNECT_TIMEOUT, HEAD_TIMEOUT};
use crate::web as pages;

/// Maximum number of connections; monitoring needs few.
const CONNECTIONS_MAX: usize = 64;

/// The second listener, bound but not running yet.
pub(super) struct Ops {
    server: Server,
    address: SocketAddr,
}

impl Ops {
    /// Uses one worker thread of its own, so that it answers while the main listener is busy.
    pub(super) fn bind(listen: SocketAddr, parts: SharedParts) -> io::Result<Self> {
        let parts = Arc::new(parts);
        let server = HttpServer::new(move || {
            App::new()
                .configure(|service| parts.register(service))
                .wrap(from_fn(pages::render_refusals))
                .wrap(from_fn(pages::catch_panics))
                .wrap(from_fn(pages::add_headers))
                .wrap(from_fn(pages::record_answers))
                .wrap(from_fn(pages::number_requests))
                .wrap(from_fn(pages::note_route))
                .configure(pages::configure_ops)
        })
        .keep_alive(HEAD_TIMEOUT)
        .client_request_timeout(HEAD_TIMEOUT)
        .client_disconnect_timeout(DISCONNECT_TIMEOUT)
        .tcp_nodelay(true)
        .workers(1)
        .max_connections(CONNECTIONS_MAX)
        .disable_signals()
        .bind(listen)?;
        let address = server.addrs().first().copied().unwrap_or(listen);
        Ok(Self {
            server: server.run(),
            address,
        })
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Runs the listener in the background until it is stopped.
    pub(super) fn run(self) -> ServerHandle {
        tracing::info!(
            event = "ops_listening",
            "metrics on http://{}/metrics",
            self.address
        );
        let handle = self.server.handle();
        tokio::spawn(self.server);
        handle
    }
}
