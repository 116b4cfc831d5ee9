//! Closes connections that clients hold open without using them (AV-3).
//!
//! The server limits the time for the head of a connection's first request, and closes idle
//! connections. It has no limit for the head of a *later* request, or for a chunked body that no
//! handler reads; both could be sent slowly for ever. So every connection is tracked here, and one
//! without an answer for [`IDLE_TIMEOUT`] is closed, whatever it sends meanwhile.

use std::any::Any;
use std::net::{Shutdown, TcpStream};
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use actix_web::Error;
use actix_web::body::MessageBody;
use actix_web::dev::{Extensions, ServiceRequest, ServiceResponse};
use actix_web::middleware::Next;
use actix_web::rt::net::TcpStream as ServedStream;

/// Longest time between an answer and the next complete head.
const IDLE_TIMEOUT: Duration = Duration::from_secs(15);

/// Interval at which connections are checked.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Maximum number of connections, if the limit of open files allows it.
const CONNECTIONS_MAX: usize = 10_000;

/// Open files reserved for everything else: database, provider, log, listeners.
const FILES_KEPT: usize = 200;

/// The usual default limit of open files of a process.
const FILES_USUAL: usize = 1024;

/// Maximum number of connections of this process. Each takes two open files, one of them for
/// closing it. With more connections, no files would be left for the database.
pub fn most_connections() -> usize {
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap_or_default();
    within(open_files(&limits).unwrap_or(FILES_USUAL))
}

fn within(files: usize) -> usize {
    (files.saturating_sub(FILES_KEPT) / 2).clamp(1, CONNECTIONS_MAX)
}

/// The soft limit in `/proc/self/limits` (Linux).
fn open_files(limits: &str) -> Option<usize> {
    let line = limits
        .lines()
        .find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}

/// All open connections.
#[derive(Clone, Default)]
pub struct Connections(Arc<Mutex<Vec<Weak<Connection>>>>);

struct Connection {
    /// A duplicate of the connection's socket.
    socket: TcpStream,
    opened: Instant,
    /// Number of requests that are being answered.
    under_way: AtomicUsize,
    /// Milliseconds from `opened` to the end of the latest answer.
    answered: AtomicU64,
}

impl Connections {
    /// Adds a new connection; called by the server's hook.
    pub fn add(&self, io: &dyn Any, data: &mut Extensions) {
        let Some(stream) = io.downcast_ref::<ServedStream>() else {
            return;
        };
        let Ok(socket) = stream.as_fd().try_clone_to_owned() else {
            return;
        };
        let connection = Arc::new(Connection {
            socket: socket.into(),
            opened: Instant::now(),
            under_way: AtomicUsize::new(0),
            answered: AtomicU64::new(0),
        });
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        open.push(Arc::downgrade(&connection));
        data.insert(connection);
    }

    /// Closes connections that exceed [`IDLE_TIMEOUT`]. Never returns.
    pub async fn watch(&self) {
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            open.retain(|connection| match connection.upgrade() {
                Some(connection) => !connection.shut_if_held(),
                None => false,
            });
        }
    }
}

impl Connection {
    fn shut_if_held(&self) -> bool {
        let answered = Duration::from_millis(self.answered.load(Ordering::SeqCst));
        let rested = self.opened.elapsed().saturating_sub(answered);
        let held = self.under_way.load(Ordering::SeqCst) == 0 && rested > IDLE_TIMEOUT;
        if held {
            // An error means that the connection is already closed.
            let _ = self.socket.shutdown(Shutdown::Both);
        }
        held
    }
}

/// Marks a request as being answered, until it is dropped.
struct UnderWay(Arc<Connection>);

impl UnderWay {
    fn new(connection: &Arc<Connection>) -> Self {
        connection.under_way.fetch_add(1, Ordering::SeqCst);
        Self(Arc::clone(connection))
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        let millis = u64::try_from(self.0.opened.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.0.answered.store(millis, Ordering::SeqCst);
        self.0.under_way.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Layer: marks the connection as busy while a request is being answered.
pub async fn note(
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let _under_way = request.conn_data::<Arc<Connection>>().map(UnderWay::new);
    next.call(request).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn av_3_connections_leave_files_for_everything_else() {
        let linux = "Limit                     Soft Limit           Hard Limit           Units     \n\
                     Max cpu time              unlimited            unlimited            seconds   \n\
                     Max open files            1024                 524288               files     \n";
        assert_eq!(open_files(linux), Some(1024));
        assert_eq!(open_files("Max open files unlimited unlimited files"), None);
        assert_eq!(open_files(""), None);
        for (files, connections) in [
            (1024, 412),
            (20_400, 10_000),
            (1_048_576, 10_000),
            (256, 28),
            (200, 1),
            (0, 1),
        ] {
            assert_eq!(within(files), connections, "{files}");
        }
    }
}
