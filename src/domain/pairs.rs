//! Sets of (role, transport) pairs.
//!
//! Two roles and five transports (the four, and another one) make ten pairs,
//! of which eight are possible.

use super::grant::{EVERY_TRANSPORT, Grant, is_possible, members};
use super::names::{Role, Transport};
use super::set::{AnyOr, NonEmpty};

/// Some of the possible pairs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Pairs(u16);

impl Pairs {
    /// The possible pairs of roles × transports.
    pub(super) fn among(roles: &[Role], transports: &[Option<Transport>]) -> Self {
        let mut pairs = Self::default();
        for role in roles {
            for transport in transports {
                if is_possible(*role, *transport) {
                    pairs = pairs.with(Self::one(*role, *transport));
                }
            }
        }
        pairs
    }

    /// The same of two lists as a scope has them.
    pub(super) fn of(roles: &NonEmpty<Role>, transports: &AnyOr<Transport>) -> Self {
        let roles: Vec<Role> = roles.iter().copied().collect();
        Self::among(&roles, &members(transports))
    }

    /// The possible pairs of a grant.
    pub(super) fn of_grant(grant: &Grant) -> Self {
        Self::of(&grant.roles, &grant.transports)
    }

    fn one(role: Role, transport: Option<Transport>) -> Self {
        let place = match transport {
            Some(Transport::Rtmp) => 0,
            Some(Transport::Rtsp) => 1,
            Some(Transport::Whep) => 2,
            Some(Transport::Whip) => 3,
            None => 4,
        };
        match role {
            Role::Publisher => Self(1 << place),
            Role::Subscriber => Self(1 << (place + 5)),
        }
    }

    pub(super) fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(super) fn common(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    pub(super) fn includes(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Those of them that are not in the other set.
    pub(super) fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    pub(super) fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub(super) fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// The same as lists of roles and transports whose possible pairs are these: one list of each
    /// where that can be, else for each role. Where another transport is among them it is *any*,
    /// because nothing else names it.
    pub(super) fn rectangles(self) -> Vec<(NonEmpty<Role>, AnyOr<Transport>)> {
        let mut by_role: Vec<(NonEmpty<Role>, AnyOr<Transport>)> = Vec::new();
        for role in Role::ALL {
            let transports = EVERY_TRANSPORT.into_iter();
            let of_role = transports.filter(|over| self.meets(Self::among(&[role], &[*over])));
            let named: Option<Vec<Transport>> = of_role.collect();
            let transports = match named.map(NonEmpty::new) {
                None => AnyOr::Any,
                Some(Some(named)) => AnyOr::Only(named),
                Some(None) => continue,
            };
            by_role.push((NonEmpty::one(role), transports));
        }
        if let [(_, one), (_, other)] = by_role.as_slice() {
            let together = match (one, other) {
                (AnyOr::Only(one), AnyOr::Only(other)) => {
                    NonEmpty::new(one.iter().chain(other).copied()).map(AnyOr::Only)
                }
                _ => Some(AnyOr::Any),
            };
            if let (Some(roles), Some(together)) = (NonEmpty::new(Role::ALL), together)
                && (one == other || Self::of(&roles, &together) == self)
            {
                return vec![(roles, together)];
            }
        }
        by_role
    }

    /// Whether each role and each transport takes part in one of the possible
    /// pairs: otherwise a list would promise what can never be done.
    pub(super) fn use_all(roles: &NonEmpty<Role>, transports: &AnyOr<Transport>) -> bool {
        let pairs = Self::of(roles, transports);
        let every_role = roles
            .iter()
            .all(|role| pairs.meets(Self::among(&[*role], &EVERY_TRANSPORT)));
        // *Any* names no transport, so none of it can be idle.
        let every_transport = transports
            .named()
            .into_iter()
            .flatten()
            .all(|transport| pairs.meets(Self::among(&Role::ALL, &[Some(*transport)])));
        every_role && every_transport
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_written_as_one_list_where_that_says_no_more() {
        let pairs = |role: &str, over: &[&str]| {
            let over: Vec<_> = over.iter().map(|word| Transport::parse(word)).collect();
            Pairs::among(&[Role::parse(role).unwrap()], &over)
        };
        let written = |pairs: Pairs| {
            let lists = pairs.rectangles().into_iter();
            let lists = lists.map(|(roles, over)| [roles.to_strings(), over.to_strings()].concat());
            lists.map(|words| words.join(" ")).collect::<Vec<_>>()
        };
        let publish = |over: &[&str]| pairs("red5-publisher", over);
        let watch = |over: &[&str]| pairs("red5-subscriber", over);
        assert_eq!(written(Pairs::default()), [""; 0]);
        assert_eq!(
            written(publish(&["WHIP"]).with(watch(&["WHEP"]))),
            ["red5-publisher red5-subscriber WHEP WHIP"]
        );
        assert_eq!(
            written(publish(&["RTMP"]).with(watch(&["RTSP"]))),
            ["red5-publisher RTMP", "red5-subscriber RTSP"]
        );
        assert_eq!(
            written(publish(&["RTSP", "other"]).with(watch(&["RTSP", "other"]))),
            ["red5-publisher red5-subscriber *"]
        );
        assert_eq!(
            written(publish(&["other"]).with(watch(&["RTSP"]))),
            ["red5-publisher *", "red5-subscriber RTSP"]
        );
    }

    #[test]
    fn each_possible_pair_has_a_bit_of_its_own_and_the_others_have_none() {
        let mut seen = Pairs::default();
        for role in Role::ALL {
            for transport in EVERY_TRANSPORT {
                let pair = Pairs::among(&[role], &[transport]);
                assert_eq!(pair != Pairs::default(), is_possible(role, transport));
                assert!(!seen.meets(pair), "{role} {transport:?}");
                seen = seen.with(pair);
            }
        }
        assert_eq!(seen.0.count_ones(), 8);
        assert_eq!(seen, Pairs::among(&Role::ALL, &EVERY_TRANSPORT));
    }
}
