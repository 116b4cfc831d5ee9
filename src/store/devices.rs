//! Requests of devices (RFC 8628): they wait here for a person, and the device asks what became of them.

use chrono::{DateTime, TimeDelta, Utc};

use super::error::StoreError;
use super::grants::{self, CodeDigest, FamilyId, TokenFamily, Used};
use super::locks;
use super::pool::Store;
use super::transaction::Transaction;
use crate::domain::client::ClientId;
use crate::domain::device::{PollPace, UserCode};
use crate::domain::identity::PersonKey;
use crate::domain::session::{SessionHash, SignInOrigin};

/// How long a wrong code counts.
pub(super) const WRONG_CODES_COUNT: TimeDelta = TimeDelta::hours(1);

/// Number of wrong codes in that time after which no further code is looked at.
const WRONG_CODES_MAX: i64 = 10;

/// Shortest time in seconds for which an approved request stays for the device to ask, also if it would expire before.
const APPROVED_STAYS_SECONDS: i32 = 60;

/// Number of requests of one client from one network that may wait at one time.
const OPEN_MAX: i64 = 100;

/// SHA-256 of a person or of a network that types user codes.
pub type Guesser = [u8; 32];

/// A request that waits for a person.
#[derive(Debug, Clone)]
pub struct DeviceRequest {
    /// The client.
    pub client: ClientId,
    /// What was asked for, as words of a scope.
    pub scope: String,
    /// What the device calls itself, or else the client's name.
    pub device_name: String,
    /// The network address that it came from.
    pub address: Option<String>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// Its end.
    pub expires_at: DateTime<Utc>,
}

/// What a user code that a person typed names.
#[derive(Debug)]
pub enum TypedCode {
    /// This request.
    Names(DeviceRequest),
    /// No request that waits. The code was counted as wrong.
    Wrong,
    /// The code was not looked at, because too many wrong ones came before.
    TooMany,
}

/// What became of a request, for the device.
#[derive(Debug, PartialEq, Eq)]
pub enum Polled {
    /// A person has not decided yet.
    Pending,
    /// A person has not decided yet, and the device asks too often.
    TooSoon,
    /// A person denied it.
    Denied,
    /// It has expired.
    Expired,
    /// This client has no such request.
    Gone,
    /// A person approved it.
    Approved {
        /// The device's row of sessions.
        session: SessionHash,
        /// What was asked for, as words of a scope.
        scope: String,
    },
}

impl Store {
    /// Writes a new request. False: the user code is taken, too many requests from this network wait, or the client is gone.
    pub async fn insert_device_code(
        &self,
        digest: &CodeDigest,
        user_code: &UserCode,
        request: &DeviceRequest,
    ) -> Result<bool, StoreError> {
        self.with(async |transaction| {
            let inserted = sqlx::query!(
                "INSERT INTO device_codes (digest, user_code, client_id, scope, device_name, client_address, created_at, expires_at)
                 SELECT $1, $2, id, $4, $5, $6::text::inet, $7, $8 FROM clients
                 WHERE id = $3 AND enabled AND (
                     SELECT count(*) FROM device_codes AS open
                     WHERE open.client_id = $3 AND open.expires_at > $7
                       AND network_of(open.client_address) IS NOT DISTINCT FROM network_of($6::text::inet)) < $9
                 ON CONFLICT (user_code) DO NOTHING",
                digest.as_slice(),
                user_code.letters(),
                request.client.as_str(),
                request.scope,
                request.device_name,
                request.address,
                request.created_at,
                request.expires_at,
                OPEN_MAX,
            )
            .execute(transaction)
            .await?;
            Ok(inserted.rows_affected() == 1)
        })
        .await
    }

    /// The request that a typed code names. Wrong codes are counted for each guesser. A lock lets guesses that come at the same
    /// time, on any instance, wait for one another.
    pub async fn typed_user_code(
        &self,
        code: &UserCode,
        guessers: [Guesser; 2],
        now: DateTime<Utc>,
    ) -> Result<TypedCode, StoreError> {
        let mut guessers = guessers;
        guessers.sort_unstable();
        self.with(async |transaction| {
            for guesser in &guessers {
                locks::lock_guesser(transaction, guesser).await?;
                let wrong = sqlx::query_scalar!(
                    r#"SELECT count(*) AS "count!" FROM wrong_user_codes WHERE guesser = $1 AND typed_at > $2"#,
                    guesser.as_slice(),
                    now - WRONG_CODES_COUNT,
                )
                .fetch_one(&mut *transaction)
                .await?;
                if wrong >= WRONG_CODES_MAX {
                    return Ok(TypedCode::TooMany);
                }
            }
            if let Some(request) = waiting(transaction, code, now).await? {
                return Ok(TypedCode::Names(request));
            }
            let guessers: Vec<Vec<u8>> = guessers.iter().map(|guesser| guesser.to_vec()).collect();
            sqlx::query!(
                "INSERT INTO wrong_user_codes (guesser, typed_at) SELECT guesser, $2 FROM unnest($1::bytea[]) AS guesser",
                &guessers,
                now,
            )
            .execute(transaction)
            .await?;
            Ok(TypedCode::Wrong)
        })
        .await
    }

    /// Denies a request that waits. False: there is none.
    pub async fn deny_device(
        &self,
        code: &UserCode,
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        self.with(async |transaction| {
            let denied = sqlx::query!(
                "UPDATE device_codes SET denied = true
                 WHERE user_code = $1 AND NOT denied AND session_hash IS NULL AND expires_at > $2",
                code.letters(),
                now,
            )
            .execute(transaction)
            .await?;
            Ok(denied.rows_affected() == 1)
        })
        .await
    }

