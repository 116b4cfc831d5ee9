//! An HTTP server of the demo, on the loopback.

use std::io;
use std::net::TcpListener;

use actix_web::dev::ServerHandle;
use actix_web::web::ServiceConfig;
use actix_web::{App, HttpServer};
use tokio::task::JoinHandle;

/// A running server.
#[derive(Debug)]
pub(super) struct Server {
    origin: String,
    handle: ServerHandle,
    serving: JoinHandle<io::Result<()>>,
}

impl Server {
    /// Serves on `listener` what `configure` adds for a server at the origin that it is given.
    pub(super) fn start<C>(
        listener: TcpListener,
        configure: impl FnOnce(&str) -> io::Result<C>,
    ) -> io::Result<Self>
    where
        C: Fn(&mut ServiceConfig) + Clone + Send + 'static,
    {
        let origin = format!("http://{}", listener.local_addr()?);
        let configure = configure(&origin)?;
        let server = HttpServer::new(move || App::new().configure(configure.clone()))
            .workers(1)
            .disable_signals()
            .listen(listener)?
            .run();
        Ok(Self {
            origin,
            handle: server.handle(),
            serving: tokio::spawn(server),
        })
    }

    /// Its address, without a slash at the end.
    pub(super) fn origin(&self) -> &str {
        &self.origin
    }

    /// Answers what is under way, then ends.
    pub(super) async fn stop(self) {
        self.handle.stop(true).await;
        // How serving ended says nothing that the caller could act on.
        let _ = self.serving.await;
    }
}
