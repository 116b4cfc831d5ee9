//! What can be known of a provider before the first sign-in; for `check`.
//!
//! It reads the documents as a sign-in would, asks for the sign-in page with the real redirect URI and
//! once more with one that is not registered (a provider that refuses the second and not the first
//! knows the real one), and sends the token endpoint a made-up code: if only the *code* is refused, the
//! client was believed. Only facts leave here; what they mean is said in `check`.

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

/// A redirect URI that no client has registered: no domain ends in `.invalid` (RFC 2606 §2).
const UNREGISTERED: &str = "https://unregistered.invalid/red5-bridge-check";

/// What was seen.
#[derive(Debug)]
pub struct Probe {
    /// What the discovery document says, believed or not; none when there is none.
    pub announced: Option<Announced>,
    /// Whether it can be used for signing in.
    pub usable: Result<(), Outage>,
    /// What the authorization endpoint does with our redirect URI; none where the
    /// document cannot be used.
    pub redirect: Option<Redirect>,
    /// What the token endpoint thinks of the client; likewise.
    pub client: Option<Client>,
    /// How far the provider's clock is ahead of ours, beyond what the round trip
    /// leaves open; none where it does not say.
    pub clock_ahead: Option<TimeDelta>,
}

/// Lists that a provider may announce; none where it says nothing.
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
}

/// What became of our redirect URI.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Redirect {
    /// The provider refuses another one and not ours, or sent the browser back to ours.
    Known,
    /// It leads on, as it does with another one.
    Unclear,
    /// It shows an error instead of sending people on.
    Refused,
    /// It is known, and people come back at once with this error (RFC 6749 §4.1.2.1).
    Error(String),
    /// It could not be asked.
    Failed(Outage),
}

/// What the token endpoint thinks of the client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Client {
    /// It refused the made-up code and nothing else.
    Accepted,
    /// It refused the client, in these words.
    Refused(String),
    /// It refused the client, and takes the same secret by this method.
    OtherMethod(&'static str),
    /// It gave tokens for a made-up code.
    TakesAnyCode,
    /// It could not be asked.
    Failed(Outage),
    /// Its answer says neither.
    Unclear(String),
}

/// Asks everything once.
///
/// # Errors
/// When the settings cannot work whatever the provider does.
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
    // This answer comes from no cache, so it is the better one.
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
    }
}

/// RFC 9110 §6.6.1: `Date` has whole seconds. An answer out of a cache is as old
/// as its `Age`.
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

/// What a provider may answer to a browser that is not signed in.
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

/// Asks for the sign-in page, as a browser would.
async fn look(http: &Http, client: &OidcClient, redirect_uri: &str) -> Redirect {
    let attempt = match Attempt::random() {
        Ok(attempt) => attempt,
        Err(outage) => return Redirect::Failed(outage),
    };
    let uri = RedirectUrl::new(redirect_uri.to_owned()).ok();
    let url = client.authorization_url(&attempt, None, uri);
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
            // Some show their errors on a page of its own (`/oauth/error?…`).
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

/// Entra and others show their error pages with status 200.
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
    // A sign-in page carries our own parameters along; an error page talks about them.
    page.contains("aadsts50011")
        || (of_redirect.iter().any(|word| page.contains(word))
            && of_error.iter().any(|word| page.contains(word))
            && !page.contains("type=\"password\"")
            && !page.contains("<form"))
}

/// RFC 6749 §4.1.2.1: a short word. Anything else is the provider's own text.
fn word(error: &str) -> String {
    let plain = |c: char| c.is_ascii_lowercase() || c == '_';
    let short = !error.is_empty() && error.len() <= 40 && error.chars().all(plain);
    if short { error } else { "another error" }.to_owned()
}

/// Where the client is not believed, the other method that sends a secret is tried: some
/// providers answer a wrong method with `invalid_client`, as a wrong secret, and some with
/// `invalid_request`.
async fn ask_for_tokens(
    http: &Http,
    client: &OidcClient,
    clock: &dyn Clock,
) -> (Client, Option<TimeDelta>) {
    let (found, ahead) = send_made_up_code(http, client, clock).await;
    let other = match found {
        Client::Refused(_) | Client::Unclear(_) => client.by_other_secret_method(),
        _ => None,
    };
    let Some(other) = other else {
        return (found, ahead);
    };
    let (by_other, _) = send_made_up_code(http, &other, clock).await;
    let found = match found {
        _ if by_other == Client::Accepted => Client::OtherMethod(other.method()),
        Client::Unclear(_) => by_other,
        found => found,
    };
    (found, ahead)
}

/// The outcome, and by how much the clock of the provider is ahead.
async fn send_made_up_code(
    http: &Http,
    client: &OidcClient,
    clock: &dyn Clock,
) -> (Client, Option<TimeDelta>) {
    let made_up = match Attempt::random() {
        Ok(attempt) => attempt,
        Err(outage) => return (Client::Unclear(OidcError::from(outage).to_string()), None),
    };
    let sent = clock.now();
    let endpoint = client.token_endpoint(http);
    let (code, verifier) = (made_up.state.into(), made_up.secrets.verifier);
    let outcome = client.exchange_code(&endpoint, &code, &verifier, sent);
    let found = match outcome.await {
        Ok(_) => Client::TakesAnyCode,
        Err(OidcError::Denied(Denial::InvalidGrant, _)) => Client::Accepted,
        Err(OidcError::Denied(Denial::InvalidClient, error)) => Client::Refused(error.to_string()),
        // RFC 6749 §5.2: 401 says the same.
        Err(OidcError::Unavailable(outage @ Outage::Status(401))) => {
            Client::Refused(outage.to_string())
        }
        Err(OidcError::Unavailable(outage)) if endpoint.reply.get().is_none() => {
            Client::Failed(outage)
        }
        Err(error) => Client::Unclear(error.to_string()),
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
