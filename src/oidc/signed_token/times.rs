//! `exp`, `iat` and `nbf`: numbers of seconds (RFC 7519 §2, `NumericDate`), also with a
//! fraction or an exponent, rounded down.
//!
//! Elsewhere a string (`"99999999999"`) made a check fall away (CVE-2026-25537).
//! So a time that is no number is refused.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;

use super::TokenFlaw;
use crate::json::Object;

/// By how much clocks may differ for `exp` and `nbf`. Longer would keep tokens alive
/// that the provider has ended.
pub const LEEWAY: TimeDelta = TimeDelta::seconds(30);
/// How old a token may be when it arrives straight from the provider: an old one is
/// a replay.
pub const ISSUED_BEFORE_MAX: TimeDelta = TimeDelta::minutes(10);
/// How far `iat` may lie ahead, for clocks that differ; further is a forgery or a
/// provider whose other times cannot be believed either.
pub const ISSUED_AHEAD_MAX: TimeDelta = TimeDelta::seconds(60);

/// 2^53: up to there every whole number of seconds has a floating-point number.
const SECONDS_MAX: f64 = 9_007_199_254_740_992.0;

/// Whether there must be an `exp`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::oidc) enum Expiry {
    Required,
    Optional,
}

/// Gives `iat`.
///
/// # Errors
/// When `iat` or a required `exp` is missing, one of the three is no number of
/// seconds since 1970, or the token is over, too old, from the future, or not valid
/// yet.
pub(in crate::oidc) fn check(
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

fn moment(claims: &Object, name: &str) -> Result<Option<DateTime<Utc>>, TokenFlaw> {
    let Some(value) = claims.get(name) else {
        return Ok(None);
    };
    let moment = seconds(value).and_then(|seconds| DateTime::from_timestamp(seconds, 0));
    moment.map(Some).ok_or(TokenFlaw::Time)
}

/// Seconds since 1970, rounded down.
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
