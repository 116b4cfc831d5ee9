//! Signing in: to the provider and back.
//!
//! [`SignIn::begin`] makes an attempt and the address to go to. At the
//! callback [`SignIn::finish`] opens the attempt, compares the state, checks
//! the issuer that answers (RFC 9207), *spends* the attempt in the database,
//! and only then asks the provider; what comes back becomes a new session.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta, Utc};
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use super::attempt::{self, ATTEMPT_MINUTES, OpenedAttempt, SealedAttempt};
use super::return_to::{ReturnTo, ReturnToRule};
use super::sessions::{SessionSecret, Sessions};
use crate::clock::Clock;
use crate::seal::{Seal, SealError};
use crate::store::sessions::Session;
use crate::store::{Store, StoreError};
use crate::upstream::{CallbackAnswer, Provider, SignedIn, UpstreamError};

/// What an ID token is sealed for.
const ID_TOKEN: &str = "id token of a session";

/// What the way to the provider's sign-out is sealed for.
const SIGN_OUT: &str = "sign-out at the provider";

/// Browsers drop cookies of more than 4096 bytes, name and attributes included.
const SIGN_OUT_MAX_BYTES: usize = 3800;

/// How long sessions may last.
#[derive(Debug, Clone, Copy)]
pub struct SessionLimits {
    /// `BRIDGE_SESSION_MAX_HOURS`
    pub longest: TimeDelta,
    /// `BRIDGE_UNREFRESHED_MAX_MINUTES`: groups are not asked for again during
    /// a session, so it ends when they are this old.
    pub unrefreshed: TimeDelta,
}

/// The story's parts.
pub struct SignIn {
    provider: Arc<Provider>,
    store: Store,
    sessions: Arc<Sessions>,
    seal: Arc<Seal>,
    rule: ReturnToRule,
    limits: SessionLimits,
    clock: Arc<dyn Clock>,
}

/// Why nobody is signed in.
#[derive(Debug, thiserror::Error)]
pub enum LoginError {
    /// No attempt came with the answer: cookies are off, or it is another browser.
    #[error("the attempt's cookie is missing")]
    AttemptMissing,
    /// It is not of this state, too old, or altered.
    #[error("the attempt is foreign or too old")]
    AttemptForeign,
    /// Somebody was here with it before.
    #[error("the attempt was spent before")]
    AttemptSpent,
    /// The provider said no; its words are not repeated.
    #[error("the provider answered with an error")]
    Declined,
    /// The provider, or what it sent.
    #[error(transparent)]
    Upstream(#[from] UpstreamError),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// No random numbers.
    #[error(transparent)]
    Seal(#[from] SealError),
}

impl LoginError {
    /// A stable word for the log.
    pub fn code(&self) -> &'static str {
        match self {
            Self::AttemptMissing => "attempt_missing",
            Self::AttemptForeign => "attempt_foreign",
            Self::AttemptSpent => "attempt_spent",
            Self::Declined => "declined",
            Self::Upstream(error) => error.code(),
            Self::Store(_) => "database",
            Self::Seal(_) => "sealing",
        }
    }
}

/// The provider's answer, as the callback's query has it.
#[derive(Debug)]
pub struct Answer {
    /// `state`
    pub state: String,
    /// `code`, or the provider's error.
    pub outcome: Result<SecretString, ProviderSaidNo>,
    /// `iss` (RFC 9207).
    pub iss: Option<String>,
}

/// The provider's `error`; what it says is for nobody's eyes.
#[derive(Debug, Clone, Copy)]
pub struct ProviderSaidNo;

/// Somebody is signed in.
pub struct Welcome {
    /// The value of the session's cookie.
    pub secret: SessionSecret,
    /// The session's absolute end.
    pub ends_at: DateTime<Utc>,
    /// Where to go.
    pub return_to: ReturnTo,
}

impl SignIn {
    /// Puts the story together.
    pub fn new(
        provider: Arc<Provider>,
        store: Store,
        sessions: Arc<Sessions>,
        seal: Arc<Seal>,
        rule: ReturnToRule,
        limits: SessionLimits,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            provider,
            store,
            sessions,
            seal,
            rule,
            limits,
            clock,
        }
    }

    /// Where a sign-in may come back to.
    pub fn return_to(&self) -> &ReturnToRule {
        &self.rule
    }

    /// The provider's address and the attempt for the browser.
    pub async fn begin(&self, return_to: &ReturnTo) -> Result<(Url, SealedAttempt), LoginError> {
        let (url, attempt) = self.provider.begin().await?;
        let sealed = attempt::seal(&self.seal, &attempt, return_to, self.clock.now())?;
        Ok((url, sealed))
    }

