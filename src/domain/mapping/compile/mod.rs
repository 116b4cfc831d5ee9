//! The whole table, made ready to be asked many times a second.

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};

use super::draft::{MappingDraft, TTL_MIN_SECONDS, Window};
use super::group::{GroupGlob, GroupMatch};
use super::template::{RoomRule, RoomTemplate};
use super::{Mapping, MappingId};
use crate::domain::affixes::Affixes;
use crate::domain::entitlement::{DroppedRoom, Entitlement, HeldGrant};
use crate::domain::grant::{Grant, GrantRoom};
use crate::domain::identity::Identity;
use crate::domain::set::{AnyOr, NonEmpty};

/// All mappings that are switched on, exact groups by hash, globs and everyone apart.
#[derive(Debug, Default)]
pub struct Mappings {
    exact: HashMap<String, Vec<Row>>,
    globs: Affixes<(GroupGlob, Row)>,
    everyone: Vec<Row>,
    len: usize,
}

/// What is left of a mapping once its group is known.
#[derive(Debug)]
struct Row {
    id: MappingId,
    draft: MappingDraft,
    rooms: Rooms,
}

#[derive(Debug)]
enum Rooms {
    /// Alike for everybody, and so is the grant.
    Alike(Arc<Grant>),
    /// Some are made for the person or the group.
    Made {
        fixed: Vec<GrantRoom>,
        templates: Vec<RoomTemplate>,
    },
}

impl Mappings {
    /// Takes the rows in any order.
    pub fn compile(rows: impl IntoIterator<Item = Mapping>) -> Self {
        let mut compiled = Self::default();
        for Mapping { id, draft, .. } in rows {
            compiled.len += 1;
            if !draft.enabled() {
                continue;
            }
            let group = draft.group().clone();
            let rooms = rooms(&draft);
            let row = Row { id, draft, rooms };
            match group {
                GroupMatch::Exact(group) => compiled
                    .exact
                    .entry(group.as_str().to_owned())
                    .or_default()
                    .push(row),
                GroupMatch::Glob(glob) => {
                    let form = glob.as_str().to_owned();
                    compiled.globs.insert(&form, (glob, row));
                }
                GroupMatch::Everyone => compiled.everyone.push(row),
            }
        }
        compiled
    }

    /// How many rows the table has, those switched off included.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether the table has no row, hence nothing for anybody.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// All the grants that `identity` holds at `now`: one entry per mapping
    /// and matched group.
    pub fn resolve(&self, identity: &Identity, now: DateTime<Utc>) -> Entitlement {
        let mut found = Found {
            identity,
            now,
            held: Vec::new(),
            dropped: Vec::new(),
        };
        for row in &self.everyone {
            found.hold(row, None, &[]);
        }
        for group in identity.groups.listed() {
            for row in self.exact.get(group).into_iter().flatten() {
                found.hold(row, Some(group), &[]);
            }
            for (glob, row) in self.globs.candidates(group) {
                if let Some(captures) = glob.captures(group) {
                    found.hold(row, Some(group), &captures);
                }
            }
        }
        Entitlement::new(found.held, found.dropped)
    }
}

struct Found<'a> {
    identity: &'a Identity,
    now: DateTime<Utc>,
    held: Vec<HeldGrant>,
    dropped: Vec<DroppedRoom>,
}

impl Found<'_> {
    fn hold(&mut self, row: &Row, group: Option<&str>, captures: &[&str]) {
        if !counts_at(row.draft.window(), self.now) {
            return;
        }
        let grant = match &row.rooms {
            Rooms::Alike(grant) => Arc::clone(grant),
            Rooms::Made { fixed, templates } => {
                let mut rooms = fixed.clone();
                for template in templates {
                    match template.fill(self.identity, captures) {
                        Ok(room) => rooms.push(GrantRoom::Exact(room)),
                        Err(reason) => self.dropped.push(DroppedRoom {
                            mapping: row.id,
                            group: group.map(str::to_owned),
                            rule: template.to_string(),
                            reason,
                        }),
                    }
                }
                match NonEmpty::new(rooms) {
                    Some(rooms) => Arc::new(grant(&row.draft, AnyOr::Only(rooms))),
                    // Every room fell away: no grant, and above all not "any".
                    None => return,
                }
            }
        };
        self.held.push(HeldGrant {
            grant,
            bound: bound(&row.draft, self.now),
            mapping: row.id,
            group: group.map(str::to_owned),
        });
    }
}

fn grant(draft: &MappingDraft, rooms: AnyOr<GrantRoom>) -> Grant {
    Grant {
        roles: draft.roles().clone(),
        transports: draft.transports().clone(),
        rooms,
    }
}

fn rooms(draft: &MappingDraft) -> Rooms {
    let AnyOr::Only(rules) = draft.rooms() else {
        return Rooms::Alike(Arc::new(grant(draft, AnyOr::Any)));
    };
    let mut fixed = Vec::new();
    let mut templates = Vec::new();
    for rule in rules {
        match rule.clone() {
            RoomRule::Exact(room) => fixed.push(GrantRoom::Exact(room)),
            RoomRule::Pattern(pattern) => fixed.push(GrantRoom::Pattern(pattern)),
            RoomRule::Template(template) => templates.push(template),
        }
    }
    match NonEmpty::new(fixed.clone()) {
        Some(rooms) if templates.is_empty() => {
            Rooms::Alike(Arc::new(grant(draft, AnyOr::Only(rooms))))
        }
        _ => Rooms::Made { fixed, templates },
    }
}

/// Inside its window, with a minute or more left of it: less could not become
/// a token that Red5 takes.
fn counts_at(window: Window, now: DateTime<Utc>) -> bool {
    let minute = TimeDelta::seconds(i64::from(TTL_MIN_SECONDS));
    window.from.is_none_or(|from| from <= now)
        && window
            .until
            .is_none_or(|until| until.signed_duration_since(now) >= minute)
}

/// The earlier of the window's end and `max_ttl_seconds` from now.
fn bound(draft: &MappingDraft, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let longest = draft
        .max_ttl_seconds()
        .and_then(|seconds| now.checked_add_signed(TimeDelta::seconds(i64::from(seconds))));
    match (draft.window().until, longest) {
        (Some(until), Some(longest)) => Some(until.min(longest)),
        (until, longest) => until.or(longest),
    }
}
