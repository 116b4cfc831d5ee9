//! The provider's documents in memory, and when they are read again.
//!
//! Metadata and keys are read together, kept, and replaced only by better ones. One reading runs at a
//! time: by [`watch`] in the background, by the start of a sign-in while nothing is known yet, or by a
//! token signed with a key that is not in the set. The last two are limited, because strangers cause
//! them. Each reading takes a permit of one breaker, the only back-off: with a provider that does not
//! answer, people do not wait one after the other.
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

/// By how much sooner keys are read again after a reading that brought a new one.
const SOONER: u32 = 30;

/// Metadata and keys that were read and checked.
pub(super) struct Documents {
    pub(super) metadata: ProviderMetadata,
    pub(super) keys: KeySet,
    /// When they were asked for.
    keys_read: Instant,
}

/// Why there are no newer keys to verify with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum NoNewerKeys {
    /// Those at hand were asked for a moment ago, at this time, and are not read again so soon.
    AskedLately(Instant),
    /// They cannot be read now.
    Unreadable(Outage),
}

/// Whether the provider can be used for signing in; told, never decisive for readiness.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProviderStatus {
    /// Not tried yet.
    Unknown,
    /// The last try to read its documents worked.
    Ready,
    /// The last try failed. Documents read before that still serve.
    Failing {
        /// In words, for an operator.
        reason: String,
    },
}

/// The last good [`Documents`], and how the last reading went.
pub(super) struct MetadataCache {
    http: Http,
    settings: Arc<ProviderSettings>,
    current: ArcSwapOption<Documents>,
    last_failure: ArcSwapOption<Outage>,
    /// For reading both documents.
    breaker: Breaker,
    /// For reading the keys alone, which may work while the metadata cannot be had.
    keys_breaker: Breaker,
    /// Held during a reading, so that there is only one.
    reading: Mutex<Readings>,
}

#[derive(Default)]
struct Readings {
    failed: Option<(Instant, Outage)>,
    /// When the keys may be read again for a token that none of them fits.
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

    /// What is known now, without a request.
    pub(super) fn current(&self) -> Option<Arc<Documents>> {
        self.current.load_full()
    }

    /// Reads until it works, then again now and then. Never returns.
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

    /// What is known, or the outcome of the one reading that all callers then wait for, within the
    /// limit for the start of a sign-in.
    ///
    /// # Errors
    /// When nothing is known and cannot be read in time. A failure counts for a short time, so that a
    /// crowd does not queue up behind a dead provider.
    pub(super) async fn ensure(&self) -> Result<Arc<Documents>, Outage> {
        if let Some(known) = self.current() {
            return Ok(known);
        }
        // Before the lock: a caller that is not admitted must not wait for it either.
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

    /// Verifies with the keys at hand; where `newer_may_do`, because none of them made the signature,
    /// once more with newer ones if there are any (JW-4). Those are asked for seldom and by one at a
    /// time, because strangers can cause it. A flaw comes with why there were none.
    ///
    /// # Errors
    /// When there are no keys that are young enough: a key that the provider withdrew must not live on.
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

    /// Keys newer than `seen`, after a token that `seen` could not verify: those that another caller
    /// read meanwhile, or one reading if none was tried lately.
    async fn newer_keys(&self, seen: &Arc<Documents>) -> Result<Arc<Documents>, NoNewerKeys> {
        let permit = self
            .admit(&self.keys_breaker)
            .map_err(NoNewerKeys::Unreadable)?;
        let reading = self.in_time(self.read_newer_keys(seen)).await;
        // None: no request was sent.
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
            // A provider that has just changed its keys may do so once more.
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

    /// A person waits for it.
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

    /// Logs a change, not every try.
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

/// Fetches and filters the key set.
///
/// # Errors
/// When it cannot be had, or holds no usable key.
pub(super) async fn read_keys(http: &Http, jwks: &Url) -> Result<KeySet, Outage> {
    let set: JwkSet = http.get(ProviderEndpoint::Jwks, jwks).await?.json()?;
    KeySet::from_jwks(&set.keys)
}
