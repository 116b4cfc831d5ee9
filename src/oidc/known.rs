//! What is known of the provider, and when to ask again.
//!
//! Discovery document and keys are read together, kept in memory, and replaced
//! only by better ones. One reading runs at a time: by [`watch`]
//! in the background, by the start of a sign-in while nothing is known yet, or by a
//! token signed with a key that is not in the set. The last two are limited,
//! because strangers cause them, and they rest with a provider that does not
//! answer: people must not wait for it one after the other.
//!
//! [`watch`]: Knowledge::watch

use std::sync::Arc;

use arc_swap::ArcSwapOption;
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep, timeout};

use super::breaker::Breaker;
use super::discovery::{self, Document};
use super::error::Outage;
use super::http::Http;
use super::keys::{self, KeySet};
use super::{Pace, ProviderSettings, ProviderStatus};
use crate::metrics::ProviderEndpoint;

/// By how much sooner keys are read again after a reading that brought a new one.
const SOONER: u32 = 30;

/// Document and keys that were read and checked.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) document: Document,
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

/// The last good [`Known`], and how the last reading went.
pub(super) struct Knowledge {
    pace: Pace,
    current: ArcSwapOption<Known>,
    last_failure: ArcSwapOption<Outage>,
    breaker: Breaker,
    /// Held during a reading, so that there is only one.
    reading: Mutex<Tries>,
}

#[derive(Default)]
struct Tries {
    failed: Option<(Instant, Outage)>,
    /// When the keys may be read again for a token that none of them fits.
    keys_again: Option<Instant>,
}

