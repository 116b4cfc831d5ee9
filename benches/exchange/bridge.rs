//! A bridge with a database of its own, a hundred mappings and one session.

use std::collections::BTreeMap;
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use actix_web::rt;
use actix_web::web::Bytes;
use chrono::TimeDelta;
use red5_bridge::app::Bridge;
use red5_bridge::clock::{Clock, SystemClock};
use red5_bridge::config::{Config, Variables};
use red5_bridge::domain::change_set::{Edit, TableChange};
use red5_bridge::domain::identity::Actor;
use red5_bridge::domain::session::{SessionKind, SignInOrigin};
use red5_bridge::flow::sessions::SessionSecret;
use red5_bridge::store::mappings::{ChangeContext, unjudged, untold};
use red5_bridge::store::session_cache::SessionCache;
use red5_bridge::store::sessions::{SealedTokens, StoredSession};
use red5_bridge::store::{SessionFor, Store};
use sha2::{Digest, Sha256};
use sqlx::{AssertSqlSafe, Connection, PgConnection};

use crate::load::Request;
use crate::resolve::{person, rows};

const ORIGIN: &str = "https://bridge.example";

/// Of it all, what the load needs.
pub struct Running {
    pub address: String,
    pub request: Request,
    /// What it answers.
    pub answer: Bytes,
    /// What Red5 asks about that answer, over a connection of its own each time.
    pub question: Request,
    server: String,
    database: String,
}

/// Starts it and waits until it hands out tokens.
pub fn start() -> Running {
    log_to_nowhere();
    let server = server();
    let database = format!("bench_{}", std::process::id());
    let mut url = url::Url::parse(&server).unwrap();
    url.set_path(&database);
    let secret = SessionSecret::random().unwrap();
    rt::System::new().block_on(async {
        statement(&server, format!("CREATE DATABASE {database}")).await;
        fill(url.as_str(), &secret).await;
    });
    let address = serve(url.into());
    let request = Request {
        path: "/api/token",
        connection: "keep-alive",
        body: r#"{"rooms":["room-7"]}"#.to_owned(),
        origin: ORIGIN.to_owned(),
        cookie: format!("__Host-bridge_session={}", secret.expose()),
    };
    let answer = rt::System::new().block_on(answer(&address, &request));
    let question = question(&address, &answer);
    Running {
        address,
        request,
        answer,
        question,
        server,
        database,
    }
}

impl Running {
    /// Leaves nothing behind.
    pub fn end(self) {
        let drop = format!("DROP DATABASE {} WITH (FORCE)", self.database);
        rt::System::new().block_on(statement(&self.server, drop));
    }
}

#[expect(clippy::disallowed_methods, reason = "where `make bench` says it is")]
fn server() -> String {
    std::env::var("DATABASE_URL").unwrap_or_else(|_| {
        println!("DATABASE_URL is not set: run it with `make bench`");
        std::process::exit(1)
    })
}

async fn statement(server: &str, statement: String) {
    let mut connection = PgConnection::connect(server).await.unwrap();
    sqlx::query(AssertSqlSafe(statement))
        .execute(&mut connection)
        .await
        .unwrap();
}

async fn fill(database_url: &str, secret: &SessionSecret) {
    let store = Store::new(database_url).unwrap();
    store.migrate().await.unwrap();
    let now = SystemClock.now();
    let actor = Actor {
        issuer: "bench".to_owned(),
        subject: "bench".to_owned(),
        label: "bench".to_owned(),
        client_ip: None,
        request_id: None,
    };
    let rows = rows(100, 0).into_iter();
    let rows = rows.map(|row| TableChange::Mapping(Edit::Create(row.draft)));
    let attempt = ChangeContext::new(&actor, now);
    let written = store.change(attempt, |_| rows.collect(), untold, unjudged);
    written.await.unwrap();
    let session = StoredSession {
        hash: Sha256::digest(secret.expose().as_bytes()).into(),
        kind: SessionKind::Browser,
        identity: person(),
        groups_read_at: now,
        created_at: now,
        last_seen_at: now,
        ends_at: now + TimeDelta::hours(1),
        provider_sid: None,
        provider_issued_at: None,
        begun_at: None,
        nonce_hash: None,
        refreshable: false,
        identity_version: 1,
    };
    let sessions = SessionCache::new(store.clone(), TimeDelta::hours(1));
    sessions
        .start(
            session,
            &SealedTokens::default(),
            &SignInOrigin::default(),
            SessionFor::NEW_BROWSER,
        )
        .await
        .unwrap();
    store.close().await;
}

