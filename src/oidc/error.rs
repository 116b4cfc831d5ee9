//! Errors of calls to the provider, in words for operators.
//!
//! No error contains a response body, a token or a claim's value, because errors are logged and
//! shown on pages.

use std::fmt;
use std::time::Duration;

use serde_json::Value;
use strum::{IntoStaticStr, VariantNames};
use thiserror::Error;

use crate::tls::TlsFlaw;

/// Why a call to the provider failed, at a sign-in, a refresh or a revocation.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum OidcError {
    /// The provider, or one of its endpoints, is unavailable. A retry may succeed.
    #[error("the provider cannot be used now: {0}")]
    Unavailable(#[from] Outage),
    /// The token or revocation endpoint refused the request (RFC 6749 §5.2, RFC 7009 §2.2.1).
    #[error("the provider's token endpoint refused: {1}{advice}", advice = .0.advice())]
    Denied(Denial, TokenError),
    /// The provider's answer did not pass the checks.
    #[error("the provider's answer was refused: {0}")]
    Refused(#[from] InvalidAnswer),
}

impl OidcError {
    /// The meaning of a token endpoint's `error` (RFC 6749 §5.2).
    pub(super) fn of_token_endpoint(error: TokenError) -> Self {
        match error.code {
            "invalid_grant" => Self::Denied(Denial::InvalidGrant, error),
            "invalid_client" | "unauthorized_client" => Self::Denied(Denial::InvalidClient, error),
            "temporarily_unavailable" | "server_error" => Self::Unavailable(Outage::Busy(error)),
            _ => Self::Denied(Denial::Other, error),
        }
    }

    /// Stable code for logs and metrics.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unavailable(outage) => outage.code(),
            Self::Denied(denial, _) => denial.code(),
            Self::Refused(answer) => answer.code(),
        }
    }
}

/// How the provider failed.
#[derive(Debug, Clone, PartialEq, Eq, Error, IntoStaticStr, VariantNames)]
#[strum(prefix = "provider_", serialize_all = "snake_case")]
pub enum Outage {
    /// The connection to this host could not be made, or broke.
    #[error("no connection to {0} could be made, or it broke")]
    Unreachable(String),
    /// TLS to this host failed.
    #[error("TLS to {host} fails: {flaw}")]
    Tls {
        /// Host name or address, with the port unless it is the default.
        host: String,
        /// The reason.
        flaw: TlsFlaw,
    },
    /// No answer within the limit.
    #[error("it did not answer in time")]
    TimedOut,
    /// No request was sent, because several before it failed.
    #[error("it failed several times in a row and is not asked again for a moment")]
    Resting,
    /// The answer has more bytes than the limit.
    #[error("its answer was larger than allowed")]
    #[strum(serialize = "answer_too_large")]
    TooLarge,
    /// An unexpected status.
    #[error("it answered with HTTP status {0}")]
    Status(u16),
    /// Redirects are never followed.
    #[error("it answered with a redirect (HTTP status {status}) to {to}, which is not followed")]
    Redirect {
        /// From 300 to 399.
        status: u16,
        /// Scheme and host, and the path for public documents; the rest may contain secrets.
        to: String,
    },
    /// 429 or 503 with a `Retry-After`, limited to five minutes.
    #[error("it asks to wait for {} seconds", .0.as_secs())]
    AsksToWait(Duration),
    /// `temporarily_unavailable` or `server_error`, whatever the status.
    #[error("it says that it cannot do its work now ({0})")]
    #[strum(serialize = "says_unavailable")]
    Busy(TokenError),
    /// The answer is not the JSON that the specification requires.
    #[error("its answer could not be read as the JSON expected")]
    #[strum(serialize = "answer_unreadable")]
    Unreadable,
    /// The discovery document names another issuer than the configured one.
    #[error(
        "its discovery document names another issuer than OIDC_ISSUER_URL, character by character"
    )]
    OtherIssuer,
    /// The discovery document lacks an endpoint, or names one that is neither https nor loopback.
    #[error("its discovery document has no usable {0} (https, or http on a loopback host)")]
    Endpoint(&'static str),
    /// `token_endpoint_auth_methods_supported` contains no method that sends the client's secret.
    #[error(
        "its discovery document offers neither client_secret_basic nor client_secret_post, and no \
         other method is configured (token_endpoint_auth_methods_supported)"
    )]
    ClientAuthentication,
    /// `response_types_supported` does not contain `code` (OpenID Connect Discovery §3).
    #[error("its discovery document does not offer the code flow (response_types_supported)")]
    NoCodeFlow,
    /// `id_token_signing_alg_values_supported` contains no algorithm that is allowed here.
    #[error(
        "its discovery document offers none of OIDC_SIGNING_ALGS for ID tokens: allow one that it \
         has (id_token_signing_alg_values_supported)"
    )]
    OtherSigningAlgs,
    /// The key set contains no usable key.
    #[error(
        "it publishes no signing key that can be used (RSA of 2048 to 4096 bits, P-256, P-384, \
         Ed25519)"
    )]
    NoKeys,
    /// Not the provider's fault: without random numbers, attempts and client assertions cannot be
    /// created.
    #[error("this machine gives no random numbers")]
    NoRandomness,
}

