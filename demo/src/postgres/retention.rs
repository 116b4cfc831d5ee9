//! Whether a cluster's data outlives its run, and what follows from it.

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Retention {
    /// It is there again at the next start.
    Kept,
    /// It is removed at the end.
    ThrownAway,
}

impl Retention {
    /// Settings that depend on it. A test run opens a few connections for each
    /// of many databases at once, and nothing of it has to survive a crash.
    pub(super) const fn settings(self) -> &'static [&'static str] {
        match self {
            Self::Kept => &[],
            Self::ThrownAway => &[
                "max_connections=300",
                "fsync=off",
                "full_page_writes=off",
                "synchronous_commit=off",
                "wal_level=minimal",
                "max_wal_senders=0",
                "max_wal_size=256MB",
                "wal_init_zero=off",
                "checkpoint_timeout=1d",
                "autovacuum=off",
            ],
        }
    }

    /// How Postgres is told to end. Writing down what is thrown away takes as
    /// long as it took to make it.
    pub(super) const fn stop_signal(self) -> &'static str {
        match self {
            Self::Kept => "INT",
            Self::ThrownAway => "QUIT",
        }
    }
}
