//! The composition root: binds the listeners, runs the server and stops it.

mod parts;
mod side;
mod supervise;

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::num::NonZero;
use std::sync::Arc;
use std::thread::available_parallelism;
use std::time::Duration;

use actix_web::dev::ServerHandle;
use actix_web::middleware::from_fn;
use actix_web::{App, HttpServer, web};
use tokio::task::JoinHandle;

use crate::clock::Clock;
use crate::config::Config;
use crate::flow::refresh::Refresher;
use crate::oidc::SettingsError;
use crate::seal::SealError;
use crate::signer::SignError;
use crate::store::Store;
use crate::store::session_cache::SessionCache;
use crate::store::snapshot::SnapshotKeeper;
use crate::web as pages;
use pages::Stopping;
use parts::Parts;
pub(crate) use parts::{explain, mapping_editor};
use side::SideListener;
use supervise::supervise;

/// How long running requests may take to finish after a stop, in seconds.
const DRAIN_SECONDS: u64 = 10;

/// How long a stop then waits for refreshes: the provider may already have spent a refresh token,
/// and the new one must reach the row.
const REFRESH_DRAIN: Duration = Duration::from_secs(40);

/// Longest time for the head of a connection's first request, and longest idle time of a
/// connection. A proxy's idle time must be shorter, or it sends requests into connections that are
/// being closed.
const HEAD_TIMEOUT: Duration = Duration::from_secs(5);

/// Longest time for remaining input from a client after its answer.
const DISCONNECT_TIMEOUT: Duration = Duration::from_secs(1);

