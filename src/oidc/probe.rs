//! Tests the provider for `check`, before the first sign-in.
//!
//! The probe fetches the documents as a sign-in does. It requests the sign-in page with our
//! redirect URI and with an unregistered one: a provider that refuses only the second has ours
//! registered. It sends an invented code to the token endpoint: if only the *code* is refused, the
//! client authentication was accepted. The probe returns facts; `check` interprets them.

use chrono::{DateTime, TimeDelta, Utc};
use openidconnect::RedirectUrl;
use reqwest::header::{AGE, DATE};

use super::client::{Attempt, OidcClient};
use super::error::{Denial, OidcError, Outage, SettingsError};
use super::http::Http;
use super::metadata::{self, ProviderMetadata};
use super::metadata_cache::read_keys;
use super::reply::Reply;
use super::settings::{Pace, ProviderSettings};
use crate::clock::{Clock, ClockReading};
use crate::json::Object;
use crate::metrics::ProviderEndpoint;

/// A redirect URI that no client has registered: the domain `.invalid` does not exist (RFC 2606
/// §2).
const UNREGISTERED: &str = "https://unregistered.invalid/red5-bridge-check";

/// The results.
#[derive(Debug)]
pub struct Probe {
    /// Members of the discovery document, also if it is invalid; `None` if there is none.
    pub announced: Option<Announced>,
    /// Whether the document can be used for sign-ins.
    pub usable: Result<(), Outage>,
    /// How the authorization endpoint treats our redirect URI; `None` if the document cannot be
    /// used.
    pub redirect: Option<Redirect>,
    /// How the token endpoint treats the client; `None` if the document cannot be used.
    pub client: Option<ClientCheck>,
    /// How far the provider's clock is ahead of ours, beyond the uncertainty of the round trip;
    /// `None` if unknown.
    pub clock_ahead: Option<TimeDelta>,
}

/// Announced values; `None` where a member is absent.
#[derive(Debug, Default)]
pub struct Announced {
    /// `issuer`
    pub issuer: Option<String>,
    /// `scopes_supported`
    pub scopes: Option<Vec<String>>,
    /// `claims_supported`
    pub claims: Option<Vec<String>>,
    /// `grant_types_supported`
    pub grant_types: Option<Vec<String>>,
    /// `code_challenge_methods_supported` (RFC 8414 §2)
    pub challenge_methods: Option<Vec<String>>,
    /// `id_token_signing_alg_values_supported`
    pub signing_algs: Option<Vec<String>>,
    /// `response_modes_supported`
    pub response_modes: Option<Vec<String>>,
    /// `introspection_endpoint` (RFC 8414 §2)
    pub introspection: Option<String>,
}

/// Result for our redirect URI.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Redirect {
    /// The provider refuses the unregistered one but not ours, or redirected to ours.
    Known,
    /// The provider treats both redirect URIs alike, without an error.
    Unclear,
    /// The provider shows an error page.
    Refused,
    /// It is registered, but the provider immediately redirects back with this error (RFC 6749
    /// §4.1.2.1).
    Error(String),
    /// The request failed.
    Failed(Outage),
}

/// Result for the client authentication.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClientCheck {
    /// Only the invented code was refused.
    Accepted,
    /// The client was refused, with this error.
    Refused(String),
    /// The client was refused, but the same secret is accepted with this method.
    OtherMethod(&'static str),
    /// The provider issued tokens for an invented code.
    TakesAnyCode,
    /// The request failed.
    Failed(Outage),
    /// The answer shows neither.
    Unclear(String),
}

/// Runs all tests once.
///
/// # Errors
/// If the settings cannot work with any provider.
pub async fn probe(settings: &ProviderSettings, clock: &dyn Clock) -> Result<Probe, SettingsError> {
    settings.check()?;
    let http = Http::new(settings.ca_pem.as_deref(), &Pace::default())?;
    let mut probe = Probe {
        announced: None,
        usable: Ok(()),
        redirect: None,
        client: None,
        clock_ahead: None,
    };
    let metadata = match read_metadata(&http, settings, clock, &mut probe).await {
        Ok(metadata) => metadata,
        Err(outage) => {
            probe.usable = Err(outage);
            return Ok(probe);
        }
    };
    probe.usable = read_keys(&http, &metadata.jwks).await.map(|_| ());
    probe.redirect = Some(ask_for_page(&http, &metadata.client, &settings.redirect_uri).await);
    let (client, ahead) = ask_for_tokens(&http, &metadata.client, clock).await;
    probe.client = Some(client);
    // This answer is never cached, so its date is more reliable.
    probe.clock_ahead = ahead.or(probe.clock_ahead);
    Ok(probe)
}

