//! The ID token: every check of OpenID Connect Core §3.1.3.7, and what the threats of RFC 8725 add.
//!
//! [`verify`] is pure. Size, form, key and signature are those of every token (`signed_token`); then
//! come the claims that decide something, each of its one type. All others may have any shape:
//! providers send what they like.
//!
//! The claims are not read by the library: it refuses a whole token because a claim that is not used
//! has a shape of its own, and leaves out `azp`, `iat`, `nbf`, `sub`, `events` and `at_hash`.

use chrono::{DateTime, Utc};
use openidconnect::AccessToken;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use subtle::ConstantTimeEq;

use super::error::TokenFlaw;
use super::jwks::KeySet;
use super::settings::ProviderSettings;
use super::signed_token::{self, Expiry, Signed};
use crate::json::Object;

/// What belongs to the token besides the settings.
pub(super) struct SentWith<'a> {
    /// The nonce of the attempt. None: the answer to a refresh, which belongs to no attempt and need
    /// not repeat it (OpenID Connect Core §12.2).
    pub(super) nonce: Option<&'a SecretString>,
    /// The one that came with the token, if any.
    pub(super) access_token: Option<&'a AccessToken>,
}

/// An ID token that passed every check.
pub(super) struct VerifiedIdToken {
    pub(super) subject: String,
    /// The provider's name for its session, if it can serve as a name.
    pub(super) sid: Option<String>,
    /// `iat`, by the provider's clock.
    pub(super) issued_at: DateTime<Utc>,
    pub(super) claims: Object,
}

/// Checks the token for a moment in time.
///
/// `max_age` is never asked for, so there is no `auth_time` to be compared, and no `acr` either
/// (ID-12): how people authenticate is the provider's business.
///
/// # Errors
/// The first flaw found.
pub(super) fn verify(
    raw: &str,
    keys: &KeySet,
    settings: &ProviderSettings,
    sent: &SentWith<'_>,
    now: DateTime<Utc>,
) -> Result<VerifiedIdToken, TokenFlaw> {
    let token = signed_token::open(raw, keys, &settings.signing_algs, &[])?;
    let claims = &token.claims;
    signed_token::check_issuer(claims, settings)?;
    signed_token::check_audience(claims, settings)?;
    check_authorized_party(claims, &settings.client_id)?;
    let issued_at = signed_token::check_times(claims, Expiry::Required, now)?;
    if let Some(nonce) = sent.nonce {
        check_nonce(claims, nonce.expose_secret())?;
    }
    // A logout token is signed with the same keys for the same client, and travels through no
    // browser; it must not become a sign-in (RFC 8725 §3.12).
    if claims.contains_key("events") {
        return Err(TokenFlaw::LogoutToken);
    }
    let subject = signed_token::subject(claims)?;
    check_access_token_hash(&token, sent.access_token)?;
    Ok(VerifiedIdToken {
        subject,
        sid: signed_token::sid(claims),
        issued_at,
        claims: token.claims,
    })
}

/// `azp`, if present, is this client; a token for several audiences must have it. Otherwise a token
/// issued for another client would be accepted (steps 4 and 5).
fn check_authorized_party(claims: &Object, client_id: &str) -> Result<(), TokenFlaw> {
    let audience = claims.get("aud").and_then(Value::as_array);
    let several = audience.is_some_and(|audience| audience.len() > 1);
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

/// `at_hash`, if present, belongs to the access token that came along: another person's access token
/// would bring that person's groups from userinfo (Core §3.1.3.8).
fn check_access_token_hash(
    token: &Signed<'_>,
    access_token: Option<&AccessToken>,
) -> Result<(), TokenFlaw> {
    let (Some(hash), Some(access_token)) = (token.claims.get("at_hash"), access_token) else {
        return Ok(());
    };
    match token.key.half_hash(token.alg, access_token.secret()) {
        Some(expected) if hash == expected.as_str() => Ok(()),
        _ => Err(TokenFlaw::AccessTokenHash),
    }
}

#[cfg(test)]
mod tests;