/// Why the bridge does not start. An unavailable database or provider does not prevent it: the
/// bridge starts, and `/readyz` reports what is missing.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// `DATABASE_URL` or `DATABASE_LISTEN_URL`. The library's message is dropped, because it could
    /// contain the password.
    #[error("DATABASE_URL or DATABASE_LISTEN_URL cannot be read as a postgres:// address")]
    DatabaseUrl,
    /// `BRIDGE_PUBLIC_URL`
    #[error("BRIDGE_PUBLIC_URL cannot be joined with a path")]
    PublicUrl,
    /// `OIDC_*`
    #[error("the provider's settings: {0}")]
    Provider(#[from] SettingsError),
    /// `BRIDGE_SECRET_KEYS`
    #[error("BRIDGE_SECRET_KEYS: {0}")]
    Seal(#[from] SealError),
    /// `RED5_JWT_SECRET`
    #[error("RED5_JWT_SECRET: {0}")]
    Sign(#[from] SignError),
    /// `BRIDGE_LISTEN`
    #[error("BRIDGE_LISTEN: {}", refusal(*.0, .1))]
    Bind(SocketAddr, #[source] std::io::Error),
    /// `BRIDGE_OPS_LISTEN`
    #[error("BRIDGE_OPS_LISTEN: {}", refusal(*.0, .1))]
    BindOps(SocketAddr, #[source] std::io::Error),
    /// `BRIDGE_RED5_LISTEN`
    #[error("BRIDGE_RED5_LISTEN: {}", refusal(*.0, .1))]
    BindRed5(SocketAddr, #[source] std::io::Error),
}

/// Why a listener cannot be bound, and the remedy.
fn refusal(listen: SocketAddr, error: &std::io::Error) -> String {
    let port = listen.port();
    match error.kind() {
        ErrorKind::AddrInUse => format!(
            "port {port} of {} is taken by another program: stop that one, or choose another port",
            listen.ip()
        ),
        ErrorKind::AddrNotAvailable => format!("this machine has no address {}", listen.ip()),
        ErrorKind::PermissionDenied => {
            format!("this user may not listen on port {port}: choose one above 1023")
        }
        _ => format!("cannot listen on {listen}: {error}"),
    }
}

/// A bridge that is bound but not running yet.
pub struct Bridge {
    server: actix_web::dev::Server,
    ops: Option<SideListener>,
    red5: Option<SideListener>,
    stopping: web::Data<Stopping>,
    address: SocketAddr,
    connections: usize,
    tasks: Vec<JoinHandle<()>>,
    refresher: Arc<Refresher>,
    sessions: Arc<SessionCache>,
    snapshots: Arc<SnapshotKeeper>,
    store: Store,
}

/// Stops a running bridge.
#[derive(Clone)]
pub struct BridgeHandle {
    server: ServerHandle,
    stopping: web::Data<Stopping>,
}

impl BridgeHandle {
    /// `/readyz` is 503 from now on, and no new connections are accepted. If `graceful`, running
    /// requests are finished.
    pub async fn stop(&self, graceful: bool) {
        self.stopping.begin();
        self.server.stop(graceful).await;
    }
}

impl Bridge {
    /// Builds every part and binds the listeners; does not wait for the database or the provider.
    /// `workers` is for benchmarks; `None` means one per core.
    pub fn build(
        config: Config,
        clock: Arc<dyn Clock>,
        workers: Option<usize>,
    ) -> Result<Self, StartError> {
        crate::oidc::http::install_crypto();
        let Parts {
            listen,
            ops_listen,
            red5_listen,
            base,
            shared,
            ops,
            red5,
            stopping,
            failing_tasks,
            mut tasks,
            store,
            cache,
            snapshots,
            refresher,
        } = Parts::new(config, clock)?;
        let ops = ops_listen.map(|listen| {
            let bound = SideListener::bind(listen, ops, &side::OPS);
            bound.map_err(|error| StartError::BindOps(listen, error))
        });
        let ops = ops.transpose()?;
        let red5 = red5_listen.map(|listen| {
            let bound = SideListener::bind(listen, red5, &side::RED5);
            bound.map_err(|error| StartError::BindRed5(listen, error))
        });
        let red5 = red5.transpose()?;
        let workers = workers
            .or_else(|| available_parallelism().ok().map(NonZero::get))
            .unwrap_or(1);
        let most = pages::most_connections();
        let connections = pages::Connections::default();
        let watched = connections.clone();
        tasks.push(supervise("watch_connections", &failing_tasks, move || {
            let watched = watched.clone();
            async move { watched.watch().await }
        }));
        let shared = Arc::new(shared);
        let server = HttpServer::new(move || {
            App::new()
                .configure(|service| shared.register(service))
                // The last layer is the outermost.
                .wrap(from_fn(pages::count_requests))
                .wrap(from_fn(pages::render_refusals))
                .wrap(from_fn(pages::add_cors))
                .wrap(from_fn(pages::catch_panics))
                .wrap(from_fn(pages::add_headers))
                .wrap(from_fn(pages::record_answers))
                .wrap(from_fn(pages::number_requests))
                .wrap(from_fn(pages::note_route))
                .wrap(from_fn(pages::note_requests))
                .configure(|service| pages::configure(service, &base))
        })
        .on_connect(move |io, data| connections.add(io, data))
        .keep_alive(HEAD_TIMEOUT)
        .client_request_timeout(HEAD_TIMEOUT)
        .client_disconnect_timeout(DISCONNECT_TIMEOUT)
        // Without it, an answer in two writes would wait for the client's delayed acknowledgement.
        .tcp_nodelay(true)
        .workers(workers)
        .max_connections((most / workers).max(1))
        .disable_signals()
        .shutdown_timeout(DRAIN_SECONDS);
        let server = server
            .bind(listen)
            .map_err(|error| StartError::Bind(listen, error))?;
        let address = server.addrs().first().copied().unwrap_or(listen);
        Ok(Self {
            server: server.run(),
            ops,
            red5,
            stopping,
            address,
            connections: most,
            tasks,
            refresher,
            sessions: cache,
            snapshots,
            store,
        })
    }

    /// The bound address, with the actual port.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The bound address of the second listener, if there is one.
    pub fn ops_address(&self) -> Option<SocketAddr> {
        self.ops.as_ref().map(SideListener::address)
    }

    /// The bound address of the listener for Red5 servers, if there is one.
    pub fn red5_address(&self) -> Option<SocketAddr> {
        self.red5.as_ref().map(SideListener::address)
    }

    /// A handle with which to stop the bridge.
    pub fn handle(&self) -> BridgeHandle {
        BridgeHandle {
            server: self.server.handle(),
            stopping: self.stopping.clone(),
        }
    }

    /// Runs until the bridge is stopped, then finishes requests and writes what is only in memory.
    pub async fn run(self) -> std::io::Result<()> {
        // The address is at the end of the line, so that the parent process can read it.
        tracing::info!("listening on http://{}", self.address);
        let ops = self.ops.map(SideListener::run);
        let red5 = self.red5.map(SideListener::run);
        tracing::info!(
            event = "connections",
            "at most {} connections at once",
            self.connections
        );
        let outcome = self.server.await;
        if let Some(red5) = red5 {
            red5.stop(true).await;
        }
        self.refresher.finish(REFRESH_DRAIN).await;
        for task in &self.tasks {
            task.abort();
        }
        parts::flush(&self.sessions, &self.snapshots).await;
        self.store.close().await;
        // Stopped last: until then `/readyz` reports that the bridge is stopping.
        if let Some(ops) = ops {
            ops.stop(false).await;
        }
        outcome
    }
}
