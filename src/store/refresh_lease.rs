//! The lease in a session's row: one refresh of a session at a time, across all instances.
//!
//! Each step is one short transaction; no transaction is open while the provider is asked. The
//! lease's end is judged by the database's clock, because there is only one.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use sqlx::postgres::types::PgInterval;

use super::error::StoreError;
use super::people;
use super::pool::Store;
use super::sessions::SealedTokens;
use crate::domain::identity::{Groups, Identity};
use crate::domain::session::SessionHash;

/// Random id of a lease's holder.
pub type LeaseId = [u8; 16];

/// Result of asking for the lease.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lease {
    /// The lease is taken; the sealed refresh token.
    Taken(Vec<u8>),
    /// Another holder is refreshing the session.
    Elsewhere,
    /// The row is newer than the caller's copy, or has no refresh token any more: read it again.
    Newer,
    /// The session ended.
    Over,
}

/// Result of a refresh, to be written into the row.
#[derive(Debug)]
pub enum RefreshResult {
    /// The refresh succeeded.
    Identity(NewIdentity),
    /// The provider ended the grant; the session ends.
    Over,
    /// The refresh token was refused; the session ends when `limits` is exceeded.
    Refused {
        /// Time of the refusal.
        at: DateTime<Utc>,
        /// Limits before the session ends.
        limits: Refusals,
    },
    /// The refresh failed without an answer about the person. If the refresh token was rotated, the
    /// new one replaces the spent one.
    Nothing(Option<Vec<u8>>),
}

/// A successful refresh, to be written.
#[derive(Debug)]
pub struct NewIdentity {
    /// The current identity.
    pub identity: Identity,
    /// When the provider was asked.
    pub read_at: DateTime<Utc>,
    /// New tokens; those that are `None` leave the row's unchanged.
    pub tokens: SealedTokens,
}

/// A session whose refresh token is refused ends when all three limits are reached.
#[derive(Debug, Clone, Copy)]
pub struct Refusals {
    /// Consecutive refusals.
    pub times: i32,
    /// Minimum time since the first of them.
    pub over: TimeDelta,
    /// Minimum age of the groups.
    pub groups_age: TimeDelta,
}

impl Store {
    /// Takes the lease if it is free and the row is as the caller knows it.
    pub async fn take_lease(
        &self,
        hash: &SessionHash,
        seen_version: i64,
        lease: &LeaseId,
        length: Duration,
    ) -> Result<Lease, StoreError> {
        let length = PgInterval::try_from(length)
            .map_err(|error| StoreError::from(sqlx::Error::Encode(error)))?;
        self.with(async |transaction| {
            let taken = sqlx::query_scalar!(
                r#"UPDATE sessions
                   SET refresh_lease = $3, refresh_leased_until = clock_timestamp() + $4
                   WHERE id_hash = $1 AND identity_version = $2 AND sealed_refresh_token IS NOT NULL
                     AND (refresh_leased_until IS NULL OR refresh_leased_until <= clock_timestamp()
                          OR refresh_lease = $3)
                   RETURNING sealed_refresh_token AS "token!""#,
                hash.as_slice(),
                seen_version,
                lease.as_slice(),
                length,
            )
            .fetch_optional(&mut *transaction)
            .await?;
            if let Some(token) = taken {
                return Ok(Lease::Taken(token));
            }
            let row = sqlx::query!(
                r#"SELECT identity_version = $2 AND sealed_refresh_token IS NOT NULL AS "as_seen!"
                   FROM sessions WHERE id_hash = $1"#,
                hash.as_slice(),
                seen_version,
            )
            .fetch_optional(transaction)
            .await?;
            Ok(match row {
                Some(row) if row.as_seen => Lease::Elsewhere,
                Some(_) => Lease::Newer,
                None => Lease::Over,
            })
        })
        .await
    }

    /// Writes the result and releases the lease. False if the lease was lost or the session is
    /// over, and nothing was written; after a refusal, false if the session continues.
    pub async fn give_lease_back(
        &self,
        hash: &SessionHash,
        lease: &LeaseId,
        result: &RefreshResult,
    ) -> Result<bool, StoreError> {
        let (hash, lease) = (hash.as_slice(), lease.as_slice());
        self.with(async |transaction| {
            let written = match result {
                RefreshResult::Identity(new) => {
                    let groups = new.identity.groups.to_vec();
                    let written = sqlx::query!(
                        "UPDATE sessions
                         SET username = $3, name = $4, groups = $5, groups_overage = $6,
                             groups_read_at = $7,
                             sealed_id_token = coalesce($8, sealed_id_token),
                             sealed_refresh_token = coalesce($9, sealed_refresh_token),
                             refresh_refusals = 0, refresh_refused_since = NULL,
                             refresh_lease = NULL, refresh_leased_until = NULL
                         WHERE id_hash = $1 AND refresh_lease = $2",
                        hash,
                        lease,
                        new.identity.username,
                        new.identity.name,
                        &groups,
                        new.identity.groups == Groups::Overage,
                        new.read_at,
                        new.tokens.id_token,
                        new.tokens.refresh_token,
                    )
                    .execute(&mut *transaction)
                    .await?;
                    if written.rows_affected() == 1 {
                        people::note_refresh(transaction, &new.identity, new.read_at).await?;
                    }
                    written
                }
                RefreshResult::Nothing(rotated) => {
                    sqlx::query!(
                        "UPDATE sessions
                         SET sealed_refresh_token = coalesce($3, sealed_refresh_token),
                             refresh_refusals = CASE WHEN $3::bytea IS NULL THEN refresh_refusals ELSE 0 END,
                             refresh_refused_since = CASE WHEN $3::bytea IS NULL THEN refresh_refused_since END,
                             refresh_lease = NULL, refresh_leased_until = NULL
                         WHERE id_hash = $1 AND refresh_lease = $2",
                        hash,
                        lease,
                        rotated.as_deref(),
                    )
                    .execute(transaction)
                    .await?
                }
                RefreshResult::Over => {
                    sqlx::query!(
                        "DELETE FROM sessions WHERE id_hash = $1 AND refresh_lease = $2",
                        hash,
                        lease,
                    )
                    .execute(transaction)
                    .await?
                }
                RefreshResult::Refused { at, limits } => {
                    let counted = sqlx::query!(
                        "UPDATE sessions
                         SET refresh_refusals = refresh_refusals + 1,
                             refresh_refused_since = coalesce(refresh_refused_since, $3),
                             refresh_lease = NULL, refresh_leased_until = NULL
                         WHERE id_hash = $1 AND refresh_lease = $2",
                        hash,
                        lease,
                        at,
                    )
                    .execute(&mut *transaction)
                    .await?;
                    if counted.rows_affected() == 0 {
                        return Ok(false);
                    }
                    sqlx::query!(
                        "DELETE FROM sessions
                         WHERE id_hash = $1 AND refresh_refusals >= $2 AND refresh_refused_since <= $3
                           AND groups_read_at <= $4",
                        hash,
                        limits.times,
                        *at - limits.over,
                        *at - limits.groups_age,
                    )
                    .execute(transaction)
                    .await?
                }
            };
            Ok(written.rows_affected() == 1)
        })
        .await
    }
}
