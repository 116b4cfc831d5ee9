//! A pooler in transaction mode before Postgres: the real `PgBouncer`, with two connections to
//! the server for all.

mod pgbouncer;

use chrono::{DateTime, TimeDelta, Utc};
use red5_bridge::domain::identity::PersonKey;
use red5_bridge::domain::list::PageRange;
use red5_bridge::store::{Store, StoreError};
use serde_json::{Value, json};
use sqlx::{Connection as _, PgConnection};

use crate::bridge::{ADMIN_GROUP, Browser, TestBridge};
use crate::check::{Checked, find};
use crate::database::{as_served, empty_database, new_database};
use crate::eventually::eventually;
use crate::process::Process;
use crate::provider::Rotation;
use pgbouncer::PgBouncer;

/// A bridge behind the pooler, which listens beside it.
async fn behind(pooler: &PgBouncer, owner: &str, direct: &str) -> TestBridge {
    TestBridge::start_on(owner, &variables(&pooler.url(), direct)).await
}

fn variables<'a>(pooled: &'a str, direct: &'a str) -> [(&'a str, &'a str); 3] {
    [
        ("DATABASE_URL", pooled),
        ("DATABASE_LISTEN_URL", direct),
        ("BRIDGE_GROUPS_MAX_AGE_SECONDS", "60"),
    ]
}

/// A database, how it is served directly, and the pooler before it.
async fn pooled() -> (String, String, PgBouncer) {
    let owner = new_database().await;
    let direct = as_served(&owner);
    let pooler = PgBouncer::start(&direct).await;
    (owner, direct, pooler)
}

async fn rooms(browser: &Browser) -> Value {
    let answer = browser.token(json!({})).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.json()["rooms"].clone()
}

#[tokio::test]
async fn se_7_with_a_direct_address_for_listening_everything_works_behind_a_pooler_in_transaction_mode()
 {
    let (owner, direct, pooler) = pooled().await;
    let size = ("BRIDGE_DATABASE_POOL", "3");
    let ops = ("BRIDGE_OPS_LISTEN", "127.0.0.1:0");
    let (pool_url, mut settings) = (pooler.url(), vec![size, ops]);
    settings.extend(variables(&pool_url, &direct));
    let one = TestBridge::start_on(&owner, &settings).await;
    let other = one.beside(&variables(&pooler.url(), &direct)).await;
    one.provider.give_refresh_tokens(Rotation::Each);
    let mapping = one.map_lobby().await;

    // Sign-in and exchange; the other instance finds the session.
    one.provider
        .person("ann")
        .groups(["viewers"])
        .claim("sid", "s-1");
    let ann = one.signed_in("ann").await;
    let ann_there = ann.at(&other.address);
    assert_eq!(rooms(&ann).await, json!(["lobby"]));
    assert_eq!(rooms(&ann_there).await, json!(["lobby"]));

    // An edit counts there as soon as its notice arrives.
    let edited = json!({
        "group": "viewers", "match": "exact", "roles": ["red5-subscriber"],
        "transports": ["WHEP"], "rooms": ["hall"],
    });
    let path = format!("/api/admin/mappings/{}", mapping["id"]);
    let version = format!("\"{}\"", mapping["version"]);
    let headers = [("if-match", &*version)];
    let admin = one.admin().await;
    let answer = admin.api_with("PUT", &path, &headers, &edited).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(rooms(&ann).await, json!(["hall"]));
    eventually("the edit at the other instance", async || {
        rooms(&ann_there).await == json!(["hall"])
    })
    .await;

    // A refresh of the groups, by the lease in the row.
    one.clock.advance(TimeDelta::seconds(121));
    assert_eq!(rooms(&ann_there).await, json!(["hall"]));
    assert_eq!(one.provider.refreshes(), 1);

    // The provider's logout ends the session on both.
    let token = one.provider.logout_token(|token| token.claim("sid", "s-1"));
    let form = [("content-type", "application/x-www-form-urlencoded")];
    let answer = one
        .browser()
        .send(
            "POST",
            "/auth/backchannel-logout",
            &form,
            &format!("logout_token={token}"),
        )
        .await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert!(!ann.is_signed_in().await);
    eventually("the logout at the other instance", async || {
        !ann_there.is_signed_in().await
    })
    .await;

    let metrics = Browser::new(one.ops_address.as_ref().unwrap());
    let metrics = metrics.peek("/metrics").await.body;
    assert!(
        metrics.contains("database_connections_max 3\n"),
        "{metrics}"
    );

    // And so does the person's own, and an administrator.
    let ann = one.signed_in("ann").await;
    let ann_there = ann.at(&other.address);
    assert!(ann_there.is_signed_in().await);
    let answer = ann.api("POST", "/api/logout", &json!({})).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    eventually("the sign-out at the other instance", async || {
        !ann_there.is_signed_in().await
    })
    .await;
    let ann = other.signed_in("ann").await;
    let block =
        json!({ "issuer": one.provider.issuer(), "subject": "ann", "reason": "for a test" });
    let answer = admin.api("POST", "/api/admin/blocks", &block).await;
    assert!([200, 201].contains(&answer.status), "{}", answer.body);
    eventually("the block at the other instance", async || {
        ann.token(json!({})).await.status != 200
    })
    .await;
}

