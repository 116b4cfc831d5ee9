//! Exchanges over connections that stay open, one session after the other.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use crate::rows::cookie;

pub const ORIGIN: &str = "https://bridge.example";

/// Connections.
const CONNECTIONS: u32 = 8;

/// Between the beginnings of two exchanges of one connection, at a steady pace.
const PACE: Duration = Duration::from_millis(20);

/// One line for people.
pub fn described() -> String {
    let per_second = f64::from(CONNECTIONS) / PACE.as_secs_f64();
    format!("{per_second:.0} exchanges/s over {CONNECTIONS} connections, another session each time")
}

/// The exchanges of so many sessions.
pub struct Load {
    address: String,
    sessions: u32,
}

impl Load {
    pub fn new(address: &str, sessions: u32) -> Self {
        Self {
            address: address.to_owned(),
            sessions,
        }
    }

    /// One exchange.
    pub fn once(&self, number: u32) {
        Connection::open(&self.address).unwrap().exchange(number);
    }

    /// One of each session, as fast as they go.
    pub fn each_once(&self) {
        thread::scope(|scope| {
            for first in 0..CONNECTIONS {
                scope.spawn(move || {
                    let mut connection = Connection::open(&self.address).unwrap();
                    for number in (first..self.sessions).step_by(CONNECTIONS as usize) {
                        connection.exchange(number);
                    }
                });
            }
        });
    }

    /// At a steady pace, until `over` says so of the time since the beginning. A late
    /// exchange does not delay those after it: its wait counts from when it was due.
    pub fn until(&self, over: &(dyn Fn(Duration) -> bool + Sync)) -> Waits {
        let begun = Instant::now();
        let mut all = thread::scope(|scope| {
            let threads: Vec<_> = (0..CONNECTIONS)
                .map(|first| {
                    scope.spawn(move || {
                        let mut connection = Connection::open(&self.address).unwrap();
                        let mut waits = Vec::new();
                        let mut due = begun + PACE * first / CONNECTIONS;
                        let numbers = (first..self.sessions).step_by(CONNECTIONS as usize);
                        for number in numbers.cycle() {
                            if over(begun.elapsed()) {
                                break;
                            }
                            thread::sleep(due.saturating_duration_since(Instant::now()));
                            connection.exchange(number);
                            waits.push(due.elapsed());
                            due += PACE;
                        }
                        waits
                    })
                })
                .collect();
            let waits = threads.into_iter().map(|thread| thread.join().unwrap());
            waits.flatten().collect::<Vec<_>>()
        });
        all.sort();
        Waits(all)
    }
}

/// How long exchanges took, the shortest first.
pub struct Waits(Vec<Duration>);

impl Waits {
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// The one below which this part of them lies, of 1.
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a place in a list of some thousands"
    )]
    pub fn quantile(&self, part: f64) -> Duration {
        let place = (self.0.len() as f64 * part) as usize;
        self.0[place.min(self.0.len() - 1)]
    }
}

/// What came back.
pub struct Answer {
    pub status: u16,
    pub body: String,
}

/// A connection that stays open. Nothing of it costs more than it must: the load
/// shares the machine with what is measured.
pub struct Connection(BufReader<TcpStream>);

impl Connection {
    pub fn open(address: &str) -> io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        Ok(Self(BufReader::new(stream)))
    }

    pub fn get(&mut self, path: &str) -> io::Result<Answer> {
        self.ask(&format!(
            "GET {path} HTTP/1.1\r\nHost: bridge.example\r\n\r\n"
        ))
    }

    /// Has to give a token.
    fn exchange(&mut self, number: u32) {
        let cookie = cookie(number);
        let request = format!(
            "POST /api/token HTTP/1.1\r\nHost: bridge.example\r\nContent-Type: application/json\r\n\
             X-Red5-Bridge: 1\r\nOrigin: {ORIGIN}\r\n\
             Cookie: __Host-bridge_session={cookie}\r\nContent-Length: 2\r\n\r\n{{}}"
        );
        let answer = self.ask(&request).unwrap();
        assert!(
            answer.status == 200,
            "{} of session {number}: {}",
            answer.status,
            answer.body
        );
    }

    fn ask(&mut self, request: &str) -> io::Result<Answer> {
        self.0.get_mut().write_all(request.as_bytes())?;
        let (mut status, mut length, mut line) = (0, 0, String::new());
        loop {
            line.clear();
            if self.0.read_line(&mut line)? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let line = line.trim_end().to_ascii_lowercase();
            if let Some(rest) = line.strip_prefix("http/1.1 ") {
                status = rest[..3].parse().unwrap();
            } else if let Some(number) = line.strip_prefix("content-length: ") {
                length = number.parse().unwrap();
            } else if line.is_empty() {
                break;
            }
        }
        let mut body = vec![0; length];
        self.0.read_exact(&mut body)?;
        Ok(Answer {
            status,
            body: String::from_utf8_lossy(&body).into_owned(),
        })
    }
}
