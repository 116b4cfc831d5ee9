//! The ID token: every check of OpenID Connect Core §3.1.3.7, and what the threats
//! of RFC 8725 add.
//!
//! `verify` is pure. Its steps, in order:
//!
//! 1. size, form, key and signature (`signed_token`);
//! 2. the claims that decide something, each strictly typed (`claims`).
//!
//! The claims are not read by the library: it refuses a whole token because a claim
//! that nobody uses has a shape of its own, and leaves out `azp`, `iat`, `nbf`,
//! `sub`, `events` and `at_hash`.

mod claims;

#[cfg(test)]
mod tests;

use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret, SecretString};

pub use super::signed_token::{TOKEN_MAX as ID_TOKEN_MAX, TokenFlaw};

use super::SigningAlg;
use super::keys::KeySet;
use super::signed_token::{self, Audience, Signed};
use crate::json::Object;

/// What a token must agree with.
pub(super) struct Expected<'a> {
    pub(super) issuer: &'a str,
    pub(super) audience: Audience<'a>,
    pub(super) algs: &'a [SigningAlg],
    /// The nonce of the attempt. None: the answer to a refresh, which belongs to no attempt
    /// and need not repeat it (OpenID Connect Core §12.2).
    pub(super) nonce: Option<&'a SecretString>,
    /// The one that came with the token, if any.
    pub(super) access_token: Option<&'a SecretString>,
}

/// Claims that passed every check; only [`verify`] makes one.
pub(super) struct VerifiedIdToken {
    subject: String,
    issued_at: DateTime<Utc>,
    claims: Object,
}

impl VerifiedIdToken {
    pub(super) fn subject(&self) -> &str {
        &self.subject
    }

    /// `iat`, by the provider's clock.
    pub(super) fn issued_at(&self) -> DateTime<Utc> {
        self.issued_at
    }

    pub(super) fn claims(&self) -> &Object {
        &self.claims
    }

    /// The provider's name for its session, if it can serve as a name.
    pub(super) fn sid(&self) -> Option<String> {
        signed_token::sid(&self.claims)
    }
}

/// Checks the token for a moment in time.
///
/// # Errors
/// The first flaw found.
pub(super) fn verify(
    raw: &str,
    keys: &KeySet,
    expected: &Expected<'_>,
    now: DateTime<Utc>,
) -> Result<VerifiedIdToken, TokenFlaw> {
    let Signed { claims, key, alg } = signed_token::open(raw, keys, expected.algs, &[])?;
    let access_token = expected.access_token.map(ExposeSecret::expose_secret);
    let (subject, issued_at) = claims::check(&claims, expected, now)?;
    claims::check_access_token_hash(&claims, access_token, key, alg)?;
    Ok(VerifiedIdToken {
        subject,
        issued_at,
        claims,
    })
}
