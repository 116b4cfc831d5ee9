//! Every part, built once, and what goes on beside the requests.

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
use crate::config::red5::{Red5, SubjectClaim};
use crate::config::{Config, Database};
use crate::flow::back_channel::BackChannel;
use crate::flow::exchange::{Exchange, TokenRules};
use crate::flow::login::{SessionLimits, SignIn};
use crate::flow::mappings::MappingDesk;
use crate::flow::people::PeopleDesk;
use crate::flow::refresh::{Ages, FreshGroups};
use crate::flow::return_to::ReturnToRule;
use crate::flow::sessions::Sessions;
use crate::flow::sign_out::SignOut;
use crate::metrics::{self, Exposition, Requests};
use crate::oidc::Provider;
use crate::seal::Seal;
use crate::signer::Signer;
use crate::store::Store;
use crate::store::live::LiveSessions;
use crate::store::watch::Watch;
use crate::web::{
    AdminGroups, FailingTasks, Gauges, RateLimits, Red5Server, Site, Stopping, TrustedProxies,
};

/// How often last-seen times are written down.
const FLUSH_EVERY: Duration = Duration::from_secs(10);

/// How often what is over is removed.
const SWEEP_EVERY: Duration = Duration::from_mins(5);

/// How long to wait between two tries to migrate a database that is not there.
const MIGRATE_AGAIN_AFTER: Duration = Duration::from_secs(1);

/// Everything, before it is handed to the workers.
pub(super) struct Parts {
    pub(super) listen: SocketAddr,
    pub(super) ops_listen: Option<SocketAddr>,
    pub(super) site: Site,
    pub(super) admins: AdminGroups,
    pub(super) server: Red5Server,
    pub(super) limits: RateLimits,
    pub(super) proxies: TrustedProxies,
    pub(super) store: Store,
    pub(super) live: Arc<LiveSessions>,
    pub(super) fresh: FreshGroups,
    pub(super) watch: Arc<Watch>,
    pub(super) provider: Arc<Provider>,
    pub(super) sessions: Arc<Sessions>,
    pub(super) sign_in: SignIn,
    pub(super) sign_out: SignOut,
    pub(super) exchange: Exchange,
    pub(super) desk: MappingDesk,
    pub(super) requests: Requests,
    pub(super) gauges: Gauges,
    pub(super) people: PeopleDesk,
    pub(super) back_channel: BackChannel,
    pub(super) clock: Arc<dyn Clock>,
}

/// The same, as the workers share it.
#[derive(Clone)]
pub(super) struct SharedData {
    pub(super) site: web::Data<Site>,
    pub(super) admins: web::Data<AdminGroups>,
    pub(super) server: web::Data<Red5Server>,
    pub(super) limits: web::Data<RateLimits>,
    pub(super) proxies: web::Data<TrustedProxies>,
    pub(super) watch: web::Data<Arc<Watch>>,
    pub(super) provider: web::Data<Arc<Provider>>,
    pub(super) sessions: web::Data<Sessions>,
    pub(super) sign_in: web::Data<SignIn>,
    pub(super) sign_out: web::Data<SignOut>,
    pub(super) exchange: web::Data<Exchange>,
    pub(super) desk: web::Data<MappingDesk>,
    pub(super) gauges: web::Data<Gauges>,
    pub(super) stopping: web::Data<Stopping>,
    pub(super) failing_tasks: web::Data<FailingTasks>,
    /// For the worker to make its own counters of.
    pub(super) requests: Requests,
    pub(super) people: web::Data<PeopleDesk>,
    pub(super) back_channel: web::Data<BackChannel>,
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

impl Parts {
    pub(super) fn new(config: Config, clock: Arc<dyn Clock>) -> Result<Self, StartError> {
        let store = open_store(&config.database)?;
        let ages = ages(&config);
        let idle = TimeDelta::minutes(i64::from(config.session_idle_minutes));
        let live = Arc::new(LiveSessions::new(store.clone(), idle));
        let bound = Duration::from_secs(u64::from(config.max_staleness_seconds));
        let watch = Arc::new(Watch::new(store.clone(), Arc::clone(&live), bound));
        let provider = Arc::new(Provider::new(config.oidc, Arc::clone(&clock))?);
        let seal = Arc::new(Seal::new(&config.secret_keys)?);
        let fresh = FreshGroups::new(
            Arc::clone(&provider),
            store.clone(),
            Arc::clone(&live),
            Arc::clone(&seal),
            Arc::clone(&clock),
            ages,
        );
        let sessions = Arc::new(Sessions::new(
            Arc::clone(&live),
            fresh.clone(),
            Arc::clone(&watch),
            Arc::clone(&clock),
        ));
        let allowed = config.allowed_origins.iter();
        let allowed = allowed.map(|origin| origin.as_str().to_owned()).collect();
        let rule = ReturnToRule::new(&config.public_url.to("/"), allowed);
        let limits = SessionLimits {
            longest: TimeDelta::hours(i64::from(config.session_max_hours)),
            unrefreshed: ages.unrefreshed_max,
        };
        let sign_out = SignOut::new(
            Arc::clone(&provider),
            store.clone(),
            Arc::clone(&sessions),
            Arc::clone(&seal),
            Arc::clone(&clock),
        );
        let sign_in = SignIn::new(
            Arc::clone(&provider),
            store.clone(),
            Arc::clone(&sessions),
            seal,
            rule.ok_or(StartError::PublicUrl)?,
            limits,
            Arc::clone(&clock),
        );
        let signer = Signer::new(&config.red5.secret)?;
        let rules = token_rules(&config.red5);
        let exchange = Exchange::new(Arc::clone(&watch), signer, rules, Arc::clone(&clock));
        let desk = MappingDesk::new(store.clone(), Arc::clone(&watch), Arc::clone(&clock));
        let requests = Requests::default();
        let exposition = Exposition::new(metrics::Parts {
            sign_ins: sign_in.counts().clone(),
            exchanges: exchange.counts().clone(),
            refreshes: fresh.counts(),
            provider: provider.calls().clone(),
            waits: store.waits().clone(),
            requests: requests.clone(),
        });
        let gauges = Gauges::new(
            exposition,
            Arc::clone(&watch),
            Arc::clone(&live),
            store.clone(),
            Arc::clone(&provider),
        );
        let people = PeopleDesk::new(
            store.clone(),
            Arc::clone(&live),
            fresh.clone(),
            Arc::clone(&watch),
            Arc::clone(&clock),
            provider.issuer().to_owned(),
        );
        let back_channel =
            BackChannel::new(Arc::clone(&provider), Arc::clone(&live), Arc::clone(&clock));
        Ok(Self {
            listen: config.listen,
            ops_listen: config.ops_listen,
            site: Site::new(config.public_url, config.allowed_origins),
            admins: AdminGroups(config.admin_groups),
            server: Red5Server(config.red5.server_url),
            limits: RateLimits::new(config.rate_limits),
            proxies: TrustedProxies(config.trusted_proxies),
            store,
            live,
            fresh,
            watch,
            provider,
            sessions,
            sign_in,
            sign_out,
            exchange,
            desk,
            requests,
            gauges,
            people,
            back_channel,
            clock,
        })
    }

