//! One refresh, from the lease to the row.

use std::time::Duration;

use secrecy::SecretString;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, sleep, timeout};

use super::{Inner, PATIENCE, REFRESH_TOKEN, seal_refresh_token};
use crate::fingerprint::pseudonym;
use crate::metrics::RefreshOutcome;
use crate::oidc::{InvalidAnswer, OidcError, Outage, RefreshFailure, Refreshed};
use crate::random;
use crate::store::StoreError;
use crate::store::live::LiveSession;
use crate::store::refreshes::{Lease, LeaseId, NewIdentity};
use crate::store::sessions::{SealedTokens, SessionHash};

/// How long the lease keeps other refreshes away. Longer than all that one refresh may do: all its
/// calls together take half a minute at most, and then [`KEEP_TRYING`].
const LEASE: Duration = Duration::from_secs(90);

/// How often a lease that another instance has is looked at again.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// The same after some tries.
const LOOK_AGAIN_MAX: Duration = Duration::from_secs(1);

/// How long what the provider said is kept for a database that cannot be written: a
/// rotated refresh token that is lost costs the session.
const KEEP_TRYING: Duration = Duration::from_secs(40);

/// Between two tries to write.
const WRITE_AGAIN: Duration = Duration::from_millis(200);

/// A place among the refreshes beside the requests.
pub(super) type Place = OwnedSemaphorePermit;

/// How a refresh ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Landing {
    /// The row is newer now, by this refresh or by another.
    Refreshed,
    /// Another instance asks.
    Elsewhere,
    /// The refresh token was sealed with a key that is gone.
    Sealed,
    /// The provider or the database failed; the session is as it was.
    Failed,
    /// The session is over.
    Over,
}

/// What the provider's answer means for the row.
enum News {
    Identity(NewIdentity),
    Over,
    /// The refresh token is refused.
    Refused,
    /// Nothing but the refresh token that takes the place of the one that was spent.
    Nothing(Option<Vec<u8>>),
}

impl Inner {
    pub(super) async fn fly(&self, live: &LiveSession, place: Option<Place>) -> Landing {
        let outcome = self.refresh(live, place.is_none()).await;
        outcome.unwrap_or_else(|error| {
            tracing::warn!(event = "refresh_failed", reason = "database", %error);
            self.counts.count(RefreshOutcome::Unavailable);
            Landing::Failed
        })
    }

    /// `awaited`: a request waits for it, so it waits too, for a permit and for other instances.
    async fn refresh(&self, live: &LiveSession, awaited: bool) -> Result<Landing, StoreError> {
        let Ok(lease) = random::bytes() else {
            return Ok(Landing::Failed);
        };
        let sealed = match self.take_lease(live, &lease, awaited).await? {
            Lease::Taken(sealed) => sealed,
            Lease::Elsewhere => {
                self.counts.count(RefreshOutcome::LeaseElsewhere);
                return Ok(Landing::Elsewhere);
            }
            Lease::Newer => {
                self.counts.count(RefreshOutcome::LeaseElsewhere);
                return self.read_again(live).await;
            }
            Lease::Over => {
                self.live.ended(&live.session.hash);
                return Ok(Landing::Over);
            }
        };
        if !awaited {
            return self.ask(live, &lease, &sealed).await;
        }
        // Only now: who waits for another instance's lease takes no place.
        match timeout(PATIENCE, self.awaited.acquire()).await {
            Ok(_place) => self.ask(live, &lease, &sealed).await,
            Err(_late) => {
                let hash = &live.session.hash;
                self.write(hash, &lease, &News::Nothing(None)).await?;
                Ok(Landing::Failed)
            }
        }
    }

