//! One refresh, from taking the lease to writing the row.

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

/// Maximum number of concurrent refreshes for which requests wait; after a long outage, every
/// session needs one.
pub(super) const MAX_BLOCKING_REFRESHES: usize = 32;

/// Longest wait of a request for a refresh.
pub(super) const REFRESH_TIMEOUT: Duration = Duration::from_secs(10);

/// Duration of the lease. Longer than everything that one refresh may do: all its calls together
/// take at most half a minute, and then [`WRITE_TIMEOUT`].
const LEASE: Duration = Duration::from_secs(90);

/// First interval at which another instance's lease is checked again.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// Longest such interval.
const LOOK_AGAIN_MAX: Duration = Duration::from_secs(1);

/// How long the provider's answer is kept while the database cannot be written: losing a rotated
/// refresh token ends the session.
const WRITE_TIMEOUT: Duration = Duration::from_secs(40);

/// Pause between two attempts to write.
const WRITE_AGAIN: Duration = Duration::from_millis(200);

/// Permit of one background refresh.
pub(super) type BackgroundPermit = OwnedSemaphorePermit;

/// How a refresh ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TaskOutcome {
    /// The result is in the row or in the session's marks in memory, or another instance is
    /// refreshing the session.
    Done,
    /// The provider or the database failed; the session is unchanged.
    Failed,
}

impl Refresher {
    /// With a permit the refresh runs in the background. Without one a request waits for it, so the
    /// refresh also waits, for a free place and for other instances.
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
        // Taken only now: a refresh that waits for another instance's lease must not occupy a
        // place.
        match timeout(REFRESH_TIMEOUT, self.blocking.acquire()).await {
            Ok(_place) => self.ask(live, &lease, &sealed).await,
            Err(_late) => {
                self.write(hash, &lease, &RefreshResult::Nothing(None))
                    .await?;
                Ok(TaskOutcome::Failed)
            }
        }
    }

    /// If a request waits, this waits for another instance's lease too, and takes it over when it
    /// expires. If the database's answer is lost, the lease may have been taken, so the same id is
    /// used again.
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
                    limits: self.ages.refusals(),
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
            // The lease was lost; the row contains the result of another refresh.
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

    /// Writes what only this instance knows; retries while the database is unavailable. Returns
    /// what [`crate::store::Store::give_lease_back`] does.
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
            // If it cannot be sealed, the older hint stays, which is sufficient.
            id_token: id_token.and_then(|token| seal_token(&self.seal, ID_TOKEN, hash, token).ok()),
            refresh_token: refresh_token.and_then(|token| self.seal_refresh_token(hash, token)),
        }
    }

    /// `None` only if the system gives no random numbers.
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