#[tokio::test]
async fn many_at_once_share_two_connections_of_the_server_and_none_meets_anothers_statement() {
    let owner = new_database().await;
    let direct = as_served(&owner);
    // Without a password: in a debug build each takes its time.
    let trust = [("auth_type = scram-sha-256", "auth_type = trust")];
    let pooler = PgBouncer::start_with(&direct, &trust).await;
    let store = Store::open(&pooler.url(), Some(&direct), 8).unwrap();
    let working: Vec<_> = (0..8)
        .map(|worker| {
            let store = store.clone();
            tokio::spawn(async move {
                for number in 0..50u8 {
                    let mut id = [worker; 32];
                    id[0] = number;
                    let person = PersonKey {
                        issuer: "https://login.example".to_owned(),
                        subject: format!("{worker} {number}"),
                    };
                    assert!(store.spend_attempt(&id, at(0)).await.unwrap());
                    assert!(!store.spend_attempt(&id, at(0)).await.unwrap());
                    assert_eq!(store.find_block(&person).await.unwrap(), None);
                    assert!(store.tables(None).await.unwrap().0.mappings.is_empty());
                    assert_eq!(
                        store.list_blocks(PageRange::first(5)).await.unwrap().total,
                        0
                    );
                }
            })
        })
        .collect();
    for worker in working {
        worker.await.unwrap();
    }
    let mut hand = PgConnection::connect(&owner).await.unwrap();
    let shared: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM pg_stat_activity
         WHERE datname = current_database() AND application_name = 'red5-bridge'",
    )
    .fetch_one(&mut hand)
    .await
    .unwrap();
    assert_eq!((store.connections().open, shared), (8, 2));
}

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000 + seconds, 0).unwrap()
}

#[tokio::test]
async fn many_people_sign_in_at_once_behind_the_pooler() {
    let (owner, direct, pooler) = pooled().await;
    let bridge = behind(&pooler, &owner, &direct).await;
    bridge.map_lobby().await;
    let one = async |number: u32| {
        let person = format!("person-{number}");
        bridge.provider.person(&person).groups(["viewers"]);
        let browser = bridge.signed_in(&person).await;
        assert_eq!(rooms(&browser).await, json!(["lobby"]));
    };
    for first in 0..4 {
        let n = first * 4;
        tokio::join!(one(n), one(n + 1), one(n + 2), one(n + 3));
    }
}

