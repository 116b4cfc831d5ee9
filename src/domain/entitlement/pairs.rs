//! Sets of (role, transport) pairs, as bits.
//!
//! Two roles and five transports (the four, and another one) make ten pairs,
//! of which eight are possible. A room's *coverage* is the set of possible
//! pairs that some single grant gives in it; a list of roles × a list of
//! transports is sound in a room exactly when its possible pairs are all in
//! that coverage.

use crate::domain::grant::{EVERY_TRANSPORT, Grant, is_possible, members};
use crate::domain::names::{Role, Transport};
use crate::domain::set::{AnyOr, NonEmpty};

/// Some of the possible pairs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
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

    pub(super) fn includes(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    pub(super) fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
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
