//! Sessions as rows. The cookie's value never comes here, only its SHA-256.

use chrono::{DateTime, Utc};

use super::{Store, StoreError};
use crate::domain::identity::{Groups, Identity};

/// SHA-256 of the cookie's value: what a session is known by.
pub type SessionHash = [u8; 32];

/// A person signed in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// What it is known by.
    pub hash: SessionHash,
    /// Who it is.
    pub identity: Identity,
    /// When the provider was last asked for the groups.
    pub groups_read_at: DateTime<Utc>,
    /// When they signed in.
    pub created_at: DateTime<Utc>,
    /// When they last asked for something, as of the last flush.
    pub last_seen_at: DateTime<Utc>,
    /// The absolute end.
    pub ends_at: DateTime<Utc>,
    /// The provider's session id.
    pub provider_sid: Option<String>,
    /// The ID token, sealed; a hint for signing out at the provider.
    pub sealed_id_token: Option<Vec<u8>>,
}

impl Store {
    /// Writes a new session.
    pub async fn insert_session(&self, session: &Session) -> Result<(), StoreError> {
        let identity = &session.identity;
        let groups: Vec<String> = identity.groups.listed().map(str::to_owned).collect();
        sqlx::query!(
            "INSERT INTO sessions (id_hash, issuer, subject, username, name, groups, groups_overage,
                                   groups_read_at, created_at, last_seen_at, ends_at, provider_sid,
                                   sealed_id_token)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
            session.hash.as_slice(),
            identity.issuer,
            identity.subject,
            identity.username,
            identity.name,
            &groups,
            identity.groups == Groups::Overage,
            session.groups_read_at,
            session.created_at,
            session.last_seen_at,
            session.ends_at,
            session.provider_sid,
            session.sealed_id_token,
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// The session of a cookie, if there is one.
    pub async fn session(&self, hash: &SessionHash) -> Result<Option<Session>, StoreError> {
        let row = sqlx::query!(
            "SELECT issuer, subject, username, name, groups, groups_overage, groups_read_at,
                    created_at, last_seen_at, ends_at, provider_sid, sealed_id_token
             FROM sessions WHERE id_hash = $1",
            hash.as_slice(),
        )
        .fetch_optional(&self.pool)
        .await?;
        Ok(row.map(|row| Session {
            hash: *hash,
            identity: Identity {
                issuer: row.issuer,
                subject: row.subject,
                username: row.username,
                name: row.name,
                groups: if row.groups_overage {
                    Groups::Overage
                } else {
                    Groups::Listed(row.groups.into_iter().collect())
                },
            },
            groups_read_at: row.groups_read_at,
            created_at: row.created_at,
            last_seen_at: row.last_seen_at,
            ends_at: row.ends_at,
            provider_sid: row.provider_sid,
            sealed_id_token: row.sealed_id_token,
        }))
    }

    /// Ends a session; a trigger tells every instance.
    pub(super) async fn delete_session(&self, hash: &SessionHash) -> Result<(), StoreError> {
        sqlx::query!("DELETE FROM sessions WHERE id_hash = $1", hash.as_slice())
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// Notes when sessions were last used; never moves one back.
    pub(super) async fn touch_sessions(
        &self,
        seen: &[(SessionHash, DateTime<Utc>)],
    ) -> Result<(), StoreError> {
        let (hashes, times): (Vec<Vec<u8>>, Vec<DateTime<Utc>>) =
            seen.iter().map(|(hash, at)| (hash.to_vec(), *at)).unzip();
        sqlx::query!(
            "UPDATE sessions SET last_seen_at = greatest(last_seen_at, seen.at)
             FROM unnest($1::bytea[], $2::timestamptz[]) AS seen(id_hash, at)
             WHERE sessions.id_hash = seen.id_hash",
            &hashes,
            &times,
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Removes sessions that are over, some at a time.
    pub async fn sweep_sessions(
        &self,
        now: DateTime<Utc>,
        idle_since: DateTime<Utc>,
    ) -> Result<u64, StoreError> {
        let swept = sqlx::query!(
            "DELETE FROM sessions WHERE id_hash IN
                 (SELECT id_hash FROM sessions WHERE ends_at <= $1 OR last_seen_at <= $2
                  LIMIT 1000 FOR UPDATE SKIP LOCKED)",
            now,
            idle_since,
        )
        .execute(&self.pool)
        .await?;
        Ok(swept.rows_affected())
    }
}
