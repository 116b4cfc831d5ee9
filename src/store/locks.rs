//! Advisory locks that last until the end of the transaction.
//!
//! Sign-ins, blocks and logouts of one person take that person's lock, so that they run one after
//! another. Otherwise a sign-in could miss a block that is being written, and write its session
//! after the block has ended the person's sessions. A transaction that takes both locks takes the
//! person's first.

use super::transaction::Transaction;
use crate::fingerprint::fingerprint;

/// Key of the lock for the sweep: an arbitrary constant.
const SWEEP: i64 = 0x5245_4435_5357_4550;

/// Waits until no other transaction signs this person in, blocks them or logs them out, and keeps
/// others waiting until this transaction ends.
pub(super) async fn lock_person(
    transaction: &mut Transaction,
    issuer: &str,
    subject: &str,
) -> Result<(), sqlx::Error> {
    lock(transaction, &format!("person\x01{issuer}\x01{subject}")).await
}

/// The same lock for a session of the provider.
pub(super) async fn lock_provider_session(
    transaction: &mut Transaction,
    issuer: &str,
    sid: &str,
) -> Result<(), sqlx::Error> {
    lock(transaction, &format!("sid\x01{issuer}\x01{sid}")).await
}

/// The same lock for a person or a network that types user codes.
pub(super) async fn lock_guesser(
    transaction: &mut Transaction,
    guesser: &[u8],
) -> Result<(), sqlx::Error> {
    lock(transaction, &format!("guesser\x01{}", fingerprint(guesser))).await
}

/// Two names with the same hash share a lock; the only cost is a longer wait.
async fn lock(transaction: &mut Transaction, name: &str) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "SELECT pg_advisory_xact_lock(hashtextextended($1, 0)) IS NULL AS locked",
        name,
    )
    .fetch_one(transaction)
    .await?;
    Ok(())
}

/// Tries to take the lock for the sweep. If it succeeds, the transaction's deletes send no notices:
/// no instance serves an expired session any more.
pub(super) async fn try_lock_sweep(transaction: &mut Transaction) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar!(
        r#"SELECT pg_try_advisory_xact_lock($1)
               AND set_config('bridge.sweep', 'on', true) = 'on' AS "ours!""#,
        SWEEP,
    )
    .fetch_one(transaction)
    .await
}
