//! A bridge of its own for each test: a database, a scripted provider, a clock
//! that the test moves, and browsers with their cookies.
//!
//! The public URL is `https://bridge.example`, so that cookies are `__Host-`
//! and `Secure` as in production; the browsers know where that really is.

mod browser;
mod gate;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;

use actix_web::rt;
use chrono::{DateTime, TimeDelta, Utc};
use red5_bridge::app::{Bridge, BridgeHandle};
use red5_bridge::clock::{Clock, SystemClock};
use red5_bridge::config::{Config, Variables};
use red5_bridge::oidc::Pace;
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, PgPool};

use crate::database::{as_served, new_database};
use crate::provider::{CLIENT_ID, CLIENT_SECRET, Provider};

pub use browser::{Answer, Browser};
pub use gate::Gate;

pub const ORIGIN: &str = "https://bridge.example";
pub const APP_ORIGIN: &str = "https://app.example";
pub const RED5_SECRET: &str = "4f1c0c6e2b9d4a7f8e3d5c6b7a8f9e0d1c2b3a4f5e6d7c8b";
pub const SECRET_KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
pub const ADMIN_GROUP: &str = "streaming-admins";

/// The machine's clock, and what the test adds to it.
#[derive(Default)]
pub struct TestClock(AtomicI64);

impl TestClock {
    /// Goes ahead.
    pub fn advance(&self, by: TimeDelta) {
        self.0.fetch_add(by.num_milliseconds(), Ordering::SeqCst);
    }
}

impl Clock for TestClock {
    fn now(&self) -> DateTime<Utc> {
        SystemClock.now() + TimeDelta::milliseconds(self.0.load(Ordering::SeqCst))
    }
}

/// The running whole.
pub struct TestBridge {
    pub provider: Arc<Provider>,
    pub clock: Arc<TestClock>,
    /// A hand at the database: its owner's.
    pub db: PgPool,
    /// The owner's. The bridge itself connects as [`as_served`] says.
    pub database_url: String,
    /// Where it really listens.
    pub address: String,
    /// The second listener, where `BRIDGE_OPS_LISTEN` asks for one.
    pub ops_address: Option<String>,
    /// The listener for Red5, where `BRIDGE_RED5_LISTEN` asks for one.
    pub red5_address: Option<String>,
    handle: BridgeHandle,
    thread: Option<thread::JoinHandle<()>>,
}

impl TestBridge {
    /// Starts one with the usual configuration.
    pub async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// Starts one with some variables set otherwise; an empty value unsets.
    pub async fn start_with(variables: &[(&str, &str)]) -> Self {
        let database_url = new_database().await;
        Self::start_on(&database_url, variables).await
    }

    /// Starts one on a database that is there: a second instance.
    pub async fn start_on(database_url: &str, variables: &[(&str, &str)]) -> Self {
        let start = Provider::start_with;
        Self::start_at(database_url, variables, Pace::default(), start).await
    }

    /// Starts one with another provider and other patience.
    pub async fn start_at(
        database_url: &str,
        variables: &[(&str, &str)],
        pace: Pace,
        start: impl FnOnce(Arc<dyn Clock>) -> Provider,
    ) -> Self {
        let clock = Arc::new(TestClock::default());
        let provider = Arc::new(start(Arc::clone(&clock) as Arc<dyn Clock>));
        Self::run(database_url, variables, pace, clock, provider).await
    }

    /// Another instance on the same database, with the same provider and clock.
    pub async fn beside(&self, variables: &[(&str, &str)]) -> Self {
        let (clock, provider) = (Arc::clone(&self.clock), Arc::clone(&self.provider));
        Self::run(
            &self.database_url,
            variables,
            Pace::default(),
            clock,
            provider,
        )
        .await
    }

    async fn run(
        database_url: &str,
        variables: &[(&str, &str)],
        pace: Pace,
        clock: Arc<TestClock>,
        provider: Arc<Provider>,
    ) -> Self {
        let serving = as_served(database_url);
        let mut environment = environment(&serving, provider.issuer());
        for (name, value) in variables {
            environment.insert((*name).to_owned(), (*value).to_owned());
        }
        let mut config = Variables::from_iter(environment.clone())
            .read(Config::read)
            .unwrap();
        config.oidc.pace = pace;
        let (started, running) = mpsc::channel();
        let bridge_clock = Arc::clone(&clock) as Arc<dyn Clock>;
        let thread = thread::spawn(move || {
            rt::System::new().block_on(async move {
                let bridge = Bridge::build(config, bridge_clock, Some(1)).unwrap();
                let addresses = (
                    bridge.address(),
                    bridge.ops_address(),
                    bridge.red5_address(),
                );
                started.send((bridge.handle(), addresses)).unwrap();
                bridge.run().await.unwrap();
            });
        });
        let (handle, (address, ops_address, red5_address)) = running.recv().unwrap();
        let bridge = Self {
            provider,
            clock,
            db: PgPool::connect_lazy(database_url).unwrap(),
            database_url: database_url.to_owned(),
            address: format!("http://{address}"),
            ops_address: ops_address.map(|address| format!("http://{address}")),
            red5_address: red5_address.map(|address| format!("http://{address}")),
            handle,
            thread: Some(thread),
        };
        bridge.wait_until_ready().await;
        bridge
    }

    async fn wait_until_ready(&self) {
        self.browser().ready().await;
    }

