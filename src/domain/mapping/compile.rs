//! The whole table, made ready to be asked many times a second.

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};

use super::group::GroupMatch;
use super::template::RoomRule;
use super::{Mapping, MappingId};
use crate::domain::entitlement::{DroppedRoom, Entitlement, HeldGrant};
use crate::domain::grant::{Grant, GrantRoom};
use crate::domain::identity::Identity;
use crate::domain::mapping::draft::TTL_MIN_SECONDS;
use crate::domain::set::{AnyOr, NonEmpty};

/// All mappings, exact groups by hash, globs and everyone apart.
#[derive(Debug, Default)]
pub struct Mappings {
    exact: HashMap<String, Vec<Mapping>>,
    globs: Vec<Mapping>,
    everyone: Vec<Mapping>,
}

impl Mappings {
    /// Takes the rows in any order.
    pub fn compile(rows: impl IntoIterator<Item = Mapping>) -> Self {
        let mut compiled = Self::default();
        for row in rows {
            match row.draft.group() {
                GroupMatch::Exact(group) => compiled
                    .exact
                    .entry(group.as_str().to_owned())
                    .or_default()
                    .push(row),
                GroupMatch::Glob(_) => compiled.globs.push(row),
                GroupMatch::Everyone => compiled.everyone.push(row),
            }
        }
        compiled
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.exact.values().map(Vec::len).sum::<usize>() + self.globs.len() + self.everyone.len()
    }

    /// Whether there is no row, hence nothing for anybody.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
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
            for row in &self.globs {
                if let GroupMatch::Glob(glob) = row.draft.group()
                    && let Some(captures) = glob.captures(group)
                {
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
    fn hold(&mut self, row: &Mapping, group: Option<&str>, captures: &[&str]) {
        let draft = &row.draft;
        if !draft.enabled() || !counts_at(draft.window(), self.now) {
            return;
        }
        let rooms = match draft.rooms() {
            AnyOr::Any => AnyOr::Any,
            AnyOr::Only(rules) => {
                let filled = rules
                    .iter()
                    .filter_map(|rule| self.fill(row.id, group, captures, rule));
                match NonEmpty::new(filled.collect::<Vec<_>>()) {
                    Some(rooms) => AnyOr::Only(rooms),
                    // Every room fell away: no grant, and above all not "any".
                    None => return,
                }
            }
        };
        self.held.push(HeldGrant {
            grant: Grant {
                roles: draft.roles().clone(),
                transports: draft.transports().clone(),
                rooms,
            },
            bound: bound(draft.window().until, draft.max_ttl_seconds(), self.now),
            mapping: row.id,
            group: group.map(str::to_owned),
        });
    }

    fn fill(
        &mut self,
        mapping: MappingId,
        group: Option<&str>,
        captures: &[&str],
        rule: &RoomRule,
    ) -> Option<GrantRoom> {
        match rule {
            RoomRule::Exact(room) => Some(GrantRoom::Exact(room.clone())),
            RoomRule::Pattern(pattern) => Some(GrantRoom::Pattern(pattern.clone())),
            RoomRule::Template(template) => match template.fill(self.identity, captures) {
                Ok(room) => Some(GrantRoom::Exact(room)),
                Err(reason) => {
                    self.dropped.push(DroppedRoom {
                        mapping,
                        group: group.map(str::to_owned),
                        rule: rule.to_string(),
                        reason,
                    });
                    None
                }
            },
        }
    }
}

/// Inside its window, with a minute or more left of it: less could not become
/// a token that Red5 takes.
fn counts_at(window: super::Window, now: DateTime<Utc>) -> bool {
    let minute = TimeDelta::seconds(i64::from(TTL_MIN_SECONDS));
    window.from.is_none_or(|from| from <= now)
        && window
            .until
            .is_none_or(|until| until.signed_duration_since(now) >= minute)
}

/// The earlier of the window's end and `max_ttl_seconds` from now.
fn bound(
    until: Option<DateTime<Utc>>,
    max_ttl_seconds: Option<u32>,
    now: DateTime<Utc>,
) -> Option<DateTime<Utc>> {
    let longest = max_ttl_seconds
        .and_then(|seconds| now.checked_add_signed(TimeDelta::seconds(i64::from(seconds))));
    match (until, longest) {
        (Some(until), Some(longest)) => Some(until.min(longest)),
        (until, longest) => until.or(longest),
    }
}
