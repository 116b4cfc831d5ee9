//! Removing what nobody needs any more: in batches, so that nobody waits long for their
//! locks, and by one instance at a time; another one does nothing.

use super::StoreError;

/// Most rows of one batch.
pub(super) const BATCH: i64 = 1000;

/// Whoever has this advisory lock sweeps; the number stands for nothing else.
pub(super) const LOCK: i64 = 0x5245_4435_5357_4550;

/// Batches until one is not full, and how many rows that were: strangers can write rows
/// faster than one batch for each sweep would remove them (LR-11).
pub(super) async fn in_batches<F: Future<Output = Result<u64, StoreError>>>(
    mut batch: impl FnMut() -> F,
) -> Result<u64, StoreError> {
    let mut swept = 0;
    loop {
        let rows = batch().await?;
        swept += rows;
        if rows < BATCH.unsigned_abs() {
            return Ok(swept);
        }
    }
}
