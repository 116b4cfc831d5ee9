//! The authorization endpoint (RFC 6749 §4.1.1, RFC 7636, RFC 9207): what a client asks for, and the code that it gets.

use std::sync::Arc;

use chrono::TimeDelta;
use secrecy::SecretString;
use sha2::{Digest, Sha256};

use crate::clock::Clock;
use crate::domain::client::{ClientId, GrantType, RedirectUri};
use crate::domain::grant::Ask;
use crate::domain::identity::PersonKey;
use crate::flow::exchange::{Exchange, NoToken, Subject, Wish};
use crate::random;
use crate::store::clients::RegisteredClient;
use crate::store::grants::AuthorizationCode;
pub use crate::store::grants::Consent;
use crate::store::session_cache::LiveSession;
use crate::store::snapshot::{SnapshotKeeper, Stale};
use crate::store::{Store, StoreError};

/// Life of a code (RFC 6749 §4.1.2 recommends ten minutes at most).
const CODE_LIFE: TimeDelta = TimeDelta::seconds(60);

/// The use case, with the parts that it needs.
pub struct Authorization {
    pub(crate) store: Store,
    pub(crate) snapshots: Arc<SnapshotKeeper>,
    pub(crate) exchange: Arc<Exchange>,
    pub(crate) clock: Arc<dyn Clock>,
}

/// A client that is enabled and may use codes, and one of its redirect URIs: a browser may be sent there.
pub struct Destination {
    client: Arc<RegisteredClient>,
    /// The registered address that the request names.
    registered: RedirectUri,
    /// The address as the request names it: with its own port on a loopback host.
    requested: String,
}

/// What a client asks for.
pub struct CodeRequest {
    /// The words of the scope.
    pub ask: Ask,
    /// `code_challenge`, S256.
    pub challenge: String,
}

/// Why a client gets no code.
#[derive(Debug, thiserror::Error)]
pub enum NoCode {
    /// The person has to consent first.
    #[error("the person has not consented")]
    ConsentRequired,
    /// No token would come of it.
    #[error(transparent)]
    NoToken(#[from] NoToken),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The system gives no random numbers.
    #[error("the system gives no random numbers")]
    NoRandomness,
}

impl Destination {
    /// What people know the client by.
    pub fn client_name(&self) -> &str {
        &self.client.client.draft.name
    }

    /// `client_id`
    pub fn client_id(&self) -> &ClientId {
        &self.client.client.id
    }

    /// Whether the client may use codes at all.
    pub fn may_have_codes(&self) -> bool {
        self.client.client.may(GrantType::AuthorizationCode)
    }

    /// The address to which the answer goes.
    pub fn address(&self) -> &str {
        &self.requested
    }

    /// The source that `form-action` of a page must have, so that its form may lead there.
    pub fn form_target(&self) -> String {
        let port_of_request = crate::domain::client::origin_of(&self.requested);
        port_of_request.unwrap_or_else(|| self.registered.origin_or_scheme())
    }
}

impl Authorization {
    /// Finds the client and its address. `None`: a browser must not be sent to that address.
    pub fn destination(
        &self,
        client: &str,
        redirect_uri: &str,
    ) -> Result<Option<Destination>, Stale> {
        let snapshot = self.snapshots.current()?;
        let found = ClientId::parse(client).and_then(|id| {
            let client = snapshot.clients.enabled(&id)?;
            let registered = client.client.redirect_uri(redirect_uri)?.clone();
            Some(Destination {
                client: Arc::clone(client),
                registered,
                requested: redirect_uri.to_owned(),
            })
        });
        Ok(found)
    }

    /// A code for the client, if the exchange would issue a token and the person has consented or need not.
    pub async fn code(
        &self,
        destination: &Destination,
        request: &CodeRequest,
        live: &LiveSession,
    ) -> Result<SecretString, NoCode> {
        let client = &destination.client.client;
        let wish = Wish {
            ask: request.ask.clone(),
            ttl_seconds: None,
        };
        let person = person(live);
        // The consent first, so that a client without one learns nothing of the person's grants.
        if !client.draft.trusted && !self.store.has_consent(&person, &client.id).await? {
            return Err(NoCode::ConsentRequired);
        }
        let subject = Subject::from(live).for_client(client);
        self.exchange.scope(subject, &wish)?;
        let code = random::text().map_err(|_| NoCode::NoRandomness)?;
        let row = AuthorizationCode {
            client: client.id.clone(),
            session: live.session.hash,
            redirect_uri: destination.requested.clone(),
            challenge: request.challenge.clone(),
            scope: request.ask.words(),
            expires_at: self.clock.now() + CODE_LIFE,
            spent: false,
        };
        let digest = Sha256::digest(&code).into();
        if self.store.insert_code(&digest, &row, &person).await? {
            Ok(code.into())
        } else {
            Err(NoCode::ConsentRequired)
        }
    }

    /// Remembers that the person lets the client have tokens.
    pub async fn consent(
        &self,
        destination: &Destination,
        live: &LiveSession,
    ) -> Result<(), StoreError> {
        let client = &destination.client.client.id;
        self.store
            .consent(&person(live), client, self.clock.now())
            .await
    }

    /// The clients that get tokens for the person.
    pub async fn consents(&self, live: &LiveSession) -> Result<Vec<Consent>, StoreError> {
        self.store.consents(&person(live)).await
    }

    /// Ends a consent, and the client's refresh tokens of this person. False: there was nothing.
    pub async fn end_consent(
        &self,
        live: &LiveSession,
        client: &ClientId,
    ) -> Result<bool, StoreError> {
        self.store.end_consent(&person(live), client).await
    }
}

pub(super) fn person(live: &LiveSession) -> PersonKey {
    let identity = &live.session.identity;
    PersonKey::new(&identity.issuer, &identity.subject)
}
