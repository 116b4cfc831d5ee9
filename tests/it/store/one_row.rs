//! Changes of one mapping, each a change set of its own.

use chrono::{DateTime, Utc};
use std::convert::Infallible;

use red5_bridge::domain::change_set::{Edit, TableChange};
use red5_bridge::domain::identity::Actor;
use red5_bridge::domain::mapping::{Mapping, MappingDraft, MappingId};
use red5_bridge::store::Store;
use red5_bridge::store::mappings::{ChangeContext, NotChanged, TableRow, unjudged, untold};

/// Why a change was not written.
pub type Refused = NotChanged<Infallible>;

pub async fn create(
    store: &Store,
    draft: &MappingDraft,
    actor: &Actor,
    now: DateTime<Utc>,
) -> Result<Mapping, Refused> {
    let row = change(store, Edit::Create(draft.clone()), actor, now).await?;
    Ok(row.unwrap())
}

pub async fn replace(
    store: &Store,
    id: MappingId,
    version: i64,
    draft: &MappingDraft,
    actor: &Actor,
    now: DateTime<Utc>,
) -> Result<Mapping, Refused> {
    let (id, draft) = (id.0, draft.clone());
    let edit = Edit::Replace { id, version, draft };
    Ok(change(store, edit, actor, now).await?.unwrap())
}

pub async fn delete(
    store: &Store,
    id: MappingId,
    version: i64,
    actor: &Actor,
    now: DateTime<Utc>,
) -> Result<(), Refused> {
    let edit = Edit::Delete { id: id.0, version };
    change(store, edit, actor, now).await.map(drop)
}

/// The row as another edit left it.
pub fn stale(refused: &Refused) -> Option<&Mapping> {
    match refused {
        NotChanged::StaleRow {
            change: 0,
            current: Some(TableRow::Mapping(row)),
        } => Some(row),
        _ => None,
    }
}

pub fn is_gone(refused: &Refused) -> bool {
    matches!(
        refused,
        NotChanged::StaleRow {
            change: 0,
            current: None
        }
    )
}

async fn change(
    store: &Store,
    edit: Edit<MappingDraft>,
    actor: &Actor,
    now: DateTime<Utc>,
) -> Result<Option<Mapping>, Refused> {
    let edits = vec![TableChange::Mapping(edit)];
    let attempt = ChangeContext::new(actor, now);
    let (mut changed, ()) = store.change(attempt, |_| edits, untold, unjudged).await?;
    Ok(changed.written.pop().flatten().map(|row| match row {
        TableRow::Mapping(row) => *row,
        TableRow::Test(test) => panic!("{test:?}"),
    }))
}
