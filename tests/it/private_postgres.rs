//! The private Postgres of demo and tests: reachable by its owner alone, gone
//! with its owner, and data that outlives both.

use std::path::{Path, PathBuf};
use std::process::Command;

use red5_bridge_demo::postgres::Cluster;
use sqlx::{Connection as _, Executor as _, PgConnection};

use crate::eventually::eventually;

/// A folder that is removed at the end, for data that is kept.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let name = format!("red5-bridge-test-{name}-{}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        std::fs::create_dir(&folder).unwrap();
        Self(folder)
    }

    fn data(&self) -> PathBuf {
        self.0.join("postgres")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn local() -> &'static Path {
    Path::new(".local")
}

async fn ask(cluster: &Cluster, sql: &'static str) {
    let mut connection = PgConnection::connect(&cluster.default_url()).await.unwrap();
    connection.execute(sql).await.unwrap();
    connection.close().await.unwrap();
}

/// The supervising shell and the server, by the number in `postmaster.pid`.
fn server(data: &Path) -> u32 {
    let file = std::fs::read_to_string(data.join("postmaster.pid")).unwrap();
    file.lines().next().unwrap().parse().unwrap()
}

fn parent(pid: u32) -> u32 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("PPid:"));
    line.unwrap()["PPid:".len()..].trim().parse().unwrap()
}

fn kill_hard(pid: u32) {
    let killed = Command::new("sh")
        .args(["-c", &format!("kill -KILL {pid}")])
        .status();
    assert!(killed.unwrap().success());
}

#[tokio::test]
async fn it_listens_on_no_network_address_and_its_folder_is_private() {
    use std::os::unix::fs::PermissionsExt as _;
    let cluster = Cluster::throwaway(local()).await.unwrap();
    ask(
        &cluster,
        "DO $$ BEGIN ASSERT current_setting('listen_addresses') = ''; END $$",
    )
    .await;
    let folder = cluster.data().parent().unwrap().to_owned();
    assert_eq!(
        folder.metadata().unwrap().permissions().mode() & 0o777,
        0o700
    );
    cluster.stop().await.unwrap();
    assert!(!folder.exists(), "a throwaway cluster leaves nothing");
}

#[tokio::test]
async fn a_cluster_that_is_dropped_stops_by_itself() {
    let cluster = Cluster::throwaway(local()).await.unwrap();
    let folder = cluster.data().parent().unwrap().to_owned();
    drop(cluster);
    eventually("the folder is gone", async || !folder.exists()).await;
}

#[tokio::test]
async fn kept_data_is_there_after_a_restart() {
    let folder = Folder::new("kept");
    let cluster = Cluster::kept(local(), &folder.data()).await.unwrap();
    ask(&cluster, "CREATE TABLE kept (it int)").await;
    cluster.stop().await.unwrap();

    let cluster = Cluster::kept(local(), &folder.data()).await.unwrap();
    ask(&cluster, "SELECT * FROM kept").await;
    cluster.stop().await.unwrap();
}

#[tokio::test]
async fn a_server_whose_supervisor_was_killed_is_stopped_by_the_next_start() {
    let folder = Folder::new("leftover");
    let cluster = Cluster::kept(local(), &folder.data()).await.unwrap();
    ask(&cluster, "CREATE TABLE kept (it int)").await;
    let leftover = server(cluster.data());
    kill_hard(parent(leftover));
    assert!(cluster.stop().await.is_err(), "its supervisor was killed");

    let cluster = Cluster::kept(local(), &folder.data()).await.unwrap();
    assert_ne!(server(cluster.data()), leftover);
    ask(&cluster, "SELECT * FROM kept").await;
    cluster.stop().await.unwrap();
}

#[tokio::test]
async fn data_of_a_crashed_server_is_recovered_by_the_next_start() {
    let folder = Folder::new("crashed");
    let cluster = Cluster::kept(local(), &folder.data()).await.unwrap();
    ask(&cluster, "CREATE TABLE kept (it int)").await;
    kill_hard(server(cluster.data()));
    assert!(cluster.stop().await.is_err(), "it had crashed");

    let cluster = Cluster::kept(local(), &folder.data()).await.unwrap();
    ask(&cluster, "SELECT * FROM kept").await;
    cluster.stop().await.unwrap();
}

#[tokio::test]
async fn a_start_that_was_broken_off_begins_again() {
    let folder = Folder::new("unfinished");
    let cluster = Cluster::kept(local(), &folder.data()).await.unwrap();
    cluster.stop().await.unwrap();
    let data = folder.data();
    std::fs::rename(data.join("data"), data.join("unfinished")).unwrap();

    let cluster = Cluster::kept(local(), &folder.data()).await.unwrap();
    ask(&cluster, "SELECT 1").await;
    cluster.stop().await.unwrap();
    assert!(!data.join("unfinished").exists());
}
