//! What people let clients do: consents, authorization codes and families of refresh tokens.
//!
//! A code is spent, and a token rotated, in the transaction in which the token is issued, with the row locked: of any
//! number of requests on any instance one comes first, and a request that is refused spends nothing.

use chrono::{DateTime, TimeDelta, Utc};

use super::error::StoreError;
use super::pool::Store;
use super::sessions::StoredSession;
use super::transaction::Transaction;
use crate::domain::client::ClientId;
use crate::domain::identity::PersonKey;
use crate::domain::session::SessionHash;
use crate::domain::token_family::{Presented, Rotation};

/// SHA-256 of an authorization code.
pub type CodeDigest = [u8; 32];

/// Most families of one session and client, and most codes of theirs without a family. An app that asks again and again must
/// not fill the tables while the session lasts.
const HELD_MAX: i64 = 100;

/// Names a family of refresh tokens; random.
pub type FamilyId = [u8; 16];

/// What an authorization code stands for.
#[derive(Debug, Clone)]
pub struct AuthorizationCode {
    /// The client for which it was made.
    pub client: ClientId,
    /// The session of the person.
    pub session: SessionHash,
    /// As the authorization request named it.
    pub redirect_uri: String,
    /// `code_challenge` (RFC 7636 §4.2, S256).
    pub challenge: String,
    /// What was asked for, as words of a scope.
    pub scope: String,
    /// The end.
    pub expires_at: DateTime<Utc>,
    /// Whether it was used.
    pub spent: bool,
}

/// A family of refresh tokens.
#[derive(Debug, Clone)]
pub struct TokenFamily {
    /// The client for which it was made.
    pub client: ClientId,
    /// The session behind it.
    pub session: SessionHash,
    /// What was asked for, as words of a scope.
    pub scope: String,
}

/// A consent in a list.
#[derive(Debug)]
pub struct Consent {
    /// The client.
    pub client: String,
    /// The client's name.
    pub client_name: String,
    /// When it was given.
    pub granted_at: DateTime<Utc>,
    /// The last use of a refresh token that came of it.
    pub last_used_at: Option<DateTime<Utc>>,
}

/// What became of a code or token that was presented.
#[derive(Debug)]
pub enum Used<T> {
    /// It was good, and this was issued.
    Good(T),
    /// It is gone, or was never there.
    Gone,
    /// It was used before; what came of it has ended now.
    Reused,
}

