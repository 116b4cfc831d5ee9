//! The logout token, with which the provider reports that a session ended (OpenID Connect
//! Back-Channel Logout 1.0 §2.4 and §2.6).
//!
//! ID tokens have the same keys and the same client, and the two must never be confused: an ID
//! token passes through the browser, and could be used to sign its owner out again and again.
//! `events` must be present and `nonce` absent in a logout token.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;
use sha2::{Digest, Sha256};
use strum::IntoStaticStr;
use tokio::time::Instant;

use super::Provider;
use super::error::{Outage, TokenFlaw};
use super::jwks::KeySet;
use super::metadata_cache::NoNewerKeys;
use super::settings::ProviderSettings;
use super::signed_token::{self, Audiences, ISSUED_BEFORE_MAX, TokenKind};
use crate::json::Object;

/// The required event (§2.4).
const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";

/// How much longer a token is remembered than it is accepted, because clocks of instances differ.
const GRACE: TimeDelta = TimeDelta::minutes(2);

/// A verified logout token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogoutToken {
    /// SHA-256 of issuer and `jti`, which identify the token.
    pub hash: [u8; 32],
    /// `iss`
    pub issuer: String,
    /// `sub`; at least one of `sub` and `sid` is present.
    pub subject: Option<String>,
    /// `sid`
    pub sid: Option<String>,
    /// `iat`, by the provider's clock.
    pub issued_at: DateTime<Utc>,
    /// From this time on every instance refuses the token for its age.
    pub forgotten_at: DateTime<Utc>,
}

/// When a logout token arrived. It is judged as of then, however much later that happens.
#[derive(Debug, Clone, Copy)]
pub struct Arrival {
    /// By the bridge's clock.
    pub at: DateTime<Utc>,
    /// On the monotonic clock, for comparison with the time at which the keys were fetched.
    pub moment: Instant,
}

/// Why a logout token was not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoLogout {
    /// The provider's keys are unavailable; the provider should send the token again.
    #[error("the provider's keys cannot be read: {0}")]
    Unavailable(Outage),
    /// No key fetched before the token arrived fits it; newer keys may.
    #[error("the logout token was refused: {0}")]
    InDoubt(LogoutFlaw),
    /// The token is invalid, or not for this client.
    #[error("the logout token was refused: {0}")]
    Refused(#[from] LogoutFlaw),
}

impl NoLogout {
    /// Whether the provider is asked to send the token again. A wrong signature of a known key is
    /// refused at once (§2.6), although the bridge itself judges the token again.
    pub fn is_to_be_sent_again(&self) -> bool {
        match self {
            Self::Unavailable(_) | Self::InDoubt(LogoutFlaw::Token(TokenFlaw::UnknownKey)) => true,
            Self::InDoubt(_) | Self::Refused(_) => false,
        }
    }
}

/// The first flaw found in a logout token. Contains no part of the token, because flaws are logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum LogoutFlaw {
    /// A flaw that any token of the provider may have.
    #[error("{0}")]
    Token(#[from] TokenFlaw),
    /// `events`.
    #[error("it has no logout event")]
    Event,
    /// `nonce`.
    #[error("it has a nonce, as ID tokens have")]
    Nonce,
    /// `jti`.
    #[error("it has no jti")]
    Jti,
    /// `sid`.
    #[error("its sid is not 1 to 255 printable ASCII characters")]
    Sid,
    /// Neither `sub` nor `sid`.
    #[error("it names neither a subject nor a session")]
    #[strum(serialize = "nobody")]
    NoSession,
}

impl LogoutFlaw {
    /// Stable code for logs and metrics.
    pub fn code(self) -> &'static str {
        match self {
            Self::Token(flaw) => flaw.code().trim_start_matches("id_token_"),
            own => own.into(),
        }
    }
}

impl Provider {
    /// Verifies a logout token of this provider for this client.
    ///
    /// # Errors
    /// If it is invalid, or cannot be verified now.
    pub async fn logout_token(&self, raw: &str, arrival: Arrival) -> Result<LogoutToken, NoLogout> {
        let verify = |keys: &KeySet| verify(raw, keys, &self.settings, arrival.at);
        let newer_may_do = |flaw: &LogoutFlaw| match flaw {
            LogoutFlaw::Token(flaw) => flaw.newer_keys_may_do(),
            _ => false,
        };
        let outcome = self.metadata.with_keys(verify, newer_may_do).await;
        // BC-9: a provider may sign with a key that it has just published. A token that does not
        // fit keys fetched after its arrival is refused for good.
        match outcome.map_err(NoLogout::Unavailable)? {
            Ok(token) => Ok(token),
            Err((_, Some(NoNewerKeys::Unreadable(outage)))) => Err(NoLogout::Unavailable(outage)),
            Err((flaw, Some(NoNewerKeys::AskedLately(read)))) if read <= arrival.moment => {
                Err(NoLogout::InDoubt(flaw))
            }
            Err((flaw, _)) => Err(NoLogout::Refused(flaw)),
        }
    }
}

fn verify(
    raw: &str,
    keys: &KeySet,
    settings: &ProviderSettings,
    now: DateTime<Utc>,
) -> Result<LogoutToken, LogoutFlaw> {
    let claims = signed_token::open(raw, keys, &settings.signing_algs, TokenKind::Logout)?.claims;
    signed_token::check_issuer(&claims, settings)?;
    Audiences::of_client(settings).check(&claims)?;
    // `exp` is required since the final version (§2.4), but many providers follow older ones.
    let times = signed_token::check_times(&claims, Some(ISSUED_BEFORE_MAX), now)?;
    let issued_at = times.issued_at.ok_or(TokenFlaw::Time)?;
    // The event is a member's name; its value is an object.
    let events = claims.get("events").and_then(Value::as_object);
    let event = events.and_then(|events| events.get(EVENT));
    if !event.is_some_and(Value::is_object) {
        return Err(LogoutFlaw::Event);
    }
    if claims.contains_key("nonce") {
        return Err(LogoutFlaw::Nonce);
    }
    let jti = claims.get("jti").and_then(Value::as_str);
    let jti = jti.filter(|jti| !jti.is_empty()).ok_or(LogoutFlaw::Jti)?;
    let (subject, sid) = whose(&claims)?;
    Ok(LogoutToken {
        hash: Sha256::new()
            .chain_update(&settings.issuer)
            .chain_update([0])
            .chain_update(jti)
            .finalize()
            .into(),
        issuer: settings.issuer.clone(),
        subject,
        sid,
        issued_at,
        forgotten_at: issued_at + ISSUED_BEFORE_MAX + GRACE,
    })
}

/// An invalid `sub` or `sid` is refused rather than ignored: the other one alone would name more
/// sessions than intended.
fn whose(claims: &Object) -> Result<(Option<String>, Option<String>), LogoutFlaw> {
    let subject = match claims.get("sub") {
        Some(_) => Some(signed_token::subject(claims)?),
        None => None,
    };
    let sid = match claims.get("sid") {
        Some(_) => Some(signed_token::sid(claims).ok_or(LogoutFlaw::Sid)?),
        None => None,
    };
    if subject.is_none() && sid.is_none() {
        return Err(LogoutFlaw::NoSession);
    }
    Ok((subject, sid))
}

#[cfg(test)]
mod tests;
