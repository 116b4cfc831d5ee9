//! One provider, as one client of it sees it.

use std::collections::HashSet;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::error::{Outage, SettingsError};
use super::http::Http;
use super::metadata_cache::{Documents, MetadataCache, ProviderStatus};
use super::settings::ProviderSettings;
use crate::clock::Clock;
use crate::domain::identity::GroupsFrom;
use crate::metrics::ProviderCalls;

/// One provider, as one client of it sees it.
pub struct Provider {
    pub(super) settings: Arc<ProviderSettings>,
    pub(super) http: Http,
    /// The same client, with breakers of its own.
    pub(super) refresh_http: Http,
    pub(super) metadata: MetadataCache,
    pub(super) clock: Arc<dyn Clock>,
    /// Of each claim's variable, where it was found: what was logged once.
    pub(super) logged_claims: Mutex<HashSet<(&'static str, Option<String>)>>,
    /// Where the last identity had its groups.
    pub(super) groups_from: Mutex<Option<GroupsFrom>>,
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

    pub(super) async fn documents(&self) -> Result<Arc<Documents>, Outage> {
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