impl Store {
    /// Whether the person has consented to the client.
    pub async fn has_consent(
        &self,
        person: &PersonKey,
        client: &ClientId,
    ) -> Result<bool, StoreError> {
        self.with(async |transaction| {
            let has = sqlx::query_scalar!(
                r#"SELECT EXISTS (SELECT FROM consents
                                  WHERE issuer = $1 AND subject = $2 AND client_id = $3) AS "has!""#,
                person.issuer,
                person.subject,
                client.as_str(),
            )
            .fetch_one(transaction)
            .await?;
            Ok(has)
        })
        .await
    }

    /// Writes a consent, unless the client is gone.
    pub async fn consent(
        &self,
        person: &PersonKey,
        client: &ClientId,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        self.with(async |transaction| {
            sqlx::query!(
                "INSERT INTO consents (issuer, subject, client_id, granted_at)
                 SELECT $1, $2, id, $4 FROM clients WHERE id = $3 AND enabled
                 ON CONFLICT DO NOTHING",
                person.issuer,
                person.subject,
                client.as_str(),
                now,
            )
            .execute(transaction)
            .await?;
            Ok(())
        })
        .await
    }

    /// The clients that get tokens for the person: by consent, or because they are trusted and have a refresh token.
    pub async fn consents(&self, person: &PersonKey) -> Result<Vec<Consent>, StoreError> {
        self.with(async |transaction| {
            let consents = sqlx::query_as!(
                Consent,
                r#"SELECT clients.id AS client, clients.name AS client_name,
                          coalesce(min(granted_at), min(families.created_at)) AS "granted_at!",
                          max(families.last_used_at) AS last_used_at
                   FROM clients
                   LEFT JOIN consents ON consents.client_id = clients.id AND consents.issuer = $1 AND consents.subject = $2
                   LEFT JOIN (token_families AS families JOIN sessions
                              ON sessions.id_hash = families.session_hash
                                 AND sessions.issuer = $1 AND sessions.subject = $2)
                          ON families.client_id = clients.id
                   WHERE consents.client_id IS NOT NULL OR families.id IS NOT NULL
                   GROUP BY clients.id ORDER BY clients.name, clients.id"#,
                person.issuer,
                person.subject,
            )
            .fetch_all(transaction)
            .await?;
            Ok(consents)
        })
        .await
    }

    /// Ends a consent, and the codes, refresh tokens and devices that the client has of the person. False: there was nothing.
    pub async fn end_consent(
        &self,
        person: &PersonKey,
        client: &ClientId,
    ) -> Result<bool, StoreError> {
        self.with(async |transaction| {
            // The consent first, in a statement of its own: a request that uses a code or a token has its row locked, so the
            // statements after it see what that request wrote.
            let consent = sqlx::query!(
                "DELETE FROM consents WHERE issuer = $1 AND subject = $2 AND client_id = $3",
                person.issuer,
                person.subject,
                client.as_str(),
            )
            .execute(&mut *transaction)
            .await?;
            sqlx::query!(
                "DELETE FROM authorization_codes
                 WHERE client_id = $3
                   AND session_hash IN (SELECT id_hash FROM sessions WHERE issuer = $1 AND subject = $2)",
                person.issuer,
                person.subject,
                client.as_str(),
            )
            .execute(&mut *transaction)
            .await?;
            let families = sqlx::query!(
                "DELETE FROM token_families
                 WHERE client_id = $3
                   AND session_hash IN (SELECT id_hash FROM sessions WHERE issuer = $1 AND subject = $2)",
                person.issuer,
                person.subject,
                client.as_str(),
            )
            .execute(&mut *transaction)
            .await?;
            let devices = sqlx::query!(
                "DELETE FROM sessions WHERE id_hash IN
                     (SELECT id_hash FROM sessions
                      WHERE issuer = $1 AND subject = $2 AND client_id = $3 AND kind = 'device'
                      ORDER BY id_hash FOR UPDATE)",
                person.issuer,
                person.subject,
                client.as_str(),
            )
            .execute(transaction)
            .await?;
            let ended = consent.rows_affected() + families.rows_affected() + devices.rows_affected();
            Ok(ended > 0)
        })
        .await
    }

    /// Writes a new code. False: the client may have none, see [`hold_client`].
    pub async fn insert_code(
        &self,
        digest: &CodeDigest,
        code: &AuthorizationCode,
        person: &PersonKey,
    ) -> Result<bool, StoreError> {
        self.with(async |transaction| {
            if !hold_client(transaction, &code.client, person).await? {
                return Ok(false);
            }
            sqlx::query!(
                "INSERT INTO authorization_codes (digest, client_id, session_hash, redirect_uri, challenge, scope, expires_at)
                 VALUES ($1, $2, $3, $4, $5, $6, $7)",
                digest.as_slice(),
                code.client.as_str(),
                code.session.as_slice(),
                code.redirect_uri,
                code.challenge,
                code.scope,
                code.expires_at,
            )
            .execute(&mut *transaction)
            .await?;
            // The oldest go, spent or not. A code with a family stays as long as the family, which its second use ends.
            sqlx::query!(
                "DELETE FROM authorization_codes WHERE family IS NULL AND digest IN
                     (SELECT digest FROM authorization_codes
                      WHERE session_hash = $1 AND client_id = $2 AND family IS NULL
                      ORDER BY expires_at DESC OFFSET $3)",
                code.session.as_slice(),
                code.client.as_str(),
                HELD_MAX,
            )
            .execute(transaction)
            .await?;
            Ok(true)
        })
        .await
    }

    /// What a code stands for.
    pub async fn code(&self, digest: &CodeDigest) -> Result<Option<AuthorizationCode>, StoreError> {
        self.with(async |transaction| lock_code(transaction, digest).await)
            .await
    }

    /// Spends a code without a token for it. If it was spent before, its family ends.
    pub async fn spend_code(&self, digest: &CodeDigest) -> Result<(), StoreError> {
        self.with(async |transaction| end_code(transaction, digest).await)
            .await
    }

    /// Spends a code for what `issue` makes, and begins a family of this id with it. If `issue` refuses, the code is not
    /// spent.
    pub async fn redeem_code<T, E: From<StoreError>>(
        &self,
        digest: &CodeDigest,
        (client, person): (&ClientId, &PersonKey),
        family: Option<&FamilyId>,
        now: DateTime<Utc>,
        issue: impl FnOnce() -> Result<T, E>,
    ) -> Result<Used<T>, E> {
        self.with(async |transaction| {
            if !hold_client(transaction, client, person).await? {
                return Ok(Used::Gone);
            }
            let Some(code) = lock_code(transaction, digest).await? else {
                return Ok(Used::Gone);
            };
            if code.spent {
                end_code(transaction, digest).await?;
                return Ok(Used::Reused);
            }
            let issued = issue()?;
            if let Some(id) = family {
                let family = TokenFamily {
                    client: code.client,
                    session: code.session,
                    scope: code.scope,
                };
                insert_family(transaction, id, &family, now).await?;
            }
            sqlx::query!(
                "UPDATE authorization_codes SET spent = true, family = $2 WHERE digest = $1",
                digest.as_slice(),
                family.map(|family| &family[..]),
            )
            .execute(transaction)
            .await
            .map_err(StoreError::from)?;
            Ok(Used::Good(issued))
        })
        .await
    }

    /// The family of a refresh token.
    pub async fn family(&self, id: &FamilyId) -> Result<Option<TokenFamily>, StoreError> {
        self.with(async |transaction| {
            let row = sqlx::query!(
                r#"SELECT client_id, session_hash AS "session_hash: SessionHash", scope FROM token_families WHERE id = $1"#,
                id.as_slice(),
            )
            .fetch_optional(transaction)
            .await?;
            Ok(row.and_then(|row| {
                Some(TokenFamily {
                    client: ClientId::parse(&row.client_id)?,
                    session: row.session_hash,
                    scope: row.scope,
                })
            }))
        })
        .await
    }

    /// Uses the token of this number for what `issue` makes; also gives the number of its successor. If `issue`
    /// refuses, the token is not used. Replacements are timed by the clock of the database, which all instances share:
    /// with clocks that differ by seconds, a lost answer would look like a theft, or a theft like a lost answer.
    pub async fn use_family<T, E: From<StoreError>>(
        &self,
        (id, presented): (&FamilyId, u32),
        (client, person): (&ClientId, &PersonKey),
        now: DateTime<Utc>,
        issue: impl FnOnce() -> Result<T, E>,
    ) -> Result<Used<(T, u32)>, E> {
        self.with(async |transaction| {
            if !hold_client(transaction, client, person).await? {
                return Ok(Used::Gone);
            }
            let row = sqlx::query!(
                r#"SELECT generation, replaced_at, clock_timestamp() AS "clock!" FROM token_families WHERE id = $1 FOR UPDATE"#,
                id.as_slice(),
            )
            .fetch_optional(&mut *transaction)
            .await
            .map_err(StoreError::from)?;
            let Some(row) = row else {
                return Ok(Used::Gone);
            };
            let mut rotation = Rotation {
                generation: row.generation.unsigned_abs(),
                replaced_at: row.replaced_at,
            };
            match rotation.judge(presented, row.clock) {
                Presented::Newest => rotation.advance(row.clock),
                Presented::JustReplaced => {}
                Presented::Unknown => return Ok(Used::Gone),
                Presented::Reused => {
                    delete_family(transaction, id, None).await?;
                    return Ok(Used::Reused);
                }
            }
            let issued = issue()?;
            sqlx::query!(
                "UPDATE token_families SET generation = $2, replaced_at = $3, last_used_at = greatest(last_used_at, $4)
                 WHERE id = $1",
                id.as_slice(),
                rotation.generation.cast_signed(),
                &rotation.replaced_at,
                now,
            )
            .execute(transaction)
            .await
            .map_err(StoreError::from)?;
            Ok(Used::Good((issued, presented + 1)))
        })
        .await
    }

    /// Ends a family of this client. False: there is none.
    pub async fn end_family(&self, id: &FamilyId, client: &ClientId) -> Result<bool, StoreError> {
        self.with(async |transaction| delete_family(transaction, id, Some(client)).await)
            .await
    }
}

