//! The account that Postgres runs under, and the folders it can reach.
//!
//! Postgres refuses to run as root. Started by root, it runs as the
//! unprivileged account that every system has; that account owns its folders
//! and has to get through every folder above them.

use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::{
    DirBuilderExt as _, MetadataExt as _, PermissionsExt as _, chown, symlink,
};
use std::path::{Path, PathBuf};

use tokio::process::Command;

use red5_bridge::random;

/// `nobody` and its group: in the password file of every Debian, as `initdb` wants it.
const UNPRIVILEGED: u32 = 65534;

/// Owner only: the owner of the socket's folder is whom Postgres trusts.
const PRIVATE: u32 = 0o700;

/// Where data goes that cannot be reached in its own place; restarts leave it alone.
const KEPT_ELSEWHERE: &str = "/var/tmp";

/// Passes through a folder: the execute bit of "others".
const OTHERS_MAY_PASS: u32 = 0o001;

/// Who runs Postgres.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Account {
    /// The account that runs this program.
    Own,
    /// Root runs this program: Postgres runs as [`UNPRIVILEGED`].
    Unprivileged,
}

impl Account {
    /// Decides by who owns `folder`, which this program has just made.
    pub(super) fn for_owner_of(folder: &Path) -> io::Result<Self> {
        let is_root = folder.metadata()?.uid() == 0;
        Ok(if is_root {
            Self::Unprivileged
        } else {
            Self::Own
        })
    }

    /// A command that runs under this account, in a folder that it can read.
    pub(super) fn command(self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        command.current_dir("/");
        if self == Self::Unprivileged {
            command.uid(UNPRIVILEGED).gid(UNPRIVILEGED);
        }
        command
    }

    /// Makes `folder` this account's own.
    fn own(self, folder: &Path) -> io::Result<()> {
        match self {
            Self::Own => Ok(()),
            Self::Unprivileged => chown(folder, Some(UNPRIVILEGED), Some(UNPRIVILEGED)),
        }
    }

    /// Whether this account gets through `folder` and all folders above it.
    pub(super) fn can_reach(self, folder: &Path) -> bool {
        self == Self::Own
            || folder.ancestors().all(|ancestor| {
                ancestor
                    .metadata()
                    .is_ok_and(|found| found.permissions().mode() & OTHERS_MAY_PASS != 0)
            })
    }
}

/// Makes `folder` private to `account`, which then owns it; leaves one that exists as it is.
///
/// # Errors
/// When it cannot be made.
fn private_folder(folder: &Path, account: Account) -> io::Result<()> {
    match DirBuilder::new().mode(PRIVATE).create(folder) {
        Ok(()) => account.own(folder),
        Err(_) if folder.is_dir() => Ok(()),
        Err(error) => Err(error),
    }
}

/// Where what belongs in `folder` really is: there, or, where `account` cannot
/// get through the folders above, behind a link that is made there (a clone
/// that root made in a closed folder, say).
///
/// # Errors
/// When neither can be made.
pub(super) fn reachable_folder(folder: &Path, account: Account) -> io::Result<PathBuf> {
    let parent = folder.parent().unwrap_or(folder).canonicalize()?;
    if !folder.exists() && !account.can_reach(&parent) {
        if folder.is_symlink() {
            // What it led to was cleared away.
            std::fs::remove_file(folder)?;
        }
        let (elsewhere, _) = temporary_folder_in(Path::new(KEPT_ELSEWHERE))?;
        symlink(elsewhere, folder)?;
    }
    private_folder(folder, account)?;
    folder.canonicalize()
}

/// Makes a new private folder for temporary use and tells whose it is. Its
/// path is short, since a socket's may have 107 bytes at most, and no folder
/// above it is closed.
///
/// # Errors
/// When none of the temporary folders takes one.
pub(super) fn temporary_folder() -> io::Result<(PathBuf, Account)> {
    let mut last_error = io::Error::from(io::ErrorKind::NotFound);
    for parent in [std::env::temp_dir(), "/tmp".into(), "/var/tmp".into()] {
        match temporary_folder_in(&parent) {
            Ok(made) => return Ok(made),
            Err(error) => last_error = error,
        }
    }
    Err(last_error)
}

/// Room for the random name and the socket's below a temporary folder.
const LONGEST_PARENT: usize = 60;

fn temporary_folder_in(parent: &Path) -> io::Result<(PathBuf, Account)> {
    if parent.as_os_str().len() > LONGEST_PARENT {
        return Err(io::Error::other("too long a path for a socket"));
    }
    let random = random::bytes().map_err(|error| io::Error::other(error.to_string()))?;
    let folder = parent.join(format!("red5-bridge-{:016x}", u64::from_be_bytes(random)));
    DirBuilder::new().mode(PRIVATE).create(&folder)?;
    let account = Account::for_owner_of(&folder)?;
    if !account.can_reach(parent) {
        std::fs::remove_dir(&folder)?;
        return Err(io::Error::other(format!(
            "{} is closed to the account that Postgres runs under",
            parent.display()
        )));
    }
    account.own(&folder)?;
    Ok((folder, account))
}
