//! Sign-in attempts that were used up.

use chrono::{DateTime, Utc};

use super::{Store, StoreError};

impl Store {
    /// Spends an attempt; `true` for exactly one caller, however many come at
    /// once (CB-2).
    pub async fn spend_attempt(
        &self,
        id: &[u8; 32],
        expires_at: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        let spent = sqlx::query!(
            "INSERT INTO spent_attempts (id, expires_at) VALUES ($1, $2) ON CONFLICT DO NOTHING",
            id.as_slice(),
            expires_at,
        )
        .execute(&self.pool)
        .await?;
        Ok(spent.rows_affected() == 1)
    }

    /// Forgets attempts that their own age refuses by now.
    pub async fn sweep_attempts(&self, now: DateTime<Utc>) -> Result<u64, StoreError> {
        let swept = sqlx::query!(
            "DELETE FROM spent_attempts WHERE id IN
                 (SELECT id FROM spent_attempts WHERE expires_at < $1 LIMIT 1000)",
            now,
        )
        .execute(&self.pool)
        .await?;
        Ok(swept.rows_affected())
    }
}
