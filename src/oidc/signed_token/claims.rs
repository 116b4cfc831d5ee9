//! Claims that mean the same in every kind of token, each of its one type.

use serde_json::Value;

use super::TokenFlaw;
use crate::domain::identity::SUBJECT_MAX;
use crate::json::Object;

/// Longest `sid` in bytes that is kept.
const SID_MAX: usize = 255;

/// Character by character (Core §3.1.3.7, step 2).
pub(in crate::oidc) fn check_issuer(claims: &Object, issuer: &str) -> Result<(), TokenFlaw> {
    match claims.get("iss") {
        Some(iss) if iss == issuer => Ok(()),
        _ => Err(TokenFlaw::Issuer),
    }
}

/// For whom a token may be (step 3).
#[derive(Debug, Clone, Copy)]
pub(in crate::oidc) struct Audience<'a> {
    pub(in crate::oidc) client_id: &'a str,
    /// `OIDC_TRUSTED_AUDIENCES`: others that may be named beside this client. Any other
    /// audience could pass its token on to us.
    pub(in crate::oidc) trusted: &'a [String],
}

impl Audience<'_> {
    pub(in crate::oidc) fn check(&self, claims: &Object) -> Result<(), TokenFlaw> {
        let named = match claims.get("aud") {
            Some(Value::Array(several)) => several.as_slice(),
            Some(one) => std::slice::from_ref(one),
            None => &[],
        };
        if !named.iter().any(|one| one == self.client_id) {
            return Err(TokenFlaw::Audience);
        }
        let known = |one: &Value| one == self.client_id || self.trusted.iter().any(|t| one == t);
        match named.iter().find(|one| !known(one)) {
            None => Ok(()),
            Some(other) => {
                tracing::warn!(
                    event = "audience_not_trusted",
                    audience = name(other, SUBJECT_MAX).unwrap_or_default(),
                    "a token is for another audience too; if that is meant, add it to \
                     OIDC_TRUSTED_AUDIENCES"
                );
                Err(TokenFlaw::Audience)
            }
        }
    }
}

/// `sub` is the key of a person here: it must be something that can be stored,
/// compared and logged without being mistaken for another.
pub(in crate::oidc) fn subject(claims: &Object) -> Result<String, TokenFlaw> {
    let subject = claims.get("sub").ok_or(TokenFlaw::Subject)?;
    name(subject, SUBJECT_MAX).ok_or(TokenFlaw::Subject)
}

/// The provider's name for its session, if it can serve as a name.
pub(in crate::oidc) fn sid(claims: &Object) -> Option<String> {
    name(claims.get("sid")?, SID_MAX)
}

fn name(value: &Value, longest: usize) -> Option<String> {
    let name = value.as_str()?;
    let fits = (1..=longest).contains(&name.len()) && name.bytes().all(is_printable);
    fits.then(|| name.to_owned())
}

fn is_printable(byte: u8) -> bool {
    byte == b' ' || byte.is_ascii_graphic()
}
