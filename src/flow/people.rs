//! Stopping people: who is signed in, ending that, and not letting somebody in
//! again. Each change is one transaction with its audit row; this instance knows of
//! it before it answers, the others are told by the database.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::sessions::Sessions;
use crate::clock::Clock;
use crate::domain::actor::Actor;
use crate::domain::block::{Block, BlockDraft, PersonKey};
use crate::domain::session::{SessionId, SessionPage, SessionSummary, Whose};
use crate::fingerprint::pseudonym;
use crate::store::blocks::{BlockPage, Blocked};
use crate::store::sessions::EndedSession;
use crate::store::snapshot::Watch;
use crate::store::{Store, StoreError};

/// The story's parts.
pub struct PeopleDesk {
    store: Store,
    sessions: Arc<Sessions>,
    watch: Arc<Watch>,
    clock: Arc<dyn Clock>,
    issuer: String,
}

/// Why nothing was done.
#[derive(Debug, thiserror::Error)]
pub enum PeopleError {
    /// There is no such session, or no such block (any more).
    #[error("there is no such session or block")]
    NotFound,
    /// An administrator could not undo a block of their own.
    #[error("an administrator cannot block themselves")]
    Yourself,
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl PeopleDesk {
    /// Puts the story together. `issuer`: whose people sign in.
    pub fn new(
        store: Store,
        sessions: Arc<Sessions>,
        watch: Arc<Watch>,
        clock: Arc<dyn Clock>,
        issuer: String,
    ) -> Self {
        Self {
            store,
            sessions,
            watch,
            clock,
            issuer,
        }
    }

    /// The time, for what counts now.
    pub fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    /// Whose people sign in here.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// One page of those who are signed in.
    pub async fn sessions(
        &self,
        whose: Whose<'_>,
        limit: i64,
        offset: i64,
    ) -> Result<SessionPage, StoreError> {
        let now = self.clock.now();
        let live = (now, now - self.sessions.idle());
        self.store.list_sessions(whose, live, limit, offset).await
    }

    /// One session.
    pub async fn session(&self, id: &SessionId) -> Result<SessionSummary, PeopleError> {
        let found = self.store.find_session(id).await?;
        found.ok_or(PeopleError::NotFound)
    }

    /// Whether a session or a block of this person is there: a subject that is typed
    /// may be of no person at all.
    pub async fn knows(&self, person: &PersonKey) -> Result<bool, StoreError> {
        let theirs = self.sessions(Whose::Person(person), 1, 0).await?;
        Ok(theirs.total > 0 || self.store.find_block(person).await?.is_some())
    }

    /// Ends one session of any user.
    pub async fn end(&self, id: &SessionId, actor: &Actor) -> Result<EndedSession, PeopleError> {
        self.end_of(id, None, actor).await
    }

    /// Ends one of the actor's own.
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
        let ended = self.sessions.end_by_id(id, of, actor).await?;
        let ended = ended.ok_or(PeopleError::NotFound)?;
        tell("session_ended", &ended.person(), 1, actor);
        Ok(ended)
    }

    /// Ends all that a person has.
    pub async fn end_person(
        &self,
        person: &PersonKey,
        actor: &Actor,
    ) -> Result<Vec<EndedSession>, StoreError> {
        let ended = self.sessions.end_person(person, actor).await?;
        tell("person_ended", person, ended.len(), actor);
        Ok(ended)
    }

    /// Blocks a person, and ends all that they have.
    pub async fn block(&self, draft: &BlockDraft, actor: &Actor) -> Result<Blocked, PeopleError> {
        if *draft.person() == actor.person() {
            return Err(PeopleError::Yourself);
        }
        let blocked = self.sessions.block(draft, actor).await?;
        tell("person_blocked", draft.person(), blocked.ended.len(), actor);
        self.watch.settle().await;
        Ok(blocked)
    }

    /// Lets a person in again.
    pub async fn unblock(&self, person: &PersonKey, actor: &Actor) -> Result<(), PeopleError> {
        let now = self.clock.now();
        if !self.store.delete_block(person, actor, now).await? {
            return Err(PeopleError::NotFound);
        }
        tell("person_unblocked", person, 0, actor);
        self.watch.settle().await;
        Ok(())
    }

    /// One page of the blocks, those that are over included.
    pub async fn blocks(&self, limit: i64, offset: i64) -> Result<BlockPage, StoreError> {
        self.store.list_blocks(limit, offset).await
    }

    /// The block of a person.
    pub async fn find_block(&self, person: &PersonKey) -> Result<Block, PeopleError> {
        let found = self.store.find_block(person).await?;
        found.ok_or(PeopleError::NotFound)
    }
}

fn tell(event: &'static str, person: &PersonKey, sessions: usize, actor: &Actor) {
    let subject = &*pseudonym(&person.subject);
    let actor = &*pseudonym(&actor.subject);
    tracing::info!(event, subject, sessions, actor);
}
