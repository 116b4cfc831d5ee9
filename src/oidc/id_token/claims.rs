//! The claims that decide something, each of its one type (OpenID Connect Core §2
//! and §3.1.3.7). All others may have any shape: providers send what they like, and
//! nobody needs it.

use chrono::{DateTime, Utc};
use secrecy::ExposeSecret;
use serde_json::Value;
use subtle::ConstantTimeEq;

use super::{Expected, TokenFlaw};
use crate::json::Object;
use crate::oidc::SigningAlg;
use crate::oidc::keys::Key;
use crate::oidc::signed_token::times::{self, Expiry};
use crate::oidc::signed_token::{check_issuer, subject};

/// Checks everything but the signature and `at_hash`; gives the subject and `iat`.
///
/// `max_age` is never asked for, so there is no `auth_time` to be compared, and no
/// `acr` either (ID-12): how people show who they are is the provider's business.
pub(super) fn check(
    claims: &Object,
    expected: &Expected<'_>,
    now: DateTime<Utc>,
) -> Result<(String, DateTime<Utc>), TokenFlaw> {
    check_issuer(claims, expected.issuer)?;
    expected.audience.check(claims)?;
    check_authorized_party(claims, expected.audience.client_id)?;
    let issued_at = times::check(claims, Expiry::Required, now)?;
    if let Some(nonce) = expected.nonce {
        check_nonce(claims, nonce.expose_secret())?;
    }
    refuse_logout_token(claims)?;
    Ok((subject(claims)?, issued_at))
}

/// `azp`, if present, is us; a token for several audiences must have it. Otherwise
/// a token issued for another client would be accepted (steps 4 and 5).
fn check_authorized_party(claims: &Object, client_id: &str) -> Result<(), TokenFlaw> {
    let several = claims
        .get("aud")
        .and_then(Value::as_array)
        .is_some_and(|aud| aud.len() > 1);
    match claims.get("azp") {
        Some(azp) if azp == client_id => Ok(()),
        None if !several => Ok(()),
        _ => Err(TokenFlaw::AuthorizedParty),
    }
}

/// The one of this sign-in (step 11): any other token is a replay.
fn check_nonce(claims: &Object, nonce: &str) -> Result<(), TokenFlaw> {
    let sent = claims.get("nonce").and_then(Value::as_str);
    let same = sent.is_some_and(|sent| sent.as_bytes().ct_eq(nonce.as_bytes()).into());
    if same { Ok(()) } else { Err(TokenFlaw::Nonce) }
}

/// A logout token is signed with the same keys for the same client, and travels
/// through no browser; it must not become a sign-in (RFC 8725 §3.12).
fn refuse_logout_token(claims: &Object) -> Result<(), TokenFlaw> {
    if claims.contains_key("events") {
        Err(TokenFlaw::LogoutToken)
    } else {
        Ok(())
    }
}

/// `at_hash`, if present, belongs to the access token that came along: another
/// person's access token would bring that person's groups from userinfo (Core §3.1.3.8).
pub(super) fn check_access_token_hash(
    claims: &Object,
    access_token: Option<&str>,
    key: &Key,
    alg: SigningAlg,
) -> Result<(), TokenFlaw> {
    let (Some(hash), Some(access_token)) = (claims.get("at_hash"), access_token) else {
        return Ok(());
    };
    match key.half_hash(alg, access_token) {
        Some(expected) if hash == expected.as_str() => Ok(()),
        _ => Err(TokenFlaw::AccessTokenHash),
    }
}
