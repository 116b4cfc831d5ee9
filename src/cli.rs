//! The words of the command line. Exit 0: good; 1: a finding; 2: wrong words.

use std::io::{IsTerminal, Read};
use std::process::ExitCode;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use clap::{Parser, Subcommand};
use secrecy::ExposeSecret;
use tracing_subscriber::EnvFilter;

use crate::app::{self, Bridge};
use crate::clock::{Clock, SystemClock};
use crate::config::{self, Config, LogFormat};
use crate::inspect;
use crate::seal::random;
use crate::signer::Signer;
use crate::store::Store;

/// Without `RUST_LOG`: our own events, and of the libraries what went wrong.
const LOG_FILTER: &str = "warn,red5_bridge=info,sqlx::postgres::notice=error";

/// The project's ignored folder, where the demo keeps what it makes.
#[cfg(feature = "demo")]
const LOCAL_FOLDER: &str = ".local";

/// Identity bridge for Red5 Pro: signs people in with OpenID Connect, maps
/// their groups to roles, transports and rooms, and hands out short-lived
/// tokens that Red5 Pro accepts.
///
/// It is configured by environment variables and a file .env in the current
/// folder; .env.example explains each.
#[derive(Debug, Parser)]
#[command(name = "red5-bridge")]
struct Words {
    #[command(subcommand)]
    word: Option<Word>,
}

#[derive(Debug, Subcommand)]
enum Word {
    /// Runs the bridge (the same as no word at all)
    Serve,
    /// Brings the tables up to this version, and ends
    Migrate,
    /// Says what is wrong with configuration, database and provider
    Check,
    /// Prints a new key for `BRIDGE_SECRET_KEYS`
    Keygen,
    /// Says in words what Red5 would allow with a token, and why it would refuse it
    Inspect {
        /// The token; without it, one is read from standard input
        token: Option<String>,
    },
    /// Runs a whole bridge to try, with its own database and provider
    #[cfg(feature = "demo")]
    Demo {
        /// Forgets what an earlier demo left
        #[arg(long)]
        fresh: bool,
    },
    /// Runs a command with `DATABASE_URL` set to a throwaway Postgres
    #[cfg(feature = "demo")]
    WithPostgres {
        /// The command and its arguments
        #[arg(trailing_var_arg = true, allow_hyphen_values = true, required = true)]
        command: Vec<std::ffi::OsString>,
    },
}

/// Does what the command line says.
pub async fn run() -> ExitCode {
    match Words::parse().word.unwrap_or(Word::Serve) {
        Word::Serve => serve().await,
        Word::Migrate => migrate().await,
        Word::Check => check().await,
        Word::Keygen => keygen(),
        Word::Inspect { token } => inspect_token(token),
        #[cfg(feature = "demo")]
        Word::Demo { fresh } => demo(fresh).await,
        #[cfg(feature = "demo")]
        Word::WithPostgres { command } => {
            let local = std::path::Path::new(LOCAL_FOLDER);
            match crate::demo::postgres::with_postgres(local, &command).await {
                Ok(code) => code,
                Err(error) => finding(Err(error)),
            }
        }
    }
}

async fn serve() -> ExitCode {
    let config = match Config::from_env() {
        Ok(config) => config,
        Err(problems) => return finding(Err(problems)),
    };
    log_to_stderr(config.log_format);
    finding(run_bridge(config, None).await)
}

#[cfg(feature = "demo")]
async fn demo(fresh: bool) -> ExitCode {
    log_to_stderr(LogFormat::Text);
    let options = crate::demo::Options {
        local: LOCAL_FOLDER.into(),
        fresh,
    };
    let serve = async |config, welcome| run_bridge(config, Some(welcome)).await;
    finding(crate::demo::run(&options, Arc::new(SystemClock), serve).await)
}

/// Runs until a signal says stop; `welcome` is for the person who waits for it.
async fn run_bridge(
    config: Config,
    welcome: Option<String>,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let bridge = Bridge::build(config, Arc::new(SystemClock), None)?;
    let handle = bridge.handle();
    if let Some(welcome) = welcome {
        say(&welcome);
    }
    tokio::spawn(async move {
        stop_signal().await;
        tracing::info!("stopping: requests under way may finish");
        handle.stop(true).await;
    });
    Ok(bridge.run().await?)
}

/// Ctrl-C, or SIGTERM as a service manager sends it.
async fn stop_signal() {
    use tokio::signal::unix::{SignalKind, signal};
    let Ok(mut terminate) = signal(SignalKind::terminate()) else {
        let _ = tokio::signal::ctrl_c().await;
        return;
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminate.recv() => {}
    }
}

async fn migrate() -> ExitCode {
    let url = match config::database_url() {
        Ok(url) => url,
        Err(problems) => return finding(Err(problems)),
    };
    let Ok(store) = Store::new(url.expose_secret()) else {
        return finding(Err("DATABASE_URL cannot be read as a postgres:// address"));
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
    let config = match Config::from_env() {
        Ok(config) => config,
        Err(problems) => return finding(Err(problems)),
    };
    say("configuration: good");
    let database = app::check_database(&config).await;
    let provider = app::check_provider(&config, Arc::new(SystemClock)).await;
    let mut code = ExitCode::SUCCESS;
    for (what, answer) in [("database", database), ("provider", provider)] {
        match answer {
            Ok(()) => say(&format!("{what}: good")),
            Err(reason) => {
                say(&format!("{what}: {reason}"));
                code = ExitCode::FAILURE;
            }
        }
    }
    if config.admin_groups.is_empty() {
        say("BRIDGE_ADMIN_GROUPS: nobody administers; name a group of the provider");
        code = ExitCode::FAILURE;
    }
    code
}

fn keygen() -> ExitCode {
    let key = random::<32>();
    if let Ok(key) = &key {
        say(&STANDARD.encode(key));
    }
    finding(key.map(|_| ()))
}

fn inspect_token(token: Option<String>) -> ExitCode {
    let red5 = match config::red5() {
        Ok(red5) => red5,
        Err(problems) => return finding(Err(problems)),
    };
    let signer = match Signer::new(&red5.secret) {
        Ok(signer) => signer,
        Err(error) => return finding(Err(error)),
    };
    let token = token.map_or_else(read_stdin, Ok);
    let token = match token {
        Ok(token) => token,
        Err(error) => return finding(Err(error)),
    };
    let report = inspect::report(token.trim(), &signer, &red5, SystemClock.now());
    for line in &report.lines {
        say(line);
    }
    if report.accepted {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn read_stdin() -> std::io::Result<String> {
    if std::io::stdin().is_terminal() {
        complain("reading a token from standard input; end with Ctrl-D");
    }
    let mut token = String::new();
    std::io::stdin()
        .take(1024 * 1024)
        .read_to_string(&mut token)?;
    Ok(token)
}

fn log_to_stderr(format: LogFormat) {
    let filter = config::log_filter().unwrap_or_else(|| LOG_FILTER.to_owned());
    let filter = EnvFilter::try_new(filter).unwrap_or_else(|_| EnvFilter::new(LOG_FILTER));
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr);
    let installed = match format {
        LogFormat::Text => log.try_init(),
        LogFormat::Json => log.json().flatten_event(true).try_init(),
    };
    if installed.is_err() {
        complain("the log was set up before");
    }
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
