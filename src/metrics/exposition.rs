//! The names of everything that is counted and measured, and the text that Prometheus reads.

use std::fmt;

use prometheus_client::encoding::text::{encode_eof, encode_registry};
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::{ConstGauge, Gauge};
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};

use super::{
    Counts, DeviceOutcome, ExchangeOutcome, ProviderCalls, RefreshOutcome, Requests,
    RoundTripOutcome, SignInOutcome, Waits,
};

const PREFIX: &str = "red5_bridge";

/// The handles of the parts.
#[derive(Debug, Clone)]
pub struct Handles {
    /// Of sign-ins.
    pub sign_ins: Counts<SignInOutcome>,
    /// Of tokens.
    pub exchanges: Counts<ExchangeOutcome>,
    /// Of refreshes of groups.
    pub refreshes: Counts<RefreshOutcome>,
    /// Of questions by Red5.
    pub round_trips: Counts<RoundTripOutcome>,
    /// Of requests of devices.
    pub devices: Counts<DeviceOutcome>,
    /// Of calls to the provider.
    pub provider: ProviderCalls,
    /// Of the database's connections.
    pub waits: Waits,
    /// Of HTTP.
    pub requests: Requests,
}

/// What is measured only when metrics are requested.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Measurements {
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
pub struct Exposition(Registry);

impl Exposition {
    /// Names what the parts count.
    pub fn new(parts: Handles) -> Self {
        let mut registry = Registry::with_prefix(PREFIX);
        for (name, help, counters) in [
            (
                "sign_ins",
                "Sign-ins by how they ended",
                parts.sign_ins.family,
            ),
            (
                "exchanges",
                "Exchanges by how they ended",
                parts.exchanges.family,
            ),
            (
                "refreshes",
                "Refreshes of groups by how they ended",
                parts.refreshes.family,
            ),
            (
                "round_trips",
                "Questions of Red5 about a token by how they were answered",
                parts.round_trips.family,
            ),
            (
                "devices",
                "Requests of devices by what became of them",
                parts.devices.family,
            ),
            (
                "refusals",
                "Requests that were refused, by code",
                parts.requests.refusals,
            ),
            (
                "provider_calls_spared",
                "Calls to the provider that were not made because those before them failed",
                parts.provider.short_circuited,
            ),
        ] {
            registry.register(name, help, counters);
        }
        registry.register(
            "http_requests",
            "Requests by route and class of status",
            parts.requests.family,
        );
        registry.register_with_unit(
            "provider_call",
            "Calls to the provider by endpoint, and whether it answered",
            Unit::Seconds,
            parts.provider.took,
        );
        registry.register_with_unit(
            "database_wait",
            "Waits for a connection to the database",
            Unit::Seconds,
            parts.waits.0,
        );
        let version = Info::new([("version", env!("CARGO_PKG_VERSION"))]);
        registry.register("build", "The program", version);
        Self(registry)
    }

    /// The text format of `OpenMetrics` 1.0, with what is measured now.
    ///
    /// # Errors
    /// Never in practice: a string takes every text.
    pub fn text(&self, state: Measurements) -> Result<String, fmt::Error> {
        let mut text = String::new();
        encode_registry(&mut text, &self.0)?;
        encode_registry(&mut text, &measured(state))?;
        encode_eof(&mut text)?;
        Ok(text)
    }
}

fn measured(state: Measurements) -> Registry {
    let mut registry = Registry::with_prefix(PREFIX);
    for (name, help, value) in [
        (
            "mapping_version",
            "Number of the last change to the mappings in memory",
            state.mapping_version,
        ),
        (
            "fresh",
            "1 while mappings and sessions in memory are known to be young enough",
            state.fresh.into(),
        ),
        (
            "sessions_in_memory",
            "Sessions in memory",
            i64::try_from(state.sessions).unwrap_or(i64::MAX),
        ),
        (
            "database_connections_max",
            "Most connections to the database",
            state.connections_most.into(),
        ),
        (
            "provider_ready",
            "1 when the provider's documents could be read last time",
            state.provider_ready.into(),
        ),
    ] {
        registry.register(name, help, ConstGauge::new(value));
    }
    let connections = Family::<[(&str, &str); 1], Gauge>::default();
    let idle = u32::try_from(state.connections_idle).unwrap_or(u32::MAX);
    let busy = state.connections.saturating_sub(idle);
    for (label, count) in [("idle", idle), ("busy", busy)] {
        connections
            .get_or_create_owned(&[("state", label)])
            .set(count.into());
    }
    registry.register(
        "database_connections",
        "Connections to the database by state",
        connections,
    );
    registry.register_with_unit(
        "snapshot_age",
        "Time since the mappings in memory were known to be those of the database",
        Unit::Seconds,
        ConstGauge::new(state.snapshot_age),
    );
    registry
}
