//! One refresh of a session at a time, across all instances: the lease in its row.
//!
//! Each step is one short statement; nothing is held while the provider is asked. The
//! lease's end is counted by the database's clock, of which there is one.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use sqlx::postgres::types::PgInterval;

use super::sessions::{SealedTokens, SessionHash};
use super::{Store, StoreError};
use crate::domain::identity::{Groups, Identity};

/// Identifies the holder of a lease: random and unique.
pub type LeaseId = [u8; 16];

/// What came of asking for the lease.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lease {
    /// It is ours; the sealed refresh token.
    Taken(Vec<u8>),
    /// Another holder of the lease is asking the provider.
    Elsewhere,
    /// The row is newer than what the caller has, or has no refresh token any more:
    /// read it again.
    Newer,
    /// The session is over.
    Over,
}

/// A refresh that succeeded, to be written.
#[derive(Debug)]
pub struct NewIdentity {
    /// Who it is now.
    pub identity: Identity,
    /// When the provider was asked.
    pub read_at: DateTime<Utc>,
    /// In place of those in the row, where there are any.
    pub tokens: SealedTokens,
}

/// With all three a session ends whose refresh token is refused.
#[derive(Debug, Clone, Copy)]
pub struct Refusals {
    /// So many in a row.
    pub times: i32,
    /// The first of them so long ago.
    pub over: TimeDelta,
    /// And groups that were read so long ago.
    pub groups_age: TimeDelta,
}

impl Store {
    /// Takes the lease, if the row is as the caller knows it and the lease is free.
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

    /// Writes what the provider said and gives the lease back. False: the lease was not
    /// ours any more, or the session is over, and nothing was written.
    pub async fn write_refreshed(
        &self,
        hash: &SessionHash,
        lease: &LeaseId,
        new: &NewIdentity,
    ) -> Result<bool, StoreError> {
        let identity = &new.identity;
        let groups = identity.groups.to_vec();
        self.with(async |transaction| {
            let written = sqlx::query!(
                "UPDATE sessions
                 SET username = $3, name = $4, groups = $5, groups_overage = $6, groups_read_at = $7,
                     sealed_id_token = coalesce($8, sealed_id_token),
                     sealed_refresh_token = coalesce($9, sealed_refresh_token),
                     refresh_refusals = 0, refresh_refused_since = NULL,
                     refresh_lease = NULL, refresh_leased_until = NULL
                 WHERE id_hash = $1 AND refresh_lease = $2",
                hash.as_slice(),
                lease.as_slice(),
                identity.username,
                identity.name,
                &groups,
                identity.groups == Groups::Overage,
                new.read_at,
                new.tokens.id_token,
                new.tokens.refresh_token,
            )
            .execute(transaction)
            .await?;
            Ok(written.rows_affected() == 1)
        })
        .await
    }

    /// Gives the lease back without news of the person; a rotated refresh token is kept.
    pub async fn give_lease_back(
        &self,
        hash: &SessionHash,
        lease: &LeaseId,
        sealed_refresh_token: Option<&[u8]>,
    ) -> Result<bool, StoreError> {
        self.with(async |transaction| {
            let written = sqlx::query!(
                "UPDATE sessions
                 SET sealed_refresh_token = coalesce($3, sealed_refresh_token),
                     refresh_refusals = CASE WHEN $3::bytea IS NULL THEN refresh_refusals ELSE 0 END,
                     refresh_refused_since = CASE WHEN $3::bytea IS NULL THEN refresh_refused_since END,
                     refresh_lease = NULL, refresh_leased_until = NULL
                 WHERE id_hash = $1 AND refresh_lease = $2",
                hash.as_slice(),
                lease.as_slice(),
                sealed_refresh_token,
            )
            .execute(transaction)
            .await?;
            Ok(written.rows_affected() == 1)
        })
        .await
    }

    /// Counts a refusal of the refresh token, gives the lease back, and ends the session where
    /// that is more than it bears: true. False: it goes on, or the lease was not ours any
    /// more.
    pub async fn refuse_refresh(
        &self,
        hash: &SessionHash,
        lease: &LeaseId,
        now: DateTime<Utc>,
        bears: &Refusals,
    ) -> Result<bool, StoreError> {
        self.with(async |transaction| {
            let counted = sqlx::query!(
                "UPDATE sessions
                 SET refresh_refusals = refresh_refusals + 1,
                     refresh_refused_since = coalesce(refresh_refused_since, $3),
                     refresh_lease = NULL, refresh_leased_until = NULL
                 WHERE id_hash = $1 AND refresh_lease = $2",
                hash.as_slice(),
                lease.as_slice(),
                now,
            )
            .execute(&mut *transaction)
            .await?;
            if counted.rows_affected() == 0 {
                return Ok(false);
            }
            let ended = sqlx::query!(
                "DELETE FROM sessions
                 WHERE id_hash = $1 AND refresh_refusals >= $2 AND refresh_refused_since <= $3
                   AND groups_read_at <= $4",
                hash.as_slice(),
                bears.times,
                now - bears.over,
                now - bears.groups_age,
            )
            .execute(&mut *transaction)
            .await?;
            Ok(ended.rows_affected() == 1)
        })
        .await
    }

    /// Ends a session whose grant is over. False: the lease was not ours any more, and
    /// what was learnt was of a refresh token that is no longer the session's.
    pub async fn end_with_lease(
        &self,
        hash: &SessionHash,
        lease: &LeaseId,
    ) -> Result<bool, StoreError> {
        self.with(async |transaction| {
            let ended = sqlx::query!(
                "DELETE FROM sessions WHERE id_hash = $1 AND refresh_lease = $2",
                hash.as_slice(),
                lease.as_slice(),
            )
            .execute(transaction)
            .await?;
            Ok(ended.rows_affected() == 1)
        })
        .await
    }
}
