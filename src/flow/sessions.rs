//! Sessions: from the cookie's value to a live session, before and after the check of group
//! freshness; and the ends of sessions that users and administrators request.
//!
//! | who may end a session | which | where the right is checked |
//! |---|---|---|
//! | its user | this browser's, one of the own, or all of them | the cookie: `flow/sign_out.rs`, `flow/people.rs` |
//! | its user, by a new sign-in in the same browser | the one before | `store/sign_in.rs`, in one transaction |
//! | its user, by taking an app's access away | the app's devices | the cookie: `store/grants.rs` |
//! | a client, by revoking its refresh token, or using one twice | that device | the token: `store/grants.rs` |
//! | an administrator | one, all of a person, those of a block, those of a client that is switched off or deleted | the `Admin` of `flow/admin.rs` |
//! | the provider, by a logout token | those that it names | the signature: `flow/back_channel.rs` |
//! | the provider, by refusing a refresh | that session | `flow/refresh` |
//! | time: unused, or its life is over | that session | `store/session_cache.rs`, `store/sweep.rs` |

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta, Utc};
use hmac::{Hmac, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::refresh::{Refresher, Unconfirmed};
use crate::clock::Clock;
use crate::domain::block::BlockDraft;
use crate::domain::client::ClientId;
use crate::domain::identity::Actor;
use crate::domain::session::{SessionHash, SessionKind, SignInOrigin};
use crate::fingerprint::pseudonym;
use crate::random;
use crate::seal::SealError;
use crate::store::blocks::Blocked;
use crate::store::session_cache::{LiveSession, SessionCache};
use crate::store::sessions::{EndedSession, SealedTokens, SessionsToEnd, StoredSession};
use crate::store::snapshot::SnapshotKeeper;
use crate::store::{NotStarted, SessionFor, StoreError};

/// Random bytes of a session's secret, twice the required 128 bits (SE-1).
const SECRET_BYTES: usize = 32;

/// Value of a session's cookie. Only its SHA-256 is stored.
#[derive(Clone)]
pub struct SessionSecret(SecretString);

impl SessionSecret {
    /// A new random secret.
    pub fn random() -> Result<Self, SealError> {
        let text = random::text().map_err(|_| SealError::Sealing)?;
        Ok(Self(text.into()))
    }

    /// A cookie's value; `None` if it does not have the form of a secret.
    pub fn parse(value: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(value).ok()?;
        (bytes.len() == SECRET_BYTES).then(|| Self(value.to_owned().into()))
    }

    /// The value, for the cookie only.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }

    pub(super) fn hash(&self) -> SessionHash {
        Sha256::digest(self.expose().as_bytes()).into()
    }

    /// The CSRF token of this session's forms. It is derived from the cookie's value, so another
    /// session's token does not match, and nothing is stored (CS-3).
    pub fn form_token(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.form_mac().finalize().into_bytes())
    }

    /// Compares in constant time.
    pub fn is_form_token(&self, token: &str) -> bool {
        self.form_token().as_bytes().ct_eq(token.as_bytes()).into()
    }

    #[expect(
        clippy::expect_used,
        reason = "HMAC takes a key of any length (RFC 2104 §2)"
    )]
    fn form_mac(&self) -> Hmac<Sha256> {
        <Hmac<Sha256> as Mac>::new_from_slice(self.expose().as_bytes())
            .expect("HMAC takes a key of any length")
            .chain_update(b"red5-bridge form token")
    }
}

/// Why a session could not be loaded.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// Notices may be missing, so the session may have ended on another instance.
    #[error("the sessions in memory are not known to be fresh")]
    Stale,
    /// An administrator blocked the person. A block that was inserted by SQL ends no sessions, so
    /// one may exist.
    #[error("the person is blocked")]
    Blocked,
    /// The session is valid, but its groups are too old to decide with.
    #[error("the groups are too old, and the provider cannot be asked for them")]
    Unconfirmed,
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The sessions of this instance.
pub struct Sessions {
    cache: Arc<SessionCache>,
    refresher: Arc<Refresher>,
    snapshots: Arc<SnapshotKeeper>,
    clock: Arc<dyn Clock>,
}

