//! Deletes expired rows, in batches, so that no transaction holds their locks for long. A pause
//! after each batch leaves the database to the requests, even with a million rows to delete. Only
//! one instance sweeps at a time.

use std::time::Instant;

use chrono::{DateTime, TimeDelta, Utc};
use sqlx::Postgres;
use sqlx::postgres::PgArguments;
use sqlx::query::Query;
use tokio::time::{Duration, sleep};

use super::devices::WRONG_CODES_COUNT;
use super::error::StoreError;
use super::locks;
use super::pool::Store;
use super::transaction::Transaction;
use crate::domain::session::DEVICE_IDLE;

/// Maximum rows per batch.
const BATCH: i64 = 1000;

/// The pause after a batch, as a multiple of its duration: sweeping takes a tenth of the time.
const REST: u32 = 9;

/// Longest pause. A batch that waited for a lock took longer than its own cost.
const REST_MAX: Duration = Duration::from_secs(1);

/// How long a spent attempt stays after its expiry: an instance whose clock is behind would still
/// accept the attempt.
const ATTEMPT_GRACE: TimeDelta = TimeDelta::hours(1);

/// How long a session stays after its end. Clocks of instances differ, and last-seen times are
/// written with a delay: an instance whose clock is ahead must not delete a session that another
/// one still serves.
const SESSION_GRACE: TimeDelta = TimeDelta::minutes(5);

/// Result of one batch.
struct Batch<P> {
    rows: u64,
    /// Start of the next batch; `None` after the last.
    next: Option<P>,
}

impl Batch<()> {
    /// For a delete that takes any expired rows: if the batch was full, another follows.
    fn of(rows: u64) -> Self {
        let full = rows >= BATCH.unsigned_abs();
        Self {
            rows,
            next: full.then_some(()),
        }
    }
}

impl Store {
    /// Deletes everything that has expired. `idle`: time without a request after which a session
    /// ends. `seen`: how long a person without a session is remembered.
    pub async fn sweep(
        &self,
        now: DateTime<Utc>,
        idle: TimeDelta,
        seen: TimeDelta,
    ) -> Result<(), StoreError> {
        let attempts = self.sweep_attempts(now).await;
        // Twice the idle time, because another instance may not have written its last-seen times
        // yet.
        let sessions = self.sweep_sessions(now, now - idle * 2).await;
        let sign_outs = self.sweep_sign_outs(now).await;
        let logouts = self.sweep_logouts(now).await;
        // After the sessions, because a person with a session stays.
        let people = self.sweep_people(now - seen).await;
        let uses = self.sweep_mapping_uses().await;
        let codes = self.sweep_codes(now).await;
        let families = self.sweep_families().await;
        let devices = self.sweep_device_codes(now).await;
        let guesses = self.sweep_wrong_user_codes(now).await;
        let rows = attempts.and(sessions).and(sign_outs).and(logouts);
        rows.and(people)
            .and(uses)
            .and(codes)
            .and(families)
            .and(devices)
            .and(guesses)
            .map(drop)
    }

    /// Deletes the last uses of mappings that are gone; returns how many.
    pub async fn sweep_mapping_uses(&self) -> Result<u64, StoreError> {
        self.sweep_with(|| {
            sqlx::query!(
                "DELETE FROM mapping_uses WHERE mapping IN
                     (SELECT mapping FROM mapping_uses
                      WHERE NOT EXISTS (SELECT FROM mappings WHERE id = mapping) LIMIT $1)",
                BATCH,
            )
        })
        .await
    }

    /// Deletes codes that were never used, and those whose session is gone; returns how many.
    pub async fn sweep_codes(&self, now: DateTime<Utc>) -> Result<u64, StoreError> {
        self.sweep_with(|| {
            sqlx::query!(
                "DELETE FROM authorization_codes WHERE digest IN
                     (SELECT digest FROM authorization_codes
                      WHERE (NOT spent AND expires_at < $1)
                         OR NOT EXISTS (SELECT FROM sessions WHERE id_hash = session_hash) LIMIT $2)",
                now - ATTEMPT_GRACE,
                BATCH,
            )
        })
        .await
    }

    /// Deletes families of refresh tokens whose session is gone; returns how many.
    pub async fn sweep_families(&self) -> Result<u64, StoreError> {
        self.sweep_with(|| {
            sqlx::query!(
                "DELETE FROM token_families WHERE id IN
                     (SELECT id FROM token_families
                      WHERE NOT EXISTS (SELECT FROM sessions WHERE id_hash = session_hash) LIMIT $1)",
                BATCH,
            )
        })
        .await
    }

