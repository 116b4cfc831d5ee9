//! The demo's own folder, and the state that it saves there from run to run: secrets
//! and ports, so that sessions and bookmarks survive a restart.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write as _};
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use red5_bridge::random;

/// The demo's folder below the project's ignored one.
const NAME: &str = "demo";

/// Where the bridge listens when nothing else does.
const FIRST_PORT: u16 = 8080;

/// Why the demo's folder cannot be used.
#[derive(Debug, Error)]
pub enum FolderError {
    /// Two at once would share one database folder.
    #[error("a demo is running here already; stop it first")]
    Taken,
    /// The system refused something.
    #[error("{what}: {error}")]
    Io {
        /// What was tried.
        what: String,
        /// The system's answer.
        error: io::Error,
    },
    /// Another program wrote the file, or it was cut short.
    #[error("{0} cannot be read; begin anew with --fresh")]
    Unreadable(PathBuf),
}

/// The demo's folder, held as long as this lives.
#[derive(Debug)]
pub struct DemoFolder {
    folder: PathBuf,
    /// The system releases the lock when the process ends, however it ends.
    lock: File,
}

impl Drop for DemoFolder {
    /// Releases the lock by name: closing the file would not, while a child process that
    /// another thread is starting still has a copy of it.
    fn drop(&mut self) {
        let _ = self.lock.unlock();
    }
}

/// What stays the same from run to run.
#[derive(Serialize, Deserialize)]
pub struct SavedState {
    /// Where the bridge listened last.
    pub bridge_port: u16,
    /// Where the provider listened last; sessions name its address.
    pub provider_port: u16,
    /// Where the sample app was last. A folder of an earlier demo has no such member.
    #[serde(default)]
    pub sample_app_port: u16,
    /// Shared by bridge and provider.
    pub client_secret: String,
    /// `BRIDGE_SECRET_KEYS`
    pub secret_key: String,
    /// `RED5_JWT_SECRET`
    pub red5_secret: String,
}

impl DemoFolder {
    /// Takes the folder below `local`; with `fresh`, removes what was there.
    ///
    /// # Errors
    /// When another demo holds it, or it cannot be written.
    pub fn take(local: &Path, fresh: bool) -> Result<Self, FolderError> {
        let folder = local.join(NAME);
        let failed = |error| io_error("take", &folder, error);
        fs::create_dir_all(&folder).map_err(failed)?;
        let lock = File::create(folder.join("lock")).map_err(failed)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(FolderError::Taken),
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        }
        let folder = Self {
            folder: folder.canonicalize().map_err(failed)?,
            lock,
        };
        if fresh {
            folder.clear()?;
        }
        Ok(folder)
    }

    /// Where the database's files go.
    #[must_use]
    pub fn database(&self) -> PathBuf {
        self.folder.join("postgres")
    }

    /// The state of the last run, or new secrets on the first; the ports are saved once they
    /// are used ([`DemoFolder::save`]).
    ///
    /// # Errors
    /// When the file is there and cannot be read.
    pub fn load(&self) -> Result<SavedState, FolderError> {
        let file = self.state_file();
        match fs::read(&file) {
            Ok(bytes) => {
                serde_json::from_slice(&bytes).map_err(|_| FolderError::Unreadable(file.clone()))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                SavedState::new().map_err(|error| {
                    io_error(
                        "make secrets for",
                        &file,
                        io::Error::other(error.to_string()),
                    )
                })
            }
            Err(error) => Err(io_error("read", &file, error)),
        }
    }

    /// Writes it, readable by the owner alone.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn save(&self, state: &SavedState) -> Result<(), FolderError> {
        let file = self.state_file();
        let write = || -> io::Result<()> {
            let whole = file.with_extension("new");
            let mut open = OpenOptions::new();
            open.write(true).create(true).truncate(true).mode(0o600);
            let bytes = serde_json::to_vec_pretty(state)?;
            open.open(&whole)?.write_all(&bytes)?;
            fs::rename(&whole, &file)
        };
        write().map_err(|error| io_error("write", &file, error))
    }

    fn state_file(&self) -> PathBuf {
        self.folder.join("remembered.json")
    }

    fn clear(&self) -> Result<(), FolderError> {
        let database = self.database();
        // It may be a link to a place that Postgres's account can reach.
        let linked = database.canonicalize().unwrap_or_else(|_| database.clone());
        absent_is_fine(fs::remove_dir_all(&linked))
            .and_then(|()| absent_is_fine(fs::remove_file(&database)))
            .and_then(|()| absent_is_fine(fs::remove_file(self.state_file())))
            .map_err(|error| io_error("clear", &self.folder, error))
    }
}

impl SavedState {
    fn new() -> Result<Self, getrandom::Error> {
        Ok(Self {
            bridge_port: FIRST_PORT,
            provider_port: 0,
            sample_app_port: 0,
            client_secret: random::text()?,
            secret_key: STANDARD.encode(random::bytes::<32>()?),
            red5_secret: random::text()?,
        })
    }
}

/// Listens on `port` of the loopback, or on a free one when it is taken.
///
/// # Errors
/// When no port can be had at all.
pub fn listen_on(port: u16) -> Result<TcpListener, FolderError> {
    let address = |port| (Ipv4Addr::LOCALHOST, port);
    TcpListener::bind(address(port))
        .or_else(|_| TcpListener::bind(address(0)))
        .map_err(|error| io_error("listen on", Path::new("127.0.0.1"), error))
}

fn absent_is_fine(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

fn io_error(what: &str, file: &Path, error: io::Error) -> FolderError {
    FolderError::Io {
        what: format!("cannot {what} {}", file.display()),
        error,
    }
}
