//! Exchanges over connections that stay open, one session after the other.

use std::thread;
use std::time::{Duration, Instant};

use crate::connection::Connection;
use crate::rows::cookie;

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
        exchange(&mut Connection::open(&self.address).unwrap(), number);
    }

    /// One of each session, as fast as they go.
    pub fn each_once(&self) {
        thread::scope(|scope| {
            for first in 0..CONNECTIONS {
                scope.spawn(move || {
                    let mut connection = Connection::open(&self.address).unwrap();
                    for number in (first..self.sessions).step_by(CONNECTIONS as usize) {
                        exchange(&mut connection, number);
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
                            exchange(&mut connection, number);
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

/// Has to give a token.
fn exchange(connection: &mut Connection, number: u32) {
    let answer = connection.api(&cookie(number), "POST", "/api/token", "{}");
    let answer = answer.unwrap();
    assert!(
        answer.status == 200,
        "{} of session {number}: {}",
        answer.status,
        answer.body
    );
}
