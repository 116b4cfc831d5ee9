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
mod provider;
mod refresh;
mod reply;
mod settings;
mod sign_in;
mod sign_out;
mod signed_token;
mod userinfo;

pub use claim_path::{ClaimPath, ClaimPathError};
pub use client::{Attempt, AttemptSecrets};
pub use client_auth::{ClientAuth, ClientKey, Credentials};
pub use error::{Denial, InvalidAnswer, OidcError, Outage, SettingsError, TokenError, TokenFlaw};
pub use jwks::SigningAlg;
pub use metadata_cache::ProviderStatus;
pub use provider::Provider;
pub use refresh::{RefreshFailure, Refreshed};
pub use settings::{Pace, ProviderSettings};
pub use sign_in::{CallbackAnswer, SignInWish, SignedIn};