    /// What became of the request. Its pace is judged by the database's clock, because there is only one.
    pub async fn poll_device_code(
        &self,
        digest: &CodeDigest,
        client: &ClientId,
        now: DateTime<Utc>,
    ) -> Result<Polled, StoreError> {
        self.with(async |transaction| {
            let row = sqlx::query!(
                r#"SELECT denied, session_hash AS "session_hash: SessionHash", scope, expires_at, interval_seconds, polled_at,
                          clock_timestamp() AS "clock!"
                   FROM device_codes WHERE digest = $1 AND client_id = $2 FOR UPDATE"#,
                digest.as_slice(),
                client.as_str(),
            )
            .fetch_optional(&mut *transaction)
            .await?;
            let Some(row) = row else {
                return Ok(Polled::Gone);
            };
            if row.expires_at <= now {
                return Ok(Polled::Expired);
            }
            if row.denied {
                return Ok(Polled::Denied);
            }
            if let Some(session) = row.session_hash {
                return Ok(Polled::Approved {
                    session,
                    scope: row.scope,
                });
            }
            let mut pace = PollPace {
                interval_seconds: row.interval_seconds,
                polled_at: row.polled_at,
            };
            let in_time = pace.poll(row.clock);
            sqlx::query!(
                "UPDATE device_codes SET interval_seconds = $2, polled_at = $3 WHERE digest = $1",
                digest.as_slice(),
                pace.interval_seconds,
                pace.polled_at,
            )
            .execute(transaction)
            .await?;
            Ok(if in_time { Polled::Pending } else { Polled::TooSoon })
        })
        .await
    }

    /// Uses an approved request for what `issue` makes, and begins a family of this id with it. If `issue` refuses, the
    /// request stays.
    pub async fn redeem_device_code<T, E: From<StoreError>>(
        &self,
        digest: &CodeDigest,
        (client, person): (&ClientId, &PersonKey),
        family: Option<&FamilyId>,
        now: DateTime<Utc>,
        issue: impl FnOnce() -> Result<T, E>,
    ) -> Result<Used<T>, E> {
        self.with(async |transaction| {
            if !grants::hold_client(transaction, client, person).await? {
                return Ok(Used::Gone);
            }
            let row = sqlx::query!(
                r#"DELETE FROM device_codes WHERE digest = $1 AND client_id = $2 AND session_hash IS NOT NULL
                   RETURNING session_hash AS "session_hash!: SessionHash", scope"#,
                digest.as_slice(),
                client.as_str(),
            )
            .fetch_optional(&mut *transaction)
            .await
            .map_err(StoreError::from)?;
            let Some(row) = row else {
                return Ok(Used::Gone);
            };
            let issued = issue()?;
            if let Some(id) = family {
                let family = TokenFamily {
                    client: client.clone(),
                    session: row.session_hash,
                    scope: row.scope,
                };
                grants::insert_family(transaction, id, &family, now).await?;
            }
            Ok(Used::Good(issued))
        })
        .await
    }
}

/// The request of this code that waits.
async fn waiting(
    transaction: &mut Transaction,
    code: &UserCode,
    now: DateTime<Utc>,
) -> Result<Option<DeviceRequest>, StoreError> {
    let row = sqlx::query!(
        "SELECT client_id, scope, device_name, host(client_address) AS address, created_at, expires_at
         FROM device_codes
         WHERE user_code = $1 AND NOT denied AND session_hash IS NULL AND expires_at > $2",
        code.letters(),
        now,
    )
    .fetch_optional(transaction)
    .await?;
    Ok(row.and_then(|row| {
        Some(DeviceRequest {
            client: ClientId::parse(&row.client_id)?,
            scope: row.scope,
            device_name: row.device_name,
            address: row.address,
            created_at: row.created_at,
            expires_at: row.expires_at,
        })
    }))
}

/// Approves a request that waits: this row of sessions belongs to it from now on. The client's row stays locked until the end of the
/// transaction, so that the client is switched off before it or after it. The person's consent is written with it. Returns the
/// client, and the device as the origin of the session; `None` if the request is over.
pub(super) async fn approve(
    transaction: &mut Transaction,
    code: &UserCode,
    session: &SessionHash,
    person: &PersonKey,
    now: DateTime<Utc>,
) -> Result<Option<(ClientId, SignInOrigin)>, StoreError> {
    let client = sqlx::query_scalar!(
        "SELECT id FROM clients WHERE enabled AND id = (SELECT client_id FROM device_codes WHERE user_code = $1)
         FOR KEY SHARE",
        code.letters(),
    )
    .fetch_optional(&mut *transaction)
    .await?;
    let Some(client) = client.as_deref().and_then(ClientId::parse) else {
        return Ok(None);
    };
    sqlx::query!(
        "INSERT INTO consents (issuer, subject, client_id, granted_at) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
        person.issuer,
        person.subject,
        client.as_str(),
        now,
    )
    .execute(&mut *transaction)
    .await?;
    // A consent that was there already is held by this, so that a person who ends it comes before or after.
    if !grants::hold_client(transaction, &client, person).await? {
        return Ok(None);
    }
    let approved = sqlx::query!(
        "UPDATE device_codes
         SET session_hash = $2,
             expires_at = greatest(expires_at, $4 + make_interval(secs => greatest($5, 2 * interval_seconds)))
         WHERE user_code = $1 AND client_id = $3 AND NOT denied AND session_hash IS NULL AND expires_at > $4
         RETURNING device_name, host(client_address) AS address",
        code.letters(),
        session.as_slice(),
        client.as_str(),
        now,
        APPROVED_STAYS_SECONDS,
    )
    .fetch_optional(transaction)
    .await?;
    Ok(approved.map(|approved| {
        let origin = SignInOrigin {
            browser: Some(approved.device_name),
            address: approved.address,
        };
        (client, origin)
    }))
}
