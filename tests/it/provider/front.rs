//! A socket in front of the provider. It passes requests on, one a connection, speaks
//! TLS if it is to, and does what no HTTP server would do.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// What is written to a connection, once the request has been read.
#[derive(Clone)]
pub struct Wire {
    bytes: Vec<u8>,
    then: Then,
}

#[derive(Clone)]
enum Then {
    Close,
    Hang,
    /// The same again and again, after a pause each time.
    Repeat(Vec<u8>, Duration),
}

impl Wire {
    /// These bytes, and the connection is closed.
    pub fn says(bytes: &[u8]) -> Self {
        Self {
            bytes: bytes.to_vec(),
            then: Then::Close,
        }
    }

    /// After its bytes nothing more comes.
    pub fn and_hangs(mut self) -> Self {
        self.then = Then::Hang;
        self
    }

    /// After its bytes these follow, again and again.
    pub fn and_repeats(mut self, bytes: &[u8], pause: Duration) -> Self {
        self.then = Then::Repeat(bytes.to_vec(), pause);
        self
    }
}

/// Runs until the test is over.
pub struct Front {
    port: u16,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    behind: u16,
    tls: Option<Arc<ServerConfig>>,
    /// The path that is answered so.
    instead: Mutex<Option<(&'static str, Wire)>>,
    written: AtomicUsize,
    over: AtomicBool,
}

impl Front {
    /// Listens at `port` for the server at `behind`.
    pub fn start(port: u16, behind: u16, tls: Option<Arc<ServerConfig>>) -> Self {
        let state = Arc::new(State {
            behind,
            tls,
            ..State::default()
        });
        let listener = TcpListener::bind(("127.0.0.1", port)).unwrap();
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                if shared.over.load(Ordering::SeqCst) {
                    return;
                }
                let state = Arc::clone(&shared);
                thread::spawn(move || state.serve(connection));
            }
        });
        Self { port, state }
    }

    /// From now on this path is answered so.
    pub fn always(&self, path: &'static str, wire: Wire) {
        *self.state.instead.lock().unwrap() = Some((path, wire));
    }

    /// It passes on again; says how many bytes were taken off it instead.
    pub fn behave(&self) -> usize {
        *self.state.instead.lock().unwrap() = None;
        self.state.written.swap(0, Ordering::SeqCst)
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        self.state.over.store(true, Ordering::SeqCst);
        // Wakes the one that waits for connections.
        let _ = TcpStream::connect(("127.0.0.1", self.port));
    }
}

impl State {
    /// A connection that fails is the other side's choice, and no error of the test.
    fn serve(&self, connection: TcpStream) {
        let done = match &self.tls {
            None => self.answer(connection),
            Some(config) => ServerConnection::new(Arc::clone(config))
                .map_err(std::io::Error::other)
                .and_then(|tls| self.answer(StreamOwned::new(tls, connection))),
        };
        drop(done);
    }

    fn answer(&self, mut connection: impl Read + Write) -> std::io::Result<()> {
        let request = read_request(&mut connection)?;
        let instead = self.instead.lock().unwrap().clone();
        if let Some((_, wire)) = instead.filter(|(path, _)| is_for(&request, path)) {
            return self.misbehave(&mut connection, &wire);
        }
        let mut behind = TcpStream::connect(("127.0.0.1", self.behind))?;
        behind.write_all(&request)?;
        let mut answer = Vec::new();
        behind.read_to_end(&mut answer)?;
        connection.write_all(&answer)?;
        connection.flush()
    }

    fn misbehave(&self, connection: &mut impl Write, wire: &Wire) -> std::io::Result<()> {
        connection.write_all(&wire.bytes)?;
        connection.flush()?;
        match &wire.then {
            Then::Close => Ok(()),
            Then::Hang => {
                while !self.over.load(Ordering::SeqCst) && self.instead.lock().unwrap().is_some() {
                    thread::sleep(Duration::from_millis(20));
                }
                Ok(())
            }
            Then::Repeat(bytes, pause) => loop {
                connection.write_all(bytes)?;
                connection.flush()?;
                self.written.fetch_add(bytes.len(), Ordering::SeqCst);
                thread::sleep(*pause);
            },
        }
    }
}

fn is_for(request: &[u8], path: &str) -> bool {
    let head = String::from_utf8_lossy(request);
    head.split(' ').nth(1) == Some(path)
}

/// Head and body of one request.
fn read_request(connection: &mut impl Read) -> std::io::Result<Vec<u8>> {
    let mut request = Vec::new();
    let mut piece = [0; 4096];
    loop {
        let head = request.windows(4).position(|end| end == b"\r\n\r\n");
        if let Some(head) = head
            && request.len() >= head + 4 + content_length(&request[..head])
        {
            return Ok(request);
        }
        match connection.read(&mut piece)? {
            0 => return Err(std::io::ErrorKind::UnexpectedEof.into()),
            read => request.extend_from_slice(&piece[..read]),
        }
    }
}

fn content_length(head: &[u8]) -> usize {
    let head = String::from_utf8_lossy(head).to_lowercase();
    let line = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length:"));
    line.map_or(0, |value| value.trim().parse().unwrap())
}
