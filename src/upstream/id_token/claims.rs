//! The claims that decide something, each of its one type (OpenID Connect Core §2
//! and §3.1.3.7). All others may have any shape: providers send what they like, and
//! nobody needs it.

use chrono::{DateTime, Utc};
use secrecy::ExposeSecret;
use serde_json::Value;
use subtle::ConstantTimeEq;

use super::{Expected, Flaw, times};
use crate::once::Object;
use crate::upstream::SigningAlg;
use crate::upstream::keys::Key;

/// Longest `sub` in bytes (OpenID Connect Core §2): it names a row and a person.
pub const SUBJECT_MAX: usize = 255;

/// Longest `sid` in bytes that is kept.
const SID_MAX: usize = 255;

/// Checks everything but the signature and `at_hash`; gives the subject.
///
/// `max_age` is never asked for, so there is no `auth_time` to be compared, and no
/// `acr` either (ID-12): how people show who they are is the provider's business.
pub(super) fn check(
    claims: &Object,
    expected: &Expected<'_>,
    now: DateTime<Utc>,
) -> Result<String, Flaw> {
    check_issuer(claims, expected.issuer)?;
    check_audience(claims, expected.client_id)?;
    check_authorized_party(claims, expected.client_id)?;
    times::check(claims, now)?;
    check_nonce(claims, expected.nonce.expose_secret())?;
    refuse_logout_token(claims)?;
    subject(claims)
}

/// Character by character (step 2).
fn check_issuer(claims: &Object, issuer: &str) -> Result<(), Flaw> {
    match claims.get("iss") {
        Some(iss) if iss == issuer => Ok(()),
        _ => Err(Flaw::Issuer),
    }
}

/// This client and nobody else (step 3): somebody else for whom the token is meant
/// could pass it on to us.
fn check_audience(claims: &Object, client_id: &str) -> Result<(), Flaw> {
    let ours = match claims.get("aud") {
        Some(Value::Array(several)) => {
            !several.is_empty() && several.iter().all(|one| one == client_id)
        }
        Some(one) => one == client_id,
        None => false,
    };
    if ours { Ok(()) } else { Err(Flaw::Audience) }
}

/// `azp`, if present, is us; a token for several audiences must have it. Otherwise
/// a token that somebody got for another client would do (steps 4 and 5).
fn check_authorized_party(claims: &Object, client_id: &str) -> Result<(), Flaw> {
    let several = claims
        .get("aud")
        .and_then(Value::as_array)
        .is_some_and(|aud| aud.len() > 1);
    match claims.get("azp") {
        Some(azp) if azp == client_id => Ok(()),
        None if !several => Ok(()),
        _ => Err(Flaw::AuthorizedParty),
    }
}

/// The one of this sign-in (step 11): any other token is a replay.
fn check_nonce(claims: &Object, nonce: &str) -> Result<(), Flaw> {
    let sent = claims.get("nonce").and_then(Value::as_str);
    let same = sent.is_some_and(|sent| sent.as_bytes().ct_eq(nonce.as_bytes()).into());
    if same { Ok(()) } else { Err(Flaw::Nonce) }
}

/// A logout token is signed with the same keys for the same client, and travels
/// through the browser of nobody; it must not become a sign-in (RFC 8725 §3.12).
fn refuse_logout_token(claims: &Object) -> Result<(), Flaw> {
    if claims.contains_key("events") {
        Err(Flaw::LogoutToken)
    } else {
        Ok(())
    }
}

/// `sub` is the key of a person here: it must be something that can be stored,
/// compared and logged without being mistaken for another.
fn subject(claims: &Object) -> Result<String, Flaw> {
    let subject = claims
        .get("sub")
        .and_then(Value::as_str)
        .ok_or(Flaw::Subject)?;
    if (1..=SUBJECT_MAX).contains(&subject.len()) && subject.bytes().all(is_printable) {
        Ok(subject.to_owned())
    } else {
        Err(Flaw::Subject)
    }
}

/// The provider's name for its session, if it can serve as a name.
pub(super) fn sid(claims: &Object) -> Option<String> {
    let sid = claims.get("sid")?.as_str()?;
    let fits = (1..=SID_MAX).contains(&sid.len()) && sid.bytes().all(is_printable);
    fits.then(|| sid.to_owned())
}

fn is_printable(byte: u8) -> bool {
    byte == b' ' || byte.is_ascii_graphic()
}

/// `at_hash`, if present, belongs to the access token that came along: another
/// person's access token would bring that person's groups from userinfo (Core §3.1.3.8).
pub(super) fn check_access_token_hash(
    claims: &Object,
    access_token: Option<&str>,
    key: &Key,
    alg: SigningAlg,
) -> Result<(), Flaw> {
    let (Some(hash), Some(access_token)) = (claims.get("at_hash"), access_token) else {
        return Ok(());
    };
    match key.half_hash(alg, access_token) {
        Some(expected) if hash == expected.as_str() => Ok(()),
        _ => Err(Flaw::AccessTokenHash),
    }
}
