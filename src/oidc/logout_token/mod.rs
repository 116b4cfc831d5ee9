//! The logout token: the provider says that a session is over (OpenID
//! Connect Back-Channel Logout 1.0 §2.4 and §2.6).
//!
//! It is signed with the keys and for the client of ID tokens, and each must never
//! be taken for the other: an ID token goes through the browser, and whoever has
//! one could sign its owner out for ever. What tells them apart is `events`, which
//! must be there, and `nonce`, which must not.

mod flaw;
#[cfg(test)]
mod tests;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;
use sha2::{Digest, Sha256};
use tokio::time::Instant;

pub use flaw::LogoutFlaw;

use super::error::Outage;
use super::keys::KeySet;
use super::known::NoNewerKeys;
use super::signed_token::times::{self, Expiry, ISSUED_BEFORE_MAX};
use super::signed_token::{self, Audience, Signed, TokenFlaw};
use super::{Provider, SigningAlg};
use crate::json::Object;

/// What the header may call it (§2.4). Older providers call it `JWT`, or nothing.
const KIND: &str = "logout+jwt";

/// The event that it must be about (§2.4).
const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";

/// For how much longer than it is taken a token is remembered, because the clocks of
/// two instances differ.
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
    /// It is none, or not for us.
    #[error("the logout token was refused: {0}")]
    Refused(#[from] LogoutFlaw),
}

impl NoLogout {
    /// Whether the sender is asked to send it again. A wrong signature of a known key is
    /// refused at once (§2.6), although it is judged again here.
    pub fn is_to_be_sent_again(&self) -> bool {
        match self {
            Self::Unavailable(_) | Self::InDoubt(LogoutFlaw::Token(TokenFlaw::UnknownKey)) => true,
            Self::InDoubt(_) | Self::Refused(_) => false,
        }
    }
}

impl Provider {
    /// Verifies what claims to be a logout token of this provider for this client.
    ///
    /// # Errors
    /// When it is not to be believed, or that cannot be known.
    pub async fn logout_token(&self, raw: &str, arrival: Arrival) -> Result<LogoutToken, NoLogout> {
        let expected = Expected {
            issuer: &self.settings.issuer,
            audience: self.settings.audience(),
            algs: &self.settings.signing_algs,
        };
        let verify =
            |keys: &KeySet| verify(raw, keys, &expected, arrival.at).map_err(NoLogout::Refused);
        let newer_may_do = |no: &NoLogout| match no {
            NoLogout::Refused(LogoutFlaw::Token(flaw)) => flaw.newer_keys_may_do(),
            _ => false,
        };
        // BC-9: a provider may sign with a key that it has just published. What keys that were
        // read after the arrival do not fit is refused for good.
        let in_doubt = |no, why| match (no, why) {
            (_, NoNewerKeys::Unreadable(outage)) => Err(outage),
            (NoLogout::Refused(flaw), NoNewerKeys::AskedLately(read)) if read <= arrival.moment => {
                Ok(NoLogout::InDoubt(flaw))
            }
            (no, NoNewerKeys::AskedLately(_)) => Ok(no),
        };
        let verified = self.with_keys(verify, newer_may_do, in_doubt).await;
        verified.map_err(NoLogout::Unavailable)?
    }
}

/// What a token must agree with.
struct Expected<'a> {
    issuer: &'a str,
    audience: Audience<'a>,
    algs: &'a [SigningAlg],
}

fn verify(
    raw: &str,
    keys: &KeySet,
    expected: &Expected<'_>,
    now: DateTime<Utc>,
) -> Result<LogoutToken, LogoutFlaw> {
    let Signed { claims, .. } = signed_token::open(raw, keys, expected.algs, &[KIND])?;
    signed_token::check_issuer(&claims, expected.issuer)?;
    expected.audience.check(&claims)?;
    // Required since the final version (§2.4); many providers are older.
    let issued_at = times::check(&claims, Expiry::Optional, now)?;
    check_event(&claims)?;
    if claims.contains_key("nonce") {
        return Err(LogoutFlaw::Nonce);
    }
    let jti = claims.get("jti").and_then(Value::as_str);
    let jti = jti.filter(|jti| !jti.is_empty()).ok_or(LogoutFlaw::Jti)?;
    let (subject, sid) = whose(&claims)?;
    Ok(LogoutToken {
        hash: Sha256::new()
            .chain_update(expected.issuer)
            .chain_update([0])
            .chain_update(jti)
            .finalize()
            .into(),
        issuer: expected.issuer.to_owned(),
        subject,
        sid,
        issued_at,
        forgotten_at: issued_at + ISSUED_BEFORE_MAX + GRACE,
    })
}

/// The event stands as a member's name, and its value is an object.
fn check_event(claims: &Object) -> Result<(), LogoutFlaw> {
    let events = claims.get("events").and_then(Value::as_object);
    let ours = events.and_then(|events| events.get(EVENT));
    if ours.is_some_and(Value::is_object) {
        Ok(())
    } else {
        Err(LogoutFlaw::Event)
    }
}

/// One that is there and cannot be a name is not passed over: without it the other
/// would say more than was meant.
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
        return Err(LogoutFlaw::Nobody);
    }
    Ok((subject, sid))
}

impl From<TokenFlaw> for LogoutFlaw {
    fn from(flaw: TokenFlaw) -> Self {
        Self::Token(flaw)
    }
}
