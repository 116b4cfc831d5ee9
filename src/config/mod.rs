//! Environment → typed settings, all problems at once, no secret ever shown.
//!
//! Every variable is in `.env.example`, with what it means. [`urls`] judges
//! addresses, [`mod@red5`] what belongs to the streaming server.

mod database;
pub mod env_file;
mod names;
pub mod networks;
mod oidc;
mod reader;
pub mod red5;
mod secret;
pub mod urls;

use std::collections::BTreeSet;
use std::net::SocketAddr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret, SecretBox, SecretString};

pub use names::{Unknown, VARIABLES, unknown};
use networks::Networks;
use reader::parse_list;
pub use reader::{Lookup, NotText, Problem, Problems, Reader};
use red5::Red5;
use urls::{Origin, PublicUrl};

use crate::logging::{DEFAULT_FILTER, LogFormat, is_filter};
use crate::oidc::ProviderSettings;

/// How the database is reached.
#[derive(Debug)]
pub struct Database {
    /// `DATABASE_URL`
    pub url: SecretString,
    /// `DATABASE_LISTEN_URL`: the server itself, where the other leads to a pooler.
    pub listen_url: Option<SecretString>,
    /// `BRIDGE_DATABASE_POOL`: most connections by `DATABASE_URL`.
    pub pool: u32,
}

/// Everything that `serve` needs.
#[derive(Debug)]
pub struct Config {
    /// `DATABASE_*`, `BRIDGE_DATABASE_POOL`
    pub database: Database,
    /// `BRIDGE_PUBLIC_URL`
    pub public_url: PublicUrl,
    /// `BRIDGE_LISTEN`
    pub listen: SocketAddr,
    /// `BRIDGE_OPS_LISTEN`; none: off.
    pub ops_listen: Option<SocketAddr>,
    /// `BRIDGE_SECRET_KEYS`: the first encrypts, all decrypt.
    pub secret_keys: Vec<SecretBox<[u8; 32]>>,
    /// `BRIDGE_ADMIN_GROUPS`: compared exactly; empty means no administrators.
    pub admin_groups: BTreeSet<String>,
    /// `BRIDGE_ALLOWED_ORIGINS`
    pub allowed_origins: Vec<Origin>,
    /// `BRIDGE_TRUSTED_PROXIES`: whose `X-Forwarded-For` is believed.
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
    /// From the environment, and from `.env` in the current folder for what
    /// the environment does not set.
    pub fn from_env() -> Result<Self, Problems> {
        let file = env_file::read()?;
        Self::from_lookup(&|variable| environment(&file, variable))
    }

    /// From any source.
    pub fn from_lookup(lookup: &Lookup<'_>) -> Result<Self, Problems> {
        let mut reader = Reader::new(lookup);
        let config = Self::read(&mut reader);
        let problems = reader.into_problems();
        match config {
            Some(config) if problems.is_empty() => Ok(config),
            _ => Err(Problems(problems)),
        }
    }

    /// Reads every variable before it gives up, so that every problem is seen.
    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let database = read_database(reader);
        let public_url = read_public_url(reader);
        let listen = read_listen(reader);
        if let (Some(url), Some(listen)) = (&public_url, listen)
            && !url.is_https()
            && !listen.ip().is_loopback()
        {
            reader.problem(
                "BRIDGE_LISTEN",
                "must be a loopback address while BRIDGE_PUBLIC_URL is http: cookies would cross a network in the clear",
            );
        }
        let ops_listen = reader.parsed("BRIDGE_OPS_LISTEN", None, |value| match value {
            "off" => Ok(None),
            address => {
                let error = "must be off, or an address and a port, such as 127.0.0.1:9090";
                let address = address.parse().map_err(|_| error.to_owned())?;
                Ok(Some(address))
            }
        });
        let secret_keys = read_keys(reader);
        let admin_groups = reader.list("BRIDGE_ADMIN_GROUPS");
        let allowed_origins = read_allowed_origins(reader);
        let trusted_proxies = reader
            .list("BRIDGE_TRUSTED_PROXIES")
            .and_then(|words| reader.judged("BRIDGE_TRUSTED_PROXIES", Networks::parse(&words)));
        let rate_limits = reader.parsed("BRIDGE_RATE_LIMITS", true, |value| match value {
            "on" => Ok(true),
            "off" => Ok(false),
            _ => Err("must be on or off".to_owned()),
        });
        let session_idle_minutes = reader.number("BRIDGE_SESSION_IDLE_MINUTES", 60, 1..=10_080);
        let session_max_hours = reader.number("BRIDGE_SESSION_MAX_HOURS", 12, 1..=720);
        let groups_max_age = reader.number("BRIDGE_GROUPS_MAX_AGE_SECONDS", 300, 1..=86_400);
        let unrefreshed = reader.number("BRIDGE_UNREFRESHED_MAX_MINUTES", 60, 1..=43_200);
        let max_staleness_seconds = reader.number("BRIDGE_MAX_STALENESS_SECONDS", 5, 1..=300);
        let oidc = oidc::read(reader, public_url.as_ref());
        let red5 = Red5::read(reader);
        let log_format = reader.parsed("LOG_FORMAT", LogFormat::Text, |value| match value {
            "text" => Ok(LogFormat::Text),
            "json" => Ok(LogFormat::Json),
            _ => Err("must be text or json".to_owned()),
        });
        let log_filter = read_log_filter(reader);
        Some(Self {
            database: database?,
            public_url: public_url?,
            listen: listen?,
            ops_listen: ops_listen?,
            secret_keys: secret_keys?,
            admin_groups: admin_groups?.into_iter().collect(),
            allowed_origins: allowed_origins?,
            trusted_proxies: trusted_proxies?,
            rate_limits: rate_limits?,
            session_idle_minutes: session_idle_minutes?,
            session_max_hours: session_max_hours?,
            groups_max_age_seconds: groups_max_age?,
            unrefreshed_max_minutes: unrefreshed?,
            max_staleness_seconds: max_staleness_seconds?,
            oidc: oidc?,
            red5: red5?,
            log_format: log_format?,
            log_filter: log_filter?,
        })
    }
}

