//! Environment variables to typed settings. All problems are reported at once, and secrets are
//! never shown.
//!
//! A variable's name, default, bounds and remedy are defined where it is read. Other code gets the
//! names from [`names_read`]. `.env.example` documents all variables.

pub mod addresses;
mod database;
pub mod env_file;
mod oidc;
mod reader;
pub mod red5;
mod variables;

use std::collections::BTreeSet;
use std::net::SocketAddr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret, SecretBox};

use addresses::{Networks, Origin, PublicUrl};
pub use database::Database;
use reader::parse_list;
pub use reader::{ConfigError, Reader, VariableError};
use red5::Red5;
pub use variables::{Variables, names_read};

use crate::logging::{DEFAULT_FILTER, LogFormat, is_filter};
use crate::oidc::ProviderSettings;

/// All settings of `serve`.
#[derive(Debug)]
pub struct Config {
    /// `DATABASE_*`, `BRIDGE_DATABASE_POOL`
    pub database: Database,
    /// `BRIDGE_PUBLIC_URL`
    pub public_url: PublicUrl,
    /// `BRIDGE_LISTEN`
    pub listen: SocketAddr,
    /// `BRIDGE_OPS_LISTEN`; `None` if it is off.
    pub ops_listen: Option<SocketAddr>,
    /// `BRIDGE_RED5_LISTEN`; `None` if it is off.
    pub red5_listen: Option<SocketAddr>,
    /// `BRIDGE_SECRET_KEYS`: the first key encrypts, all keys decrypt.
    pub secret_keys: Vec<SecretBox<[u8; 32]>>,
    /// `BRIDGE_ADMIN_GROUPS`, compared exactly; if empty, there are no administrators.
    pub admin_groups: BTreeSet<String>,
    /// `BRIDGE_ALLOWED_ORIGINS`
    pub allowed_origins: Vec<Origin>,
    /// `BRIDGE_TRUSTED_PROXIES`: proxies whose `X-Forwarded-For` is trusted.
    pub trusted_proxies: Networks,
    /// `BRIDGE_RATE_LIMITS`
    pub rate_limits: bool,
    /// `BRIDGE_SESSION_IDLE_MINUTES`
    pub session_idle_minutes: u32,
    /// `BRIDGE_SESSION_MAX_HOURS`
    pub session_max_hours: u32,
    /// `BRIDGE_GROUPS_MAX_AGE_SECONDS`
    pub groups_max_age_seconds: u32,
    /// `BRIDGE_UNREFRESHED_MAX_MINUTES`
    pub unrefreshed_max_minutes: u32,
    /// `BRIDGE_SEEN_DAYS`: how long a person who is not signed in stays known.
    pub seen_days: u32,
    /// `BRIDGE_MAX_STALENESS_SECONDS`
    pub max_staleness_seconds: u32,
    /// `OIDC_*`
    pub oidc: ProviderSettings,
    /// `RED5_*`
    pub red5: Red5,
    /// `LOG_FORMAT`
    pub log_format: LogFormat,
    /// `RUST_LOG`
    pub log_filter: String,
}

impl Config {
    /// Reads every variable before it fails, so that every problem is reported.
    pub fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let database = Database::read(reader);
        let public_url = read_public_url(reader);
        let listen = read_listen(reader);
        if let Some(url) = &public_url
            && !url.is_https()
            && !listen.ip().is_loopback()
        {
            reader.problem(
                "BRIDGE_LISTEN",
                "must be a loopback address while BRIDGE_PUBLIC_URL is http: cookies would cross a network in the clear",
            );
        }
        let ops_listen = read_side_listen(reader, "BRIDGE_OPS_LISTEN", "127.0.0.1:9090");
        let red5_listen = read_side_listen(reader, "BRIDGE_RED5_LISTEN", "127.0.0.1:8081");
        let secret_keys = read_keys(reader);
        let admin_groups = reader.list("BRIDGE_ADMIN_GROUPS");
        let allowed_origins = read_allowed_origins(reader);
        let proxies = |value: &str| Networks::parse(&parse_list(value)?);
        let trusted_proxies = reader.parsed("BRIDGE_TRUSTED_PROXIES", Networks::default(), proxies);
        let rate_limits = reader.choice("BRIDGE_RATE_LIMITS", [("on", true), ("off", false)]);
        let session_idle_minutes = read_session_idle_minutes(reader);
        let session_max_hours = reader.number("BRIDGE_SESSION_MAX_HOURS", 12, 1..=720);
        let groups_max_age = reader.number("BRIDGE_GROUPS_MAX_AGE_SECONDS", 300, 1..=86_400);
        let unrefreshed_max = reader.number("BRIDGE_UNREFRESHED_MAX_MINUTES", 60, 1..=43_200);
        let max_staleness_seconds = reader.number("BRIDGE_MAX_STALENESS_SECONDS", 5, 1..=300);
        let seen_days = read_seen_days(reader);
        let oidc = oidc::read(reader, public_url.as_ref());
        let red5 = Red5::read(reader);
        let asks = |red5: &Red5| red5.round_trip_networks != Networks::default();
        if red5_listen.is_some()
            && !reader.has_problem("RED5_ROUND_TRIP_NETWORKS")
            && red5.as_ref().is_some_and(|red5| !asks(red5))
        {
            let reason = "serves no server while RED5_ROUND_TRIP_NETWORKS is not set: set it to \
                          the networks of your Red5 servers";
            reader.problem("BRIDGE_RED5_LISTEN", reason);
        }
        let log_formats = [("text", LogFormat::Text), ("json", LogFormat::Json)];
        Some(Self {
            log_format: reader.choice("LOG_FORMAT", log_formats),
            log_filter: read_log_filter(reader),
            // Evaluated after every variable was read.
            database: database?,
            public_url: public_url?,
            secret_keys: secret_keys?,
            oidc: oidc?,
            red5: red5?,
            listen,
            ops_listen,
            red5_listen,
            admin_groups: admin_groups.into_iter().collect(),
            allowed_origins,
            trusted_proxies,
            rate_limits,
            session_idle_minutes,
            session_max_hours,
            groups_max_age_seconds: groups_max_age,
            unrefreshed_max_minutes: unrefreshed_max,
            max_staleness_seconds,
            seen_days,
        })
    }
}

