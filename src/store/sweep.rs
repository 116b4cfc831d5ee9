//! Removing what is not needed any more: in batches, so that no transaction waits long for their
//! locks, with a rest after each, so that a million rows leave the database to the people,
//! and by one instance at a time; another one does nothing.

use std::time::{Duration, Instant};

use tokio::time::sleep;

use super::StoreError;

/// Most rows of one batch.
pub(super) const BATCH: i64 = 1000;

/// The instance that holds this advisory lock sweeps; the number stands for nothing else.
pub(super) const LOCK: i64 = 0x5245_4435_5357_4550;

/// A rest is so many times as long as its batch: of ten parts of the time one is swept.
const REST: u32 = 9;

/// Longest rest: a batch that had to wait says nothing of what it costs.
const REST_MAX: Duration = Duration::from_secs(1);

/// What came of a batch.
pub(super) struct Batch<P> {
    /// How many rows are gone.
    pub(super) rows: u64,
    /// Where the next batch begins; none: this was the last.
    pub(super) next: Option<P>,
}

impl Batch<()> {
    /// One that takes what it finds first: another may follow where it was full.
    pub(super) fn of(rows: u64) -> Self {
        let full = rows >= BATCH.unsigned_abs();
        Self {
            rows,
            next: full.then_some(()),
        }
    }
}

/// Batches until the last, and how many rows that were: strangers can write rows
/// faster than one batch for each sweep would remove them (LR-11).
pub(super) async fn in_batches<P, F: Future<Output = Result<Batch<P>, StoreError>>>(
    first: P,
    mut batch: impl FnMut(P) -> F,
) -> Result<u64, StoreError> {
    let (mut swept, mut next) = (0, Some(first));
    while let Some(place) = next {
        let began = Instant::now();
        let done = batch(place).await?;
        swept += done.rows;
        next = done.next;
        if next.is_some() {
            sleep((began.elapsed() * REST).min(REST_MAX)).await;
        }
    }
    Ok(swept)
}
