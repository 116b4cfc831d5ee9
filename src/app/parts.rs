//! Builds every part once, registers it for the handlers, which look parts up by type, and starts
//! the background tasks.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use actix_web::web;
use chrono::TimeDelta;
use secrecy::ExposeSecret;
use tokio::task::JoinHandle;
use tokio::time::sleep;

use super::StartError;
use super::supervise::supervise;
use crate::clock::Clock;
use crate::config::addresses::Networks;
use crate::config::red5::{Red5, SubjectClaim};
use crate::config::{Config, Database};
use crate::flow::admin::AdminGroups;
use crate::flow::back_channel::BackChannel;
use crate::flow::effect::PeopleRules;
use crate::flow::exchange::{Exchange, TokenRules};
use crate::flow::explain::Explain;
use crate::flow::health::Health;
use crate::flow::history::History;
use crate::flow::login::{SessionLimits, SignIn};
use crate::flow::mappings::MappingEditor;
use crate::flow::oauth::authorize::Authorization;
use crate::flow::oauth::clients::ClientEditor;
use crate::flow::oauth::device::DeviceAuthorization;
use crate::flow::oauth::token::TokenEndpoint;
use crate::flow::people::People;
use crate::flow::refresh::{Ages, Refresher};
use crate::flow::return_to::ReturnToRule;
use crate::flow::round_trip::RoundTrip;
use crate::flow::sessions::Sessions;
use crate::flow::sign_out::SignOut;
use crate::metrics::{self, Counts, Exposition, Requests};
use crate::oidc::Provider;
use crate::seal::Seal;
use crate::signer::Signer;
use crate::store::Store;
use crate::store::session_cache::SessionCache;
use crate::store::snapshot::SnapshotKeeper;
use crate::store::subjects::SubjectIndex;
use crate::web::{
    FailingTasks, RateLimits, Red5Networks, Red5Server, Site, Stopping, TrustedProxies,
    route_labels,
};

/// Interval for writing the last uses of sessions and mappings.
const FLUSH_EVERY: Duration = Duration::from_secs(10);

/// Interval for deleting expired rows.
const SWEEP_EVERY: Duration = Duration::from_mins(5);

/// Pause between two attempts to migrate.
const MIGRATE_AGAIN_AFTER: Duration = Duration::from_secs(1);

/// The parts that handlers and layers of one listener look up by type.
#[derive(Default)]
pub(super) struct SharedParts(Vec<Register>);

type Register = Box<dyn Fn(&mut web::ServiceConfig) + Send + Sync>;

impl SharedParts {
    fn add<T: Send + Sync + 'static>(&mut self, part: T) -> web::Data<T> {
        self.add_shared(web::Data::new(part))
    }

    fn add_shared<T: Send + Sync + 'static>(&mut self, part: web::Data<T>) -> web::Data<T> {
        let shared = part.clone();
        self.0.push(Box::new(move |service| {
            service.app_data(shared.clone());
        }));
        part
    }

    /// Registers the parts with a worker.
    pub(super) fn register(&self, service: &mut web::ServiceConfig) {
        for register in &self.0 {
            register(service);
        }
    }
}

/// All parts of a bridge that is not bound yet.
pub(super) struct Parts {
    pub(super) listen: SocketAddr,
    pub(super) ops_listen: Option<SocketAddr>,
    pub(super) red5_listen: Option<SocketAddr>,
    /// The base path of the routes.
    pub(super) base: String,
    /// Parts of the main listener.
    pub(super) shared: SharedParts,
    /// Parts of the second listener.
    pub(super) ops: SharedParts,
    /// Parts of the listener for Red5 servers.
    pub(super) red5: SharedParts,
    pub(super) stopping: web::Data<Stopping>,
    pub(super) failing_tasks: web::Data<FailingTasks>,
    /// Background tasks.
    pub(super) tasks: Vec<JoinHandle<()>>,
    pub(super) store: Store,
    pub(super) cache: Arc<SessionCache>,
    pub(super) snapshots: Arc<SnapshotKeeper>,
    pub(super) refresher: Arc<Refresher>,
}

