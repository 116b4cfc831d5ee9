//! The ID token: every check of OpenID Connect Core §3.1.3.7, and what the threats
//! of RFC 8725 add.
//!
//! `verify` is pure. Its steps, in order:
//!
//! 1. size and form (`compact`);
//! 2. how it says it is signed, and the one key that fits (`header`);
//! 3. the signature, by the library's hand;
//! 4. the claims that decide something, each strictly typed (`claims`, `times`).
//!
//! The claims are not read by the library: it refuses a whole token because a claim
//! that nobody uses has a shape of its own, and leaves out `azp`, `iat`, `nbf`,
//! `sub`, `events` and `at_hash`.

mod claims;
mod compact;
mod flaw;
mod header;
mod times;

#[cfg(test)]
mod tests;

use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret, SecretString};

pub use claims::SUBJECT_MAX;
pub use compact::ID_TOKEN_MAX;
pub use flaw::Flaw;

use super::SigningAlg;
use super::keys::KeySet;
use crate::once::Object;
use compact::Unverified;
use header::Header;

/// What a token must agree with.
pub(super) struct Expected<'a> {
    pub(super) issuer: &'a str,
    pub(super) client_id: &'a str,
    pub(super) algs: &'a [SigningAlg],
    pub(super) nonce: &'a SecretString,
    /// The one that came with the token, if any.
    pub(super) access_token: Option<&'a SecretString>,
}

/// Claims that passed every check; only [`verify`] makes one.
pub(super) struct VerifiedIdToken {
    subject: String,
    claims: Object,
}

impl VerifiedIdToken {
    pub(super) fn subject(&self) -> &str {
        &self.subject
    }

    pub(super) fn claims(&self) -> &Object {
        &self.claims
    }

    /// The provider's name for its session, if it can serve as a name.
    pub(super) fn sid(&self) -> Option<String> {
        claims::sid(&self.claims)
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
) -> Result<VerifiedIdToken, Flaw> {
    let token = Unverified::read(raw)?;
    let header = Header::read(&token.header, expected.algs)?;
    let key = header.key(keys)?;
    if !key.made(header.alg, token.signed, &token.signature) {
        return Err(Flaw::Signature);
    }
    let access_token = expected.access_token.map(ExposeSecret::expose_secret);
    let subject = claims::check(&token.claims, expected, now)?;
    claims::check_access_token_hash(&token.claims, access_token, key, header.alg)?;
    Ok(VerifiedIdToken {
        subject,
        claims: token.claims,
    })
}