    /// What goes on beside the requests.
    pub(super) fn tasks(&self, failing: &web::Data<FailingTasks>) -> Vec<JoinHandle<()>> {
        let (store, watch) = (self.store.clone(), Arc::clone(&self.watch));
        let provider = Arc::clone(&self.provider);
        let live = Arc::clone(&self.live);
        let (swept, clock, idle) = (store.clone(), Arc::clone(&self.clock), live.idle());
        vec![
            supervise("keep_fresh", failing, move || {
                keep_fresh(store.clone(), Arc::clone(&watch))
            }),
            supervise("watch_provider", failing, move || {
                let provider = Arc::clone(&provider);
                async move { provider.watch().await }
            }),
            supervise("write_last_seen", failing, move || {
                write_last_seen(Arc::clone(&live))
            }),
            supervise("sweep", failing, move || {
                sweep(swept.clone(), Arc::clone(&clock), idle)
            }),
        ]
    }

    pub(super) fn into_data(self, failing_tasks: web::Data<FailingTasks>) -> SharedData {
        SharedData {
            site: web::Data::new(self.site),
            admins: web::Data::new(self.admins),
            server: web::Data::new(self.server),
            limits: web::Data::new(self.limits),
            proxies: web::Data::new(self.proxies),
            watch: web::Data::new(self.watch),
            provider: web::Data::new(self.provider),
            sessions: web::Data::from(self.sessions),
            sign_in: web::Data::new(self.sign_in),
            sign_out: web::Data::new(self.sign_out),
            exchange: web::Data::new(self.exchange),
            desk: web::Data::new(self.desk),
            gauges: web::Data::new(self.gauges),
            stopping: web::Data::default(),
            failing_tasks,
            requests: self.requests,
            people: web::Data::new(self.people),
            back_channel: web::Data::new(self.back_channel),
        }
    }
}

/// Migrates, and then keeps what is in memory fresh.
async fn keep_fresh(store: Store, watch: Arc<Watch>) {
    let mut told = String::new();
    while let Err(error) = store.migrate().await {
        watch.hindered_by(&error);
        let words = error.to_string();
        // Tried every second, told when it changes.
        if words != told {
            let host = store.direct_host();
            tracing::warn!(event = "tables_not_migrated", host, %error, "the tables could not be brought up to date; trying again (red5-bridge check says why)");
            told = words;
        }
        sleep(MIGRATE_AGAIN_AFTER).await;
    }
    watch.run().await;
}

async fn write_last_seen(live: Arc<LiveSessions>) {
    loop {
        sleep(FLUSH_EVERY).await;
        if let Err(error) = live.flush().await {
            tracing::warn!(event = "last_seen_not_written", %error, "last-seen times were not written");
        }
    }
}

async fn sweep(store: Store, clock: Arc<dyn Clock>, idle: TimeDelta) {
    loop {
        sleep(SWEEP_EVERY).await;
        let now = clock.now();
        let attempts = store.sweep_attempts(now).await;
        // Twice as long: another instance may not have written yet.
        let sessions = store.sweep_sessions(now, now - idle * 2).await;
        let sign_outs = store.sweep_sign_outs(now).await;
        let logouts = store.sweep_logouts(now).await;
        if let Err(error) = attempts.and(sessions).and(sign_outs).and(logouts) {
            tracing::warn!(event = "sweep_failed", %error, "what is over was not removed");
        }
    }
}
