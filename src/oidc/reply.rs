//! An answer of the provider that was read to its end, and what its status and headers mean. Errors
//! carry no body, and bodies are never logged.

use std::time::Duration;

use chrono::DateTime;
use reqwest::header::{CONTENT_TYPE, DATE, HeaderMap, HeaderName, LOCATION, RETRY_AFTER};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use url::Url;

use super::error::{Denial, OidcError, Outage, TokenError};
use crate::json::UniqueMembers;
use crate::metrics::ProviderEndpoint;

/// Most characters told of where a redirect leads.
const TARGET_MAX: usize = 200;

/// Longest pause that a `Retry-After` is honoured for.
const RETRY_AFTER_MAX: Duration = Duration::from_mins(5);

/// An answer that was read to its end.
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) endpoint: ProviderEndpoint,
    pub(super) url: Url,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
}

/// An error answer of a token endpoint (RFC 6749 §5.2), as far as it is read here.
#[derive(Deserialize)]
struct ErrorBody {
    error: String,
    #[serde(default)]
    error_codes: Value,
}

impl Reply {
    /// A header, where it is one line of text.
    pub(super) fn header(&self, name: &HeaderName) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The body as text, for looking whether words occur in it.
    pub(super) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// Whether the body is a signed token instead of JSON.
    pub(super) fn is_jwt(&self) -> bool {
        let kind = self.header(&CONTENT_TYPE).unwrap_or_default();
        let kind = kind.split(';').next().unwrap_or_default().trim();
        kind.eq_ignore_ascii_case("application/jwt")
    }

    /// # Errors
    /// When the status is another one than 200.
    pub(super) fn ok(&self) -> Result<&Self, Outage> {
        match self.status {
            200 => Ok(self),
            _ => Err(self.unexpected_status()),
        }
    }

    /// The body of a 200.
    ///
    /// # Errors
    /// When the status is another one, or the body is not such JSON.
    pub(super) fn json<T: DeserializeOwned>(&self) -> Result<T, Outage> {
        self.ok()?.any_json()
    }

    /// The body, whatever the status.
    fn any_json<T: DeserializeOwned>(&self) -> Result<T, Outage> {
        let UniqueMembers(value) =
            serde_json::from_slice(&self.body).map_err(|_| Outage::Unreadable)?;
        serde_json::from_value(value).map_err(|_| Outage::Unreadable)
    }

    /// The error of RFC 6749 §5.2 that the body holds, whatever the status is.
    pub(super) fn oauth_error(&self) -> Option<OidcError> {
        let body: ErrorBody = self.any_json().ok()?;
        let error = TokenError::of(&body.error, &body.error_codes);
        Some(OidcError::of_token_endpoint(error))
    }

    /// That the server cannot do its work. A 5xx whose body is an OAuth error is an answer about what
    /// was sent: Dex answers the refresh of a removed user so.
    pub(super) fn outage(&self) -> Option<Outage> {
        if self.status == 200 {
            return None;
        }
        match self.oauth_error() {
            Some(OidcError::Unavailable(outage)) => Some(outage),
            Some(_) => None,
            None => Some(self.unexpected_status()),
        }
    }

    /// Where it leads, if it is a redirect.
    pub(super) fn target(&self) -> Option<Url> {
        let location = self.header(&LOCATION)?;
        let leads_on = (300..=399).contains(&self.status);
        leads_on.then(|| self.url.join(location).ok()).flatten()
    }

    /// What may be told of where it leads. A query may hold secrets, and so may a parameter of the
    /// path (`;jsessionid=`); of an answer about a person or to the client any part of it.
    fn shown(&self, target: &Url) -> Option<String> {
        if !matches!(target.scheme(), "http" | "https") {
            return None;
        }
        let mut text = target.origin().ascii_serialization();
        if let ProviderEndpoint::Discovery | ProviderEndpoint::Jwks = self.endpoint {
            text.push_str(target.path().split(';').next().unwrap_or_default());
        }
        Some(text.chars().take(TARGET_MAX).collect())
    }

    /// What a status means that does not belong there.
    pub(super) fn unexpected_status(&self) -> Outage {
        let status = self.status;
        match self.target().and_then(|target| self.shown(&target)) {
            Some(to) => Outage::Redirect { status, to },
            None => Outage::Status(status),
        }
    }

    /// Why, and at least how long, no session's refresh is to be tried again.
    pub(super) fn hold_for_all(&self) -> Option<(&'static str, Duration)> {
        if self.endpoint != ProviderEndpoint::Token {
            return None;
        }
        if self.status != 200
            && let Some(OidcError::Denied(denial @ Denial::InvalidClient, _)) = self.oauth_error()
        {
            return Some((denial.code(), Duration::ZERO));
        }
        let pause = self.retry_after();
        match self.status {
            429 => Some(("too_many_requests", pause.unwrap_or_default())),
            503 => pause.map(|pause| ("retry_after", pause)),
            _ => None,
        }
    }

    /// That it asks to wait, and says for how long.
    pub(super) fn request_to_wait(&self) -> Option<Outage> {
        let pause = self.retry_after()?;
        matches!(self.status, 429 | 503).then_some(Outage::AsksToWait(pause))
    }

    /// RFC 9110 §10.2.3: seconds, or a moment, which is compared with the answer's own `Date`, so that
    /// two clocks do not matter.
    fn retry_after(&self) -> Option<Duration> {
        let text = self.header(&RETRY_AFTER)?.trim();
        let pause = if let Ok(seconds) = text.parse() {
            Duration::from_secs(seconds)
        } else {
            let moment = |text| DateTime::parse_from_rfc2822(text).ok();
            let ahead = moment(text)? - moment(self.header(&DATE)?)?;
            ahead.to_std().ok()?
        };
        Some(pause.min(RETRY_AFTER_MAX))
    }
}
