//! What a running server writes about itself into its data folder.

use std::path::{Path, PathBuf};

/// The lines of `postmaster.pid` that matter here (Postgres: `pidfile.h`).
pub(super) struct PidFile {
    pub(super) pid: u32,
    socket_folder: Option<PathBuf>,
    status: Option<String>,
}

impl PidFile {
    /// `None` when no server has been there, or it has ended in order.
    pub(super) fn read(data: &Path) -> Option<Self> {
        let text = std::fs::read_to_string(data.join("postmaster.pid")).ok()?;
        let lines: Vec<&str> = text.lines().map(str::trim).collect();
        Some(Self {
            pid: lines.first()?.parse().ok()?,
            socket_folder: lines.get(4).map(PathBuf::from),
            status: lines.get(7).map(|&status| status.to_owned()),
        })
    }
}

/// Whether the server that has its socket in `socket_folder` takes connections.
pub(super) fn is_ready(data: &Path, socket_folder: &Path) -> bool {
    PidFile::read(data).is_some_and(|file| {
        file.status.as_deref() == Some("ready")
            && file.socket_folder.as_deref() == Some(socket_folder)
    })
}
