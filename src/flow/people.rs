//! Stopping people: who is signed in, ending that, and not letting somebody in
//! again. Each change is one transaction with its audit row; this instance knows of
//! it before it answers, the others are told by the database.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::refresh::FreshGroups;
use crate::clock::Clock;
use crate::domain::block::{Block, BlockDraft, PersonKey};
use crate::fingerprint::pseudonym;
use crate::store::audit::Actor;
use crate::store::blocks::{BlockPage, Blocked};
use crate::store::ending::{Ended, SessionId};
use crate::store::live::LiveSessions;
use crate::store::signed_in::{LiveBounds, SignedIn, SignedInPage, Whose};
use crate::store::watch::Watch;
use crate::store::{Store, StoreError};

/// The story's parts.
pub struct PeopleDesk {
    store: Store,
    live: Arc<LiveSessions>,
    fresh: FreshGroups,
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
        live: Arc<LiveSessions>,
        fresh: FreshGroups,
        watch: Arc<Watch>,
        clock: Arc<dyn Clock>,
        issuer: String,
    ) -> Self {
        Self {
            store,
            live,
            fresh,
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
    ) -> Result<SignedInPage, StoreError> {
        let now = self.clock.now();
        let bounds = LiveBounds {
            now,
            idle_since: now - self.live.idle(),
        };
        self.store
            .list_signed_in(whose, bounds, limit, offset)
            .await
    }

    /// One session.
    pub async fn session(&self, id: &SessionId) -> Result<SignedIn, PeopleError> {
        let found = self.store.signed_in(id).await?;
        found.ok_or(PeopleError::NotFound)
    }

    /// Whether a session or a block of this person is there: a subject that is typed
    /// may be of no person at all.
    pub async fn knows(&self, person: &PersonKey) -> Result<bool, StoreError> {
        let theirs = self.sessions(Whose::Person(person), 1, 0).await?;
        Ok(theirs.total > 0 || self.store.find_block(person).await?.is_some())
    }

    /// Ends one session of any user.
    pub async fn end(&self, id: &SessionId, actor: &Actor) -> Result<Ended, PeopleError> {
        self.end_of(id, None, actor).await
    }

    /// Ends one of the actor's own.
    pub async fn end_own(&self, id: &SessionId, actor: &Actor) -> Result<Ended, PeopleError> {
        self.end_of(id, Some(&actor.person()), actor).await
    }

    async fn end_of(
        &self,
        id: &SessionId,
        of: Option<&PersonKey>,
        actor: &Actor,
    ) -> Result<Ended, PeopleError> {
        let ended = self.live.end_named(id, of, actor, self.clock.now());
        let mut ended = ended.await?.ok_or(PeopleError::NotFound)?;
        self.fresh.revoke_of(std::slice::from_mut(&mut ended));
        tell("session_ended", &ended.person, 1, actor);
        Ok(ended)
    }

    /// Ends all that a person has.
    pub async fn end_person(
        &self,
        person: &PersonKey,
        actor: &Actor,
    ) -> Result<Vec<Ended>, StoreError> {
        let now = self.clock.now();
        let mut ended = self.live.end_person(person, actor, now).await?;
        self.fresh.revoke_of(&mut ended);
        tell("person_ended", person, ended.len(), actor);
        Ok(ended)
    }

    /// Blocks a person, and ends all that they have.
    pub async fn block(&self, draft: &BlockDraft, actor: &Actor) -> Result<Blocked, PeopleError> {
        if *draft.person() == actor.person() {
            return Err(PeopleError::Yourself);
        }
        let now = self.clock.now();
        let (done, mut ended) = self.live.block(draft, actor, now).await?;
        self.fresh.revoke_of(&mut ended);
        tell("person_blocked", draft.person(), done.ended, actor);
        self.watch.settle().await;
        Ok(done)
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
