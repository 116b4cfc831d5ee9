//! The demo from start to end.
//!
//! Take the folder, start Postgres, write the mappings where there never were
//! any, start the provider and the sample app, serve the bridge until it is told
//! to stop; then stop the others, whatever happened in between.

use std::collections::BTreeMap;
use std::error::Error as StdError;
use std::io;
use std::net::TcpListener;
use std::path::PathBuf;
use std::sync::Arc;

use chrono::Utc;
use secrecy::SecretString;
use thiserror::Error;
use url::Url;

use super::folder::{DemoFolder, FolderError, SavedState, listen_on};
use super::mappings::{SeedError, seed};
use super::people::{ADMIN_GROUP, PEOPLE};
use super::postgres::{Cluster, PostgresError};
use super::provider::{Client, Provider};
use super::sample_app;
use red5_bridge::clock::Clock;
use red5_bridge::config::{Config, ConfigError, Variables};
use red5_bridge::store::{Store, StoreError};

/// `OIDC_CLIENT_ID`
const CLIENT_ID: &str = "red5-bridge-demo";

/// A server that is not there: it shows what an answer looks like with one.
const RED5_SERVER_URL: &str = "https://media.example.com/live";

/// What the command line says.
#[derive(Debug, Clone)]
pub struct Options {
    /// The project's ignored folder.
    pub local: PathBuf,
    /// Forget what earlier runs left.
    pub fresh: bool,
    /// Origins of apps that may call the bridge beside the sample app: `BRIDGE_ALLOWED_ORIGINS`.
    pub origins: Option<String>,
}

