//! A sign-in under way, sealed for the browser to carry.
//!
//! Beginning a sign-in writes nothing to the database, so a million begun and
//! abandoned leave nothing behind (LR-11). The cookie is named after the
//! attempt's state: two tabs have two.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta, Utc};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::return_to::ReturnTo;
use crate::fingerprint::{fingerprint, is_fingerprint};
use crate::oidc::{Attempt, AttemptSecrets};
use crate::random;
use crate::seal::{Seal, SealError};

/// Time limit for a sign-in at the provider (CB-3).
pub const ATTEMPT_MINUTES: i64 = 10;

const PURPOSE: &str = "sign-in attempt";

const MARK: &str = "mark of a sign-in attempt";

/// Longest return address in a mark, in bytes: the state is a parameter of two
/// addresses, and some providers take short ones only.
const MARKED_RETURN_TO_MAX_BYTES: usize = 256;

/// What the cookie holds, in the clear only in here.
#[derive(Serialize, Deserialize)]
struct Wire {
    state: String,
    nonce: String,
    verifier: String,
    return_to: String,
    begun_at: i64,
    /// The milliseconds beside these seconds; not there where an older version began it.
    #[serde(default)]
    begun_at_millis: u32,
}

/// An attempt for the browser.
#[derive(Debug, Clone)]
pub struct SealedAttempt {
    /// Names the cookie; from the state, and safe in a name.
    pub label: String,
    /// The cookie's value.
    pub value: String,
}

/// An attempt that came back.
#[derive(Debug)]
pub struct OpenedAttempt {
    /// Digest of the state: what is spent.
    pub id: [u8; 32],
    /// What the provider's answer is checked with.
    pub secrets: AttemptSecrets,
    /// Where to go afterwards, not judged again yet.
    pub return_to: String,
    /// When it began.
    pub begun_at: DateTime<Utc>,
}

/// Why a sealed attempt is not opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unopened {
    /// Altered, of another state, or sealed elsewhere.
    Foreign,
    /// It was good, and is too old.
    Expired {
        /// Where to go afterwards, not judged again yet.
        return_to: String,
    },
}

/// What a state says of its attempt by itself, when the cookie is not there:
/// whether the browser has dropped it after its ten minutes, or never kept it.
#[derive(Debug, PartialEq, Eq)]
pub struct Mark {
    begun_at: DateTime<Utc>,
    /// Where to go afterwards, not judged again yet; none if it was long.
    pub return_to: Option<String>,
}

impl Mark {
    /// Whether the cookie should still be there.
    pub fn is_young(&self, now: DateTime<Utc>) -> bool {
        is_young(self.begun_at, now)
    }
}

/// The name of the cookie of a state.
pub fn label(state: &str) -> String {
    fingerprint(state.as_bytes())
}

/// Whether `text` has the form of a label. Cookies whose names only begin like
/// those of attempts belong to another application, such as another bridge's on this host.
pub fn is_label(text: &str) -> bool {
    is_fingerprint(text)
}

fn digest(state: &str) -> [u8; 32] {
    Sha256::digest(state.as_bytes()).into()
}

/// Seals an attempt that begins now.
pub fn seal(
    seal: &Seal,
    attempt: &Attempt,
    return_to: &ReturnTo,
    now: DateTime<Utc>,
) -> Result<SealedAttempt, SealError> {
    let wire = Wire {
        state: attempt.state.clone(),
        nonce: attempt.secrets.nonce.expose_secret().to_owned(),
        verifier: attempt.secrets.verifier.expose_secret().to_owned(),
        return_to: return_to.as_str().to_owned(),
        begun_at: now.timestamp(),
        begun_at_millis: now.timestamp_subsec_millis(),
    };
    let plain = serde_json::to_vec(&wire).map_err(|_| SealError::Sealing)?;
    Ok(SealedAttempt {
        label: label(&attempt.state),
        value: URL_SAFE_NO_PAD.encode(seal.seal(PURPOSE, &plain)?),
    })
}

/// The mark for a state whose attempt begins now. It is sealed: the provider and
/// its logs learn nothing from it.
pub fn mark(seal: &Seal, return_to: &ReturnTo, now: DateTime<Utc>) -> Result<String, SealError> {
    let mut plain = now.timestamp().to_be_bytes().to_vec();
    let return_to = return_to.as_str().as_bytes();
    if return_to.len() <= MARKED_RETURN_TO_MAX_BYTES {
        plain.extend(return_to);
    }
    loop {
        let mark = URL_SAFE_NO_PAD.encode(seal.seal(MARK, &plain)?);
        if random::is_harmless(&mark) {
            return Ok(mark);
        }
    }
}

/// The mark of a state; none if the state is not one of ours.
pub fn marked(seal: &Seal, state: &str) -> Option<Mark> {
    let (_, mark) = state.split_once('.')?;
    let plain = seal.open(MARK, &URL_SAFE_NO_PAD.decode(mark).ok()?).ok()?;
    let (seconds, return_to) = plain.split_first_chunk()?;
    let return_to = String::from_utf8(return_to.to_vec()).ok()?;
    Some(Mark {
        begun_at: DateTime::from_timestamp(i64::from_be_bytes(*seconds), 0)?,
        return_to: Some(return_to).filter(|address| !address.is_empty()),
    })
}

fn is_young(begun_at: DateTime<Utc>, now: DateTime<Utc>) -> bool {
    let age = now.signed_duration_since(begun_at);
    // A minute less than nothing: the clocks of two instances differ.
    age >= TimeDelta::minutes(-1) && age < TimeDelta::minutes(ATTEMPT_MINUTES)
}

/// Opens the attempt of `state`, if it is ours, is that state's and is young
/// enough. The states are compared in constant time (CB-1).
///
/// # Errors
/// Why not.
pub fn open(
    seal: &Seal,
    value: &str,
    state: &str,
    now: DateTime<Utc>,
) -> Result<OpenedAttempt, Unopened> {
    let wire = unseal(seal, value).ok_or(Unopened::Foreign)?;
    let same: bool = wire.state.as_bytes().ct_eq(state.as_bytes()).into();
    let nanos = wire.begun_at_millis.saturating_mul(1_000_000);
    let begun_at = DateTime::from_timestamp(wire.begun_at, nanos).filter(|_| same);
    let begun_at = begun_at.ok_or(Unopened::Foreign)?;
    if !is_young(begun_at, now) {
        return Err(Unopened::Expired {
            return_to: wire.return_to,
        });
    }
    Ok(OpenedAttempt {
        id: digest(&wire.state),
        secrets: AttemptSecrets {
            nonce: SecretString::from(wire.nonce),
            verifier: SecretString::from(wire.verifier),
        },
        return_to: wire.return_to,
        begun_at,
    })
}

/// When a sealed attempt began; `None` if it is not ours.
pub fn begun_at(seal: &Seal, value: &str) -> Option<i64> {
    unseal(seal, value).map(|wire| wire.begun_at)
}

fn unseal(seal: &Seal, value: &str) -> Option<Wire> {
    let sealed = URL_SAFE_NO_PAD.decode(value).ok()?;
    serde_json::from_slice(&seal.open(PURPOSE, &sealed).ok()?).ok()
}

#[cfg(test)]
mod tests;
