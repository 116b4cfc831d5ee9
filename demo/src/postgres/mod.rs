//! A private Postgres: a cluster of our own behind a socket that only its
//! owner (and root) can reach. It listens on no network address, unless a test
//! of TLS asks for one of this machine, and leaves servers that already run alone.
//!
//! In this order: choose the account and the folders, stop what an earlier run
//! of ours left behind, `initdb` where there is nothing yet, start under a
//! supervising shell (`supervise.sh`), wait until it is ready.

mod account;
mod binaries;
mod pid_file;
mod programs;
mod retention;
mod run_with;

use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::process::{Child, ChildStdin};
use tokio::time::{Instant, sleep, timeout};

use account::{Account, reachable_folder, temporary_folder};
use binaries::Binaries;
use pid_file::is_ready;
use programs::{POSTGRES, START_LIMIT, STOP_LIMIT, copy, data_folder, io_error, stop_leftover};
use retention::Retention;

pub use programs::PostgresError;
pub use run_with::{WithPostgresError, with_postgres};

/// Part of the socket's name; nothing listens at it unless it is asked for.
const PORT: u16 = 5432;

const POLL: Duration = Duration::from_millis(20);

const SUPERVISE: &str = include_str!("supervise.sh");

/// A running private Postgres. Dropping it stops the server as well, without
/// waiting for the end.
#[derive(Debug)]
pub struct Cluster {
    supervisor: Child,
    /// Closing it is what stops Postgres.
    lifeline: ChildStdin,
    socket_folder: PathBuf,
    /// Of 127.0.0.1, where it listens there as well.
    port: Option<u16>,
    data: PathBuf,
    retention: Retention,
}

impl Cluster {
    /// A cluster for one test run, in a temporary folder that is removed at the end.
    /// `local` is the project's ignored folder, where unpacked programs may be.
    ///
    /// # Errors
    /// As [`PostgresError`] says.
    pub async fn throwaway(local: &Path) -> Result<Self, PostgresError> {
        Self::thrown_away(local, None).await
    }

    /// The same, which also listens at this port of 127.0.0.1: for tests of what no
    /// socket has, such as TLS. Every user of this machine can connect meanwhile.
    ///
    /// # Errors
    /// As [`PostgresError`] says.
    pub async fn throwaway_at(local: &Path, port: u16) -> Result<Self, PostgresError> {
        Self::thrown_away(local, Some(port)).await
    }

    async fn thrown_away(local: &Path, port: Option<u16>) -> Result<Self, PostgresError> {
        let (temporary, account) = temporary()?;
        let retention = Retention::ThrownAway;
        let started = Self::start(local, &temporary, &temporary, account, port, retention).await;
        clear_up_unless(started, &temporary)
    }

    /// A cluster whose data stays in `folder` between runs. Where Postgres's
    /// account cannot reach `folder`, it becomes a link to a folder that it can.
    /// Only one process may call this for one folder at a time: the caller
    /// holds a lock.
    ///
    /// # Errors
    /// As [`PostgresError`] says.
    pub async fn kept(local: &Path, folder: &Path) -> Result<Self, PostgresError> {
        let (sockets, account) = temporary()?;
        let started = match reachable_folder(folder, account) {
            Ok(folder) => {
                Self::start(local, &folder, &sockets, account, None, Retention::Kept).await
            }
            Err(error) => Err(io_error(format!("make {}", folder.display()), error)),
        };
        clear_up_unless(started, &sockets)
    }

    /// A streaming standby of the cluster whose sockets are in `primary`; its data stays in
    /// `folder`.
    ///
    /// # Errors
    /// As [`PostgresError`] says.
    pub async fn standby(
        local: &Path,
        folder: &Path,
        primary: &Path,
    ) -> Result<Self, PostgresError> {
        let (sockets, account) = temporary()?;
        let start = async {
            let folder = reachable_folder(folder, account)
                .map_err(|error| io_error(format!("make {}", folder.display()), error))?;
            let binaries = Binaries::find(local, account).ok_or(PostgresError::NoPrograms)?;
            copy(&binaries, primary, &folder.join("data"), account).await?;
            Self::start(local, &folder, &sockets, account, None, Retention::Kept).await
        };
        clear_up_unless(start.await, &sockets)
    }

    /// The folder of its sockets.
    pub fn sockets(&self) -> PathBuf {
        self.socket_folder.clone()
    }

    /// Where the data is.
    pub fn data(&self) -> &Path {
        &self.data
    }

