//! `exp`, `iat` and `nbf`: numbers of whole seconds, read strictly.
//!
//! Elsewhere a string (`"99999999999"`) made a check fall away (CVE-2026-25537).
//! So a time that is no whole number is refused.

use chrono::{DateTime, TimeDelta, Utc};

use super::Flaw;
use crate::once::Object;

/// By how much clocks may differ for `exp` and `nbf`. Longer would keep tokens alive
/// that the provider has ended.
pub const LEEWAY: TimeDelta = TimeDelta::seconds(30);
/// How old a token may be when it arrives straight from the provider: an old one is
/// a replay.
pub const ISSUED_BEFORE_MAX: TimeDelta = TimeDelta::minutes(10);
/// How far `iat` may lie ahead, for clocks that differ; further is a forgery or a
/// provider whose other times cannot be believed either.
pub const ISSUED_AHEAD_MAX: TimeDelta = TimeDelta::seconds(60);

/// Whether there must be an `exp`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::upstream) enum Expiry {
    Required,
    Optional,
}

/// Gives `iat`.
///
/// # Errors
/// When `iat` or a required `exp` is missing, one of the three is no whole number of
/// seconds since 1970, or the token is over, too old, from the future, or not valid
/// yet.
pub(in crate::upstream) fn check(
    claims: &Object,
    expiry: Expiry,
    now: DateTime<Utc>,
) -> Result<DateTime<Utc>, Flaw> {
    let expires = moment(claims, "exp")?;
    let issued = moment(claims, "iat")?.ok_or(Flaw::Time)?;
    let not_before = moment(claims, "nbf")?;
    if expires.is_none() && expiry == Expiry::Required {
        return Err(Flaw::Time);
    }
    if expires.is_some_and(|expires| expires <= now - LEEWAY) {
        return Err(Flaw::Expired);
    }
    if issued < now - ISSUED_BEFORE_MAX || issued > now + ISSUED_AHEAD_MAX {
        return Err(Flaw::IssuedAt);
    }
    if not_before.is_some_and(|moment| moment > now + LEEWAY) {
        return Err(Flaw::NotBefore);
    }
    Ok(issued)
}

fn moment(claims: &Object, name: &str) -> Result<Option<DateTime<Utc>>, Flaw> {
    let Some(value) = claims.get(name) else {
        return Ok(None);
    };
    let seconds = value
        .as_u64()
        .and_then(|seconds| i64::try_from(seconds).ok());
    let moment = seconds.and_then(|seconds| DateTime::from_timestamp(seconds, 0));
    moment.map(Some).ok_or(Flaw::Time)
}
