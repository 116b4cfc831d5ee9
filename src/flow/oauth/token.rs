//! The token endpoint: what a client presents, and what it gets (RFC 6749 §5, RFC 9700).
//!
//! The order of each grant: the code or token is looked up; the session behind it is loaded and its groups confirmed,
//! which may wait for the provider; then, in one transaction that holds the row, the exchange decides and the code or
//! token is used. A request that is refused for any reason but `invalid_grant` uses nothing.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::authorize::person;
use super::refresh_token::RefreshTokenId;
use crate::clock::Clock;
use crate::domain::client::{Client, ClientId, ClientKind, GrantType};
use crate::domain::grant::Ask;
use crate::domain::resolve::MatchMemo;
use crate::domain::session::{SessionHash, SessionKind};
use crate::domain::wish::Wider;
use crate::fingerprint::{fingerprint, pseudonym};
use crate::flow::exchange::{Exchange, Issued, NoToken, Subject, Wish};
use crate::flow::sessions::{SessionError, Sessions};
use crate::oidc::{Provider, SubjectIdentity};
// `web` must not import `oidc`.
pub use crate::oidc::{SubjectTokenError, SubjectTokenType};
use crate::random;
use crate::seal::Seal;
use crate::store::clients::RegisteredClient;
use crate::store::devices::Polled;
use crate::store::grants::{CodeDigest, FamilyId, Used};
use crate::store::session_cache::LiveSession;
use crate::store::sessions::StoredSession;
use crate::store::snapshot::{SnapshotKeeper, Stale};
use crate::store::{Store, StoreError};

/// The use case, with the parts that it needs.
pub struct TokenEndpoint {
    pub(crate) store: Store,
    pub(crate) snapshots: Arc<SnapshotKeeper>,
    pub(crate) sessions: Arc<Sessions>,
    pub(crate) exchange: Arc<Exchange>,
    pub(crate) provider: Arc<Provider>,
    pub(crate) seal: Arc<Seal>,
    /// Whether Red5 asks about tokens. Then a token that was exchanged needs a session behind it, too.
    pub(crate) round_trip: bool,
    pub(crate) clock: Arc<dyn Clock>,
}

/// The client that a request names, and its secret. Nothing of it is verified.
#[derive(Debug, Default)]
pub struct ClientCredentials {
    /// `client_id`
    pub id: Option<String>,
    /// The secret, if one was sent.
    pub secret: Option<SecretString>,
}

/// A client that has authenticated. A public one has only named itself (RFC 6749 §2.3).
pub struct ProvenClient(Arc<RegisteredClient>);

impl ProvenClient {
    /// The client.
    pub fn client(&self) -> &Client {
        &self.0.client
    }

    pub(super) fn require(&self, grant: GrantType) -> Result<(), TokenRefused> {
        if self.client().may(grant) {
            Ok(())
        } else {
            Err(TokenRefused::Unauthorized(grant))
        }
    }
}

/// What a client gets.
pub struct Granted {
    /// The token.
    pub issued: Issued,
    /// The refresh token that comes with it.
    pub refresh_token: Option<SecretString>,
}

