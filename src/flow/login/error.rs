//! The reasons why a sign-in fails.

use crate::flow::provider_error::ProviderError;
use crate::metrics::SignInOutcome;
use crate::oidc::OidcError;
use crate::seal::SealError;
use crate::store::StoreError;
use crate::store::sessions::NotStarted;

/// Why the sign-in failed.
#[derive(Debug, thiserror::Error)]
pub enum LoginError {
    /// No attempt came with the answer, and it should have: cookies are off, or
    /// it is another browser.
    #[error("the attempt's cookie is missing")]
    AttemptMissing,
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
    /// The provider, or what it sent.
    #[error(transparent)]
    Upstream(#[from] OidcError),
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

impl LoginError {
    /// A stable word for the log.
    pub fn code(&self) -> &'static str {
        match self {
            Self::AttemptMissing => "attempt_missing",
            Self::StateForeign => "state_foreign",
            Self::AttemptForeign => "attempt_foreign",
            Self::AttemptExpired => "attempt_expired",
            Self::AttemptSpent => "attempt_spent",
            Self::Provider(error) => error.code,
            Self::Upstream(error) => error.code(),
            Self::Store(_) => "database",
            Self::Blocked => "blocked",
            Self::LoggedOut => "logged_out",
            Self::Seal(_) => "sealing",
        }
    }

    pub(super) const fn outcome(&self) -> SignInOutcome {
        match self {
            Self::AttemptMissing
            | Self::StateForeign
            | Self::AttemptForeign
            | Self::AttemptExpired
            | Self::AttemptSpent => SignInOutcome::Attempt,
            Self::Provider(_) => SignInOutcome::ProviderError,
            Self::Upstream(OidcError::Unavailable(_)) => SignInOutcome::ProviderUnavailable,
            Self::Upstream(OidcError::Denied(..)) => SignInOutcome::Denied,
            Self::Upstream(OidcError::Refused(_)) => SignInOutcome::AnswerRefused,
            Self::Blocked => SignInOutcome::Blocked,
            Self::LoggedOut => SignInOutcome::LoggedOut,
            Self::Store(_) => SignInOutcome::DatabaseUnavailable,
            Self::Seal(_) => SignInOutcome::Internal,
        }
    }
}
