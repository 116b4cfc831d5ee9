//! Puts everything together, once: binds, runs, stops.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::ServerHandle;
use actix_web::middleware::from_fn;
use actix_web::{App, HttpServer, web};
use chrono::TimeDelta;
use secrecy::ExposeSecret;
use tokio::task::JoinHandle;

use crate::clock::Clock;
use crate::config::Config;
use crate::config::red5::SubjectClaim;
use crate::flow::exchange::{Exchange, TokenRules};
use crate::flow::login::{SessionLimits, SignIn};
use crate::flow::mappings::MappingDesk;
use crate::flow::return_to::ReturnToRule;
use crate::flow::sessions::Sessions;
use crate::seal::{Seal, SealError};
use crate::signer::{SignError, Signer};
use crate::store::live::LiveSessions;
use crate::store::watch::Watch;
use crate::store::{Store, StoreError};
use crate::upstream::{Provider, ProviderSettings, SettingsError};
use crate::web::{self as pages, AdminGroups, Red5Server, Site};

/// How long a stopping bridge lets requests finish, in seconds.
const DRAIN_SECONDS: u64 = 10;

/// How often last-seen times are written down.
const FLUSH_EVERY: Duration = Duration::from_secs(10);

/// How often what is over is removed.
const SWEEP_EVERY: Duration = Duration::from_mins(5);

/// How long to wait between two tries to migrate a database that is not there.
const MIGRATE_AGAIN_AFTER: Duration = Duration::from_secs(1);