fn ages(config: &Config) -> Ages {
    Ages {
        groups_max: TimeDelta::seconds(i64::from(config.groups_max_age_seconds)),
        unrefreshed_max: TimeDelta::minutes(i64::from(config.unrefreshed_max_minutes)),
    }
}

fn token_rules(red5: &Red5) -> TokenRules {
    TokenRules {
        issuer: red5.issuer.clone(),
        subject_is_username: red5.subject == SubjectClaim::Username,
        default_seconds: red5.token_ttl_seconds,
        server_seconds: red5.longest_ttl_seconds,
        max_bytes: red5.token_max_bytes,
    }
}

fn open_store(database: &Database) -> Result<Store, StartError> {
    let listen_url = database.listen_url.as_ref();
    let store = Store::open(
        database.url.expose_secret(),
        listen_url.map(ExposeSecret::expose_secret),
        database.pool,
    );
    store.map_err(|_| StartError::DatabaseUrl)
}

/// Builds what the `explain` command needs; the caller closes the store.
pub(crate) fn explain(
    config: Config,
    clock: Arc<dyn Clock>,
) -> Result<(Explain, Store), StartError> {
    crate::oidc::http::install_crypto();
    let idle = TimeDelta::minutes(i64::from(config.session_idle_minutes));
    let store = open_store(&config.database)?;
    let live = Arc::new(SessionCache::new(store.clone(), idle));
    let explain = Explain {
        store: store.clone(),
        snapshots: Arc::new(SnapshotKeeper::new(store.clone(), live, Duration::ZERO)),
        signer: Signer::new(&config.red5.secret)?,
        rules: token_rules(&config.red5),
        provider: Arc::new(Provider::new(config.oidc, Arc::clone(&clock))?),
        clock,
        idle,
        seen: TimeDelta::days(i64::from(config.seen_days)),
    };
    Ok((explain, store))
}

/// What changes the mappings from the command line, and the store to be closed after it.
pub(crate) fn mapping_editor(
    database: &Database,
    (idle_minutes, seen_days): (u32, u32),
    clock: Arc<dyn Clock>,
) -> Result<(MappingEditor, Store), StartError> {
    let store = open_store(database)?;
    let people = PeopleRules {
        idle: TimeDelta::minutes(i64::from(idle_minutes)),
        seen: TimeDelta::days(i64::from(seen_days)),
        tokens: None,
    };
    Ok((
        MappingEditor::new(store.clone(), None, clock, people),
        store,
    ))
}