/// Moves the codes and families of the browser's earlier session to this new one, if it is the same person's and was not over.
/// A family goes no further than the longest session, counted from its own beginning.
pub(super) async fn carry_over(
    transaction: &mut Transaction,
    earlier: &SessionHash,
    session: &StoredSession,
    idle: TimeDelta,
) -> Result<(), sqlx::Error> {
    let is_live = sqlx::query_scalar!(
        r#"SELECT issuer = $2 AND subject = $3 AND ends_at > $4 AND last_seen_at > $5 AS "is!"
           FROM sessions WHERE id_hash = $1 FOR UPDATE"#,
        earlier.as_slice(),
        session.identity.issuer,
        session.identity.subject,
        session.created_at,
        session.created_at - idle,
    )
    .fetch_optional(&mut *transaction)
    .await?;
    if is_live != Some(true) {
        return Ok(());
    }
    // The codes first: this waits for one that is being redeemed, whose family the next statement then sees.
    sqlx::query!(
        "UPDATE authorization_codes SET session_hash = $2 WHERE session_hash = $1",
        earlier.as_slice(),
        session.hash.as_slice(),
    )
    .execute(&mut *transaction)
    .await?;
    let longest = session.ends_at - session.created_at;
    sqlx::query!(
        "UPDATE token_families SET session_hash = $2 WHERE session_hash = $1 AND created_at > $3",
        earlier.as_slice(),
        session.hash.as_slice(),
        session.created_at - longest,
    )
    .execute(transaction)
    .await?;
    Ok(())
}

