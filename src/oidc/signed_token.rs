//! Checks for all tokens that the provider signs: format, header, key, signature, issuer, audience
//! and times. `id_token` and `logout_token` check the kind of token.
//!
//! Header members that bring or locate a key (`jku`, `jwk`, `x5u`, `x5c`) are ignored: keys come
//! from `jwks` only.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;

use super::error::TokenFlaw;
use super::jwks::{Key, KeySet, SigningAlg};
use super::settings::ProviderSettings;
use crate::domain::identity::SUBJECT_MAX;
use crate::json::{self, Object};

/// Longest token in bytes, checked before decoding: a token of megabytes would cost memory and time
/// before its signature is found to be wrong.
pub const TOKEN_MAX: usize = 64 * 1024;

/// Allowed clock difference for `exp` and `nbf`. A longer one would keep tokens valid that the
/// provider has ended.
const LEEWAY: TimeDelta = TimeDelta::seconds(30);

/// Greatest age of a token that arrives directly from the provider: an older one is a replay.
pub(super) const ISSUED_BEFORE_MAX: TimeDelta = TimeDelta::minutes(10);

/// How far `iat` may be in the future, because of clock differences. Beyond that the token is
/// forged, or the provider's other times are wrong too.
const ISSUED_AHEAD_MAX: TimeDelta = TimeDelta::seconds(60);

/// 2^53: up to this value, a floating-point number can represent every whole second.
const SECONDS_MAX: f64 = 9_007_199_254_740_992.0;

/// Longest `sid` in bytes.
const SID_MAX: usize = 255;

/// A token with a valid signature by one of the provider's keys. Audience and purpose are not
/// checked yet.
pub(super) struct Signed<'k> {
    pub(super) claims: Object,
    pub(super) key: &'k Key,
    pub(super) alg: SigningAlg,
}

/// Parses the token (RFC 7515 §7.1) and checks its signature. `kinds`: the values that `typ` may
/// have besides being absent or `JWT`.
///
/// # Errors
/// The first flaw found.
pub(super) fn open<'k>(
    raw: &str,
    keys: &'k KeySet,
    algs: &[SigningAlg],
    kinds: &[&str],
) -> Result<Signed<'k>, TokenFlaw> {
    if raw.len() > TOKEN_MAX {
        return Err(TokenFlaw::TooLarge);
    }
    // Five parts would be an encrypted token, which may contain an unsigned one.
    let (input, signature) = raw.rsplit_once('.').ok_or(TokenFlaw::NotThreeParts)?;
    let (header, claims) = input.split_once('.').ok_or(TokenFlaw::NotThreeParts)?;
    if claims.contains('.') {
        return Err(TokenFlaw::NotThreeParts);
    }
    let object = |part| json::object(&decode(part)?).ok_or(TokenFlaw::Unreadable);
    let (header, claims, signature) = (object(header)?, object(claims)?, decode(signature)?);
    let alg = check_header(&header, algs, kinds)?;
    let key = fitting_key(&header, alg, keys)?;
    if key.verify(alg, input, &signature) {
        Ok(Signed { claims, key, alg })
    } else {
        Err(TokenFlaw::Signature)
    }
}

fn decode(part: &str) -> Result<Vec<u8>, TokenFlaw> {
    URL_SAFE_NO_PAD
        .decode(part)
        .map_err(|_| TokenFlaw::Unreadable)
}

/// Checks the header (RFC 7515 §4.1).
fn check_header(
    header: &Object,
    algs: &[SigningAlg],
    kinds: &[&str],
) -> Result<SigningAlg, TokenFlaw> {
    // Compression: a few kilobytes could inflate to gigabytes, and no known provider uses it.
    if header.contains_key("zip") {
        return Err(TokenFlaw::Compressed);
    }
    // No critical extensions are supported (RFC 7515 §4.1.11). `cty` announces a nested token.
    if header.contains_key("crit") || header.contains_key("cty") {
        return Err(TokenFlaw::Type);
    }
    // An access token (`at+jwt`) or a logout token must not sign a user in, and an access token
    // must not sign a user out (RFC 8725 §3.11).
    if !header.get("typ").is_none_or(|typ| is_one_of(typ, kinds)) {
        return Err(TokenFlaw::Type);
    }
    let alg = header.get("alg").and_then(Value::as_str);
    alg.and_then(SigningAlg::parse)
        .filter(|alg| algs.contains(alg))
        .ok_or(TokenFlaw::Algorithm)
}

/// `JWT` (RFC 7519 §5.1) or one of these kinds, case-insensitively; RFC 7515 §4.1.9 allows leaving
/// out the prefix.
fn is_one_of(typ: &Value, kinds: &[&str]) -> bool {
    const PREFIX: &str = "application/";
    typ.as_str().is_some_and(|typ| {
        let bare = match typ.get(..PREFIX.len()) {
            Some(prefix) if prefix.eq_ignore_ascii_case(PREFIX) => &typ[PREFIX.len()..],
            _ => typ,
        };
        let mut allowed = kinds.iter().chain(&["JWT"]);
        allowed.any(|kind| bare.eq_ignore_ascii_case(kind))
    })
}

