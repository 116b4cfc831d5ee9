//! Removing what nobody needs any more: in batches, so that nobody waits long for their
//! locks, with a rest after each, so that a million rows leave the database to the people,
//! and by one instance at a time; another one does nothing.

use std::time::{Duration, Instant};

use tokio::time::sleep;

use super::StoreError;

/// Most rows of one batch.
pub(super) const BATCH: i64 = 1000;

/// Whoever has this advisory lock sweeps; the number stands for nothing else.
pub(super) const LOCK: i64 = 0x5245_4435_5357_4550;

/// A rest is so many times as long as its batch: of ten parts of the time one is swept.
const REST: u32 = 9;

/// Longest rest: a batch that had to wait says nothing of what it costs.
const REST_MAX: Duration = Duration::from_secs(1);

/// Leaves the database to others after a batch that began then.
pub(super) async fn rest(batch_began: Instant) {
    sleep((batch_began.elapsed() * REST).min(REST_MAX)).await;
}

/// Batches until one is not full, and how many rows that were: strangers can write rows
/// faster than one batch for each sweep would remove them (LR-11).
pub(super) async fn in_batches<F: Future<Output = Result<u64, StoreError>>>(
    mut batch: impl FnMut() -> F,
) -> Result<u64, StoreError> {
    let mut swept = 0;
    loop {
        let began = Instant::now();
        let rows = batch().await?;
        swept += rows;
        if rows < BATCH.unsigned_abs() {
            return Ok(swept);
        }
        rest(began).await;
    }
}
