//! Sign-in: to the provider and back.
//!
//! [`SignIn::begin`] creates an attempt and the provider's authorization URL. At the callback,
//! [`SignIn::finish`] opens the attempt, compares the state, checks the issuer of the answer (RFC
//! 9207) and *spends* the attempt in the database. Only then it redeems the code at the provider
//! and creates the session.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use secrecy::SecretString;
use strum::{IntoStaticStr, VariantNames};
use url::Url;

use super::attempt::{self, ATTEMPT_MINUTES, Approval, AttemptError, OpenedAttempt, SealedAttempt};
use super::return_to::{NotOurs, ReturnTo, ReturnToRule};
use super::sessions::{SessionSecret, Sessions};
use super::tokens::{ID_TOKEN, REFRESH_TOKEN, seal_token};
use crate::clock::Clock;
use crate::domain::client::ClientId;
use crate::domain::device::UserCode;
use crate::domain::session::{SessionHash, SessionKind, SignInOrigin};
use crate::fingerprint::pseudonym;
use crate::metrics::{Counts, DeviceOutcome, SignInOutcome};
use crate::oidc::{CallbackAnswer, Provider, SignedIn};
// Errors of the provider that have pages of their own. `web` must not import `oidc`.
pub use crate::oidc::{InvalidAnswer, OidcError, Outage, SignInPrompt, TokenFlaw};
use crate::random;
use crate::seal::{Seal, SealError};
use crate::store::session_cache::LiveSession;
use crate::store::sessions::{SealedTokens, StoredSession};
use crate::store::snapshot::SnapshotKeeper;
use crate::store::{NotStarted, SessionFor, Store, StoreError};

/// Maximum lifetimes of sessions.
#[derive(Debug, Clone, Copy)]
pub struct SessionLimits {
    /// `BRIDGE_SESSION_MAX_HOURS`.
    pub longest: TimeDelta,
    /// `BRIDGE_UNREFRESHED_MAX_MINUTES`: the age of the groups at which a session without a refresh
    /// token ends.
    pub unrefreshed: TimeDelta,
}

/// Absolute end of a device's session; it ends much sooner if it is not used.
const DEVICE_LONGEST: TimeDelta = TimeDelta::days(3650);

/// The use case, with the parts that it needs.
pub struct SignIn {
    pub(crate) provider: Arc<Provider>,
    pub(crate) store: Store,
    pub(crate) sessions: Arc<Sessions>,
    pub(crate) snapshots: Arc<SnapshotKeeper>,
    pub(crate) seal: Arc<Seal>,
    pub(crate) rule: ReturnToRule,
    pub(crate) limits: SessionLimits,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) counts: Counts<SignInOutcome>,
    pub(crate) devices: Counts<DeviceOutcome>,
}

/// The provider's answer, from the callback's query.
#[derive(Debug)]
pub struct CallbackQuery {
    /// `state`
    pub state: String,
    /// `code`, or the provider's `error`.
    pub outcome: Result<SecretString, ProviderError>,
    /// `iss` (RFC 9207).
    pub iss: Option<String>,
}

/// A sign-in that failed.
#[derive(Debug)]
pub struct SignInFailed {
    /// The reason.
    pub error: LoginError,
    /// Where a new attempt returns to: the address of this one, if it is known and still allowed.
    pub return_to: ReturnTo,
}

/// A sign-in that succeeded.
pub enum NewSession {
    /// A browser has a new session.
    Browser {
        /// Value of the session's cookie.
        secret: SessionSecret,
        /// The session's absolute end.
        ends_at: DateTime<Utc>,
        /// The page to redirect to.
        return_to: ReturnTo,
    },
    /// A device was approved; the browser's session is as before.
    Device,
}

impl SignIn {
    /// Checks a return address: ours, of an allowed origin, or of an enabled client.
    pub fn return_to(&self, text: &str) -> Result<ReturnTo, NotOurs> {
        let snapshot = self.snapshots.current();
        let of_client = |origin: &str| {
            snapshot
                .as_ref()
                .is_ok_and(|snapshot| snapshot.clients.have_origin(origin))
        };
        self.rule.check(text, of_client)
    }

