//! The OpenID Connect provider, and everything it says before it is believed.
//!
//! A sign-in takes these steps:
//!
//! 1. [`Provider::begin`]: the provider's metadata and keys (`metadata`, `jwks`), read when needed and
//!    kept (`metadata_cache`), then the authorization URL and the secrets of this attempt (`client`).
//! 2. The browser goes to the provider and comes back. The callback's `iss` is compared
//!    ([`Provider::check_issuer_parameter`]), on errors too.
//! 3. [`Provider::finish`]: the code is spent at the token endpoint (`client`), the ID token is
//!    verified (`id_token`), and groups and names are read from it or else from `userinfo` (`groups`,
//!    `claim_path`).
//!
//! [`Provider::refresh`] repeats the last step with a refresh token. [`Provider::logout_token`]
//! verifies what the provider says by itself: that a session is over (`logout_token`).
//!
//! Everything goes through one HTTP client (`http`) that follows no redirect, trusts no proxy of the
//! environment and reads a bounded number of bytes, and that leaves an endpoint alone for a while that
//! does not answer (`breaker`).

pub mod groups;
pub mod http;
pub mod logout_token;
pub mod probe;

mod breaker;
mod claim_path;
mod client;
mod client_auth;
mod error;
#[cfg(any(test, feature = "fuzz"))]
#[path = "../../fuzz/helpers/oidc.rs"]
pub(crate) mod fuzzing;
mod id_token;
mod jwks;
mod metadata;
mod metadata_cache;
mod refresh;
mod reply;
mod settings;
mod sign_in;
mod sign_out;
mod signed_token;
mod userinfo;

use std::collections::HashSet;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

pub use claim_path::{ClaimPath, ClaimPathError};
pub use client::{Attempt, AttemptSecrets};
pub use client_auth::{ClientAuth, ClientKey, Credentials};
pub use error::{Denial, InvalidAnswer, OidcError, Outage, SettingsError, TokenError, TokenFlaw};
pub use jwks::SigningAlg;
pub use metadata_cache::ProviderStatus;
pub use refresh::{RefreshFailure, Refreshed};
pub use settings::{Pace, ProviderSettings};
pub use sign_in::{CallbackAnswer, SignedIn};

use crate::clock::Clock;
use crate::domain::identity::GroupsFrom;
use crate::metrics::ProviderCalls;
use http::Http;
use metadata_cache::{Documents, MetadataCache};

/// One provider, as one client of it sees it.
pub struct Provider {
    settings: Arc<ProviderSettings>,
    http: Http,
    /// The same client, with breakers of its own.
    refresh_http: Http,
    metadata: MetadataCache,
    clock: Arc<dyn Clock>,
    /// Of each claim's variable, where it was found: what was logged once.
    logged_claims: Mutex<HashSet<(&'static str, Option<String>)>>,
    /// Where the last identity had its groups.
    groups_from: Mutex<Option<GroupsFrom>>,
}

impl Provider {
    /// Checks the settings; asks nothing of the network.
    ///
    /// # Errors
    /// When the settings cannot work whatever the provider does.
    pub fn new(settings: ProviderSettings, clock: Arc<dyn Clock>) -> Result<Self, SettingsError> {
        settings.check()?;
        let http = Http::new(settings.ca_pem.as_deref(), &settings.pace)?;
        let settings = Arc::new(settings);
        Ok(Self {
            metadata: MetadataCache::new(http.clone(), Arc::clone(&settings)),
            refresh_http: http.for_refreshes(),
            http,
            settings,
            clock,
            logged_claims: Mutex::default(),
            groups_from: Mutex::default(),
        })
    }

    /// `OIDC_ISSUER_URL`, character by character.
    pub fn issuer(&self) -> &str {
        &self.settings.issuer
    }

    /// Where this provider sends groups, by the last identity that was read here; none: no identity
    /// was read since the start.
    pub fn groups_from(&self) -> Option<GroupsFrom> {
        *self
            .groups_from
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// What the last try to read the provider's documents showed.
    pub fn status(&self) -> ProviderStatus {
        self.metadata.status()
    }

    /// How long the keys are not read again for a token.
    pub fn keys_refetch_interval(&self) -> Duration {
        self.settings.pace.keys_refetch_interval
    }

    /// Counts and times of all calls.
    pub fn calls(&self) -> &ProviderCalls {
        self.http.calls()
    }

    /// Reads the provider's documents until that works, and then again now and then, keeping the last
    /// good ones. Never returns: spawn it.
    pub async fn watch(&self) {
        self.metadata.watch().await;
    }

    async fn documents(&self) -> Result<Arc<Documents>, Outage> {
        self.metadata.ensure().await
    }
}

impl fmt::Debug for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Provider")
            .field("settings", &self.settings)
            .field("status", &self.status())
            .finish_non_exhaustive()
    }
}