    /// Deletes requests of devices that have expired, and the session of one that was approved and never asked again;
    /// returns how many requests.
    pub async fn sweep_device_codes(&self, now: DateTime<Utc>) -> Result<u64, StoreError> {
        self.sweep_with(|| {
            sqlx::query!(
                "WITH due AS MATERIALIZED (
                     SELECT digest, session_hash FROM device_codes WHERE expires_at < $1 LIMIT $2 FOR UPDATE SKIP LOCKED
                 ), unused AS (
                     DELETE FROM sessions WHERE id_hash IN (SELECT session_hash FROM due)
                 )
                 DELETE FROM device_codes WHERE digest IN (SELECT digest FROM due)",
                now - SESSION_GRACE,
                BATCH,
            )
        })
        .await
    }

    /// Deletes wrong user codes that do not count any more; returns how many.
    pub async fn sweep_wrong_user_codes(&self, now: DateTime<Utc>) -> Result<u64, StoreError> {
        self.sweep_with(|| {
            sqlx::query!(
                "DELETE FROM wrong_user_codes WHERE ctid = ANY (ARRAY(
                     SELECT ctid FROM wrong_user_codes WHERE typed_at < $1 LIMIT $2))",
                now - WRONG_CODES_COUNT * 2,
                BATCH,
            )
        })
        .await
    }

    /// Deletes people who have no session, live or not, and were last seen before `seen_since`;
    /// returns how many.
    pub async fn sweep_people(&self, seen_since: DateTime<Utc>) -> Result<u64, StoreError> {
        self.sweep_with(|| {
            sqlx::query!(
                "DELETE FROM people WHERE (issuer, subject) IN
                     (SELECT issuer, subject FROM people AS p
                      WHERE last_seen_at <= $1 AND NOT EXISTS (
                          SELECT FROM sessions
                          WHERE sessions.issuer = p.issuer AND sessions.subject = p.subject)
                      ORDER BY last_seen_at LIMIT $2)
                   AND last_seen_at <= $1",
                seen_since,
                BATCH,
            )
        })
        .await
    }

    /// Deletes expired spent attempts; returns how many.
    pub async fn sweep_attempts(&self, now: DateTime<Utc>) -> Result<u64, StoreError> {
        self.sweep_with(|| {
            sqlx::query!(
                "DELETE FROM spent_attempts WHERE id IN
                     (SELECT id FROM spent_attempts WHERE expires_at < $1
                      ORDER BY expires_at LIMIT $2)",
                now - ATTEMPT_GRACE,
                BATCH,
            )
        })
        .await
    }

    /// Deletes expired sign-out tickets; returns how many.
    pub async fn sweep_sign_outs(&self, now: DateTime<Utc>) -> Result<u64, StoreError> {
        self.sweep_with(|| {
            sqlx::query!(
                "DELETE FROM sign_outs WHERE ticket_hash IN
                     (SELECT ticket_hash FROM sign_outs WHERE expires_at < $1 LIMIT $2)",
                now,
                BATCH,
            )
        })
        .await
    }

    /// Deletes logouts whose tokens are too old to be accepted again; returns how many.
    pub async fn sweep_logouts(&self, now: DateTime<Utc>) -> Result<u64, StoreError> {
        self.sweep_with(|| {
            sqlx::query!(
                "DELETE FROM logouts WHERE token_hash IN
                     (SELECT token_hash FROM logouts WHERE expires_at < $1 LIMIT $2)",
                now,
                BATCH,
            )
        })
        .await
    }

    /// Deletes the sessions that ended before `now`, those of browsers that were last seen before
    /// `idle_since`, and others that were not used for twice [`DEVICE_IDLE`]; returns how many. It walks the table by its primary key: an index on the last-seen times would make
    /// each of their frequent updates more expensive.
    pub async fn sweep_sessions(
        &self,
        now: DateTime<Utc>,
        idle_since: DateTime<Utc>,
    ) -> Result<u64, StoreError> {
        in_batches(Vec::new(), |after| {
            self.batch(async move |transaction| {
                let batch = sqlx::query!(
                    r#"WITH page AS (
                       SELECT id_hash FROM sessions WHERE id_hash > $1 ORDER BY id_hash LIMIT $4
                   ), swept AS (
                       DELETE FROM sessions USING page
                       WHERE sessions.id_hash = page.id_hash
                         AND (ends_at < least($2, clock_timestamp())
                              OR last_seen_at < least(CASE kind WHEN 'browser' THEN $3 ELSE $5::timestamptz END, clock_timestamp()))
                       RETURNING 1
                   )
                   SELECT (SELECT id_hash FROM page ORDER BY id_hash DESC LIMIT 1) AS last,
                          (SELECT count(*) FROM swept) AS "swept!""#,
                    after,
                    now - SESSION_GRACE,
                    idle_since - SESSION_GRACE,
                    BATCH,
                    now - DEVICE_IDLE * 2,
                )
                .fetch_one(transaction)
                .await?;
                Ok(Batch {
                    rows: batch.swept.unsigned_abs(),
                    next: batch.last,
                })
            })
        })
        .await
    }

    /// Repeats a `DELETE` of at most [`BATCH`] rows until a batch is not full; returns the total.
    async fn sweep_with<'q>(
        &self,
        delete: impl Fn() -> Query<'q, Postgres, PgArguments>,
    ) -> Result<u64, StoreError> {
        in_batches((), |()| {
            self.batch(async |transaction| {
                let swept = delete().execute(transaction).await?;
                Ok(Batch::of(swept.rows_affected()))
            })
        })
        .await
    }

    /// One batch in its own transaction; an empty last batch if another instance is sweeping.
    async fn batch<P>(
        &self,
        work: impl AsyncFnOnce(&mut Transaction) -> Result<Batch<P>, StoreError>,
    ) -> Result<Batch<P>, StoreError> {
        self.with(async |transaction| {
            if locks::try_lock_sweep(transaction).await? {
                return work(transaction).await;
            }
            Ok(Batch {
                rows: 0,
                next: None,
            })
        })
        .await
    }
}

/// Runs all batches; returns the total number of rows. One batch per sweep would not be enough:
/// unauthenticated clients can cause rows to be written faster than that (LR-11).
async fn in_batches<P, F: Future<Output = Result<Batch<P>, StoreError>>>(
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
