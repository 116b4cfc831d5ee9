//! Lists that cannot be empty.
//!
//! Red5 reads an empty or missing list as "everything" (Red5: claims
//! specification). So "any" and "none" are different types here, and "none"
//! has no value at all: [`NonEmpty`] cannot be built from nothing.

use std::collections::BTreeSet;
use std::fmt::Display;

use serde::{Serialize, Serializer};

/// A sorted set with at least one member.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NonEmpty<T: Ord>(BTreeSet<T>);

impl<T: Ord> NonEmpty<T> {
    /// `None` when there is no member: the caller has to say what that means.
    pub fn new(members: impl IntoIterator<Item = T>) -> Option<Self> {
        let set: BTreeSet<T> = members.into_iter().collect();
        (!set.is_empty()).then_some(Self(set))
    }

    /// The set with this one member.
    pub fn one(member: T) -> Self {
        Self(BTreeSet::from([member]))
    }

    /// The members in ascending order.
    pub fn iter(&self) -> std::collections::btree_set::Iter<'_, T> {
        self.0.iter()
    }

    /// Whether `member` is one of them.
    pub fn contains(&self, member: &T) -> bool {
        self.0.contains(member)
    }

    /// How many there are; never 0, hence no `is_empty`.
    #[expect(clippy::len_without_is_empty, reason = "it is never empty")]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// The members that both sets have; `None` if there is none.
    pub fn common(&self, other: &Self) -> Option<Self>
    where
        T: Clone,
    {
        Self::new(self.0.intersection(&other.0).cloned())
    }

    /// The set of what `change` makes of each member.
    #[must_use]
    pub fn map<U: Ord>(self, change: impl FnMut(T) -> U) -> NonEmpty<U> {
        NonEmpty(self.0.into_iter().map(change).collect())
    }
}

impl<'a, T: Ord> IntoIterator for &'a NonEmpty<T> {
    type Item = &'a T;
    type IntoIter = std::collections::btree_set::Iter<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// *Any*, said on purpose, or a list that is not empty.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AnyOr<T: Ord> {
    /// No restriction; written `*`. In a token the claim is left out.
    Any,
    /// These and no others.
    Only(NonEmpty<T>),
}

impl<T: Ord> AnyOr<T> {
    /// Whether it is [`AnyOr::Any`].
    pub fn is_any(&self) -> bool {
        matches!(self, Self::Any)
    }

    /// Whether it has `member`; none is one that no list can name, which only *any* has.
    pub fn covers(&self, member: Option<&T>) -> bool {
        self.named()
            .is_none_or(|named| member.is_some_and(|member| named.contains(member)))
    }

    /// The named members, or `None` for *any*.
    pub fn named(&self) -> Option<&NonEmpty<T>> {
        match self {
            Self::Any => None,
            Self::Only(members) => Some(members),
        }
    }
}

impl<T: Ord + Display> AnyOr<T> {
    /// As it stands in JSON and in the database: `["*"]` or the members.
    pub fn to_strings(&self) -> Vec<String> {
        match self {
            Self::Any => vec!["*".to_owned()],
            Self::Only(members) => members.to_strings(),
        }
    }
}

impl<T: Ord + Display> NonEmpty<T> {
    /// The members, written out.
    pub fn to_strings(&self) -> Vec<String> {
        self.iter().map(ToString::to_string).collect()
    }
}

impl<T: Ord + Display> Serialize for AnyOr<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.to_strings().serialize(serializer)
    }
}

impl<T: Ord + Display> Serialize for NonEmpty<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.to_strings().serialize(serializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_sorted_without_duplicates_and_never_empty() {
        let set = NonEmpty::new(["b", "a", "b"]).unwrap();
        assert_eq!(set.iter().copied().collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(set.len(), 2);
        assert!(set.contains(&"a") && !set.contains(&"c"));
        assert_eq!(NonEmpty::<&str>::new([]), None);
        assert_eq!(NonEmpty::one("a"), NonEmpty::new(["a"]).unwrap());
        assert_eq!(set.map(str::len), NonEmpty::one(1));
    }

    #[test]
    fn any_is_a_star_and_not_a_list() {
        let named = AnyOr::Only(NonEmpty::new(["b", "a"]).unwrap());
        assert_eq!(named.to_strings(), ["a", "b"]);
        assert!(!named.is_any());
        assert_eq!(named.named().map(NonEmpty::len), Some(2));
        assert!(named.covers(Some(&"a")) && !named.covers(Some(&"c")) && !named.covers(None));
        assert!(AnyOr::Any.covers(Some(&"c")) && AnyOr::<&str>::Any.covers(None));
        assert_eq!(AnyOr::<&str>::Any.to_strings(), ["*"]);
        assert!(AnyOr::<&str>::Any.is_any());
        assert_eq!(AnyOr::<&str>::Any.named(), None);
    }
}
