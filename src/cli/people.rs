//! `people forget`: removes what is known of a person who is not signed in.

use chrono::TimeDelta;

use super::terminal::Failure;
use crate::clock::Clock;
use crate::config::{self, Variables};
use crate::domain::identity::Actor;
use crate::domain::person::PersonId;
use crate::store::Store;
use crate::store::people::NotForgotten;

/// Removes the person with this public id, audited by the id alone.
///
/// # Errors
/// When there is no such person, or they are signed in.
pub(super) async fn forget(
    store: &Store,
    variables: &Variables,
    id: &str,
    clock: &dyn Clock,
) -> Result<(), Failure> {
    let id = PersonId::parse(id).ok_or(NotForgotten::NotFound)?;
    let idle = variables.read(|reader| Some(config::read_session_idle_minutes(reader)))?;
    let now = clock.now();
    let live = (now, now - TimeDelta::minutes(i64::from(idle)));
    let actor = Actor::cli(&variables.user());
    Ok(store.forget_person(&id, live, &actor).await?)
}