async fn read_metadata(
    http: &Http,
    settings: &ProviderSettings,
    clock: &dyn Clock,
    probe: &mut Probe,
) -> Result<ProviderMetadata, Outage> {
    let sent = clock.now();
    let reply = metadata::fetch(http, settings).await?;
    probe.clock_ahead = ahead(&reply, sent, clock.now());
    let document = reply.json()?;
    probe.announced = Some(announced(&document));
    ProviderMetadata::check(&document, settings)
}

fn announced(document: &Object) -> Announced {
    let list = |name| metadata::list(document, name);
    Announced {
        issuer: metadata::text(document, "issuer").map(str::to_owned),
        scopes: list("scopes_supported"),
        claims: list("claims_supported"),
        grant_types: list("grant_types_supported"),
        challenge_methods: list("code_challenge_methods_supported"),
        signing_algs: list("id_token_signing_alg_values_supported"),
        response_modes: list("response_modes_supported"),
        introspection: metadata::text(document, "introspection_endpoint").map(str::to_owned),
    }
}

/// RFC 9110 §6.6.1: `Date` has whole seconds. A cached answer is as old as its `Age`.
fn ahead(reply: &Reply, sent: DateTime<Utc>, received: DateTime<Utc>) -> Option<TimeDelta> {
    if reply.header(&AGE).is_some_and(|age| age.trim() != "0") {
        return None;
    }
    let date = DateTime::parse_from_rfc2822(reply.header(&DATE)?).ok()?;
    let date = date.with_timezone(&Utc);
    let theirs = ClockReading {
        earliest: date,
        latest: date + TimeDelta::seconds(1),
    };
    let ours = ClockReading {
        earliest: sent,
        latest: received,
    };
    Some(theirs.ahead_of(ours))
}

async fn ask_for_page(http: &Http, client: &OidcClient, redirect_uri: &str) -> Redirect {
    match look(http, client, redirect_uri).await {
        Redirect::Unclear if look(http, client, UNREGISTERED).await == Redirect::Refused => {
            Redirect::Known
        }
        seen => seen,
    }
}

/// Errors that a provider may send to a browser that is not signed in.
fn is_of_sign_in(error: &str) -> bool {
    [
        "login_required",
        "interaction_required",
        "consent_required",
        "account_selection_required",
        "access_denied",
    ]
    .contains(&error)
}

/// Requests the sign-in page as a browser does.
async fn look(http: &Http, client: &OidcClient, redirect_uri: &str) -> Redirect {
    let attempt = match Attempt::random() {
        Ok(attempt) => attempt,
        Err(outage) => return Redirect::Failed(outage),
    };
    let uri = RedirectUrl::new(redirect_uri.to_owned()).ok();
    let url = client.authorization_url(&attempt, (None, None), uri);
    match http.get(ProviderEndpoint::Page, &url).await {
        Ok(reply) => seen(&reply, redirect_uri),
        Err(outage) => Redirect::Failed(outage),
    }
}

fn seen(reply: &Reply, redirect_uri: &str) -> Redirect {
    let is_error = match reply.status {
        300..=399 => {
            let Some(to) = reply.target() else {
                return Redirect::Failed(Outage::Status(reply.status));
            };
            if to.as_str().starts_with(redirect_uri) {
                let mut query = to.query_pairs();
                return match query.find(|(name, _)| name == "error") {
                    Some((_, error)) if !is_of_sign_in(&error) => Redirect::Error(word(&error)),
                    _ => Redirect::Known,
                };
            }
            // Some providers have a separate error page (`/oauth/error?…`).
            let names_error = |text: &str| text.to_lowercase().contains("error");
            names_error(to.path()) || to.query_pairs().any(|(name, _)| names_error(&name))
        }
        200..=299 => complains(&reply.text()),
        400..=499 => true,
        status => return Redirect::Failed(Outage::Status(status)),
    };
    if is_error {
        Redirect::Refused
    } else {
        Redirect::Unclear
    }
}

