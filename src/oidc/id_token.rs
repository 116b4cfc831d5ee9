//! The ID token: every check of OpenID Connect Core §3.1.3.7, and those that RFC 8725 adds.
//!
//! [`verify`] is pure. The checks of every token come first (`signed_token`), then the claims that
//! decide something, each with one type. All other claims may have any type.
//!
//! The library does not read the claims: it refuses a whole token because of the type of a claim
//! that is not used, and does not check `azp`, `iat`, `nbf`, `sub`, `events` and `at_hash`.

use chrono::{DateTime, TimeDelta, Utc};
use openidconnect::AccessToken;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use subtle::ConstantTimeEq;

use super::error::TokenFlaw;
use super::jwks::KeySet;
use super::settings::ProviderSettings;
use super::signed_token::{self, Audiences, Signed, TokenKind};
use crate::json::Object;

/// The context of a token, besides the settings.
pub(super) struct SentWith<'a> {
    /// Nonce of the attempt. `None` for the answer to a refresh, which need not repeat it (OpenID
    /// Connect Core §12.2), and for a token of a sign-in that was not the bridge's.
    pub(super) nonce: Option<&'a SecretString>,
    /// The access token from the same answer, if any.
    pub(super) access_token: Option<&'a AccessToken>,
    /// Greatest age by `iat`; `None`: as old as `exp` allows.
    pub(super) max_age: Option<TimeDelta>,
}

/// An ID token that passed every check.
pub(super) struct VerifiedIdToken {
    pub(super) subject: String,
    /// The provider's session id, if it is valid.
    pub(super) sid: Option<String>,
    /// `iat`, by the provider's clock.
    pub(super) issued_at: DateTime<Utc>,
    /// `exp`, by the provider's clock.
    pub(super) expires_at: DateTime<Utc>,
    pub(super) claims: Object,
}

/// Verifies the token at a given time.
///
/// The bridge never requests `max_age`, so `auth_time` is not checked, and neither is `acr`
/// (ID-12): the provider decides how people authenticate.
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
    let token = signed_token::open(raw, keys, &settings.signing_algs, TokenKind::Plain)?;
    let claims = &token.claims;
    signed_token::check_issuer(claims, settings)?;
    Audiences::of_client(settings).check(claims)?;
    check_authorized_party(claims, &settings.client_id)?;
    let times = signed_token::check_times(claims, sent.max_age, now)?;
    let issued_at = times.issued_at.ok_or(TokenFlaw::Time)?;
    let expires_at = times.expires_at.ok_or(TokenFlaw::Time)?;
    if let Some(nonce) = sent.nonce {
        check_nonce(claims, nonce.expose_secret())?;
    }
    // A logout token has the same keys and client and never passes through a browser; it must not
    // become a sign-in (RFC 8725 §3.12).
    if claims.contains_key("events") {
        return Err(TokenFlaw::LogoutToken);
    }
    let subject = signed_token::subject(claims)?;
    check_access_token_hash(&token, sent.access_token)?;
    Ok(VerifiedIdToken {
        subject,
        sid: signed_token::sid(claims),
        issued_at,
        expires_at,
        claims: token.claims,
    })
}

/// `azp`, if present, must be this client; a token for several audiences must have it. Otherwise a
/// token for another client would be accepted (steps 4 and 5).
fn check_authorized_party(claims: &Object, client_id: &str) -> Result<(), TokenFlaw> {
    let audience = claims.get("aud").and_then(Value::as_array);
    let several = audience.is_some_and(|audience| audience.len() > 1);
    match claims.get("azp") {
        Some(azp) if azp == client_id => Ok(()),
        None if !several => Ok(()),
        _ => Err(TokenFlaw::AuthorizedParty),
    }
}

/// The nonce must be that of this sign-in (step 11); a token with another one is a replay.
fn check_nonce(claims: &Object, nonce: &str) -> Result<(), TokenFlaw> {
    let sent = claims.get("nonce").and_then(Value::as_str);
    let same = sent.is_some_and(|sent| sent.as_bytes().ct_eq(nonce.as_bytes()).into());
    if same { Ok(()) } else { Err(TokenFlaw::Nonce) }
}

/// `at_hash`, if present, must match the access token: another person's access token would bring
/// that person's groups from userinfo (Core §3.1.3.8).
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
pub(super) mod tests;
