//! The programs of Postgres that run once and end, and how they fail.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use thiserror::Error;
use tokio::process::Command;

use super::account::Account;
use super::binaries::Binaries;
use super::pid_file::PidFile;

/// Recovery after a crash is included, on a machine that is busy compiling.
pub(super) const START_LIMIT: Duration = Duration::from_mins(1);

/// A fast shutdown writes down what is new, and a test run leaves hundreds of
/// databases to be removed; beyond this something is wrong.
pub(super) const STOP_LIMIT: Duration = Duration::from_mins(2);

/// The superuser, and the database that `initdb` makes.
pub(super) const POSTGRES: &str = "postgres";

/// Why there is no private Postgres.
#[derive(Debug, Error)]
pub enum PostgresError {
    /// No programs that the account could run.
    #[error("no Postgres programs found; run `scripts/provide postgres`")]
    NoPrograms,
    /// A folder or a process could not be made.
    #[error("{what}: {error}")]
    Io {
        /// What was tried.
        what: String,
        /// The system's answer.
        error: io::Error,
    },
    /// A program of Postgres ended with an error.
    #[error("{program} failed ({status}):\n{output}")]
    Failed {
        /// Which one.
        program: &'static str,
        /// How it ended.
        status: ExitStatus,
        /// What it said.
        output: String,
    },
    /// It neither became ready nor ended in time.
    #[error("Postgres was not ready after {} s; its log:\n{log}", START_LIMIT.as_secs())]
    NotReady {
        /// What it said.
        log: String,
    },
    /// It did not end in time and was killed.
    #[error("Postgres did not stop within {} s and was killed", STOP_LIMIT.as_secs())]
    NotStopped,
}

pub(super) fn io_error(what: impl Into<String>, error: io::Error) -> PostgresError {
    PostgresError::Io {
        what: what.into(),
        error,
    }
}

/// Where a cluster's files are below `folder`, which `account` owns. Makes them
/// when there are none. They get their name when they are complete, so that a
/// start that was broken off begins again.
pub(super) async fn data_folder(
    binaries: &Binaries,
    folder: &Path,
    account: Account,
) -> Result<PathBuf, PostgresError> {
    let data = folder.join("data");
    if !data.exists() {
        let unfinished = folder.join("unfinished");
        if unfinished.exists() {
            fs::remove_dir_all(&unfinished)
                .map_err(|error| io_error("clear what was broken off", error))?;
        }
        init(binaries, &unfinished, account).await?;
        fs::rename(&unfinished, &data).map_err(|error| io_error("name the new data", error))?;
    }
    Ok(data)
}

async fn init(binaries: &Binaries, data: &Path, account: Account) -> Result<(), PostgresError> {
    let mut command = account.command(binaries.program("initdb"));
    command
        .arg("-D")
        .arg(data)
        .args(["--username", POSTGRES, "--auth", "trust"])
        .args(["--encoding", "UTF8", "--no-locale", "--no-sync"]);
    run("initdb", command).await
}

/// Copies the data of the server whose sockets are in `primary`, and makes it a standby of it.
pub(super) async fn copy(
    binaries: &Binaries,
    primary: &Path,
    data: &Path,
    account: Account,
) -> Result<(), PostgresError> {
    let mut command = account.command(binaries.program("pg_basebackup"));
    command
        .arg("-D")
        .arg(data)
        .arg("--host")
        .arg(primary)
        .args(["--username", POSTGRES, "--checkpoint", "fast"])
        .args(["--write-recovery-conf", "--no-sync"]);
    run("pg_basebackup", command).await
}

/// Stops the server that an earlier run left in `data`, when one still runs:
/// its supervisor was killed, or is just stopping it. A process counts as
/// ours when its working folder is `data`, where every Postgres server goes;
/// a number that some other process has by now is left to Postgres's own check.
pub(super) async fn stop_leftover(
    binaries: &Binaries,
    data: &Path,
    account: Account,
) -> Result<(), PostgresError> {
    let is_ours = PidFile::read(data).is_some_and(|file| {
        std::fs::read_link(format!("/proc/{}/cwd", file.pid)).ok() == data.canonicalize().ok()
    });
    if !is_ours {
        return Ok(());
    }
    let mut command = account.command(binaries.program("pg_ctl"));
    command
        .arg("-D")
        .arg(data)
        .args(["-m", "fast", "-w", "stop"]);
    let stopped = run("pg_ctl", command).await;
    // It may have ended by itself meanwhile: then pg_ctl finds nothing to stop.
    if PidFile::read(data).is_none() {
        Ok(())
    } else {
        stopped
    }
}

async fn run(program: &'static str, mut command: Command) -> Result<(), PostgresError> {
    let output = command
        .stdin(Stdio::null())
        .output()
        .await
        .map_err(|error| io_error(format!("run {program}"), error))?;
    if output.status.success() {
        return Ok(());
    }
    Err(PostgresError::Failed {
        program,
        status: output.status,
        output: String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned(),
    })
}
