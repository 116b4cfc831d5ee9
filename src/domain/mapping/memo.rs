//! What was matched is remembered, so that a person in thousands of groups costs it once.

use std::sync::{Arc, Weak};

use arc_swap::ArcSwapOption;
use chrono::{DateTime, Utc};

use super::compile::{Mappings, Matches};
use crate::domain::entitlement::Entitlement;
use crate::domain::identity::Identity;

/// What a remembered match, or a group of a session, takes besides its text.
pub const GROUP_OVERHEAD: usize = 64;

/// What a few more matches than groups may take: of everyone, or of a second row.
pub const FEW_MATCHES: usize = 16 * GROUP_OVERHEAD;

/// Beside one identity: what of the table of mappings is for it. Another table, which every
/// edit makes, is matched anew; times are judged at each call. Takes no lock that waits.
#[derive(Debug, Default)]
pub struct MatchMemo(ArcSwapOption<Remembered>);

#[derive(Debug)]
struct Remembered {
    /// Which table; it does not stay in memory for this.
    mappings: Weak<Mappings>,
    matches: Matches,
}

impl MatchMemo {
    /// As [`Mappings::resolve`]. The identity is the same at each call.
    pub fn resolve(
        &self,
        mappings: &Arc<Mappings>,
        identity: &Identity,
        now: DateTime<Utc>,
    ) -> Entitlement {
        let known = self.0.load();
        if let Some(known) = &*known
            && std::ptr::eq(known.mappings.as_ptr(), Arc::as_ptr(mappings))
        {
            return mappings.held(&known.matches, identity, now);
        }
        let matches = mappings.matches(identity);
        let entitlement = mappings.held(&matches, identity, now);
        // Little more memory than the groups themselves take, so that it can be counted before
        // (`store::live`).
        let room = weight(identity.groups.listed().map(Some)) + FEW_MATCHES;
        if weight(matches.groups()) <= room {
            self.0.store(Some(Arc::new(Remembered {
                mappings: Arc::downgrade(mappings),
                matches,
            })));
        }
        entitlement
    }
}

/// Roughly how many bytes they take.
fn weight<'g>(groups: impl Iterator<Item = Option<&'g str>>) -> usize {
    groups
        .map(|group| group.map_or(0, str::len) + GROUP_OVERHEAD)
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::identity::Groups;
    use crate::domain::mapping::{Mapping, MappingDraft, MappingId, MappingInput};

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_795_000_000 + seconds, 0).unwrap()
    }

    /// Mappings for all groups, as many as are asked for.
    fn table(rows: i64, valid_until: Option<DateTime<Utc>>) -> Arc<Mappings> {
        let rows = (0..rows).map(|id| {
            let input = MappingInput {
                group: Some("*".to_owned()),
                group_match: "glob".to_owned(),
                roles: vec!["red5-subscriber".to_owned()],
                transports: vec!["*".to_owned()],
                rooms: vec![format!("room-{id}"), "{1}".to_owned()],
                valid_until,
                enabled: true,
                ..MappingInput::default()
            };
            Mapping {
                id: MappingId(id),
                draft: MappingDraft::parse(input).unwrap(),
                version: 1,
                created_at: at(0),
                created_by: String::new(),
                updated_at: at(0),
                updated_by: String::new(),
            }
        });
        Arc::new(Mappings::compile(rows))
    }

    fn member(groups: &[&str]) -> Identity {
        Identity {
            issuer: "https://idp.example".to_owned(),
            subject: "s-1".to_owned(),
            username: None,
            name: None,
            groups: Groups::Listed(groups.iter().map(|&group| group.to_owned()).collect()),
        }
    }

    fn remembered(memo: &MatchMemo) -> Option<Arc<Remembered>> {
        memo.0.load_full()
    }

    #[test]
    fn what_was_matched_is_matched_again_for_another_table_alone() {
        let (memo, ann) = (MatchMemo::default(), member(&["a", "b"]));
        let (one, other) = (table(1, None), table(1, None));
        let mut seen: Vec<Arc<Remembered>> = Vec::new();
        for (mappings, again) in [(&one, false), (&one, true), (&other, false), (&other, true)] {
            let held = memo.resolve(mappings, &ann, at(0));
            assert_eq!(held.grants(), mappings.resolve(&ann, at(0)).grants());
            let now = remembered(&memo).unwrap();
            let last = seen.last();
            assert_eq!(last.is_some_and(|last| Arc::ptr_eq(last, &now)), again);
            seen.push(now);
        }
    }

    #[test]
    fn a_table_that_is_gone_is_never_taken_for_one_at_its_place() {
        let (memo, ann) = (MatchMemo::default(), member(&["a", "b"]));
        for rows in [2, 1, 0, 1, 2] {
            let mappings = table(rows, None);
            let held = memo.resolve(&mappings, &ann, at(0));
            assert_eq!(held.held().len(), 2 * usize::try_from(rows).unwrap());
        }
    }

    #[test]
    fn times_are_judged_on_what_is_remembered() {
        let (memo, ann) = (MatchMemo::default(), member(&["a"]));
        let mappings = table(1, Some(at(100)));
        assert!(!memo.resolve(&mappings, &ann, at(40)).is_empty());
        assert!(memo.resolve(&mappings, &ann, at(41)).is_empty());
        assert!(!memo.resolve(&mappings, &ann, at(0)).is_empty());
    }

    #[test]
    fn what_takes_more_memory_than_the_groups_is_not_remembered() {
        let (memo, ann) = (MatchMemo::default(), member(&["a", "b"]));
        let held = memo.resolve(&table(20, None), &ann, at(0));
        assert_eq!(held.held().len(), 40);
        assert!(remembered(&memo).is_none());
        memo.resolve(&table(2, None), &ann, at(0));
        assert!(remembered(&memo).is_some());
    }
}
