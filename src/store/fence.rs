//! Sign-ins on one side, blocks and logouts on the other: one after another for
//! each person. Otherwise a sign-in could look for a block that is just being
//! written, find none, and write its session after the block has looked for
//! sessions to end. The locks are the transaction's, and go with it.
//!
//! A transaction that takes both takes the person's first.

use super::transaction::Transaction;

/// Until the transaction ends, no other transaction signs this person in, blocks them or
/// logs them out.
pub(super) async fn person(
    transaction: &mut Transaction,
    issuer: &str,
    subject: &str,
) -> Result<(), sqlx::Error> {
    lock(transaction, &format!("person\x01{issuer}\x01{subject}")).await
}

/// The same for a session of the provider.
pub(super) async fn provider_session(
    transaction: &mut Transaction,
    issuer: &str,
    sid: &str,
) -> Result<(), sqlx::Error> {
    lock(transaction, &format!("sid\x01{issuer}\x01{sid}")).await
}

/// Two names with the same hash wait for each other; that does no harm.
async fn lock(transaction: &mut Transaction, name: &str) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "SELECT pg_advisory_xact_lock(hashtextextended($1, 0)) IS NULL AS locked",
        name,
    )
    .fetch_one(transaction)
    .await?;
    Ok(())
}