/// Why the demo ended early.
#[derive(Debug, Error)]
pub enum DemoError {
    /// The demo's folder.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// The private Postgres.
    #[error(transparent)]
    Postgres(#[from] PostgresError),
    /// The provider.
    #[error("the demo provider does not start: {0}")]
    Provider(io::Error),
    /// The sample app.
    #[error("the sample app does not start: {0}")]
    SampleApp(io::Error),
    /// The database's address is none: a bug.
    #[error("the demo database cannot be used: {0}")]
    Database(String),
    /// The database does not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The mappings.
    #[error(transparent)]
    Seed(#[from] SeedError),
    /// The client of the sample app.
    #[error(transparent)]
    Client(#[from] sample_app::RegistrationError),
    /// The bridge does not take the origins. That it does not take the demo's own settings is a bug.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The bridge ended with an error.
    #[error("the bridge: {0}")]
    Bridge(Box<dyn StdError + Send + Sync>),
}

/// Runs the demo until `serve` ends. `serve` runs the bridge and stops it when
/// the process is told to stop, as outside the demo; its second argument tells
/// a person where to go and as whom, for when the bridge listens.
///
/// # Errors
/// When a part does not start; what had started is stopped first.
pub async fn run<E>(
    options: &Options,
    clock: Arc<dyn Clock>,
    serve: impl AsyncFnOnce(Config, String) -> Result<(), E>,
) -> Result<(), DemoError>
where
    E: Into<Box<dyn StdError + Send + Sync>>,
{
    let folder = DemoFolder::take(&options.local, options.fresh)?;
    let mut state = folder.load()?;
    let cluster = Cluster::kept(&options.local, &folder.database()).await?;
    let origins = options.origins.as_deref();
    let served = with_database(&folder, &mut state, &cluster, origins, clock, serve).await;
    let stopped = cluster.stop().await;
    served.and_then(|()| Ok(stopped?))
}

async fn with_database<E>(
    folder: &DemoFolder,
    state: &mut SavedState,
    cluster: &Cluster,
    origins: Option<&str>,
    clock: Arc<dyn Clock>,
    serve: impl AsyncFnOnce(Config, String) -> Result<(), E>,
) -> Result<(), DemoError>
where
    E: Into<Box<dyn StdError + Send + Sync>>,
{
    let bridge_port = free_port(state.bridge_port)?;
    let listener = listen_on(state.provider_port)?;
    state.bridge_port = bridge_port;
    state.provider_port = port_of(&listener)?;
    let app_listener = listen_on(state.sample_app_port)?;
    state.sample_app_port = port_of(&app_listener)?;
    folder.save(state)?;
    let app_origin = format!("http://127.0.0.1:{}", state.sample_app_port);
    prepare(&cluster.default_url(), &app_origin, clock.now()).await?;

    let bridge_url = format!("http://127.0.0.1:{bridge_port}");
    let client = client(&bridge_url, &state.client_secret)?;
    let provider =
        Provider::start(listener, client, &PEOPLE, clock).map_err(DemoError::Provider)?;
    let app = sample_app::start(app_listener, &bridge_url).map_err(DemoError::SampleApp)?;
    let origins = [Some(app.origin()), origins];
    let origins = origins.into_iter().flatten().collect::<Vec<_>>().join(",");
    let settings = settings(state, &bridge_url, provider.issuer(), origins, cluster);
    let served = match Variables::from_iter(settings).read(Config::read) {
        Ok(config) => {
            let served = serve(config, welcome(&bridge_url, app.origin(), cluster)).await;
            served.map_err(|error| DemoError::Bridge(error.into()))
        }
        Err(problems) => Err(DemoError::Config(problems)),
    };
    app.stop().await;
    provider.stop().await;
    served
}

async fn prepare(
    database_url: &str,
    app_origin: &str,
    now: chrono::DateTime<Utc>,
) -> Result<(), DemoError> {
    let store = Store::new(database_url).map_err(|error| DemoError::Database(error.to_string()))?;
    store.migrate().await?;
    seed(&store, now).await?;
    sample_app::register(&store, app_origin, now).await?;
    store.close().await;
    Ok(())
}

/// The bridge binds its port itself, a moment later.
fn free_port(wanted: u16) -> Result<u16, DemoError> {
    port_of(&listen_on(wanted)?)
}

fn port_of(listener: &TcpListener) -> Result<u16, DemoError> {
    let address = listener.local_addr().map_err(DemoError::Provider)?;
    Ok(address.port())
}

fn client(bridge_url: &str, secret: &str) -> Result<Client, DemoError> {
    let address = |path: &str| {
        Url::parse(&format!("{bridge_url}{path}"))
            .map_err(|error| DemoError::Provider(io::Error::other(error)))
    };
    Ok(Client {
        id: CLIENT_ID.to_owned(),
        secret: Some(SecretString::from(secret)),
        redirect_uri: address("/auth/callback")?,
        post_logout_redirect_uri: address("/auth/signed-out")?,
    })
}

/// What an operator would put into the environment. The process's own
/// environment and `.env` do not count: they may name a real database.
fn settings(
    state: &SavedState,
    bridge_url: &str,
    issuer: &str,
    origins: String,
    cluster: &Cluster,
) -> BTreeMap<&'static str, String> {
    BTreeMap::from([
        ("DATABASE_URL", cluster.default_url()),
        ("BRIDGE_PUBLIC_URL", bridge_url.to_owned()),
        ("BRIDGE_LISTEN", format!("127.0.0.1:{}", state.bridge_port)),
        ("BRIDGE_SECRET_KEYS", state.secret_key.clone()),
        ("BRIDGE_ADMIN_GROUPS", ADMIN_GROUP.to_owned()),
        ("BRIDGE_ALLOWED_ORIGINS", origins),
        ("OIDC_ISSUER_URL", issuer.to_owned()),
        ("OIDC_CLIENT_ID", CLIENT_ID.to_owned()),
        ("OIDC_CLIENT_SECRET", state.client_secret.clone()),
        ("OIDC_SIGNING_ALGS", "ES256".to_owned()),
        ("RED5_JWT_SECRET", state.red5_secret.clone()),
        ("RED5_SERVER_URL", RED5_SERVER_URL.to_owned()),
    ])
}

/// Where to go, and as whom.
fn welcome(bridge_url: &str, app_origin: &str, cluster: &Cluster) -> String {
    let people = PEOPLE.map(|person| {
        let groups = person.groups.join(", ");
        format!(
            "  {:<13} {}\n  {:<13} groups: {groups}\n",
            person.name, person.expect, ""
        )
    });
    let data = cluster.data().display();
    format!(
        "\nOpen {bridge_url} and sign in as one of\n\n{}\n\
         A sample app (docs/sample-app) is at {app_origin}, and as an OAuth client of another site at\n\
         {}. Your own may call the bridge after\n\
         make demo ORIGINS=http://127.0.0.1:PORT, opened at 127.0.0.1 as the bridge is.\n\n\
         The data is in {data}. Ctrl-C stops everything.\n",
        people.concat(),
        sample_app::on_another_site(app_origin),
    )
}