    /// The portal.
    pub fn home(&self) -> ReturnTo {
        self.rule.home()
    }

    /// The authorization URL and the attempt for the browser.
    pub async fn begin(
        &self,
        return_to: &ReturnTo,
        how: &SignInPrompt,
    ) -> Result<(Url, SealedAttempt), LoginError> {
        let begun = self.attempt(return_to, how, None).await;
        begun.inspect_err(|error| self.counts.count(error.outcome()))
    }

    /// The same for the approval of a device by the person of this session. The device gets a sign-in of its own, because two
    /// sessions with one refresh token would end each other at a provider that rotates it.
    pub async fn begin_approval(
        &self,
        (code, client): (&UserCode, &ClientId),
        live: &LiveSession,
    ) -> Result<(Url, SealedAttempt), LoginError> {
        let identity = &live.session.identity;
        let approval = Approval {
            user_code: code.letters().to_owned(),
            client: client.to_string(),
            issuer: identity.issuer.clone(),
            subject: identity.subject.clone(),
        };
        let how = SignInPrompt::default();
        let begun = self.attempt(&self.home(), &how, Some(approval)).await;
        begun.inspect_err(|error| self.counts.count(error.outcome()))
    }

    async fn attempt(
        &self,
        return_to: &ReturnTo,
        how: &SignInPrompt,
        approval: Option<Approval>,
    ) -> Result<(Url, SealedAttempt), LoginError> {
        let now = self.clock.now();
        let mark = attempt::mark(&self.seal, return_to, now)?;
        let (url, attempt) = self.provider.begin(&mark, how).await?;
        let sealed = attempt::seal(&self.seal, &attempt, (return_to, approval), now)?;
        Ok((url, sealed))
    }

    /// The positions in `values` of the attempts to remove so that at most `room` are left, with at most `bytes` in all:
    /// unreadable ones first, then the oldest.
    pub fn surplus_attempts(&self, values: &[&str], room: usize, bytes: usize) -> Vec<usize> {
        let mut by_age: Vec<(Option<i64>, usize)> = values
            .iter()
            .enumerate()
            .map(|(at, value)| (attempt::begun_at(&self.seal, value), at))
            .collect();
        by_age.sort_unstable();
        let mut left = values.len();
        let mut bytes_left: usize = values.iter().map(|value| value.len()).sum();
        let surplus = by_age.into_iter().map(|(_, at)| at).take_while(|at| {
            let is_surplus = left > room || bytes_left > bytes;
            left -= 1;
            bytes_left -= values[*at].len();
            is_surplus
        });
        surplus.collect()
    }

    /// Finishes the sign-in and creates a session. `earlier`, the browser's earlier session, ends,
    /// whichever user it belongs to (CB-12).
    pub async fn finish(
        &self,
        answer: CallbackQuery,
        sealed: Option<&str>,
        earlier: Option<&SessionSecret>,
        origin: &SignInOrigin,
    ) -> Result<NewSession, SignInFailed> {
        let outcome = self.come_back(answer, sealed, earlier, origin).await;
        self.counts.count(match &outcome {
            Ok(_) => SignInOutcome::SignedIn,
            Err(failed) => failed.error.outcome(),
        });
        outcome
    }

    async fn come_back(
        &self,
        answer: CallbackQuery,
        sealed: Option<&str>,
        earlier: Option<&SessionSecret>,
        origin: &SignInOrigin,
    ) -> Result<NewSession, SignInFailed> {
        let attempt = self.open(&answer.state, sealed)?;
        let return_to = self.wanted(Some(&attempt.return_to));
        let outcome = self
            .verify(answer, &attempt, earlier, origin, return_to.clone())
            .await;
        outcome.map_err(|error| SignInFailed { error, return_to })
    }

