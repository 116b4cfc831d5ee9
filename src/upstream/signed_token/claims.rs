//! Claims that mean the same in every kind of token, each of its one type.

use serde_json::Value;

use super::Flaw;
use crate::domain::identity::SUBJECT_MAX;
use crate::once::Object;

/// Longest `sid` in bytes that is kept.
const SID_MAX: usize = 255;

/// Character by character (Core §3.1.3.7, step 2).
pub(in crate::upstream) fn check_issuer(claims: &Object, issuer: &str) -> Result<(), Flaw> {
    match claims.get("iss") {
        Some(iss) if iss == issuer => Ok(()),
        _ => Err(Flaw::Issuer),
    }
}

/// This client and nobody else (step 3): somebody else for whom the token is meant
/// could pass it on to us.
pub(in crate::upstream) fn check_audience(claims: &Object, client_id: &str) -> Result<(), Flaw> {
    let ours = match claims.get("aud") {
        Some(Value::Array(several)) => {
            !several.is_empty() && several.iter().all(|one| one == client_id)
        }
        Some(one) => one == client_id,
        None => false,
    };
    if ours { Ok(()) } else { Err(Flaw::Audience) }
}

/// `sub` is the key of a person here: it must be something that can be stored,
/// compared and logged without being mistaken for another.
pub(in crate::upstream) fn subject(claims: &Object) -> Result<String, Flaw> {
    let subject = claims.get("sub").ok_or(Flaw::Subject)?;
    name(subject, SUBJECT_MAX).ok_or(Flaw::Subject)
}

/// The provider's name for its session, if it can serve as a name.
pub(in crate::upstream) fn sid(claims: &Object) -> Option<String> {
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
