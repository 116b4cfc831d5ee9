//! Writes the session of a successful sign-in.

use chrono::TimeDelta;

use super::error::StoreError;
use super::pool::Store;
use super::sessions::{self, EndedSession, SealedTokens, StoredSession};
use super::{blocks, devices, grants, locks, logouts, people};
use crate::domain::client::ClientId;
use crate::domain::device::UserCode;
use crate::domain::identity::{Groups, PersonKey};
use crate::domain::session::{SessionHash, SignInOrigin};

/// Why no session was created.
#[derive(Debug, thiserror::Error)]
pub enum NotStarted {
    /// An administrator blocked the person.
    #[error("the person is blocked")]
    Blocked,
    /// The provider ended the session while the sign-in was under way.
    #[error("the provider ended this sign-in meanwhile")]
    LoggedOut,
    /// The device's request has expired, or was decided meanwhile.
    #[error("the device's request is over")]
    DeviceGone,
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<sqlx::Error> for NotStarted {
    fn from(error: sqlx::Error) -> Self {
        Self::Store(error.into())
    }
}

/// What a new session is for.
#[derive(Debug, Clone, Copy)]
pub enum SessionFor<'a> {
    /// A browser, whose earlier session ends.
    Browser {
        /// The earlier session.
        earlier: Option<SessionHash>,
    },
    /// The device whose request this code names; it is approved with it.
    Device(&'a UserCode),
}

/// A new session was written.
#[derive(Debug)]
pub(super) struct Started {
    /// Whether its row was written on the proven server.
    pub proven: bool,
    /// The browser's earlier session, if it still existed.
    pub ended: Option<EndedSession>,
}

impl SessionFor<'_> {
    /// A browser without an earlier session.
    pub const NEW_BROWSER: Self = Self::Browser { earlier: None };
}

impl Store {
    /// Writes a new session, and ends the browser's earlier one or approves the device, in one transaction. If the earlier
    /// session is the same person's and was not over, its codes and families move to the new one.
    ///
    /// `idle`: time without a request after which the earlier session was over.
    ///
    /// Refused if the person is blocked, or was logged out while the sign-in was under way. Both
    /// are checked in this transaction, under the person's lock, so a concurrent block always wins.
    pub(super) async fn insert_session(
        &self,
        session: &StoredSession,
        tokens: &SealedTokens,
        origin: &SignInOrigin,
        what: SessionFor<'_>,
        idle: TimeDelta,
    ) -> Result<Started, NotStarted> {
        let identity = &session.identity;
        let groups = identity.groups.to_vec();
        self.with(async |transaction| {
            let (issuer, subject) = (&identity.issuer, &identity.subject);
            locks::lock_person(transaction, issuer, subject).await?;
            if let Some(sid) = &session.provider_sid {
                locks::lock_provider_session(transaction, issuer, sid).await?;
            }
            if blocks::is_blocked(transaction, issuer, subject, session.created_at).await? {
                return Err(NotStarted::Blocked);
            }
            if logouts::is_logged_out(transaction, session).await? {
                return Err(NotStarted::LoggedOut);
            }
            let device = match what {
                SessionFor::Browser { .. } => None,
                SessionFor::Device(code) => {
                    let person = PersonKey::new(issuer, subject);
                    let hash = &session.hash;
                    let at = session.created_at;
                    let approved = devices::approve(transaction, code, hash, &person, at).await?;
                    Some(approved.ok_or(NotStarted::DeviceGone)?)
                }
            };
            let (client, origin) = match &device {
                None => (None, origin),
                Some((client, origin)) => (Some(client.as_str()), origin),
            };
            let server = sqlx::query_scalar!(
                r#"INSERT INTO sessions (id_hash, issuer, subject, username, name, groups, groups_overage,
                                       groups_read_at, created_at, last_seen_at, ends_at, provider_sid,
                                       sealed_id_token, provider_issued_at,
                                       sealed_refresh_token, browser, client_address,
                                       begun_at, nonce_hash, kind, client_id)
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15,
                         $16, $17::text::inet, $18, $19, $20, $21)
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
                origin.address,
                session.begun_at,
                session.nonce_hash.as_ref().map(|hash| &hash[..]),
                <&str>::from(session.kind),
                client,
            )
            .fetch_one(&mut *transaction)
            .await?;
            // After the insert, so that a refresh token of the same person is not revoked.
            let ended = match what {
                SessionFor::Browser {
                    earlier: Some(earlier),
                } => {
                    // First, because ending the session locks the change counter.
                    grants::carry_over(transaction, &earlier, session, idle).await?;
                    sessions::end(transaction, &[earlier]).await?.pop()
                }
                _ => None,
            };
            people::note_sign_in(transaction, identity, session.created_at).await?;
            Ok(Started {
                proven: self.proven.is(&server),
                ended,
            })
        })
        .await
    }

    /// Writes the session behind a client's subject token, or what is known of the identity now into the one that is there.
    /// True: the row is on the proven server. `None`: the client was switched off or deleted meanwhile.
    pub(super) async fn put_subject_token(
        &self,
        session: &StoredSession,
        client: &ClientId,
    ) -> Result<Option<bool>, StoreError> {
        let identity = &session.identity;
        let groups = identity.groups.to_vec();
        self.with(async |transaction| {
            let server = sqlx::query_scalar!(
                r#"INSERT INTO sessions (id_hash, issuer, subject, username, name, groups, groups_overage,
                                         groups_read_at, created_at, last_seen_at, ends_at, kind, client_id)
                   SELECT $1, $2, $3, $4, $5, $6, $7, $8, $8, $8, $9, 'subject_token', id
                   FROM clients WHERE id = $10 AND enabled FOR KEY SHARE
                   ON CONFLICT (id_hash) DO UPDATE
                   SET username = $4, name = $5, groups = $6, groups_overage = $7,
                       groups_read_at = $8, last_seen_at = $8, ends_at = $9
                   RETURNING format('%s %s', extract(epoch FROM pg_postmaster_start_time()), current_database()) AS "server!""#,
                session.hash.as_slice(),
                identity.issuer,
                identity.subject,
                identity.username,
                identity.name,
                &groups,
                identity.groups == Groups::Overage,
                session.created_at,
                session.ends_at,
                client.as_str(),
            )
            .fetch_optional(transaction)
            .await?;
            Ok(server.map(|server| self.proven.is(&server)))
        })
        .await
    }
}
