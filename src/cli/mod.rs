//! The command line: each word is one call. Exit 0: good; 1: a finding;
//! 2: wrong words.

pub mod check;
mod healthcheck;
pub mod inspect;
mod red5_config;
mod words;

use std::io::{IsTerminal, Read};
use std::process::ExitCode;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use clap::Parser;
use secrecy::ExposeSecret;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::app::{Bridge, StartError};
use crate::clock::{Clock, SystemClock};
use crate::config::red5::Red5;
use crate::config::{self, Config};
use crate::logging::{self, LogFormat};
use crate::seal::random;
use crate::store::Store;
use check::Sources;
use inspect::{GIVEN_MAX, Verdict};
use words::{Word, Words};

/// The words were right and there was nothing to work on.
const USAGE: u8 = 2;

/// Does what the command line says.
pub async fn run() -> ExitCode {
    match Words::parse().word.unwrap_or(Word::Serve) {
        Word::Serve => serve().await,
        Word::Migrate => migrate().await,
        Word::Check => check().await,
        Word::Keygen => keygen(),
        Word::Inspect { token } => inspect_token(token),
        Word::Red5Config { show_secret } => print_red5_config(show_secret),
        Word::Healthcheck => ask_whether_ready().await,
    }
}

async fn serve() -> ExitCode {
    let config = match Config::from_env() {
        Ok(config) => config,
        Err(problems) => return served(Err(problems)),
    };
    begin_log(config.log_format, &config.log_filter);
    for unknown in config::unknown(config::names_set().iter().map(String::as_str)) {
        let (variable, remedy) = (unknown.variable, unknown.remedy);
        tracing::warn!(event = "unknown_variable", variable, remedy);
    }
    served(serve_until_stopped(config, None).await)
}

/// Runs the bridge until a signal stops it; `welcome` is printed once it listens.
///
/// # Errors
/// When the bridge does not start, or ends with an error.
pub async fn serve_until_stopped(
    config: Config,
    welcome: Option<String>,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let bridge = Bridge::build(config, Arc::new(SystemClock), None)?;
    let handle = bridge.handle();
    if let Some(welcome) = welcome {
        say(&welcome);
    }
    let mut signals = StopSignals::new()?;
    let stopped_by_signals = async move {
        signals.next().await;
        tracing::info!(
            event = "stopping",
            "stopping: requests under way may finish; a second signal stops at once"
        );
        tokio::spawn(async move { handle.stop(true).await });
        signals.next().await;
        tracing::warn!(
            event = "stopped_at_once",
            "stopped at once by a second signal: requests under way were cut off"
        );
    };
    tokio::select! {
        outcome = bridge.run() => Ok(outcome?),
        () = stopped_by_signals => Ok(()),
    }
}

/// Ctrl-C, and SIGTERM as a service manager sends it.
struct StopSignals {
    interrupt: Signal,
    terminate: Signal,
}

impl StopSignals {
    fn new() -> std::io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

async fn migrate() -> ExitCode {
    let database = match config::part(config::read_database) {
        Ok(database) => database,
        Err(problems) => return finding(Err(problems)),
    };
    let listen_url = database.listen_url.as_ref();
    let store = Store::open(
        database.url.expose_secret(),
        listen_url.map(ExposeSecret::expose_secret),
        database.pool,
    );
    let store = match store.map_err(|_| StartError::DatabaseUrl) {
        Ok(store) => store,
        Err(error) => return finding(Err(error)),
    };
    let migrated = store.migrate().await;
    store.close().await;
    if migrated.is_ok() {
        say("the tables are up to date");
    }
    finding(migrated)
}

/// Everything that can be known from here, good or not.
async fn check() -> ExitCode {
    let sources = match Sources::of_environment() {
        Ok(sources) => sources,
        Err(problems) => return finding(Err(problems)),
    };
    let report = check::run(&sources, Arc::new(SystemClock)).await;
    say(report.to_string().trim_end());
    if report.findings() == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn keygen() -> ExitCode {
    let key = random::<32>();
    if let Ok(key) = &key {
        say(&STANDARD.encode(key));
    }
    finding(key.map(|_| ()))
}

fn inspect_token(token: Option<String>) -> ExitCode {
    let red5 = match config::part(Red5::read) {
        Ok(red5) => red5,
        Err(problems) => return finding(Err(problems)),
    };
    let given = match token.filter(|token| token != "-") {
        Some(token) => token.into_bytes(),
        None => match read_stdin() {
            Ok(given) => given,
            Err(error) => {
                complain(&format!("standard input cannot be read: {error}"));
                return ExitCode::from(USAGE);
            }
        },
    };
    let report = inspect::report(&given, &red5, SystemClock.now());
    for line in &report.lines {
        say(line);
    }
    match report.verdict {
        Verdict::Good => ExitCode::SUCCESS,
        Verdict::Finding => ExitCode::FAILURE,
        Verdict::NoToken => ExitCode::from(USAGE),
    }
}

fn read_stdin() -> std::io::Result<Vec<u8>> {
    if std::io::stdin().is_terminal() {
        complain("reading a token from standard input; end with Ctrl-D");
    }
    let mut given = Vec::new();
    let most = u64::try_from(GIVEN_MAX).unwrap_or(u64::MAX);
    std::io::stdin().take(most + 1).read_to_end(&mut given)?;
    Ok(given)
}

fn print_red5_config(show_secret: bool) -> ExitCode {
    match config::part(Red5::read) {
        Ok(red5) => {
            say(red5_config::text(&red5, show_secret).trim_end());
            ExitCode::SUCCESS
        }
        Err(problems) => finding(Err(problems)),
    }
}

async fn ask_whether_ready() -> ExitCode {
    let listen = match config::part(config::read_listen) {
        Ok(listen) => listen,
        Err(problems) => return finding(Err(problems)),
    };
    match healthcheck::ask(listen).await {
        Ok(ready) => {
            say(&ready);
            ExitCode::SUCCESS
        }
        Err(reason) => {
            say(&reason);
            ExitCode::FAILURE
        }
    }
}

fn begin_log(format: LogFormat, filter: &str) {
    if let Err(error) = logging::install(format, filter) {
        complain(&error.to_string());
    }
}

/// Why it did not serve, and where to read what to do about it.
fn served<E: std::fmt::Display>(outcome: Result<(), E>) -> ExitCode {
    let failed = outcome.is_err();
    let code = finding(outcome);
    if failed {
        complain("red5-bridge check says everything that is wrong, and what to do about it");
    }
    code
}

fn finding<E: std::fmt::Display>(outcome: Result<(), E>) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(&error.to_string());
            ExitCode::FAILURE
        }
    }
}

#[expect(clippy::print_stdout, reason = "the answer of a command")]
fn say(line: &str) {
    println!("{line}");
}

#[expect(clippy::print_stderr, reason = "before there is a log")]
fn complain(line: &str) {
    eprintln!("{}", line.trim_end());
}
