//! `wrk` on another core.

use std::path::Path;
use std::process::Command;
use std::thread::available_parallelism;

/// Seconds of one round.
const SECONDS: u32 = 2;
/// Connections of one round.
const CONNECTIONS: u32 = 32;
/// Where `scripts/provide wrk` unpacks it when the machine has none.
const UNPACKED: &str = ".local/debian/wrk/bin/wrk";

/// What is posted.
pub struct Request {
    pub path: &'static str,
    /// `keep-alive`, or `close` for a connection of its own.
    pub connection: &'static str,
    pub body: String,
    pub origin: String,
    pub cookie: String,
}

/// What one round came to.
pub struct Round {
    pub per_second: f64,
    pub p99_ms: f64,
}

/// How the load is made.
pub struct Load {
    wrk: &'static str,
    is_apart: bool,
}

impl Load {
    /// Keeps this process, with both servers in it, to the first core where
    /// there is another one for the load.
    pub fn prepare() -> Self {
        let wrk = if Path::new(UNPACKED).exists() {
            UNPACKED
        } else {
            "wrk"
        };
        let many = available_parallelism().is_ok_and(|cores| cores.get() > 1);
        let this = std::process::id().to_string();
        let pinned = many
            && Command::new("taskset")
                .args(["--all-tasks", "--cpu-list", "--pid", "0", &this])
                .output()
                .is_ok_and(|output| output.status.success());
        Self {
            wrk,
            is_apart: pinned,
        }
    }

    /// One line for people.
    pub fn described(&self, rounds: usize) -> String {
        let place = if self.is_apart {
            "on a core of its own"
        } else {
            "on whichever core is free"
        };
        format!(
            "over HTTP, one worker each, wrk with {CONNECTIONS} connections {place}, \
             {rounds} alternating rounds of {SECONDS} s, medians"
        )
    }

    /// One round against the server at `address`; every answer has to be good.
    pub fn round(&self, address: &str, request: &Request) -> Round {
        let mut command = if self.is_apart {
            let mut command = Command::new("taskset");
            command.args(["--cpu-list", "1", self.wrk]);
            command
        } else {
            Command::new(self.wrk)
        };
        let output = command
            .args(["--threads", "1", "--connections"])
            .arg(CONNECTIONS.to_string())
            .args(["--duration", &format!("{SECONDS}s")])
            .args(["--script", "benches/exchange/post.lua"])
            .arg(format!("{address}{}", request.path))
            .args(["--", &request.body, &request.origin, &request.cookie])
            .arg(request.connection)
            .output();
        let said = match output {
            Ok(output) => String::from_utf8_lossy(&output.stdout).into_owned(),
            Err(error) => format!("wrk does not run: {error}; try scripts/provide wrk"),
        };
        let numbers: Vec<f64> = said
            .lines()
            .find_map(|line| line.strip_prefix("RESULT "))
            .into_iter()
            .flat_map(|line| line.split(' ').map(|number| number.parse().unwrap()))
            .collect();
        let [requests, microseconds, p99, errors] = numbers[..] else {
            println!("{said}");
            std::process::exit(1)
        };
        assert!(errors == 0.0, "{errors} of {requests} answers were not 200");
        Round {
            per_second: requests * 1e6 / microseconds,
            p99_ms: p99 / 1e3,
        }
    }
}
