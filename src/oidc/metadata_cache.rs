//! The provider's documents in memory, and when they are fetched again.
//!
//! Metadata and keys are fetched together, kept, and replaced only by valid ones. One fetch runs at
//! a time: by [`watch`] in the background, at the start of a sign-in while nothing is cached, or
//! for a token with an unknown key. The last two are limited, because unauthenticated clients can
//! cause them. Each fetch needs a permit of one breaker, the only back-off. So while the provider
//! does not answer, people do not wait one after the other.
//!
//! [`watch`]: MetadataCache::watch

use std::sync::Arc;

use arc_swap::ArcSwapOption;
use serde::Deserialize;
use serde_json::Value;
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep, timeout};
use url::Url;

use super::breaker::{Breaker, Permit};
use super::error::Outage;
use super::http::Http;
use super::jwks::KeySet;
use super::metadata::{self, ProviderMetadata};
use super::settings::ProviderSettings;
use crate::metrics::ProviderEndpoint;

/// How much sooner keys are fetched again after a fetch that brought a new key; divides the
/// interval.
const SOONER: u32 = 30;

/// Checked metadata and keys.
pub(super) struct Documents {
    pub(super) metadata: ProviderMetadata,
    pub(super) keys: KeySet,
    /// When the keys were requested.
    keys_read: Instant,
}

/// Why no newer keys are available.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum NoNewerKeys {
    /// The cached keys were requested at this time, too recently to fetch them again.
    AskedLately(Instant),
    /// The keys cannot be fetched now.
    Unreadable(Outage),
}

/// Whether the provider can be used for sign-ins. For information only; it does not affect
/// readiness.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProviderStatus {
    /// No attempt yet.
    Unknown,
    /// The last attempt to fetch the documents succeeded.
    Ready,
    /// The last attempt failed. Cached documents stay in use.
    Failing {
        /// The reason, for operators.
        reason: String,
    },
}

/// The last valid [`Documents`], and the result of the last fetch.
pub(super) struct MetadataCache {
    http: Http,
    settings: Arc<ProviderSettings>,
    current: ArcSwapOption<Documents>,
    last_failure: ArcSwapOption<Outage>,
    /// For fetches of both documents.
    breaker: Breaker,
    /// For fetches of the keys alone, which may work while the metadata is unavailable.
    keys_breaker: Breaker,
    /// Held during a fetch, so that fetches run one at a time.
    reading: Mutex<Readings>,
}

#[derive(Default)]
struct Readings {
    failed: Option<(Instant, Outage)>,
    /// When the keys may be fetched again because of a token with an unknown key.
    keys_again: Option<Instant>,
}

impl MetadataCache {
    pub(super) fn new(http: Http, settings: Arc<ProviderSettings>) -> Self {
        Self {
            http,
            breaker: Breaker::new(&settings.pace),
            keys_breaker: Breaker::new(&settings.pace),
            settings,
            current: ArcSwapOption::empty(),
            last_failure: ArcSwapOption::empty(),
            reading: Mutex::default(),
        }
    }

    pub(super) fn status(&self) -> ProviderStatus {
        match (self.last_failure.load_full(), self.current.load().is_some()) {
            (Some(outage), _) => ProviderStatus::Failing {
                reason: outage.to_string(),
            },
            (None, true) => ProviderStatus::Ready,
            (None, false) => ProviderStatus::Unknown,
        }
    }

    /// The cached documents; sends no request.
    pub(super) fn current(&self) -> Option<Arc<Documents>> {
        self.current.load_full()
    }

    /// Fetches until it succeeds, then at intervals. Never returns.
    pub(super) async fn watch(&self) {
        let pace = &self.settings.pace;
        loop {
            let mut pause = pace.retry_interval;
            if let Ok(permit) = self.breaker.admit() {
                let outcome = self.read(&mut *self.reading.lock().await).await;
                permit.report(outcome.as_ref().err());
                if outcome.is_ok() {
                    pause = pace.rediscover_interval;
                }
            }
            sleep(pause.max(self.breaker.rest_left())).await;
        }
    }

    /// The cached documents, or the outcome of one fetch that all callers share, within the time
    /// limit for the start of a sign-in.
    ///
    /// # Errors
    /// If nothing is cached and it cannot be fetched in time. A failure is kept for a short time,
    /// so that callers do not queue up behind a dead provider.
    pub(super) async fn ensure(&self) -> Result<Arc<Documents>, Outage> {
        if let Some(known) = self.current() {
            return Ok(known);
        }
        // Before the lock, so that a caller that is not admitted does not wait for it.
        let permit = self.admit(&self.breaker)?;
        let first_reading = async {
            let mut readings = self.reading.lock().await;
            if let Some(known) = self.current() {
                return (Ok(known), true);
            }
            match &readings.failed {
                Some((at, outage)) if at.elapsed() < self.settings.pace.failure_kept => {
                    (Err(outage.clone()), false)
                }
                _ => (self.read(&mut readings).await, true),
            }
        };
        let late = (Err(Outage::TimedOut), true);
        let (outcome, is_news) = self.in_time(first_reading).await.unwrap_or(late);
        if is_news {
            permit.report(outcome.as_ref().err());
        }
        outcome
    }

