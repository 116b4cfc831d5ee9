//! The program, in a process of its own.

use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::connection::{Connection, ORIGIN};

pub struct Bridge {
    child: Child,
    pub address: String,
    ops_address: String,
    /// From the start of the process to the first 200 of `/readyz`.
    pub started_in: Duration,
}

impl Bridge {
    /// Starts it and waits until it is ready. The provider is never asked.
    pub fn start(database_url: &str) -> Self {
        let [address, ops_address] = free_addresses();
        let begun = Instant::now();
        let child = Command::new(env!("CARGO_BIN_EXE_red5-bridge"))
            .arg("serve")
            .env_clear()
            .env("DATABASE_URL", database_url)
            .env("BRIDGE_PUBLIC_URL", ORIGIN)
            .env("BRIDGE_LISTEN", &address)
            .env("BRIDGE_OPS_LISTEN", &ops_address)
            .env(
                "BRIDGE_SECRET_KEYS",
                "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
            )
            .env("BRIDGE_RATE_LIMITS", "off")
            .env("BRIDGE_ADMIN_GROUPS", "streaming-admins")
            .env("OIDC_ISSUER_URL", "http://127.0.0.1:1")
            .env("OIDC_CLIENT_ID", "bridge")
            .env(
                "RED5_JWT_SECRET",
                "4f1c0c6e2b9d4a7f8e3d5c6b7a8f9e0d1c2b3a4f",
            )
            // Where there is no `.env`.
            .current_dir(std::env::temp_dir())
            // Lines are made as in production, and then thrown away.
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut bridge = Self {
            child,
            address,
            ops_address,
            started_in: Duration::ZERO,
        };
        while !bridge.is_ready() {
            let ended = bridge.child.try_wait().unwrap();
            assert!(
                ended.is_none() && begun.elapsed() < Duration::from_mins(2),
                "it is never ready: {ended:?}"
            );
            std::thread::sleep(Duration::from_millis(2));
        }
        bridge.started_in = begun.elapsed();
        bridge
    }

    fn is_ready(&self) -> bool {
        Connection::open(&self.address)
            .and_then(|mut connection| connection.get("/readyz"))
            .is_ok_and(|answer| answer.status == 200)
    }

    /// Memory that it holds (`VmRSS`), in kB.
    pub fn resident_kb(&self) -> u64 {
        let status = format!("/proc/{}/status", self.child.id());
        let status = std::fs::read_to_string(status).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let line = line.unwrap().trim().trim_end_matches(" kB");
        line.parse().unwrap()
    }

    /// As its metrics say.
    pub fn sessions_in_memory(&self) -> u64 {
        let mut connection = Connection::open(&self.ops_address).unwrap();
        let metrics = connection.get("/metrics").unwrap().body;
        let line = metrics
            .lines()
            .find_map(|line| line.strip_prefix("red5_bridge_sessions_in_memory "));
        line.unwrap().parse().unwrap()
    }
}

impl Drop for Bridge {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Both are held until both are known: one alone might be given twice.
fn free_addresses() -> [String; 2] {
    let held = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    held.each_ref()
        .map(|listener| listener.local_addr().unwrap().to_string())
}
