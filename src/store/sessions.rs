//! Sessions as rows. The cookie's value never comes here, only its SHA-256.

use std::net::IpAddr;

use chrono::{DateTime, TimeDelta, Utc};

use super::sweep::Batch;
use super::{Store, StoreError, blocks, fence, logouts, sweep};
use crate::domain::identity::{Groups, Identity};

/// SHA-256 of the cookie's value: what a session is known by.
pub type SessionHash = [u8; 32];

/// A person signed in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredSession {
    /// What it is known by.
    pub hash: SessionHash,
    /// Who it is.
    pub identity: Identity,
    /// When the provider was last asked for the groups.
    pub groups_read_at: DateTime<Utc>,
    /// When they signed in.
    pub created_at: DateTime<Utc>,
    /// When they last asked for something, as of the last flush.
    pub last_seen_at: DateTime<Utc>,
    /// The absolute end.
    pub ends_at: DateTime<Utc>,
    /// The provider's session id.
    pub provider_sid: Option<String>,
    /// When the provider says that they signed in, by its own clock (`iat`).
    pub provider_issued_at: Option<DateTime<Utc>>,
    /// When the attempt of its sign-in began, by the bridge's clock; none in rows of
    /// before that was written.
    pub begun_at: Option<DateTime<Utc>>,
    /// SHA-256 of the nonce of its sign-in; none likewise.
    pub nonce_hash: Option<[u8; 32]>,
    /// Whether the groups can be asked for again.
    pub refreshable: bool,
    /// Rises with every change of the identity; a trigger raises it.
    pub identity_version: i64,
}

/// What a session's row holds for the provider, sealed. It is read when it is used
/// and takes no room in memory.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SealedTokens {
    /// A hint for signing out at the provider.
    pub id_token: Option<Vec<u8>>,
    /// For asking for the groups again.
    pub refresh_token: Option<Vec<u8>>,
}

/// From where a sign-in came, for the person's own list of sessions. It decides nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SignInOrigin {
    /// Browser and system in words of ours, at most 64 characters.
    pub browser: Option<String>,
    /// The client's address.
    pub address: Option<IpAddr>,
}

/// Why there is no new session.
#[derive(Debug, thiserror::Error)]
pub enum NotStarted {
    /// An administrator does not let the person in.
    #[error("the person is blocked")]
    Blocked,
    /// The provider ended the sign-in while it was under way.
    #[error("the provider ended this sign-in meanwhile")]
    LoggedOut,
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<sqlx::Error> for NotStarted {
    fn from(error: sqlx::Error) -> Self {
        Self::Store(error.into())
    }
}

/// What the row of a session that has just ended held besides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndedSession {
    /// The ID token, sealed; a hint for signing out at the provider. It is read
    /// by the end of the session alone, so it takes no room in memory.
    pub sealed_id_token: Option<Vec<u8>>,
    /// The refresh token, sealed; to be revoked. None while the person has another session:
    /// the provider may revoke with it what it granted to that one (RFC 7009 §2.1).
    pub sealed_refresh_token: Option<Vec<u8>>,
}

/// How long a row stays after its end. The clocks of two instances differ, and
/// the others write down with some delay that they have seen somebody: one that
/// is ahead must not end what another still serves.
const SWEEP_GRACE: TimeDelta = TimeDelta::minutes(5);