/// Why a client gets no token.
#[derive(Debug, thiserror::Error)]
pub enum TokenRefused {
    /// It is unknown or switched off, or its authentication failed.
    #[error("the client is unknown or did not prove itself")]
    Client,
    /// It may not use this grant type.
    #[error("the client may not use {}", <&str>::from(.0))]
    Unauthorized(GrantType),
    /// The code or refresh token is not good.
    #[error("{0}")]
    Grant(&'static str),
    /// No person has decided about the device yet.
    #[error("no person has decided yet")]
    Pending {
        /// Whether it asked too soon: its interval is longer from now on.
        too_soon: bool,
    },
    /// Too many devices of the client wait at this address.
    #[error("too many devices of this client wait; ask again later")]
    TooManyDevices,
    /// A person denied the device.
    #[error("the person denied it")]
    Denied,
    /// The device's request has expired.
    #[error("the request has expired")]
    Expired,
    /// The scope cannot be read, or is wider than what was granted first.
    #[error("{0}")]
    Scope(String),
    /// The subject token is not good, or cannot be checked now.
    #[error(transparent)]
    Subject(#[from] SubjectTokenError),
    /// The session cannot be used.
    #[error(transparent)]
    Session(#[from] SessionError),
    /// The exchange refuses.
    #[error(transparent)]
    NoToken(#[from] NoToken),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The system gives no random numbers.
    #[error("the system gives no random numbers")]
    NoRandomness,
}

impl From<Stale> for TokenRefused {
    fn from(error: Stale) -> Self {
        Self::NoToken(error.into())
    }
}

const CODE_GONE: &str = "the code is unknown, has expired or was used before";

const TOKEN_GONE: &str = "the refresh token is unknown, has ended or was used before";

const SESSION_OVER: &str = "the session behind it is over";

impl TokenEndpoint {
    /// Authenticates a client. The refusal does not say whether it is unknown, switched off, or has another secret.
    pub fn authenticate(&self, sent: &ClientCredentials) -> Result<ProvenClient, TokenRefused> {
        let id = sent
            .id
            .as_deref()
            .and_then(ClientId::parse)
            .ok_or(TokenRefused::Client)?;
        let snapshot = self.snapshots.current()?;
        let client = snapshot.clients.enabled(&id).ok_or(TokenRefused::Client)?;
        let good = match (client.client.draft.kind, &sent.secret) {
            (ClientKind::Public, None) => true,
            (ClientKind::Confidential, Some(secret)) => client.has_secret(secret.expose_secret()),
            _ => false,
        };
        if good {
            Ok(ProvenClient(Arc::clone(client)))
        } else {
            Err(TokenRefused::Client)
        }
    }

    /// Whether pages of this origin may read an answer. The origin must be one of the client that the request names, or of any
    /// client that is switched on if it names none.
    pub fn allows_origin(&self, client: Option<&ClientId>, origin: &str) -> bool {
        let Ok(snapshot) = self.snapshots.current() else {
            return false;
        };
        match client {
            None => snapshot.clients.have_origin(origin),
            Some(id) => {
                let client = snapshot.clients.enabled(id);
                client.is_some_and(|found| found.client.has_origin(origin))
            }
        }
    }

    /// A token for an authorization code (RFC 6749 §4.1.3, RFC 7636 §4.6).
    pub async fn code(
        &self,
        proven: &ProvenClient,
        code: &str,
        redirect_uri: &str,
        verifier: &str,
    ) -> Result<Granted, TokenRefused> {
        proven.require(GrantType::AuthorizationCode)?;
        let client = proven.client();
        let digest: CodeDigest = Sha256::digest(code).into();
        let known = self.store.code(&digest).await?;
        // A code of another client is answered like one that never existed, and stays good for that client.
        let known = known
            .filter(|known| known.client == client.id)
            .ok_or(TokenRefused::Grant(CODE_GONE))?;
        let now = self.clock.now();
        let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(verifier));
        let fits: bool = challenge
            .as_bytes()
            .ct_eq(known.challenge.as_bytes())
            .into();
        if known.spent && !fits {
            // Without the verifier it is not the client that the code was made for, so this use ends nothing.
            return Err(TokenRefused::Grant(CODE_GONE));
        }
        if known.spent {
            return Err(self.reused(client, &digest).await?);
        }
        if !fits || known.redirect_uri != redirect_uri {
            self.store.spend_code(&digest).await?;
            tracing::warn!(
                event = "code_refused",
                client = client.id.as_str(),
                reason = if fits {
                    "redirect_uri"
                } else {
                    "code_verifier"
                }
            );
            return Err(TokenRefused::Grant(
                "the code was made for another redirect_uri or code_verifier, and is spent now",
            ));
        }
        if known.expires_at <= now {
            return Err(TokenRefused::Grant(CODE_GONE));
        }
        let live = self.session(&known.session).await?;
        let wish = wish(&known.scope)?;
        let family = family_for(client)?;
        let issue = || self.issue(&live, client, &wish);
        match self
            .store
            .redeem_code(
                &digest,
                (&client.id, &person(&live)),
                family.as_ref(),
                now,
                issue,
            )
            .await?
        {
            Used::Good(issued) => Ok(self.granted(issued, family, 0)),
            Used::Gone => Err(TokenRefused::Grant(CODE_GONE)),
            Used::Reused => Err(self.reused(client, &digest).await?),
        }
    }

    /// A code was used twice: it was copied, so the refresh tokens that came of it end (RFC 6749 §4.1.2).
    async fn reused(
        &self,
        client: &Client,
        digest: &CodeDigest,
    ) -> Result<TokenRefused, StoreError> {
        self.store.spend_code(digest).await?;
        tracing::warn!(
            event = "code_reused",
            client = client.id.as_str(),
            "an authorization code was used twice; the refresh tokens that came of it have ended"
        );
        Ok(TokenRefused::Grant(CODE_GONE))
    }

    /// A token for a refresh token, which is replaced (RFC 6749 §6, RFC 9700 §4.14.2). `scope` may narrow this answer.
    pub async fn refresh(
        &self,
        proven: &ProvenClient,
        token: &str,
        scope: Option<&str>,
    ) -> Result<Granted, TokenRefused> {
        proven.require(GrantType::RefreshToken)?;
        let client = proven.client();
        let gone = || TokenRefused::Grant(TOKEN_GONE);
        let token = RefreshTokenId::read(&self.seal, token).ok_or_else(gone)?;
        let family = self.store.family(&token.family).await?;
        let family = family
            .filter(|family| family.client == client.id)
            .ok_or_else(gone)?;
        let mut wish = wish(&family.scope)?;
        if let Some(scope) = scope {
            let asked = Ask::of_words(scope).map_err(TokenRefused::Scope)?;
            let narrowed = wish.ask.narrowed(&asked);
            wish.ask = narrowed.map_err(|Wider| {
                TokenRefused::Scope(
                    "the scope names more than was granted first; sign in again to ask for more"
                        .to_owned(),
                )
            })?;
        }
        let live = self.session(&family.session).await?;
        let issue = || self.issue(&live, client, &wish);
        let now = self.clock.now();
        match self
            .store
            .use_family(
                (&token.family, token.generation),
                (&client.id, &person(&live)),
                now,
                issue,
            )
            .await?
        {
            Used::Good((issued, next)) => Ok(self.granted(issued, Some(token.family), next)),
            Used::Gone => Err(gone()),
            Used::Reused => {
                let subject = &*pseudonym(&live.session.identity.subject);
                tracing::warn!(
                    event = "refresh_token_reused",
                    client = client.id.as_str(),
                    subject,
                    "a refresh token was used again long after it was replaced; all tokens of its family have ended"
                );
                Err(gone())
            }
        }
    }

    /// A token for a device that a person approved (RFC 8628 §3.4).
    pub async fn device(
        &self,
        proven: &ProvenClient,
        device_code: &str,
    ) -> Result<Granted, TokenRefused> {
        proven.require(GrantType::DeviceCode)?;
        let client = proven.client();
        let digest: CodeDigest = Sha256::digest(device_code).into();
        let now = self.clock.now();
        let polled = self
            .store
            .poll_device_code(&digest, &client.id, now)
            .await?;
        let (session, scope) = match polled {
            Polled::Approved { session, scope } => (session, scope),
            Polled::Pending => return Err(TokenRefused::Pending { too_soon: false }),
            Polled::TooSoon => return Err(TokenRefused::Pending { too_soon: true }),
            Polled::Denied => return Err(TokenRefused::Denied),
            Polled::Expired => return Err(TokenRefused::Expired),
            Polled::Gone => return Err(TokenRefused::Grant(CODE_GONE)),
        };
        let live = self.session(&session).await?;
        let wish = wish(&scope)?;
        let family = family_for(client)?;
        let issue = || self.issue(&live, client, &wish);
        let holder = (&client.id, &person(&live));
        let redeemed = self
            .store
            .redeem_device_code(&digest, holder, family.as_ref(), now, issue);
        match redeemed.await? {
            Used::Good(issued) => Ok(self.granted(issued, family, 0)),
            Used::Gone | Used::Reused => Err(TokenRefused::Grant(CODE_GONE)),
        }
    }

    /// A token for a token of the provider (RFC 8693): for a service that has one already. It ends with the subject token.
    pub async fn exchange(
        &self,
        proven: &ProvenClient,
        token: &SecretString,
        kind: SubjectTokenType,
        scope: Option<&str>,
    ) -> Result<Granted, TokenRefused> {
        proven.require(GrantType::TokenExchange)?;
        let client = proven.client();
        let wish = wish(scope.unwrap_or_default())?;
        let subject = self.provider.subject_token(token, kind).await?;
        let matches = MatchMemo::default();
        let end = subject.expires_at;
        let asker = Subject::of_token(&subject.identity, &matches, end);
        match self.issue_for(asker, client, &wish) {
            Ok(issued) => {
                if self.round_trip {
                    let session = session_of_token(&client.id, token, subject, self.clock.now());
                    if !self.sessions.put_subject_token(session, &client.id).await? {
                        return Err(TokenRefused::Client);
                    }
                }
                Ok(Granted {
                    issued,
                    refresh_token: None,
                })
            }
            Err(TokenRefused::NoToken(
                NoToken::NoGrant | NoToken::NotGranted(_) | NoToken::RoomRequired { .. },
            )) if subject.lacks_groups => {
                let sentence =
                    "the ID token has no groups: send the access token that came with it";
                Err(TokenRefused::Scope(sentence.to_owned()))
            }
            Err(error) => Err(error),
        }
    }

    /// Ends the family of a refresh token (RFC 7009 §2.1). Other tokens are passed over: a Red5 token cannot be revoked.
    pub async fn revoke(&self, proven: &ProvenClient, token: &str) -> Result<(), TokenRefused> {
        if let Some(token) = RefreshTokenId::read(&self.seal, token)
            && self
                .store
                .end_family(&token.family, &proven.client().id)
                .await?
        {
            let family = fingerprint(&token.family);
            tracing::info!(
                event = "refresh_token_revoked",
                client = proven.client().id.as_str(),
                family
            );
        }
        Ok(())
    }

    /// The live session behind a code or family, with groups that are fresh enough.
    async fn session(&self, hash: &SessionHash) -> Result<Arc<LiveSession>, TokenRefused> {
        let over = || TokenRefused::Grant(SESSION_OVER);
        let live = self.sessions.of_hash(hash).await?.ok_or_else(over)?;
        self.sessions.confirm_groups(live).await?.ok_or_else(over)
    }

    /// Issues with the client as it is now: it may have been switched off or narrowed while the provider was asked.
    fn issue(
        &self,
        live: &LiveSession,
        client: &Client,
        wish: &Wish,
    ) -> Result<Issued, TokenRefused> {
        self.issue_for(Subject::from(live), client, wish)
    }

    fn issue_for(
        &self,
        subject: Subject<'_>,
        client: &Client,
        wish: &Wish,
    ) -> Result<Issued, TokenRefused> {
        let snapshot = self.snapshots.current()?;
        let client = snapshot
            .clients
            .enabled(&client.id)
            .ok_or(TokenRefused::Client)?;
        let subject = subject.for_client(&client.client);
        Ok(self.exchange.exchange(subject, wish)?)
    }

    fn granted(&self, issued: Issued, family: Option<FamilyId>, generation: u32) -> Granted {
        let refresh_token =
            family.map(|family| RefreshTokenId { family, generation }.write(&self.seal));
        Granted {
            issued,
            refresh_token,
        }
    }
}

/// Names a new family of refresh tokens, if the client may have any.
fn family_for(client: &Client) -> Result<Option<FamilyId>, TokenRefused> {
    if !client.may(GrantType::RefreshToken) {
        return Ok(None);
    }
    let id = random::bytes().map_err(|_| TokenRefused::NoRandomness)?;
    Ok(Some(id))
}

/// The session behind the tokens that a client gets for this subject token. The prefix keeps its key apart from the digests
/// of cookies.
fn session_of_token(
    client: &ClientId,
    token: &SecretString,
    subject: SubjectIdentity,
    now: DateTime<Utc>,
) -> StoredSession {
    let mut key = Sha256::new_with_prefix("subject token of a client\x01");
    key.update(client.as_str());
    key.update("\x01");
    key.update(token.expose_secret());
    StoredSession {
        hash: key.finalize().into(),
        kind: SessionKind::SubjectToken,
        identity: subject.identity,
        groups_read_at: now,
        created_at: now,
        last_seen_at: now,
        ends_at: subject.expires_at,
        provider_sid: None,
        provider_issued_at: None,
        begun_at: None,
        nonce_hash: None,
        refreshable: false,
        identity_version: 1,
    }
}

/// What a row of ours asks for.
fn wish(scope: &str) -> Result<Wish, TokenRefused> {
    Ok(Wish {
        ask: Ask::of_words(scope).map_err(TokenRefused::Scope)?,
        ttl_seconds: None,
    })
}