    fn open(&self, state: &str, sealed: Option<&str>) -> Result<OpenedAttempt, SignInFailed> {
        let now = self.clock.now();
        let (error, return_to) = match sealed {
            Some(sealed) => match attempt::open(&self.seal, sealed, state, now) {
                Ok(attempt) => return Ok(attempt),
                Err(AttemptError::Foreign) => (LoginError::AttemptForeign, None),
                Err(AttemptError::Expired { return_to }) => {
                    (LoginError::AttemptExpired, Some(return_to))
                }
            },
            // The browser removes the cookie after ten minutes; the state shows whether that is the
            // reason.
            None => match attempt::marked(&self.seal, state) {
                None => (LoginError::StateForeign, None),
                Some(mark) if mark.is_young(now) => (LoginError::CookieMissing, mark.return_to),
                Some(mark) => (LoginError::AttemptExpired, mark.return_to),
            },
        };
        let return_to = self.wanted(return_to.as_deref());
        Err(SignInFailed { error, return_to })
    }

    /// Checks the address again: the rule may have changed since the sign-in began (LR-6).
    fn wanted(&self, return_to: Option<&str>) -> ReturnTo {
        let checked = return_to.and_then(|address| self.return_to(address).ok());
        checked.unwrap_or_else(|| self.rule.home())
    }

    async fn verify(
        &self,
        answer: CallbackQuery,
        attempt: &OpenedAttempt,
        earlier: Option<&SessionSecret>,
        origin: &SignInOrigin,
        return_to: ReturnTo,
    ) -> Result<NewSession, LoginError> {
        self.provider
            .check_issuer_parameter(answer.iss.as_deref())
            .await?;
        let code = answer.outcome.map_err(LoginError::Provider)?;
        self.spend(attempt).await?;
        let answer = CallbackAnswer {
            code,
            iss: answer.iss,
        };
        let asked_at = self.clock.now();
        let signed_in = self.provider.finish(&attempt.secrets, &answer).await?;
        if let Some(approval) = &attempt.approval {
            self.approve(signed_in, attempt, approval, asked_at, origin)
                .await?;
            return Ok(NewSession::Device);
        }
        let earlier = earlier.map(SessionSecret::hash);
        let what = SessionFor::Browser { earlier };
        let secret = SessionSecret::random()?;
        let started = self.start(signed_in, secret.hash(), attempt, asked_at, (origin, what));
        let ends_at = started.await?;
        Ok(NewSession::Browser {
            secret,
            ends_at,
            return_to,
        })
    }

    /// Starts the session of a device. Only the person who approved it completes the approval.
    async fn approve(
        &self,
        signed_in: SignedIn,
        attempt: &OpenedAttempt,
        approval: &Approval,
        groups_read_at: DateTime<Utc>,
        origin: &SignInOrigin,
    ) -> Result<(), LoginError> {
        let identity = &signed_in.identity;
        if (&approval.issuer, &approval.subject) != (&identity.issuer, &identity.subject) {
            return Err(LoginError::OtherPerson);
        }
        let code = UserCode::parse(&approval.user_code).ok_or(LoginError::AttemptForeign)?;
        // Random and kept nowhere else, so that no cookie leads to it.
        let hash = random::bytes().map_err(|_| SealError::Sealing)?;
        let what = SessionFor::Device(&code);
        let started = self.start(signed_in, hash, attempt, groups_read_at, (origin, what));
        started.await.map(drop)
    }

    async fn spend(&self, attempt: &OpenedAttempt) -> Result<(), LoginError> {
        // Kept longer than the attempt is valid, because clocks of instances differ.
        let expires_at = attempt.begun_at + TimeDelta::minutes(ATTEMPT_MINUTES + 2);
        if self.store.spend_attempt(&attempt.id, expires_at).await? {
            Ok(())
        } else {
            Err(LoginError::AttemptSpent)
        }
    }

