//! A sign-in attempt, sealed into a cookie of the browser.
//!
//! Beginning a sign-in writes nothing to the database, so a million abandoned attempts leave
//! nothing behind (LR-11). The cookie is named after the attempt's state, so two tabs have two
//! cookies.

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

/// Longest return address in a mark, in bytes. The state is part of two URLs, and some providers
/// limit its length.
const MARKED_RETURN_TO_MAX_BYTES: usize = 256;

/// Content of the cookie; readable only inside this module.
#[derive(Serialize, Deserialize)]
struct Wire {
    state: String,
    nonce: String,
    verifier: String,
    return_to: String,
    begun_at: i64,
    /// Milliseconds in addition to the seconds; missing in attempts of older releases.
    #[serde(default)]
    begun_at_millis: u32,
    #[serde(default)]
    approval: Option<Approval>,
}

/// The approval of a device, for which a sign-in of its own is made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approval {
    /// Letters of the user code.
    pub user_code: String,
    /// The client whose device it is, for the log.
    pub client: String,
    /// Issuer of the person who approved.
    pub issuer: String,
    /// Subject of the person who approved, who alone may complete it.
    pub subject: String,
}

/// An attempt for the browser.
#[derive(Debug, Clone)]
pub struct SealedAttempt {
    /// Suffix of the cookie's name: derived from the state, and valid in a name.
    pub label: String,
    /// The cookie's value.
    pub value: String,
}

/// The content of an attempt's cookie, after its checks.
#[derive(Debug)]
pub struct OpenedAttempt {
    /// Digest of the state; the key under which the attempt is spent.
    pub id: [u8; 32],
    /// The values with which the provider's answer is checked.
    pub secrets: AttemptSecrets,
    /// Return address; must be checked again before use.
    pub return_to: String,
    /// When it began.
    pub begun_at: DateTime<Utc>,
    /// The device that it approves.
    pub approval: Option<Approval>,
}

/// Why a sealed attempt cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AttemptError {
    /// It was altered, belongs to another state, or was sealed by another bridge.
    Foreign,
    /// It is valid, but too old.
    Expired {
        /// Return address; must be checked again before use.
        return_to: String,
    },
}

/// What the state itself contains about its attempt. It shows, when the cookie is missing, whether
/// the browser removed it after ten minutes or never stored it.
#[derive(Debug, PartialEq, Eq)]
pub struct Mark {
    begun_at: DateTime<Utc>,
    /// Return address, to be checked again before use; `None` if it was too long.
    pub return_to: Option<String>,
}

impl Mark {
    /// Whether the browser should still have the cookie.
    pub fn is_young(&self, now: DateTime<Utc>) -> bool {
        is_young(self.begun_at, now)
    }
}

/// The cookie's suffix for a state.
pub fn label(state: &str) -> String {
    fingerprint(state.as_bytes())
}

/// Whether `text` has the form of a label. Cookies with the same prefix and another form belong to
/// another application, such as a second bridge on this host.
pub fn is_label(text: &str) -> bool {
    is_fingerprint(text)
}

fn digest(state: &str) -> [u8; 32] {
    Sha256::digest(state.as_bytes()).into()
}

/// Seals a new attempt that begins at `now`.
pub fn seal(
    seal: &Seal,
    attempt: &Attempt,
    (return_to, approval): (&ReturnTo, Option<Approval>),
    now: DateTime<Utc>,
) -> Result<SealedAttempt, SealError> {
    let wire = Wire {
        state: attempt.state.clone(),
        nonce: attempt.secrets.nonce.expose_secret().to_owned(),
        verifier: attempt.secrets.verifier.expose_secret().to_owned(),
        return_to: return_to.as_str().to_owned(),
        begun_at: now.timestamp(),
        begun_at_millis: now.timestamp_subsec_millis(),
        approval,
    };
    let plain = serde_json::to_vec(&wire).map_err(|_| SealError::Sealing)?;
    Ok(SealedAttempt {
        label: label(&attempt.state),
        value: URL_SAFE_NO_PAD.encode(seal.seal(PURPOSE, &plain)?),
    })
}

/// The mark for a new state whose attempt begins at `now`. It is sealed, so the provider and its
/// logs learn nothing from it.
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

/// The mark of a state; `None` if this bridge did not create the state.
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
    // One minute may be negative, because clocks of instances differ.
    age >= TimeDelta::minutes(-1) && age < TimeDelta::minutes(ATTEMPT_MINUTES)
}

/// Opens the attempt of `state`. The states are compared in constant time (CB-1).
///
/// # Errors
/// If the attempt is foreign, belongs to another state or is too old.
pub fn open(
    seal: &Seal,
    value: &str,
    state: &str,
    now: DateTime<Utc>,
) -> Result<OpenedAttempt, AttemptError> {
    let wire = unseal(seal, value).ok_or(AttemptError::Foreign)?;
    let same: bool = wire.state.as_bytes().ct_eq(state.as_bytes()).into();
    let nanos = wire.begun_at_millis.saturating_mul(1_000_000);
    let begun_at = DateTime::from_timestamp(wire.begun_at, nanos).filter(|_| same);
    let begun_at = begun_at.ok_or(AttemptError::Foreign)?;
    if !is_young(begun_at, now) {
        return Err(AttemptError::Expired {
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
        approval: wire.approval,
    })
}

/// When a sealed attempt began, in seconds; `None` if this bridge did not seal it.
pub fn begun_at(seal: &Seal, value: &str) -> Option<i64> {
    unseal(seal, value).map(|wire| wire.begun_at)
}

fn unseal(seal: &Seal, value: &str) -> Option<Wire> {
    let sealed = URL_SAFE_NO_PAD.decode(value).ok()?;
    serde_json::from_slice(&seal.open(PURPOSE, &sealed).ok()?).ok()
}

#[cfg(test)]
mod tests;
