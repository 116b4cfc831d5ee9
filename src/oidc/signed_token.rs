//! Checks for all tokens that the provider signs: format, header, key, signature, issuer, audience
//! and times. `id_token`, `logout_token` and `subject_token` check the kind of token.
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

/// The header's `typ` of a logout token (OpenID Connect Back-Channel Logout 1.0 §2.4).
const LOGOUT_TOKEN: &str = "logout+jwt";

/// The header's `typ` of an access token (RFC 9068 §2.1).
const ACCESS_TOKEN: &str = "at+jwt";

/// What the header's `typ` has to say. An access token or a logout token must not sign a user in,
/// and no other token is an access token (RFC 8725 §3.11).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TokenKind {
    /// `JWT` (RFC 7519 §5.1) or nothing: ID tokens and signed userinfo.
    Plain,
    /// `logout+jwt`; older providers send `JWT` or nothing.
    Logout,
    /// `at+jwt` and nothing else, because providers sign other tokens with the same keys (RFC 9068
    /// §4).
    Access,
}

impl TokenKind {
    fn allows(self, typ: Option<&Value>) -> bool {
        let Some(typ) = typ else {
            return self != Self::Access;
        };
        match self {
            Self::Plain => is_typ(typ, "JWT"),
            Self::Logout => is_typ(typ, "JWT") || is_typ(typ, LOGOUT_TOKEN),
            Self::Access => is_typ(typ, ACCESS_TOKEN),
        }
    }
}

/// A token with a valid signature by one of the provider's keys. Audience and purpose are not
/// checked yet.
pub(super) struct Signed<'k> {
    pub(super) claims: Object,
    pub(super) key: &'k Key,
    pub(super) alg: SigningAlg,
}

/// Parses the token (RFC 7515 §7.1) and checks its signature.
///
/// # Errors
/// The first flaw found.
pub(super) fn open<'k>(
    raw: &str,
    keys: &'k KeySet,
    algs: &[SigningAlg],
    kind: TokenKind,
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
    let alg = check_header(&header, algs, kind)?;
    let key = fitting_key(&header, alg, keys)?;
    if key.verify(alg, input, &signature) {
        Ok(Signed { claims, key, alg })
    } else {
        Err(TokenFlaw::Signature)
    }
}

/// The kind of a JWT by its header alone, which is not verified. `None`: the token is not a JWT, so
/// only the provider can read it. An encrypted JWT counts as a plain one, which it never passes for.
pub(super) fn kind(raw: &str) -> Option<TokenKind> {
    let (header, _) = raw.split_once('.')?;
    let header = URL_SAFE_NO_PAD.decode(header.trim_end_matches('=')).ok()?;
    if !header.trim_ascii_start().starts_with(b"{") {
        return None;
    }
    let typ = json::object(&header).and_then(|header| header.get("typ").cloned());
    Some(match typ {
        Some(typ) if is_typ(&typ, ACCESS_TOKEN) => TokenKind::Access,
        _ => TokenKind::Plain,
    })
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
    kind: TokenKind,
) -> Result<SigningAlg, TokenFlaw> {
    // Compression: a few kilobytes could inflate to gigabytes, and no known provider uses it.
    if header.contains_key("zip") {
        return Err(TokenFlaw::Compressed);
    }
    // No critical extensions are supported (RFC 7515 §4.1.11). `cty` announces a nested token.
    if header.contains_key("crit") || header.contains_key("cty") {
        return Err(TokenFlaw::Type);
    }
    if !kind.allows(header.get("typ")) {
        return Err(TokenFlaw::Type);
    }
    let alg = header.get("alg").and_then(Value::as_str);
    alg.and_then(SigningAlg::parse)
        .filter(|alg| algs.contains(alg))
        .ok_or(TokenFlaw::Algorithm)
}

/// Compares case-insensitively; RFC 7515 §4.1.9 allows leaving out the prefix.
fn is_typ(typ: &Value, wanted: &str) -> bool {
    const PREFIX: &str = "application/";
    typ.as_str().is_some_and(|typ| {
        let bare = match typ.get(..PREFIX.len()) {
            Some(prefix) if prefix.eq_ignore_ascii_case(PREFIX) => &typ[PREFIX.len()..],
            _ => typ,
        };
        bare.eq_ignore_ascii_case(wanted)
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

/// Whom a token may be for.
pub(super) struct Audiences<'a> {
    /// One of these must be named.
    pub(super) own: &'a [String],
    /// These may be named too.
    pub(super) further: &'a [String],
    /// The variable that allows more.
    pub(super) variable: &'static str,
}

impl<'a> Audiences<'a> {
    /// This client, alone or with those of `OIDC_TRUSTED_AUDIENCES` (OpenID Connect Core §3.1.3.7,
    /// step 3).
    pub(super) fn of_client(settings: &'a ProviderSettings) -> Self {
        Self {
            own: std::slice::from_ref(&settings.client_id),
            further: &settings.trusted_audiences,
            variable: "OIDC_TRUSTED_AUDIENCES",
        }
    }

    /// Compares exactly. Any audience that is not allowed could pass the token on to the bridge.
    pub(super) fn check(&self, claims: &Object) -> Result<(), TokenFlaw> {
        let named = match claims.get("aud") {
            Some(Value::Array(several)) => several.as_slice(),
            Some(one) => std::slice::from_ref(one),
            None => &[],
        };
        let is_own = |one: &Value| self.own.iter().any(|own| one == own);
        if !named.iter().any(is_own) {
            return Err(TokenFlaw::Audience);
        }
        let is_further = |one: &Value| self.further.iter().any(|further| one == further);
        let Some(other) = named.iter().find(|one| !is_own(one) && !is_further(one)) else {
            return Ok(());
        };
        tracing::warn!(
            event = "audience_not_trusted",
            audience = name(other, SUBJECT_MAX).unwrap_or_default(),
            "a token is for another audience too; if that is meant, add it to {}",
            self.variable
        );
        Err(TokenFlaw::Audience)
    }
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

/// The times of a token. The caller says which it requires.
pub(super) struct Times {
    pub(super) issued_at: Option<DateTime<Utc>>,
    pub(super) expires_at: Option<DateTime<Utc>>,
}

/// Reads and checks `exp`, `iat` and `nbf`. `max_age`: the greatest age by `iat`; `None`: as old as
/// `exp` allows.
///
/// # Errors
/// If one of the three is present but not a number of seconds since 1970, or the token is expired,
/// too old, from the future, or not valid yet.
pub(super) fn check_times(
    claims: &Object,
    max_age: Option<TimeDelta>,
    now: DateTime<Utc>,
) -> Result<Times, TokenFlaw> {
    let expires_at = moment(claims, "exp")?;
    let issued_at = moment(claims, "iat")?;
    let not_before = moment(claims, "nbf")?;
    if expires_at.is_some_and(|expires| expires <= now - LEEWAY) {
        return Err(TokenFlaw::Expired);
    }
    let is_too_old = |issued| max_age.is_some_and(|max_age| issued < now - max_age);
    if issued_at.is_some_and(|issued| is_too_old(issued) || issued > now + ISSUED_AHEAD_MAX) {
        return Err(TokenFlaw::IssuedAt);
    }
    if not_before.is_some_and(|moment| moment > now + LEEWAY) {
        return Err(TokenFlaw::NotBefore);
    }
    Ok(Times {
        issued_at,
        expires_at,
    })
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