/// `BRIDGE_LISTEN`
pub fn read_listen(reader: &mut Reader<'_>) -> SocketAddr {
    let default = SocketAddr::from(([127, 0, 0, 1], 8080));
    reader.parsed("BRIDGE_LISTEN", default, |value| {
        let reason = "must be an address and a port, such as 127.0.0.1:8080 or [::1]:8080";
        value.parse().map_err(|_| reason.to_owned())
    })
}

/// The address of a listener beside the main one, which is off by default.
fn read_side_listen(reader: &mut Reader<'_>, variable: &str, example: &str) -> Option<SocketAddr> {
    reader.parsed(variable, None, |value| match value {
        "off" => Ok(None),
        address => address
            .parse()
            .map(Some)
            .map_err(|_| format!("must be off, or an address and a port, such as {example}")),
    })
}

/// `BRIDGE_SESSION_IDLE_MINUTES`
pub fn read_session_idle_minutes(reader: &mut Reader<'_>) -> u32 {
    reader.number("BRIDGE_SESSION_IDLE_MINUTES", 60, 1..=10_080)
}

/// `BRIDGE_SEEN_DAYS`
pub fn read_seen_days(reader: &mut Reader<'_>) -> u32 {
    reader.number("BRIDGE_SEEN_DAYS", 30, 0..=3650)
}

/// `RUST_LOG`
pub fn read_log_filter(reader: &mut Reader<'_>) -> String {
    reader.parsed("RUST_LOG", DEFAULT_FILTER.to_owned(), |value| {
        let reason = "cannot be read; write a level (error, warn, info, debug, trace), or \
                      parts with levels, such as warn,red5_bridge=debug";
        let good = is_filter(value).then(|| value.to_owned());
        good.ok_or_else(|| reason.to_owned())
    })
}

/// `OIDC_*`
pub fn read_provider(reader: &mut Reader<'_>) -> Option<ProviderSettings> {
    let public_url = read_public_url(reader);
    oidc::read(reader, public_url.as_ref())
}

/// `BRIDGE_PUBLIC_URL`
pub fn read_public_url(reader: &mut Reader<'_>) -> Option<PublicUrl> {
    let url = reader.required(
        "BRIDGE_PUBLIC_URL",
        "the bridge's address in the browser, such as https://bridge.example.com",
    )?;
    reader.accept("BRIDGE_PUBLIC_URL", PublicUrl::parse(&url))
}

/// `BRIDGE_ALLOWED_ORIGINS`
pub fn read_allowed_origins(reader: &mut Reader<'_>) -> Vec<Origin> {
    reader.parsed("BRIDGE_ALLOWED_ORIGINS", Vec::new(), |value| {
        let origins = parse_list(value)?;
        origins.iter().map(|origin| Origin::parse(origin)).collect()
    })
}

fn read_keys(reader: &mut Reader<'_>) -> Option<Vec<SecretBox<[u8; 32]>>> {
    let text = reader.required_secret("BRIDGE_SECRET_KEYS", "red5-bridge keygen makes one")?;
    let key = |word: &String| -> Option<SecretBox<[u8; 32]>> {
        let bytes: [u8; 32] = STANDARD.decode(word).ok()?.try_into().ok()?;
        // One repeated byte is a placeholder, not a key.
        let real = bytes.iter().any(|byte| *byte != bytes[0]);
        real.then(|| SecretBox::new(Box::new(bytes)))
    };
    let keys = parse_list(text.expose_secret()).and_then(|words| {
        let keys: Option<Vec<_>> = words.iter().map(key).collect();
        keys.filter(|keys| !keys.is_empty()).ok_or_else(|| {
            "must be one or more base64 keys of 32 random bytes, comma-separated; \
             red5-bridge keygen makes one"
                .to_owned()
        })
    });
    reader.accept("BRIDGE_SECRET_KEYS", keys)
}