    /// Where a client finds `database`.
    pub fn url(&self, database: &str) -> String {
        let folder = self.socket_folder.display();
        let port = self.port.unwrap_or(PORT);
        format!("postgres://{POSTGRES}@localhost:{port}/{database}?host={folder}")
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
            socket_folder,
            retention,
            ..
        } = self;
        drop(lifeline);
        let ended = timeout(STOP_LIMIT, supervisor.wait()).await;
        if ended.is_err() {
            kill_group(&supervisor).await?;
        }
        // The supervisor has done so, unless it was killed.
        let _ = std::fs::remove_dir_all(socket_folder);
        let status = ended
            .map_err(|_| PostgresError::NotStopped)?
            .map_err(|error| io_error("wait for Postgres", error))?;
        // An immediate shutdown is not counted as a good one by Postgres.
        if status.success() || retention == Retention::ThrownAway {
            return Ok(());
        }
        Err(PostgresError::Failed {
            program: "postgres",
            status,
            output: String::new(),
        })
    }

    async fn start(
        local: &Path,
        folder: &Path,
        socket_folder: &Path,
        account: Account,
        port: Option<u16>,
        retention: Retention,
    ) -> Result<Self, PostgresError> {
        let binaries = Binaries::find(local, account).ok_or(PostgresError::NoPrograms)?;
        let data = data_folder(&binaries, folder, account).await?;
        stop_leftover(&binaries, &data, account).await?;
        let log = socket_folder.join("postgres.log");
        let mut cluster = Self::spawn(
            &binaries,
            data,
            socket_folder,
            &log,
            account,
            port,
            retention,
        )?;
        cluster.wait_until_ready(&log).await?;
        Ok(cluster)
    }

    fn spawn(
        binaries: &Binaries,
        data: PathBuf,
        socket_folder: &Path,
        log: &Path,
        account: Account,
        port: Option<u16>,
        retention: Retention,
    ) -> Result<Self, PostgresError> {
        let log_file =
            std::fs::File::create(log).map_err(|error| io_error("write Postgres's log", error))?;
        let mut command = account.command("sh");
        command
            .args(["-c", SUPERVISE, "sh", retention.stop_signal()])
            .arg(socket_folder)
            .arg(binaries.program("postgres"))
            .arg("-D")
            .arg(&data)
            .arg("-k")
            .arg(socket_folder)
            .args(["-c", "jit=off", "-c"])
            .arg(if port.is_some() {
                "listen_addresses=127.0.0.1"
            } else {
                "listen_addresses="
            })
            .args(["-c", &format!("port={}", port.unwrap_or(PORT))])
            .args(
                retention
                    .settings()
                    .iter()
                    .flat_map(|setting| ["-c", setting]),
            )
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
            port,
            data,
            retention,
        })
    }

    async fn wait_until_ready(&mut self, log: &Path) -> Result<(), PostgresError> {
        let deadline = Instant::now() + START_LIMIT;
        // Opened now: the supervisor removes the folder when Postgres ends.
        let mut log = std::fs::File::open(log).map_err(|error| io_error("read the log", error))?;
        while !is_ready(&self.data, &self.socket_folder) {
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

/// Kills the supervisor and the server, which are one process group; the
/// server's own processes end when they find it gone.
async fn kill_group(supervisor: &Child) -> Result<(), PostgresError> {
    let Some(group) = supervisor.id() else {
        return Ok(());
    };
    let killed = tokio::process::Command::new("sh")
        .args(["-c", "kill -s KILL -- \"-$1\"", "sh", &group.to_string()])
        .status()
        .await;
    killed
        .map(|_| ())
        .map_err(|error| io_error("kill Postgres", error))
}

fn temporary() -> Result<(PathBuf, Account), PostgresError> {
    temporary_folder().map_err(|error| io_error("make a temporary folder", error))
}

/// The supervisor removes the folder; when it was never started, nothing else does.
fn clear_up_unless(
    started: Result<Cluster, PostgresError>,
    temporary: &Path,
) -> Result<Cluster, PostgresError> {
    if started.is_err() {
        // The error that is returned says more than one of clearing up.
        let _ = std::fs::remove_dir_all(temporary);
    }
    started
}

fn read_log(log: &mut std::fs::File) -> String {
    let mut said = Vec::new();
    // Best effort: the log only explains an error that is reported anyway.
    let _ = io::Read::read_to_end(log, &mut said);
    String::from_utf8_lossy(&said).into_owned()
}
