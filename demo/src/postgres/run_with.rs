//! Runs a command with a Postgres of its own: `red5-bridge-demo with-postgres -- CMD…`.
//!
//! Start a throwaway cluster, run the command with `DATABASE_URL`, wait for its
//! end or for a signal, stop the cluster, hand on the command's exit code.

use std::ffi::OsString;
use std::io;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{ExitCode, ExitStatus};
use std::time::Duration;

use thiserror::Error;
use tokio::process::{Child, Command};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::timeout;

use super::{Cluster, PostgresError};

/// How long a command may take to end after a signal before it is killed.
const GRACE: Duration = Duration::from_secs(10);

/// What a shell adds to a signal's number.
const SIGNAL_BASE: u8 = 128;

/// Why the command was not run, or how it could not be waited for.
#[derive(Debug, Error)]
pub enum WithPostgresError {
    /// There was no command.
    #[error("no command: write it after `--`")]
    NoCommand,
    /// No private Postgres.
    #[error(transparent)]
    Postgres(#[from] PostgresError),
    /// The command could not be run.
    #[error("cannot run {command}: {error}")]
    Command {
        /// Its first word.
        command: String,
        /// The system's answer.
        error: io::Error,
    },
}

/// Runs `command` with `DATABASE_URL` set to a Postgres that lives exactly as
/// long, and returns the command's exit code. `local` is the project's ignored
/// folder, where unpacked programs of Postgres may be.
///
/// # Errors
/// When there is no command, no Postgres, or the command cannot be started.
pub async fn with_postgres(
    local: &Path,
    command: &[OsString],
) -> Result<ExitCode, WithPostgresError> {
    let (program, arguments) = command.split_first().ok_or(WithPostgresError::NoCommand)?;
    let cluster = Cluster::throwaway(local).await?;
    let ended = run(Command::new(program)
        .args(arguments)
        .env("DATABASE_URL", cluster.default_url()))
    .await;
    cluster.stop().await?;
    ended
        .map(exit_code)
        .map_err(|error| WithPostgresError::Command {
            command: program.to_string_lossy().into_owned(),
            error,
        })
}

async fn run(command: &mut Command) -> io::Result<ExitStatus> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hangup = signal(SignalKind::hangup())?;
    let mut child = command.spawn()?;
    let name = tokio::select! {
        ended = child.wait() => return ended,
        name = next(&mut interrupt, "INT") => name,
        name = next(&mut terminate, "TERM") => name,
        name = next(&mut hangup, "HUP") => name,
    };
    end(&mut child, name).await
}

async fn next(signal: &mut Signal, name: &'static str) -> &'static str {
    signal.recv().await;
    name
}

/// Hands the signal on (a terminal has done so already, a supervisor has not)
/// and waits; kills what does not listen.
async fn end(child: &mut Child, signal: &str) -> io::Result<ExitStatus> {
    if let Some(pid) = child.id() {
        // The shell's own `kill`: there is not always a program of that name.
        Command::new("sh")
            .args(["-c", "kill -s \"$1\" \"$2\" 2>/dev/null", "sh", signal])
            .arg(pid.to_string())
            .status()
            .await?;
    }
    if let Ok(ended) = timeout(GRACE, child.wait()).await {
        return ended;
    }
    child.kill().await?;
    child.wait().await
}

/// The code a shell would report: 128 and the signal's number when a signal ended it.
fn exit_code(status: ExitStatus) -> ExitCode {
    let code = status
        .code()
        .or_else(|| Some(i32::from(SIGNAL_BASE) + status.signal()?))
        .and_then(|code| u8::try_from(code).ok());
    code.map_or(ExitCode::FAILURE, ExitCode::from)
}