/// Runs it until the program ends. The provider is never asked.
fn serve(database_url: String) -> String {
    let variables: BTreeMap<&str, String> = [
        ("DATABASE_URL", database_url),
        ("BRIDGE_PUBLIC_URL", ORIGIN.to_owned()),
        ("BRIDGE_LISTEN", "127.0.0.1:0".to_owned()),
        (
            "BRIDGE_SECRET_KEYS",
            "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=".to_owned(),
        ),
        ("BRIDGE_RATE_LIMITS", "off".to_owned()),
        ("OIDC_ISSUER_URL", "http://127.0.0.1:1".to_owned()),
        ("OIDC_CLIENT_ID", "bridge".to_owned()),
        (
            "RED5_JWT_SECRET",
            "4f1c0c6e2b9d4a7f8e3d5c6b7a8f9e0d1c2b3a4f".to_owned(),
        ),
        ("RED5_ROUND_TRIP_NETWORKS", "127.0.0.1".to_owned()),
        ("RED5_ROUND_TRIP_ROOM", "ignore".to_owned()),
        (
            "RED5_SERVER_URL",
            "https://media.example.com/live".to_owned(),
        ),
    ]
    .into();
    let config = Variables::from_iter(variables).read(Config::read).unwrap();
    let (started, running) = mpsc::channel();
    thread::spawn(move || {
        rt::System::new().block_on(async move {
            let bridge = Bridge::build(config, Arc::new(SystemClock), Some(1)).unwrap();
            started.send(bridge.address()).unwrap();
            bridge.run().await.unwrap();
        });
    });
    format!("http://{}", running.recv().unwrap())
}

async fn answer(address: &str, request: &Request) -> Bytes {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    for _ in 0..500 {
        let answer = client
            .post(format!("{address}/api/token"))
            .header("content-type", "application/json")
            .header("x-red5-bridge", "1")
            .header("origin", &request.origin)
            .header("cookie", &request.cookie)
            .body(request.body.clone())
            .send()
            .await
            .unwrap();
        if answer.status() == 200 {
            return answer.bytes().await.unwrap();
        }
        rt::time::sleep(Duration::from_millis(20)).await;
    }
    println!("the bridge hands out no token");
    std::process::exit(1)
}

/// A question about the token of an answer; it must be answered with yes.
fn question(address: &str, answer: &Bytes) -> Request {
    let answer: serde_json::Value = serde_json::from_slice(answer).unwrap();
    let role = answer["roles"][0].as_str().unwrap();
    let body = serde_json::json!({
        "username": "jwt", "password": "jwt", "token": answer["access_token"],
        "type": role.strip_prefix("red5-"), "streamID": "camera-1",
    });
    let question = Request {
        path: "/red5/validateCredentials",
        connection: "close",
        body: body.to_string(),
        origin: String::new(),
        cookie: String::new(),
    };
    let said = rt::System::new().block_on(async {
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let asked = client.post(format!("{address}{}", question.path));
        let said = asked.body(question.body.clone()).send().await.unwrap();
        said.text().await.unwrap()
    });
    assert_eq!(said, r#"{"result":true}"#);
    question
}

/// Lines are made as in production, and then thrown away: what a terminal
/// costs is not the bridge's.
fn log_to_nowhere() {
    let nowhere = std::fs::OpenOptions::new()
        .write(true)
        .open("/dev/null")
        .unwrap();
    tracing_subscriber::fmt()
        .with_max_level(tracing::Level::INFO)
        .with_writer(nowhere)
        .init();
}
