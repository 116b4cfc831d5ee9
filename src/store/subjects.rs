//! The sessions that may stand behind a token, by the token's `sub`.
//!
//! Red5 asks about the same people again and again, so the sessions of a subject are remembered. The
//! memory is only a guess of where to look first: whether a session is live is decided by
//! [`super::session_cache`], and what the guess does not find is read from the table. So nothing has
//! to be invalidated.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use moka::sync::Cache;

use super::error::StoreError;
use super::pool::Store;
use crate::domain::session::SessionHash;

/// Maximum memory for the index, in bytes.
const INDEX_CAPACITY: u64 = 16 << 20;

/// Estimated bytes of an entry besides its texts.
const ENTRY_OVERHEAD: usize = 128;

/// Maximum number of sessions of one subject that are looked at: those that were used last. A token
/// is requested with a session, so its session is among them unless as many others were used since.
const SESSIONS_MAX: i64 = 64;

/// Sessions by the `sub` of their tokens.
pub struct SubjectIndex {
    store: Store,
    /// Whether `sub` is the user name (`RED5_SUBJECT`).
    by_username: bool,
    known: Cache<Box<str>, Arc<[SessionHash]>>,
}

impl SubjectIndex {
    /// An empty index.
    pub fn new(store: Store, by_username: bool) -> Self {
        #[expect(clippy::borrowed_box, reason = "the type that the cache asks for")]
        let weigh = |subject: &Box<str>, hashes: &Arc<[SessionHash]>| {
            let bytes = ENTRY_OVERHEAD + subject.len() + size_of_val(&**hashes);
            u32::try_from(bytes).unwrap_or(u32::MAX)
        };
        Self {
            store,
            by_username,
            known: Cache::builder()
                .max_capacity(INDEX_CAPACITY)
                .weigher(weigh)
                .build(),
        }
    }

    /// The sessions that are remembered; none if nothing is.
    pub fn remembered(&self, subject: &str) -> Arc<[SessionHash]> {
        self.known.get(subject).unwrap_or_default()
    }

    /// Forgets sessions that are over.
    pub fn forget(&self, subject: &str, over: &[SessionHash]) {
        let left = self.remembered(subject);
        let left = left.iter().filter(|hash| !over.contains(hash)).copied();
        let left: Arc<[SessionHash]> = left.collect();
        if left.is_empty() {
            self.known.invalidate(subject);
        } else {
            self.known.insert(subject.into(), left);
        }
    }

    /// Reads the sessions from the table, and remembers them.
    pub async fn read(
        &self,
        subject: &str,
        now: DateTime<Utc>,
    ) -> Result<Arc<[SessionHash]>, StoreError> {
        let hashes = self.store.sessions_behind(subject, self.by_username, now);
        let hashes: Arc<[SessionHash]> = hashes.await?.into();
        // Made-up subjects must not push the others out of memory.
        if !hashes.is_empty() {
            self.known.insert(subject.into(), Arc::clone(&hashes));
        }
        Ok(hashes)
    }
}

impl Store {
    async fn sessions_behind(
        &self,
        subject: &str,
        by_username: bool,
        now: DateTime<Utc>,
    ) -> Result<Vec<SessionHash>, StoreError> {
        self.with(async |transaction| {
            let hashes = if by_username {
                sqlx::query_scalar!(
                    r#"SELECT id_hash AS "hash: SessionHash" FROM sessions
                       WHERE username = $1 AND ends_at > $2
                       ORDER BY last_seen_at DESC, id_hash LIMIT $3"#,
                    subject,
                    now,
                    SESSIONS_MAX,
                )
                .fetch_all(transaction)
                .await?
            } else {
                sqlx::query_scalar!(
                    r#"SELECT id_hash AS "hash: SessionHash" FROM sessions
                       WHERE subject = $1 AND ends_at > $2
                       ORDER BY last_seen_at DESC, id_hash LIMIT $3"#,
                    subject,
                    now,
                    SESSIONS_MAX,
                )
                .fetch_all(transaction)
                .await?
            };
            Ok(hashes)
        })
        .await
    }
}
