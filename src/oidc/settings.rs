//! The settings of one provider, and its time limits.

use std::time::Duration;

use url::Url;

use super::claim_path::ClaimPath;
use super::client_auth::Credentials;
use super::error::SettingsError;
use super::jwks::SigningAlg;
use crate::loopback::is_trusted;

/// One provider and the bridge as its client. `Debug` prints no secret.
#[derive(Debug, Clone)]
pub struct ProviderSettings {
    /// `OIDC_ISSUER_URL`, unchanged: it is compared exactly, never normalised.
    pub issuer: String,
    /// `OIDC_CLIENT_ID`.
    pub client_id: String,
    /// How the client authenticates.
    pub credentials: Credentials,
    /// PEM of certificate authorities to trust in addition to the system's.
    pub ca_pem: Option<Vec<u8>>,
    /// `OIDC_SCOPES`; `openid` is added if missing.
    pub scopes: Vec<String>,
    /// Path to the groups claim.
    pub groups_claim: ClaimPath,
    /// Path to the user name claim.
    pub username_claim: ClaimPath,
    /// Path to the display name claim.
    pub name_claim: ClaimPath,
    /// Allowed signature algorithms of ID tokens.
    pub signing_algs: Vec<SigningAlg>,
    /// `OIDC_TRUSTED_AUDIENCES`: audiences that an ID token may have besides this client.
    pub trusted_audiences: Vec<String>,
    /// `OIDC_EXCHANGE_AUDIENCES`: the audiences of access tokens that are accepted as subject tokens.
    pub exchange_audiences: Vec<String>,
    /// `OIDC_INTROSPECTION`: whether the provider is asked about opaque subject tokens.
    pub introspection: bool,
    /// Exactly as registered with the provider.
    pub redirect_uri: String,
    /// Exactly as registered with the provider.
    pub post_logout_redirect_uri: String,
    /// Time limits. Not configurable; tests use shorter ones.
    pub pace: Pace,
}

impl ProviderSettings {
    /// # Errors
    /// If no provider can work with them.
    pub(super) fn check(&self) -> Result<(), SettingsError> {
        let issuer = Url::parse(&self.issuer).map_err(|_| SettingsError::Issuer)?;
        if !is_trusted(&issuer) || issuer.query().is_some() || issuer.fragment().is_some() {
            return Err(SettingsError::Issuer);
        }
        if Url::parse(&self.redirect_uri).is_err() {
            return Err(SettingsError::RedirectUri);
        }
        if self.signing_algs.is_empty() {
            return Err(SettingsError::SigningAlgs);
        }
        Ok(())
    }
}

/// Time limits for the provider's calls, and intervals between them. Tests use shorter ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// Longest time for establishing a TCP and TLS connection.
    pub connect_timeout: Duration,
    /// Longest time for one request including its body, so that a provider that sends slowly cannot
    /// hold a sign-in for ever.
    pub request_timeout: Duration,
    /// Longest time that a sign-in waits for documents or keys that are not cached.
    pub begin_timeout: Duration,
    /// Shortest time between two fetches of the keys that tokens cause: invented key ids must not
    /// cause a flood of requests to the provider.
    pub keys_refetch_interval: Duration,
    /// Older keys must be fetched again before they verify anything: a key that the provider
    /// withdrew must not stay valid.
    pub keys_max_age: Duration,
    /// Pause after a failed discovery in the background, unless the breaker's rest is longer.
    pub retry_interval: Duration,
    /// How long a failed discovery is the answer to sign-ins that would cause another.
    pub failure_kept: Duration,
    /// Interval of discoveries while they succeed.
    pub rediscover_interval: Duration,
    /// First rest of an endpoint after consecutive failures; doubles up to `rest_max`.
    pub rest_first: Duration,
    /// Longest rest.
    pub rest_max: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(3),
            request_timeout: Duration::from_secs(8),
            begin_timeout: Duration::from_secs(5),
            keys_refetch_interval: Duration::from_secs(30),
            keys_max_age: Duration::from_hours(1),
            retry_interval: Duration::from_secs(5),
            failure_kept: Duration::from_secs(1),
            rediscover_interval: Duration::from_mins(5),
            rest_first: Duration::from_millis(500),
            rest_max: Duration::from_secs(5),
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Settings of a confidential client of `issuer`.
    pub(in crate::oidc) fn settings(issuer: &str) -> ProviderSettings {
        ProviderSettings {
            issuer: issuer.to_owned(),
            client_id: "bridge".to_owned(),
            credentials: Credentials::Secret("secret".into()),
            ca_pem: None,
            scopes: vec!["openid".to_owned(), "profile".to_owned()],
            groups_claim: ClaimPath::parse("groups").unwrap(),
            username_claim: ClaimPath::parse("preferred_username").unwrap(),
            name_claim: ClaimPath::parse("name").unwrap(),
            signing_algs: vec![SigningAlg::Rs256, SigningAlg::Es256],
            trusted_audiences: Vec::new(),
            exchange_audiences: Vec::new(),
            introspection: false,
            redirect_uri: "https://bridge.example.com/auth/callback".to_owned(),
            post_logout_redirect_uri: "https://bridge.example.com/auth/signed-out".to_owned(),
            pace: Pace::default(),
        }
    }

    #[test]
    fn an_issuer_is_https_or_on_this_machine_and_has_neither_query_nor_fragment() {
        assert_eq!(settings("https://id.example.com/realms/x").check(), Ok(()));
        assert_eq!(settings("http://127.0.0.1:9000").check(), Ok(()));
        for issuer in [
            "http://id.example.com",
            "https://id.example.com?x",
            "https://id.example.com#x",
            "id.example.com",
            "",
        ] {
            assert_eq!(
                settings(issuer).check(),
                Err(SettingsError::Issuer),
                "{issuer}"
            );
        }
    }

    #[test]
    fn at_least_one_algorithm_is_needed() {
        let mut none = settings("https://id.example.com");
        none.signing_algs.clear();
        assert_eq!(none.check(), Err(SettingsError::SigningAlgs));
    }

    #[test]
    fn debug_shows_no_secret() {
        let shown = format!("{:?}", settings("https://id.example.com"));
        assert!(
            shown.contains("bridge") && !shown.contains("\"secret\""),
            "{shown}"
        );
    }
}
