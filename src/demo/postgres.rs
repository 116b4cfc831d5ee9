//! A private Postgres: a cluster of our own behind a socket that only its
//! owner (and root) can reach. It listens on no network address and leaves
//! servers that already run alone.
//!
//! In this order: choose the account and the folders, stop what an earlier run
//! of ours left behind, `initdb` where there is nothing yet, start under a
//! supervising shell (`supervise.sh`), wait until it is ready.

use std::io;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use thiserror::Error;
use tokio::process::{Child, ChildStdin};
use tokio::time::{Instant, sleep, timeout};

use super::account::{Account, private_folder, temporary_folder};
use super::binaries::Binaries;

/// Recovery after a crash is included, on a machine that is busy compiling.
const START_LIMIT: Duration = Duration::from_secs(60);

/// A fast shutdown writes a checkpoint; beyond this something is wrong.
const STOP_LIMIT: Duration = Duration::from_secs(30);

const POLL: Duration = Duration::from_millis(20);

const SUPERVISE: &str = include_str!("supervise.sh");

/// The database that `initdb` makes, and the superuser's name.
const POSTGRES: &str = "postgres";

/// A test run opens a few connections for each of many databases at once.
/// Nothing of it has to survive a crash.
const THROWAWAY_SETTINGS: [&str; 4] = [
    "max_connections=300",
    "fsync=off",
    "full_page_writes=off",
    "synchronous_commit=off",
];

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

/// A running private Postgres. Dropping it stops the server as well, without
/// waiting for the end.
#[derive(Debug)]
pub struct Cluster {
    supervisor: Child,
    /// Closing it is what stops Postgres.
    lifeline: ChildStdin,
    socket_folder: PathBuf,
}

impl Cluster {
    /// A cluster for one test run, in a temporary folder that is removed at the end.
    /// `local` is the project's ignored folder, where unpacked programs may be.
    ///
    /// # Errors
    /// As [`PostgresError`] says.
    pub async fn throwaway(local: &Path) -> Result<Self, PostgresError> {
        let (folder, account) =
            temporary_folder().map_err(|error| io_error("make a temporary folder", error))?;
        Self::start(
            local,
            &folder.join("data"),
            &folder,
            account,
            &THROWAWAY_SETTINGS,
        )
        .await
    }

    /// A cluster whose data stays in `data` between runs. Only one process may
    /// call this for one folder at a time: the caller holds a lock.
    ///
    /// # Errors
    /// As [`PostgresError`] says.
    pub async fn kept(local: &Path, data: &Path) -> Result<Self, PostgresError> {
        let (sockets, account) =
            temporary_folder().map_err(|error| io_error("make a temporary folder", error))?;
        Self::start(local, data, &sockets, account, &[]).await
    }

    /// Where a client finds `database`.
    pub fn url(&self, database: &str) -> String {
        let folder = self.socket_folder.display();
        format!("postgres://{POSTGRES}@localhost/{database}?host={folder}")
    }

    /// Where a client finds the database that every cluster has.
    pub fn default_url(&self) -> String {
        self.url(POSTGRES)
    }

    /// Stops the server and waits for its end.
    ///
    /// # Errors
    /// When it had to be killed, or had ended with an error already.
    pub async fn stop(self) -> Result<(), PostgresError> {
        let Self {
            mut supervisor,
            lifeline,
            ..
        } = self;
        drop(lifeline);
        let Ok(ended) = timeout(STOP_LIMIT, supervisor.wait()).await else {
            supervisor
                .kill()
                .await
                .map_err(|error| io_error("kill Postgres", error))?;
            return Err(PostgresError::NotStopped);
        };
        let status = ended.map_err(|error| io_error("wait for Postgres", error))?;
        if status.success() {
            Ok(())
        } else {
            Err(PostgresError::Failed {
                program: "postgres",
                status,
                output: String::new(),
            })
        }
    }

    async fn start(
        local: &Path,
        data: &Path,
        socket_folder: &Path,
        account: Account,
        settings: &[&str],
    ) -> Result<Self, PostgresError> {
        let binaries = Binaries::find(local, account).ok_or(PostgresError::NoPrograms)?;
        private_folder(data, account)
            .map_err(|error| io_error(format!("make {}", data.display()), error))?;
        stop_leftover(&binaries, data, account).await?;
        if !data.join("PG_VERSION").exists() {
            init(&binaries, data, account).await?;
        }
        let log = socket_folder.join("postgres.log");
        let mut cluster = Self::spawn(&binaries, data, socket_folder, &log, account, settings)?;
        cluster.wait_until_ready(data, &log).await?;
        Ok(cluster)
    }

