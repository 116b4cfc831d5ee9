//! Removing rows that are over: in batches, so that no transaction waits long for their
//! locks; with a rest after each, so that a million rows leave the database to the requests;
//! and by one instance at a time: another one does nothing.

use std::time::Instant;

use chrono::{DateTime, TimeDelta, Utc};
use sqlx::Postgres;
use sqlx::postgres::PgArguments;
use sqlx::query::Query;
use tokio::time::{Duration, sleep};

use super::error::StoreError;
use super::locks;
use super::pool::Store;
use super::transaction::Transaction;

/// Most rows of one batch.
const BATCH: i64 = 1000;

/// A rest is so many times as long as its batch: of ten parts of the time one is swept.
const REST: u32 = 9;

/// Longest rest: a batch that had to wait says nothing of what it costs.
const REST_MAX: Duration = Duration::from_secs(1);

/// How long a spent attempt stays after its end: on an instance whose clock is
/// behind, the attempt would still be good.
const ATTEMPT_GRACE: TimeDelta = TimeDelta::hours(1);

/// How long a session stays after its end. The clocks of two instances differ, and each
/// writes last-seen times with some delay: an instance that is ahead must not end a session
/// that another still serves.
const SESSION_GRACE: TimeDelta = TimeDelta::minutes(5);

/// What came of a batch.
struct Batch<P> {
    rows: u64,
    /// Where the next batch begins; none: this was the last.
    next: Option<P>,
}

impl Batch<()> {
    /// A batch of whatever is found first: another may follow where it was full.
    fn of(rows: u64) -> Self {
        let full = rows >= BATCH.unsigned_abs();
        Self {
            rows,
            next: full.then_some(()),
        }
    }
}

impl Store {
    /// Removes everything that is over. `idle`: how long a session may rest; `seen`: how long a
    /// person who is not signed in stays known.
    pub async fn sweep(
        &self,
        now: DateTime<Utc>,
        idle: TimeDelta,
        seen: TimeDelta,
    ) -> Result<(), StoreError> {
        let attempts = self.sweep_attempts(now).await;
        // Twice as long: another instance may not have written yet.
        let sessions = self.sweep_sessions(now, now - idle * 2).await;
        let sign_outs = self.sweep_sign_outs(now).await;
        let logouts = self.sweep_logouts(now).await;
        // After the sessions, because a person with a session stays.
        let people = self.sweep_people(now - seen).await;
        let rows = attempts.and(sessions).and(sign_outs).and(logouts);
        rows.and(people).map(drop)
    }

    /// Removes people who have no session, live or not, and were last seen before `seen_since`;
    /// how many.
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

    /// Removes spent attempts that their own age refuses by now; how many.
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

    /// Removes expired tickets of sign-outs; how many.
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

    /// Removes logouts whose tokens would be refused for their age; how many.
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

    /// Removes the sessions whose absolute end is before `now`, or that were
    /// last seen before `idle_since`; how many. Goes through the table by its key: an index on
    /// the last-seen times would make each of their many updates dearer.
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
                              OR last_seen_at < least($3, clock_timestamp()))
                       RETURNING 1
                   )
                   SELECT (SELECT id_hash FROM page ORDER BY id_hash DESC LIMIT 1) AS last,
                          (SELECT count(*) FROM swept) AS "swept!""#,
                    after,
                    now - SESSION_GRACE,
                    idle_since - SESSION_GRACE,
                    BATCH,
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

    /// Runs a `DELETE` of at most [`BATCH`] rows until it finds fewer; how many rows that were.
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

    /// One batch in a transaction of its own; none where another instance sweeps.
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

/// Batches until the last; how many rows that were. Strangers can write rows faster than one
/// batch for each sweep would remove them (LR-11).
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
