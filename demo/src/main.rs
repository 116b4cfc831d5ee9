//! `red5-bridge-demo`: the program of `make demo`, and the launcher of the
//! throwaway Postgres that tests and benchmarks run against.

use std::ffi::OsString;
use std::fmt::Display;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Parser, Subcommand};
use red5_bridge::cli::serve_until_stopped;
use red5_bridge::clock::SystemClock;
use red5_bridge::config::{self, Variables};
use red5_bridge::logging::{self, LogFormat};
use red5_bridge_demo::postgres::with_postgres;
use red5_bridge_demo::{Options, run};

/// The project's ignored folder, where the demo keeps what it makes.
const LOCAL_FOLDER: &str = ".local";

/// Runs a whole bridge to try, with its own database, provider and sample app.
#[derive(Debug, Parser)]
#[command(name = "red5-bridge-demo", version, disable_help_subcommand = true)]
struct Arguments {
    /// Forget what an earlier demo left
    #[arg(long)]
    fresh: bool,
    /// Origins of apps that may call the bridge beside the sample app, separated by commas
    #[arg(long)]
    origins: Option<String>,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run a command with `DATABASE_URL` set to a throwaway Postgres
    WithPostgres {
        /// The command and its arguments
        #[arg(trailing_var_arg = true, allow_hyphen_values = true, required = true)]
        command: Vec<OsString>,
    },
}

#[actix_web::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let outcome = match arguments.command {
        Some(Command::WithPostgres { command }) => with_postgres(Path::new(LOCAL_FOLDER), &command)
            .await
            .map_err(|error| error.to_string()),
        None => demo(arguments.fresh, arguments.origins).await,
    };
    outcome.unwrap_or_else(|error| {
        complain(&error);
        ExitCode::FAILURE
    })
}

async fn demo(fresh: bool, origins: Option<String>) -> Result<ExitCode, String> {
    let filter = Variables::of_process()
        .and_then(|variables| variables.read(|reader| Some(config::read_log_filter(reader))))
        .map_err(text)?;
    logging::install(LogFormat::Text, &filter).map_err(text)?;
    let options = Options {
        local: LOCAL_FOLDER.into(),
        fresh,
        origins,
    };
    let serve = async |config, welcome| serve_until_stopped(config, Some(welcome)).await;
    run(&options, Arc::new(SystemClock), serve)
        .await
        .map_err(text)?;
    Ok(ExitCode::SUCCESS)
}

fn text(error: impl Display) -> String {
    error.to_string().trim_end().to_owned()
}

#[expect(clippy::print_stderr, reason = "the demo's answer to its user")]
fn complain(line: &str) {
    eprintln!("{line}");
}
