//! What the provider's own sign-out needs, between two pages.

use chrono::{DateTime, Utc};

use super::sweep::Batch;
use super::{Store, StoreError, sweep};

/// SHA-256 of a ticket.
pub type TicketHash = [u8; 32];

impl Store {
    /// Keeps the sealed ID token of a session that has just ended.
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

    /// Removes and returns it: one caller gets it, in time, and no later caller.
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

    /// Deletes expired tickets, and says how many. One instance does it at a
    /// time; another one does nothing.
    pub async fn sweep_sign_outs(&self, now: DateTime<Utc>) -> Result<u64, StoreError> {
        sweep::in_batches((), |()| self.sweep_sign_outs_batch(now)).await
    }

    async fn sweep_sign_outs_batch(&self, now: DateTime<Utc>) -> Result<Batch<()>, StoreError> {
        self.with(async |transaction| {
            let swept = sqlx::query!(
                "DELETE FROM sign_outs WHERE (SELECT pg_try_advisory_xact_lock($2)) AND ticket_hash IN
                     (SELECT ticket_hash FROM sign_outs WHERE expires_at < $1 LIMIT $3)",
                now,
                sweep::LOCK,
                sweep::BATCH,
            )
            .execute(transaction)
            .await?;
            Ok(Batch::of(swept.rows_affected()))
        })
        .await
    }
}
