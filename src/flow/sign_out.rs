//! Sign-out: first at the bridge, then at the provider.
//!
//! [`SignOut::end`] deletes the session's row first. The deleted row contains the sealed ID token;
//! it waits in the database for a *ticket* that the browser keeps for a minute. [`SignOut::onward`]
//! spends the ticket and returns the next address. So the ID token is in no cookie, where it might
//! not fit, and in no header of ours, where it might be logged. The browser sees it in one address
//! only, on the way to the provider that issued it.

use std::sync::Arc;

use chrono::TimeDelta;
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use url::Url;

use super::sessions::{SessionSecret, Sessions};
use super::tokens::{ID_TOKEN, open_token, seal_token};
use crate::clock::Clock;
use crate::domain::identity::Actor;
use crate::oidc::Provider;
use crate::random;
use crate::seal::{Seal, SealError};
use crate::store::session_cache::LiveSession;
use crate::store::sessions::{EndedSession, SessionsToEnd};
use crate::store::single_use::TicketHash;
use crate::store::{Store, StoreError};

/// Validity of a ticket in seconds; the next page is one redirect away.
pub const TICKET_SECONDS: i64 = 60;

/// Single-use permission to continue to the provider's sign-out.
pub struct Ticket(SecretString);

impl Ticket {
    fn random() -> Result<Self, SealError> {
        let text = random::text().map_err(|_| SealError::Sealing)?;
        Ok(Self(text.into()))
    }

    /// The ticket in a cookie's value.
    pub fn of_cookie(value: &str) -> Self {
        Self(value.to_owned().into())
    }

    /// The value, for the cookie only.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }

    fn hash(&self) -> TicketHash {
        Sha256::digest(self.expose().as_bytes()).into()
    }
}

/// Next step after the page "signed out".
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Onward {
    /// Redirect to the provider's sign-out.
    Provider(Url),
    /// No redirect: the provider's sign-out is done, or was not requested.
    Nowhere,
    /// No redirect, and the provider may keep its session: it has no sign-out, its metadata is
    /// unavailable, or the ticket is not valid.
    ProviderStays,
}

/// The use case, with the parts that it needs.
pub struct SignOut {
    pub(crate) provider: Arc<Provider>,
    pub(crate) store: Store,
    pub(crate) sessions: Arc<Sessions>,
    pub(crate) seal: Arc<Seal>,
    pub(crate) clock: Arc<dyn Clock>,
}

impl SignOut {
    /// Ends the session; returns a ticket if the provider has a sign-out. The bridge's session is
    /// over even if a later step fails.
    pub async fn end(&self, secret: &SessionSecret) -> Result<Option<Ticket>, StoreError> {
        let ended = self.end_here(secret).await?;
        Ok(self.ticket(ended).await)
    }

    async fn end_here(&self, secret: &SessionSecret) -> Result<Option<EndedSession>, StoreError> {
        let which = SessionsToEnd::OfCookie(&secret.hash());
        Ok(self.sessions.end(which).await?.pop())
    }

    /// Ends all sessions of the actor; returns a ticket as [`SignOut::end`] does.
    pub async fn end_everywhere(
        &self,
        own: &LiveSession,
        actor: &Actor,
    ) -> Result<Option<Ticket>, StoreError> {
        let person = &actor.person();
        let which = SessionsToEnd::All { person, actor };
        let ended = self.sessions.end(which).await?;
        Ok(self.after(own, ended).await.flatten())
    }

    /// A ticket if the session is among the ended ones; `None` if it is not.
    pub async fn after(
        &self,
        own: &LiveSession,
        ended: impl IntoIterator<Item = EndedSession>,
    ) -> Option<Option<Ticket>> {
        let mut ended = ended.into_iter();
        let own = ended.find(|one| one.hash == own.session.hash)?;
        Some(self.ticket(Some(own)).await)
    }

    async fn ticket(&self, ended: Option<EndedSession>) -> Option<Ticket> {
        let ended = ended?;
        let sealed = ended.sealed_id_token?;
        if !self.provider.ends_sessions() {
            return None;
        }
        let ticket = Ticket::random().ok()?;
        let expires_at = self.clock.now() + TimeDelta::seconds(2 * TICKET_SECONDS);
        let hash = ticket.hash();
        // Sealed again for the ticket's row. If it cannot be opened, it is dropped; the provider
        // then asks the person to confirm.
        let sealed = open_token(&self.seal, ID_TOKEN, &ended.hash, &sealed)
            .and_then(|id_token| seal_token(&self.seal, ID_TOKEN, &hash, &id_token).ok())
            .unwrap_or_default();
        let kept = self.store.keep_sign_out(&hash, &sealed, expires_at);
        if let Err(error) = kept.await {
            // The ticket is then not valid, and the next page reports that.
            tracing::warn!(event = "sign_out_not_led_on", %error);
        }
        Some(ticket)
    }

    /// Ends the session so that another person can sign in; returns a ticket if the provider's
    /// session must end first.
    pub async fn end_for_somebody_else(
        &self,
        secret: &SessionSecret,
    ) -> Result<Option<Ticket>, StoreError> {
        if self.provider.signs_out_first() {
            self.end(secret).await
        } else {
            self.end_here(secret).await.map(|_| None)
        }
    }

    /// Spends the ticket, if there is one. Redirects to the provider's sign-out if another person
    /// cannot sign in without it; no redirect if the provider lets the person choose an account.
    pub async fn before_somebody_else(&self, ticket: Option<&Ticket>) -> Onward {
        if !self.provider.signs_out_first() {
            return Onward::Nowhere;
        }
        match self.onward(ticket).await {
            // No ID token as hint: the provider asks the person to confirm.
            Onward::Nowhere | Onward::ProviderStays => self.to_the_provider(None),
            onward @ Onward::Provider(_) => onward,
        }
    }

    /// Spends the ticket, and returns the next step.
    pub async fn onward(&self, ticket: Option<&Ticket>) -> Onward {
        if !self.provider.ends_sessions() {
            return Onward::ProviderStays;
        }
        let Some(ticket) = ticket else {
            return Onward::Nowhere;
        };
        let hash = ticket.hash();
        match self.store.take_sign_out(&hash, self.clock.now()).await {
            Ok(Some(sealed)) => {
                // `None` if the sealing key was removed. The provider then asks the person to
                // confirm.
                let id_token = open_token(&self.seal, ID_TOKEN, &hash, &sealed);
                self.to_the_provider(id_token.as_ref())
            }
            Ok(None) => Onward::ProviderStays,
            Err(error) => {
                tracing::warn!(event = "sign_out_not_led_on", %error);
                Onward::ProviderStays
            }
        }
    }

    fn to_the_provider(&self, id_token: Option<&SecretString>) -> Onward {
        let Ok(state) = random::text() else {
            return Onward::ProviderStays;
        };
        self.provider
            .end_session_url(id_token.map(ExposeSecret::expose_secret), &state)
            .map_or(Onward::ProviderStays, Onward::Provider)
    }
}