impl Parts {
    /// Builds every part once and starts the background tasks.
    #[expect(
        clippy::too_many_lines,
        reason = "one list, in the order in which the parts need one another"
    )]
    pub(super) fn new(config: Config, clock: Arc<dyn Clock>) -> Result<Self, StartError> {
        let ages = ages(&config);
        let idle = TimeDelta::minutes(i64::from(config.session_idle_minutes));
        let seen = TimeDelta::days(i64::from(config.seen_days));
        let bound = Duration::from_secs(u64::from(config.max_staleness_seconds));
        let store = open_store(&config.database)?;
        let cache = Arc::new(SessionCache::new(store.clone(), idle));
        let snapshots = Arc::new(SnapshotKeeper::new(
            store.clone(),
            Arc::clone(&cache),
            bound,
        ));
        let provider = Arc::new(Provider::new(config.oidc, Arc::clone(&clock))?);
        let seal = Arc::new(Seal::new(&config.secret_keys)?);
        let refresher = Arc::new(Refresher::new(
            Arc::clone(&provider),
            store.clone(),
            Arc::clone(&cache),
            Arc::clone(&seal),
            Arc::clone(&clock),
            ages,
        ));
        let sessions = Arc::new(Sessions::new(
            Arc::clone(&cache),
            Arc::clone(&refresher),
            Arc::clone(&snapshots),
            Arc::clone(&clock),
        ));
        let origins = config.allowed_origins.iter();
        let origins = origins.map(|origin| origin.as_str().to_owned()).collect();
        let return_to = ReturnToRule::new(&config.public_url.to("/"), origins);
        let limits = SessionLimits {
            longest: TimeDelta::hours(i64::from(config.session_max_hours)),
            unrefreshed: ages.unrefreshed_max,
        };
        let base = config.public_url.base_path().to_owned();
        let site = Site::new(config.public_url, config.allowed_origins);

        let (mut shared, mut ops) = (SharedParts::default(), SharedParts::default());
        shared.add(site);
        shared.add(AdminGroups(config.admin_groups));
        shared.add(Red5Server {
            url: config.red5.server_url.clone(),
            kind: config.red5.server_kind,
            node_group: config.red5.node_group.clone(),
        });
        shared.add(RateLimits::new(config.rate_limits));
        let proxies = shared.add(TrustedProxies(config.trusted_proxies));
        shared.add_shared(web::Data::from(Arc::clone(&sessions)));
        let devices = Counts::default();
        let sign_in = shared.add(SignIn {
            provider: Arc::clone(&provider),
            store: store.clone(),
            sessions: Arc::clone(&sessions),
            snapshots: Arc::clone(&snapshots),
            seal: Arc::clone(&seal),
            rule: return_to.ok_or(StartError::PublicUrl)?,
            limits,
            clock: Arc::clone(&clock),
            counts: Counts::default(),
            devices: devices.clone(),
        });
        shared.add(SignOut {
            provider: Arc::clone(&provider),
            store: store.clone(),
            sessions: Arc::clone(&sessions),
            seal: Arc::clone(&seal),
            clock: Arc::clone(&clock),
        });
        let exchange = shared.add(Exchange {
            snapshots: Arc::clone(&snapshots),
            signer: Signer::new(&config.red5.secret)?,
            rules: token_rules(&config.red5),
            clock: Arc::clone(&clock),
            counts: Counts::default(),
        });
        let exchanges = exchange.clone().into_inner();
        shared.add(ClientEditor {
            store: store.clone(),
            snapshots: Arc::clone(&snapshots),
            clock: Arc::clone(&clock),
        });
        shared.add(Authorization {
            store: store.clone(),
            snapshots: Arc::clone(&snapshots),
            exchange: Arc::clone(&exchanges),
            clock: Arc::clone(&clock),
        });
        shared.add(DeviceAuthorization {
            store: store.clone(),
            snapshots: Arc::clone(&snapshots),
            exchange: Arc::clone(&exchanges),
            clock: Arc::clone(&clock),
            counts: devices.clone(),
        });
        shared.add(TokenEndpoint {
            store: store.clone(),
            snapshots: Arc::clone(&snapshots),
            sessions: Arc::clone(&sessions),
            exchange: exchanges,
            provider: Arc::clone(&provider),
            seal: Arc::clone(&seal),
            round_trip: config.red5.round_trip_networks != Networks::default(),
            clock: Arc::clone(&clock),
        });
        shared.add(Explain {
            store: store.clone(),
            snapshots: Arc::clone(&snapshots),
            provider: Arc::clone(&provider),
            signer: Signer::new(&config.red5.secret)?,
            rules: token_rules(&config.red5),
            clock: Arc::clone(&clock),
            idle,
            seen,
        });
        let mut red5 = SharedParts::default();
        let rules = token_rules(&config.red5);
        let round_trip = shared.add(RoundTrip {
            snapshots: Arc::clone(&snapshots),
            sessions: Arc::clone(&cache),
            subjects: SubjectIndex::new(store.clone(), rules.subject_is_username),
            refresher: Arc::clone(&refresher),
            signer: Signer::new(&config.red5.secret)?,
            rules,
            room_check: config.red5.room_check,
            clock: Arc::clone(&clock),
            counts: Counts::default(),
        });
        red5.add_shared(round_trip.clone());
        red5.add_shared(proxies);
        red5.add_shared(shared.add(Red5Networks(config.red5.round_trip_networks.clone())));
        shared.add(History::new(store.clone()));
        shared.add(MappingEditor::new(
            store.clone(),
            Some(Arc::clone(&snapshots)),
            Arc::clone(&clock),
            PeopleRules {
                idle,
                seen,
                tokens: Some(token_rules(&config.red5)),
            },
        ));
        shared.add(People {
            store: store.clone(),
            sessions,
            snapshots: Arc::clone(&snapshots),
            clock: Arc::clone(&clock),
            issuer: provider.issuer().to_owned(),
            seen,
        });
        shared.add(BackChannel::new(
            Arc::clone(&provider),
            Arc::clone(&cache),
            Arc::clone(&clock),
        ));
        let requests = shared.add(Requests::new(route_labels()));
        red5.add_shared(requests.clone());
        ops.add(Exposition::new(metrics::Handles {
            sign_ins: sign_in.counts.clone(),
            exchanges: exchange.counts.clone(),
            refreshes: refresher.counts(),
            round_trips: round_trip.counts.clone(),
            devices,
            provider: provider.calls().clone(),
            waits: store.waits().clone(),
            requests: Requests::clone(&requests),
        }));
        let health = ops.add(Health {
            snapshots: Arc::clone(&snapshots),
            sessions: Arc::clone(&cache),
            store: store.clone(),
            provider: Arc::clone(&provider),
        });
        let stopping: web::Data<Stopping> = ops.add_shared(web::Data::default());
        let failing_tasks: web::Data<FailingTasks> = ops.add_shared(web::Data::default());
        shared.add_shared(health);
        shared.add_shared(stopping.clone());
        shared.add_shared(failing_tasks.clone());

        let tasks = vec![
            supervise("keep_fresh", &failing_tasks, {
                let (store, snapshots) = (store.clone(), Arc::clone(&snapshots));
                move || keep_fresh(store.clone(), Arc::clone(&snapshots))
            }),
            supervise("watch_provider", &failing_tasks, move || {
                let provider = Arc::clone(&provider);
                async move { provider.watch().await }
            }),
            supervise("write_last_uses", &failing_tasks, {
                let (cache, snapshots) = (Arc::clone(&cache), Arc::clone(&snapshots));
                move || write_last_uses(Arc::clone(&cache), Arc::clone(&snapshots))
            }),
            supervise("sweep", &failing_tasks, {
                let store = store.clone();
                move || sweep(store.clone(), Arc::clone(&clock), idle, seen)
            }),
        ];
        Ok(Self {
            listen: config.listen,
            ops_listen: config.ops_listen,
            red5_listen: config.red5_listen,
            base,
            shared,
            ops,
            red5,
            stopping,
            failing_tasks,
            tasks,
            store,
            cache,
            snapshots,
            refresher,
        })
    }
}