    /// Verifies with the cached keys. If no key made the signature and `newer_may_do` allows it,
    /// verifies once more with newer keys if there are any (JW-4). Fetches for this reason are rare
    /// and run one at a time, because unauthenticated clients can cause them. The error says why
    /// there were no newer keys.
    ///
    /// # Errors
    /// If the keys are too old: a key that the provider withdrew must not stay valid.
    pub(super) async fn with_keys<T, E>(
        &self,
        verify: impl Fn(&KeySet) -> Result<T, E>,
        newer_may_do: impl Fn(&E) -> bool,
    ) -> Result<Result<T, (E, Option<NoNewerKeys>)>, Outage> {
        let mut known = self.ensure().await?;
        if known.keys_read.elapsed() >= self.settings.pace.keys_max_age {
            known = self.newer_keys(&known).await.map_err(|_| Outage::NoKeys)?;
        }
        let flaw = match verify(&known.keys) {
            Ok(verified) => return Ok(Ok(verified)),
            Err(flaw) if !newer_may_do(&flaw) => return Ok(Err((flaw, None))),
            Err(flaw) => flaw,
        };
        Ok(match self.newer_keys(&known).await {
            Ok(newer) => verify(&newer.keys).map_err(|flaw| (flaw, None)),
            Err(why) => Err((flaw, Some(why))),
        })
    }

    /// Keys newer than `seen`, which could not verify a token: keys that another caller fetched
    /// meanwhile, or one new fetch unless the last one was too recent.
    async fn newer_keys(&self, seen: &Arc<Documents>) -> Result<Arc<Documents>, NoNewerKeys> {
        let permit = self
            .admit(&self.keys_breaker)
            .map_err(NoNewerKeys::Unreadable)?;
        let reading = self.in_time(self.read_newer_keys(seen)).await;
        // `None`: no request was sent.
        let outcome = reading
            .unwrap_or(Some(Err(Outage::TimedOut)))
            .ok_or(NoNewerKeys::AskedLately(seen.keys_read))?;
        permit.report(outcome.as_ref().err());
        outcome.map_err(|outage| {
            tracing::warn!(
                event = "provider_keys_not_read",
                reason = outage.code(),
                error = %outage,
                "the provider's keys cannot be read again"
            );
            NoNewerKeys::Unreadable(outage)
        })
    }

    async fn read_newer_keys(
        &self,
        seen: &Arc<Documents>,
    ) -> Option<Result<Arc<Documents>, Outage>> {
        let mut readings = self.reading.lock().await;
        let current = self.current()?;
        if !Arc::ptr_eq(&current, seen) {
            return Some(Ok(current));
        }
        let now = Instant::now();
        if readings.keys_again.is_some_and(|again| now < again) {
            return None;
        }
        let interval = self.settings.pace.keys_refetch_interval;
        readings.keys_again = Some(now + interval);
        let read = read_keys(&self.http, &current.metadata.jwks).await;
        Some(read.map(|keys| {
            // A provider that has just changed its keys may soon change them again.
            if keys.adds_to(&current.keys) {
                readings.keys_again = Some(now + interval / SOONER);
            }
            self.keep(current.metadata.clone(), keys, now)
        }))
    }

    fn admit<'a>(&self, breaker: &'a Breaker) -> Result<Permit<'a>, Outage> {
        let calls = self.http.calls();
        let count = |_: &Outage| calls.short_circuited(ProviderEndpoint::Discovery);
        breaker.admit().inspect_err(count)
    }

    /// Limited, because a person is waiting.
    async fn in_time<T>(&self, reading: impl Future<Output = T>) -> Option<T> {
        let limit = self.settings.pace.begin_timeout;
        timeout(limit, reading).await.ok()
    }

    async fn read(&self, readings: &mut Readings) -> Result<Arc<Documents>, Outage> {
        let asked = Instant::now();
        let outcome = self.read_both().await;
        self.log_change(outcome.as_ref().err());
        match outcome {
            Ok((metadata, keys)) => {
                readings.failed = None;
                Ok(self.keep(metadata, keys, asked))
            }
            Err(outage) => {
                readings.failed = Some((Instant::now(), outage.clone()));
                Err(outage)
            }
        }
    }

    async fn read_both(&self) -> Result<(ProviderMetadata, KeySet), Outage> {
        let reply = metadata::fetch(&self.http, &self.settings).await?;
        let metadata = ProviderMetadata::check(&reply.json()?, &self.settings)?;
        let keys = read_keys(&self.http, &metadata.jwks).await?;
        Ok((metadata, keys))
    }

    fn keep(&self, metadata: ProviderMetadata, keys: KeySet, keys_read: Instant) -> Arc<Documents> {
        let before = self.current.load();
        let before = before.as_ref().map(|known| &*known.metadata.unusable);
        if before.unwrap_or_default() != metadata.unusable {
            tracing::warn!(
                event = "discovery_endpoints_ignored",
                members = metadata.unusable.join(" "),
                "these members of the provider's discovery document are no absolute address and count \
                 as absent"
            );
        }
        let known = Arc::new(Documents {
            metadata,
            keys,
            keys_read,
        });
        self.current.store(Some(Arc::clone(&known)));
        known
    }

    /// Logs changes only, not every attempt.
    fn log_change(&self, failure: Option<&Outage>) {
        let before = self.last_failure.swap(failure.cloned().map(Arc::new));
        match failure {
            Some(now) if before.as_deref() != Some(now) => {
                tracing::warn!(
                    event = "provider_failing",
                    reason = now.code(),
                    "the provider cannot be used: {now}"
                );
            }
            None if before.is_some() || self.current.load().is_none() => {
                tracing::info!(
                    event = "provider_ready",
                    "the provider's documents have been read"
                );
            }
            _ => {}
        }
    }
}

/// RFC 7517 §5.
#[derive(Deserialize)]
struct JwkSet {
    keys: Vec<Value>,
}

/// Fetches the key set and keeps the usable keys.
///
/// # Errors
/// If it is unavailable or contains no usable key.
pub(super) async fn read_keys(http: &Http, jwks: &Url) -> Result<KeySet, Outage> {
    let set: JwkSet = http.get(ProviderEndpoint::Jwks, jwks).await?.json()?;
    KeySet::from_jwks(&set.keys)
}