    /// Whoever waits waits for another instance too, and goes on in its place when it
    /// is gone. An answer of the database that is lost may have been "taken": the same
    /// id is asked for again.
    async fn take_lease(
        &self,
        live: &LiveSession,
        lease: &LeaseId,
        awaited: bool,
    ) -> Result<Lease, StoreError> {
        let session = &live.session;
        let until = Instant::now() + LEASE + PATIENCE;
        let mut pause = LOOK_AGAIN;
        loop {
            let version = session.identity_version;
            let asked = self.store.take_lease(&session.hash, version, lease, LEASE);
            match asked.await {
                Ok(Lease::Elsewhere) | Err(StoreError::Unavailable(_))
                    if awaited && Instant::now() < until =>
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
    ) -> Result<Landing, StoreError> {
        let session = &live.session;
        let subject = &*pseudonym(&session.identity.subject);
        let Some(refresh_token) = self.open(sealed) else {
            tracing::error!(
                event = "refresh_failed",
                subject,
                reason = "sealed_with_another_key",
                "a refresh token cannot be opened with BRIDGE_SECRET_KEYS: the key that sealed it is not there"
            );
            self.counts.count(RefreshOutcome::Sealed);
            self.store
                .give_lease_back(&session.hash, lease, None)
                .await?;
            return Ok(Landing::Sealed);
        };
        let read_at = self.clock.now();
        let nonce_hash = session.nonce_hash.as_ref();
        let answer = self
            .provider
            .refresh(&session.identity, &refresh_token, nonce_hash);
        let mut reason = "";
        let (news, landing) = match answer.await {
            Ok(refreshed) => {
                let tokens = self.seal(&refreshed);
                let identity = refreshed.identity;
                let new = NewIdentity {
                    identity,
                    read_at,
                    tokens,
                };
                (News::Identity(new), Landing::Refreshed)
            }
            Err(RefreshFailure::Over(error)) => {
                tracing::info!(event = "session_over", subject, reason = error.code(), %error);
                (News::Over, Landing::Over)
            }
            Err(RefreshFailure::TokenRefused(error)) => {
                tracing::warn!(event = "refresh_failed", subject, reason = error.code(), %error);
                self.counts.count(counted(&error));
                reason = error.code();
                (News::Refused, Landing::Failed)
            }
            Err(RefreshFailure::Failed {
                error,
                refresh_token,
            }) => {
                tracing::warn!(event = "refresh_failed", subject, reason = error.code(), %error);
                self.counts.count(counted(&error));
                if let OidcError::Unavailable(Outage::AsksToWait(pause)) = error {
                    live.refresh.pause(self.clock.now(), pause);
                }
                let rotated = refresh_token.and_then(|token| self.seal_refresh_token(&token));
                (News::Nothing(rotated), Landing::Failed)
            }
        };
        let written = self.write(&session.hash, lease, &news).await?;
        match landing {
            Landing::Over if written => {
                self.counts.count(RefreshOutcome::Ended);
                self.live.ended(&session.hash);
                Ok(Landing::Over)
            }
            Landing::Failed if written && matches!(news, News::Refused) => {
                tracing::info!(event = "session_over", subject, reason);
                self.counts.count(RefreshOutcome::Ended);
                self.live.ended(&session.hash);
                Ok(Landing::Over)
            }
            Landing::Failed => Ok(Landing::Failed),
            landing => {
                if written && landing == Landing::Refreshed {
                    tracing::debug!(event = "groups_refreshed", subject);
                    self.counts.count(RefreshOutcome::Refreshed);
                }
                // Where the lease was lost, the row holds what another refresh learnt.
                self.read_again(live).await
            }
        }
    }

    /// Writes what only this instance knows, and says whether that was to be written, or, of a
    /// refusal, whether it ended the session. Also when the database is away for a while.
    async fn write(
        &self,
        hash: &SessionHash,
        lease: &LeaseId,
        news: &News,
    ) -> Result<bool, StoreError> {
        let until = Instant::now() + KEEP_TRYING;
        loop {
            let outcome = match news {
                News::Identity(new) => self.store.write_refreshed(hash, lease, new).await,
                News::Over => self.store.end_with_lease(hash, lease).await,
                News::Refused => {
                    let (now, bears) = (self.clock.now(), self.ages.refusals());
                    self.store.refuse_refresh(hash, lease, now, &bears).await
                }
                News::Nothing(rotated) => {
                    let rotated = rotated.as_deref();
                    self.store.give_lease_back(hash, lease, rotated).await
                }
            };
            match outcome {
                Err(StoreError::Unavailable(_)) if Instant::now() < until => {
                    sleep(WRITE_AGAIN).await;
                }
                outcome => return outcome,
            }
        }
    }

    async fn read_again(&self, live: &LiveSession) -> Result<Landing, StoreError> {
        let found = self
            .live
            .read_again(&live.session.hash, self.clock.now())
            .await?;
        Ok(found.map_or(Landing::Over, |_| Landing::Refreshed))
    }

    pub(super) fn open(&self, sealed: &[u8]) -> Option<SecretString> {
        let bytes = self.seal.open(REFRESH_TOKEN, sealed).ok()?;
        String::from_utf8(bytes).ok().map(SecretString::from)
    }

    fn seal(&self, refreshed: &Refreshed) -> SealedTokens {
        let id_token = refreshed.id_token.as_ref();
        let id_token =
            id_token.map(|token| super::super::sign_out::seal_id_token(&self.seal, token));
        SealedTokens {
            // Without it the older hint stays, which does as well.
            id_token: id_token.and_then(Result::ok),
            refresh_token: refreshed
                .refresh_token
                .as_ref()
                .and_then(|token| self.seal_refresh_token(token)),
        }
    }

    /// None without random numbers, which this machine gave a moment ago.
    fn seal_refresh_token(&self, token: &SecretString) -> Option<Vec<u8>> {
        seal_refresh_token(&self.seal, token).ok()
    }
}

fn counted(error: &OidcError) -> RefreshOutcome {
    match error {
        OidcError::Refused(InvalidAnswer::NothingNew) => RefreshOutcome::NoAnswer,
        OidcError::Refused(_) => RefreshOutcome::Refused,
        OidcError::Unavailable(_) | OidcError::Denied(..) => RefreshOutcome::Unavailable,
    }
}
