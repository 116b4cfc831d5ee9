//! A database of its own, and what is in it.

use actix_web::rt;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::TimeDelta;
use red5_bridge::clock::{Clock, SystemClock};
use red5_bridge::domain::change_set::{Edit, TableChange};
use red5_bridge::domain::identity::Actor;
use red5_bridge::domain::mapping::MappingDraft;
use red5_bridge::store::Store;
use red5_bridge::store::mappings::{ChangeContext, unjudged, untold};
use sha2::{Digest, Sha256};
use sqlx::{AssertSqlSafe, Connection, PgConnection};

/// The value of the cookie of a session, by its number. Not random, so that SQL can
/// write its hash and the load can send it.
pub fn cookie(number: u32) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(format!("session {number}")))
}

/// Sessions that end in as many hours and were last seen so long ago, with the hash of
/// [`cookie`]; five groups each.
const SESSIONS: &str = "
    INSERT INTO sessions (id_hash, issuer, subject, username, name, groups, groups_overage,
                          groups_read_at, created_at, last_seen_at, ends_at)
    SELECT sha256(convert_to(rtrim(translate(
               encode(sha256(convert_to('PREFIX ' || n, 'UTF8')), 'base64'), '+/', '-_'), '='), 'UTF8')),
           'https://login.example.com', 'subject-' || n, 'person' || n, 'Person ' || n,
           ARRAY['all-staff', 'building-7', 'group-7', 'newsletter', 'streaming-viewers'], false,
           now(), now() - interval '12 hours', now() - SEEN, now() + ENDS
    FROM generate_series(0, MANY - 1) AS n";

pub struct Rows {
    server: String,
    name: String,
    pub url: String,
}

impl Rows {
    /// Makes it, with one mapping.
    pub fn make(server: &str) -> Self {
        let name = format!("bench_{}", std::process::id());
        let mut url = url::Url::parse(server).unwrap();
        url.set_path(&name);
        let rows = Self {
            server: server.to_owned(),
            name,
            url: url.into(),
        };
        rt::System::new().block_on(async {
            execute(server, format!("CREATE DATABASE {}", rows.name)).await;
            let store = Store::new(&rows.url).unwrap();
            store.migrate().await.unwrap();
            let sent = serde_json::json!({
                "group": "group-7", "match": "exact", "roles": ["red5-publisher", "red5-subscriber"],
                "transports": ["RTMP", "WHIP", "WHEP"], "rooms": ["room-7"],
            });
            let actor = Actor {
                issuer: "bench".to_owned(),
                subject: "bench".to_owned(),
                label: "bench".to_owned(),
                client_ip: None,
                request_id: None,
            };
            let draft = MappingDraft::parse(serde_json::from_value(sent).unwrap()).unwrap();
            let now = SystemClock.now();
            let create = vec![TableChange::Mapping(Edit::Create(draft))];
            let attempt = ChangeContext::new(&actor, now);
            store.change(attempt, |_| create, untold, unjudged).await.unwrap();
            store.close().await;
        });
        rows
    }

    /// Sessions that can be used.
    pub fn write_live(&self, many: u32) {
        self.write("session", many, "interval '1 minute'", "interval '6 hours'");
    }

    /// Sessions that were over a day ago.
    pub fn write_expired(&self, many: u32) {
        self.write("expired", many, "interval '1 day'", "interval '-6 hours'");
    }

    fn write(&self, prefix: &str, many: u32, seen: &str, ends: &str) {
        let statement = SESSIONS
            .replace("PREFIX", prefix)
            .replace("SEEN", seen)
            .replace("ENDS", ends)
            .replace("MANY", &many.to_string());
        self.run(statement);
        self.run("ANALYZE sessions".to_owned());
    }

    /// One statement.
    pub fn run(&self, statement: String) {
        rt::System::new().block_on(execute(&self.url, statement));
    }

    /// As the bridge does it every five minutes; how many rows it removed.
    pub fn sweep(&self) -> u64 {
        rt::System::new().block_on(async {
            let store = Store::new(&self.url).unwrap();
            let now = SystemClock.now();
            let idle_since = now - TimeDelta::hours(8);
            let swept = store.sweep_sessions(now, idle_since).await.unwrap();
            store.close().await;
            swept
        })
    }

    /// Leaves nothing behind.
    pub fn remove(self) {
        let drop = format!("DROP DATABASE {} WITH (FORCE)", self.name);
        rt::System::new().block_on(execute(&self.server, drop));
    }
}

async fn execute(url: &str, statement: String) {
    let mut connection = PgConnection::connect(url).await.unwrap();
    sqlx::query(AssertSqlSafe(statement))
        .execute(&mut connection)
        .await
        .unwrap();
}
