//! A real `PgBouncer` before the tests' Postgres, with the lines of docs/pgbouncer.ini.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::str::FromStr;

use crate::eventually::eventually;
use sqlx::postgres::PgConnectOptions;

/// Stops `PgBouncer` when the tests' end of the pipe closes, however they end.
const SUPERVISE: &str = r#""$0" "$1" & pid=$!; cat; kill -TERM "$pid"; wait "$pid""#;

/// `nobody`: as root `PgBouncer` refuses to run. The tests' Postgres runs as the same account,
/// which alone reaches its socket.
const UNPRIVILEGED: u32 = 65534;

pub struct PgBouncer {
    supervisor: Child,
    folder: PathBuf,
    port: u16,
    password: String,
}

impl PgBouncer {
    /// In transaction mode, with two connections to the server.
    pub async fn start(database_url: &str) -> Self {
        Self::start_with(database_url, &[]).await
    }

    /// The same with some lines replaced.
    pub async fn start_with(database_url: &str, lines: &[(&str, &str)]) -> Self {
        let server = PgConnectOptions::from_str(database_url).unwrap();
        let password = url::Url::parse(database_url).unwrap();
        let password = password.password().unwrap_or("pooled").to_owned();
        let folder = folder();
        let port = free_port();
        let users = ["bridge_serves", server.get_username()];
        let users = users.map(|user| format!("\"{user}\" \"{password}\"\n"));
        fs::write(folder.join("userlist.txt"), users.concat()).unwrap();
        let host = server.get_socket().map_or_else(
            || server.get_host().to_owned(),
            |folder| folder.display().to_string(),
        );
        let database = format!(
            "host={host} port={} dbname={}",
            server.get_port(),
            server.get_database().unwrap()
        );
        let place = folder.display();
        let (port_line, users) = (
            format!("listen_port = {port}"),
            format!("{place}/userlist.txt"),
        );
        let mut ini = include_str!("../../../docs/pgbouncer.ini").to_owned();
        let ours = [
            ("host=db.example.com port=5432 dbname=bridge", &*database),
            ("listen_port = 6432", &port_line),
            ("/etc/pgbouncer/userlist.txt", &users),
            ("default_pool_size = 20", "default_pool_size = 2"),
        ];
        for (line, instead) in ours.iter().chain(lines) {
            assert!(ini.contains(line), "{line}");
            ini = ini.replace(line, instead);
        }
        let ini = format!("{ini}unix_socket_dir =\nlogfile = {place}/log\n");
        let file = folder.join("pgbouncer.ini");
        fs::write(&file, ini).unwrap();
        let mut supervisor = Command::new("/bin/sh");
        supervisor
            .args(["-c", SUPERVISE])
            .arg(program())
            .arg(&file)
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        if is_root(&folder) {
            std::os::unix::fs::chown(&folder, Some(UNPRIVILEGED), None).unwrap();
            supervisor.uid(UNPRIVILEGED).gid(UNPRIVILEGED);
        }
        let started = Self {
            supervisor: supervisor.spawn().unwrap(),
            folder,
            port,
            password,
        };
        started.until_it_listens().await;
        started
    }

    async fn until_it_listens(&self) {
        eventually("PgBouncer listens", async || {
            TcpStream::connect(("127.0.0.1", self.port)).is_ok()
        })
        .await;
    }

    /// The role that serves, through the pooler.
    pub fn url(&self) -> String {
        self.url_of("bridge_serves")
    }

    pub fn url_of(&self, user: &str) -> String {
        let (password, port) = (&self.password, self.port);
        format!("postgres://{user}:{password}@127.0.0.1:{port}/bridge?sslmode=disable")
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.join("log")).unwrap_or_default()
    }
}

impl Drop for PgBouncer {
    #[expect(clippy::print_stderr, reason = "the log says why the test failed")]
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}", self.log());
        }
        drop(self.supervisor.stdin.take());
        let _ = self.supervisor.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn folder() -> PathBuf {
    let mut name = [0; 8];
    getrandom::fill(&mut name).unwrap();
    let name = format!("red5-pgbouncer-{:016x}", u64::from_be_bytes(name));
    let folder = std::env::temp_dir().join(name);
    fs::create_dir(&folder).unwrap();
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).unwrap();
    folder
}

fn is_root(folder: &Path) -> bool {
    folder.metadata().unwrap().uid() == 0
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

/// The machine's, or as `scripts/provide pgbouncer` unpacks it.
fn program() -> PathBuf {
    let unpacked = Path::new(env!("CARGO_MANIFEST_DIR")).join(".local/debian/pgbouncer/bin");
    let found = ["/usr/sbin", "/usr/bin", "/usr/local/bin"]
        .iter()
        .map(|folder| Path::new(folder).join("pgbouncer"))
        .chain([unpacked.join("pgbouncer")])
        .find_map(|program| program.canonicalize().ok());
    found.expect("pgbouncer: run scripts/provide pgbouncer")
}
