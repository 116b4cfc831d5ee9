//! The command line: one function per command.

mod arguments;
pub mod check;
pub mod explain;
mod healthcheck;
pub mod inspect;
mod mappings;
mod people;
mod red5_config;
mod terminal;

use std::process::ExitCode;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use clap::Parser;
use secrecy::ExposeSecret;
use tokio::signal::unix::{SignalKind, signal};

use crate::app::{Bridge, StartError};
use crate::clock::{Clock, SystemClock};
use crate::config::red5::Red5;
use crate::config::{self, Config, Database, Variables};
use crate::logging;
use crate::random;
use crate::store::Store;
use arguments::{Arguments, Command, PeopleCommand};
use inspect::{GIVEN_MAX, Verdict};
use terminal::{Failure, complain, read_stdin, say};

/// The exit code of a usage error, the same as clap's.
const USAGE_ERROR: u8 = 2;

/// Most bytes of a question on standard input; more of it is not read, and then it is not JSON.
const QUESTION_MAX: usize = 4 << 20;

/// Runs the command that the command line names.
pub async fn run() -> ExitCode {
    let outcome = match Arguments::parse().command.unwrap_or(Command::Serve) {
        Command::Serve => serve().await,
        Command::Migrate => migrate().await,
        Command::Check => check().await,
        Command::Keygen => keygen(),
        Command::Inspect { token } => inspect_token(token),
        Command::Explain { file, json } => explain_question(file, json).await,
        Command::Mappings { command } => mappings::run(command).await,
        Command::Red5Config { show_secret } => print_red5_config(show_secret),
        Command::People {
            command: PeopleCommand::Forget { id },
        } => forget_person(&id).await,
        Command::Healthcheck => ask_readiness().await,
    };
    outcome.unwrap_or_else(|error| {
        complain(&error.to_string());
        ExitCode::FAILURE
    })
}

async fn serve() -> Result<ExitCode, Failure> {
    let served = async {
        let variables = Variables::of_process()?;
        let config = variables.read(Config::read)?;
        if let Err(error) = logging::install(config.log_format, &config.log_filter) {
            complain(&error.to_string());
        }
        for (variable, remedy) in variables.unknown() {
            tracing::warn!(event = "unknown_variable", variable, remedy);
        }
        serve_until_stopped(config, None).await
    };
    match served.await {
        Ok(()) => Ok(ExitCode::SUCCESS),
        Err(error) => {
            complain(&error.to_string());
            Err("red5-bridge check reports everything that is wrong, with the remedy".into())
        }
    }
}

/// Runs the bridge until a signal stops it; `welcome` is printed once it listens.
///
/// # Errors
/// When the bridge does not start, or ends with an error.
pub async fn serve_until_stopped(config: Config, welcome: Option<String>) -> Result<(), Failure> {
    let bridge = Bridge::build(config, Arc::new(SystemClock), None)?;
    let handle = bridge.handle();
    if let Some(welcome) = welcome {
        say(&welcome);
    }
    // Ctrl-C, and SIGTERM as a service manager sends it.
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut next_signal = async move || {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    };
    let stopped_by_signals = async move {
        next_signal().await;
        tracing::info!(
            event = "stopping",
            "stopping: requests in progress may finish; a second signal stops at once"
        );
        tokio::spawn(async move { handle.stop(true).await });
        next_signal().await;
        tracing::warn!(
            event = "stopped_at_once",
            "stopped at once by a second signal: requests in progress were aborted"
        );
    };
    tokio::select! {
        outcome = bridge.run() => Ok(outcome?),
        () = stopped_by_signals => Ok(()),
    }
}

fn open_store(variables: &Variables) -> Result<Store, Failure> {
    let database = variables.read(Database::read)?;
    let listen_url = database.listen_url.as_ref();
    let store = Store::open(
        database.url.expose_secret(),
        listen_url.map(ExposeSecret::expose_secret),
        database.pool,
    );
    Ok(store.map_err(|_| StartError::DatabaseUrl)?)
}

async fn migrate() -> Result<ExitCode, Failure> {
    let store = open_store(&Variables::of_process()?)?;
    let migrated = store.migrate().await;
    store.close().await;
    migrated?;
    say("the tables are up to date");
    Ok(ExitCode::SUCCESS)
}

async fn forget_person(id: &str) -> Result<ExitCode, Failure> {
    let variables = Variables::of_process()?;
    let store = open_store(&variables)?;
    let forgotten = people::forget(&store, &variables, id, &SystemClock).await;
    store.close().await;
    forgotten?;
    say("the person is forgotten; a sign-in makes them known again");
    Ok(ExitCode::SUCCESS)
}

async fn check() -> Result<ExitCode, Failure> {
    let report = check::run(&Variables::of_process()?, Arc::new(SystemClock)).await;
    say(report.to_string().trim_end());
    Ok(match report.findings() {
        0 => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    })
}

fn keygen() -> Result<ExitCode, Failure> {
    let key = random::bytes::<32>().map_err(|error| error.to_string())?;
    say(&STANDARD.encode(key));
    Ok(ExitCode::SUCCESS)
}

fn inspect_token(token: Option<String>) -> Result<ExitCode, Failure> {
    let red5 = Variables::of_process()?.read(Red5::read)?;
    let given = match token.filter(|token| token != "-").map(String::into_bytes) {
        Some(token) => Ok(token),
        None => read_stdin("a token", GIVEN_MAX),
    };
    let given = match given {
        Ok(given) => given,
        Err(error) => {
            complain(&format!("standard input cannot be read: {error}"));
            return Ok(ExitCode::from(USAGE_ERROR));
        }
    };
    let report = inspect::report(&given, &red5, SystemClock.now());
    say(&report.lines.join("\n"));
    Ok(match report.verdict {
        Verdict::Good => ExitCode::SUCCESS,
        Verdict::Finding => ExitCode::FAILURE,
        Verdict::NoToken => ExitCode::from(USAGE_ERROR),
    })
}

async fn explain_question(file: Option<String>, json: bool) -> Result<ExitCode, Failure> {
    let config = Variables::of_process()?.read(Config::read)?;
    let given = match file.filter(|file| file != "-") {
        Some(file) => std::fs::read(&file).map_err(|error| format!("{file}: {error}"))?,
        None => read_stdin("a question", QUESTION_MAX)?,
    };
    let question = match explain::question(&given) {
        Ok(question) => question,
        Err(errors) => {
            for error in errors {
                complain(&error.to_string());
            }
            return Ok(ExitCode::from(USAGE_ERROR));
        }
    };
    let explanation = explain::answer(config, &question).await?;
    if json {
        say(&serde_json::to_string_pretty(&explanation)?);
    } else {
        say(&explain::words(&explanation).join("\n"));
    }
    Ok(ExitCode::SUCCESS)
}

fn print_red5_config(show_secret: bool) -> Result<ExitCode, Failure> {
    let red5 = Variables::of_process()?.read(Red5::read)?;
    say(red5_config::text(&red5, show_secret).trim_end());
    Ok(ExitCode::SUCCESS)
}

async fn ask_readiness() -> Result<ExitCode, Failure> {
    let listen = Variables::of_process()?.read(|reader| Some(config::read_listen(reader)))?;
    let answer = healthcheck::ask(listen).await;
    let code = match answer {
        Ok(_) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    };
    let (Ok(line) | Err(line)) = answer;
    say(&line);
    Ok(code)
}
