//! TLS to Postgres, fully verified (SC-4): a server that shows what it is told to.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::path::Path;

use red5_bridge::store::{Store, StoreError};
use red5_bridge_demo::postgres::Cluster;
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection};

use crate::bridge::TestBridge;
use crate::check::{Checked, find};
use crate::database::prepare;
use crate::eventually::eventually;
use crate::provider::tls;

/// A Postgres with TLS, at a port of 127.0.0.1.
struct Postgres {
    cluster: Cluster,
    port: u16,
}

impl Postgres {
    async fn start() -> Self {
        let mut tries = 0;
        loop {
            let free = TcpListener::bind("127.0.0.1:0").unwrap();
            let port = free.local_addr().unwrap().port();
            drop(free);
            match Cluster::throwaway_at(Path::new(".local"), port).await {
                Ok(cluster) => break Self { cluster, port },
                // Changed meanwhile.
                Err(error) => assert!(tries < 5, "{error}"),
            }
            tries += 1;
        }
    }

    /// From now on it shows this certificate to new connections.
    async fn shows(&self, certificate: &str) {
        let owner = fs::metadata(self.cluster.data()).unwrap();
        for end in ["pem", "key"] {
            let name = format!("{certificate}.{end}");
            let there = self.cluster.data().join(&name);
            fs::copy(tls::file(&name), &there).unwrap();
            // Postgres takes no key that others may read.
            fs::set_permissions(&there, fs::Permissions::from_mode(0o600)).unwrap();
            chown(&there, Some(owner.uid()), Some(owner.gid())).unwrap();
        }
        let mut by_hand = self.by_hand().await;
        for statement in [
            format!("ALTER SYSTEM SET ssl_cert_file = '{certificate}.pem'"),
            format!("ALTER SYSTEM SET ssl_key_file = '{certificate}.key'"),
            "ALTER SYSTEM SET ssl = on".to_owned(),
            "SELECT pg_reload_conf()".to_owned(),
        ] {
            by_hand.execute(AssertSqlSafe(statement)).await.unwrap();
        }
        eventually("the server takes it", async || {
            let shown: String = sqlx::query_scalar("SHOW ssl_cert_file")
                .fetch_one(&mut self.by_hand().await)
                .await
                .unwrap();
            shown == format!("{certificate}.pem")
        })
        .await;
    }

    /// Over the socket, where there is no TLS.
    async fn by_hand(&self) -> PgConnection {
        PgConnection::connect(&self.cluster.default_url())
            .await
            .unwrap()
    }

    fn at(&self, host: &str, parameters: &str) -> String {
        let port = self.port;
        format!("postgres://postgres@{host}:{port}/postgres?{parameters}")
    }

    fn verified(&self) -> String {
        let authority = tls::authority_file();
        self.at(
            "127.0.0.1",
            &format!("sslmode=verify-full&sslrootcert={authority}"),
        )
    }
}

async fn migrated(url: &str) -> Result<(), StoreError> {
    let store = Store::new(url).unwrap();
    let outcome = store.migrate().await;
    store.close().await;
    outcome
}

async fn said_of(url: &str) -> Vec<String> {
    Checked::new().set("DATABASE_URL", url).said().await
}

#[tokio::test]
async fn sc_4_a_bridge_serves_over_tls_that_is_fully_verified() {
    let postgres = Postgres::start().await;
    postgres.shows("good").await;

    prepare(&postgres.verified()).await;
    let bridge = TestBridge::start_on(&postgres.verified(), &[]).await;
    bridge
        .map("staff", &["red5-subscriber"], &["*"], &["*"])
        .await;
    bridge.provider.person("ann").groups(["staff"]);
    let ann = bridge.signed_in("ann").await;

    assert_eq!(ann.token(serde_json::json!({})).await.status, 200);
    // All of them: the pool's and the one that listens.
    let open: Vec<bool> = sqlx::query_scalar(
        "SELECT ssl FROM pg_stat_ssl JOIN pg_stat_activity USING (pid)
         WHERE usename = 'bridge_serves'",
    )
    .fetch_all(&mut postgres.by_hand().await)
    .await
    .unwrap();
    assert!(open.len() >= 2 && open.iter().all(|&ssl| ssl), "{open:?}");
    bridge.stop().await;
}

#[tokio::test]
async fn sc_4_a_postgres_that_cannot_show_who_it_is_gets_nothing_and_check_says_so() {
    let postgres = Postgres::start().await;
    postgres.shows("good").await;
    migrated(&postgres.verified()).await.unwrap();
    let said = said_of(&postgres.verified()).await;
    find(&said, "ok", &["the tables are those of this version"]);

    for (certificate, words) in [
        ("other-host", "does not name this host"),
        ("of-unknown-authority", "an authority that is not trusted"),
        ("expired", "has expired"),
    ] {
        postgres.shows(certificate).await;
        let refused = migrated(&postgres.verified()).await;
        assert!(refused.is_err(), "{certificate}");
        let said = said_of(&postgres.verified()).await;
        find(&said, "WRONG", &["TLS to Postgres fails", words]);
    }
    // Without the authority's file the system's authorities count, and none of them made it.
    postgres.shows("good").await;
    let system = postgres.at("127.0.0.1", "sslmode=verify-full");
    assert!(migrated(&system).await.is_err());
    find(&said_of(&system).await, "WRONG", &["sslrootcert=FILE"]);
    let no_file = postgres.at("127.0.0.1", "sslmode=verify-full&sslrootcert=/none.pem");
    find(
        &said_of(&no_file).await,
        "WRONG",
        &["a file", "sslrootcert="],
    );
}

#[tokio::test]
async fn sc_4_check_notes_every_way_to_another_machine_that_is_less_than_fully_verified() {
    let postgres = Postgres::start().await;
    postgres.shows("good").await;
    migrated(&postgres.verified()).await.unwrap();
    let authority = format!("&sslrootcert={}", tls::authority_file());
    // Written like this it leads here, and for `check` it is a name like any other.
    let said = async |mode: &str, more: &str| {
        let parameters = format!("sslmode={mode}{more}");
        said_of(&postgres.at("LOCALHOST", &parameters)).await
    };

    let full = said("verify-full", &authority).await;
    find(&full, "ok", &["the tables are those of this version"]);
    let about_the_way = |line: &&String| line.contains("the connection is");
    assert_eq!(full.iter().find(about_the_way), None);
    for (mode, more, words) in [
        (
            "verify-ca",
            authority.as_str(),
            "it is not checked that it leads to this host",
        ),
        (
            "require",
            "",
            "it is not checked that it leads to this host",
        ),
        ("prefer", "", "it is not checked that it leads to this host"),
        ("disable", "", "the connection is not encrypted"),
    ] {
        let said = said(mode, more).await;
        let line = find(&said, "note", &[words]);
        assert!(line.contains("Set sslmode=verify-full"), "{line}");
    }
}