/// One part of it, for the words of the command line that need no more; its own
/// problems alone count.
pub fn part<T>(read: impl FnOnce(&mut Reader<'_>) -> Option<T>) -> Result<T, Problems> {
    let file = env_file::read()?;
    part_of(&|variable| environment(&file, variable), read)
}

/// The same from any source.
pub fn part_of<T>(
    lookup: &Lookup<'_>,
    read: impl FnOnce(&mut Reader<'_>) -> Option<T>,
) -> Result<T, Problems> {
    let mut reader = Reader::new(lookup);
    let part = read(&mut reader);
    let problems = reader.into_problems();
    match part {
        Some(part) if problems.is_empty() => Ok(part),
        _ => Err(Problems(problems)),
    }
}

/// `DATABASE_*`, `BRIDGE_DATABASE_POOL`
pub fn read_database(reader: &mut Reader<'_>) -> Option<Database> {
    let judged = |reader: &mut Reader<'_>, variable, url: Option<SecretString>| {
        let good = url.as_ref().map(|url| database::check(url.expose_secret()));
        reader.judged(variable, good.transpose()).and(url)
    };
    let url = reader.required_secret("DATABASE_URL", database::FORM);
    let url = judged(reader, "DATABASE_URL", url);
    let listen_url = reader.secret("DATABASE_LISTEN_URL");
    let listen_url = judged(reader, "DATABASE_LISTEN_URL", listen_url);
    let pool = reader.number("BRIDGE_DATABASE_POOL", 10, 1..=500);
    Some(Database {
        url: url?,
        listen_url,
        pool: pool?,
    })
}

/// `BRIDGE_LISTEN`
pub fn read_listen(reader: &mut Reader<'_>) -> Option<SocketAddr> {
    let default = SocketAddr::from(([127, 0, 0, 1], 8080));
    reader.parsed("BRIDGE_LISTEN", default, |value| {
        let error = "must be an address and a port, such as 127.0.0.1:8080 or [::1]:8080";
        value.parse().map_err(|_| error.to_owned())
    })
}

/// `RUST_LOG`
pub fn read_log_filter(reader: &mut Reader<'_>) -> Option<String> {
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
        "the address that people use, such as https://bridge.example.com",
    )?;
    reader.judged("BRIDGE_PUBLIC_URL", PublicUrl::parse(&url))
}

/// `BRIDGE_ALLOWED_ORIGINS`
pub fn read_allowed_origins(reader: &mut Reader<'_>) -> Option<Vec<Origin>> {
    let origins = reader.list("BRIDGE_ALLOWED_ORIGINS")?;
    let origins = origins.iter().map(|origin| Origin::parse(origin));
    reader.judged("BRIDGE_ALLOWED_ORIGINS", origins.collect())
}

/// The names of everything that is set, in the environment and in `.env`.
pub fn names_set() -> Vec<String> {
    let file = env_file::read().unwrap_or_default();
    let environment = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    environment
        .chain(file.into_iter().map(|(name, _)| name))
        .collect()
}

/// A lookup in the environment and in `.env`.
pub fn environment_lookup() -> Result<Box<Lookup<'static>>, Problems> {
    let file = env_file::read()?;
    Ok(Box::new(move |variable| environment(&file, variable)))
}

fn environment(file: &env_file::Variables, variable: &str) -> Result<Option<String>, NotText> {
    match std::env::var_os(variable) {
        Some(value) => value.into_string().map(Some).map_err(|_| NotText),
        None => Ok(file
            .iter()
            .find(|(name, _)| name == variable)
            .map(|(_, value)| value.clone())),
    }
}

fn read_keys(reader: &mut Reader<'_>) -> Option<Vec<SecretBox<[u8; 32]>>> {
    let text = reader.required_secret("BRIDGE_SECRET_KEYS", "red5-bridge keygen makes one")?;
    let key = |word: &str| -> Option<SecretBox<[u8; 32]>> {
        let bytes: [u8; 32] = STANDARD.decode(word).ok()?.try_into().ok()?;
        // A key of one byte repeated is a placeholder.
        let real = bytes.iter().any(|byte| *byte != bytes[0]);
        real.then(|| SecretBox::new(Box::new(bytes)))
    };
    let words = reader.judged("BRIDGE_SECRET_KEYS", parse_list(text.expose_secret()))?;
    let keys: Option<Vec<_>> = words.iter().map(|word| key(word)).collect();
    let keys = keys.filter(|keys| !keys.is_empty());
    reader.judged(
        "BRIDGE_SECRET_KEYS",
        keys.ok_or(
            "must be one or more base64 keys of 32 random bytes, comma-separated; \
             red5-bridge keygen makes one"
                .to_owned(),
        ),
    )
}
