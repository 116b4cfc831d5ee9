//! One refresh, from the lease to the row.

use std::time::Duration;

use secrecy::SecretString;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, sleep, timeout};

use super::Refresher;
use crate::domain::session::SessionHash;
use crate::fingerprint::pseudonym;
use crate::flow::tokens::{ID_TOKEN, REFRESH_TOKEN, open_token, seal_token};
use crate::metrics::RefreshOutcome;
use crate::oidc::{InvalidAnswer, OidcError, Outage, RefreshFailure, Refreshed};
use crate::random;
use crate::store::StoreError;
use crate::store::refresh_lease::{Lease, LeaseId, NewIdentity, RefreshResult};
use crate::store::session_cache::LiveSession;
use crate::store::sessions::{SealedTokens, StoredSession};

/// Most refreshes at once for which a request waits: after a long outage, all of them.
pub(super) const MAX_BLOCKING_REFRESHES: usize = 32;

/// How long a request waits for a refresh.
pub(super) const REFRESH_TIMEOUT: Duration = Duration::from_secs(10);

/// How long the lease keeps other refreshes away. Longer than all that one refresh may do: all its
/// calls together take half a minute at most, and then [`WRITE_TIMEOUT`].
const LEASE: Duration = Duration::from_secs(90);

/// How often a lease that another instance has is looked at again.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// The same after some tries.
const LOOK_AGAIN_MAX: Duration = Duration::from_secs(1);

/// How long what the provider said is kept for a database that cannot be written: a
/// rotated refresh token that is lost costs the session.
const WRITE_TIMEOUT: Duration = Duration::from_secs(40);

/// Between two tries to write.
const WRITE_AGAIN: Duration = Duration::from_millis(200);

/// Lets one refresh run in the background.
pub(super) type BackgroundPermit = OwnedSemaphorePermit;

/// How a refresh ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TaskOutcome {
    /// What came of it is in the row, or marked on the session in memory; or another instance
    /// refreshes it.
    Done,
    /// The provider or the database failed; the session is as it was.
    Failed,
}

impl Refresher {
    /// With a permit it runs in the background. Without one a request waits for it, so it waits
    /// too: for a free place, and for other instances.
    pub(super) async fn run_refresh(
        &self,
        live: &LiveSession,
        permit: Option<BackgroundPermit>,
    ) -> TaskOutcome {
        let outcome = self.refresh(live, permit.is_none()).await;
        outcome.unwrap_or_else(|error| {
            tracing::warn!(event = "refresh_failed", reason = "database", %error);
            self.counts.count(RefreshOutcome::Unavailable);
            TaskOutcome::Failed
        })
    }

    async fn refresh(&self, live: &LiveSession, blocking: bool) -> Result<TaskOutcome, StoreError> {
        let Ok(lease) = random::bytes() else {
            return Ok(TaskOutcome::Failed);
        };
        let hash = &live.session.hash;
        let sealed = match self.take_lease(&live.session, &lease, blocking).await? {
            Lease::Taken(sealed) => sealed,
            Lease::Elsewhere => {
                self.counts.count(RefreshOutcome::LeaseElsewhere);
                return Ok(TaskOutcome::Done);
            }
            Lease::Newer => {
                self.counts.count(RefreshOutcome::LeaseElsewhere);
                return self.read_again(hash).await;
            }
            Lease::Over => {
                self.cache.ended(hash);
                return Ok(TaskOutcome::Done);
            }
        };
        if !blocking {
            return self.ask(live, &lease, &sealed).await;
        }
        // Only now: a refresh that waits for another instance's lease takes no place.
        match timeout(REFRESH_TIMEOUT, self.blocking.acquire()).await {
            Ok(_place) => self.ask(live, &lease, &sealed).await,
            Err(_late) => {
                self.write(hash, &lease, &RefreshResult::Nothing(None))
                    .await?;
                Ok(TaskOutcome::Failed)
            }
        }
    }

    /// While a request waits, this waits for another instance too, and goes on in its place when
    /// it is gone. An answer of the database that is lost may have been "taken": the same
    /// id is asked for again.
    async fn take_lease(
        &self,
        session: &StoredSession,
        lease: &LeaseId,
        blocking: bool,
    ) -> Result<Lease, StoreError> {
        let until = Instant::now() + LEASE + REFRESH_TIMEOUT;
        let mut pause = LOOK_AGAIN;
        loop {
            let version = session.identity_version;
            let asked = self.store.take_lease(&session.hash, version, lease, LEASE);
            match asked.await {
                Ok(Lease::Elsewhere) | Err(StoreError::Unavailable(_))
                    if blocking && Instant::now() < until =>
                {
                    sleep(pause).await;
                    pause = (pause * 2).min(LOOK_AGAIN_MAX);
                }
                outcome => return outcome,
            }
        }
    }

