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

    /// The same as lists of roles and transports whose possible pairs are these and no others: one
    /// list where that is so, else one for each role. Another transport is written as *any*.
    pub(super) fn rectangles(self) -> Vec<(NonEmpty<Role>, AnyOr<Transport>)> {
        let of_role = |role: Role| {
            let mut transports = EVERY_TRANSPORT
                .into_iter()
                .filter(|transport| self.meets(Self::among(&[role], &[*transport])));
            let named: Option<Vec<Transport>> = transports.by_ref().collect();
            match named {
                None => Some(AnyOr::Any),
                Some(named) => NonEmpty::new(named).map(AnyOr::Only),
            }
        };
        let by_role: Vec<(Role, AnyOr<Transport>)> = Role::ALL
            .into_iter()
            .filter_map(|role| Some((role, of_role(role)?)))
            .collect();
        let roles = NonEmpty::new(by_role.iter().map(|(role, _)| *role));
        let lists = by_role.iter().map(|(_, transports)| transports.named());
        let named: Option<Vec<&NonEmpty<Transport>>> = lists.collect();
        let together = match named {
            None => Some(AnyOr::Any),
            Some(lists) => NonEmpty::new(lists.into_iter().flatten().copied()).map(AnyOr::Only),
        };
        match roles.zip(together) {
            Some((roles, together)) if Self::of(&roles, &together) == self => {
                vec![(roles, together)]
            }
            _ => by_role
                .into_iter()
                .map(|(role, transports)| (NonEmpty::one(role), transports))
                .collect(),
        }
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
