//! Sets of (role, transport) pairs, as bits.
//!
//! Two roles and five transports (the four, and another one) make ten pairs.
//! A room's *coverage* is the set of pairs that some single grant gives in it;
//! a list of roles × a list of transports is sound in a room exactly when its
//! possible pairs are all in that coverage.

use crate::domain::grant::{EVERY_TRANSPORT, Grant, is_possible, members};
use crate::domain::names::{Role, Transport};
use crate::domain::set::{AnyOr, NonEmpty};

/// Some of the ten pairs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Pairs(u16);

impl Pairs {
    /// The possible pairs of roles × transports.
    pub(super) fn of(roles: &NonEmpty<Role>, transports: &AnyOr<Transport>) -> Self {
        let mut pairs = Self::default();
        for role in roles {
            for transport in members(transports) {
                if is_possible(*role, transport) {
                    pairs = pairs.with(Self::one(*role, transport));
                }
            }
        }
        pairs
    }

    /// The possible pairs of a grant.
    pub(super) fn of_grant(grant: &Grant) -> Self {
        Self::of(&grant.roles, &grant.transports)
    }

    fn one(role: Role, transport: Option<Transport>) -> Self {
        let place = EVERY_TRANSPORT
            .iter()
            .position(|other| *other == transport)
            .unwrap_or_default();
        Self(1 << (place * 2 + usize::from(role == Role::Subscriber)))
    }

    pub(super) fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(super) fn includes(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// Whether each role and each transport takes part in one of the possible
    /// pairs: otherwise a list would promise what can never be done.
    pub(super) fn use_all(roles: &NonEmpty<Role>, transports: &AnyOr<Transport>) -> bool {
        let pairs = Self::of(roles, transports);
        let every_role = roles
            .iter()
            .all(|role| pairs.meets(Self::of(&NonEmpty::one(*role), &AnyOr::Any)));
        // *Any* names no transport, so none of it can be idle.
        let every_transport = transports.named().into_iter().flatten().all(|transport| {
            Role::ALL
                .into_iter()
                .any(|role| pairs.meets(Self::one(role, Some(*transport))))
        });
        every_role && every_transport
    }
}
