//! A Postgres of its own whose data outlives its server.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;

use red5_bridge_demo::postgres::Cluster;

use crate::eventually::eventually;

pub struct Postgres {
    folder: PathBuf,
    cluster: Mutex<Option<Cluster>>,
}

impl Postgres {
    pub async fn start() -> Self {
        let postgres = Self::without_server();
        postgres.start_again().await;
        postgres
    }

    /// A streaming standby of this one, with a folder of its own.
    pub async fn standby(&self) -> Self {
        let standby = Self::without_server();
        let primary = self.cluster.lock().unwrap().as_ref().unwrap().sockets();
        let data = standby.folder.join("postgres");
        let cluster = Cluster::standby(Path::new(".local"), &data, &primary).await;
        *standby.cluster.lock().unwrap() = Some(cluster.unwrap());
        standby
    }

    fn without_server() -> Self {
        let mut name = [0; 8];
        getrandom::fill(&mut name).unwrap();
        let name = format!("red5-bridge-house-{:016x}", u64::from_be_bytes(name));
        let folder = std::env::temp_dir().join(name);
        std::fs::create_dir(&folder).unwrap();
        Self {
            folder,
            cluster: Mutex::default(),
        }
    }

    /// Where it is now: another place after each start.
    pub fn url(&self) -> String {
        self.cluster.lock().unwrap().as_ref().unwrap().default_url()
    }

    pub async fn start_again(&self) {
        let data = self.folder.join("postgres");
        // Processes that were killed hold its memory for a moment.
        let cluster = eventually("the server starts", async || {
            Cluster::kept(Path::new(".local"), &data).await.ok()
        })
        .await;
        *self.cluster.lock().unwrap() = Some(cluster);
    }

    /// Stops it as an administrator would.
    pub async fn stop(&self) {
        let cluster = self.cluster.lock().unwrap().take().unwrap();
        cluster.stop().await.unwrap();
    }

    /// All its processes end in the middle of what they do.
    pub fn kill(&self) {
        self.signal("KILL");
        *self.cluster.lock().unwrap() = None;
    }

    /// All its processes stand still.
    pub fn pause(&self) {
        self.signal("STOP");
    }

    /// They go on.
    pub fn resume(&self) {
        self.signal("CONT");
    }

    fn signal(&self, signal: &str) {
        let data = self
            .cluster
            .lock()
            .unwrap()
            .as_ref()
            .unwrap()
            .data()
            .to_owned();
        let file = std::fs::read_to_string(data.join("postmaster.pid")).unwrap();
        let postmaster: u32 = file.lines().next().unwrap().parse().unwrap();
        let mut processes = children(postmaster);
        processes.push(postmaster);
        for process in processes {
            // One that ended meanwhile is no error.
            let signal = format!("kill -{signal} {process} 2>/dev/null || true");
            Command::new("sh").args(["-c", &signal]).status().unwrap();
        }
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        let running = self.cluster.lock().unwrap().is_some();
        if running {
            self.resume();
        }
        *self.cluster.lock().unwrap() = None;
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn children(parent: u32) -> Vec<u32> {
    let wanted = format!("PPid:\t{parent}");
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    processes
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter(|process: &u32| {
            let status = std::fs::read_to_string(format!("/proc/{process}/status"));
            status.is_ok_and(|status| status.lines().any(|line| line == wanted))
        })
        .collect()
}
