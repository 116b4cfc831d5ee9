//! A database for each test. It is a copy of a template that is migrated once for each server of
//! `DATABASE_URL`, so that it costs milliseconds and not all migrations. Databases and template
//! go with the server, which is thrown away after the tests.

use std::fmt::Write as _;

use red5_bridge::store::Store;
use sha2::{Digest as _, Sha256};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use tokio::sync::OnceCell;
use url::Url;

/// The role that the bridge serves as (SC-4).
const ROLE: &str = include_str!("../../docs/database-role.sql");

/// The owner's address of a new database with the tables and the role of now.
pub async fn new_database() -> String {
    let server = server();
    let template = template(&server).await;
    // The files are copied as they are: a third of the time that the log takes.
    let name = create(&server, &format!("TEMPLATE {template} STRATEGY file_copy")).await;
    // Rights on a database itself are not copied.
    by_hand(&server, &rights(&name)).await;
    at(&server, &name)
}

/// The owner's address of a new database without tables.
pub async fn empty_database() -> String {
    let server = server();
    at(&server, &create(&server, "").await)
}

/// The same database as `serve` reaches it: all tests of the whole run as that role.
pub fn as_served(owner: &str) -> String {
    let mut url = Url::parse(owner).unwrap();
    url.set_username("bridge_serves").unwrap();
    url.into()
}

/// Migrates a database as its owner, and makes the role of docs/database-role.sql.
pub async fn prepare(owner: &str) {
    let store = Store::new(owner).unwrap();
    store.migrate().await.unwrap();
    store.close().await;
    by_hand(owner, ROLE).await;
}

#[expect(clippy::disallowed_methods, reason = "where the tests' Postgres is")]
fn server() -> String {
    std::env::var("DATABASE_URL").expect(
        "DATABASE_URL: run the tests with `make test`, or below `red5-bridge-demo with-postgres --`",
    )
}

/// The name of the template, which is made when there is none.
async fn template(server: &str) -> &'static str {
    static TEMPLATE: OnceCell<String> = OnceCell::const_new();
    TEMPLATE.get_or_init(|| make_template(server)).await
}

async fn make_template(server: &str) -> String {
    let name = template_name();
    let mut connection = PgConnection::connect(server).await.unwrap();
    // Another process of the tests may be making it; the lock goes with the connection.
    sqlx::query("SELECT pg_advisory_lock(hashtext($1))")
        .bind(&name)
        .execute(&mut connection)
        .await
        .unwrap();
    let is_made = "SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1 AND datistemplate)";
    let is_made: bool = sqlx::query_scalar(is_made)
        .bind(&name)
        .fetch_one(&mut connection)
        .await
        .unwrap();
    if !is_made {
        by_hand(server, &format!("DROP DATABASE IF EXISTS {name}")).await;
        by_hand(server, &format!("CREATE DATABASE {name}")).await;
        prepare(&at(server, &name)).await;
        // A template to which something is connected cannot be copied.
        let finished = format!("ALTER DATABASE {name} IS_TEMPLATE true ALLOW_CONNECTIONS false");
        by_hand(server, &finished).await;
    }
    if let Some(password) = Url::parse(server).unwrap().password() {
        by_hand(
            server,
            &format!("ALTER ROLE bridge_serves PASSWORD '{password}'"),
        )
        .await;
    }
    connection.close().await.unwrap();
    name
}

/// Another one for each state of the migrations.
fn template_name() -> String {
    let mut digest = Sha256::new();
    for migration in sqlx::migrate!().iter() {
        digest.update(&migration.checksum);
    }
    digest.update(ROLE);
    digest.finalize()[..8]
        .iter()
        .fold("template_".to_owned(), |mut name, byte| {
            write!(name, "{byte:02x}").unwrap();
            name
        })
}

/// What docs/database-role.sql says of the database itself.
fn rights(name: &str) -> String {
    format!(
        "REVOKE TEMPORARY ON DATABASE {name} FROM PUBLIC;
         GRANT CONNECT ON DATABASE {name} TO bridge_serves"
    )
}

/// Creates a database; its name.
async fn create(server: &str, how: &str) -> String {
    let mut random = [0; 8];
    getrandom::fill(&mut random).unwrap();
    let name = format!("test_{:016x}", u64::from_be_bytes(random));
    by_hand(server, &format!("CREATE DATABASE {name} {how}")).await;
    name
}

async fn by_hand(url: &str, sql: &str) {
    let mut connection = PgConnection::connect(url).await.unwrap();
    sqlx::raw_sql(AssertSqlSafe(sql.to_owned()))
        .execute(&mut connection)
        .await
        .unwrap();
    connection.close().await.unwrap();
}

/// The address of another database of the server.
fn at(server: &str, name: &str) -> String {
    let mut url = Url::parse(server).unwrap();
    url.set_path(name);
    url.into()
}
