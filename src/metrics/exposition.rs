//! The names of everything that is counted, and the text that Prometheus reads.

use std::fmt;
use std::sync::atomic::AtomicU64;

use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};

use super::{
    Counts, ExchangeOutcome, ProviderCalls, RefreshOutcome, Requests, SignInOutcome, Waits,
};

type Seconds = Gauge<f64, AtomicU64>;

/// The handles of the parts.
#[derive(Debug, Clone, Default)]
pub struct Parts {
    /// Of signing in.
    pub sign_ins: Counts<SignInOutcome>,
    /// Of tokens.
    pub exchanges: Counts<ExchangeOutcome>,
    /// Of refreshing groups.
    pub refreshes: Counts<RefreshOutcome>,
    /// Of the way to the provider.
    pub provider: ProviderCalls,
    /// Of the database's connections.
    pub waits: Waits,
    /// Of HTTP.
    pub requests: Requests,
}

/// What is measured only when metrics are requested.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct State {
    /// Of the mappings in memory; 0: none are.
    pub mapping_version: i64,
    /// Seconds since they were last known to be true; infinite: they are not.
    pub snapshot_age: f64,
    /// Whether exchanges are answered.
    pub fresh: bool,
    /// Sessions that are in memory.
    pub sessions: u64,
    /// Connections to the database, without the one that listens.
    pub connections: u32,
    /// Idle connections.
    pub connections_idle: usize,
    /// The most there may be.
    pub connections_most: u32,
    /// Whether the provider's documents could be read when that was last tried.
    pub provider_ready: bool,
}

/// Everything under its name.
pub struct Exposition {
    registry: Registry,
    mapping_version: Gauge,
    snapshot_age: Seconds,
    fresh: Gauge,
    sessions: Gauge,
    connections: Family<[(&'static str, &'static str); 1], Gauge>,
    connections_most: Gauge,
    provider_ready: Gauge,
}

impl Exposition {
    /// Names what the parts count.
    pub fn new(parts: &Parts) -> Self {
        let mut registry = Registry::with_prefix("red5_bridge");
        let (routes, refusals) = parts.requests.families();
        let (calls, short_circuited) = parts.provider.families();
        registry.register(
            "sign_ins",
            "Sign-ins by how they ended",
            parts.sign_ins.family(),
        );
        registry.register(
            "exchanges",
            "Exchanges by how they ended",
            parts.exchanges.family(),
        );
        registry.register(
            "refreshes",
            "Refreshes of groups by how they ended",
            parts.refreshes.family(),
        );
        registry.register(
            "refusals",
            "Requests that did not get what they asked for, by code",
            refusals,
        );
        registry.register(
            "http_requests",
            "Requests by route and class of status",
            routes,
        );
        registry.register_with_unit(
            "provider_call",
            "Calls to the provider by endpoint, and whether it answered",
            Unit::Seconds,
            calls,
        );
        registry.register(
            "provider_calls_spared",
            "Calls to the provider that were not made because those before them failed",
            short_circuited,
        );
        registry.register_with_unit(
            "database_wait",
            "Waits for a connection to the database",
            Unit::Seconds,
            parts.waits.0.clone(),
        );
        let version = Info::new([("version", env!("CARGO_PKG_VERSION"))]);
        registry.register("build", "The program", version);
        let mut gauge = |name: &str, help: &str| {
            let gauge = Gauge::default();
            registry.register(name, help, gauge.clone());
            gauge
        };
        let mapping_version = gauge(
            "mapping_version",
            "Number of the last change to the mappings in memory",
        );
        let fresh = gauge(
            "fresh",
            "1 while mappings and sessions in memory are known to be young enough",
        );
        let sessions = gauge("sessions_in_memory", "Sessions in memory");
        let connections_most = gauge(
            "database_connections_max",
            "Most connections to the database",
        );
        let provider_ready = gauge(
            "provider_ready",
            "1 when the provider's documents could be read last time",
        );
        let connections = Family::<_, Gauge>::default();
        registry.register(
            "database_connections",
            "Connections to the database by state",
            connections.clone(),
        );
        let snapshot_age = Seconds::default();
        registry.register_with_unit(
            "snapshot_age",
            "Time since the mappings in memory were known to be those of the database",
            Unit::Seconds,
            snapshot_age.clone(),
        );
        Self {
            registry,
            mapping_version,
            snapshot_age,
            fresh,
            sessions,
            connections,
            connections_most,
            provider_ready,
        }
    }

    /// The text format of `OpenMetrics` 1.0, with what is measured now.
    ///
    /// # Errors
    /// Never in practice: a string takes every text.
    pub fn text(&self, state: State) -> Result<String, fmt::Error> {
        let whole = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        let idle = u32::try_from(state.connections_idle).unwrap_or(u32::MAX);
        let busy = state.connections.saturating_sub(idle);
        let connections = |state| self.connections.get_or_create_owned(&[("state", state)]);
        self.mapping_version.set(state.mapping_version);
        self.snapshot_age.set(state.snapshot_age);
        self.fresh.set(state.fresh.into());
        self.sessions.set(whole(state.sessions));
        connections("idle").set(idle.into());
        connections("busy").set(busy.into());
        self.connections_most.set(state.connections_most.into());
        self.provider_ready.set(state.provider_ready.into());
        let mut text = String::new();
        encode(&mut text, &self.registry)?;
        Ok(text)
    }
}