impl Outage {
    /// Whether the server is down: it gave no answer, or one that says that it is unavailable (RFC
    /// 9110 §15.6).
    pub(super) const fn is_down(&self) -> bool {
        matches!(
            self,
            Self::Unreachable(_)
                | Self::Tls { .. }
                | Self::TimedOut
                | Self::Busy(_)
                | Self::Status(500..=599)
        )
    }

    /// Stable code for logs and metrics.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoRandomness => "no_randomness",
            provider => provider.into(),
        }
    }
}

/// The kinds of token endpoint errors that the bridge distinguishes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, IntoStaticStr, VariantNames)]
#[strum(prefix = "token_", serialize_all = "snake_case")]
pub enum Denial {
    /// The code or refresh token is spent, expired or not ours: sign in again.
    InvalidGrant,
    /// Client id, secret or authentication method is wrong: the operator must act.
    InvalidClient,
    /// Any other error.
    #[strum(serialize = "error")]
    Other,
}

impl Denial {
    fn advice(self) -> &'static str {
        if self == Self::InvalidClient {
            " (check OIDC_CLIENT_ID, its secret or key, and OIDC_TOKEN_AUTH_METHOD)"
        } else {
            ""
        }
    }

    /// Stable code for logs and metrics.
    pub fn code(self) -> &'static str {
        self.into()
    }
}

/// A token endpoint's error, without its free text, which may name a person or repeat the request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenError {
    /// An error code of RFC 6749, or `other`.
    pub code: &'static str,
    /// `error_codes` of Microsoft Entra ID, explained in Entra's documentation.
    pub numbers: Vec<u32>,
}

impl TokenError {
    /// RFC 6749 §5.2, and §4.1.2.1, because token endpoints also send the codes of the
    /// authorization endpoint.
    const CODES: [&'static str; 10] = [
        "invalid_request",
        "invalid_client",
        "invalid_grant",
        "unauthorized_client",
        "unsupported_grant_type",
        "invalid_scope",
        "access_denied",
        "unsupported_response_type",
        "server_error",
        "temporarily_unavailable",
    ];

    /// Maximum number of `error_codes` in a message.
    const NUMBERS_MAX: usize = 4;

    /// From the members `error` and `error_codes`.
    pub(super) fn of(error: &str, numbers: &Value) -> Self {
        let known = Self::CODES.into_iter().find(|code| *code == error);
        let numbers = numbers.as_array().into_iter().flatten();
        let numbers = numbers.filter_map(|number| u32::try_from(number.as_u64()?).ok());
        Self {
            code: known.unwrap_or("other"),
            numbers: numbers.take(Self::NUMBERS_MAX).collect(),
        }
    }
}

impl fmt::Display for TokenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code)?;
        for (at, number) in self.numbers.iter().enumerate() {
            let before = if at == 0 { ", error_codes" } else { "" };
            write!(f, "{before} {number}")?;
        }
        Ok(())
    }
}

/// Why an answer is invalid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error, IntoStaticStr, VariantNames)]
#[strum(serialize_all = "snake_case")]
pub enum InvalidAnswer {
    /// RFC 9207 §2.4: `iss` is missing although announced, or names another issuer.
    #[error("the iss parameter is missing or names another issuer")]
    IssuerParameter,
    /// The token endpoint returned no ID token.
    #[error("the token endpoint gave no ID token")]
    NoIdToken,
    /// The ID token failed a check.
    #[error("ID token: {0}")]
    IdToken(#[from] TokenFlaw),
    /// Userinfo is needed, but there is no valid Bearer access token (a b64token, RFC 6750 §2.1).
    #[error("there is no Bearer access token in the characters that RFC 6750 allows")]
    AccessToken,
    /// OpenID Connect Core §5.3.2: userinfo has another `sub` than the ID token.
    #[error("userinfo is about another subject than the ID token")]
    UserinfoSubject,
    /// Userinfo is a signed token (`application/jwt`) that failed a check.
    #[error("signed userinfo: {0}")]
    UserinfoToken(TokenFlaw),
    /// OpenID Connect Core §5.3.2: userinfo has no `sub`.
    #[error("userinfo names no subject")]
    #[strum(serialize = "userinfo_nobody")]
    UserinfoWithoutSubject,
    /// OpenID Connect Core §12.2: the `sub` of a refresh differs from that of the sign-in.
    #[error("the answer to a refresh is about another subject")]
    #[strum(serialize = "refresh_other_subject")]
    OtherSubject,
    /// The answer to a refresh has no ID token and there is no userinfo endpoint, so there are no
    /// groups.
    #[error("the answer to a refresh has no ID token, and there is no userinfo endpoint")]
    #[strum(serialize = "refresh_nothing_new")]
    NothingNew,
}

impl InvalidAnswer {
    /// Stable code for logs and metrics.
    pub fn code(self) -> &'static str {
        match self {
            Self::IdToken(flaw) => flaw.code(),
            other => other.into(),
        }
    }
}

