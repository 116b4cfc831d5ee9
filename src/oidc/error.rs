//! What can go wrong with the provider, in words that an operator can act on.
//!
//! None of these carries a response body, a token or a claim's value: they are
//! logged and turned into pages, and a provider's answer may hold all three.

use std::fmt;
use std::time::Duration;

use serde_json::Value;
use thiserror::Error;

use crate::tls::TlsFlaw;

/// Why a call to the provider failed: at a sign-in, a refresh or a revocation.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum OidcError {
    /// The provider, or one of its endpoints, cannot be used now. Trying again may help.
    #[error("the provider cannot be used now: {0}")]
    Unavailable(Outage),
    /// The token or the revocation endpoint refused the request (RFC 6749 §5.2, RFC 7009 §2.2.1).
    #[error("the provider's token endpoint refused: {1}{advice}", advice = .0.advice())]
    Denied(Denial, TokenError),
    /// The provider answered, and the answer must not be believed.
    #[error("the provider's answer was refused: {0}")]
    Refused(InvalidAnswer),
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
            Self::Refused(refusal) => refusal.code(),
        }
    }
}

/// What the provider failed to do.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
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
    /// It failed several times in a row, and this time it was not asked.
    #[error("it failed several times in a row and is not asked again for a moment")]
    Resting,
    /// More bytes than the limit.
    #[error("its answer was larger than allowed")]
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
    Busy(TokenError),
    /// Not the JSON that the specification asks for.
    #[error("its answer could not be read as the JSON expected")]
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
    /// Whether it says that no server is there: no answer, or one of a server that
    /// cannot do its work (RFC 9110 §15.6).
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
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Unreachable(_) => "provider_unreachable",
            Self::Tls { .. } => "provider_tls",
            Self::TimedOut => "provider_timed_out",
            Self::Resting => "provider_resting",
            Self::TooLarge => "provider_answer_too_large",
            Self::Status(_) => "provider_status",
            Self::Redirect { .. } => "provider_redirect",
            Self::AsksToWait(_) => "provider_asks_to_wait",
            Self::Busy(_) => "provider_says_unavailable",
            Self::Unreadable => "provider_answer_unreadable",
            Self::OtherIssuer => "provider_other_issuer",
            Self::Endpoint(_) => "provider_endpoint",
            Self::ClientAuthentication => "provider_client_authentication",
            Self::NoCodeFlow => "provider_no_code_flow",
            Self::OtherSigningAlgs => "provider_other_signing_algs",
            Self::NoKeys => "provider_no_keys",
            Self::NoRandomness => "no_randomness",
        }
    }
}

/// The error of a token endpoint, as far as it makes a difference here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Denial {
    /// The code (or refresh token) is spent, expired or not ours: sign in again.
    InvalidGrant,
    /// The client id, secret or method is wrong: the operator must act.
    InvalidClient,
    /// Anything else.
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
    pub const fn code(self) -> &'static str {
        match self {
            Self::InvalidGrant => "token_invalid_grant",
            Self::InvalidClient => "token_invalid_client",
            Self::Other => "token_error",
        }
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum InvalidAnswer {
    /// RFC 9207 §2.4: missing although announced, or another issuer.
    #[error("the iss parameter is missing or names another issuer")]
    IssuerParameter,
    /// The token endpoint gave no ID token.
    #[error("the token endpoint gave no ID token")]
    NoIdToken,
    /// One of the checks of OpenID Connect Core §3.1.3.7, or of ours.
    #[error("ID token: {0}")]
    IdToken(#[from] super::id_token::TokenFlaw),
    /// Userinfo has to be asked, and there is no access token of type Bearer that
    /// can be sent (a b64token, RFC 6750 §2.1).
    #[error("there is no Bearer access token in the characters that RFC 6750 allows")]
    AccessToken,
    /// OpenID Connect Core §5.3.2: another `sub` than the ID token's.
    #[error("userinfo is about another user than the ID token")]
    UserinfoSubject,
    /// Userinfo as a signed token (`application/jwt`) that does not hold.
    #[error("signed userinfo: {0}")]
    UserinfoToken(super::id_token::TokenFlaw),
    /// The same: `sub` is required.
    #[error("userinfo does not say whom it is about")]
    UserinfoNobody,
    /// OpenID Connect Core §12.2: a refresh must answer for the person who signed in.
    #[error("the answer to a refresh is about another user")]
    OtherSubject,
    /// Neither an ID token nor userinfo: it says nothing of the groups.
    #[error("the answer to a refresh has no ID token, and there is no userinfo endpoint")]
    NothingNew,
}

impl InvalidAnswer {
    /// A stable word for logs and metrics.
    pub const fn code(self) -> &'static str {
        match self {
            Self::IssuerParameter => "issuer_parameter",
            Self::NoIdToken => "no_id_token",
            Self::IdToken(flaw) => flaw.code(),
            Self::AccessToken => "access_token",
            Self::UserinfoSubject => "userinfo_subject",
            Self::UserinfoToken(_) => "userinfo_token",
            Self::UserinfoNobody => "userinfo_nobody",
            Self::OtherSubject => "refresh_other_subject",
            Self::NothingNew => "refresh_nothing_new",
        }
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
    use crate::oidc::id_token::TokenFlaw;
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
            InvalidAnswer::UserinfoNobody,
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