impl Knowledge {
    pub(super) fn new(pace: Pace) -> Self {
        Self {
            breaker: Breaker::new(&pace),
            pace,
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
    pub(super) fn current(&self) -> Option<Arc<Known>> {
        self.current.load_full()
    }

    /// Reads until it works, then again now and then. Never returns.
    pub(super) async fn watch(&self, http: &Http, settings: &ProviderSettings) {
        let mut pause = self.pace.retry_first;
        loop {
            let mut tries = self.reading.lock().await;
            let outcome = self.read(&mut tries, http, settings).await;
            drop(tries);
            if outcome.is_ok() {
                pause = self.pace.retry_first;
                sleep(self.pace.rediscover_interval).await;
            } else {
                sleep(pause).await;
                pause = (pause * 2).min(self.pace.retry_max);
            }
        }
    }

    /// What is known, or the one reading that everybody then waits for, within
    /// the limit for the start of a sign-in.
    ///
    /// # Errors
    /// When nothing is known and cannot be read in time. A failure counts for a
    /// short time, so that a crowd does not queue up behind a dead provider.
    pub(super) async fn ensure(
        &self,
        http: &Http,
        settings: &ProviderSettings,
    ) -> Result<Arc<Known>, Outage> {
        if let Some(known) = self.current() {
            return Ok(known);
        }
        // Before the lock: a caller that is not admitted must not wait for it either.
        let turn = self
            .breaker
            .admit()
            .inspect_err(|_| short_circuited(http))?;
        let first_reading = async {
            let mut tries = self.reading.lock().await;
            if let Some(known) = self.current() {
                return (Ok(known), true);
            }
            if let Some((at, outage)) = &tries.failed
                && at.elapsed() < self.pace.retry_first
            {
                return (Err(outage.clone()), false);
            }
            (self.read(&mut tries, http, settings).await, true)
        };
        let late = (Err(Outage::TimedOut), true);
        let first_reading = timeout(self.pace.begin_timeout, first_reading).await;
        let (outcome, is_news) = first_reading.unwrap_or(late);
        if is_news {
            match &outcome {
                Err(outage) if outage.is_down() => turn.failed(outage),
                _ => turn.answered(),
            }
        }
        outcome
    }

    /// What is known, with keys that are young enough to verify something.
    ///
    /// # Errors
    /// When the keys are too old and cannot be read again.
    pub(super) async fn for_verifying(
        &self,
        http: &Http,
        settings: &ProviderSettings,
    ) -> Result<Arc<Known>, Outage> {
        let known = self.ensure(http, settings).await?;
        if known.keys_read.elapsed() < self.pace.keys_max_age {
            return Ok(known);
        }
        let newer = self.newer_keys(&known, http).await;
        newer.map_err(|_| Outage::NoKeys)
    }

    /// Keys newer than `seen`, after a token that `seen` could not verify: those
    /// that another caller read meanwhile, or one reading if none was tried lately.
    pub(super) async fn newer_keys(
        &self,
        seen: &Arc<Known>,
        http: &Http,
    ) -> Result<Arc<Known>, NoNewerKeys> {
        let turn = self.breaker.admit().inspect_err(|_| short_circuited(http));
        let turn = turn.map_err(NoNewerKeys::Unreadable)?;
        let late = Some(Err(Outage::TimedOut));
        let reading = timeout(self.pace.begin_timeout, self.read_newer_keys(seen, http));
        // None: no request was sent.
        match reading
            .await
            .unwrap_or(late)
            .ok_or(NoNewerKeys::AskedLately(seen.keys_read))?
        {
            Ok(newer) => {
                turn.answered();
                Ok(newer)
            }
            Err(outage) => {
                if outage.is_down() {
                    turn.failed(&outage);
                } else {
                    turn.answered();
                }
                tracing::warn!(
                    event = "provider_keys_not_read",
                    reason = outage.code(),
                    error = %outage,
                    "the provider's keys cannot be read again"
                );
                Err(NoNewerKeys::Unreadable(outage))
            }
        }
    }

    async fn read_newer_keys(
        &self,
        seen: &Arc<Known>,
        http: &Http,
    ) -> Option<Result<Arc<Known>, Outage>> {
        let mut tries = self.reading.lock().await;
        let current = self.current()?;
        if !Arc::ptr_eq(&current, seen) {
            return Some(Ok(current));
        }
        let now = Instant::now();
        if tries.keys_again.is_some_and(|again| now < again) {
            return None;
        }
        let interval = self.pace.keys_refetch_interval;
        tries.keys_again = Some(now + interval);
        let read = keys::read(http, &current.document.jwks).await;
        Some(read.map(|keys| {
            // A provider that has just changed its keys may do so once more.
            if keys.adds_to(&current.keys) {
                tries.keys_again = Some(now + interval / SOONER);
            }
            self.keep(current.document.clone(), keys, now)
        }))
    }

    async fn read(
        &self,
        tries: &mut Tries,
        http: &Http,
        settings: &ProviderSettings,
    ) -> Result<Arc<Known>, Outage> {
        let asked = Instant::now();
        let outcome = read_both(http, settings).await;
        self.tell(outcome.as_ref().err());
        match outcome {
            Ok((document, keys)) => {
                tries.failed = None;
                Ok(self.keep(document, keys, asked))
            }
            Err(outage) => {
                tries.failed = Some((Instant::now(), outage.clone()));
                Err(outage)
            }
        }
    }

    fn keep(&self, document: Document, keys: KeySet, keys_read: Instant) -> Arc<Known> {
        let before = self.current.load();
        let before = before.as_ref().map(|known| &known.document.unusable);
        if before.map_or(!document.unusable.is_empty(), |before| {
            *before != document.unusable
        }) {
            tracing::warn!(
                event = "discovery_endpoints_ignored",
                members = document.unusable.join(" "),
                "these members of the provider's discovery document are no absolute address and count \
                 as absent"
            );
        }
        let known = Arc::new(Known {
            document,
            keys,
            keys_read,
        });
        self.current.store(Some(Arc::clone(&known)));
        known
    }

    /// Logs a change, not every try.
    fn tell(&self, failure: Option<&Outage>) {
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

fn short_circuited(http: &Http) {
    http.calls().short_circuited(ProviderEndpoint::Discovery);
}

async fn read_both(http: &Http, settings: &ProviderSettings) -> Result<(Document, KeySet), Outage> {
    let document = discovery::read(http, settings).await?;
    let keys = keys::read(http, &document.jwks).await?;
    Ok((document, keys))
}