/// Whether the page shows an error: Entra and others send error pages with status 200.
fn complains(page: &str) -> bool {
    let page = page.to_lowercase();
    let of_redirect = ["redirect_uri", "redirect uri"];
    let of_error = [
        "error",
        "invalid",
        "mismatch",
        "not registered",
        "not allowed",
    ];
    // A sign-in page contains our parameters; an error page is about them.
    page.contains("aadsts50011")
        || (of_redirect.iter().any(|word| page.contains(word))
            && of_error.iter().any(|word| page.contains(word))
            && !page.contains("type=\"password\"")
            && !page.contains("<form"))
}

/// RFC 6749 §4.1.2.1: a short code. Anything else is the provider's own text.
fn word(error: &str) -> String {
    let plain = |c: char| c.is_ascii_lowercase() || c == '_';
    let short = !error.is_empty() && error.len() <= 40 && error.chars().all(plain);
    if short { error } else { "another error" }.to_owned()
}

/// If the client is refused, tries the other method that sends a secret: some providers answer a
/// wrong method with `invalid_client`, like a wrong secret, and some with `invalid_request`.
async fn ask_for_tokens(
    http: &Http,
    client: &OidcClient,
    clock: &dyn Clock,
) -> (ClientCheck, Option<TimeDelta>) {
    let (found, ahead) = send_made_up_code(http, client, clock).await;
    let other = match found {
        ClientCheck::Refused(_) | ClientCheck::Unclear(_) => client.by_other_secret_method(),
        _ => None,
    };
    let Some(other) = other else {
        return (found, ahead);
    };
    let (by_other, _) = send_made_up_code(http, &other, clock).await;
    let found = match found {
        _ if by_other == ClientCheck::Accepted => ClientCheck::OtherMethod(other.method()),
        ClientCheck::Unclear(_) => by_other,
        found => found,
    };
    (found, ahead)
}

/// The outcome, and how far the provider's clock is ahead.
async fn send_made_up_code(
    http: &Http,
    client: &OidcClient,
    clock: &dyn Clock,
) -> (ClientCheck, Option<TimeDelta>) {
    let made_up = match Attempt::random() {
        Ok(attempt) => attempt,
        Err(outage) => {
            return (
                ClientCheck::Unclear(OidcError::from(outage).to_string()),
                None,
            );
        }
    };
    let sent = clock.now();
    let endpoint = client.token_endpoint(http);
    let (code, verifier) = (made_up.state.into(), made_up.secrets.verifier);
    let outcome = client.exchange_code(&endpoint, &code, &verifier, sent);
    let found = match outcome.await {
        Ok(_) => ClientCheck::TakesAnyCode,
        Err(OidcError::Denied(Denial::InvalidGrant, _)) => ClientCheck::Accepted,
        Err(OidcError::Denied(Denial::InvalidClient, error)) => {
            ClientCheck::Refused(error.to_string())
        }
        // RFC 6749 §5.2: a 401 means `invalid_client`.
        Err(OidcError::Unavailable(outage @ Outage::Status(401))) => {
            ClientCheck::Refused(outage.to_string())
        }
        Err(OidcError::Unavailable(outage)) if endpoint.reply.get().is_none() => {
            ClientCheck::Failed(outage)
        }
        Err(error) => ClientCheck::Unclear(error.to_string()),
    };
    let reply = endpoint.reply.into_inner();
    (
        found,
        reply.and_then(|reply| ahead(&reply, sent, clock.now())),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_page_is_told_from_a_sign_in_page_that_carries_the_same_words() {
        for page in [
            "<p>AADSTS50011: The redirect URI specified in the request does not match</p>",
            "<h1>Invalid parameter: redirect_uri</h1>",
            "Error 400: redirect_uri_mismatch",
        ] {
            assert!(complains(page), "{page}");
        }
        for page in [
            "<form action=\"/login?redirect_uri=x&error=none\"><input type=\"password\"></form>",
            "<title>Sign in</title>",
            "<p>An error occurred</p>",
        ] {
            assert!(!complains(page), "{page}");
        }
    }

    #[test]
    fn only_a_word_of_the_specification_is_repeated() {
        assert_eq!(word("invalid_scope"), "invalid_scope");
        for odd in ["", "Nope: <b>", "a b", &"x".repeat(41)] {
            assert_eq!(word(odd), "another error", "{odd}");
        }
    }
}
