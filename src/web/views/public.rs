//! Pages that need no session.

use askama::Template;

use super::frame::Frame;

/// GET `/` without a session.
#[derive(Debug, Clone, Template)]
#[template(path = "welcome.html")]
pub struct Welcome {
    /// The bar, without a user.
    pub frame: Frame,
    /// Where signing in comes back to, as `/auth/login` takes it.
    pub return_to: String,
}

/// GET `/auth/signed-out` and `/auth/somebody-else`.
#[derive(Debug, Clone, Template)]
#[template(path = "signed_out.html")]
pub struct SignedOut {
    /// The bar, without a user.
    pub frame: Frame,
    pub next: Next,
}

/// What comes after signing out here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// Signing out at the provider (OpenID Connect RP-Initiated Logout 1.0). The
    /// address is as [`crate::oidc`] made it: `https`, or `http` of a
    /// loopback host.
    Provider(String),
    /// The same, and then signing in as another person.
    ProviderThenSomebodyElse(String),
    /// Signing in again, and the provider asks as whom.
    SomebodyElse,
    /// Nothing: the way back from the provider.
    Nowhere,
    /// Nothing, and the provider has not been asked to sign out.
    ProviderStays,
}

impl SignedOut {
    /// Where the page goes by itself.
    fn leads_to(&self) -> Option<String> {
        match &self.next {
            Next::Provider(url) | Next::ProviderThenSomebodyElse(url) => Some(url.clone()),
            Next::SomebodyElse => Some(self.frame.asking_who_href()),
            Next::Nowhere | Next::ProviderStays => None,
        }
    }
}

/// GET `/docs`; `scripts/api-page` renders the template from `docs/openapi.json`.
#[derive(Debug, Clone, Template)]
#[template(path = "api_docs.html")]
pub struct ApiDocs {
    pub frame: Frame,
    /// The address of this bridge.
    pub bridge: String,
}