/// What the server ends by itself, so that a lock does not stay with it.
#[tokio::test]
async fn a_statement_that_waits_too_long_is_ended_by_the_server_with_a_pooler_and_without() {
    let (owner, direct, pooler) = pooled().await;
    let mut hand = PgConnection::connect(&owner).await.unwrap();
    let mut lock = hand.begin().await.unwrap();
    sqlx::raw_sql("LOCK TABLE spent_attempts IN EXCLUSIVE MODE")
        .execute(&mut *lock)
        .await
        .unwrap();
    let ended = async |store: Store| {
        let outcome = store.spend_attempt(&[1; 32], at(0)).await;
        let Err(StoreError::Unavailable(sqlx::Error::Database(refusal))) = outcome else {
            panic!("{outcome:?}");
        };
        assert_eq!(refusal.code().as_deref(), Some("57014"), "{refusal}");
    };
    tokio::join!(
        ended(Store::new(&direct).unwrap()),
        ended(Store::open(&pooler.url(), Some(&direct), 2).unwrap()),
    );
}

/// Every kind of request, with and without a session.
const ROUTES: [(&str, &str); 27] = [
    ("GET", "/"),
    ("GET", "/portal/token"),
    ("POST", "/portal/token"),
    ("GET", "/sessions"),
    ("GET", "/auth/login"),
    ("GET", "/auth/callback?code=c&state=s"),
    ("GET", "/auth/signed-out?ticket=t"),
    ("GET", "/auth/somebody-else"),
    ("POST", "/auth/logout"),
    ("POST", "/auth/backchannel-logout"),
    ("GET", "/admin/mappings"),
    ("GET", "/admin/sessions"),
    ("GET", "/admin/blocks"),
    ("GET", "/admin/people"),
    ("GET", "/admin/audit"),
    ("GET", "/api/session"),
    ("POST", "/api/token"),
    ("GET", "/api/admin/mappings"),
    ("POST", "/api/admin/mappings"),
    ("GET", "/api/admin/mappings/1"),
    ("DELETE", "/api/admin/mappings/1"),
    ("GET", "/api/admin/sessions"),
    ("GET", "/api/admin/blocks"),
    ("GET", "/api/admin/people"),
    ("GET", "/api/admin/groups"),
    ("GET", "/readyz"),
    ("POST", "/api/logout"),
];

#[tokio::test]
async fn se_7_without_a_direct_address_it_is_not_ready_says_why_and_answers_nothing_with_500() {
    let (owner, direct, pooler) = pooled().await;
    let bridge = behind(&pooler, &owner, &direct).await;
    let admin = bridge.admin().await;
    let lacking = Process::start_with_provider(&pooler.url(), &bridge.provider, &[]).await;
    let stranger = Browser::new(&lacking.address);
    eventually("the reason", async || {
        let ready = stranger.peek("/readyz").await;
        assert_eq!(ready.status, 503, "{}", ready.body);
        ready.body.contains("pooler in transaction mode")
            && ready.body.contains("DATABASE_LISTEN_URL")
    })
    .await;
    let admin = admin.at(&lacking.address);
    for browser in [&stranger, &admin] {
        for (method, path) in ROUTES {
            let answer = match (method, path) {
                ("GET", path) => browser.peek(path).await,
                (method, path) if path.starts_with("/api") => {
                    browser
                        .api_with(method, path, &[("if-match", "\"1\"")], &json!({}))
                        .await
                }
                (method, path) => browser.send(method, path, &[], "").await,
            };
            assert_ne!(answer.status, 500, "{method} {path}: {}", answer.body);
            if path == "/readyz" {
                assert_eq!(answer.status, 503, "{method} {path}: {}", answer.body);
            }
        }
    }
    let told = lacking.log().matches("event=\"database_lost\"").count();
    assert_eq!(told, 1, "{}", lacking.log());
}

