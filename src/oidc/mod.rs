//! The OpenID Connect provider, and everything it says before it is believed.
//!
//! This module owns the way from the beginning of a sign-in to an [`Identity`],
//! and nothing of the provider but that leaves it. A sign-in takes these steps:
//!
//! 1. [`Provider::begin`]: what is known of the provider (`known`: discovery
//!    document and keys, read when needed and kept), then the authorization URL
//!    and the secrets of this attempt (`login`).
//! 2. The browser goes to the provider and comes back. The callback's `iss` is
//!    compared ([`Provider::check_issuer_parameter`]), on errors too.
//! 3. [`Provider::finish`]: the code is spent at the token endpoint (`token`),
//!    the ID token is verified (`id_token`), and groups and names are read from
//!    it or else from `userinfo` (`groups`).
//!
//! [`Provider::logout_token`] verifies what the provider says by itself: that a
//! session is over (`logout_token`).
//!
//! Everything goes through one HTTP client that follows no redirect, trusts no
//! proxy of the environment and reads a bounded number of bytes (`http`).

pub mod claim_path;
pub mod error;
#[cfg(any(test, feature = "fuzz"))]
#[path = "../../fuzz/helpers/oidc.rs"]
pub(crate) mod fuzzing;
pub mod groups;
pub mod http;
pub mod id_token;
pub mod logout_token;

mod breaker;
mod client_auth;
mod client_key;
mod discovery;
mod keys;
mod known;
mod login;
pub mod probe;
mod prompt;
mod refresh;
mod settings;
mod sign_out;
mod signed_token;
mod signing;
mod token;
mod userinfo;
mod verifying;

use std::collections::HashSet;
use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};

pub use claim_path::ClaimPath;
pub use client_auth::{ClientAuth, Credentials};
pub use client_key::ClientKey;
pub use error::{Denial, InvalidAnswer, OidcError, Outage, SettingsError, TokenError};
pub use id_token::TokenFlaw;
pub use refresh::{RefreshFailure, Refreshed};
pub use settings::{Pace, ProviderSettings};
pub use signing::SigningAlg;

use crate::clock::Clock;
use crate::domain::identity::Identity;
use crate::metrics::ProviderCalls;
use discovery::Document;
use http::Http;
use known::Knowledge;
use token::OAuthClient;

/// One provider, as one client of it sees it.
pub struct Provider {
    settings: ProviderSettings,
    http: Http,
    /// The same client, with breakers of its own.
    refresh_http: Http,
    known: Knowledge,
    clock: Arc<dyn Clock>,
    /// Of each claim's variable, where it was found: what was logged once.
    told: Mutex<HashSet<(&'static str, Option<String>)>>,
}

impl Provider {
    /// Checks the settings; asks nothing of the network.
    ///
    /// # Errors
    /// When the settings cannot work whatever the provider does.
    pub fn new(settings: ProviderSettings, clock: Arc<dyn Clock>) -> Result<Self, SettingsError> {
        settings.check()?;
        let http = Http::new(settings.ca_pem.as_deref(), &settings.pace)?;
        let known = Knowledge::new(settings.pace);
        Ok(Self {
            settings,
            refresh_http: http.for_refreshes(),
            http,
            known,
            clock,
            told: Mutex::default(),
        })
    }

    /// Who signs people in, character by character.
    pub fn issuer(&self) -> &str {
        &self.settings.issuer
    }

    /// What the last try to read the provider's documents showed.
    pub fn status(&self) -> ProviderStatus {
        self.known.status()
    }

    /// How long the keys are not read again for a token.
    pub fn keys_refetch_interval(&self) -> Duration {
        self.settings.pace.keys_refetch_interval
    }

    /// What it was asked, and how long it took.
    pub fn calls(&self) -> &ProviderCalls {
        self.http.calls()
    }

    fn oauth_client<'a>(&'a self, http: &'a Http, document: &'a Document) -> OAuthClient<'a> {
        OAuthClient {
            http,
            document,
            settings: &self.settings,
            now: self.clock.now(),
        }
    }

    /// Reads the provider's documents until that works, and then again now and
    /// then, keeping the last good ones. Never returns: spawn it.
    pub async fn watch(&self) {
        self.known.watch(&self.http, &self.settings).await;
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

/// Whether the provider can be used for signing in; told, never decisive for readiness.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProviderStatus {
    /// Not tried yet.
    Unknown,
    /// The last try to read its documents worked.
    Ready,
    /// The last try failed. Documents read before that still serve.
    Failing {
        /// In words, for an operator.
        reason: String,
    },
}

/// What is wanted of a sign-in beyond the usual.
#[derive(Debug, Clone, Copy, Default)]
pub struct SignInWish<'a> {
    /// Comes back behind a dot in the state's end, whatever else is lost; of the
    /// characters of base64url. Empty: the state is random bytes alone.
    pub mark: &'a str,
    /// The provider is to ask who it is, and not to take the one whom it knows.
    pub somebody_else: bool,
}

/// One attempt to sign in, to be kept by the browser alone, sealed.
#[derive(Debug)]
pub struct Attempt {
    /// Names the attempt and comes back in the callback's query. 256 random bits,
    /// and the mark.
    pub state: String,
    /// What the callback does not carry.
    pub secrets: AttemptSecrets,
}

/// The part of an attempt that never travels in an address.
#[derive(Debug, Clone)]
pub struct AttemptSecrets {
    /// Must be in the ID token (OpenID Connect Core §3.1.3.7, step 11). 256 random bits.
    pub nonce: SecretString,
    /// RFC 7636 §4.1. 256 random bits, 43 characters.
    pub verifier: SecretString,
}

impl AttemptSecrets {
    /// What the session keeps of the nonce, for its refreshes.
    pub fn nonce_hash(&self) -> [u8; 32] {
        Sha256::digest(self.nonce.expose_secret()).into()
    }
}

/// What a callback that is no error brings back.
#[derive(Debug)]
pub struct CallbackAnswer {
    /// RFC 6749 §4.1.2.
    pub code: SecretString,
    /// RFC 9207, if there was one.
    pub iss: Option<String>,
}

/// A finished sign-in.
#[derive(Debug)]
pub struct SignedIn {
    /// Who it is.
    pub identity: Identity,
    /// As the provider sent it, for `id_token_hint` at sign-out.
    pub id_token: SecretString,
    /// The provider's session (`sid`), for back-channel logout.
    pub sid: Option<String>,
    /// When the provider says that this was (`iat`), by its own clock.
    pub issued_at: DateTime<Utc>,
    /// For reading the groups again.
    pub refresh_token: Option<SecretString>,
}