impl Store {
    /// Writes a new session, unless the person is blocked or was logged out while
    /// they signed in. Both are asked for in the session's own transaction, behind
    /// the fence: of a block and a sign-in at the same moment the block wins. True: it is
    /// at the proven server.
    pub(super) async fn insert_session(
        &self,
        session: &StoredSession,
        tokens: &SealedTokens,
        origin: &SignInOrigin,
    ) -> Result<bool, NotStarted> {
        let address = origin.address.map(|address| address.to_string());
        let identity = &session.identity;
        let groups = identity.groups.to_vec();
        self.with(async |transaction| {
            fence::person(transaction, &identity.issuer, &identity.subject).await?;
            if let Some(sid) = &session.provider_sid {
                fence::provider_session(transaction, &identity.issuer, sid).await?;
            }
            let (issuer, subject) = (&identity.issuer, &identity.subject);
            if blocks::blocks(transaction, issuer, subject, session.created_at).await? {
                return Err(NotStarted::Blocked);
            }
            if logouts::ended(transaction, session).await? {
                return Err(NotStarted::LoggedOut);
            }
            let server = sqlx::query_scalar!(
                r#"INSERT INTO sessions (id_hash, issuer, subject, username, name, groups, groups_overage,
                                       groups_read_at, created_at, last_seen_at, ends_at, provider_sid,
                                       sealed_id_token, provider_issued_at,
                                       sealed_refresh_token, browser, client_address,
                                       begun_at, nonce_hash)
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15,
                         $16, $17::text::inet, $18, $19)
                 RETURNING format('%s %s', extract(epoch FROM pg_postmaster_start_time()), current_database()) AS "server!""#,
                session.hash.as_slice(),
                identity.issuer,
                identity.subject,
                identity.username,
                identity.name,
                &groups,
                identity.groups == Groups::Overage,
                session.groups_read_at,
                session.created_at,
                session.last_seen_at,
                session.ends_at,
                session.provider_sid,
                tokens.id_token,
                session.provider_issued_at,
                tokens.refresh_token,
                origin.browser,
                address,
                session.begun_at,
                session.nonce_hash.as_ref().map(|hash| &hash[..]),
            )
            .fetch_one(&mut *transaction)
            .await?;
            Ok(self.proven.is(&server))
        })
        .await
    }

    /// The session of a cookie, if there is one; refused where another server says so than
    /// the proven one.
    pub(super) async fn session(
        &self,
        hash: &SessionHash,
    ) -> Result<Option<StoredSession>, StoreError> {
        let row = self
            .with(async |transaction| {
                let row = sqlx::query!(
                    r#"SELECT issuer, subject, username, name, groups, groups_overage, groups_read_at,
                              created_at, last_seen_at, ends_at, provider_sid, provider_issued_at,
                              identity_version, begun_at, nonce_hash,
                              sealed_refresh_token IS NOT NULL AS "refreshable!",
                              format('%s %s', extract(epoch FROM pg_postmaster_start_time()), current_database()) AS "server!"
                       FROM sessions WHERE id_hash = $1"#,
                    hash.as_slice(),
                )
                .fetch_optional(transaction)
                .await?;
                if let Some(row) = &row {
                    self.require_proven(&row.server)?;
                }
                Ok::<_, StoreError>(row)
            })
            .await?;
        Ok(row.map(|row| StoredSession {
            hash: *hash,
            identity: Identity {
                issuer: row.issuer,
                subject: row.subject,
                username: row.username,
                name: row.name,
                groups: if row.groups_overage {
                    Groups::Overage
                } else {
                    Groups::Listed(row.groups.into_iter().collect())
                },
            },
            groups_read_at: row.groups_read_at,
            created_at: row.created_at,
            last_seen_at: row.last_seen_at,
            ends_at: row.ends_at,
            provider_sid: row.provider_sid,
            provider_issued_at: row.provider_issued_at,
            begun_at: row.begun_at,
            // A constraint has its length.
            nonce_hash: row.nonce_hash.and_then(|hash| hash.try_into().ok()),
            refreshable: row.refreshable,
            identity_version: row.identity_version,
        }))
    }

    /// Ends a session; a trigger tells every instance. `None`: it was over already.
    pub(super) async fn delete_session(
        &self,
        hash: &SessionHash,
    ) -> Result<Option<EndedSession>, StoreError> {
        self.with(async |transaction| {
            let deleted = sqlx::query!(
                "DELETE FROM sessions WHERE id_hash = $1
                 RETURNING sealed_id_token,
                           CASE WHEN NOT EXISTS (
                               SELECT FROM sessions AS other
                               WHERE other.issuer = sessions.issuer
                                 AND other.subject = sessions.subject
                                 AND other.id_hash <> sessions.id_hash
                           ) THEN sealed_refresh_token END AS sealed_refresh_token",
                hash.as_slice(),
            )
            .fetch_optional(transaction)
            .await?;
            Ok(deleted.map(|row| EndedSession {
                sealed_id_token: row.sealed_id_token,
                sealed_refresh_token: row.sealed_refresh_token,
            }))
        })
        .await
    }

    /// Notes when sessions were last used; never moves one back.
    pub(super) async fn touch_sessions(
        &self,
        seen: &[(SessionHash, DateTime<Utc>)],
    ) -> Result<(), StoreError> {
        let (hashes, times): (Vec<Vec<u8>>, Vec<DateTime<Utc>>) =
            seen.iter().map(|(hash, at)| (hash.to_vec(), *at)).unzip();
        self.with(async |transaction| {
            // Locked in one order, or two instances would wait for each other.
            sqlx::query!(
                "WITH seen AS (
                     SELECT id_hash, max(at) AS at
                     FROM unnest($1::bytea[], $2::timestamptz[]) AS seen(id_hash, at)
                     GROUP BY id_hash
                 ), locked AS (
                     SELECT id_hash, at FROM sessions JOIN seen USING (id_hash)
                     WHERE last_seen_at < at ORDER BY id_hash FOR UPDATE OF sessions
                 )
                 UPDATE sessions SET last_seen_at = greatest(last_seen_at, locked.at)
                 FROM locked WHERE sessions.id_hash = locked.id_hash",
                &hashes,
                &times,
            )
            .execute(transaction)
            .await?;
            Ok(())
        })
        .await
    }

    /// Removes the sessions whose absolute end is before `now`, or that were
    /// last seen before `idle_since`, and says how many. Nobody is told: nobody
    /// serves them. One instance does it at a time; another one does nothing.
    pub async fn sweep_sessions(
        &self,
        now: DateTime<Utc>,
        idle_since: DateTime<Utc>,
    ) -> Result<u64, StoreError> {
        let over = (now - SWEEP_GRACE, idle_since - SWEEP_GRACE);
        sweep::in_batches(Vec::new(), |after| self.sweep_batch(after, over)).await
    }

    /// Goes through the table by its key: an index on the last-seen times would
    /// make each of their many updates dearer.
    async fn sweep_batch(
        &self,
        after: Vec<u8>,
        (ended_by, idle_since): (DateTime<Utc>, DateTime<Utc>),
    ) -> Result<Batch<Vec<u8>>, StoreError> {
        self.with(async |transaction| {
            let ours = sqlx::query_scalar!(
                r#"SELECT pg_try_advisory_xact_lock($1)
                       AND set_config('bridge.sweep', 'on', true) = 'on' AS "ours!""#,
                sweep::LOCK,
            )
            .fetch_one(&mut *transaction)
            .await?;
            if !ours {
                return Ok(Batch {
                    rows: 0,
                    next: None,
                });
            }
            let batch = sqlx::query!(
                r#"WITH page AS (
                       SELECT id_hash FROM sessions WHERE id_hash > $1 ORDER BY id_hash LIMIT $4
                   ), swept AS (
                       DELETE FROM sessions USING page
                       WHERE sessions.id_hash = page.id_hash
                         AND (ends_at < least($2, clock_timestamp())
                              OR last_seen_at < least($3, clock_timestamp()))
                       RETURNING 1
                   )
                   SELECT (SELECT id_hash FROM page ORDER BY id_hash DESC LIMIT 1) AS last,
                          (SELECT count(*) FROM swept) AS "swept!""#,
                after.as_slice(),
                ended_by,
                idle_since,
                sweep::BATCH,
            )
            .fetch_one(&mut *transaction)
            .await?;
            Ok(Batch {
                rows: batch.swept.unsigned_abs(),
                next: batch.last,
            })
        })
        .await
    }
}
