//! Where Postgres's programs are: on the machine, or unpacked below the
//! project's own ignored folder by `scripts/provide postgres`.

use std::path::{Path, PathBuf};

use super::account::Account;

/// Where Debian's packages put the programs of each version.
const DEBIAN_VERSIONS: &str = "/usr/lib/postgresql";

/// Where `scripts/provide` puts them, below the project's ignored folder.
const UNPACKED: &str = "debian/postgres/bin";

/// The folder that holds `initdb`, `postgres` and `pg_ctl`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Binaries(PathBuf);

impl Binaries {
    /// Looks along `PATH`, then at Debian's place (newest version first), then
    /// below `local`. A folder that `account` cannot reach does not count.
    pub(super) fn find(local: &Path, account: Account) -> Option<Self> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        std::env::split_paths(&path)
            .chain(debian_folders(Path::new(DEBIAN_VERSIONS)))
            .chain([local.join(UNPACKED)])
            // Resolved, because `scripts/provide` may have put a link there
            // that leads out of a closed folder, and because a folder of links
            // may have some of the programs alone.
            .filter_map(|folder| folder.join("postgres").canonicalize().ok())
            .filter_map(|postgres| postgres.parent().map(Path::to_owned))
            .find(|folder| {
                ["initdb", "postgres", "pg_ctl"]
                    .iter()
                    .all(|program| folder.join(program).is_file())
                    && account.can_reach(folder)
            })
            .map(Self)
    }

    pub(super) fn program(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

/// `VERSION/bin` below `versions`, the highest version first.
fn debian_folders(versions: &Path) -> Vec<PathBuf> {
    let mut found: Vec<(u32, PathBuf)> = versions
        .read_dir()
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            let version = entry.file_name().to_str()?.parse().ok()?;
            Some((version, entry.path().join("bin")))
        })
        .collect();
    found.sort_by_key(|(version, _)| std::cmp::Reverse(*version));
    found.into_iter().map(|(_, folder)| folder).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_as_numbers() {
        let versions = std::env::temp_dir().join(format!("red5-versions-{}", std::process::id()));
        for version in ["9", "15", "beta"] {
            std::fs::create_dir_all(versions.join(version)).unwrap();
        }
        let found = debian_folders(&versions);
        std::fs::remove_dir_all(&versions).unwrap();
        assert_eq!(found, [versions.join("15/bin"), versions.join("9/bin")]);
    }
}
