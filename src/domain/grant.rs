//! One rectangle: roles × transports × rooms, each list read on its own.

use super::mapping::RoomPattern;
use super::names::{Role, RoomName, Transport};
use super::set::{AnyOr, NonEmpty};

/// What one mapping gives one person, its templates already filled in.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Grant {
    /// At least one; there is no "any role".
    pub roles: NonEmpty<Role>,
    /// *Any* covers protocols beyond the four as well.
    pub transports: AnyOr<Transport>,
    /// *Any* covers streams without a room as well.
    pub rooms: AnyOr<GrantRoom>,
}

/// A room of a grant.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum GrantRoom {
    /// This room.
    Exact(RoomName),
    /// Every room of this form; it serves when a room is named.
    Pattern(RoomPattern),
}

/// What a token carries: one rectangle that Red5 reads as the product of its lists.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Scope {
    /// Never empty: a token without `roles` lets everybody do everything.
    pub roles: NonEmpty<Role>,
    /// Left out of the token when *any*.
    pub transports: AnyOr<Transport>,
    /// Left out of the token when *any*.
    pub rooms: AnyOr<RoomName>,
}

/// What a request names; `None` is "not named".
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ask {
    /// Roles that the scope must have, all of them and no others.
    pub roles: Option<NonEmpty<Role>>,
    /// Transports likewise.
    pub transports: Option<AnyOr<Transport>>,
    /// Rooms likewise.
    pub rooms: Option<AnyOr<RoomName>>,
}
