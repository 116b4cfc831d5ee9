//! The ID token: every check of OpenID Connect Core §3.1.3.7, and what the threats
//! of RFC 8725 add.
//!
//! `verify` is pure. Its steps, in order:
//!
//! 1. size and form, before anything is decoded;
//! 2. what the library does not look at in header and times (`refuse_zip`, `times`);
//! 3. the library: signature, algorithm, `typ`, `crit`, `iss`, `aud`, `exp` and `nonce`;
//! 4. what it leaves out: `azp`, `iat`, `nbf`, `sub`, `events`, `at_hash`.
//!
//! Header members that name a key's place or bring one along (`jku`, `jwk`, `x5u`,
//! `x5c`) are not read by anything: keys come from `super::keys` alone.

mod flaw;
mod times;

#[cfg(test)]
mod tests;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use openidconnect::core::{
    CoreGenderClaim, CoreIdTokenVerifier, CoreJsonWebKey, CoreJweContentEncryptionAlgorithm,
    CoreJwsSigningAlgorithm,
};
use openidconnect::{
    AccessToken, AccessTokenHash, ClientId, EmptyAdditionalClaims, IdToken, IssuerUrl,
    JsonWebTokenType, Nonce,
};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value};

pub use flaw::Flaw;

use super::SigningAlg;
use super::keys::KeySet;

/// Longest token in bytes, looked at before any decoding: a token of megabytes
/// would cost memory and time before its signature is seen to be wrong.
pub const ID_TOKEN_MAX: usize = 64 * 1024;

/// Longest `sub` in bytes (OpenID Connect Core §2): it names a row and a person.
pub const SUBJECT_MAX: usize = 255;

/// Longest `sid` in bytes that is kept.
const SID_MAX: usize = 255;

/// A JSON object: of a header, or of claims.
type Object = Map<String, Value>;

/// The library's reading of the token.
type Parsed = IdToken<
    EmptyAdditionalClaims,
    CoreGenderClaim,
    CoreJweContentEncryptionAlgorithm,
    CoreJwsSigningAlgorithm,
>;

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
        let sid = self.claims.get("sid")?.as_str()?;
        let fits = (1..=SID_MAX).contains(&sid.len()) && sid.bytes().all(is_printable);
        fits.then(|| sid.to_owned())
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
    if raw.len() > ID_TOKEN_MAX {
        return Err(Flaw::TooLarge);
    }
    let (header, claims) = decode(raw)?;
    refuse_zip(&header)?;
    let times = times::read(&claims)?;

    let token: Parsed = raw.parse().map_err(|_| Flaw::Unreadable)?;
    let verifier = verifier(keys, expected, now)?;
    let nonce = Nonce::new(expected.nonce.expose_secret().to_owned());
    token
        .claims(&verifier, &nonce)
        .map_err(|error| Flaw::from_library(&error))?;

    check_authorized_party(&claims, expected.client_id)?;
    times.check(now)?;
    let subject = subject(&claims)?;
    refuse_logout_token(&claims)?;
    check_access_token_hash(&claims, &token, &verifier, expected.access_token)?;
    Ok(VerifiedIdToken { subject, claims })
}

/// Exactly three parts (five would be an encrypted token, in which an unsigned one
/// can hide), of which the first two are JSON objects.
fn decode(raw: &str) -> Result<(Object, Object), Flaw> {
    let mut parts = raw.split('.');
    let (Some(header), Some(payload), Some(_), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(Flaw::NotThreeParts);
    };
    Ok((object(header)?, object(payload)?))
}

fn object(part: &str) -> Result<Object, Flaw> {
    let bytes = URL_SAFE_NO_PAD.decode(part).map_err(|_| Flaw::Unreadable)?;
    serde_json::from_slice(&bytes).map_err(|_| Flaw::Unreadable)
}

/// A few kilobytes that inflate to gigabytes; nobody signs such ID tokens.
fn refuse_zip(header: &Object) -> Result<(), Flaw> {
    if header.contains_key("zip") {
        Err(Flaw::Compressed)
    } else {
        Ok(())
    }
}

/// A verifier that knows no secret: as for a public client, so that no `HS*`
/// token can pass even if the list of algorithms were wrong.
fn verifier(
    keys: &KeySet,
    expected: &Expected<'_>,
    now: DateTime<Utc>,
) -> Result<CoreIdTokenVerifier<'static>, Flaw> {
    let issuer = IssuerUrl::new(expected.issuer.to_owned()).map_err(|_| Flaw::Issuer)?;
    let jwt = JsonWebTokenType::new("JWT".to_owned())
        .normalize()
        .map_err(|_| Flaw::Type)?;
    let algs = expected.algs.iter().map(|alg| alg.to_library());
    Ok(CoreIdTokenVerifier::new_public_client(
        ClientId::new(expected.client_id.to_owned()),
        issuer,
        keys.to_library(),
    )
    .set_allowed_algs(algs)
    // An access token (`at+jwt`) or a logout token must not sign anybody in (RFC 8725 §3.11).
    .set_allowed_jose_types([jwt])
    .set_time_fn(move || now - times::LEEWAY))
}

/// `azp`, if present, is us; a token for several audiences must have it. Otherwise
/// a token that somebody got for another client would do (Core §3.1.3.7, steps 4 and 5).
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

fn is_printable(byte: u8) -> bool {
    byte == b' ' || byte.is_ascii_graphic()
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

/// `at_hash`, if present, belongs to the access token that came along: another
/// person's access token would bring that person's groups from userinfo (Core §3.1.3.8).
fn check_access_token_hash(
    claims: &Object,
    token: &Parsed,
    verifier: &CoreIdTokenVerifier<'_>,
    access_token: Option<&SecretString>,
) -> Result<(), Flaw> {
    let (Some(hash), Some(access_token)) = (claims.get("at_hash"), access_token) else {
        return Ok(());
    };
    let key: &CoreJsonWebKey = token.signing_key(verifier).map_err(|_| Flaw::Signature)?;
    let alg = token.signing_alg().map_err(|_| Flaw::Signature)?;
    let access_token = AccessToken::new(access_token.expose_secret().to_owned());
    match AccessTokenHash::from_token(&access_token, alg, key) {
        Ok(expected) if hash == expected.as_str() => Ok(()),
        _ => Err(Flaw::AccessTokenHash),
    }
}
