//! What can go wrong with the provider, in words that an operator can act on.
//!
//! None of these carries a response body, a token or a claim's value: they are logged and turned
//! into pages, and a provider's answer may hold all three.

use std::fmt;
use std::time::Duration;

use serde_json::Value;
use strum::{IntoStaticStr, VariantNames};
use thiserror::Error;

use crate::tls::TlsFlaw;

/// Why a call to the provider failed: at a sign-in, a refresh or a revocation.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum OidcError {
    /// The provider, or one of its endpoints, cannot be used now. Trying again may help.
    #[error("the provider cannot be used now: {0}")]
    Unavailable(#[from] Outage),
    /// The token or the revocation endpoint refused the request (RFC 6749 §5.2, RFC 7009 §2.2.1).
    #[error("the provider's token endpoint refused: {1}{advice}", advice = .0.advice())]
    Denied(Denial, TokenError),
    /// The provider answered, and the answer did not pass the checks.
    #[error("the provider's answer was refused: {0}")]
    Refused(#[from] InvalidAnswer),
}

impl OidcError {
    /// What the `error` of a token endpoint means (RFC 6749 §5.2).
    pub(super) fn of_token_endpoint(error: TokenError) -> Self {
        match error.code {
            "invalid_grant" => Self::Denied(Denial::InvalidGrant, error),
            "invalid_client" | "unauthorized_client" => Self::Denied(Denial::InvalidClient, error),
            "temporarily_unavailable" | "server_error" => Self::Unavailable(Outage::Busy(error)),
            _ => Self::Denied(Denial::Other, error),
        }
    }

    /// A stable word for logs and metrics.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unavailable(outage) => outage.code(),
            Self::Denied(denial, _) => denial.code(),
            Self::Refused(answer) => answer.code(),
        }
    }
}

/// What the provider failed to do.
#[derive(Debug, Clone, PartialEq, Eq, Error, IntoStaticStr, VariantNames)]
#[strum(prefix = "provider_", serialize_all = "snake_case")]
pub enum Outage {
    /// No connection to this host, or it broke.
    #[error("no connection to {0} could be made, or it broke")]
    Unreachable(String),
    /// A connection to this host, which is not used.
    #[error("TLS to {host} fails: {flaw}")]
    Tls {
        /// Name or address, and the port unless it is the usual one.
        host: String,
        /// Why.
        flaw: TlsFlaw,
    },
    /// Longer than the limit.
    #[error("it did not answer in time")]
    TimedOut,
    /// It failed several times in a row, and this time no request was sent.
    #[error("it failed several times in a row and is not asked again for a moment")]
    Resting,
    /// More bytes than the limit.
    #[error("its answer was larger than allowed")]
    #[strum(serialize = "answer_too_large")]
    TooLarge,
    /// A status that does not belong there.
    #[error("it answered with HTTP status {0}")]
    Status(u16),
    /// Redirects are never followed.
    #[error("it answered with a redirect (HTTP status {status}) to {to}, which is not followed")]
    Redirect {
        /// From 300 to 399.
        status: u16,
        /// Scheme and host, of public documents the path too: the rest may hold secrets.
        to: String,
    },
    /// 429 or 503 with a `Retry-After`, of five minutes at most.
    #[error("it asks to wait for {} seconds", .0.as_secs())]
    AsksToWait(Duration),
    /// `temporarily_unavailable` or `server_error`, whatever the status.
    #[error("it says that it cannot do its work now ({0})")]
    #[strum(serialize = "says_unavailable")]
    Busy(TokenError),
    /// Not the JSON that the specification asks for.
    #[error("its answer could not be read as the JSON expected")]
    #[strum(serialize = "answer_unreadable")]
    Unreadable,
    /// The discovery document names another issuer than the one configured.
    #[error(
        "its discovery document names another issuer than OIDC_ISSUER_URL, character by character"
    )]
    OtherIssuer,
    /// The discovery document lacks an endpoint, or names one that is neither https nor loopback.
    #[error("its discovery document has no usable {0} (https, or http on a loopback host)")]
    Endpoint(&'static str),
    /// `token_endpoint_auth_methods_supported` has no method that sends the client's secret.
    #[error(
        "its discovery document offers neither client_secret_basic nor client_secret_post, and no \
         other method is configured (token_endpoint_auth_methods_supported)"
    )]
    ClientAuthentication,
    /// OpenID Connect Discovery §3: `response_types_supported` has no `code`.
    #[error("its discovery document does not offer the code flow (response_types_supported)")]
    NoCodeFlow,
    /// None of its `id_token_signing_alg_values_supported` is allowed here.
    #[error(
        "its discovery document offers none of OIDC_SIGNING_ALGS for ID tokens: allow one that it \
         has (id_token_signing_alg_values_supported)"
    )]
    OtherSigningAlgs,
    /// No key of the set can be used.
    #[error(
        "it publishes no signing key that can be used (RSA of 2048 to 4096 bits, P-256, P-384, \
         Ed25519)"
    )]
    NoKeys,
    /// Not the provider's fault: without random numbers no attempt and no client assertion can be
    /// made.
    #[error("this machine gives no random numbers")]
    NoRandomness,
}