/// The first flaw found in a token that the provider signed. Contains no part of the token, because
/// flaws are logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error, IntoStaticStr, VariantNames)]
#[strum(prefix = "id_token_", serialize_all = "snake_case")]
pub enum TokenFlaw {
    /// Longer than [`TOKEN_MAX`](super::signed_token::TOKEN_MAX).
    #[error("it is longer than 64 KiB: have the provider put fewer groups into it")]
    TooLarge,
    /// Not a JWS in compact serialization; five parts are an encrypted token.
    #[error("it does not have exactly three parts (an encrypted token is not taken)")]
    #[strum(serialize = "parts")]
    NotThreeParts,
    /// Invalid base64, invalid JSON, or a duplicate member.
    #[error("it cannot be read: base64, JSON, or a member that is there twice")]
    Unreadable,
    /// `zip`.
    #[error("it is compressed")]
    Compressed,
    /// `typ`, `cty` or `crit`.
    #[error("its header marks it as another kind of token")]
    Type,
    /// The algorithm is not in `OIDC_SIGNING_ALGS`, is symmetric, or is `none`.
    #[error("its signature algorithm is not one of OIDC_SIGNING_ALGS")]
    Algorithm,
    /// No key in the set has its `kid` and the right kind.
    #[error("no key of the provider fits it")]
    UnknownKey,
    /// Several keys in the set fit.
    #[error("several keys of the provider fit it")]
    AmbiguousKey,
    /// The signature is wrong.
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
    /// `exp`, `iat` or `nbf` is missing or not a number of seconds.
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
    /// Whether newer keys may verify the token.
    pub(super) const fn newer_keys_may_do(self) -> bool {
        matches!(self, Self::UnknownKey | Self::Signature)
    }

    /// Stable code for logs and metrics.
    pub fn code(self) -> &'static str {
        self.into()
    }
}

/// Why a [`Provider`](super::Provider) could not be built from its settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum SettingsError {
    /// OpenID Connect Discovery §3: must be https, without query and fragment.
    #[error(
        "the issuer must be an https address (http on a loopback host) without query or fragment"
    )]
    Issuer,
    /// Not an absolute URL.
    #[error("the redirect URI must be an absolute address")]
    RedirectUri,
    /// Not PEM, or without a certificate.
    #[error("the certificate authority's file holds no PEM certificate that can be read")]
    Certificate,
    /// The list of algorithms is empty.
    #[error("at least one signing algorithm is needed")]
    SigningAlgs,
    /// The HTTP client could not be built.
    #[error("the HTTP client could not be set up")]
    HttpClient,
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn each_error_has_its_own_word() {
        let outages = [
            Outage::Unreachable(String::new()),
            Outage::Tls {
                host: String::new(),
                flaw: TlsFlaw::Expired,
            },
            Outage::TimedOut,
            Outage::Resting,
            Outage::TooLarge,
            Outage::Status(500),
            Outage::Redirect {
                status: 302,
                to: String::new(),
            },
            Outage::AsksToWait(Duration::from_mins(1)),
            Outage::Busy(TokenError::of("server_error", &Value::Null)),
            Outage::Unreadable,
            Outage::OtherIssuer,
            Outage::Endpoint("token_endpoint"),
            Outage::ClientAuthentication,
            Outage::NoCodeFlow,
            Outage::OtherSigningAlgs,
            Outage::NoKeys,
            Outage::NoRandomness,
        ];
        let denials = [Denial::InvalidGrant, Denial::InvalidClient, Denial::Other];
        let denied = |denial| OidcError::Denied(denial, TokenError::of("", &Value::Null));
        let refusals = [
            InvalidAnswer::IssuerParameter,
            InvalidAnswer::NoIdToken,
            InvalidAnswer::AccessToken,
            InvalidAnswer::UserinfoSubject,
            InvalidAnswer::UserinfoToken(TokenFlaw::Signature),
            InvalidAnswer::UserinfoWithoutSubject,
            InvalidAnswer::OtherSubject,
            InvalidAnswer::NothingNew,
            InvalidAnswer::IdToken(TokenFlaw::Nonce),
        ];
        let errors: Vec<OidcError> = outages
            .into_iter()
            .map(OidcError::Unavailable)
            .chain(denials.into_iter().map(denied))
            .chain(refusals.into_iter().map(OidcError::Refused))
            .collect();
        let words: HashSet<&str> = errors.iter().map(OidcError::code).collect();
        assert_eq!(words.len(), errors.len());
        assert!(words.contains("id_token_nonce"));
        assert!(words.iter().all(|word| word.len() > 5));
    }
}
