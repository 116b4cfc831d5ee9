//! The relying party: everything from the OpenID Connect provider is checked here before it is
//! used.
//!
//! A sign-in has these steps:
//!
//! 1. [`Provider::begin`]: the provider's metadata and keys (`metadata`, `jwks`), fetched when
//!    needed and cached (`metadata_cache`); then the authorization URL and the secrets of the
//!    attempt (`client`).
//! 2. The browser goes to the provider and returns. The callback's `iss` is compared
//!    ([`Provider::check_issuer_parameter`]), also for errors.
//! 3. [`Provider::finish`]: the code is redeemed at the token endpoint (`client`), the ID token is
//!    verified (`id_token`), and groups and names are read from it or else from `userinfo`
//!    (`groups`, `claim_path`).
//!
//! [`Provider::refresh`] repeats step 3 with a refresh token. [`Provider::logout_token`] verifies
//! back-channel logouts (`logout_token`). [`Provider::subject_token`] verifies the token of a token
//! exchange (`subject_token`).
//!
//! All calls use one HTTP client (`http`): it follows no redirects, ignores proxy settings of the
//! environment and limits the size of answers. After repeated failures it stops calling an endpoint
//! for a while (`breaker`).

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
mod subject_token;
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
pub use sign_in::{CallbackAnswer, SignInPrompt, SignedIn};
pub use subject_token::{SubjectIdentity, SubjectTokenError, SubjectTokenFlaw, SubjectTokenType};

use crate::clock::Clock;
use crate::domain::identity::GroupsFrom;
use crate::metrics::ProviderCalls;
use http::Http;
use metadata_cache::{Documents, MetadataCache};

/// One provider, with the bridge as one of its clients.
pub struct Provider {
    settings: Arc<ProviderSettings>,
    http: Http,
    /// The same HTTP client with separate breakers.
    refresh_http: Http,
    /// The same again: whatever subject tokens clients send, sign-ins and refreshes go on.
    exchange_http: Http,
    metadata: MetadataCache,
    clock: Arc<dyn Clock>,
    /// For each claim's variable, where the claim was found; so that each place is logged once.
    logged_claims: Mutex<HashSet<(&'static str, Option<String>)>>,
    /// Where the last identity's groups came from.
    groups_from: Mutex<Option<GroupsFrom>>,
}

impl Provider {
    /// Checks the settings; sends no request.
    ///
    /// # Errors
    /// If the settings cannot work with any provider.
    pub fn new(settings: ProviderSettings, clock: Arc<dyn Clock>) -> Result<Self, SettingsError> {
        settings.check()?;
        let http = Http::new(settings.ca_pem.as_deref(), &settings.pace)?;
        let settings = Arc::new(settings);
        Ok(Self {
            metadata: MetadataCache::new(http.clone(), Arc::clone(&settings)),
            refresh_http: http.for_refreshes(),
            exchange_http: http.for_exchanges(),
            http,
            settings,
            clock,
            logged_claims: Mutex::default(),
            groups_from: Mutex::default(),
        })
    }

    /// `OIDC_ISSUER_URL`, unchanged.
    pub fn issuer(&self) -> &str {
        &self.settings.issuer
    }

    /// Where the last identity's groups came from; `None` if no identity was read since the start.
    pub fn groups_from(&self) -> Option<GroupsFrom> {
        *self
            .groups_from
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Result of the last attempt to read the provider's documents.
    pub fn status(&self) -> ProviderStatus {
        self.metadata.status()
    }

    /// Shortest time between two fetches of the keys that tokens cause.
    pub fn keys_refetch_interval(&self) -> Duration {
        self.settings.pace.keys_refetch_interval
    }

    /// Counts and durations of all calls.
    pub fn calls(&self) -> &ProviderCalls {
        self.http.calls()
    }

    /// Fetches the provider's documents until that succeeds, then at intervals, keeping the last
    /// valid ones. Never returns: spawn it.
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