impl Sessions {
    /// `refresher` keeps the groups fresh; `snapshots` contains the blocks.
    pub fn new(
        cache: Arc<SessionCache>,
        refresher: Arc<Refresher>,
        snapshots: Arc<SnapshotKeeper>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            cache,
            refresher,
            snapshots,
            clock,
        }
    }

    /// The live session of a cookie, if its user is not blocked; the age of its groups is not
    /// checked. An error if the data in memory is older than the staleness bound.
    pub async fn authenticate(
        &self,
        secret: &SessionSecret,
    ) -> Result<Option<Arc<LiveSession>>, SessionError> {
        let live = self.of_hash(&secret.hash()).await?;
        Ok(live.filter(|live| live.session.kind == SessionKind::Browser))
    }

    /// The same of the session behind a client's code or refresh token, which may be a device's.
    pub(super) async fn of_hash(
        &self,
        hash: &SessionHash,
    ) -> Result<Option<Arc<LiveSession>>, SessionError> {
        if self.snapshots.current().is_err() {
            return Err(SessionError::Stale);
        }
        let now = self.clock.now();
        let Some(live) = self.cache.find(hash, now).await? else {
            return Ok(None);
        };
        let snapshot = self.snapshots.current().map_err(|_| SessionError::Stale)?;
        let identity = &live.session.identity;
        if snapshot
            .blocks
            .include(&identity.issuer, &identity.subject, now)
        {
            let subject = &*pseudonym(&identity.subject);
            tracing::info!(event = "blocked", at = "session", subject);
            return Err(SessionError::Blocked);
        }
        Ok(Some(live))
    }

    /// The session with groups that are fresh enough; `None` if the session is over.
    pub async fn confirm_groups(
        &self,
        live: Arc<LiveSession>,
    ) -> Result<Option<Arc<LiveSession>>, SessionError> {
        self.refresher
            .confirm(live)
            .await
            .map_err(|error| match error {
                Unconfirmed::Provider => SessionError::Unconfirmed,
                Unconfirmed::Store(error) => error.into(),
            })
    }

    /// Starts a session, and ends the browser's earlier one or approves the device, in one transaction.
    pub(super) async fn start(
        &self,
        session: StoredSession,
        tokens: &SealedTokens,
        origin: &SignInOrigin,
        what: SessionFor<'_>,
    ) -> Result<(), NotStarted> {
        let mut ended = self.cache.start(session, tokens, origin, what).await?;
        self.refresher.revoke(ended.as_mut_slice());
        Ok(())
    }

    /// Lets the session stand behind the tokens that a client gets for a subject token, until that token ends. False: the
    /// client was switched off or deleted meanwhile.
    pub(super) async fn put_subject_token(
        &self,
        session: StoredSession,
        client: &ClientId,
    ) -> Result<bool, StoreError> {
        self.cache.put_subject_token(session, client).await
    }

    /// Ends sessions on every instance; with a person's last session, revokes its refresh token.
    /// Returns those that still existed.
    pub(super) async fn end(
        &self,
        which: SessionsToEnd<'_>,
    ) -> Result<Vec<EndedSession>, StoreError> {
        let mut ended = self.cache.end(which, self.clock.now()).await?;
        self.refresher.revoke(&mut ended);
        Ok(ended)
    }

    /// Blocks a person, ends all their sessions and revokes the refresh token.
    pub(super) async fn block(
        &self,
        draft: &BlockDraft,
        actor: &Actor,
    ) -> Result<Blocked, StoreError> {
        let mut blocked = self.cache.block(draft, actor, self.clock.now()).await?;
        self.refresher.revoke(&mut blocked.ended);
        Ok(blocked)
    }

    /// The time without a request after which a session ends.
    pub(super) fn idle(&self) -> TimeDelta {
        self.cache.idle()
    }

    /// When the session ends if it is not used again.
    pub fn idle_ends_at(&self, live: &LiveSession) -> DateTime<Utc> {
        live.idle_ends_at(self.cache.idle())
    }
}
