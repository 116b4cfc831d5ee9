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
use crate::fingerprint::fingerprint;
use crate::seal::{Seal, SealError};
use crate::upstream::{Attempt, AttemptSecrets};

/// How long somebody may take to sign in at the provider (CB-3).
pub const ATTEMPT_MINUTES: i64 = 10;

const PURPOSE: &str = "sign-in attempt";

/// What the cookie holds, in the clear only in here.
#[derive(Serialize, Deserialize)]
struct Wire {
    state: String,
    nonce: String,
    verifier: String,
    return_to: String,
    begun_at: i64,
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

/// The name of the cookie of a state.
pub fn label(state: &str) -> String {
    fingerprint(state.as_bytes())
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
    };
    let plain = serde_json::to_vec(&wire).map_err(|_| SealError::Sealing)?;
    Ok(SealedAttempt {
        label: label(&attempt.state),
        value: URL_SAFE_NO_PAD.encode(seal.seal(PURPOSE, &plain)?),
    })
}

/// Opens the attempt of `state`, if it is ours, is that state's and is young
/// enough. The states are compared in constant time (CB-1).
pub fn open(seal: &Seal, value: &str, state: &str, now: DateTime<Utc>) -> Option<OpenedAttempt> {
    let wire = unseal(seal, value)?;
    let same: bool = wire.state.as_bytes().ct_eq(state.as_bytes()).into();
    let begun_at = DateTime::from_timestamp(wire.begun_at, 0)?;
    let age = now.signed_duration_since(begun_at);
    let young = age >= TimeDelta::zero() - TimeDelta::minutes(1)
        && age < TimeDelta::minutes(ATTEMPT_MINUTES);
    (same && young).then(|| OpenedAttempt {
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
