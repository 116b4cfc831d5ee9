//! The store against a real Postgres, with a database for each test.

mod agreement;
mod attempts;
mod audit;
mod edits;
mod live_sessions;
mod losses;
mod migrations;
mod one_row;
mod outage;
mod people;
mod refreshes;
mod rules;
mod sessions;
mod sign_outs;
mod snapshots;
mod twins;

use std::sync::Arc;
use std::time::Duration;

use crate::database::{as_served, new_database};
use crate::eventually::eventually;
use chrono::{DateTime, TimeDelta, Utc};
use red5_bridge::domain::identity::{Actor, Groups, Identity};
use red5_bridge::domain::mapping::{Mapping, MappingDraft};
use red5_bridge::domain::session::{SessionHash, SessionKind, SignInOrigin};
use red5_bridge::store::audit::AuditFilter;
use red5_bridge::store::session_cache::SessionCache;
use red5_bridge::store::sessions::{SealedTokens, SessionsToEnd, StoredSession};
use red5_bridge::store::snapshot::{Snapshot, SnapshotKeeper};
use red5_bridge::store::{SessionFor, Store};
use serde_json::{Map, Value, json};
use sqlx::{AssertSqlSafe, PgPool};
use tokio::task::JoinHandle;
use tokio::time::Instant;

/// Longer than any test: what is known in time was told by a notice, not asked.
const NOTICES_ALONE: Duration = Duration::from_hours(1);

/// When the tests take place.
fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_795_000_000 + seconds, 0).unwrap()
}

/// A migrated database, and a hand at it.
struct Database {
    /// Its owner's.
    url: String,
    /// The one that `serve` has (SC-4).
    serving: String,
    hand: PgPool,
}

impl Database {
    async fn new() -> Self {
        let url = new_database().await;
        let serving = as_served(&url);
        let hand = PgPool::connect_lazy(&url).unwrap();
        Self { url, serving, hand }
    }

    fn store(&self) -> Store {
        Store::new(&self.serving).unwrap()
    }

    /// What a person types at the database.
    async fn by_hand(&self, sql: impl Into<String>) -> Result<u64, sqlx::Error> {
        let done = sqlx::raw_sql(AssertSqlSafe(sql.into()))
            .execute(&self.hand)
            .await?;
        Ok(done.rows_affected())
    }

    async fn number(&self, sql: impl Into<String>) -> i64 {
        sqlx::query_scalar(AssertSqlSafe(sql.into()))
            .fetch_one(&self.hand)
            .await
            .unwrap()
    }
}

/// One of several instances on the same database.
struct Instance {
    store: Store,
    live: Arc<SessionCache>,
    snapshots: Arc<SnapshotKeeper>,
    running: JoinHandle<()>,
}

impl Instance {
    async fn start(database: &Database, bound: Duration) -> Self {
        Self::start_with(database.store(), database.store(), bound).await
    }

    /// `listening` and `asking` may reach the database on different ways.
    async fn start_with(listening: Store, asking: Store, bound: Duration) -> Self {
        let live = Arc::new(SessionCache::new(asking.clone(), IDLE));
        let snapshots = Arc::new(SnapshotKeeper::new(listening, Arc::clone(&live), bound));
        let task = Arc::clone(&snapshots);
        let running = tokio::spawn(async move { task.run().await });
        let instance = Self {
            store: asking,
            live,
            snapshots,
            running,
        };
        instance.until("it is fresh", |_| true).await;
        instance
    }

    /// Waits until the snapshot is current and `holds`.
    async fn until(&self, what: &str, holds: impl Fn(&Snapshot) -> bool) -> Arc<Snapshot> {
        eventually(what, async || {
            self.snapshots
                .current()
                .ok()
                .filter(|snapshot| holds(snapshot))
        })
        .await
    }

    /// Waits until the snapshot is not current any more.
    async fn until_stale(&self, what: &str) {
        eventually(what, async || self.snapshots.current().is_err()).await;
    }

    /// Waits for the answer to a question that is asked from now on.
    async fn until_asked(&self) {
        self.snapshots.invalidate();
        self.until("a question agrees", |_| true).await;
    }

    /// Waits until it has heard of everything that was committed so far:
    /// notices come in order, and this one is the last.
    async fn hears(&self, database: &Database) {
        database
            .by_hand("UPDATE mappings SET note = note WHERE false")
            .await
            .unwrap();
        let now = database.number("SELECT mappings FROM change_counter").await;
        self.until("it hears", |snapshot| snapshot.mapping_version >= now)
            .await;
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        self.running.abort();
    }
}

const IDLE: TimeDelta = TimeDelta::hours(1);

fn hash(number: u32) -> SessionHash {
    let mut hash = [7; 32];
    hash[..4].copy_from_slice(&number.to_be_bytes());
    hash
}

/// A session that began at 0 s and lasts for 12 hours.
fn session(number: u32) -> StoredSession {
    StoredSession {
        hash: hash(number),
        kind: SessionKind::Browser,
        identity: Identity {
            issuer: "https://login.example".to_owned(),
            subject: format!("s-{number}"),
            username: Some("ann".to_owned()),
            name: None,
            groups: Groups::Listed(["team".to_owned(), "a,b".to_owned()].into()),
        },
        groups_read_at: at(0),
        created_at: at(0),
        last_seen_at: at(0),
        ends_at: at(12 * 3600),
        provider_sid: Some("sid-1".to_owned()),
        provider_issued_at: Some(at(-1)),
        begun_at: None,
        nonce_hash: None,
        refreshable: false,
        identity_version: 1,
    }
}

/// Starts a session of which nothing more is known.
async fn start(cache: &SessionCache, session: StoredSession) {
    cache
        .start(session, &no_tokens(), &no_origin(), SessionFor::NEW_BROWSER)
        .await
        .unwrap();
}

/// Ends the session of a cookie; whether it was still there.
async fn end(cache: &SessionCache, number: u32) -> bool {
    let which = SessionsToEnd::OfCookie(&hash(number));
    !cache.end(which, at(0)).await.unwrap().is_empty()
}

/// A provider that gave nothing to keep.
fn no_tokens() -> SealedTokens {
    SealedTokens::default()
}

/// A sign-in of which nothing more is known.
fn no_origin() -> SignInOrigin {
    SignInOrigin::default()
}

fn ann() -> Actor {
    Actor {
        issuer: "https://login.example".to_owned(),
        subject: "s-1".to_owned(),
        label: "ann".to_owned(),
        client_ip: Some("192.0.2.7".to_owned()),
        request_id: Some("r-1".to_owned()),
    }
}

/// What is sent to let those of `group` watch in `room`.
fn sent(group: &str, room: &str) -> Map<String, Value> {
    members(json!({
        "group": group, "match": "exact", "roles": ["red5-subscriber"], "transports": ["WHEP"],
        "rooms": [room]
    }))
}

fn members(object: Value) -> Map<String, Value> {
    serde_json::from_value(object).unwrap()
}

/// Those of `group` may watch in `room`.
fn draft(group: &str, room: &str) -> MappingDraft {
    MappingDraft::parse(sent(group, room)).unwrap()
}

async fn create(store: &Store, group: &str, room: &str) -> Mapping {
    one_row::create(store, &draft(group, room), &ann(), at(0))
        .await
        .unwrap()
}

/// Whether the members of `group` are granted anything.
fn may_watch(snapshot: &Snapshot, group: &str) -> bool {
    let identity = Identity {
        groups: Groups::Listed([group.to_owned()].into()),
        ..session(1).identity
    };
    !snapshot.mappings.resolve(&identity, at(0)).is_empty()
}
