//! The listeners beside the main one: for metrics and health checks (`BRIDGE_OPS_LISTEN`), and for
//! Red5 servers (`BRIDGE_RED5_LISTEN`).

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use actix_web::dev::{Server, ServerHandle};
use actix_web::http::KeepAlive;
use actix_web::middleware::from_fn;
use actix_web::{App, HttpServer, web};

use super::parts::SharedParts;
use super::{DISCONNECT_TIMEOUT, HEAD_TIMEOUT};
use crate::web as pages;

/// What a listener beside the main one serves.
pub(super) struct SideService {
    routes: fn(&mut web::ServiceConfig),
    connections_max: usize,
    keep_alive: KeepAlive,
    /// Logs the address.
    announce: fn(SocketAddr),
}

/// Metrics and health. Monitoring needs few connections.
pub(super) const OPS: SideService = SideService {
    routes: pages::configure_ops,
    connections_max: 64,
    keep_alive: KeepAlive::Timeout(HEAD_TIMEOUT),
    announce: |address| {
        tracing::info!(
            event = "ops_listening",
            "metrics on http://{address}/metrics"
        );
    },
};

/// The questions of Red5 servers. Each comes with a connection of its own, which is closed after the
/// answer, so that it does not keep one of the places; further ones wait in the listen queue.
pub(super) const RED5: SideService = SideService {
    routes: pages::configure_red5,
    connections_max: 64,
    keep_alive: KeepAlive::Disabled,
    announce: |address| {
        tracing::info!(
            event = "red5_listening",
            "round trip on http://{address}/validateCredentials"
        );
    },
};

/// A listener that is bound but not running yet.
pub(super) struct SideListener {
    server: Server,
    address: SocketAddr,
    announce: fn(SocketAddr),
}

impl SideListener {
    /// Uses one worker thread of its own, so that it answers while the main listener is busy.
    pub(super) fn bind(
        listen: SocketAddr,
        parts: SharedParts,
        service: &SideService,
    ) -> io::Result<Self> {
        let parts = Arc::new(parts);
        let routes = service.routes;
        let server = HttpServer::new(move || {
            App::new()
                .configure(|service| parts.register(service))
                .wrap(from_fn(pages::render_refusals))
                .wrap(from_fn(pages::catch_panics))
                .wrap(from_fn(pages::add_headers))
                .wrap(from_fn(pages::record_answers))
                .wrap(from_fn(pages::number_requests))
                .wrap(from_fn(pages::note_route))
                .configure(routes)
        })
        .keep_alive(service.keep_alive)
        .client_request_timeout(HEAD_TIMEOUT)
        .client_disconnect_timeout(DISCONNECT_TIMEOUT)
        .tcp_nodelay(true)
        .workers(1)
        .max_connections(service.connections_max)
        .disable_signals()
        .bind(listen)?;
        let address = server.addrs().first().copied().unwrap_or(listen);
        Ok(Self {
            server: server.run(),
            address,
            announce: service.announce,
        })
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Runs the listener in the background until it is stopped.
    pub(super) fn run(self) -> ServerHandle {
        (self.announce)(self.address);
        let handle = self.server.handle();
        tokio::spawn(self.server);
        handle
    }
}