    /// The new session's absolute end. If the sign-in is refused, the earlier session stays.
    async fn start(
        &self,
        signed_in: SignedIn,
        hash: SessionHash,
        attempt: &OpenedAttempt,
        groups_read_at: DateTime<Utc>,
        (origin, what): (&SignInOrigin, SessionFor<'_>),
    ) -> Result<DateTime<Utc>, LoginError> {
        let now = self.clock.now();
        let refresh_token = signed_in.refresh_token.as_ref();
        let refreshable = refresh_token.is_some();
        let (kind, longest) = match what {
            SessionFor::Browser { .. } => (SessionKind::Browser, self.limits.longest),
            SessionFor::Device(_) => (SessionKind::Device, DEVICE_LONGEST),
        };
        let ends_at = now
            + if refreshable {
                longest
            } else {
                longest.min(self.limits.unrefreshed)
            };
        let tokens = SealedTokens {
            id_token: Some(seal_token(
                &self.seal,
                ID_TOKEN,
                &hash,
                &signed_in.id_token,
            )?),
            refresh_token: refresh_token
                .map(|token| seal_token(&self.seal, REFRESH_TOKEN, &hash, token))
                .transpose()?,
        };
        let session = StoredSession {
            hash,
            kind,
            identity: signed_in.identity,
            groups_read_at,
            created_at: now,
            last_seen_at: now,
            ends_at,
            provider_sid: signed_in.sid,
            provider_issued_at: Some(signed_in.issued_at),
            begun_at: Some(attempt.begun_at),
            nonce_hash: Some(attempt.secrets.nonce_hash()),
            refreshable,
            identity_version: 1,
        };
        let subject = session.identity.subject.clone();
        let started = self.sessions.start(session, &tokens, origin, what).await;
        if matches!(started, Err(NotStarted::Blocked)) {
            tracing::info!(
                event = "blocked",
                at = "sign_in",
                subject = &*pseudonym(&subject)
            );
        }
        started?;
        let subject = &*pseudonym(&subject);
        if let Some(approval) = &attempt.approval {
            self.devices.count(DeviceOutcome::Approved);
            let client = &*approval.client;
            tracing::info!(event = "device_approved", client, subject);
        } else {
            tracing::info!(event = "signed_in", subject);
        }
        Ok(ends_at)
    }

    /// The current time, from which the age of cookies is counted.
    pub fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }
}