impl Outage {
    /// Whether no server is there: no answer, or one of a server that cannot do its work (RFC 9110
    /// §15.6).
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

    /// A stable word for logs and metrics.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoRandomness => "no_randomness",
            provider => provider.into(),
        }
    }
}

/// The error of a token endpoint, as far as it makes a difference here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, IntoStaticStr, VariantNames)]
#[strum(prefix = "token_", serialize_all = "snake_case")]
pub enum Denial {
    /// The code (or refresh token) is spent, expired or not ours: sign in again.
    InvalidGrant,
    /// The client id, secret or method is wrong: the operator must act.
    InvalidClient,
    /// Anything else.
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

    /// A stable word for logs and metrics.
    pub fn code(self) -> &'static str {
        self.into()
    }
}

/// An error answer of a token endpoint, without its free text: that may name a person or repeat
/// what was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenError {
    /// A word of RFC 6749, or `other`.
    pub code: &'static str,
    /// `error_codes` of Microsoft Entra ID: its own documentation says what each means.
    pub numbers: Vec<u32>,
}

impl TokenError {
    /// RFC 6749 §5.2, and §4.1.2.1: token endpoints say those of the authorization endpoint too.
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

    /// Most numbers that are told.
    const NUMBERS_MAX: usize = 4;

    /// Of the members `error` and `error_codes`.
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

/// Why an answer was not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error, IntoStaticStr, VariantNames)]
#[strum(serialize_all = "snake_case")]
pub enum InvalidAnswer {
    /// RFC 9207 §2.4: missing although announced, or another issuer.
    #[error("the iss parameter is missing or names another issuer")]
    IssuerParameter,
    /// The token endpoint gave no ID token.
    #[error("the token endpoint gave no ID token")]
    NoIdToken,
    /// One of the checks of OpenID Connect Core §3.1.3.7, or of ours.
    #[error("ID token: {0}")]
    IdToken(#[from] TokenFlaw),
    /// Userinfo has to be asked, and there is no access token of type Bearer that can be sent (a
    /// b64token, RFC 6750 §2.1).
    #[error("there is no Bearer access token in the characters that RFC 6750 allows")]
    AccessToken,
    /// OpenID Connect Core §5.3.2: another `sub` than the ID token's.
    #[error("userinfo is about another subject than the ID token")]
    UserinfoSubject,
    /// Userinfo as a signed token (`application/jwt`) that does not hold.
    #[error("signed userinfo: {0}")]
    UserinfoToken(TokenFlaw),
    /// The same: `sub` is required.
    #[error("userinfo names no subject")]
    #[strum(serialize = "userinfo_nobody")]
    UserinfoWithoutSubject,
    /// OpenID Connect Core §12.2: the `sub` of a refresh must be that of the sign-in.
    #[error("the answer to a refresh is about another subject")]
    #[strum(serialize = "refresh_other_subject")]
    OtherSubject,
    /// Neither an ID token nor userinfo: it says nothing of the groups.
    #[error("the answer to a refresh has no ID token, and there is no userinfo endpoint")]
    #[strum(serialize = "refresh_nothing_new")]
    NothingNew,
}

impl InvalidAnswer {
    /// A stable word for logs and metrics.
    pub fn code(self) -> &'static str {
        match self {
            Self::IdToken(flaw) => flaw.code(),
            other => other.into(),
        }
    }
}

/// The first thing found wrong with a token that the provider signs. Holds nothing of the token: a
/// flaw is logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error, IntoStaticStr, VariantNames)]
#[strum(prefix = "id_token_", serialize_all = "snake_case")]
pub enum TokenFlaw {
    /// Over [`TOKEN_MAX`](super::signed_token::TOKEN_MAX).
    #[error("it is longer than 64 KiB: have the provider put fewer groups into it")]
    TooLarge,
    /// Not the compact form of a signature; five parts are an encrypted token.
    #[error("it does not have exactly three parts (an encrypted token is not taken)")]
    #[strum(serialize = "parts")]
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
    pub(super) const fn newer_keys_may_do(self) -> bool {
        matches!(self, Self::UnknownKey | Self::Signature)
    }

    /// A stable word for logs and metrics.
    pub fn code(self) -> &'static str {
        self.into()
    }
}

/// Why a [`Provider`](super::Provider) could not be built from its settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum SettingsError {
    /// OpenID Connect Discovery §3: https, no query, no fragment.
    #[error(
        "the issuer must be an https address (http on a loopback host) without query or fragment"
    )]
    Issuer,
    /// No absolute address.
    #[error("the redirect URI must be an absolute address")]
    RedirectUri,
    /// Not PEM, or no certificate in it.
    #[error("the certificate authority's file holds no PEM certificate that can be read")]
    Certificate,
    /// No algorithm at all.
    #[error("at least one signing algorithm is needed")]
    SigningAlgs,
    /// The HTTP client could not be set up.
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
