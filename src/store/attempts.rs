//! Sign-in attempts that were used up.

use chrono::{DateTime, TimeDelta, Utc};

use super::sweep::Batch;
use super::{Store, StoreError, sweep};

/// How long a row stays after the attempt's end: on an instance whose clock is
/// behind, the attempt would still be good.
const SWEEP_GRACE: TimeDelta = TimeDelta::hours(1);

impl Store {
    /// Spends an attempt; `true` for exactly one caller, however many come at
    /// once (CB-2).
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

    /// Forgets attempts that their own age refuses by now, and says how many. One
    /// instance does it at a time; another one does nothing.
    pub async fn sweep_attempts(&self, now: DateTime<Utc>) -> Result<u64, StoreError> {
        sweep::in_batches((), |()| self.sweep_attempts_batch(now)).await
    }

    async fn sweep_attempts_batch(&self, now: DateTime<Utc>) -> Result<Batch<()>, StoreError> {
        self.with(async |transaction| {
            let swept = sqlx::query!(
                "DELETE FROM spent_attempts WHERE (SELECT pg_try_advisory_xact_lock($2)) AND id IN
                     (SELECT id FROM spent_attempts WHERE expires_at < $1
                      ORDER BY expires_at LIMIT $3)",
                now - SWEEP_GRACE,
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
