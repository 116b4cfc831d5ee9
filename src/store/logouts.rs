//! Logouts that the provider sent (OpenID Connect Back-Channel Logout 1.0 §2.7), and how long they
//! are remembered.

use chrono::{DateTime, TimeDelta, Utc};

use super::error::StoreError;
use super::locks;
use super::pool::Store;
use super::sessions::{self, EndedSession, StoredSession};
use super::transaction::Transaction;
use crate::domain::session::SessionHash;

/// Allowed difference between the clocks of two instances.
const CLOCKS_DIFFER: TimeDelta = TimeDelta::minutes(1);

/// The content of a verified logout token.
#[derive(Debug, Clone)]
pub struct Logout {
    /// SHA-256 of issuer and `jti`, which identify the token.
    pub token_hash: [u8; 32],
    /// The provider's issuer identifier.
    pub issuer: String,
    /// `sub`
    pub subject: Option<String>,
    /// `sid`
    pub sid: Option<String>,
    /// `iat`, by the provider's clock.
    pub issued_at: DateTime<Utc>,
    /// Time of arrival, by the bridge's clock.
    pub arrived_at: DateTime<Utc>,
    /// From this time on the token is refused for its age, so the logout need not be remembered.
    pub expires_at: DateTime<Utc>,
}

impl Store {
    /// Ends the sessions that the logout names and that are not newer, and returns them; `None` if
    /// this token was handled before. A session is newer (`is_newer_than_logout`, migrations 0015
    /// and 0017) if
    /// 1. its `iat` is later than the logout's, both by the provider's clock; or
    /// 2. its attempt began after the logout arrived, both by the bridge's clock; or
    /// 3. its attempt began a minute or more after the logout's `iat`, and its own `iat` lies
    ///    further before that beginning than the logout took to arrive: such a provider backdates
    ///    its ID tokens, so rule 1 cannot be used.
    ///
    /// A `sid` names one session of the provider; if `sub` is there too, the person must match. A
    /// session of that person without a stored `sid` may be the one, and ends too. `sub` alone
    /// names all sessions of the person. A device is no session of the provider: it ends when the provider refuses its
    /// refresh token.
    ///
    /// `waited`: this instance has judged the logout before and deferred it. When a logout has just
    /// arrived, rule 2 can apply only if the clock of another instance is ahead, so a minute is
    /// added.
    pub(super) async fn log_out(
        &self,
        logout: &Logout,
        waited: bool,
    ) -> Result<Option<Vec<EndedSession>>, StoreError> {
        let newer_from = if waited {
            logout.arrived_at
        } else {
            logout.arrived_at + CLOCKS_DIFFER
        };
        self.with(async |transaction| {
            if let Some(subject) = &logout.subject {
                locks::lock_person(transaction, &logout.issuer, subject).await?;
            }
            if let Some(sid) = &logout.sid {
                locks::lock_provider_session(transaction, &logout.issuer, sid).await?;
            }
            let taken = sqlx::query!(
                "INSERT INTO logouts (token_hash, issuer, subject, sid, issued_at, expires_at, arrived_at)
                 VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING",
                logout.token_hash.as_slice(),
                logout.issuer,
                logout.subject,
                logout.sid,
                logout.issued_at,
                logout.expires_at,
                logout.arrived_at,
            )
            .execute(&mut *transaction)
            .await?;
            if taken.rows_affected() == 0 {
                return Ok(None);
            }
            let hashes = sqlx::query_scalar!(
                r#"SELECT id_hash AS "hash: SessionHash" FROM sessions
                   WHERE kind = 'browser' AND issuer = $1
                     AND ($2::text IS NULL OR subject = $2)
                     AND ($3::text IS NULL OR provider_sid = $3
                          OR (provider_sid IS NULL AND $2::text IS NOT NULL))
                     AND NOT is_newer_than_logout(
                         begun_at, coalesce(provider_issued_at, created_at), $5, $4)
                   ORDER BY id_hash FOR UPDATE"#,
                logout.issuer,
                logout.subject,
                logout.sid,
                logout.issued_at,
                newer_from,
            )
            .fetch_all(&mut *transaction)
            .await?;
            Ok(Some(sessions::end(transaction, &hashes).await?))
        })
        .await
    }
}

/// Whether a new session was logged out while its sign-in was under way. The caller must hold the
/// locks of the person and of the `sid`.
pub(super) async fn is_logged_out(
    transaction: &mut Transaction,
    session: &StoredSession,
) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar!(
        r#"SELECT EXISTS (
               SELECT FROM logouts
               WHERE issuer = $1
                 AND (subject IS NULL OR subject = $2)
                 AND (sid IS NULL OR sid = $3 OR ($3::text IS NULL AND subject IS NOT NULL))
                 AND NOT is_newer_than_logout($5, $4, arrived_at, issued_at)) AS "is!""#,
        session.identity.issuer,
        session.identity.subject,
        session.provider_sid,
        session.provider_issued_at.unwrap_or(session.created_at),
        session.begun_at,
    )
    .fetch_one(transaction)
    .await
}
