//! Device authorization (RFC 8628): a device without a browser shows a code, and a person types it in a browser.
//!
//! 1. The device asks for two codes: a long one for itself, and a short one for the person.
//! 2. The person signs in and types the short one, sees which app and device ask, and approves or denies them.
//! 3. An approval makes a sign-in of its own at the provider ([`crate::flow::login`]), whose session is the device's.
//! 4. The device asks the token endpoint ([`super::token`]) until the person has decided.
//!
//! The device's session does not end with that of the browser, but when the person or an administrator ends it, with a block,
//! when the provider refuses its refresh token, or when it is not used for 30 days.

use std::net::IpAddr;
use std::sync::Arc;

use chrono::TimeDelta;
use secrecy::SecretString;
use sha2::{Digest, Sha256};

use super::token::{ProvenClient, TokenRefused};
use crate::clock::Clock;
use crate::domain::client::GrantType;
use crate::domain::device::{DEVICE_NAME_MAX, UserCode};
use crate::domain::grant::Ask;
use crate::flow::exchange::{Exchange, NoToken, Subject, Wish};
use crate::metrics::{Counts, DeviceOutcome};
use crate::random;
use crate::store::devices::{DeviceRequest, Guesser, TypedCode};
use crate::store::session_cache::LiveSession;
use crate::store::snapshot::{SnapshotKeeper, Stale};
use crate::store::{Store, StoreError};
use crate::visible::is_hidden;

/// Life of the codes (RFC 8628 §3.2 `expires_in`).
const CODE_LIFE: TimeDelta = TimeDelta::seconds(600);

/// Shortest time between two polls of a device, in seconds (RFC 8628 §3.2 `interval`).
pub const POLL_INTERVAL_SECONDS: u32 = 5;

/// Longest scope in bytes: what a device asks for is kept before a person has said anything.
const SCOPE_MAX: usize = 2048;

/// Number of user codes that are tried, because a random one may be taken.
const TRIES: usize = 5;

/// The use case, with the parts that it needs.
pub struct DeviceAuthorization {
    pub(crate) store: Store,
    pub(crate) snapshots: Arc<SnapshotKeeper>,
    pub(crate) exchange: Arc<Exchange>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) counts: Counts<DeviceOutcome>,
}

/// The two codes of a new request.
pub struct DeviceCodes {
    /// For the device.
    pub device_code: SecretString,
    /// For the person.
    pub user_code: UserCode,
    /// Seconds until both end.
    pub expires_in: i64,
}

/// What a person is asked about.
pub struct DeviceQuestion {
    /// The request.
    pub request: DeviceRequest,
    /// What people know the client by.
    pub client_name: String,
    /// What it asks for.
    pub ask: Ask,
    /// Why the person could get no token for it now.
    pub refused: Option<NoToken>,
}

/// What a typed code leads to.
pub enum Typed {
    /// The request, about which the person is asked.
    Question(Box<DeviceQuestion>),
    /// The code names no request that waits.
    Wrong,
    /// Too many wrong codes came before; the code was not looked at.
    TooMany,
}

impl DeviceAuthorization {
    /// Begins a request of a device.
    pub async fn begin(
        &self,
        proven: &ProvenClient,
        scope: &str,
        device_name: Option<&str>,
        address: Option<IpAddr>,
    ) -> Result<DeviceCodes, TokenRefused> {
        proven.require(GrantType::DeviceCode)?;
        let client = proven.client();
        let ask = Ask::of_words(scope).map_err(TokenRefused::Scope)?;
        let scope = ask.words();
        if scope.len() > SCOPE_MAX {
            return Err(TokenRefused::Scope(format!(
                "the scope of a device may have {SCOPE_MAX} bytes: name fewer rooms"
            )));
        }
        let of_client = || client.draft.name.chars().take(DEVICE_NAME_MAX).collect();
        let now = self.clock.now();
        let request = DeviceRequest {
            client: client.id.clone(),
            scope,
            device_name: device_name.map_or_else(of_client, str::to_owned),
            address: address.map(|address| address.to_string()),
            created_at: now,
            expires_at: now + CODE_LIFE,
        };
        let device_code = random::text().map_err(|_| TokenRefused::NoRandomness)?;
        let digest = Sha256::digest(&device_code).into();
        for _ in 0..TRIES {
            let bytes = random::bytes::<32>().map_err(|_| TokenRefused::NoRandomness)?;
            if let Some(user_code) = UserCode::of_bytes(&bytes)
                && self
                    .store
                    .insert_device_code(&digest, &user_code, &request)
                    .await?
            {
                self.counts.count(DeviceOutcome::Requested);
                return Ok(DeviceCodes {
                    device_code: device_code.into(),
                    user_code,
                    expires_in: CODE_LIFE.num_seconds(),
                });
            }
        }
        Err(TokenRefused::TooManyDevices)
    }

    /// The request that a typed code names. After ten wrong codes in an hour, by this person or from this network, no further
    /// code is looked at.
    pub async fn typed(
        &self,
        code: &UserCode,
        live: &LiveSession,
        network: IpAddr,
    ) -> Result<Typed, NotAsked> {
        let identity = &live.session.identity;
        let person = format!("person\x01{}\x01{}", identity.issuer, identity.subject);
        let guessers = [guesser(&person), guesser(&format!("network\x01{network}"))];
        let typed = self
            .store
            .typed_user_code(code, guessers, self.clock.now())
            .await?;
        let request = match typed {
            TypedCode::Names(request) => request,
            TypedCode::Wrong => {
                self.counts.count(DeviceOutcome::WrongCode);
                return Ok(Typed::Wrong);
            }
            TypedCode::TooMany => return Ok(Typed::TooMany),
        };
        let snapshot = self.snapshots.current()?;
        // The client was switched off after its device asked.
        let Some(client) = snapshot.clients.enabled(&request.client) else {
            return Ok(Typed::Wrong);
        };
        let Ok(ask) = Ask::of_words(&request.scope) else {
            return Ok(Typed::Wrong);
        };
        let wish = Wish {
            ask: ask.clone(),
            ttl_seconds: None,
        };
        let subject = Subject::from(live).for_client(&client.client);
        Ok(Typed::Question(Box::new(DeviceQuestion {
            client_name: client.client.draft.name.clone(),
            ask,
            refused: self.exchange.scope(subject, &wish).err(),
            request,
        })))
    }

    /// Denies a request. False: it was over.
    pub async fn deny(&self, code: &UserCode) -> Result<bool, StoreError> {
        let denied = self.store.deny_device(code, self.clock.now()).await?;
        if denied {
            self.counts.count(DeviceOutcome::Denied);
        }
        Ok(denied)
    }
}

/// Why a typed code could not be looked at.
#[derive(Debug, thiserror::Error)]
pub enum NotAsked {
    /// What is in memory may be old.
    #[error(transparent)]
    Stale(#[from] Stale),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Whether this can be the name of a device: short, and without invisible characters.
pub fn is_device_name(text: &str) -> bool {
    text.chars().count() <= DEVICE_NAME_MAX && !text.contains(is_hidden) && text.trim() == text
}

fn guesser(name: &str) -> Guesser {
    Sha256::digest(name).into()
}
