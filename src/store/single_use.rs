//! Records that can be used once: sign-in attempts, and tickets for the provider's sign-out.

use chrono::{DateTime, Utc};

use super::error::StoreError;
use super::pool::Store;

/// SHA-256 of a ticket.
pub type TicketHash = [u8; 32];

impl Store {
    /// Marks an attempt as spent; `true` for exactly one of any number of concurrent callers
    /// (CB-2).
    pub async fn spend_attempt(
        &self,
        id: &[u8; 32],
        expires_at: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        self.with(async |transaction| {
            let spent = sqlx::query!(
                "INSERT INTO spent_attempts (id, expires_at) VALUES ($1, $2) ON CONFLICT DO NOTHING",
                id.as_slice(),
                expires_at,
            )
            .execute(transaction)
            .await?;
            Ok(spent.rows_affected() == 1)
        })
        .await
    }

    /// Keeps the sealed ID token of a session that has just ended, for a ticket.
    pub async fn keep_sign_out(
        &self,
        ticket: &TicketHash,
        sealed_id_token: &[u8],
        expires_at: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        self.with(async |transaction| {
            sqlx::query!(
                "INSERT INTO sign_outs (ticket_hash, sealed_id_token, expires_at) VALUES ($1, $2, $3)",
                ticket.as_slice(),
                sealed_id_token,
                expires_at,
            )
            .execute(transaction)
            .await?;
            Ok(())
        })
        .await
    }

    /// Returns and deletes the token; only the first caller before its expiry gets it.
    pub async fn take_sign_out(
        &self,
        ticket: &TicketHash,
        now: DateTime<Utc>,
    ) -> Result<Option<Vec<u8>>, StoreError> {
        self.with(async |transaction| {
            let taken = sqlx::query!(
                "DELETE FROM sign_outs WHERE ticket_hash = $1
                 RETURNING sealed_id_token, expires_at",
                ticket.as_slice(),
            )
            .fetch_optional(transaction)
            .await?;
            Ok(taken
                .filter(|row| now < row.expires_at)
                .map(|row| row.sealed_id_token))
        })
        .await
    }
}
