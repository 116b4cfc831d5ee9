//! What an exchange costs: `make bench`.
//!
//! Over HTTP as a ratio to a bare handler that parses the same JSON and returns
//! the same bytes, because requests/s say more about the machine than about the
//! bridge. Both servers have one worker; the load comes from another core; the
//! rounds alternate, so that whatever else the machine does meets both.
//!
//! In process (`cargo bench --bench exchange -- in-process` prints that alone): finding what
//! a person is granted, choosing the scope and checking it once more, with few mappings and with
//! many; and a thousand globs against a person in ten thousand groups.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a program for developers: it prints its table, and ends where it cannot go on"
)]

mod bare;
mod bridge;
mod globs;
mod load;
mod resolve;

use load::{Load, Round};

/// Rounds of each server.
const ROUNDS: usize = 9;

fn main() {
    for line in resolve::table().into_iter().chain(globs::table()) {
        println!("{line}");
    }
    if std::env::args().any(|word| word == "in-process") {
        return;
    }
    let load = Load::prepare();
    let bridge = bridge::start();
    let bare = bare::start(bridge.answer.clone());
    // Both once without counting: pages, caches, connections.
    load.round(&bare, &bridge.request);
    load.round(&bridge.address, &bridge.request);
    load.round(&bridge.address, &bridge.question);
    let mut rounds = [Vec::new(), Vec::new(), Vec::new()];
    for _ in 0..ROUNDS {
        rounds[0].push(load.round(&bare, &bridge.request));
        rounds[1].push(load.round(&bridge.address, &bridge.request));
        rounds[2].push(load.round(&bridge.address, &bridge.question));
    }
    let [bare, exchange, questions] = rounds;
    let ratios: Vec<f64> = bare
        .iter()
        .zip(&exchange)
        .map(|(bare, exchange)| exchange.per_second / bare.per_second)
        .collect();
    println!("\n{}", load.described(ROUNDS));
    println!("{:30}{:>12}{:>10}", "", "requests/s", "p99");
    report("bare handler", &bare);
    report("POST /api/token", &exchange);
    report("round trip, a connection each", &questions);
    let least = ratios.iter().copied().fold(f64::INFINITY, f64::min);
    let most = ratios.iter().copied().fold(0.0, f64::max);
    let middle = median(ratios);
    println!("{:30}{middle:>12.2}   ({least:.2} to {most:.2})", "ratio");
    bridge.end();
}

fn report(name: &str, rounds: &[Round]) {
    let per_second = median(rounds.iter().map(|round| round.per_second).collect());
    let p99 = median(rounds.iter().map(|round| round.p99_ms).collect());
    println!("{name:30}{per_second:>12.0}{p99:>7.2} ms");
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