/// Why the bridge does not start. A database or a provider that is gone is no
/// reason: it starts, and `/readyz` says what is missing.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// `DATABASE_URL`; the library's words could repeat the password.
    #[error("DATABASE_URL cannot be read as a postgres:// address")]
    DatabaseUrl,
    /// `BRIDGE_PUBLIC_URL`
    #[error("BRIDGE_PUBLIC_URL cannot be joined with a path")]
    PublicUrl,
    /// `OIDC_*`
    #[error("the provider's settings: {0}")]
    Provider(#[from] SettingsError),
    /// `BRIDGE_SECRET_KEYS`
    #[error("BRIDGE_SECRET_KEYS: {0}")]
    Seal(#[from] SealError),
    /// `RED5_JWT_SECRET`
    #[error("RED5_JWT_SECRET: {0}")]
    Sign(#[from] SignError),
    /// `BRIDGE_LISTEN`
    #[error("BRIDGE_LISTEN: {0}")]
    Bind(#[source] std::io::Error),
}

/// A bridge that is bound and ready to run.
pub struct Bridge {
    server: actix_web::dev::Server,
    address: SocketAddr,
    tasks: Vec<JoinHandle<()>>,
    sessions: Arc<LiveSessions>,
    store: Store,
}

impl Bridge {
    /// Builds every part and binds; nothing waits for database or provider.
    /// `workers` is for measurements; none means one for each core.
    pub fn build(
        config: Config,
        clock: Arc<dyn Clock>,
        workers: Option<usize>,
    ) -> Result<Self, StartError> {
        crate::upstream::http::install_crypto();
        let parts = Parts::new(config, clock)?;
        let tasks = parts.tasks();
        let (sessions, store) = (Arc::clone(&parts.live), parts.store.clone());
        let listen = parts.listen;
        let data = parts.into_data();
        let server = HttpServer::new(move || {
            let data = data.clone();
            let base = data.site.base().to_owned();
            App::new()
                .app_data(data.site)
                .app_data(data.admins)
                .app_data(data.sessions)
                .app_data(data.sign_in)
                .app_data(data.exchange)
                .app_data(data.desk)
                .app_data(data.server)
                .app_data(data.watch)
                .app_data(data.provider)
                .wrap(from_fn(pages::add_headers))
                .wrap(from_fn(pages::number_requests))
                .configure(|service| pages::configure(service, &base))
        })
        .disable_signals()
        .shutdown_timeout(DRAIN_SECONDS);
        let server = match workers {
            Some(workers) => server.workers(workers),
            None => server,
        };
        let server = server.bind(listen).map_err(StartError::Bind)?;
        let address = server.addrs().first().copied().unwrap_or(listen);
        Ok(Self {
            server: server.run(),
            address,
            tasks,
            sessions,
            store,
        })
    }

    /// Where it listens, port 0 resolved.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Stops it gracefully from elsewhere.
    pub fn handle(&self) -> ServerHandle {
        self.server.handle()
    }

    /// Runs until it is stopped, then lets requests finish and writes down
    /// what only memory knows.
    pub async fn run(self) -> std::io::Result<()> {
        tracing::info!("listening on http://{}", self.address);
        let outcome = self.server.await;
        for task in &self.tasks {
            task.abort();
        }
        if let Err(error) = self.sessions.flush().await {
            tracing::warn!(%error, "the last-seen times of some sessions were not written");
        }
        self.store.close().await;
        outcome
    }
}

/// Everything, before it is handed to the workers.
struct Parts {
    listen: SocketAddr,
    site: Site,
    admins: AdminGroups,
    server: Red5Server,
    store: Store,
    live: Arc<LiveSessions>,
    watch: Arc<Watch>,
    provider: Arc<Provider>,
    sessions: Arc<Sessions>,
    sign_in: SignIn,
    exchange: Exchange,
    desk: MappingDesk,
    clock: Arc<dyn Clock>,
}

#[derive(Clone)]
struct SharedData {
    site: web::Data<Site>,
    admins: web::Data<AdminGroups>,
    server: web::Data<Red5Server>,
    watch: web::Data<Arc<Watch>>,
    provider: web::Data<Arc<Provider>>,
    sessions: web::Data<Sessions>,
    sign_in: web::Data<SignIn>,
    exchange: web::Data<Exchange>,
    desk: web::Data<MappingDesk>,
}

impl Parts {
    fn new(config: Config, clock: Arc<dyn Clock>) -> Result<Self, StartError> {
        let store =
            Store::new(config.database_url.expose_secret()).map_err(|_| StartError::DatabaseUrl)?;
        let idle = TimeDelta::minutes(i64::from(config.session_idle_minutes));
        let live = Arc::new(LiveSessions::new(store.clone(), idle));
        let bound = Duration::from_secs(u64::from(config.max_staleness_seconds));
        let watch = Arc::new(Watch::new(store.clone(), Arc::clone(&live), bound));
        let provider = Provider::new(provider_settings(&config), Arc::clone(&clock))?;
        let provider = Arc::new(provider);
        let sessions = Arc::new(Sessions::new(
            store.clone(),
            Arc::clone(&live),
            Arc::clone(&watch),
            Arc::clone(&clock),
        ));
        let allowed = config.allowed_origins.iter();
        let allowed = allowed.map(|origin| origin.as_str().to_owned()).collect();
        let rule = ReturnToRule::new(&config.public_url.to("/"), allowed);
        let limits = SessionLimits {
            longest: TimeDelta::hours(i64::from(config.session_max_hours)),
            unrefreshed: TimeDelta::minutes(i64::from(config.unrefreshed_max_minutes)),
        };
        let sign_in = SignIn::new(
            Arc::clone(&provider),
            store.clone(),
            Arc::clone(&sessions),
            Arc::new(Seal::new(&config.secret_keys)?),
            rule.ok_or(StartError::PublicUrl)?,
            limits,
            Arc::clone(&clock),
        );
        let rules = TokenRules {
            issuer: config.red5.issuer,
            subject_is_username: config.red5.subject == SubjectClaim::Username,
            default_seconds: config.red5.token_ttl_seconds,
            server_seconds: config.red5.longest_ttl_seconds,
            max_bytes: config.red5.token_max_bytes,
        };
        let signer = Signer::new(&config.red5.secret)?;
        let exchange = Exchange::new(Arc::clone(&watch), signer, rules, Arc::clone(&clock));
        let desk = MappingDesk::new(store.clone(), Arc::clone(&watch), Arc::clone(&clock));
        Ok(Self {
            listen: config.listen,
            site: Site::new(config.public_url, config.allowed_origins),
            admins: AdminGroups(config.admin_groups),
            server: Red5Server(config.red5.server_url),
            store,
            live,
            watch,
            provider,
            sessions,
            sign_in,
            exchange,
            desk,
            clock,
        })
    }

    /// What goes on beside the requests.
    fn tasks(&self) -> Vec<JoinHandle<()>> {
        let (store, watch) = (self.store.clone(), Arc::clone(&self.watch));
        let keep_up = async move {
            while let Err(error) = store.migrate().await {
                tracing::warn!(%error, "the tables could not be brought up to date; trying again");
                tokio::time::sleep(MIGRATE_AGAIN_AFTER).await;
            }
            watch.run().await;
        };
        let provider = Arc::clone(&self.provider);
        let know_provider = async move { provider.watch().await };
        let live = Arc::clone(&self.live);
        let write_down = async move {
            loop {
                tokio::time::sleep(FLUSH_EVERY).await;
                if let Err(error) = live.flush().await {
                    tracing::warn!(%error, "last-seen times were not written");
                }
            }
        };
        let (store, clock, idle) = (
            self.store.clone(),
            Arc::clone(&self.clock),
            self.live.idle(),
        );
        let sweep = async move {
            loop {
                tokio::time::sleep(SWEEP_EVERY).await;
                let now = clock.now();
                let attempts = store.sweep_attempts(now).await;
                // Twice as long: another instance may not have written yet.
                let sessions = store.sweep_sessions(now, now - idle * 2).await;
                if let Err(error) = attempts.and(sessions) {
                    tracing::warn!(%error, "what is over was not removed");
                }
            }
        };
        vec![
            tokio::spawn(keep_up),
            tokio::spawn(know_provider),
            tokio::spawn(write_down),
            tokio::spawn(sweep),
        ]
    }

    fn into_data(self) -> SharedData {
        SharedData {
            site: web::Data::new(self.site),
            admins: web::Data::new(self.admins),
            server: web::Data::new(self.server),
            watch: web::Data::new(self.watch),
            provider: web::Data::new(self.provider),
            sessions: web::Data::from(self.sessions),
            sign_in: web::Data::new(self.sign_in),
            exchange: web::Data::new(self.exchange),
            desk: web::Data::new(self.desk),
        }
    }
}

/// The provider, as the configuration has it.
pub fn provider_settings(config: &Config) -> ProviderSettings {
    let oidc = &config.oidc;
    ProviderSettings {
        issuer: oidc.issuer.clone(),
        client_id: oidc.client_id.clone(),
        client_secret: oidc.client_secret.clone(),
        ca_pem: oidc.ca_pem.clone(),
        scopes: oidc.scopes.clone(),
        groups_claim: oidc.groups_claim.clone(),
        username_claim: oidc.username_claim.clone(),
        name_claim: oidc.name_claim.clone(),
        signing_algs: oidc.signing_algs.clone(),
        redirect_uri: config.public_url.to("/auth/callback"),
        post_logout_redirect_uri: config.public_url.to("/auth/signed-out"),
    }
}

/// Whether the database answers and is migrated by this program; for `check`.
pub async fn check_database(config: &Config) -> Result<(), String> {
    let store = Store::new(config.database_url.expose_secret());
    let store = store.map_err(|_| StartError::DatabaseUrl.to_string())?;
    let answer = store
        .ping()
        .await
        .map_err(|error: StoreError| error.to_string());
    store.close().await;
    answer
}

/// Whether the provider can be used; for `check`.
pub async fn check_provider(config: &Config, clock: Arc<dyn Clock>) -> Result<(), String> {
    crate::upstream::http::install_crypto();
    let provider = Provider::new(provider_settings(config), clock);
    let provider = provider.map_err(|error| error.to_string())?;
    let begun = provider.begin().await;
    begun.map(|_| ()).map_err(|error| error.to_string())
}