    /// Stops it as an operator would, and waits until it has stopped.
    pub async fn stop(mut self) {
        self.handle.stop(true).await;
        if let Some(thread) = self.thread.take() {
            tokio::task::spawn_blocking(|| thread.join().unwrap())
                .await
                .unwrap();
        }
    }

    /// Another instance that takes all sessions for idle, and there the same browser: the
    /// sessions were used at an instance that has not written so yet.
    pub async fn beside_and_idle(&self, browser: &Browser) -> (Self, Browser) {
        sqlx::query("UPDATE sessions SET last_seen_at = last_seen_at - interval '30 days'")
            .execute(&self.db)
            .await
            .unwrap();
        let other = self.beside(&[]).await;
        let mut there = other.browser();
        there.cookies = browser.cookies.clone();
        (other, there)
    }

    /// A browser without cookies.
    pub fn browser(&self) -> Browser {
        Browser::new(&self.address)
    }

    /// A browser in which `person` is signed in; describe them first.
    pub async fn signed_in(&self, person: &str) -> Browser {
        let mut browser = self.browser();
        self.sign_in(&mut browser, person).await;
        browser
    }

    /// Signs `person` in, in this browser.
    pub async fn sign_in(&self, browser: &mut Browser, person: &str) {
        let begun = browser.get("/auth/login").await;
        assert_eq!(begun.status, 303, "{}", begun.body);
        let back = self.provider.approve(&begun.location(), person).await;
        let done = browser.get(&path_of(&back)).await;
        assert_eq!(done.status, 303, "{}", done.body);
    }

    /// Connects the device that shows this code; `person` is signed in in this browser.
    pub async fn approve_device(&self, browser: &mut Browser, person: &str, user_code: &str) {
        let fields = [("user_code", user_code), ("decision", "approve")];
        let page = browser.peek("/device").await;
        let token = page.field("form_token");
        let fields = [&[("form_token", token.as_str())], &fields[..]].concat();
        let metadata = browser
            .peek("/.well-known/oauth-authorization-server")
            .await;
        let origin = metadata.json()["issuer"].as_str().unwrap().to_owned();
        let onward = browser.post_form("/device/decide", &fields, &origin).await;
        assert_eq!(onward.status, 200, "{}", onward.body);
        let back = self.provider.approve(&onward.leads_on_to(), person).await;
        let done = browser.get(&path_of(&back)).await;
        assert!(
            done.header("location")
                .ends_with("/device?done=device-connected"),
            "{}",
            done.body
        );
    }

    /// A browser in which an administrator is signed in.
    pub async fn admin(&self) -> Browser {
        self.provider.person("root").groups([ADMIN_GROUP]);
        self.signed_in("root").await
    }

    /// Adds a mapping as an administrator would, by the API.
    pub async fn map(
        &self,
        group: &str,
        roles: &[&str],
        transports: &[&str],
        rooms: &[&str],
    ) -> Value {
        let mapping = json!({
            "group": group, "match": "exact", "roles": roles, "transports": transports, "rooms": rooms,
        });
        self.add(&mapping).await
    }

    /// Lets the group `viewers` watch in the lobby.
    pub async fn map_lobby(&self) -> Value {
        self.map("viewers", &["red5-subscriber"], &["WHEP"], &["lobby"])
            .await
    }

    /// Adds a mapping of any kind.
    pub async fn add(&self, mapping: &Value) -> Value {
        let answer = self
            .admin()
            .await
            .api("POST", "/api/admin/mappings", mapping)
            .await;
        assert_eq!(answer.status, 201, "{}", answer.body);
        answer.json()
    }

    /// The bridge's time in Unix seconds, as `exp` counts.
    pub fn now(&self) -> i64 {
        self.clock.now().timestamp()
    }

    /// How many rows a table has.
    pub async fn count(&self, table: &str) -> i64 {
        let query = AssertSqlSafe(format!("SELECT count(*) FROM {table}"));
        sqlx::query_scalar(query).fetch_one(&self.db).await.unwrap()
    }
}

impl Drop for TestBridge {
    fn drop(&mut self) {
        let handle = self.handle.clone();
        // A runtime of its own: this may be a thread of another one.
        let stop = thread::spawn(move || rt::System::new().block_on(handle.stop(false)));
        let _ = stop.join();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Path and query of an address of the bridge.
pub fn path_of(url: &url::Url) -> String {
    match url.query() {
        Some(query) => format!("{}?{query}", url.path()),
        None => url.path().to_owned(),
    }
}

/// The usual configuration.
pub fn environment(database_url: &str, issuer: &str) -> BTreeMap<String, String> {
    let variables = [
        ("DATABASE_URL", database_url),
        ("BRIDGE_PUBLIC_URL", ORIGIN),
        ("BRIDGE_LISTEN", "127.0.0.1:0"),
        ("BRIDGE_SECRET_KEYS", SECRET_KEY),
        ("BRIDGE_ADMIN_GROUPS", ADMIN_GROUP),
        ("BRIDGE_ALLOWED_ORIGINS", APP_ORIGIN),
        // Tests of the limits switch them on.
        ("BRIDGE_RATE_LIMITS", "off"),
        ("OIDC_ISSUER_URL", issuer),
        ("OIDC_CLIENT_ID", CLIENT_ID),
        ("OIDC_CLIENT_SECRET", CLIENT_SECRET),
        ("RED5_JWT_SECRET", RED5_SECRET),
    ];
    variables
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into()
}