    async fn ask(
        &self,
        live: &LiveSession,
        lease: &LeaseId,
        sealed: &[u8],
    ) -> Result<TaskOutcome, StoreError> {
        let session = &live.session;
        let hash = &session.hash;
        let subject = &*pseudonym(&session.identity.subject);
        let Some(refresh_token) = open_token(&self.seal, REFRESH_TOKEN, hash, sealed) else {
            tracing::error!(
                event = "refresh_failed",
                subject,
                reason = "sealed_with_another_key",
                "a refresh token cannot be opened with BRIDGE_SECRET_KEYS: the key that sealed it is missing"
            );
            self.counts.count(RefreshOutcome::Sealed);
            let nothing = RefreshResult::Nothing(None);
            self.store.give_lease_back(hash, lease, &nothing).await?;
            live.refresh.mark_unopenable();
            return Ok(TaskOutcome::Done);
        };
        let read_at = self.clock.now();
        let nonce_hash = session.nonce_hash.as_ref();
        let answer = self
            .provider
            .refresh(&session.identity, &refresh_token, nonce_hash);
        let (result, error) = match answer.await {
            Ok(refreshed) => {
                let new = NewIdentity {
                    tokens: self.seal_tokens(hash, &refreshed),
                    identity: refreshed.identity,
                    read_at,
                };
                (RefreshResult::Identity(new), None)
            }
            Err(RefreshFailure::Over(error)) => (RefreshResult::Over, Some(error)),
            Err(RefreshFailure::TokenRefused(error)) => {
                self.note_failure(subject, &error);
                let refused = RefreshResult::Refused {
                    at: self.clock.now(),
                    bears: self.ages.refusals(),
                };
                (refused, Some(error))
            }
            Err(RefreshFailure::Failed {
                error,
                refresh_token,
            }) => {
                self.note_failure(subject, &error);
                if let OidcError::Unavailable(Outage::AsksToWait(pause)) = error {
                    live.refresh.pause(self.clock.now(), pause);
                }
                let rotated = refresh_token.and_then(|token| self.seal_refresh_token(hash, &token));
                (RefreshResult::Nothing(rotated), None)
            }
        };
        let written = self.write(hash, lease, &result).await?;
        match (result, written) {
            (RefreshResult::Identity(_), true) => {
                tracing::debug!(event = "groups_refreshed", subject);
                self.counts.count(RefreshOutcome::Refreshed);
                self.read_again(hash).await
            }
            // The lease was lost: the row holds what another refresh learnt.
            (RefreshResult::Identity(_) | RefreshResult::Over, false) => {
                self.read_again(hash).await
            }
            (RefreshResult::Over | RefreshResult::Refused { .. }, true) => {
                if let Some(error) = error {
                    tracing::info!(event = "session_over", subject, reason = error.code(), %error);
                }
                self.counts.count(RefreshOutcome::Ended);
                self.cache.ended(hash);
                Ok(TaskOutcome::Done)
            }
            (RefreshResult::Refused { .. }, false) | (RefreshResult::Nothing(_), _) => {
                Ok(TaskOutcome::Failed)
            }
        }
    }

    /// Writes what only this instance knows, also when the database is away for a while; as
    /// [`crate::store::Store::give_lease_back`].
    async fn write(
        &self,
        hash: &SessionHash,
        lease: &LeaseId,
        result: &RefreshResult,
    ) -> Result<bool, StoreError> {
        let until = Instant::now() + WRITE_TIMEOUT;
        loop {
            match self.store.give_lease_back(hash, lease, result).await {
                Err(StoreError::Unavailable(_)) if Instant::now() < until => {
                    sleep(WRITE_AGAIN).await;
                }
                outcome => return outcome,
            }
        }
    }

    async fn read_again(&self, hash: &SessionHash) -> Result<TaskOutcome, StoreError> {
        self.cache.read_again(hash, self.clock.now()).await?;
        Ok(TaskOutcome::Done)
    }

    fn seal_tokens(&self, hash: &SessionHash, refreshed: &Refreshed) -> SealedTokens {
        let id_token = refreshed.id_token.as_ref();
        let refresh_token = refreshed.refresh_token.as_ref();
        SealedTokens {
            // Without it the older hint stays, which does as well.
            id_token: id_token.and_then(|token| seal_token(&self.seal, ID_TOKEN, hash, token).ok()),
            refresh_token: refresh_token.and_then(|token| self.seal_refresh_token(hash, token)),
        }
    }

    /// None without random numbers, which this machine gave a moment ago.
    fn seal_refresh_token(&self, hash: &SessionHash, token: &SecretString) -> Option<Vec<u8>> {
        seal_token(&self.seal, REFRESH_TOKEN, hash, token).ok()
    }

    fn note_failure(&self, subject: &str, error: &OidcError) {
        tracing::warn!(event = "refresh_failed", subject, reason = error.code(), %error);
        self.counts.count(match error {
            OidcError::Refused(InvalidAnswer::NothingNew) => RefreshOutcome::NoAnswer,
            OidcError::Refused(_) => RefreshOutcome::Refused,
            OidcError::Unavailable(_) | OidcError::Denied(..) => RefreshOutcome::Unavailable,
        });
    }
}
