//! The logout token, by which the provider says that a session is over (OpenID Connect Back-Channel
//! Logout 1.0 §2.4 and §2.6).
//!
//! It is signed with the keys and for the client of ID tokens, and each must never be taken for the
//! other: an ID token goes through the browser, and with one its owner could be signed out for ever.
//! What tells them apart is `events`, which must be there, and `nonce`, which must not.

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
use super::signed_token::{self, Expiry, ISSUED_BEFORE_MAX};
use crate::json::Object;

/// What the header may call it (§2.4). Older providers call it `JWT`, or nothing.
const KIND: &str = "logout+jwt";

/// The event that it must be about (§2.4).
const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";

/// For how much longer than it is taken a token is remembered, because the clocks of two instances
/// differ.
const GRACE: TimeDelta = TimeDelta::minutes(2);

/// A token that passed every check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogoutToken {
    /// SHA-256 of issuer and `jti`: the same token has the same.
    pub hash: [u8; 32],
    /// `iss`
    pub issuer: String,
    /// `sub`; this or `sid` is there.
    pub subject: Option<String>,
    /// `sid`
    pub sid: Option<String>,
    /// `iat`, by the provider's clock.
    pub issued_at: DateTime<Utc>,
    /// From then on every instance refuses it for its age when it arrives.
    pub forgotten_at: DateTime<Utc>,
}

/// When a logout token arrived: it is judged as of then, however late that is done.
#[derive(Debug, Clone, Copy)]
pub struct Arrival {
    /// By the bridge's clock.
    pub at: DateTime<Utc>,
    /// On the clock that tells when the keys were read.
    pub moment: Instant,
}

/// Why a logout token counts for nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoLogout {
    /// The provider's keys cannot be had now: it is worth sending it again.
    #[error("the provider's keys cannot be read: {0}")]
    Unavailable(Outage),
    /// None of the keys that were read before it arrived has made it; newer ones may have.
    #[error("the logout token was refused: {0}")]
    InDoubt(LogoutFlaw),
    /// It is none, or not for this client.
    #[error("the logout token was refused: {0}")]
    Refused(#[from] LogoutFlaw),
}

impl NoLogout {
    /// Whether the sender is asked to send it again. A wrong signature of a known key is refused at
    /// once (§2.6), although it is judged again here.
    pub fn is_to_be_sent_again(&self) -> bool {
        match self {
            Self::Unavailable(_) | Self::InDoubt(LogoutFlaw::Token(TokenFlaw::UnknownKey)) => true,
            Self::InDoubt(_) | Self::Refused(_) => false,
        }
    }
}

/// The first thing found wrong with a logout token. Holds nothing of the token: a flaw is logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum LogoutFlaw {
    /// As with any token of the provider.
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
    /// A stable word for logs and metrics.
    pub fn code(self) -> &'static str {
        match self {
            Self::Token(flaw) => flaw.code().trim_start_matches("id_token_"),
            own => own.into(),
        }
    }
}

impl Provider {
    /// Verifies what claims to be a logout token of this provider for this client.
    ///
    /// # Errors
    /// When it is not to be believed, or that cannot be known.
    pub async fn logout_token(&self, raw: &str, arrival: Arrival) -> Result<LogoutToken, NoLogout> {
        let verify = |keys: &KeySet| verify(raw, keys, &self.settings, arrival.at);
        let newer_may_do = |flaw: &LogoutFlaw| match flaw {
            LogoutFlaw::Token(flaw) => flaw.newer_keys_may_do(),
            _ => false,
        };
        let outcome = self.metadata.with_keys(verify, newer_may_do).await;
        // BC-9: a provider may sign with a key that it has just published. What keys that were read
        // after the arrival do not fit is refused for good.
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
    let claims = signed_token::open(raw, keys, &settings.signing_algs, &[KIND])?.claims;
    signed_token::check_issuer(&claims, settings)?;
    signed_token::check_audience(&claims, settings)?;
    // Required since the final version (§2.4); many providers are older.
    let issued_at = signed_token::check_times(&claims, Expiry::Optional, now)?;
    // The event stands as a member's name, and its value is an object.
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

/// One that is there and cannot be a name is not passed over: without it the other would say more
/// than was meant.
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