/// The one key that may have signed the token. Several keys are refused, because trying each would
/// let the token choose.
fn fitting_key<'k>(
    header: &Object,
    alg: SigningAlg,
    keys: &'k KeySet,
) -> Result<&'k Key, TokenFlaw> {
    let kid = match header.get("kid") {
        None | Some(Value::Null) => None,
        Some(kid) => Some(kid.as_str().ok_or(TokenFlaw::UnknownKey)?).filter(|kid| !kid.is_empty()),
    };
    let fitting = keys.fitting(alg, kid);
    let (first, others) = fitting.split_first().ok_or(TokenFlaw::UnknownKey)?;
    if others.iter().all(|other| other.is_same_key(first)) {
        Ok(first)
    } else {
        Err(TokenFlaw::AmbiguousKey)
    }
}

/// Exact comparison (OpenID Connect Core §3.1.3.7, step 2).
pub(super) fn check_issuer(claims: &Object, settings: &ProviderSettings) -> Result<(), TokenFlaw> {
    match claims.get("iss") {
        Some(iss) if *iss == settings.issuer => Ok(()),
        _ => Err(TokenFlaw::Issuer),
    }
}

/// The audience must be this client, alone or with those of `OIDC_TRUSTED_AUDIENCES` (step 3): any
/// other audience could pass the token on to the bridge.
pub(super) fn check_audience(
    claims: &Object,
    settings: &ProviderSettings,
) -> Result<(), TokenFlaw> {
    let named = match claims.get("aud") {
        Some(Value::Array(several)) => several.as_slice(),
        Some(one) => std::slice::from_ref(one),
        None => &[],
    };
    let is_client = |one: &Value| *one == settings.client_id;
    if !named.iter().any(is_client) {
        return Err(TokenFlaw::Audience);
    }
    let trusted = |one: &&Value| settings.trusted_audiences.iter().any(|t| *one == t);
    let Some(other) = named.iter().find(|one| !is_client(one) && !trusted(one)) else {
        return Ok(());
    };
    tracing::warn!(
        event = "audience_not_trusted",
        audience = name(other, SUBJECT_MAX).unwrap_or_default(),
        "a token is for another audience too; if that is meant, add it to OIDC_TRUSTED_AUDIENCES"
    );
    Err(TokenFlaw::Audience)
}

/// `sub` identifies a person, so it must be safe to store, compare and log.
pub(super) fn subject(claims: &Object) -> Result<String, TokenFlaw> {
    let subject = claims.get("sub").ok_or(TokenFlaw::Subject)?;
    name(subject, SUBJECT_MAX).ok_or(TokenFlaw::Subject)
}

/// The provider's session id, if it is valid.
pub(super) fn sid(claims: &Object) -> Option<String> {
    name(claims.get("sid")?, SID_MAX)
}

fn name(value: &Value, longest: usize) -> Option<String> {
    let is_printable = |byte: u8| byte == b' ' || byte.is_ascii_graphic();
    let name = value.as_str()?;
    let fits = (1..=longest).contains(&name.len()) && name.bytes().all(is_printable);
    fits.then(|| name.to_owned())
}

/// Whether `exp` is required.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Expiry {
    Required,
    Optional,
}

/// Checks `exp`, `iat` and `nbf`; returns `iat`.
///
/// # Errors
/// If `iat` or a required `exp` is missing, one of the three is not a number of seconds since 1970,
/// or the token is expired, too old, from the future, or not valid yet.
pub(super) fn check_times(
    claims: &Object,
    expiry: Expiry,
    now: DateTime<Utc>,
) -> Result<DateTime<Utc>, TokenFlaw> {
    let expires = moment(claims, "exp")?;
    let issued = moment(claims, "iat")?.ok_or(TokenFlaw::Time)?;
    let not_before = moment(claims, "nbf")?;
    if expires.is_none() && expiry == Expiry::Required {
        return Err(TokenFlaw::Time);
    }
    if expires.is_some_and(|expires| expires <= now - LEEWAY) {
        return Err(TokenFlaw::Expired);
    }
    if issued < now - ISSUED_BEFORE_MAX || issued > now + ISSUED_AHEAD_MAX {
        return Err(TokenFlaw::IssuedAt);
    }
    if not_before.is_some_and(|moment| moment > now + LEEWAY) {
        return Err(TokenFlaw::NotBefore);
    }
    Ok(issued)
}

/// Seconds since 1970 (RFC 7519 §2, `NumericDate`), also with a fraction or an exponent, rounded
/// down. Other types are refused: in another library, a string (`"99999999999"`) skipped the check
/// (CVE-2026-25537).
fn moment(claims: &Object, name: &str) -> Result<Option<DateTime<Utc>>, TokenFlaw> {
    let Some(value) = claims.get(name) else {
        return Ok(None);
    };
    let moment = seconds(value).and_then(|seconds| DateTime::from_timestamp(seconds, 0));
    moment.map(Some).ok_or(TokenFlaw::Time)
}

fn seconds(number: &Value) -> Option<i64> {
    if let Some(whole) = number.as_u64() {
        return whole.try_into().ok();
    }
    let number = number.as_f64().filter(|n| (0.0..SECONDS_MAX).contains(n))?;
    #[expect(
        clippy::cast_possible_truncation,
        reason = "within the bounds of i64, and rounding down is meant"
    )]
    Some(number as i64)
}