/// Whether the client may have codes and tokens of the person: it is enabled, and it is trusted or has the consent. Both
/// rows stay locked until the end of the transaction, the client's first. So switching the client off, or taking the consent
/// back, happens before this transaction or after it, and then ends what it wrote.
pub(super) async fn hold_client(
    transaction: &mut Transaction,
    client: &ClientId,
    person: &PersonKey,
) -> Result<bool, StoreError> {
    let trusted = sqlx::query_scalar!(
        "SELECT trusted FROM clients WHERE id = $1 AND enabled FOR KEY SHARE",
        client.as_str(),
    )
    .fetch_optional(&mut *transaction)
    .await?;
    if trusted != Some(false) {
        return Ok(trusted.is_some());
    }
    let consent = sqlx::query!(
        "SELECT granted_at FROM consents WHERE issuer = $1 AND subject = $2 AND client_id = $3 FOR KEY SHARE",
        person.issuer,
        person.subject,
        client.as_str(),
    )
    .fetch_optional(transaction)
    .await?;
    Ok(consent.is_some())
}

/// What a code stands for. Its row stays locked until the end of the transaction.
async fn lock_code(
    transaction: &mut Transaction,
    digest: &CodeDigest,
) -> Result<Option<AuthorizationCode>, StoreError> {
    let row = sqlx::query!(
        r#"SELECT client_id, session_hash AS "session_hash: SessionHash", redirect_uri, challenge, scope, expires_at, spent
           FROM authorization_codes WHERE digest = $1 FOR UPDATE"#,
        digest.as_slice(),
    )
    .fetch_optional(transaction)
    .await?;
    Ok(row.and_then(|row| {
        Some(AuthorizationCode {
            client: ClientId::parse(&row.client_id)?,
            session: row.session_hash,
            redirect_uri: row.redirect_uri,
            challenge: row.challenge,
            scope: row.scope,
            expires_at: row.expires_at,
            spent: row.spent,
        })
    }))
}

/// Writes a new family. If the session and client have too many, others of theirs end.
pub(super) async fn insert_family(
    transaction: &mut Transaction,
    id: &FamilyId,
    family: &TokenFamily,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    sqlx::query!(
        "INSERT INTO token_families (id, client_id, session_hash, scope, created_at, last_used_at)
         VALUES ($1, $2, $3, $4, $5, $5)",
        id.as_slice(),
        family.client.as_str(),
        family.session.as_slice(),
        family.scope,
        now,
    )
    .execute(&mut *transaction)
    .await?;
    // The one that was not used for the longest time goes.
    sqlx::query!(
        "DELETE FROM token_families WHERE id IN
             (SELECT families.id FROM token_families AS families
              JOIN token_families AS new USING (session_hash, client_id)
              WHERE new.id = $1 ORDER BY families.id = $1 DESC, families.last_used_at DESC OFFSET $2)",
        id.as_slice(),
        HELD_MAX,
    )
    .execute(transaction)
    .await?;
    Ok(())
}

/// Spends a code and ends the family that came of it.
async fn end_code(transaction: &mut Transaction, digest: &CodeDigest) -> Result<(), StoreError> {
    let family = sqlx::query_scalar!(
        "UPDATE authorization_codes SET spent = true WHERE digest = $1 RETURNING family",
        digest.as_slice(),
    )
    .fetch_optional(&mut *transaction)
    .await?;
    if let Some(family) = family.flatten() {
        delete_family(transaction, &family, None).await?;
    }
    Ok(())
}

/// Deletes a family, and its session if that is a device's: a device without a refresh token has to be approved again.
/// False: there is none of this client.
async fn delete_family(
    transaction: &mut Transaction,
    id: &[u8],
    client: Option<&ClientId>,
) -> Result<bool, StoreError> {
    let session = sqlx::query_scalar!(
        "DELETE FROM token_families WHERE id = $1 AND ($2::text IS NULL OR client_id = $2) RETURNING session_hash",
        id,
        client.map(ClientId::as_str),
    )
    .fetch_optional(&mut *transaction)
    .await?;
    let Some(session) = session else {
        return Ok(false);
    };
    sqlx::query!(
        "DELETE FROM sessions WHERE id_hash = $1 AND kind = 'device'",
        session,
    )
    .execute(transaction)
    .await?;
    Ok(true)
}