/// Why a sign-in failed. The variant's name is the reason in the log.
#[derive(Debug, thiserror::Error, IntoStaticStr, VariantNames)]
#[strum(serialize_all = "snake_case")]
pub enum LoginError {
    /// The attempt's cookie is missing although it should exist: cookies are disabled, or this is
    /// another browser.
    #[error("the attempt's cookie is missing")]
    CookieMissing,
    /// The cookie is missing, and this bridge did not create the state.
    #[error("the state is none of this bridge's")]
    StateForeign,
    /// The attempt was altered or belongs to another state.
    #[error("the attempt is foreign")]
    AttemptForeign,
    /// The attempt began more than ten minutes ago.
    #[error("the attempt is too old")]
    AttemptExpired,
    /// The attempt was already used.
    #[error("the attempt was spent before")]
    AttemptSpent,
    /// The provider answered with an error; its text is not repeated.
    #[error("the provider answered with an error")]
    Provider(ProviderError),
    /// The provider is unavailable, or its answer is invalid.
    #[error(transparent)]
    Oidc(#[from] OidcError),
    /// The database failed.
    #[error(transparent)]
    #[strum(serialize = "database")]
    Store(#[from] StoreError),
    /// An administrator blocked the person.
    #[error("the person is blocked")]
    Blocked,
    /// The provider ended the session while the sign-in was under way.
    #[error("the provider ended this sign-in meanwhile")]
    LoggedOut,
    /// A device was approved by one person, and another signed in for it.
    #[error("another person signed in than the one who approved the device")]
    OtherPerson,
    /// The device's request has expired, or was decided meanwhile.
    #[error("the device's request is over")]
    DeviceGone,
    /// The system gave no random numbers.
    #[error(transparent)]
    #[strum(serialize = "sealing")]
    Seal(#[from] SealError),
}

impl From<NotStarted> for LoginError {
    fn from(error: NotStarted) -> Self {
        match error {
            NotStarted::Blocked => Self::Blocked,
            NotStarted::LoggedOut => Self::LoggedOut,
            NotStarted::DeviceGone => Self::DeviceGone,
            NotStarted::Store(error) => Self::Store(error),
        }
    }
}

impl LoginError {
    /// The reason for the log; more exact than the code on the page.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Provider(error) => error.code,
            Self::Oidc(error) => error.code(),
            own => own.into(),
        }
    }

    const fn outcome(&self) -> SignInOutcome {
        match self {
            Self::CookieMissing
            | Self::StateForeign
            | Self::AttemptForeign
            | Self::AttemptExpired
            | Self::AttemptSpent
            | Self::OtherPerson
            | Self::DeviceGone => SignInOutcome::Attempt,
            Self::Provider(_) => SignInOutcome::ProviderError,
            Self::Oidc(OidcError::Denied(..)) => SignInOutcome::Denied,
            Self::Oidc(OidcError::Unavailable(_)) => SignInOutcome::ProviderUnavailable,
            Self::Oidc(OidcError::Refused(_)) => SignInOutcome::AnswerRefused,
            Self::Blocked => SignInOutcome::Blocked,
            Self::LoggedOut => SignInOutcome::LoggedOut,
            Self::Store(_) => SignInOutcome::DatabaseUnavailable,
            Self::Seal(_) => SignInOutcome::Internal,
        }
    }

    /// Whether the operator or the provider has to act, rather than the user.
    pub fn is_for_operator(&self) -> bool {
        matches!(self, Self::Oidc(_) | Self::Store(_) | Self::Seal(_))
    }

    /// Whether the person, or a rule of the provider, declined the sign-in.
    pub fn is_declined(&self) -> bool {
        matches!(self, Self::Provider(error) if error.kind == ProviderErrorKind::Declined)
    }

    /// Whether the attempt cannot be repeated; a user who is signed in then has nothing to repeat.
    pub fn is_over(&self) -> bool {
        matches!(
            self,
            Self::CookieMissing | Self::AttemptSpent | Self::AttemptExpired
        )
    }
}

/// The provider's error instead of a code (RFC 6749 §4.1.2.1, OpenID Connect Core §3.1.2.6). Its
/// `error_description` is not read: anyone can put text there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProviderError {
    /// Meaning for the person.
    pub kind: ProviderErrorKind,
    /// Stable code for the log and for administrators.
    pub code: &'static str,
}

/// What kind of action the error requires.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProviderErrorKind {
    /// The person, or a rule of the provider, denied access.
    Declined,
    /// The person has to complete a step at the provider.
    Unfinished,
    /// The provider is temporarily unavailable.
    Busy,
    /// The provider has an internal error.
    Broken,
    /// The provider rejects this bridge's request: the operator must act.
    Settings,
    /// An error code that no specification defines.
    Unknown,
}

impl ProviderError {
    /// Classifies the value of the `error` parameter.
    pub fn parse(error: &str) -> Self {
        use ProviderErrorKind::{Broken, Busy, Declined, Settings, Unfinished, Unknown};
        let (kind, code) = match error {
            "access_denied" => (Declined, "provider_access_denied"),
            "login_required" => (Unfinished, "provider_login_required"),
            "consent_required" => (Unfinished, "provider_consent_required"),
            "interaction_required" => (Unfinished, "provider_interaction_required"),
            "account_selection_required" => (Unfinished, "provider_account_selection_required"),
            "temporarily_unavailable" => (Busy, "provider_temporarily_unavailable"),
            "server_error" => (Broken, "provider_server_error"),
            "invalid_request" => (Settings, "provider_invalid_request"),
            "invalid_scope" => (Settings, "provider_invalid_scope"),
            "unauthorized_client" => (Settings, "provider_unauthorized_client"),
            "unsupported_response_type" => (Settings, "provider_unsupported_response_type"),
            _ => (Unknown, "provider_error"),
        };
        Self { kind, code }
    }
}
