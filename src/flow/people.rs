//! Sessions and blocks: who is signed in, ending sessions, blocking users. Each change is one
//! transaction with its audit row; this instance applies it before it answers, and the database
//! notifies the others.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};

use super::admin::Admin;
use super::sessions::Sessions;
use crate::clock::Clock;
use crate::domain::block::{Block, BlockDraft};
use crate::domain::identity::{Actor, PersonKey};
use crate::domain::list::{ListPage, PageRange};
use crate::domain::session::{SessionId, SessionSummary, Whose};
use crate::fingerprint::pseudonym;
use crate::store::blocks::Blocked;
use crate::store::sessions::{EndedSession, SessionsToEnd};
use crate::store::snapshot::{SnapshotKeeper, Stale};
use crate::store::{Store, StoreError};

/// The use cases about sessions and blocks.
pub struct People {
    pub(crate) store: Store,
    pub(crate) sessions: Arc<Sessions>,
    pub(crate) snapshots: Arc<SnapshotKeeper>,
    pub(crate) clock: Arc<dyn Clock>,
    /// The provider at which users sign in here.
    pub(crate) issuer: String,
    /// How long a person who is not signed in stays known (`BRIDGE_SEEN_DAYS`).
    pub(crate) seen: TimeDelta,
}

/// Why nothing was done.
#[derive(Debug, thiserror::Error)]
pub enum PeopleError {
    /// The session, the block or the person does not exist (any more).
    #[error("there is no such session, block or person")]
    NotFound,
    /// An administrator could not lift a block of their own.
    #[error("an administrator cannot block themselves")]
    Yourself,
    /// What is granted is not known to be fresh.
    #[error(transparent)]
    Stale(#[from] Stale),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl People {
    /// The time at which blocks are judged.
    pub fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    /// One page of the live sessions, the newest first.
    pub async fn sessions(
        &self,
        _: &Admin,
        whose: Whose<'_>,
        range: PageRange,
    ) -> Result<ListPage<SessionSummary>, StoreError> {
        self.live_sessions(whose, range).await
    }

    /// The actor's own live sessions, at most `limit`.
    pub async fn own_sessions(
        &self,
        actor: &Actor,
        limit: i64,
    ) -> Result<ListPage<SessionSummary>, StoreError> {
        let own = actor.person();
        self.live_sessions(Whose::Person(&own), PageRange::first(limit))
            .await
    }

    async fn live_sessions(
        &self,
        whose: Whose<'_>,
        range: PageRange,
    ) -> Result<ListPage<SessionSummary>, StoreError> {
        let now = self.clock.now();
        let live = (now, now - self.sessions.idle());
        self.store.list_sessions(whose, live, range).await
    }

    /// One session.
    pub async fn session(&self, _: &Admin, id: &SessionId) -> Result<SessionSummary, PeopleError> {
        let found = self.store.find_session(id).await?;
        found.ok_or(PeopleError::NotFound)
    }

    /// Whether this person was seen or has a block: a subject that is typed may be of no person
    /// at all.
    pub async fn knows(&self, admin: &Admin, person: &PersonKey) -> Result<bool, StoreError> {
        let seen = self.person_by_key(admin, person).await?;
        Ok(seen.is_some() || self.store.find_block(person).await?.is_some())
    }

    /// Ends one session of any user.
    pub async fn end(&self, admin: &Admin, id: &SessionId) -> Result<EndedSession, PeopleError> {
        self.end_of(id, None, admin.actor()).await
    }

    /// Ends one of the actor's own sessions.
    pub async fn end_own(
        &self,
        id: &SessionId,
        actor: &Actor,
    ) -> Result<EndedSession, PeopleError> {
        self.end_of(id, Some(&actor.person()), actor).await
    }

    async fn end_of(
        &self,
        id: &SessionId,
        of: Option<&PersonKey>,
        actor: &Actor,
    ) -> Result<EndedSession, PeopleError> {
        let which = SessionsToEnd::One { id, of, actor };
        let ended = self.sessions.end(which).await?.pop();
        let ended = ended.ok_or(PeopleError::NotFound)?;
        log("session_ended", &ended.person(), 1, actor);
        Ok(ended)
    }

    /// Ends all sessions of a person.
    pub async fn end_person(
        &self,
        admin: &Admin,
        person: &PersonKey,
    ) -> Result<Vec<EndedSession>, StoreError> {
        let actor = admin.actor();
        let which = SessionsToEnd::All { person, actor };
        let ended = self.sessions.end(which).await?;
        log("person_ended", person, ended.len(), actor);
        Ok(ended)
    }

    /// Blocks a person, and ends all their sessions.
    pub async fn block(&self, admin: &Admin, draft: &BlockDraft) -> Result<Blocked, PeopleError> {
        let (actor, person) = (admin.actor(), draft.person());
        if *person == actor.person() {
            return Err(PeopleError::Yourself);
        }
        let blocked = self.sessions.block(draft, actor).await?;
        log("person_blocked", person, blocked.ended.len(), actor);
        self.snapshots.reload_changed().await;
        Ok(blocked)
    }

    /// Lifts the block of a person.
    pub async fn unblock(&self, admin: &Admin, person: &PersonKey) -> Result<(), PeopleError> {
        let (actor, now) = (admin.actor(), self.clock.now());
        if !self.store.delete_block(person, actor, now).await? {
            return Err(PeopleError::NotFound);
        }
        log("person_unblocked", person, 0, actor);
        self.snapshots.reload_changed().await;
        Ok(())
    }

    /// One page of the blocks, those that are over included.
    pub async fn blocks(&self, _: &Admin, range: PageRange) -> Result<ListPage<Block>, StoreError> {
        self.store.list_blocks(range).await
    }

    /// The block of a person.
    pub async fn find_block(&self, _: &Admin, person: &PersonKey) -> Result<Block, PeopleError> {
        let found = self.store.find_block(person).await?;
        found.ok_or(PeopleError::NotFound)
    }
}

fn log(event: &'static str, person: &PersonKey, sessions: usize, actor: &Actor) {
    let subject = &*pseudonym(&person.subject);
    let actor = &*pseudonym(&actor.subject);
    tracing::info!(event, subject, sessions, actor);
}