#[tokio::test]
async fn nothing_is_migrated_through_a_pooler_in_transaction_mode() {
    let owner = empty_database().await;
    let pooler = PgBouncer::start(&owner).await;
    let role = url::Url::parse(&owner).unwrap().username().to_owned();
    let through_it = Store::new(&pooler.url_of(&role)).unwrap();
    let outcome = through_it.migrate().await;
    assert!(matches!(outcome, Err(StoreError::Pooled)), "{outcome:?}");
    let beside = Store::open(&pooler.url_of(&role), Some(&owner), 2).unwrap();
    beside.migrate().await.unwrap();
    assert!(through_it.is_migrated().await.unwrap());
    // No lock has stayed behind on a connection of the pooler's.
    let mut hand = PgConnection::connect(&owner).await.unwrap();
    let locks: i64 = sqlx::query_scalar("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND database = (SELECT oid FROM pg_database WHERE datname = current_database())")
        .fetch_one(&mut hand)
        .await
        .unwrap();
    assert_eq!(locks, 0);
}

#[tokio::test]
async fn check_says_that_a_direct_address_is_missing_and_is_content_with_one() {
    let (_owner, direct, pooler) = pooled().await;
    let checked = Checked::new().set("DATABASE_URL", &pooler.url());
    find(
        &checked.said().await,
        "WRONG",
        &[
            "DATABASE_URL leads to a pooler in transaction mode",
            "Set DATABASE_LISTEN_URL",
        ],
    );
    let checked = checked.set("DATABASE_LISTEN_URL", &pooler.url());
    find(
        &checked.said().await,
        "WRONG",
        &["DATABASE_LISTEN_URL leads to a pooler in transaction mode"],
    );
    let checked = checked.set("DATABASE_LISTEN_URL", "postgres://127.0.0.1:1/x");
    find(
        &checked.said().await,
        "WRONG",
        &[
            "no server listens at the host and port of DATABASE_LISTEN_URL",
            ": 127.0.0.1",
        ],
    );
    let checked = checked.set("DATABASE_LISTEN_URL", &direct);
    let said = checked.said().await;
    find(
        &said,
        "ok",
        &["DATABASE_LISTEN_URL leads to the same database"],
    );
    assert!(
        !said.iter().any(|line| line.starts_with("WRONG")),
        "{said:?}"
    );
}

#[tokio::test]
async fn se_7_a_direct_address_of_another_database_is_never_taken_for_the_same() {
    let (owner, direct, pooler) = pooled().await;
    let elsewhere = as_served(&new_database().await);
    let checked = Checked::new()
        .set("DATABASE_URL", &pooler.url())
        .set("DATABASE_LISTEN_URL", &elsewhere);
    find(
        &checked.said().await,
        "WRONG",
        &["lead to different databases"],
    );

    let bridge = behind(&pooler, &owner, &direct).await;
    bridge.provider.person("ann");
    let ann = bridge.signed_in("ann").await;
    let variables = [("DATABASE_LISTEN_URL", &*elsewhere)];
    let wrong = Process::start_with_provider(&pooler.url(), &bridge.provider, &variables).await;
    wrong.until_log("event=\"database_lost\"").await;
    let ann = ann.at(&wrong.address);
    assert_eq!(ann.peek("/readyz").await.status, 503);
    assert_eq!(ann.token(json!({})).await.status, 503);
}

#[tokio::test]
async fn a_pooler_in_session_mode_needs_no_direct_address() {
    let owner = new_database().await;
    let direct = as_served(&owner);
    let session = [
        ("pool_mode = transaction", "pool_mode = session"),
        ("default_pool_size = 2", "default_pool_size = 20"),
    ];
    let pooler = PgBouncer::start_with(&direct, &session).await;
    let variables = [("DATABASE_URL", &*pooler.url())];
    let bridge = TestBridge::start_on(&owner, &variables).await;
    bridge.provider.person("root").groups([ADMIN_GROUP]);
    bridge.signed_in("root").await;
    let checked = Checked::new().set("DATABASE_URL", &pooler.url());
    let said = checked.said().await;
    assert!(
        !said.iter().any(|line| line.starts_with("WRONG")),
        "{said:?}"
    );
}
