//! What can be wrong with a logout token.

use thiserror::Error;

use crate::oidc::signed_token::TokenFlaw;

/// The first thing found wrong. Holds nothing of the token: a flaw is logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum LogoutFlaw {
    /// As with any token of the provider.
    #[error("{0}")]
    Token(TokenFlaw),
    /// `events`.
    #[error("it has no logout event")]
    Event,
    /// `nonce`.
    #[error("it has a nonce, as ID tokens have")]
    Nonce,
    /// `jti`.
    #[error("it has no jti")]
    Jti,
    /// `sid`.
    #[error("its sid is not 1 to 255 printable ASCII characters")]
    Sid,
    /// Neither `sub` nor `sid`.
    #[error("it names neither a subject nor a session")]
    Nobody,
}

impl LogoutFlaw {
    /// A stable word for logs and metrics.
    pub fn code(self) -> &'static str {
        match self {
            Self::Token(flaw) => flaw.word(),
            Self::Event => "event",
            Self::Nonce => "nonce",
            Self::Jti => "jti",
            Self::Sid => "sid",
            Self::Nobody => "nobody",
        }
    }
}
