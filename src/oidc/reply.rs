//! A completely read answer of the provider, and the meaning of its status and headers. Errors
//! contain no body, and bodies are never logged.

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

/// Maximum characters of a redirect's target in messages.
const TARGET_MAX: usize = 200;

/// Longest `Retry-After` that is respected.
const RETRY_AFTER_MAX: Duration = Duration::from_mins(5);

/// A completely read answer.
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) endpoint: ProviderEndpoint,
    pub(super) url: Url,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
}

/// The members that are read of a token endpoint's error answer (RFC 6749 §5.2).
#[derive(Deserialize)]
struct ErrorBody {
    error: String,
    #[serde(default)]
    error_codes: Value,
}

impl Reply {
    /// A header's value, if it is valid text.
    pub(super) fn header(&self, name: &HeaderName) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The body as text, to search for words.
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
    /// If the status is not 200.
    pub(super) fn ok(&self) -> Result<&Self, Outage> {
        match self.status {
            200 => Ok(self),
            _ => Err(self.unexpected_status()),
        }
    }

    /// The JSON body of an answer with status 200.
    ///
    /// # Errors
    /// If the status differs or the body is not the expected JSON.
    pub(super) fn json<T: DeserializeOwned>(&self) -> Result<T, Outage> {
        self.ok()?.any_json()
    }

    /// The JSON body, whatever the status.
    fn any_json<T: DeserializeOwned>(&self) -> Result<T, Outage> {
        let UniqueMembers(value) =
            serde_json::from_slice(&self.body).map_err(|_| Outage::Unreadable)?;
        serde_json::from_value(value).map_err(|_| Outage::Unreadable)
    }

    /// The OAuth error in the body (RFC 6749 §5.2), whatever the status.
    pub(super) fn oauth_error(&self) -> Option<OidcError> {
        let body: ErrorBody = self.any_json().ok()?;
        let error = TokenError::of(&body.error, &body.error_codes);
        Some(OidcError::of_token_endpoint(error))
    }

    /// Whether the server reports that it is unavailable. A 5xx with an OAuth error in the body is
    /// an answer about the request: Dex answers so when the user of a refresh was removed.
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

    /// The target of a redirect.
    pub(super) fn target(&self) -> Option<Url> {
        let location = self.header(&LOCATION)?;
        let leads_on = (300..=399).contains(&self.status);
        leads_on.then(|| self.url.join(location).ok()).flatten()
    }

    /// The part of a redirect's target that messages may contain. A query or a path parameter
    /// (`;jsessionid=`) may hold secrets; if the answer is about a person or the client, any part
    /// may.
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

    /// The meaning of an unexpected status.
    pub(super) fn unexpected_status(&self) -> Outage {
        let status = self.status;
        match self.target().and_then(|target| self.shown(&target)) {
            Some(to) => Outage::Redirect { status, to },
            None => Outage::Status(status),
        }
    }

    /// Why no session may be refreshed, and for at least how long.
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

    /// The provider's request to wait, if it says for how long.
    pub(super) fn request_to_wait(&self) -> Option<Outage> {
        let pause = self.retry_after()?;
        matches!(self.status, 429 | 503).then_some(Outage::AsksToWait(pause))
    }

    /// RFC 9110 §10.2.3: seconds, or a date. A date is compared with the answer's own `Date`, so
    /// that clock differences do not matter.
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
