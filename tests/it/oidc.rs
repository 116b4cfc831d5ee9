//! Signing in against a provider over real HTTP, without the rest of the bridge.

mod answers;
mod authentication;
mod documents;
mod logs;
mod people;
mod shapes;
mod sign_in;
mod subject_tokens;
mod tls;
mod tolerance;

use std::sync::Arc;
use std::time::Duration;

use red5_bridge::clock::SystemClock;
use red5_bridge::oidc::TokenFlaw;
use red5_bridge::oidc::http::install_crypto;
use red5_bridge::oidc::{
    self, Attempt, CallbackAnswer, ClaimPath, Credentials, Denial, InvalidAnswer, OidcError, Pace,
    ProviderSettings, SignedIn, SigningAlg, TokenError,
};
use url::Url;

use crate::provider::{CLIENT_ID, CLIENT_SECRET, Provider};

const REDIRECT_URI: &str = "http://127.0.0.1:8080/auth/callback";

/// Patience for tests: nothing here takes longer unless it is meant to.
const PACE: Pace = Pace {
    connect_timeout: Duration::from_millis(500),
    request_timeout: Duration::from_millis(700),
    begin_timeout: Duration::from_secs(2),
    keys_refetch_interval: Duration::from_hours(1),
    keys_max_age: Duration::from_hours(1),
    retry_interval: Duration::from_millis(20),
    failure_kept: Duration::from_millis(20),
    rediscover_interval: Duration::from_hours(1),
    rest_first: Duration::ZERO,
    rest_max: Duration::ZERO,
};

/// The bridge's side of the provider at `issuer`.
fn bridge_at(
    issuer: &str,
    pace: Pace,
    change: impl FnOnce(&mut ProviderSettings),
) -> oidc::Provider {
    install_crypto();
    let mut settings = ProviderSettings {
        issuer: issuer.to_owned(),
        client_id: CLIENT_ID.to_owned(),
        credentials: Credentials::Secret(CLIENT_SECRET.into()),
        ca_pem: None,
        scopes: vec!["openid".to_owned(), "profile".to_owned()],
        groups_claim: ClaimPath::parse("groups").unwrap(),
        username_claim: ClaimPath::parse("preferred_username").unwrap(),
        name_claim: ClaimPath::parse("name").unwrap(),
        signing_algs: vec![SigningAlg::Rs256, SigningAlg::Es256],
        trusted_audiences: Vec::new(),
        exchange_audiences: Vec::new(),
        introspection: false,
        redirect_uri: REDIRECT_URI.to_owned(),
        post_logout_redirect_uri: "http://127.0.0.1:8080/auth/signed-out".to_owned(),
        pace,
    };
    change(&mut settings);
    oidc::Provider::new(settings, Arc::new(SystemClock)).unwrap()
}

fn bridge(provider: &Provider) -> oidc::Provider {
    bridge_at(provider.issuer(), PACE, |_| {})
}

/// A provider with Ann, who is a viewer, and a bridge that uses it.
fn ann_and_bridge() -> (Provider, oidc::Provider) {
    let provider = Provider::start();
    provider.person("ann").groups(["viewers"]);
    let bridge = bridge(&provider);
    (provider, bridge)
}

/// Begins, approves as `person`, finishes.
async fn sign_in(
    provider: &Provider,
    bridge: &oidc::Provider,
    person: &str,
) -> Result<SignedIn, OidcError> {
    let (back, attempt) = come_back(provider, bridge, person).await?;
    bridge.finish(&attempt.secrets, &answer(&back)).await
}

/// Begins and approves; the callback's address is not looked at yet.
async fn come_back(
    provider: &Provider,
    bridge: &oidc::Provider,
    person: &str,
) -> Result<(Url, Attempt), OidcError> {
    let (url, attempt) = bridge
        .begin("", &red5_bridge::oidc::SignInPrompt::default())
        .await?;
    Ok((provider.approve(&url, person).await, attempt))
}

fn answer(back: &Url) -> CallbackAnswer {
    CallbackAnswer {
        code: query(back, "code").unwrap().into(),
        iss: query(back, "iss"),
    }
}

fn query(url: &Url, name: &str) -> Option<String> {
    url.query_pairs()
        .find(|(found, _)| found == name)
        .map(|(_, value)| value.into_owned())
}

fn denied(denial: Denial, code: &'static str) -> OidcError {
    let numbers = Vec::new();
    OidcError::Denied(denial, TokenError { code, numbers })
}

fn flaw(flaw: TokenFlaw) -> OidcError {
    OidcError::Refused(InvalidAnswer::IdToken(flaw))
}
