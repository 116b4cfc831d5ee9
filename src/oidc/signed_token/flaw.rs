//! What can be wrong with a token of the provider: any, or an ID token.

use thiserror::Error;

/// The first thing found wrong. Holds nothing of the token: a flaw is logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum TokenFlaw {
    /// Over [`TOKEN_MAX`](super::TOKEN_MAX).
    #[error("it is longer than 64 KiB: have the provider put fewer groups into it")]
    TooLarge,
    /// Not the compact form of a signature; five parts are an encrypted token.
    #[error("it does not have exactly three parts (an encrypted token is not taken)")]
    NotThreeParts,
    /// Base64, JSON, or a member that is there twice.
    #[error("it cannot be read: base64, JSON, or a member that is there twice")]
    Unreadable,
    /// `zip`.
    #[error("it is compressed")]
    Compressed,
    /// `typ`, `cty` or `crit`.
    #[error("its header marks it as another kind of token")]
    Type,
    /// Not in `OIDC_SIGNING_ALGS`, symmetric, or none.
    #[error("its signature algorithm is not one of OIDC_SIGNING_ALGS")]
    Algorithm,
    /// No key of the set has its `kid` and kind.
    #[error("no key of the provider fits it")]
    UnknownKey,
    /// Several keys of the set could have made it.
    #[error("several keys of the provider fit it")]
    AmbiguousKey,
    /// The signature is not that of the key.
    #[error("its signature is wrong")]
    Signature,
    /// `iss`.
    #[error("it is from another issuer")]
    Issuer,
    /// `aud`.
    #[error("its audience is not this client alone or with those of OIDC_TRUSTED_AUDIENCES")]
    Audience,
    /// `azp`.
    #[error("its authorized party is not this client")]
    AuthorizedParty,
    /// `exp`, `iat` or `nbf` is missing, or no number of seconds.
    #[error("exp, iat or nbf is missing or no number of seconds")]
    Time,
    /// `exp`.
    #[error("it has expired; check both clocks")]
    Expired,
    /// `iat`.
    #[error("it was issued too long ago or in the future; check both clocks")]
    IssuedAt,
    /// `nbf`.
    #[error("it is not valid yet; check both clocks")]
    NotBefore,
    /// `nonce`.
    #[error("its nonce is missing or of another sign-in")]
    Nonce,
    /// `sub`.
    #[error("its subject is not 1 to 255 printable ASCII characters")]
    Subject,
    /// `events`.
    #[error("it is a logout token")]
    LogoutToken,
    /// `at_hash`.
    #[error("it belongs to another access token")]
    AccessTokenHash,
}

impl TokenFlaw {
    /// Whether the provider may have changed its keys since they were read.
    pub(in crate::oidc) const fn newer_keys_may_do(self) -> bool {
        matches!(self, Self::UnknownKey | Self::Signature)
    }

    /// The word without the kind of token.
    pub(in crate::oidc) fn word(self) -> &'static str {
        let code = self.code();
        code.strip_prefix("id_token_").unwrap_or(code)
    }

    /// A stable word for logs and metrics.
    pub const fn code(self) -> &'static str {
        match self {
            Self::TooLarge => "id_token_too_large",
            Self::NotThreeParts => "id_token_parts",
            Self::Unreadable => "id_token_unreadable",
            Self::Compressed => "id_token_compressed",
            Self::Type => "id_token_type",
            Self::Algorithm => "id_token_algorithm",
            Self::UnknownKey => "id_token_unknown_key",
            Self::AmbiguousKey => "id_token_ambiguous_key",
            Self::Signature => "id_token_signature",
            Self::Issuer => "id_token_issuer",
            Self::Audience => "id_token_audience",
            Self::AuthorizedParty => "id_token_authorized_party",
            Self::Time => "id_token_time",
            Self::Expired => "id_token_expired",
            Self::IssuedAt => "id_token_issued_at",
            Self::NotBefore => "id_token_not_before",
            Self::Nonce => "id_token_nonce",
            Self::Subject => "id_token_subject",
            Self::LogoutToken => "id_token_logout_token",
            Self::AccessTokenHash => "id_token_access_token_hash",
        }
    }
}