/// Migrates the tables, then keeps the data in memory fresh.
async fn keep_fresh(store: Store, snapshots: Arc<SnapshotKeeper>) {
    let mut told = String::new();
    while let Err(error) = store.migrate().await {
        snapshots.record_failure(&error);
        let words = error.to_string();
        // Retried every second, logged when the error changes.
        if words != told {
            let host = store.direct_host();
            tracing::warn!(event = "tables_not_migrated", host, %error, "the migrations could not be applied; trying again (red5-bridge check reports why)");
            told = words;
        }
        sleep(MIGRATE_AGAIN_AFTER).await;
    }
    snapshots.run().await;
}

async fn write_last_uses(cache: Arc<SessionCache>, snapshots: Arc<SnapshotKeeper>) {
    loop {
        sleep(FLUSH_EVERY).await;
        flush(&cache, &snapshots).await;
    }
}

/// Writes the last uses of sessions and mappings, which are only in memory. What is not written is
/// kept for the next time.
pub(super) async fn flush(cache: &SessionCache, snapshots: &SnapshotKeeper) {
    if let Err(error) = cache.flush().await {
        tracing::warn!(event = "last_seen_not_written", %error, "the last-seen times of some sessions were not written");
    }
    if let Err(error) = snapshots.flush_uses().await {
        tracing::warn!(event = "uses_not_written", %error, "the last uses of some mappings were not written");
    }
}

async fn sweep(store: Store, clock: Arc<dyn Clock>, idle: TimeDelta, seen: TimeDelta) {
    loop {
        sleep(SWEEP_EVERY).await;
        if let Err(error) = store.sweep(clock.now(), idle, seen).await {
            tracing::warn!(event = "sweep_failed", %error, "expired rows were not removed");
        }
    }
}
