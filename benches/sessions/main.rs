//! Many sessions: `make sessions`.
//!
//! A bridge starts on a database with 100,000 live sessions, each is used once, so
//! that all are in memory, and what that takes is printed. Then rows of sessions that are
//! over are removed, a million of them, by the bridge's own sweep, while exchanges go on at
//! a steady pace; before and after it they go on at the same pace without it. The
//! rounds follow one another, so that whatever else the machine does meets all three.
//!
//! The bridge is the program itself, in a process of its own; rows are written in SQL.
//! `SESSIONS`, `EXPIRED` and `ROUNDS` set other numbers.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a program for developers: it prints its table, and ends where it cannot go on"
)]

mod bridge;
mod connection;
mod load;
mod rows;

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use bridge::Bridge;
use load::Load;
use rows::Rows;

/// How long exchanges are measured without a sweep, before it and after it.
const QUIET: Duration = Duration::from_secs(10);

fn main() {
    let sessions = number("SESSIONS", 100_000);
    let expired = number("EXPIRED", 1_000_000);
    let rounds = number("ROUNDS", 3);
    let rows = Rows::make(&server());

    let empty = median(
        (0..5)
            .map(|_| Bridge::start(&rows.url).started_in)
            .collect(),
    );
    rows.write_live(sessions);
    let full = median(
        (0..5)
            .map(|_| Bridge::start(&rows.url).started_in)
            .collect(),
    );
    println!("from the start of the program to the first 200 of /readyz, median of 5");
    println!("{:36}{:>8.0} ms", "no sessions", millis(empty));
    println!(
        "{:36}{:>8.0} ms",
        format!("{sessions} live sessions"),
        millis(full)
    );

    let bridge = Bridge::start(&rows.url);
    let load = Load::new(&bridge.address, sessions);
    load.once(0);
    let before = bridge.resident_kb();
    let begun = Instant::now();
    load.each_once();
    let took = begun.elapsed();
    let after = bridge.resident_kb();
    println!("\neach session used once, by an exchange that reads its row");
    println!(
        "{:36}{:>8} sessions",
        "in memory",
        bridge.sessions_in_memory()
    );
    println!(
        "{:36}{:>8.0} exchanges/s",
        "",
        f64::from(sessions) / took.as_secs_f64()
    );
    println!("{:36}{before:>8} kB", "resident before");
    println!("{:36}{after:>8} kB", "resident after");
    let bytes = after.saturating_sub(before) * 1024 / u64::from(sessions);
    println!("{:36}{bytes:>8} bytes", "for each session");

    println!("\n{}", load::described());
    println!("{:36}{:>10}{:>10}{:>12}", "", "p50", "p99", "exchanges");
    let mut ratios = [Vec::new(), Vec::new()];
    for round in 1..=rounds {
        rows.write_expired(expired);
        let quiet = load.until(&|since| since >= QUIET);
        let over = AtomicBool::new(false);
        let (swept, during) = std::thread::scope(|scope| {
            let sweep = scope.spawn(|| {
                let begun = Instant::now();
                let swept = rows.sweep();
                over.store(true, Ordering::SeqCst);
                (swept, begun.elapsed())
            });
            let during = load.until(&|_| over.load(Ordering::SeqCst));
            (sweep.join().unwrap(), during)
        });
        let (swept, took) = swept;
        let again = load.until(&|since| since >= QUIET);
        println!(
            "round {round}: {swept} rows swept in {:.1} s",
            took.as_secs_f64()
        );
        for (name, waits) in [
            ("without a sweep", &quiet),
            ("while it runs", &during),
            ("after it", &again),
        ] {
            let [p50, p99] = [0.5, 0.99].map(|part| millis(waits.quantile(part)));
            println!("{name:36}{p50:>7.2} ms{p99:>7.2} ms{:>12}", waits.count());
        }
        for (ratios, part) in ratios.iter_mut().zip([0.5, 0.99]) {
            let [quiet, during, again] =
                [&quiet, &during, &again].map(|waits| millis(waits.quantile(part)));
            ratios.push(during / f64::midpoint(quiet, again));
        }
    }
    let [p50, p99] = ratios.map(|mut ratios| {
        ratios.sort_by(f64::total_cmp);
        ratios[ratios.len() / 2]
    });
    println!(
        "{:36}{p50:>10.2}{p99:>10.2}",
        "ratio, with it to without, median"
    );
    drop(bridge);
    rows.remove();
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

#[expect(
    clippy::disallowed_methods,
    reason = "a program of its own, for developers"
)]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

fn number(name: &str, usual: u32) -> u32 {
    variable(name).map_or(usual, |text| text.parse().unwrap())
}

fn server() -> String {
    variable("DATABASE_URL").unwrap_or_else(|| {
        println!("DATABASE_URL is not set: run it with `make sessions`");
        std::process::exit(1)
    })
}
