//! The reasons why a sign-in fails.

use crate::metrics::SignInOutcome;
use crate::oidc::{InvalidAnswer, OidcError, Outage, TokenFlaw};
use crate::seal::SealError;
use crate::store::NotStarted;
use crate::store::StoreError;

/// Why the sign-in failed.
#[derive(Debug, thiserror::Error)]
pub enum LoginError {
    /// No attempt came with the answer, and it should have: cookies are off, or
    /// it is another browser.
    #[error("the attempt's cookie is missing")]
    CookieMissing,
    /// No attempt came, and the state is not one of ours.
    #[error("the state is none of this bridge's")]
    StateForeign,
    /// The attempt that came is not of this state, or altered.
    #[error("the attempt is foreign")]
    AttemptForeign,
    /// It was begun more than ten minutes ago.
    #[error("the attempt is too old")]
    AttemptExpired,
    /// The attempt was used before.
    #[error("the attempt was spent before")]
    AttemptSpent,
    /// The provider said no; its words are not repeated.
    #[error("the provider answered with an error")]
    Provider(ProviderError),
    /// The provider failed several times in a row and was not asked.
    #[error(transparent)]
    ProviderBusy(OidcError),
    /// The provider could not be reached, or its token endpoint refused the code, or us.
    #[error(transparent)]
    ProviderFailed(OidcError),
    /// The provider's answer did not pass a check.
    #[error(transparent)]
    AnswerRefused(OidcError),
    /// The ID token is over 64 KB.
    #[error(transparent)]
    IdTokenTooLarge(OidcError),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// An administrator does not let the person in.
    #[error("the person is blocked")]
    Blocked,
    /// The provider ended the sign-in while it was under way.
    #[error("the provider ended this sign-in meanwhile")]
    LoggedOut,
    /// No random numbers.
    #[error(transparent)]
    Seal(#[from] SealError),
}

impl From<NotStarted> for LoginError {
    fn from(error: NotStarted) -> Self {
        match error {
            NotStarted::Blocked => Self::Blocked,
            NotStarted::LoggedOut => Self::LoggedOut,
            NotStarted::Store(error) => Self::Store(error),
        }
    }
}

impl From<OidcError> for LoginError {
    fn from(error: OidcError) -> Self {
        match error {
            OidcError::Unavailable(Outage::Resting) => Self::ProviderBusy(error),
            OidcError::Unavailable(_) | OidcError::Denied(..) => Self::ProviderFailed(error),
            OidcError::Refused(InvalidAnswer::IdToken(TokenFlaw::TooLarge)) => {
                Self::IdTokenTooLarge(error)
            }
            OidcError::Refused(_) => Self::AnswerRefused(error),
        }
    }
}

impl LoginError {
    /// The reason for the log, finer than the code that the page shows.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::CookieMissing => "cookie_missing",
            Self::StateForeign => "state_foreign",
            Self::AttemptForeign => "attempt_foreign",
            Self::AttemptExpired => "attempt_expired",
            Self::AttemptSpent => "attempt_spent",
            Self::Provider(error) => error.code,
            Self::ProviderBusy(error)
            | Self::ProviderFailed(error)
            | Self::AnswerRefused(error)
            | Self::IdTokenTooLarge(error) => error.code(),
            Self::Store(_) => "database",
            Self::Blocked => "blocked",
            Self::LoggedOut => "logged_out",
            Self::Seal(_) => "sealing",
        }
    }

    pub(super) const fn outcome(&self) -> SignInOutcome {
        match self {
            Self::CookieMissing
            | Self::StateForeign
            | Self::AttemptForeign
            | Self::AttemptExpired
            | Self::AttemptSpent => SignInOutcome::Attempt,
            Self::Provider(_) => SignInOutcome::ProviderError,
            Self::ProviderFailed(OidcError::Denied(..)) => SignInOutcome::Denied,
            Self::ProviderFailed(_) | Self::ProviderBusy(_) => SignInOutcome::ProviderUnavailable,
            Self::AnswerRefused(_) | Self::IdTokenTooLarge(_) => SignInOutcome::AnswerRefused,
            Self::Blocked => SignInOutcome::Blocked,
            Self::LoggedOut => SignInOutcome::LoggedOut,
            Self::Store(_) => SignInOutcome::DatabaseUnavailable,
            Self::Seal(_) => SignInOutcome::Internal,
        }
    }

    /// Whether the operator or the provider has to act, and not the user.
    pub fn is_for_operator(&self) -> bool {
        matches!(
            self.outcome(),
            SignInOutcome::Denied
                | SignInOutcome::ProviderUnavailable
                | SignInOutcome::AnswerRefused
                | SignInOutcome::DatabaseUnavailable
                | SignInOutcome::Internal
        )
    }

    /// Whether the attempt is over, so that there is nothing to repeat for a user who is signed in.
    pub fn is_over(&self) -> bool {
        matches!(
            self,
            Self::CookieMissing | Self::AttemptSpent | Self::AttemptExpired
        )
    }
}

/// What a provider may answer instead of a code (RFC 6749 §4.1.2.1, OpenID Connect Core
/// §3.1.2.6). The text that comes with it is not read: it may be written into any address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProviderError {
    /// What it means for the person.
    pub kind: ProviderErrorKind,
    /// A stable word for the log and for an administrator.
    pub code: &'static str,
}

/// What there is to do about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProviderErrorKind {
    /// The person, or a rule of the provider, said no.
    Declined,
    /// The person has something left to do at the provider.
    Unfinished,
    /// Later.
    Busy,
    /// The provider broke.
    Broken,
    /// The provider does not take what this bridge asks: the operator must act.
    Settings,
    /// A word of the provider's own.
    Unknown,
}

impl ProviderError {
    /// Of the parameter.
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