    fn spawn(
        binaries: &Binaries,
        data: &Path,
        socket_folder: &Path,
        log: &Path,
        account: Account,
        settings: &[&str],
    ) -> Result<Self, PostgresError> {
        let log_file =
            std::fs::File::create(log).map_err(|error| io_error("write Postgres's log", error))?;
        let mut command = account.command("sh");
        command
            .args(["-c", SUPERVISE, "sh"])
            .arg(socket_folder)
            .arg(binaries.program("postgres"))
            .arg("-D")
            .arg(data)
            .arg("-k")
            .arg(socket_folder)
            .args(["-c", "listen_addresses=", "-c", "jit=off"])
            .args(settings.iter().flat_map(|setting| ["-c", setting]))
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(log_file)
            // Ctrl-C in the terminal reaches the foreground group: Postgres has
            // to outlive the bridge, which ends its connections first.
            .process_group(0);
        let mut supervisor = command
            .spawn()
            .map_err(|error| io_error("start Postgres", error))?;
        let lifeline = supervisor
            .stdin
            .take()
            .ok_or_else(|| io_error("start Postgres", io::ErrorKind::BrokenPipe.into()))?;
        Ok(Self {
            supervisor,
            lifeline,
            socket_folder: socket_folder.to_owned(),
        })
    }

    async fn wait_until_ready(&mut self, data: &Path, log: &Path) -> Result<(), PostgresError> {
        let deadline = Instant::now() + START_LIMIT;
        // Opened now: the supervisor removes the folder when Postgres ends.
        let mut log = std::fs::File::open(log).map_err(|error| io_error("read the log", error))?;
        while !is_ready(data, &self.socket_folder) {
            let ended = self.supervisor.try_wait();
            if let Some(status) = ended.map_err(|error| io_error("wait for Postgres", error))? {
                return Err(PostgresError::Failed {
                    program: "postgres",
                    status,
                    output: read_log(&mut log),
                });
            }
            if Instant::now() > deadline {
                return Err(PostgresError::NotReady {
                    log: read_log(&mut log),
                });
            }
            sleep(POLL).await;
        }
        Ok(())
    }
}

fn io_error(what: impl Into<String>, error: io::Error) -> PostgresError {
    PostgresError::Io {
        what: what.into(),
        error,
    }
}

fn read_log(log: &mut std::fs::File) -> String {
    let mut said = Vec::new();
    // Best effort: the log only explains an error that is reported anyway.
    let _ = io::Read::read_to_end(log, &mut said);
    String::from_utf8_lossy(&said).into_owned()
}

/// The lines of `postmaster.pid` that matter here (Postgres: `pidfile.h`).
struct PidFile {
    pid: u32,
    socket_folder: Option<PathBuf>,
    status: Option<String>,
}

impl PidFile {
    fn read(data: &Path) -> Option<Self> {
        let text = std::fs::read_to_string(data.join("postmaster.pid")).ok()?;
        let lines: Vec<&str> = text.lines().map(str::trim).collect();
        Some(Self {
            pid: lines.first()?.parse().ok()?,
            socket_folder: lines.get(4).map(PathBuf::from),
            status: lines.get(7).map(|&status| status.to_owned()),
        })
    }
}

fn is_ready(data: &Path, socket_folder: &Path) -> bool {
    PidFile::read(data).is_some_and(|file| {
        file.status.as_deref() == Some("ready")
            && file.socket_folder.as_deref() == Some(socket_folder)
    })
}

/// Stops the server that an earlier run left in `data`, when one still runs:
/// its supervisor was killed, or is just stopping it. A process counts as
/// ours when its working folder is `data`, where every Postgres server goes;
/// a number that some other process has by now is left to Postgres's own check.
async fn stop_leftover(
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

async fn init(binaries: &Binaries, data: &Path, account: Account) -> Result<(), PostgresError> {
    let mut command = account.command(binaries.program("initdb"));
    command
        .arg("-D")
        .arg(data)
        .args(["--username", POSTGRES, "--auth", "trust"])
        .args(["--encoding", "UTF8", "--no-locale", "--no-sync"]);
    run("initdb", command).await
}

async fn run(
    program: &'static str,
    mut command: tokio::process::Command,
) -> Result<(), PostgresError> {
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