    /// Of these attempts' values, the positions of those that have to go so
    /// that `room` are left: unreadable ones first, then the oldest.
    pub fn surplus_attempts(&self, values: &[&str], room: usize) -> Vec<usize> {
        let mut by_age: Vec<(Option<i64>, usize)> = values
            .iter()
            .enumerate()
            .map(|(at, value)| (attempt::begun_at(&self.seal, value), at))
            .collect();
        by_age.sort_unstable();
        by_age.truncate(values.len().saturating_sub(room));
        by_age.into_iter().map(|(_, at)| at).collect()
    }

    /// From the provider's answer to a session. `earlier` is the session that
    /// the browser had: it ends, whoever it belonged to (CB-12).
    pub async fn finish(
        &self,
        answer: Answer,
        sealed: Option<&str>,
        earlier: Option<&SessionSecret>,
    ) -> Result<Welcome, LoginError> {
        let sealed = sealed.ok_or(LoginError::AttemptMissing)?;
        let attempt = attempt::open(&self.seal, sealed, &answer.state, self.clock.now())
            .ok_or(LoginError::AttemptForeign)?;
        self.provider
            .check_issuer_parameter(answer.iss.as_deref())
            .await?;
        let code = answer
            .outcome
            .map_err(|ProviderSaidNo| LoginError::Declined)?;
        self.spend(&attempt).await?;
        let answer = CallbackAnswer {
            code,
            iss: answer.iss,
        };
        let signed_in = self.provider.finish(&attempt.secrets, &answer).await?;
        let return_to = self.rule.check(&attempt.return_to);
        let return_to = return_to.unwrap_or_else(|_| self.rule.home());
        if let Some(earlier) = earlier {
            self.sessions.end(earlier).await?;
        }
        self.start(signed_in, return_to).await
    }

    async fn spend(&self, attempt: &OpenedAttempt) -> Result<(), LoginError> {
        // A minute more than it lives: two instances' clocks may differ.
        let expires_at = attempt.begun_at + TimeDelta::minutes(ATTEMPT_MINUTES + 2);
        if self.store.spend_attempt(&attempt.id, expires_at).await? {
            Ok(())
        } else {
            Err(LoginError::AttemptSpent)
        }
    }

    async fn start(&self, signed_in: SignedIn, return_to: ReturnTo) -> Result<Welcome, LoginError> {
        let now = self.clock.now();
        let secret = SessionSecret::random()?;
        let ends_at = now + self.limits.longest.min(self.limits.unrefreshed);
        let id_token = signed_in.id_token.expose_secret().as_bytes();
        let session = Session {
            hash: secret.hash(),
            identity: signed_in.identity,
            groups_read_at: now,
            created_at: now,
            last_seen_at: now,
            ends_at,
            provider_sid: signed_in.sid,
            sealed_id_token: Some(self.seal.seal(ID_TOKEN, id_token)?),
        };
        let subject = session.identity.subject.clone();
        self.sessions.start(session).await?;
        tracing::info!(event = "signed_in", %subject);
        Ok(Welcome {
            secret,
            ends_at,
            return_to,
        })
    }

    /// The time, for what a cookie's age is counted from.
    pub fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    /// The address at the provider that signs out there too, sealed for one
    /// page's cookie: it holds the ID token, which no browser has to see twice.
    /// `None` where the provider has none or it would not fit.
    pub fn seal_provider_sign_out(&self, session: &Session) -> Option<String> {
        let sealed = session.sealed_id_token.as_deref()?;
        let id_token = String::from_utf8(self.seal.open(ID_TOKEN, sealed).ok()?).ok()?;
        let state = URL_SAFE_NO_PAD.encode(crate::seal::random::<16>().ok()?);
        let url = self.provider.end_session_url(&id_token, &state)?;
        let sealed = self.seal.seal(SIGN_OUT, url.as_str().as_bytes()).ok()?;
        let value = URL_SAFE_NO_PAD.encode(sealed);
        (value.len() <= SIGN_OUT_MAX_BYTES).then_some(value)
    }

    /// That address again.
    pub fn open_provider_sign_out(&self, value: &str) -> Option<String> {
        let sealed = URL_SAFE_NO_PAD.decode(value).ok()?;
        String::from_utf8(self.seal.open(SIGN_OUT, &sealed).ok()?).ok()
    }
}
